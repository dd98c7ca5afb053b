# clock: 2023-08-10 12:20:00 x60
# versions: 2.6.3 2.7.0 2.7.1
"""A bounded pool loses connections on an exception path, mostly on the one instance that serves the big partner."""
import asyncio
import subprocess

import clock
import pages
from load import Crowd

TITLE = "Connections that a rejected shipment does not return: gradual exhaustion of a bounded pool"
HAPROXY = "2023-08-10-slow-leak.cfg"
INSTANCES = {"app1": "127.0.0.21", "app2": "127.0.0.22", "app3": "127.0.0.23"}
SINGLE_LOG = False
FIRST_VERSION = "2.6.3"
SERVERS_UP, OPEN, END = "2023-08-10T12:50:00Z", "2023-08-10T13:00:00Z", "2023-08-11T07:15:00Z"
SEED = 841
ALERTS = {"ratio": 0.08}
POSTGRES = {"max_connections": "60", "log_min_duration_statement": "5000", "log_min_duration_sample": "0",
            "log_statement_sample_rate": "0.02", "log_statement": "ddl", "log_checkpoints": "off"}
APPLICATION = {"shop.db.mode": "hikari", "shop.db.pool.size": "10", "shop.db.pool.wait": "30000", "shop.db.pool.leak": "60000",
               "shop.log.pool": "DEBUG", "shop.catalogue.cached": "true"}

# Which instance a client meets follows from its address (balance hdr): about a third of these meet app2.
SHOPPERS = [f"203.0.113.{n}" for n in range(10, 110)] + [f"192.0.2.{n}" for n in range(5, 25)]
PARTNERS = {"192.0.2.47": 1 / 50, "192.0.2.52": 1 / 700, "192.0.2.54": 1 / 700}      # of app2, app1, app3
BOTS, STAFF, UNLUCKY = ["198.51.100.10", "198.51.100.11"], ["198.51.100.31"], ["203.0.113.15", "203.0.113.16", "192.0.2.9"]


def crowds():
    day = [(clock.parse(t), rate) for t, rate in (
        ("2023-08-10T13:00:00Z", 0.28), ("2023-08-10T16:00:00Z", 0.34), ("2023-08-10T21:00:00Z", 0.40),
        ("2023-08-11T00:00:00Z", 0.36), ("2023-08-11T04:00:00Z", 0.24), ("2023-08-11T07:15:00Z", 0.24))]
    flat = lambda rate: [(day[0][0], rate), (day[-1][0], rate)]
    return [Crowd(SHOPPERS, pages.SHOPPER, day, patience=[(92, 80), (8, 20)]),
            *(Crowd([address], [(1, pages.shipment)], flat(rate)) for address, rate in PARTNERS.items()),
            Crowd(BOTS, [(1, pages.robots)], flat(1 / 400)),
            Crowd(STAFF, [(1, pages.sales)], flat(1 / 600)),
            Crowd(UNLUCKY, [(1, pages.reviews_with_bug)], flat(1 / 5000))]


async def releases(stage):
    await stage.until("2023-08-10T13:12:04Z")
    stage.deploy("shop-api", "2.7.0", introduces_cause=True)
    await stage.restart("2.7.0", "app1", "app2", "app3")
    await stage.until("2023-08-10T14:21:37Z")
    stage.deploy("web-frontend", "4.18.0")
    await stage.until("2023-08-11T04:15:02Z")
    stage.deploy("shop-api", "2.7.1", fixes_cause=True)
    await stage.restart("2.7.1", "app1")
    await stage.until("2023-08-11T05:20:10Z")
    await stage.restart("2.7.1", "app3")
    await stage.until("2023-08-11T06:42:20Z")
    await stage.restart("2.7.1", "app2")


async def first_response(stage):
    """The front-end cache is suspected for three quarters of an hour."""
    await stage.until("2023-08-10T14:46:30Z")
    stage.deploy("front-cache", "61", by="ops")
    await stage.load.request(STAFF[0], "POST", "/internal/cache/clear")
    await stage.until("2023-08-10T15:24:00Z")
    stage.deploy("front-cache", "62", by="ops")
    await stage.restart("2.7.0", "app2")


