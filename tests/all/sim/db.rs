//! The database's own logs: PostgreSQL with two prefixes and as csvlog, MySQL's error, general and slow logs.

use super::plan::{Db, STATEMENT, Scenario};
use super::world::{ENDPOINTS, World};

/// Statements shorter than this are not logged where only slow ones are, seconds.
const SLOW: f64 = 0.25;

impl World {
    /// A line of the server. `who` is the backend's place in its pool, none for the server's own processes.
    fn server(&mut self, t: f64, level: &str, who: Option<(usize, usize)>, text: &str) {
        let at = self.clock(t, false);
        let slot = who.map(|(inst, slot)| self.instances[inst].slots[slot].clone());
        let (pid, port) = slot.as_ref().map_or((91, 0), |s| (s.pid, s.port));
        let host = who.map_or(String::new(), |(inst, _)| format!("10.0.0.{}", 11 + inst));
        let known = who.is_some() && !text.starts_with("connection received");
        let stamp = at.format("%Y-%m-%d %H:%M:%S%.3f UTC");
        let session = slot.as_ref().map_or(self.plan.epoch, |s| self.plan.epoch + s.opened as i64);
        let (head, file) = match self.plan.db {
            Db::PgPlain if who.is_none() => (format!("{stamp} [{pid}] "), "postgresql.log"),
            Db::PgPlain => {
                let name = if known { "shop@shop" } else { "[unknown]@[unknown]" };
                (format!("{stamp} [{pid}] {name} "), "postgresql.log")
            }
            Db::PgLong => {
                let name = if known { "user=shop,db=shop,app=shop-api" } else { "user=[unknown],db=[unknown],app=[unknown]" };
                let name = if who.is_none() { "user=,db=,app=" } else { name };
                (format!("{stamp} [{pid}]: {name},client={host} "), "postgresql.log")
            }
            Db::PgCsv => {
                let quoted = text.replace('"', "\"\"");
                let (message, detail) = quoted.split_once("\nDETAIL:  ").unwrap_or((&quoted, ""));
                let (user, db) = if known { ("\"shop\"", "\"shop\"") } else { ("", "") };
                let from = if who.is_some() { format!("\"{host}:{port}\"") } else { String::new() };
                let detail = if detail.is_empty() { String::new() } else { format!("\"{detail}\"") };
                let state = if level == "FATAL" { "57P01" } else { "00000" };
                let line = format!(
                    "{stamp},{user},{db},{pid},{from},{session:x}.{pid:x},1,\"\",{},,0,{level},{state},\"{message}\",{detail},,,,,,,,\"shop-api\",\"client backend\",,0",
                    at.format("%Y-%m-%d %H:%M:%S UTC")
                );
                return self.put("postgresql.csv", t, line);
            }
            Db::Mysql => return,
        };
        let mut lines = text.lines();
        let mut out = format!("{head}{level}:  {}", lines.next().unwrap_or_default());
        for line in lines {
            out += &format!("\n{head}{line}");
        }
        self.put(file, t, out);
    }

    fn mysql(&mut self, t: f64, file: &str, text: &str) {
        let line = format!("{}{text}", self.clock(t, false).format("%Y-%m-%dT%H:%M:%S%.6fZ"));
        self.put(file, t, line);
    }

    pub(crate) fn boot_database(&mut self, t: f64) {
        if self.plan.db == Db::Mysql {
            let banner = "/usr/sbin/mysqld, Version: 8.0.36 (MySQL Community Server - GPL). started with:\nTcp port: 3306  Unix socket: /run/mysqld/mysqld.sock";
            if self.plan.every_statement {
                self.put("mysql-general.log", t, format!("{banner}\nTime                 Id Command    Argument"));
            }
            self.put("mysql-slow.log", t, format!("{banner}\nTime                 Id Command    Argument"));
        }
        self.log_db_up(t);
    }

