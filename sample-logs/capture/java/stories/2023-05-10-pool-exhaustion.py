# clock: 2023-05-10 11:40:00 x100
# versions: 1.19.2
"""A pool of three connections in front of pages that need one for five seconds: too small for the dealers' office hours."""
import asyncio

import clock
import pages
from load import Crowd

TITLE = "A pool that is too small for the concurrent load of office hours; nothing leaks"
HAPROXY = "2023-05-10-pool-exhaustion.cfg"
INSTANCES = {"app1": "127.0.0.21", "app2": "127.0.0.22"}
SINGLE_LOG = True
FIRST_VERSION = "1.19.2"
SERVERS_UP, OPEN, END = "2023-05-10T12:25:00Z", "2023-05-10T12:35:00Z", "2023-05-11T15:25:00Z"
SEED = 510
ALERTS = {"every": 120, "window": 600, "ratio": 0.05}
POSTGRES = {"max_connections": "60", "log_min_duration_statement": "15000", "log_min_duration_sample": "0",
            "log_statement_sample_rate": "0.02", "log_checkpoints": "off"}
APPLICATION = {"shop.db.mode": "hikari", "shop.db.pool.size": "3", "shop.db.pool.wait": "25000", "shop.log.pool": "DEBUG",
               "shop.catalogue.cached": "true", "shop.log.zone": "America/Chicago"}

SHOPPERS = [f"203.0.113.{n}" for n in range(10, 94)]
DEALERS = [f"198.51.100.{n}" for n in range(10, 46)]


def quote(r):
    return "GET", f"/api/dealers/{r.randint(100, 180)}/quotes/{r.randint(1, pages.PRODUCTS)}", ""


def contracts(r):
    return "GET", f"/api/dealers/{r.randint(100, 180)}/contracts", ""


def crowds():
    at = lambda text: clock.parse(f"2023-05-{text}:00-05:00")
    flat = lambda rate: [(at("10T07:35"), rate), (at("11T10:25"), rate)]
    office = [("10T07:35", 0.15), ("10T07:55", 0.20), ("10T08:10", 0.66), ("10T11:30", 0.70), ("10T12:00", 0.30), ("10T13:30", 0.30),
              ("10T14:00", 0.70), ("10T16:45", 0.64), ("10T18:00", 0.20), ("10T21:00", 0.04), ("11T06:30", 0.04), ("11T07:45", 0.25),
              ("11T08:10", 0.68), ("11T10:25", 0.66)]
    return [Crowd(SHOPPERS, pages.SHOPPER, flat(0.05)), Crowd(DEALERS, [(88, quote), (12, contracts)], [(at(t), rate) for t, rate in office]),
            Crowd(["192.0.2.200"], [(1, pages.robots)], flat(1 / 900))]


async def releases(stage):
    await stage.until("2023-05-10T12:36:16Z")
    stage.deploy("shop-api", "1.19.2")
    await stage.until("2023-05-10T15:06:40Z")
    stage.deploy("lb-config", "88", by="ops")
    await stage.until("2023-05-10T19:20:15Z")
    stage.deploy("lb-config", "89", by="ops")
    await stage.until("2023-05-11T14:45:03Z")
    stage.deploy("shop-config", "212", by="ops", fixes_cause=True)
    for instance in stage.instances.values():
        instance.options = {**instance.options, "shop.db.pool.size": "15"}
    await stage.restart("1.19.2", "app2", "app1")


async def company(stage):
    """Sessions that stay open for good reasons."""
    listener, exporter = stage.session("shop", "order-mailer"), stage.session("monitor", "pg_exporter")
    listener.run("LISTEN order_paid")
    while True:
        exporter.run("SELECT count(*) FROM pg_stat_activity")
        await asyncio.sleep(120)


TIMELINE = [releases, company]

TRUTH = {
    "stack": "HAProxy 2.6, Java 17 (Tomcat 10.1, HikariCP 2.7.9, pgjdbc 42.5, logback), PostgreSQL 15",
    "cause": "undersized_pool",
    "overload": {"route": "GET /api/dealers/", "pool": 3},
    "outage_replies": ["try again later", "Service Unavailable", "Gateway Time-out"],
    "ruled_out": ["connection_leak", "lb_misconfiguration"],
    "clock_agreement_s": 1.5,
    "flags": ["--tz", "app.log*=America/Chicago"],
    "zones": {"app.log": "America/Chicago"},
    "red_herrings": [
        {"time": "2023-05-10T15:06:40Z", "kind": "lb_suspected", "note": "lb-config 88 and 89; both backends answer their checks throughout"},
        {"kind": "healthy_neighbour", "note": "app1 serves the shoppers from a pool of the same size and never waits"},
        {"time": "2023-05-11T14:53:58Z", "kind": "restart", "note": "shoppers get 503 SC while app1 is restarted for the larger pool"},
        {"kind": "zone", "note": "app.log is in local time (UTC-5) without a zone; the other logs are in UTC"},
        {"kind": "long_lived_sessions", "note": "a listener, an exporter and the pools are open when the logs end"},
    ],
}
EXPECT_TOLERANCE_S = 900
