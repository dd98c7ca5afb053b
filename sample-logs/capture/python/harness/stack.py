"""The servers of the stories: where they live, how they are configured, started and stopped."""
import os
import shutil
import signal
import subprocess
import time

from .processes import answers, listening, spawn, stop, wait_for

HOME = "/srv/meridian"
RUN = "/run/meridian"
STATE = "/var/lib/meridian"
HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as sink:
        sink.write(text)


class Postgres:
    BIN = "/usr/lib/postgresql/15/bin"

    def __init__(self, log, port=5432, settings="", host="127.0.0.1"):
        self.log, self.port, self.settings, self.host = log, port, settings, host
        self.data = STATE + "/postgresql/15/main"
        self.process = None

    def prepare(self, database, schema, users):
        """A new cluster with the schema; users maps a name to a password."""
        shutil.rmtree(self.data, ignore_errors=True)
        os.makedirs(self.data)
        for folder in (STATE, STATE + "/postgresql", STATE + "/postgresql/15", self.data, RUN):
            shutil.chown(folder, "postgres", "postgres")
        os.chmod(self.data, 0o700)
        scratch = RUN + "/prepare.log"
        run = spawn([self.BIN + "/initdb", "-D", self.data, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-U", "postgres"],
                    scratch, user="postgres")
        if run.wait():
            raise SystemExit("initdb failed: see " + scratch)
        with open(self.data + "/postgresql.conf", "a") as conf:
            conf.write(f"listen_addresses = '{self.host}'\nport = {self.port}\nunix_socket_directories = '{RUN}'\n"
                       "timezone = 'UTC'\nlog_timezone = 'UTC'\nfsync = off\n"
                       "bgwriter_delay = 10s\nwal_writer_delay = 10s\nautovacuum_naptime = 30min\n" + self.settings)
        self.start(log=scratch)
        grants = "".join(f"create role {u} login password '{p}'; grant pg_read_all_data, pg_write_all_data to {u};\n"
                         for u, p in users.items())
        self.psql("postgres", f"create database {database}", scratch)
        self.psql(database, open(schema).read() + grants +
                  "grant all on all sequences in schema public to public; vacuum analyze;", scratch, whole=False)
        self.stop()
        with open(self.data + "/pg_hba.conf", "w") as hba:
            hba.write("local all all trust\nhost all all 127.0.0.0/8 scram-sha-256\n")

    def psql(self, database, text, scratch, whole=True):
        done = subprocess.run(["psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", RUN, "-p", str(self.port), "-U", "postgres", database],
                              input=text, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              env={"PATH": os.environ["PATH"], "TZ": "UTC"})
        if done.returncode:
            raise SystemExit(done.stderr)

    def settle(self):
        """Start and stop once under the story's clock, so that the cluster's own records hold story dates."""
        self.start(log=RUN + "/settle.log")
        self.stop()

    def start(self, log=None):
        self.process = spawn([self.BIN + "/postgres", "-D", self.data], log or self.log, user="postgres", cwd=self.data)
        wait_for(lambda: listening(self.host, self.port), "PostgreSQL")
        time.sleep(0.5)

    def stop(self):
        stop(self.process, signal.SIGINT)


class Mariadb:
    def __init__(self, log, port=3306, settings=""):
        self.log, self.port, self.settings = log, port, settings
        self.data = STATE + "/mysql"
        self.conf = HOME + "/etc/mariadb.cnf"
        self.process = None

    def prepare(self, database, schema, users):
        shutil.rmtree(self.data, ignore_errors=True)
        os.makedirs(self.data)
        for folder in (STATE, RUN):
            os.chmod(folder, 0o777)
        shutil.chown(self.data, "mysql", "mysql")
        scratch = RUN + "/prepare.log"
        write(self.conf, f"[mariadbd]\nuser=mysql\ndatadir={self.data}\nport={self.port}\nbind-address=127.0.0.1\n"
                         f"socket={RUN}/mariadbd.sock\npid-file={RUN}/mariadbd.pid\nskip-name-resolve\n"
                         f"innodb_flush_log_at_trx_commit=0\nlog_warnings=2\n{self.settings}")
        run = spawn(["mariadb-install-db", "--no-defaults", "--user=mysql", f"--datadir={self.data}",
                     "--auth-root-authentication-method=socket", "--skip-test-db"], scratch, host="db-1")
        if run.wait():
            raise SystemExit("mariadb-install-db failed: see " + scratch)
        self.start(log=scratch, extra=["--general-log=0", "--server-audit-logging=OFF", "--slow-query-log=0"])
        grants = "".join(f"create user '{u}'@'127.0.0.1' identified by '{p}'; grant all on {database}.* to '{u}'@'127.0.0.1';"
                         for u, p in users.items())
        done = subprocess.run(["mariadb", "--no-defaults", "-S", RUN + "/mariadbd.sock", "-u", "root"], text=True,
                              input=f"create database {database}; use {database};\n" + open(schema).read() + grants,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if done.returncode:
            raise SystemExit(done.stderr)
        self.stop()

    def settle(self):
        self.start(log=RUN + "/settle.log", extra=["--general-log=0", "--server-audit-logging=OFF", "--slow-query-log=0"])
        self.stop()

    def start(self, log=None, extra=()):
        self.process = spawn(["mariadbd", f"--defaults-file={self.conf}", *extra], log or self.log, host="db-1")
        wait_for(lambda: listening("127.0.0.1", self.port), "MariaDB")

    def stop(self):
        stop(self.process)


class Nginx:
    """nginx with one worker process in front of a group of upstream servers."""

    def __init__(self, logs, conf):
        self.logs = logs
        self.path = HOME + "/etc/nginx.conf"
        self.conf = conf
        self.process = None

    def prepare(self):
        for folder in ("ngx_body", "ngx_proxy", "ngx_cache"):
            shutil.rmtree(f"{RUN}/{folder}", ignore_errors=True)
            os.makedirs(f"{RUN}/{folder}")
        write(self.path, f"""worker_processes 1;
daemon off;
user root;
pid {RUN}/nginx.pid;
error_log {self.logs}/error.log warn;
events {{ worker_connections 1024; }}
http {{
  include /etc/nginx/mime.types;
  client_body_temp_path {RUN}/ngx_body;
  proxy_temp_path {RUN}/ngx_proxy;
  set_real_ip_from 127.0.0.0/8;
  real_ip_header X-Forwarded-For;
  server_tokens off;
{self.conf}
}}
""")
        write(HOME + "/static/app.css", "body{font-family:sans-serif}\n" * 60)
        write(HOME + "/static/app.js", "console.log('meridian');\n" * 120)

    def start(self):
        self.process = spawn(["nginx", "-c", self.path, "-e", self.logs + "/error.log"], RUN + "/nginx.out")
        time.sleep(10)

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        stop(self.process, signal.SIGQUIT, patience=120)


class Haproxy:
    """HAProxy, with its log taken from its own syslog socket line by line (harness/syslog.py)."""

    def __init__(self, log, conf):
        self.log, self.conf, self.path = log, conf, HOME + "/etc/haproxy.cfg"
        self.process = self.sink = None

    def prepare(self):
        write(self.path, self.conf)

    def start(self):
        self.sink = spawn(["python3", HERE + "/harness/syslog.py", "5514", self.log], RUN + "/syslog.out")
        time.sleep(10)
        self.process = spawn(["haproxy", "-db", "-f", self.path], RUN + "/haproxy.out")
        time.sleep(10)

    def stop(self):
        stop(self.process, signal.SIGUSR1, patience=120)
        stop(self.sink)


class Gunicorn:
    """One instance of a Python application: a master with its workers, and one log file."""

    def __init__(self, name, bind, log, target, journal, env, engine, threads=16, workers=1, health="/health"):
        self.name, self.bind, self.log, self.engine, self.health = name, bind, log, engine, health
        self.env = {"INSTANCE": name, "PYTHONDONTWRITEBYTECODE": "1", "TRUTH_JOURNAL": journal, "PYTHONUNBUFFERED": "1", **env}
        self.options = ["--worker-class", "gthread", "--workers", str(workers), "--threads", str(threads), "--timeout", "900",
                        "--graceful-timeout", "30", "--no-control-socket", "--bind", bind, target]
        self.process = None

    def start(self):
        write(f"{HOME}/etc/{self.name}.conf.py", f"""import sys
sys.path.append({HERE!r})
def post_worker_init(worker):
    import importlib
    from harness import tap
    package = {self.engine!r}
    tap.attach(worker.wsgi, importlib.import_module(package + ".db").engine,
               importlib.import_module(package + ".logconf").request_id.get)
""")
        self.process = spawn([HOME + "/venv/bin/gunicorn", "-c", f"{HOME}/etc/{self.name}.conf.py", "--chdir", HOME + "/current",
                              *self.options], self.log, env=self.env)
        host, port = self.bind.split(":")
        wait_for(lambda: answers(host, int(port), self.health), self.name)

    def stop(self):
        stop(self.process, signal.SIGTERM)


def release(app, version, overlay_of=None, apps=HERE + "/apps"):
    """Lay an application's version out as a deploy does: releases/VERSION, and the symlink current."""
    target = f"{HOME}/releases/{version}"
    shutil.rmtree(target, ignore_errors=True)
    for part in [overlay_of, version] if overlay_of else [version]:
        shutil.copytree(f"{apps}/{app}/v{part}", target, dirs_exist_ok=True)
    return target


def switch(version):
    link = HOME + "/current"
    if os.path.lexists(link):
        os.remove(link)
    os.symlink(f"{HOME}/releases/{version}", link)
