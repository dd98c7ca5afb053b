# clock: 2024-08-14 09:46:00 x16
# versions: 3.1.4 3.2.0
"""A session for every unit of work and no cap: a deploy forgets to close some of them, until the database lets nobody in."""
import asyncio

import clock
import pages
from load import Crowd

TITLE = "Exports of empty invoices keep their database session: sessions grow from a deploy on until the server refuses everyone"
HAPROXY = "2024-08-14-deploy-leak.cfg"
INSTANCES = {"app1": "127.0.0.21", "app2": "127.0.0.22"}
SINGLE_LOG = True
FIRST_VERSION = "3.1.4"
SERVERS_UP, OPEN, END = "2024-08-14T09:56:00Z", "2024-08-14T10:00:00Z", "2024-08-14T12:50:00Z"
SEED = 814
ALERTS = {"every": 30, "window": 180, "ratio": 0.05}
POSTGRES = {"max_connections": "100", "superuser_reserved_connections": "0", "log_line_prefix": "%m [%p]: user=%u,db=%d,app=%a,client=%h ",
            "log_min_duration_statement": "3000", "log_min_duration_sample": "0", "log_statement_sample_rate": "0.04", "log_checkpoints": "off"}
APPLICATION = {"shop.db.mode": "direct", "shop.db.comments": "true", "shop.log.stacks": "false", "shop.catalogue.cached": "true",
               "shop.catalogue.statistics": "300"}

SHOPPERS = [f"203.0.113.{n}" for n in range(10, 150)] + [f"198.51.100.{n}" for n in range(20, 60)]
BOTS, UNLUCKY = ["192.0.2.200", "192.0.2.201"], ["203.0.113.21", "203.0.113.77", "198.51.100.33"]


def best_seller(r):
    return "GET", f"/api/products/{min(150, int(r.paretovariate(0.9)))}", ""


def invoice(r):
    """Bookkeepers ask for recent orders, of which many are services without lines (every sixth order has none)."""
    number = r.randint(1, pages.ORDERS)
    return "GET", f"/api/orders/{number - number % 6 if r.random() < 0.45 and number > 6 else number}/invoice.csv", ""


SHOPPING = [(54, best_seller), (20, pages.search), (4, pages.cart), (3, pages.add_to_cart), (1.5, pages.checkout), (2, pages.order),
            (2, pages.customer_orders), (2, pages.stock), (9.5, invoice)]


def crowds():
    day = [(clock.parse(f"2024-08-14T{t}:00Z"), rate) for t, rate in (("10:00", 1.8), ("10:30", 2.0), ("11:30", 2.1), ("12:50", 1.9))]
    flat = lambda rate: [(day[0][0], rate), (day[-1][0], rate)]
    return [Crowd(SHOPPERS, SHOPPING, day, patience=[(97, 70), (3, 0.4)]), Crowd(BOTS, [(1, pages.robots)], flat(1 / 90)),
            Crowd(UNLUCKY, [(1, pages.reviews_with_bug)], flat(1 / 900))]


async def releases(stage):
    await stage.until("2024-08-14T10:11:18Z")
    stage.deploy("web-frontend", "5.3.1")
    await stage.until("2024-08-14T10:27:41Z")
    stage.deploy("shop-api", "3.2.0", introduces_cause=True)
    await stage.restart("3.2.0", "app1", "app2")
    await stage.until("2024-08-14T10:46:52Z")
    stage.deploy("edge-routing", "31", by="netops")
    await stage.until("2024-08-14T11:17:30Z")
    stage.deploy("waf-rules", "204", by="secops")
    await stage.until("2024-08-14T11:45:09Z")
    stage.deploy("waf-rules", "205", by="secops")
    await stage.until("2024-08-14T12:15:06Z")
    stage.deploy("shop-api", "3.1.4", fixes_cause=True)
    await stage.restart("3.1.4", "app1")
    await stage.until("2024-08-14T12:24:00Z")
    await stage.restart("3.1.4", "app2")


async def company(stage):
    """Sessions that stay open for good reasons, and a colleague who is let in before the outage and not during it."""
    listener, exporter = stage.session("shop", "order-mailer"), stage.session("monitor", "pg_exporter")
    listener.run("LISTEN order_paid")

    async def scrape():
        while True:
            exporter.run("SELECT count(*) FROM pg_stat_activity")
            await asyncio.sleep(60)

    async def colleague():
        for begin, end in (("10:05:00", "10:19:00"), ("11:50:30", "11:50:40"), ("12:33:00", "12:41:00")):
            await stage.until(f"2024-08-14T{begin}Z")
            console = stage.session("dba", "psql")
            await stage.until(f"2024-08-14T{end}Z")
            console.quit()

    async def certificate():
        await stage.until("2024-08-14T10:52:00Z")
        stage.alerts.fire("CertificateExpiresSoon", "warning", "mail.example.net expires in 13 days", "mail-1")

    await asyncio.gather(scrape(), colleague(), certificate())


TIMELINE = [releases, company]

TRUTH = {
    "stack": "HAProxy 2.6, Java 17 (Tomcat 10.1, pgjdbc 42.5 through DriverManager, no pool, logback), PostgreSQL 15",
    "leak_key": "pg_pid",
    "stacks_logged": False,
    "outage_replies": ["database error"],
    "ruled_out": ["network_latency", "traffic_surge", "abusive_client"],
    "red_herrings": [
        {"time": "2024-08-14T10:11:18Z", "kind": "unrelated_deploy", "service": "web-frontend", "version": "5.3.1"},
        {"time": "2024-08-14T10:46:52Z", "kind": "network_suspected", "note": "edge-routing 31; connect times between the tiers never change"},
        {"time": "2024-08-14T11:17:30Z", "kind": "ddos_suspected", "note": "waf-rules 204 and 205; requests per client stay as they were"},
        {"time": "2024-08-14T10:52:00Z", "kind": "unrelated_alert", "name": "CertificateExpiresSoon"},
        {"kind": "ordinary_500s", "note": "NullPointerException for products whose newest review has no text"},
        {"kind": "long_lived_sessions", "note": "a listener and an exporter are open from before the deploy until the logs end"},
    ],
}
EXPECT_TOLERANCE_S = 180
