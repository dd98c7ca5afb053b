"""The real servers of a story: PostgreSQL, HAProxy with rsyslog, instances of the application, psql sessions."""
import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import urllib.request

import clock

BASE = "/srv/larch"
DB_HOST, LB_HOST = "127.0.0.31", "127.0.0.41"
PG = "/usr/lib/postgresql/15/bin/"
JARS = ["HikariCP", "postgresql", "logback-classic", "logback-core", "slf4j-api", "jul-to-slf4j", "tomcat10-embed-core",
        "tomcat10-annotations-api"]


class Postgres:
    def __init__(self, logs, settings):
        self.data = BASE + "/postgresql"
        self.log = logs + "/postgresql.log"
        self.password = secrets.token_hex(12)
        self.settings = {"listen_addresses": DB_HOST, "port": 5432, "unix_socket_directories": BASE + "/run", "fsync": "off",
                         "log_line_prefix": "%m [%p] %q%u@%d ", "log_connections": "on", "log_disconnections": "on",
                         "log_timezone": "UTC", "timezone": "UTC", "shared_buffers": "64MB", **settings}

    def prepare(self, schema):
        """Creates the cluster and its data before the story begins."""
        shutil.rmtree(self.data, ignore_errors=True)
        os.makedirs(self.data)
        shutil.chown(self.data, "postgres", "postgres")
        self._run([PG + "initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "--locale=C.UTF-8"])
        with open(self.data + "/postgresql.auto.conf", "w") as conf:
            conf.writelines(f"{name} = '{value}'\n" for name, value in self.settings.items())
        with open(self.data + "/pg_hba.conf", "w") as hba:
            hba.write("local all postgres trust\nhost all all 127.0.0.0/8 scram-sha-256\n")
        server = self._start("/dev/null")
        roles = "".join(f"CREATE ROLE {r} LOGIN PASSWORD '{self.password}';" for r in ("shop", "monitor", "dba"))
        self.sql(roles + "GRANT pg_monitor TO monitor; ALTER ROLE dba SUPERUSER; CREATE DATABASE shop OWNER shop", "postgres", split=True)
        self.sql("SET client_min_messages = error; SET ROLE shop;\n" + open(schema).read())
        server.send_signal(signal.SIGINT)
        server.wait()

    def start(self):
        """The postmaster writes its "ready" line in a signal handler, where libfaketime shows the real date: the log begins after it."""
        self.process = self._start(self.log)
        os.truncate(self.log, 0)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()

    def sql(self, text, database="shop", split=False):
        for part in text.split(";") if split else [text]:
            if part.strip():
                subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-h", BASE + "/run", "-U", "postgres", database], input=part + ";",
                               text=True, check=True, env=clock.real_environment(), stdout=subprocess.DEVNULL)

    def client(self, role, application):
        return clock.real_environment(PGHOST=DB_HOST, PGUSER=role, PGPASSWORD=self.password, PGDATABASE="shop", PGAPPNAME=application)

    def _start(self, log):
        process = clock.spawn([PG + "postgres", "-D", self.data], log, user="postgres")
        for _ in range(200):
            if subprocess.run([PG + "pg_isready", "-q", "-U", "postgres", "-d", "postgres", "-h", BASE + "/run"], env=clock.real_environment()).returncode == 0:
                return process
            clock.time.sleep(0.05 * clock.RATE)
        raise SystemExit("PostgreSQL does not start; see " + log)

    def _run(self, command):
        process = clock.spawn(command, user="postgres")
        if process.wait():
            raise SystemExit(f"{command[0]} failed")


class Session:
    """A psql session that stays open until the end: a listener, a colleague at the prompt, an exporter."""

    def __init__(self, postgres, role, application):
        self.process = subprocess.Popen(["psql", "-qX"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        text=True, env=postgres.client(role, application))

    def run(self, sql):
        self.process.stdin.write(sql + ";\n")
        self.process.stdin.flush()

    def quit(self):
        self.process.stdin.close()
        self.process.wait()


class HaProxy:
    def __init__(self, logs, config, run):
        self.log, self.config, self.run = logs + "/haproxy.log", config, run

    def start(self):
        with open(self.run + "/rsyslog.conf", "w") as conf:
            conf.write(f'module(load="imudp")\ninput(type="imudp" address="{LB_HOST}" port="5514")\n'
                       "$FileCreateMode 0644\n"
                       f'if $programname == "haproxy" then action(type="omfile" file="{self.log}" template="RSYSLOG_TraditionalFileFormat")\n')
        self.syslog = subprocess.Popen(["rsyslogd", "-n", "-f", self.run + "/rsyslog.conf", "-i", self.run + "/rsyslog.pid"],
                                       env=clock.real_environment(TZ="UTC"))
        clock.time.sleep(0.5 * clock.RATE)
        self.process = clock.spawn(["haproxy", "-f", self.config], self.run + "/haproxy.out")

    def stop(self):
        self.process.send_signal(signal.SIGUSR1)
        try:
            self.process.wait(2 * clock.RATE)
        except subprocess.TimeoutExpired:
            self.process.terminate()
        clock.time.sleep(1 * clock.RATE)
        self.syslog.terminate()
        self.syslog.wait()


class Instance:
    """One instance of the application; restarted under the same name with whatever version is asked for."""

    def __init__(self, name, host, logs, private, database, options, single_log):
        self.name, self.host, self.options, self.database = name, host, options, database
        self.log = f"{logs}/{'app' if single_log else name}.log"
        self.journal = f"{private}/journal-{name}.jsonl"
        self.starts = []

    def start(self, version):
        work = f"{BASE}/work/{self.name}"
        os.makedirs(work, exist_ok=True)
        url = f"jdbc:postgresql://{DB_HOST}:5432/shop?localSocketAddress={self.host}"
        if self.options["shop.db.mode"] == "hikari":
            url += "&ApplicationName=shop-api&assumeMinServerVersion=12"
        properties = {"shop.version": version, "shop.http.host": self.host, "shop.work": work, "shop.db.url": url, **self.options}
        jars = ":".join([f"{BASE}/shop-api/{version}", *(f"/usr/share/java/{jar}.jar" for jar in JARS), "/usr/share/java/byte-buddy.jar"])
        self.process = clock.spawn(["java", "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
                                    f"-javaagent:{BASE}/journal-agent.jar={self.journal}",
                                    *(f"-D{k}={v}" for k, v in properties.items()), "-cp", jars, "net.larchshop.api.ShopApplication"],
                                   self.log, env={"SHOP_DB_PASSWORD": self.database.password})
        self.starts.append({"t": clock.now(), "version": version, "jvm": self.process.pid})

    async def until_ready(self):
        while not await asyncio.to_thread(self.ready):
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} does not start; see {self.log}")
            await asyncio.sleep(0.2 * clock.RATE)

    def ready(self):
        try:
            with urllib.request.urlopen(f"http://{self.host}:8080/healthz", timeout=60) as reply:
                return reply.status == 200
        except OSError:
            return False

    async def restart(self, version):
        await self.stop()
        self.start(version)
        await self.until_ready()

    async def stop(self):
        self.process.terminate()
        while self.process.poll() is None:
            await asyncio.sleep(0.05 * clock.RATE)