    pub(crate) fn log_db_up(&mut self, t: f64) {
        if self.plan.db == Db::Mysql {
            self.mysql(
                t,
                "mysqld.err",
                " 0 [System] [MY-010116] [Server] /usr/sbin/mysqld (mysqld 8.0.36) starting as process 1688",
            );
            return self.mysql(t + 1.0, "mysqld.err", " 0 [System] [MY-010931] [Server] /usr/sbin/mysqld: ready for connections. Version: '8.0.36'  socket: '/run/mysqld/mysqld.sock'  port: 3306  MySQL Community Server - GPL.");
        }
        self.server(t, "LOG", None, "starting PostgreSQL 15.8 on x86_64-pc-linux-gnu, compiled by gcc 12.2.0, 64-bit");
        self.server(t + 0.1, "LOG", None, "database system is ready to accept connections");
    }

    pub(crate) fn log_db_down(&mut self, t: f64, orderly: bool) {
        if self.plan.db == Db::Mysql {
            if orderly {
                self.mysql(t, "mysqld.err", " 16 [System] [MY-013172] [Server] Received SHUTDOWN from user root. Shutting down mysqld (Version: 8.0.36).");
                self.mysql(t + 1.0, "mysqld.err", " 0 [System] [MY-010910] [Server] /usr/sbin/mysqld: Shutdown complete (mysqld 8.0.36)  MySQL Community Server - GPL.");
            } else {
                let line = format!("{} UTC - mysqld got signal 11 ;", self.clock(t, false).format("%H:%M:%S"));
                self.put("mysqld.err", t, line);
            }
            return;
        }
        if orderly {
            self.server(t, "LOG", None, "received fast shutdown request");
            self.server(t + 0.01, "LOG", None, "aborting any active transactions");
            self.server(t + 0.5, "LOG", None, "shutting down");
            self.server(t + 0.6, "LOG", None, "database system is shut down");
        } else {
            self.server(
                t,
                "LOG",
                None,
                "server process (PID 2201) was terminated by signal 9: Killed\nDETAIL:  Failed process was running: SELECT 1",
            );
            self.server(t + 0.01, "LOG", None, "terminating any other active server processes");
            self.server(t + 0.03, "LOG", None, "all server processes terminated; reinitializing");
            self.server(t + 0.1, "LOG", None, "database system was interrupted; last known up at 2025-01-01 00:00:00 UTC");
        }
    }

    pub(crate) fn log_db_open(&mut self, t: f64, inst: usize, slot: usize) {
        let (pid, port) = (self.instances[inst].slots[slot].pid, self.instances[inst].slots[slot].port);
        let host = format!("10.0.0.{}", 11 + inst);
        if self.plan.db == Db::Mysql {
            if self.plan.every_statement {
                self.mysql(t, "mysql-general.log", &format!("\t{pid:>5} Connect\tshop@{host} on shop using TCP/IP"));
            }
            return;
        }
        self.server(t, "LOG", Some((inst, slot)), &format!("connection received: host={host} port={port}"));
        self.server(
            t + 0.002,
            "LOG",
            Some((inst, slot)),
            "connection authorized: user=shop database=shop application_name=shop-api",
        );
    }

    pub(crate) fn log_db_close(&mut self, t: f64, inst: usize, slot: usize, ended: bool) {
        let s = self.instances[inst].slots[slot].clone();
        if self.plan.db == Db::Mysql {
            if self.plan.every_statement && !ended {
                self.mysql(t, "mysql-general.log", &format!("\t{:>5} Quit\t", s.pid));
            }
            return;
        }
        if ended {
            self.server(t, "FATAL", Some((inst, slot)), "terminating connection due to administrator command");
        }
        let life = (t - s.opened).max(0.0);
        let (hours, minutes, seconds) = ((life / 3600.0) as u32, (life / 60.0) as u32 % 60, life % 60.0);
        let text = format!(
            "disconnection: session time: {hours}:{minutes:02}:{seconds:06.3} user=shop database=shop host=10.0.0.{} port={}",
            11 + inst,
            s.port
        );
        self.server(t, "LOG", Some((inst, slot)), &text);
    }

