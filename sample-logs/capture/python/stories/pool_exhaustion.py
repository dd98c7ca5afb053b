"""2023-05-10-pool-exhaustion: not a leak. Two connections serve the whole site; each campaign brings more guests than they carry."""
import asyncio
import random
import time

from harness import alerts, load, truth
from harness.clock import epoch, until
from harness.processes import spawn as spawn_process
from harness.stack import HERE, HOME, Gunicorn, Nginx, Postgres, release, switch

# Times here are UTC; the story is told in UTC-5: 10 May 08:00 to 11 May 10:00 there.
BEGIN, RATE = "2023-05-10 12:05", 120
OPEN, CLOSE = "2023-05-10 12:15", "2023-05-11 16:30"
FIX = "2023-05-11 15:00"
ZONE = "America/Bogota"
SITE = "casanorte.example"
BASE_PER_HOUR = 34
DAY = [0.25, 0.15, 0.12, 0.12, 0.15, 0.3, 0.6, 0.9, 1.1, 1.2, 1.2, 1.2, 1.2, 1.1, 1.1, 1.1, 1.2, 1.2, 1.3, 1.4, 1.3, 1.0, 0.7, 0.4]  # by hour in UTC-5
CAMPAIGNS = [("2023-05-10 13:00", 28, 400), ("2023-05-10 15:10", 22, 380), ("2023-05-10 17:30", 30, 420), ("2023-05-10 20:05", 20, 360),
             ("2023-05-10 22:40", 30, 420), ("2023-05-11 01:15", 25, 390), ("2023-05-11 12:30", 25, 400), ("2023-05-11 14:20", 30, 420),
             ("2023-05-11 15:25", 25, 400)]  # begin, minutes, visits an hour; the last one meets the larger pool

NGINX = f"""  log_format timed '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" '
                   '"$http_user_agent" $request_time $upstream_response_time';
  access_log /srv/meridian/log/access.log timed;
  upstream bookings {{ server 127.0.0.1:8000; }}
  server {{
    listen 127.0.0.1:8080;
    server_name {SITE};
    proxy_set_header X-Request-ID $request_id;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header Host $host;
    proxy_read_timeout 60s;
    location / {{ proxy_pass http://bookings; }}
  }}"""

PG = """log_line_prefix = '%m [%p] %u@%d '
log_connections = on
log_disconnections = on
log_min_duration_statement = 15s
log_checkpoints = off
max_connections = 100
"""


def servers(ctx):
    app = Gunicorn("bookings", "127.0.0.1:8000", f"{ctx.logs}/app.log", "bookings:create_app()", f"{ctx.work}/tap-bookings.jsonl",
                   {"DATABASE_URL": "postgresql+psycopg2://bookings:linen-5-otter@127.0.0.1:5432/casanorte", "TZ": ZONE},
                   "bookings", threads=24)
    return Postgres(f"{ctx.logs}/postgresql.log", settings=PG), Nginx(ctx.logs, NGINX), app


def prepare(ctx):
    pg, nginx, _ = servers(ctx)
    pg.prepare("casanorte", f"{HERE}/apps/bookings/schema.sql",
               {"bookings": "linen-5-otter", "exporter": "plain-2-oat", "channels": "amber-4-dune"})
    nginx.prepare()
    release("bookings", "2.8.0")
    release("bookings", "2.8.1", overlay_of="2.8.0")
    switch("2.8.0")


def client(ctx, what, user, password, app):
    return spawn_process([HOME + "/venv/bin/python", HERE + "/harness/dbclients.py", what, user, password, app],
                         ctx.work + "/tools.log", env={"PGDATABASE": "casanorte"})


def stay(rng, count):
    """A guest looks at rooms, asks for prices, perhaps reserves."""
    steps = [(0, "GET", "/", None)]
    for _ in range(count):
        pick, think, room = rng.random(), rng.uniform(6, 40), rng.randrange(1, 401)
        if pick < 0.35:
            steps.append((think, "GET", f"/rooms/{room}", None))
        elif pick < 0.85:
            steps.append((think, "GET", f"/rooms/{room}/quote?nights={rng.randrange(1, 8)}", None))
        elif pick < 0.97:
            steps.append((think, "GET", f"/rooms/{room}/calendar", None))
        else:
            steps.append((think, "GET", f"/rooms/{rng.randrange(401, 500)}/calendar", None))
    if rng.random() < 0.2:
        steps.append((rng.uniform(10, 50), "POST", "/reservations",
                      {"room": rng.randrange(1, 401), "nights": rng.randrange(1, 8), "guest": f"guest {rng.randrange(10 ** 6)}"}))
    return steps


