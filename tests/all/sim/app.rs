//! What the application logs: Spring with logback and HikariCP, Python with SQLAlchemy as text and as JSON lines, Node with
//! knex and pino.

use super::plan::{App, Damage, Db, Scenario};
use super::world::{ENDPOINTS, World};
use serde_json::json;

impl World {
    /// One record of an instance. `thread` and `id` are the request's; `logger` in the dialect's own words.
    fn app(&mut self, t: f64, inst: usize, r: Option<usize>, level: &str, logger: &str, text: &str) {
        let at = self.clock(t, true);
        let pid = self.instances[inst].pid;
        let thread = r.map_or(0, |r| self.requests[r].thread);
        let id = match r {
            Some(r) if self.plan.damage != Damage::NoIds => format!("{:016x}", self.requests[r].id),
            _ => String::new(),
        };
        let local = if self.plan.damage == Damage::Zones { at - chrono::Duration::hours(5) } else { at };
        let file = format!("app-{}.log", inst + 1);
        let (message, stack) = text.split_once('\n').unwrap_or((text, ""));
        let line = match self.plan.app {
            App::Hikari => {
                let name = if r.is_some() { format!("nio-8080-exec-{thread}") } else { "-1 housekeeper".to_owned() };
                let tail = if stack.is_empty() { String::new() } else { format!("\n{stack}") };
                let short = id.get(..12).unwrap_or_default();
                format!(
                    "{} {level:>5} {pid} --- [{name:>16}] [{short}] {logger:<40} : {message}{tail}",
                    local.format("%Y-%m-%d %H:%M:%S%.3f")
                )
            }
            App::Alchemy => {
                let name = if r.is_some() { format!("ThreadPoolExecutor-0_{thread}") } else { "MainThread".to_owned() };
                let tail = if stack.is_empty() { String::new() } else { format!("\n{stack}") };
                let rid = if id.is_empty() { String::new() } else { format!(" rid={id}") };
                let rid = if logger.starts_with("sqlalchemy") { String::new() } else { rid };
                format!("{} {level} {pid} [{name}] {logger}: {message}{rid}{tail}", local.format("%Y-%m-%d %H:%M:%S,%3f"))
            }
            App::AlchemyJson => {
                let name = if r.is_some() { format!("ThreadPoolExecutor-0_{thread}") } else { "MainThread".to_owned() };
                let mut value = json!({"timestamp": at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(), "level": level.to_lowercase(),
                    "logger": logger, "message": message, "pid": pid, "thread": name});
                if !id.is_empty() {
                    value["request_id"] = json!(id);
                }
                if !stack.is_empty() {
                    value["exception"] = json!(stack);
                }
                value.to_string()
            }
            App::Knex => {
                let number = match level {
                    "DEBUG" => 20,
                    "INFO" => 30,
                    "WARN" => 40,
                    _ => 50,
                };
                let mut value = json!({"level": number, "time": at.timestamp_millis(), "pid": pid, "hostname": format!("web-{}", inst + 1), "msg": message});
                if !id.is_empty() {
                    value["reqId"] = json!(id);
                }
                if !stack.is_empty() {
                    value["err"] = json!({"type": "Error", "message": message, "stack": stack});
                }
                value.to_string()
            }
        };
        self.put(&file, t, line);
    }

