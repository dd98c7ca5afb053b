"""2024-03-10-cascade: sessions outside the pool are never ended when a block is sold out, until the server refuses everybody."""
import asyncio
import os
import random
import re
import time

from harness import alerts, load, truth
from harness.clock import epoch, until
from harness.processes import listening, spawn as spawn_process, stop, wait_for
from harness.stack import HERE, HOME, Haproxy, Postgres, release, switch

BEGIN, RATE = "2024-03-10 13:50", 50
OPEN, CLOSE = "2024-03-10 14:00", "2024-03-10 18:45"
SITE = "tickets.boxoffice.example"
APPS = {"app-1": "127.0.2.11:3000", "app-2": "127.0.2.12:3000"}
NODE = os.path.join(os.path.dirname(HERE), "node")
USER, PASSWORD = "boxoffice", "gravel-8-swan"
VISITS_PER_HOUR = 300
SOLD_OUT_FROM, SOLD_OUT_PER_HOUR = "2024-03-10 14:48", 125  # fans of concert 77, whose best blocks are sold

HAPROXY = f"""global
  log 127.0.0.1:5514 format rfc3164 local0
  log-send-hostname lb-1
  maxconn 2000
defaults
  mode http
  log global
  option httplog
  option dontlognull
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout queue 10s
frontend www
  bind 127.0.0.1:8080
  http-request set-src req.hdr(X-Forwarded-For)
  unique-id-format %[uuid()]
  unique-id-header X-Request-ID
  log-format "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %{{+Q}}r %ID"
  default_backend boxoffice
backend boxoffice
  balance roundrobin
  option httpchk GET /livez
  server app-1 {APPS['app-1']} check inter 5s fall 3 rise 2 maxconn 60
  server app-2 {APPS['app-2']} check inter 5s fall 3 rise 2 maxconn 60
"""

PG = """log_line_prefix = '%m [%p] %q%u@%d/%a '
log_connections = on
log_disconnections = on
log_min_duration_statement = 2s
log_checkpoints = off
max_connections = 90
"""


class NodeApp:
    """One instance of the Node application."""

    def __init__(self, ctx, name):
        self.name, self.bind, self.log = name, APPS[name], f"{ctx.logs}/boxoffice-{name}.log"
        self.env = {"LISTEN": self.bind, "DATABASE_URL": f"postgres://{USER}:{PASSWORD}@127.0.0.1:5432/boxoffice",
                    "NODE_ENV": "production", "NODE_OPTIONS": f"--require {NODE}/tap.js",
                    "TRUTH_JOURNAL": f"{ctx.work}/tap-{name}.jsonl"}

    def start(self):
        self.process = spawn_process(["node", "src/server.js"], self.log, env=self.env, cwd=HOME + "/current", host=self.name)
        host, port = self.bind.split(":")
        wait_for(lambda: listening(host, int(port)), self.name)

    def stop(self):
        stop(self.process)


def servers(ctx):
    return (Postgres(f"{ctx.logs}/postgresql.log", settings=PG), Haproxy(f"{ctx.logs}/haproxy.log", HAPROXY),
            [NodeApp(ctx, name) for name in APPS])


def prepare(ctx):
    pg, haproxy, _ = servers(ctx)
    pg.prepare("boxoffice", f"{NODE}/boxoffice/schema.sql",
               {USER: PASSWORD, "exporter": "plain-2-oat", "newsletter": "amber-4-dune", "ops": "quiet-9-larch"})
    haproxy.prepare()
    release("boxoffice", "7.3.2", apps=NODE)
    release("boxoffice", "7.3.3", overlay_of="7.3.2", apps=NODE)
    switch("7.3.2")


def client(ctx, what, user, password, app):
    return spawn_process([HOME + "/venv/bin/python", HERE + "/harness/dbclients.py", what, user, password, app],
                         ctx.work + "/tools.log", env={"PGDATABASE": "boxoffice"})