async def run(ctx):
    rng = random.Random(510)
    pg, nginx, app = servers(ctx)
    pg.settle()
    pg.start()
    app.start()
    nginx.start()
    driver = load.Driver("127.0.0.1", 8080, SITE, f"{ctx.work}/driver.jsonl")
    notices = alerts.Alerts(f"{ctx.logs}/alerts.jsonl", "bookings", "casa-1", site=SITE)
    end = epoch(CLOSE)
    tools = [client(ctx, "listen", "channels", "amber-4-dune", "channel-manager")]
    jobs = []
    spawn = lambda c: jobs.append(asyncio.create_task(c))

    def rate(t):
        extra = sum(per_hour for begin, minutes, per_hour in CAMPAIGNS if epoch(begin) <= t < epoch(begin) + 60 * minutes)
        return BASE_PER_HOUR * DAY[int((t - 5 * 3600) // 3600) % 24] + extra

    times = load.arrivals(epoch(OPEN), end - 600, rate, rng)
    guests = load.addresses(len(times), rng, ipv6=0.3)
    rng.shuffle(guests)
    for begin in times:
        spawn(driver.visit(begin, guests.pop(), stay(rng, rng.randrange(1, 8)), random.Random(rng.random())))
    spawn(driver.every(60, end, "10.40.0.2", "GET", "/ping", agent="HAProbe/1.4"))
    spawn(notices.watch(driver, end, [("SlowResponses", "warning", 600, 420, alerts.latency_p95(9)),
                                      ("HighErrorRate", "page", 600, 420, alerts.error_ratio(0.05))]))

    async def exporter():
        while time.time() < end:
            await asyncio.to_thread(client(ctx, "scrape", "exporter", "plain-2-oat", "postgres_exporter").wait)
            await asyncio.sleep(1200)

    async def team():
        deployed = truth.Deploys(ctx)
        await until("2023-05-10 12:42")
        deployed.add("newsletter", "1.30.0", "d81ac44")
        await until("2023-05-10 18:20")
        deployed.add("lb-config", "2023-05-10.1", "70c2be9", by="ops@" + SITE)
        nginx.reload()
        await until("2023-05-10 23:30")
        deployed.add("lb-config", "2023-05-10.2", "f1130aa", by="ops@" + SITE)
        nginx.reload()
        await until(FIX)
        deployed.add("bookings", "2.8.1", "4b6de27", fixes_cause=True)
        switch("2.8.1")
        await asyncio.to_thread(app.stop)
        await asyncio.to_thread(app.start)

    spawn(exporter())
    spawn(team())
    await asyncio.gather(*jobs)
    await until(end)
    truth.freeze(ctx)
    for tool in tools:
        tool.kill()
    nginx.stop()
    app.stop()
    pg.stop()


def finish(ctx):
    rows = truth.pool_truth(ctx)
    truth.write_truth(
        ctx, stack="nginx > gunicorn gthread (Flask, SQLAlchemy QueuePool of 2 at DEBUG) > PostgreSQL 15", cause="undersized_pool",
        onset=epoch(CAMPAIGNS[0][0]), sites={}, source="", known_bug=r"/rooms/4\d\d/calendar$", alert="HighErrorRate", leak_rows=rows,
        more_counts={"long_waits_logged": truth.count(ctx, "app.log", " s for a connection, ")}, tolerance=900,
        zones={"access.log": "UTC", "error.log": "UTC", "postgresql.log": "UTC", "app.log": ZONE + " (UTC-5), without an offset in the lines"},
        flags=["--tz", "app.log=America/Bogota"],
        red_herrings=[
            {"what": "deploy of newsletter 1.30.0 before the first campaign", "where": "deploys.log"},
            {"what": "two changes of the load balancer's configuration, without effect", "where": "deploys.log"},
            {"what": "the application's clock is UTC-5 without an offset in its lines; its server's own start lines carry -0500",
             "where": "app.log"},
            {"what": "every borrow is returned: two sessions for the whole day are a small pool, not a leak", "where": "app.log, postgresql.log"},
            {"what": "known bug: GET /rooms/{id}/calendar fails with 500 (IndexError) for rooms that do not exist", "where": "app.log, access.log"},
            {"what": "channel-manager keeps one connection on purpose (LISTEN)", "where": "postgresql.log"},
        ],
        title="Bookings, May 2023: slow and now and then down, because two connections serve every guest", ruled_out=["lb_misconfiguration", "connection_leak"])
