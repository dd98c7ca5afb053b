"""2023-05-10-shop-leak: a branch of the voucher step keeps its pool connection; two instances drain slowly."""
import asyncio
import random
import subprocess
import time

from harness import alerts, journeys, load, truth
from harness.clock import epoch, until
from harness.processes import spawn as spawn_process
from harness.stack import HOME, HERE, RUN, Gunicorn, Nginx, Postgres, release, switch

BEGIN, RATE = "2023-05-10 07:20", 60
OPEN, CLOSE = "2023-05-10 07:30", "2023-05-11 03:20"
SITE = "shop.meridian.example"
WEB = {"web-1": "127.0.1.11:8000", "web-2": "127.0.1.12:8000"}
VISITS = [0.30, 0.22, 0.18, 0.16, 0.16, 0.22, 0.40, 0.65, 0.85, 1.0, 1.05, 1.05,
          1.1, 1.05, 1.0, 1.0, 1.0, 1.05, 1.15, 1.2, 1.1, 0.9, 0.7, 0.45]  # by hour of the day
VISITS_PER_HOUR = 84
EXPIRED_PER_HOUR = 11.5  # visitors who try last week's voucher, at a factor of 1.0

LOG_FORMAT = """  log_format shop '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" '
                  '"$http_user_agent" rt=$request_time uct="$upstream_connect_time" urt="$upstream_response_time" '
                  'ua="$upstream_addr" cache=$upstream_cache_status rid=$request_id';"""

NGINX = LOG_FORMAT + f"""
  access_log /srv/meridian/log/access.log shop;
  proxy_cache_path {RUN}/ngx_cache keys_zone=pages:1m;
  upstream storefront {{ server 127.0.1.11:8000; server 127.0.1.12:8000; }}
  server {{
    listen 127.0.0.1:8080;
    server_name {SITE};
    proxy_set_header X-Request-ID $request_id;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header Host $host;
    proxy_read_timeout 60s;
    location /static/ {{ root {HOME}; }}
    location /categories/ {{ proxy_cache pages; proxy_cache_valid 200 5m; proxy_pass http://storefront; }}
    location / {{ proxy_pass http://storefront; }}
  }}"""

PG = """log_line_prefix = '%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h '
log_connections = on
log_disconnections = on
log_min_duration_statement = 5s
log_checkpoints = off
max_connections = 60
"""


def servers(ctx):
    env = {"DATABASE_URL": "postgresql+psycopg2://storefront:wheel-7-cedar@127.0.0.1:5432/meridian"}
    webs = [Gunicorn(name, bind, f"{ctx.logs}/app-{name}.log", "storefront:create_app()", f"{ctx.work}/tap-{name}.jsonl",
                     env, "storefront") for name, bind in WEB.items()]
    return Postgres(f"{ctx.logs}/postgresql.log", settings=PG), Nginx(ctx.logs, NGINX), webs


def prepare(ctx):
    pg, nginx, _ = servers(ctx)
    pg.prepare("meridian", f"{HERE}/apps/storefront/schema.sql",
               {"storefront": "wheel-7-cedar", "exporter": "plain-2-oat", "stockfeed": "amber-4-dune", "ops": "quiet-9-larch"})
    nginx.prepare()
    release("storefront", "5.2.4")
    release("storefront", "5.3.0", overlay_of="5.2.4")
    release("storefront", "5.3.1", overlay_of="5.2.4")
    switch("5.2.4")


async def roll(webs):
    """Restart one instance after the other."""
    for web in webs:
        await asyncio.to_thread(web.stop)
        await asyncio.to_thread(web.start)
        await asyncio.sleep(45)


def tool(ctx, script, user, password, app):
    """A small program of its own with one database connection (see harness/dbclients.py)."""
    return spawn_process([HOME + "/venv/bin/python", HERE + "/harness/dbclients.py", script, user, password, app], ctx.work + "/tools.log")