def visit(rng, event, blocks, buys):
    """A fan looks around, then perhaps asks for seats in a block and orders them."""
    steps = [(0, "GET", "/", None)]
    for _ in range(rng.randrange(1, 6)):
        steps.append((rng.uniform(5, 40), "GET", f"/events/{rng.randrange(1, 126)}", None))
    if rng.random() < 0.06:
        steps.append((rng.uniform(3, 9), "GET", f"/events/{event}/poster?size=" + rng.choice(["small", "large", "huge"]), None))
    if buys:
        steps.append((rng.uniform(5, 30), "GET", f"/events/{event}", None))
        steps.append((rng.uniform(2, 20), "GET", f"/events/{event}/seats", None))
        steps.append((rng.uniform(5, 40), "POST", f"/events/{event}/holds", {"block": rng.choice(blocks), "count": rng.randrange(1, 4)}))
        if rng.random() < 0.7 and event != 77:
            steps.append((rng.uniform(10, 40), "POST", "/orders",
                          {"event": event, "seats": [rng.randrange(1, 48001)], "email": f"fan{rng.randrange(10 ** 5)}@example.org"}))
            steps.append((rng.uniform(2, 9), "GET", f"/orders/{rng.randrange(1, 2001)}", None))
    return steps


async def run(ctx):
    rng = random.Random(20240310)
    pg, haproxy, apps = servers(ctx)
    pg.settle()
    pg.start()
    for app in apps:
        app.start()
    haproxy.start()
    driver = load.Driver("127.0.0.1", 8080, SITE, f"{ctx.work}/driver.jsonl")
    notices = alerts.Alerts(f"{ctx.logs}/alerts.jsonl", "boxoffice", "tickets-1", site="boxoffice.example")
    end = epoch(CLOSE)
    tools = [client(ctx, "listen", "newsletter", "amber-4-dune", "newsletter")]
    jobs = []
    spawn = lambda c: jobs.append(asyncio.create_task(c))
    fans = load.addresses(900, rng, ipv6=0.25)
    for begin in load.arrivals(epoch(OPEN), end - 420, lambda t: VISITS_PER_HOUR, rng):
        event = rng.choice([e for e in range(1, 121) if e != 77])
        steps = visit(rng, event, "ABCDEFGH", rng.random() < 0.35)
        spawn(driver.visit(begin, rng.choice(fans), steps, random.Random(rng.random())))
    for begin in load.arrivals(epoch(SOLD_OUT_FROM), end - 420, lambda t: SOLD_OUT_PER_HOUR, rng):
        spawn(driver.visit(begin, rng.choice(fans), visit(rng, 77, "AB", True), random.Random(rng.random())))
    spawn(driver.every(420, end, "198.18.40.3", "GET", lambda: f"/events/{rng.randrange(1, 140)}", jitter=0.8,
                       agent="Mozilla/5.0 (compatible; gigbot/1.3; +http://gigbot.example/)", patience=15, rng=rng))
    spawn(notices.watch(driver, end, [
        ("HttpErrorsHigh", "page", 300, 180, alerts.error_ratio(0.05)),
        ("HttpErrorsTotal", "page", 300, 300, alerts.error_ratio(0.90)),
        ("HighLatencyP95", "warning", 300, 300, alerts.latency_p95(5)),
    ]))

    async def exporter():
        while time.time() < end:
            await asyncio.to_thread(client(ctx, "scrape", "exporter", "plain-2-oat", "postgres_exporter").wait)
            await asyncio.sleep(240)

    async def report():
        for when in ("14:20", "15:20", "16:20", "17:20", "18:20"):
            await until("2024-03-10 " + when)
            await asyncio.to_thread(client(ctx, "seatcount", "newsletter", "amber-4-dune", "seat-count").wait)

    async def engineer():
        await until("2024-03-10 15:05")
        tools.append(client(ctx, "console", "ops", "quiet-9-larch", "psql"))

    async def roll():
        for app in apps:
            await asyncio.to_thread(app.stop)
            await asyncio.to_thread(app.start)
            await asyncio.sleep(20)

    async def team():
        deployed = truth.Deploys(ctx)
        await until("2024-03-10 14:31")
        deployed.add("web-assets", "2024.10.1", "5f0e77a")
        await until("2024-03-10 16:18")
        deployed.add("boxoffice-db-indexes", "118", "ab9034d", by="dba@boxoffice.example")
        await asyncio.to_thread(pg.psql, "boxoffice", "create index seats_event_state on seats (event_id, state); analyze seats;", "")
        await until("2024-03-10 16:52")
        deployed.add("boxoffice-db-indexes", "119", "0d6c2be", by="dba@boxoffice.example")
        await asyncio.to_thread(pg.psql, "boxoffice", "create index orders_event on orders (event_id); analyze orders;", "")
        await until("2024-03-10 17:45")
        deployed.add("boxoffice", "7.3.3", "e72a915", fixes_cause=True)
        switch("7.3.3")
        await roll()

    for job in (exporter(), report(), engineer(), team()):
        spawn(job)
    await asyncio.gather(*jobs)
    await until(end)
    truth.freeze(ctx)
    for tool in tools:
        tool.kill()
    haproxy.stop()
    for app in apps:
        app.stop()
    pg.stop()


