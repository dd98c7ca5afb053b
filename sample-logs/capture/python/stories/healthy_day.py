"""healthy-day: nothing wrong. A traffic bump, two deploys, a known bug, a long nightly session, idle pools at the end."""
import asyncio
import random
import time

from harness import alerts, load, truth
from harness.clock import epoch, until
from harness.processes import spawn as spawn_process
from harness.stack import HERE, HOME, Gunicorn, Mariadb, Nginx, release, switch

BEGIN, RATE = "2023-09-18 23:50", 100
OPEN, CLOSE = "2023-09-19 00:00", "2023-09-20 00:00"
SITE = "help.lantern.example"
APPS = {"desk-1": "127.0.1.21:8000", "desk-2": "127.0.1.22:8000"}
VISITS = [0.10, 0.08, 0.06, 0.06, 0.10, 0.2, 0.5, 0.9, 1.2, 1.3, 1.3, 1.2, 1.0, 1.2, 1.3, 1.25, 1.1, 0.9, 0.6, 0.45, 0.4, 0.3, 0.2, 0.15]
VISITS_PER_HOUR = 75
USER, PASSWORD = "helpdesk", "copper-3-finch"

NGINX = f"""  access_log /srv/meridian/log/access.log combined;
  upstream helpdesk {{ server 127.0.1.21:8000; server 127.0.1.22:8000; }}
  server {{
    listen 127.0.0.1:8080;
    server_name {SITE};
    proxy_set_header X-Request-ID $request_id;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header Host $host;
    location / {{ proxy_pass http://helpdesk; }}
  }}"""

MARIADB = """plugin-load-add=server_audit
server_audit_logging=ON
server_audit_events=CONNECT
server_audit_file_path=/srv/meridian/log/server_audit.log
slow_query_log=1
slow_query_log_file=/srv/meridian/log/slow.log
long_query_time=5
"""


def servers(ctx):
    url = f"mysql+pymysql://{USER}:{PASSWORD}@127.0.0.1:3306/lantern"
    apps = [Gunicorn(name, bind, f"{ctx.logs}/app.log", "helpdesk:create_app()", f"{ctx.work}/tap-{name}.jsonl",
                     {"DATABASE_URL": url}, "helpdesk", threads=8, health="/healthz") for name, bind in APPS.items()]
    return Mariadb(f"{ctx.logs}/mariadb.err", settings=MARIADB), Nginx(ctx.logs, NGINX), apps


def prepare(ctx):
    db, nginx, _ = servers(ctx)
    db.prepare("lantern", f"{HERE}/apps/helpdesk/schema.sql",
               {USER: PASSWORD, "exporter": "plain-2-oat", "nightly": "amber-4-dune", "ops": "quiet-9-larch"})
    nginx.prepare()
    release("helpdesk", "4.8.0")
    release("helpdesk", "4.8.1", overlay_of="4.8.0")
    switch("4.8.0")


def client(ctx, what, user, password, database="lantern"):
    return spawn_process([HOME + "/venv/bin/python", HERE + "/harness/dbclients.py", what, user, password, what, database],
                         ctx.work + "/tools.log")


def work(rng, count):
    """An agent's or a customer's visit to the helpdesk."""
    steps = [(0, "GET", "/tickets", None)]
    for _ in range(count):
        pick, think, ticket = rng.random(), rng.uniform(10, 90), rng.randrange(1, 4001)
        if pick < 0.50:
            steps.append((think, "GET", f"/tickets/{ticket}", None))
        elif pick < 0.62:
            steps.append((think, "GET", f"/tickets?state={rng.choice(['open', 'waiting', 'closed'])}&page={rng.randrange(1, 9)}", None))
        elif pick < 0.76:
            steps.append((think, "POST", f"/tickets/{ticket}/comments", {"body": f"note {rng.randrange(10 ** 6)}"}))
        elif pick < 0.82:
            steps.append((think, "POST", "/tickets", {"customer": rng.randrange(1, 901), "subject": f"case {rng.randrange(10 ** 6)}"}))
        elif pick < 0.92:
            steps.append((think, "GET", f"/customers/{rng.randrange(1, 905)}", None))
        elif pick < 0.98:
            steps.append((think, "GET", f"/attachments/{rng.randrange(1, 1501)}", None))
        else:
            steps.append((think, "GET", "/reports/weekly", None))
    return steps