    /// The statements of a request, logged when they end.
    pub(crate) fn log_statements(&mut self, end: f64, r: usize) {
        let request = &self.requests[r];
        let (inst, slot) = (request.inst, request.slot.expect("held"));
        let (execs, sql, locked, pid) =
            (request.execs.clone(), ENDPOINTS[request.ep].sql, request.locked, self.instances[inst].slots[slot].pid);
        let mut t = request.borrowed;
        for (index, exec) in execs.iter().enumerate() {
            let began = t;
            t = (t + exec).min(end);
            let sql = if index == 0 { sql } else { "SELECT value FROM settings WHERE key = $1" };
            if index == 0 && locked > 1.0 && self.plan.db != Db::Mysql {
                let text = format!(
                    "process {pid} still waiting for ShareLock on transaction 77{} after 1000.{:03} ms\nDETAIL:  Process holding the lock: 1999. Wait queue: {pid}.",
                    r % 100,
                    r % 1000
                );
                self.server(began + 1.0, "LOG", Some((inst, slot)), &text);
                let text =
                    format!("process {pid} acquired ShareLock on transaction 77{} after {:.3} ms", r % 100, locked * 1e3);
                self.server(began + locked, "LOG", Some((inst, slot)), &text);
            }
            if self.plan.db == Db::Mysql {
                if self.plan.every_statement {
                    self.mysql(began, "mysql-general.log", &format!("\t{pid:>5} Query\t{}", sql.replace("$1", "17")));
                }
                if *exec > SLOW {
                    let stamp = self.clock(t, false);
                    let text = format!(
                        "# Time: {}\n# User@Host: shop[shop] @  [10.0.0.{}]  Id: {pid:>5}\n# Query_time: {exec:.6}  Lock_time: {locked:.6} Rows_sent: 1  Rows_examined: {}\nSET timestamp={};\n{};",
                        stamp.format("%Y-%m-%dT%H:%M:%S%.6fZ"),
                        11 + inst,
                        (exec * 90_000.0) as u64,
                        stamp.timestamp(),
                        sql.replace("$1", "17")
                    );
                    self.put("mysql-slow.log", t, text);
                }
            } else if self.plan.every_statement || *exec > SLOW {
                let text = format!("duration: {:.3} ms  execute <unnamed>: {sql}", exec * 1e3);
                self.server(t, "LOG", Some((inst, slot)), &text);
            }
        }
        debug_assert!(STATEMENT.0 < SLOW);
    }

    pub(crate) fn log_disk_full_db(&mut self, t: f64, r: usize) {
        let who = (self.requests[r].inst, self.requests[r].slot.expect("held"));
        self.server(
            t,
            "ERROR",
            Some(who),
            "could not extend file \"base/16385/16412\": No space left on device\nHINT:  Check free disk space.",
        );
    }

    pub(crate) fn log_too_many_db(&mut self, t: f64, inst: usize) {
        if self.plan.db == Db::Mysql {
            return self.mysql(t, "mysqld.err", " 0 [Warning] [MY-010235] [Server] Too many connections");
        }
        let port = 20_000 + self.rng.below(40_000);
        let pid = 60_000 + self.rng.below(9_000);
        let at = self.clock(t, false);
        let stamp = at.format("%Y-%m-%d %H:%M:%S%.3f UTC");
        let host = format!("10.0.0.{}", 11 + inst);
        let (received, full) = (format!("connection received: host={host} port={port}"), "sorry, too many clients already");
        match self.plan.db {
            Db::PgCsv => {
                for (level, state, text) in [("LOG", "00000", received.as_str()), ("FATAL", "53300", full)] {
                    let line = format!(
                        "{stamp},,,{pid},\"{host}:{port}\",{:x}.{pid:x},1,\"\",{},,0,{level},{state},\"{text}\",,,,,,,,,\"\",\"client backend\",,0",
                        at.timestamp(),
                        at.format("%Y-%m-%d %H:%M:%S UTC")
                    );
                    self.put("postgresql.csv", t, line);
                }
            }
            _ => {
                let who = |name: &str| match self.plan.db {
                    Db::PgLong => format!("{stamp} [{pid}]: user={name},db={name},app=[unknown],client={host} "),
                    _ => format!("{stamp} [{pid}] {name}@{name} "),
                };
                let (first, second) =
                    (format!("{}LOG:  {received}", who("[unknown]")), format!("{}FATAL:  {full}", who("shop")));
                self.put("postgresql.log", t, first);
                self.put("postgresql.log", t + 0.001, second);
            }
        }
    }

    /// What remains when the logs end.
    pub(crate) fn finish(&mut self) {
        if self.plan.scenario == Scenario::Healthy || self.plan.scenario == Scenario::HealthyBusy {
            self.truth.seen = None;
        }
    }
}