async def run(ctx):
    rng = random.Random(20230510)
    pg, nginx, webs = servers(ctx)
    pg.settle()
    pg.start()
    for web in webs:
        web.start()
    nginx.start()
    driver = load.Driver("127.0.0.1", 8080, SITE, f"{ctx.work}/driver.jsonl")
    notices = alerts.Alerts(f"{ctx.logs}/alerts.jsonl", "storefront", "shop-eu")
    end = epoch(CLOSE)
    tools = [tool(ctx, "listen", "stockfeed", "amber-4-dune", "stock-feed")]
    jobs = []
    spawn = lambda c: jobs.append(asyncio.create_task(c))

    factor = lambda t: VISITS[int(t // 3600) % 24]
    visits = load.arrivals(epoch(OPEN), end - 600, lambda t: VISITS_PER_HOUR * factor(t), rng)
    expired = load.arrivals(epoch(OPEN), end - 600, lambda t: EXPIRED_PER_HOUR * max(0.85, factor(t)), rng)
    clients = load.addresses(len(visits) + len(expired), rng, ipv6=0.2)
    rng.shuffle(clients)
    for begin in visits:
        steps = journeys.browse(rng, rng.randrange(2, 12))
        if rng.random() < 0.22:
            steps += journeys.buy(rng, rng.choice(["WELCOME10", "MAY15", None, None]))
        spawn(driver.visit(begin, clients.pop(), steps, random.Random(rng.random())))
    for begin in expired:
        steps = journeys.browse(rng, rng.randrange(1, 4)) + journeys.buy(rng, "SPRING20")
        spawn(driver.visit(begin, clients.pop(), steps, random.Random(rng.random())))
    spawn(driver.every(60, end, "10.20.0.9", "GET", "/health", agent="ELB-HealthChecker/2.0"))
    spawn(driver.every(420, end, "198.18.7.20", "POST", "/hooks/payments", body=lambda: {"order": rng.randrange(1, 3001)},
                       agent="paynow-hooks/4.1", jitter=0.6, rng=rng))
    spawn(driver.every(300, end, "198.18.40.3", "GET", lambda: f"/products/{rng.randrange(1, 700)}", jitter=0.8,
                       agent="Mozilla/5.0 (compatible; pricebot/2.1; +http://pricebot.example/)", patience=15, rng=rng))
    spawn(notices.watch(driver, end, [
        ("HighErrorRate", "page", 600, 900, alerts.error_ratio(0.05)),
        ("HighLatencyP95", "warning", 600, 900, alerts.latency_p95(10)),
    ]))
    spawn(notices.noise("2023-05-10 12:32", "2023-05-10 14:05", "NodeDiskSpaceLow", "warning", "build-2 has 8% free on /var",
                        {"service": "ci", "instance": "build-2"}))

    async def exporter():
        while time.time() < end:
            await asyncio.to_thread(tool(ctx, "scrape", "exporter", "plain-2-oat", "postgres_exporter").wait)
            await asyncio.sleep(600)

    async def hourly_report():
        for hour in range(8, 27):
            await until(epoch("2023-05-10 00:00") + hour * 3600 + 300)
            await asyncio.to_thread(tool(ctx, "report", "stockfeed", "amber-4-dune", "hourly-sales").wait)

    async def engineer():
        await until("2023-05-10 11:20")
        tools.append(tool(ctx, "console", "ops", "quiet-9-larch", "psql"))

    spawn(exporter())
    spawn(hourly_report())
    spawn(engineer())

    async def degraded(minutes, not_before):
        """Wait until the shop has been failing for so long: the team's reaction time."""
        await until(not_before)
        bad_since = None
        while time.time() < epoch("2023-05-11 01:30"):
            await asyncio.sleep(60)
            recent = [r for r in driver.results[-600:] if r[0] + r[3] > time.time() - 600]
            if recent and sum(r[2] >= 500 or r[2] == 0 for r in recent) > 0.15 * len(recent):
                bad_since = bad_since or time.time()
                if time.time() - bad_since > minutes * 60:
                    return True
            else:
                bad_since = None
        return False

    async def team():
        deployed = truth.Deploys(ctx)
        await until("2023-05-10 08:02")
        deployed.add("storefront", "5.3.0", "c41f7e2", introduces_cause=True)
        switch("5.3.0")
        await roll(webs)
        await until("2023-05-10 09:44")
        deployed.add("search-indexer", "1.19.2", "77b03da")
        # the wrong turns: each restart hands out fresh pools, so each looks like a cure for two hours
        for minutes, not_before, service, version, commit, reload in (
                (42, "2023-05-10 10:30", "web-config", "2023.05.10-1", "0e9a114", False),
                (50, "2023-05-10 11:30", "lb-config", "2023.05.10-2", "5bd7702", True),
                (48, "2023-05-10 14:00", "cache-config", "2023.05.10-3", "a9d26f8", True),
                (55, "2023-05-10 17:00", "network-config", "2023.05.10-4", "e1c04b9", False),
                (45, "2023-05-10 19:00", "network-config", "2023.05.10-5", "d20f6aa", False)):
            if not await degraded(minutes, not_before):
                break
            deployed.add(service, version, commit, by="ops@meridian.example")
            if reload:
                subprocess.run(["find", f"{RUN}/ngx_cache", "-type", "f", "-delete"], check=True)
                nginx.reload()
            await roll(webs)
        await until("2023-05-11 02:00")
        deployed.add("storefront", "5.3.1", "9f62b0d", fixes_cause=True)
        switch("5.3.1")
        await roll(webs)
        deployed.done()

    spawn(team())
    await asyncio.gather(*jobs)
    await until(end)
    # the logs are copied while everything still runs: idle pools stay open at the end
    truth.freeze(ctx)
    for child in tools:
        child.kill()
    nginx.stop()
    for web in webs:
        web.stop()
    pg.stop()


def finish(ctx):
    truth.write_truth(
        ctx, stack="nginx > 2 x gunicorn gthread (Flask, SQLAlchemy QueuePool at DEBUG) > PostgreSQL 15", cause="connection_leak",
        sites={"POST /checkout/<basket_id>/voucher": ("storefront/vouchers.py", "PriceSnapshot.of(", "apply_voucher")},
        source=f"{HERE}/apps/storefront/v5.3.0", alert="HighErrorRate",
        red_herrings=[
            {"what": "deploy of search-indexer 1.19.2 a quarter of an hour before users notice", "where": "deploys.log"},
            {"what": "changes of web, load balancer, cache and network configuration, each with a restart of the instances: fresh "
                     "pools look like a cure for two hours", "where": "deploys.log, app-web-1.log, app-web-2.log"},
            {"what": "the load balancer's health check is answered without the database and never fails", "where": "access.log"},
            {"what": "tracebacks of QueuePool TimeoutError name the victims' call sites, not the leaking one",
             "where": "app-web-1.log, app-web-2.log"},
            {"what": "known bug: GET /products/{id}/related fails with 500 (ZeroDivisionError) for products without stock, at all times",
             "where": "app-web-1.log, app-web-2.log, access.log"},
            {"what": "stock-feed keeps one connection open on purpose (LISTEN); an engineer's psql stays open; idle pool connections "
                     "are open when the logs end", "where": "postgresql.log"},
            {"what": "NodeDiskSpaceLow on a build machine", "where": "alerts.jsonl"},
        ],
        title="Online shop unavailable now and then, May 2023: the voucher step keeps its connection",
        ruled_out=["cache_failure", "lb_misconfiguration", "network_latency"], trigger="deploy")