def leaked_sessions(ctx):
    """Seat sessions that outlived their request, from the instances' private journals."""
    rows = truth.journal(ctx, "tap-*.jsonl")
    ended = {r.get("rid") for r in rows if r["event"] == "request_end"}
    opened, leaks, cut = {}, {}, 0
    for row in rows:
        if row["event"] == "open" and row["app"] == "boxoffice-seats":
            opened[row["pid"], row["session"]] = row
        elif row["event"] == "close":
            opened.pop((row["pid"], row["session"]), None)
    for row in opened.values():
        if row["rid"] in ended:
            endpoint = row["method"] + " " + re.sub(r"/\d+(?=/|$)", "/:id", row["path"])
            leaks.setdefault(endpoint, []).append(row)
        else:
            cut += 1
    return {"checkout": None, "checkin": None}, leaks, cut


def haproxy_line(line):
    found = re.search(r"haproxy\[\d+\]: (\S+):\d+ \[[^]]+\] www \S+ \S+ (-?\d+) ", line)
    return (found[1], int(found[2])) if found else None


def finish(ctx):
    rows = leaked_sessions(ctx)
    first = min(r["t"] for found in rows[1].values() for r in found)
    truth.write_truth(
        ctx, stack="HAProxy 2.6 > 2 x Node 20 (express, node-postgres pool and single clients, pino) > PostgreSQL 15",
        cause="connection_leak", onset=first, leak_rows=rows, ledger=("db",), access=("haproxy.log", haproxy_line),
        sites={"POST /events/:id/holds": ("src/seats.js", "await seatSession(", "holdSeats")},
        source=f"{NODE}/boxoffice/v7.3.2", alert="HttpErrorsHigh", known_bug=r"/poster\?size=huge$",
        more_counts={
            "seat_sessions_opened": truth.count(ctx, "boxoffice-*.log", '"seat session opened"'),
            "seat_sessions_closed": truth.count(ctx, "boxoffice-*.log", '"seat session closed"'),
            "too_many_clients": truth.count(ctx, "postgresql.log", "sorry, too many clients already"),
            "remaining_slots_reserved": truth.count(ctx, "postgresql.log", "remaining connection slots are reserved"),
        },
        red_herrings=[
            {"what": "deploy of web-assets a quarter of an hour before the first lost session", "where": "deploys.log"},
            {"what": "two deploys of indexes during the outage: query tuning, without effect", "where": "deploys.log"},
            {"what": "the application's own pool stays small and healthy in its minute lines: the lost sessions are outside the pool",
             "where": "boxoffice-app-1.log, boxoffice-app-2.log"},
            {"what": "the stacks of 'sorry, too many clients already' name the victims", "where": "boxoffice-app-1.log, boxoffice-app-2.log"},
            {"what": "health checks (GET /livez) do not touch the database and stay green", "where": "haproxy.log"},
            {"what": "known bug: GET /events/{id}/poster?size=huge fails with 500 (TypeError) at all times", "where": "haproxy.log, boxoffice-*.log"},
            {"what": "newsletter keeps one connection on purpose (LISTEN), an engineer's psql and idle pool connections are open at the end",
             "where": "postgresql.log"},
            {"what": "an hourly seat count takes a few seconds", "where": "postgresql.log"},
        ],
        title="Ticket shop, March 2024: seat sessions that nobody ends until the database refuses everybody",
        ruled_out=["slow_queries"])