async def run(ctx):
    rng = random.Random(20230919)
    db, nginx, apps = servers(ctx)
    db.settle()
    db.start()
    for app in apps:
        app.start()
    nginx.start()
    driver = load.Driver("127.0.0.1", 8080, SITE, f"{ctx.work}/driver.jsonl")
    notices = alerts.Alerts(f"{ctx.logs}/alerts.jsonl", "helpdesk", "lantern-1", site="lantern.example")
    end = epoch(CLOSE)
    tools, jobs = [], []
    spawn = lambda c: jobs.append(asyncio.create_task(c))

    def rate(t):
        bump = 2.4 if epoch("2023-09-19 11:00") <= t < epoch("2023-09-19 11:40") else 1.0  # the newsletter goes out
        return VISITS_PER_HOUR * VISITS[int(t // 3600) % 24] * bump

    staff = load.addresses(240, rng, ipv6=0.1)
    for begin in load.arrivals(epoch(OPEN), end - 900, rate, rng):
        spawn(driver.visit(begin, rng.choice(staff), work(rng, rng.randrange(2, 13)), random.Random(rng.random())))
    spawn(driver.every(60, end, "10.30.0.4", "GET", "/healthz", agent="kube-probe/1.26"))
    spawn(notices.watch(driver, end, [("HighErrorRate", "page", 600, 300, alerts.error_ratio(0.05)),
                                      ("HighLatencyP95", "warning", 600, 300, alerts.latency_p95(10))]))
    spawn(notices.noise("2023-09-19 04:20", "2023-09-19 05:02", "CertificateExpiresSoon", "info", "mx.lantern.example: 20 days left",
                        {"service": "mail"}))

    async def exporter():
        while time.time() < end:
            await asyncio.to_thread(client(ctx, "scrape", "exporter", "plain-2-oat", "lantern").wait)
            await asyncio.sleep(900)

    async def impatient():
        for when in ("08:41", "11:12", "11:31", "15:20", "16:06"):
            await until("2023-09-19 " + when)
            await driver.send(rng.choice(staff), "GET", "/reports/weekly", agent=load.AGENTS[3], patience=0.9)

    async def nightly():
        await until("2023-09-19 02:15")
        await asyncio.to_thread(client(ctx, "nightly", "nightly", "amber-4-dune").wait)

    async def engineer():
        await until("2023-09-19 13:37")
        tools.append(client(ctx, "console", "ops", "quiet-9-larch"))

    async def team():
        deployed = truth.Deploys(ctx)
        await until("2023-09-19 10:12")
        deployed.add("helpdesk", "4.8.1", "b7d1c90")
        switch("4.8.1")
        for app in apps:
            await asyncio.to_thread(app.stop)
            await asyncio.to_thread(app.start)
            await asyncio.sleep(30)
        await until("2023-09-19 15:40")
        deployed.add("mail-gateway", "2.2.0", "19e4fa7")

    for job in (exporter(), impatient(), nightly(), engineer(), team()):
        spawn(job)
    await asyncio.gather(*jobs)
    await until(end)
    truth.freeze(ctx)
    for tool in tools:
        tool.kill()
    nginx.stop()
    for app in apps:
        app.stop()
    db.stop()


def finish(ctx):
    truth.write_truth(
        ctx, stack="nginx > 2 x gunicorn gthread (Flask, SQLAlchemy QueuePool at DEBUG, PyMySQL) > MariaDB 10.11", cause="none",
        sites={}, source="", known_bug=r"^/attachments/",
        more_counts=truth.audit_counts(ctx), access=("access.log", truth.nginx_line),
        zones={"access.log": "UTC", "error.log": "UTC", "app.log": "UTC", "mariadb.err": "UTC", "server_audit.log": "UTC", "slow.log": "UTC"},
        red_herrings=[
            {"what": "idle pool connections and an engineer's console are open when the logs end", "where": "server_audit.log"},
            {"what": "the pool recycles connections older than an hour: closes and opens all day", "where": "app.log, server_audit.log"},
            {"what": "known bug: GET /attachments/{id} fails with 500 (AttributeError) for attachments without a type", "where": "app.log, access.log"},
            {"what": "the nightly job keeps one connection for three quarters of an hour and writes slow queries", "where": "slow.log, server_audit.log"},
            {"what": "traffic is 2.4 times higher from 11:00 to 11:40", "where": "access.log"},
            {"what": "a few visitors hang up early (499)", "where": "access.log"},
            {"what": "single stalls of a busy host, each over within a minute or two; two of them raise HighLatencyP95 for some minutes; "
                     "no borrow waits for the pool and nothing fails", "where": "alerts.jsonl, access.log, app.log"},
            {"what": "a port probe without a login: FAILED_CONNECT and DISCONNECT without a CONNECT", "where": "server_audit.log, mariadb.err"},
            {"what": "two deploys, one of the service itself, instance after instance", "where": "deploys.log, app.log, access.log"},
            {"what": "a certificate alert that has nothing to do with the service", "where": "alerts.jsonl"},
        ],
        title="A healthy day of the helpdesk, September 2023", ruled_out=[])