    fn pool_logger(&self) -> &'static str {
        match self.plan.app {
            App::Hikari => "com.zaxxer.hikari.pool.HikariPool",
            _ => "sqlalchemy.pool.impl.QueuePool",
        }
    }

    fn own(&self, class: &'static str) -> &'static str {
        match (self.plan.app, class) {
            (App::Hikari, "request") => "n.northwind.shop.web.RequestContextFilter",
            (App::Hikari, _) => "n.northwind.shop.web.ApiServlet",
            (_, "request") => "shop.request",
            _ => "shop",
        }
    }

    pub(crate) fn log_boot(&mut self, t: f64, inst: usize, version: &str) {
        let (pid, text) = (self.instances[inst].pid, version);
        match self.plan.app {
            App::Hikari => {
                self.app(
                    t,
                    inst,
                    None,
                    "INFO",
                    "net.northwind.shop.ShopApplication",
                    &format!("Starting ShopApplication v{text} using Java 17.0.15 with PID {pid} (profile prod)"),
                );
                self.app(t + 0.2, inst, None, "INFO", "com.zaxxer.hikari.HikariDataSource", "HikariPool-1 - Starting...");
                self.app(
                    t + 0.9,
                    inst,
                    None,
                    "INFO",
                    "net.northwind.shop.ShopApplication",
                    "Started ShopApplication in 0.9 seconds",
                );
            }
            App::Knex => {
                self.app(t, inst, None, "INFO", "", &format!("Server listening on http://0.0.0.0:3000, shop-api {text}"));
            }
            _ => self.app(t, inst, None, "INFO", "shop", &format!("Started server process [{pid}], shop-api {text}")),
        }
    }

    pub(crate) fn log_stop(&mut self, t: f64, inst: usize) {
        let pid = self.instances[inst].pid;
        match self.plan.app {
            App::Hikari => {
                self.app(t, inst, None, "INFO", "com.zaxxer.hikari.HikariDataSource", "HikariPool-1 - Shutdown initiated...");
            }
            App::Knex => self.app(t, inst, None, "INFO", "", "SIGTERM received, closing"),
            _ => self.app(t, inst, None, "INFO", "shop", &format!("Finished server process [{pid}]")),
        }
    }

    pub(crate) fn log_start(&mut self, t: f64, r: usize) {
        if matches!(self.plan.app, App::Alchemy | App::AlchemyJson) {
            let request = &self.requests[r];
            let (inst, client) = (request.inst, self.clients[request.client].address.clone());
            let text = format!("--> {} {} client={client}", ENDPOINTS[request.ep].method, self.path(r));
            self.app(t, inst, Some(r), "INFO", self.own("request"), &text);
        }
    }

    pub(crate) fn log_end(&mut self, t: f64, r: usize, status: u16) {
        let request = &self.requests[r];
        let (inst, method, path) = (request.inst, ENDPOINTS[request.ep].method, self.path(r));
        let millis = ((t - request.began) * 1e3).round() as u64;
        let client = self.clients[request.client].address.clone();
        match self.plan.app {
            App::Knex => {
                let at = self.clock(t, true).timestamp_millis();
                let pid = self.instances[inst].pid;
                let mut value = json!({"level": 30, "time": at, "pid": pid, "hostname": format!("web-{}", inst + 1),
                    "req": {"method": method, "url": path, "remoteAddress": client}, "res": {"statusCode": status},
                    "responseTime": millis, "msg": "request completed"});
                if self.plan.damage != Damage::NoIds {
                    value["reqId"] = json!(format!("{:016x}", self.requests[r].id));
                }
                self.put(&format!("app-{}.log", inst + 1), t, value.to_string());
            }
            App::Hikari => {
                let text = format!("{method} {path} -> {status} in {millis} ms client={client}");
                self.app(t, inst, Some(r), "INFO", self.own("request"), &text);
            }
            _ => {
                let text = format!("<-- {status} {method} {path} {millis}ms");
                self.app(t, inst, Some(r), "INFO", self.own("request"), &text);
            }
        }
    }

    fn python_connection(&self, inst: usize, slot: usize) -> String {
        format!(
            "<connection object at {}; dsn: 'user=shop password=xxx dbname=shop host=10.0.0.9 port=5432 application_name=shop-api', closed: 0>",
            self.connection_name(inst, slot)
        )
    }

    fn pool_line(&mut self, t: f64, r: usize, python: &str, knex: &str) {
        let (inst, Some(slot)) = (self.requests[r].inst, self.requests[r].slot) else { return };
        match self.plan.app {
            App::Hikari => {}
            App::Knex => {
                let text = format!("{knex} {}", self.connection_name(inst, slot));
                self.app(t, inst, Some(r), "DEBUG", "", &text);
            }
            _ => {
                let text = format!("Connection {} {python}", self.python_connection(inst, slot));
                self.app(t, inst, Some(r), "DEBUG", self.pool_logger(), &text);
            }
        }
    }

    pub(crate) fn log_borrow(&mut self, t: f64, r: usize) {
        self.pool_line(t, r, "checked out from pool", "acquired connection from pool:");
    }

    pub(crate) fn log_return(&mut self, t: f64, r: usize) {
        self.pool_line(t, r, "being returned to pool", "releasing connection to pool:");
        if self.requests[r].reported && self.plan.app == App::Hikari {
            let (inst, slot, thread) = (self.requests[r].inst, self.requests[r].slot.expect("held"), self.requests[r].thread);
            let text = format!(
                "Previously reported leaked connection {} on thread http-nio-8080-exec-{thread} was returned to the pool (unleaked)",
                self.connection_name(inst, slot)
            );
            self.app(t, inst, Some(r), "INFO", "com.zaxxer.hikari.pool.ProxyLeakTask", &text);
        }
    }

    pub(crate) fn log_leak_report(&mut self, t: f64, r: usize) {
        if self.plan.app != App::Hikari {
            return;
        }
        let (inst, slot, thread) = (self.requests[r].inst, self.requests[r].slot.expect("held"), self.requests[r].thread);
        let (class, method, line) = ENDPOINTS[self.requests[r].ep].site;
        let service = class.replace("Dao", "Service");
        let text = format!(
            "Connection leak detection triggered for {} on thread http-nio-8080-exec-{thread}, stack trace follows\njava.lang.Exception: Apparent connection leak detected\n\tat com.zaxxer.hikari.HikariDataSource.getConnection(HikariDataSource.java:128)\n\tat net.northwind.shop.dao.{class}.{method}({class}.java:{line})\n\tat net.northwind.shop.service.{service}.run({service}.java:{})\n\tat net.northwind.shop.web.ApiServlet.service(ApiServlet.java:77)\n\tat jakarta.servlet.http.HttpServlet.service(HttpServlet.java:658)",
            self.connection_name(inst, slot),
            line + 11
        );
        self.app(t, inst, None, "WARN", "com.zaxxer.hikari.pool.ProxyLeakTask", &text);
    }

    pub(crate) fn log_collected(&mut self, t: f64, inst: usize, slot: usize) {
        let text = format!(
            "The garbage collector is trying to clean up non-checked-in connection {}, which will be terminated.  Please ensure that SQLAlchemy pooled connections are returned to the pool explicitly, either by calling ``close()`` or by using appropriate context managers to manage their lifecycle.",
            self.python_connection(inst, slot)
        );
        self.app(t, inst, None, "ERROR", self.pool_logger(), &text);
    }

    pub(crate) fn log_stats(&mut self, t: f64, inst: usize, total: usize, idle: usize, waiting: usize) {
        if self.plan.app == App::Hikari && self.plan.pool > 0 {
            let text =
                format!("HikariPool-1 - Pool stats (total={total}, active={}, idle={idle}, waiting={waiting})", total - idle);
            self.app(t, inst, None, "DEBUG", self.pool_logger(), &text);
        }
    }

    fn fails(&mut self, t: f64, r: usize, java: &str, python: &str, node: &str) {
        let (inst, method, path) = (self.requests[r].inst, ENDPOINTS[self.requests[r].ep].method, self.path(r));
        let (class, call, line) = ENDPOINTS[self.requests[r].ep].site;
        match self.plan.app {
            App::Hikari => {
                let text = format!(
                    "{method} {path} failed\n{java}\n\tat net.northwind.shop.dao.{class}.{call}({class}.java:{line})\n\tat net.northwind.shop.web.ApiServlet.service(ApiServlet.java:77)"
                );
                self.app(t, inst, Some(r), "ERROR", self.own("servlet"), &text);
            }
            App::Knex => {
                let text = format!(
                    "{node}\n{node}\n    at {call} (/app/src/{class}.js:{line}:11)\n    at async /app/src/routes.js:8:7"
                );
                self.app(t, inst, Some(r), "ERROR", "", &text);
            }
            _ => {
                let text = format!(
                    "Exception on {path} [{method}]\nTraceback (most recent call last):\n  File \"/srv/app/shop/{}.py\", line {line}, in {call}\n    connection = engine.connect()\n{python}",
                    class.to_lowercase()
                );
                self.app(t, inst, Some(r), "ERROR", self.own("servlet"), &text);
            }
        }
    }

    pub(crate) fn log_timeout(&mut self, t: f64, r: usize) {
        let inst = self.requests[r].inst;
        let (millis, size) = ((self.plan.acquire_timeout * 1e3) as u64, self.instances[inst].slots.len());
        self.fails(
            t,
            r,
            &format!("java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed out after {millis}ms."),
            &format!("sqlalchemy.exc.TimeoutError: QueuePool limit of size {size} overflow 0 reached, connection timed out, timeout {:.2} (Background on this error at: https://sqlalche.me/e/20/3o7r)", self.plan.acquire_timeout),
            "KnexTimeoutError: Knex: Timeout acquiring a connection. The pool is probably full. Are you missing a .transacting(trx) call?",
        );
    }

    pub(crate) fn log_connect_failed(&mut self, t: f64, r: usize) {
        let mysql = self.plan.db == Db::Mysql;
        let timed = self.plan.scenario == Scenario::DbUnreachable;
        let (java, python, node) = match (mysql, timed) {
            (true, _) => (
                "com.mysql.cj.jdbc.exceptions.CommunicationsException: Communications link failure",
                if timed {
                    "sqlalchemy.exc.OperationalError: (pymysql.err.OperationalError) (2003, \"Can't connect to MySQL server on 'db-1' (timed out)\")"
                } else {
                    "sqlalchemy.exc.OperationalError: (pymysql.err.OperationalError) (2003, \"Can't connect to MySQL server on 'db-1' ([Errno 111] Connection refused)\")"
                },
                if timed { "Error: connect ETIMEDOUT 10.0.0.9:3306" } else { "Error: connect ECONNREFUSED 10.0.0.9:3306" },
            ),
            (false, true) => (
                "org.postgresql.util.PSQLException: The connection attempt failed.\nCaused by: java.net.SocketTimeoutException: Connect timed out",
                "sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) connection to server at \"db-1\" (10.0.0.9), port 5432 failed: Connection timed out",
                "Error: connect ETIMEDOUT 10.0.0.9:5432",
            ),
            (false, false) => (
                "org.postgresql.util.PSQLException: Connection to db-1:5432 refused. Check that the hostname and port are correct and that the postmaster is accepting TCP/IP connections.",
                "sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) connection to server at \"db-1\" (10.0.0.9), port 5432 failed: Connection refused",
                "Error: connect ECONNREFUSED 10.0.0.9:5432",
            ),
        };
        self.fails(t, r, java, python, node);
    }

    pub(crate) fn log_too_many(&mut self, t: f64, r: usize) {
        let inst = self.requests[r].inst;
        self.log_too_many_db(t, inst);
        if self.plan.db == Db::Mysql {
            let python = "sqlalchemy.exc.OperationalError: (pymysql.err.OperationalError) (1040, 'Too many connections')";
            return self.fails(
                t,
                r,
                "java.sql.SQLNonTransientConnectionException: Too many connections",
                python,
                "Error: ER_CON_COUNT_ERROR: Too many connections",
            );
        }
        let python = "sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) connection to server at \"db-1\" (10.0.0.9), port 5432 failed: FATAL:  sorry, too many clients already";
        self.fails(
            t,
            r,
            "org.postgresql.util.PSQLException: FATAL: sorry, too many clients already",
            python,
            "error: sorry, too many clients already",
        );
    }

    pub(crate) fn log_disk_full(&mut self, t: f64, r: usize) {
        self.log_disk_full_db(t, r);
        let python = "sqlalchemy.exc.OperationalError: (psycopg2.errors.DiskFull) could not extend file \"base/16385/16412\": No space left on device";
        self.fails(
            t,
            r,
            "org.postgresql.util.PSQLException: ERROR: could not extend file \"base/16385/16412\": No space left on device",
            python,
            "error: could not extend file \"base/16385/16412\": No space left on device",
        );
    }

    pub(crate) fn log_exhausted(&mut self, t: f64, r: usize) {
        if self.plan.scenario == Scenario::AppMemory {
            self.fails(
                t,
                r,
                "java.lang.OutOfMemoryError: Java heap space",
                "MemoryError",
                "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
            );
        } else {
            self.fails(
                t,
                r,
                "java.io.IOException: Too many open files",
                "OSError: [Errno 24] Too many open files: '/srv/app/templates/page.html'",
                "Error: EMFILE: too many open files, open '/app/views/page.html'",
            );
        }
    }

    pub(crate) fn log_unrelated(&mut self, t: f64, r: usize) {
        self.fails(
            t,
            r,
            "java.lang.NullPointerException: price",
            "KeyError: 'price'",
            "TypeError: Cannot read properties of undefined (reading 'price')",
        );
    }

    pub(crate) fn log_branch(&mut self, t: f64, r: usize) {
        let inst = self.requests[r].inst;
        let text = format!("{} {} rejected with 422: voucher has expired", ENDPOINTS[self.requests[r].ep].method, self.path(r));
        self.app(t, inst, Some(r), "WARN", self.own("servlet"), &text);
    }

    pub(crate) fn log_cache(&mut self, t: f64, r: usize, hit: bool, failing: bool) {
        let (inst, key) = (self.requests[r].inst, self.requests[r].param);
        let text = match (failing, hit) {
            (true, _) => match self.plan.app {
                App::Hikari => {
                    "cache: io.lettuce.core.RedisConnectionException: Unable to connect to 10.0.0.7:6379: Connection refused"
                        .to_owned()
                }
                App::Knex => "cache: Error: connect ECONNREFUSED 10.0.0.7:6379".to_owned(),
                _ => "cache: redis.exceptions.ConnectionError: Error 111 connecting to 10.0.0.7:6379. Connection refused."
                    .to_owned(),
            },
            (false, true) => format!("cache hit key=product:{key}"),
            (false, false) => format!("cache miss key=product:{key}"),
        };
        let level = if failing { "WARN" } else { "DEBUG" };
        self.app(t, inst, Some(r), level, self.own("cache"), &text);
    }
}