async def tuning(stage):
    """The database is suspected for hours: indexes, memory, statistics; the restarts in between help for a while."""
    await stage.until("2023-08-10T15:41:10Z")
    dba = stage.session("dba", "psql")
    for moment, statement in (
            ("2023-08-10T15:44:00Z", "SELECT count(*) FROM pg_stat_activity"),
            ("2023-08-10T16:38:20Z", "CREATE INDEX CONCURRENTLY products_name ON products (name text_pattern_ops)"),
            ("2023-08-10T17:02:45Z", "CREATE INDEX CONCURRENTLY order_lines_product ON order_lines (product_id)"),
            ("2023-08-10T17:30:00Z", "ALTER ROLE shop SET work_mem = '16MB'"),
            ("2023-08-10T18:10:00Z", "ANALYZE"),
            ("2023-08-10T19:21:00Z", "CREATE INDEX CONCURRENTLY orders_created ON orders (created_at)")):
        await stage.until(moment)
        dba.run(statement)
    await stage.until("2023-08-10T20:20:00Z")
    dba.quit()


async def restarts(stage):
    for moment, names in (("2023-08-10T17:33:00Z", ["app2"]), ("2023-08-10T20:06:00Z", ["app2", "app1", "app3"]),
                          ("2023-08-10T22:48:00Z", ["app2"]), ("2023-08-11T01:22:00Z", ["app2"])):
        await stage.until(moment)
        await stage.restart("2.7.0", *names)


async def company(stage):
    """Sessions that stay open for good reasons, a nightly backup, settlements that keep a connection while the bank answers."""
    listener, exporter = stage.session("shop", "order-mailer"), stage.session("monitor", "pg_exporter")
    listener.run("LISTEN order_paid")

    async def scrape():
        while True:
            exporter.run("SELECT count(*) FROM pg_stat_activity")
            await asyncio.sleep(60)

    async def settle():
        for hour in ("10T13:30", "10T18:30", "10T23:30", "11T06:50"):
            await stage.until(f"2023-08-{hour}:00Z")
            await stage.load.request(STAFF[0], "POST", "/api/reports/settlement", f"day=2023-08-{hour[:2]}", patience=130)

    async def backup():
        await stage.until("2023-08-11T02:00:00Z")
        await asyncio.to_thread(subprocess.run, ["pg_dump", "-Fc", "-f", "/dev/null"], env=stage.postgres.client("dba", "pg_dump"))

    async def disk():
        await stage.until("2023-08-10T16:12:00Z")
        stage.alerts.fire("NodeDiskSpaceLow", "warning", "build-3 has 9% free on /var", "build-3")
        await stage.until("2023-08-10T16:50:00Z")
        stage.alerts.resolve("NodeDiskSpaceLow")

    await asyncio.gather(scrape(), settle(), backup(), disk())


TIMELINE = [releases, first_response, tuning, restarts, company]

TRUTH = {
    "stack": "HAProxy 2.6, Java 17 (Tomcat 10.1, HikariCP 2.7.9, pgjdbc 42.5, logback), PostgreSQL 15",
    "outage_replies": ["try again later"],
    "ruled_out": ["cache_failure", "slow_queries"],
    "red_herrings": [
        {"time": "2023-08-10T14:21:37Z", "kind": "unrelated_deploy", "service": "web-frontend", "version": "4.18.0"},
        {"time": "2023-08-10T14:46:30Z", "kind": "cache_flush", "note": "front-cache 61 and a cleared catalogue cache; hit ratio and calls per request stay as they were"},
        {"time": "2023-08-10T15:24:00Z", "kind": "restart_helps_for_a_while", "note": "app2 is restarted five times; each restart frees its pool"},
        {"time": "2023-08-10T16:38:20Z", "kind": "query_tuning", "note": "three indexes, work_mem, ANALYZE; statement times do not change"},
        {"time": "2023-08-10T16:12:00Z", "kind": "unrelated_alert", "name": "NodeDiskSpaceLow"},
        {"kind": "leak_reports_of_returned_connections", "note": "POST /api/reports/settlement holds its connection for 75 s and returns it"},
        {"kind": "ordinary_500s", "note": "NullPointerException for products whose newest review has no text"},
        {"kind": "long_lived_sessions", "note": "a listener, an exporter and the pools are open when the logs end"},
    ],
}
EXPECT_TOLERANCE_S = 600
