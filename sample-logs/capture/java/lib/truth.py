"""truth.py STORY.py OUT_DIR: writes truth.json and story.toml from the private journals and from plain counts of the raw logs,
then compresses the large logs. The private journals are the agent's (journal-*.jsonl), the visitors' and the stage's own."""
import collections
import glob
import importlib.util
import json
import os
import re
import subprocess
import sys

os.environ.setdefault("STORY_RATE", "1")
import clock  # noqa: E402

story_file, out = sys.argv[1], sys.argv[2]
name = os.path.basename(story_file)[:-3]
spec = importlib.util.spec_from_file_location("story", story_file)
story = importlib.util.module_from_spec(spec)
spec.loader.exec_module(story)
logs, private = out + "/logs", out + "/private"


def lines(pattern):
    for path in sorted(glob.glob(f"{logs}/{pattern}")):
        with open(path, errors="replace") as file:
            yield from (line.rstrip("\n") for line in file)


def journal():
    for path in sorted(glob.glob(private + "/journal-*.jsonl")):
        instance = os.path.basename(path)[8:-6]
        for line in open(path):
            yield {**json.loads(line), "instance": instance}


stage = json.load(open(private + "/stage.json"))
visits = [json.loads(line) for line in open(private + "/visits.jsonl")]
taken = clock.parse(stage["taken"])
moment = lambda ms: clock.iso(ms / 1000, True)

# Borrows that were never returned, by connection and process. After the logs were taken nothing counts.
events = sorted((e for e in journal() if e["t"] / 1000 <= taken), key=lambda e: e["t"])
begin, finish, failed = ("borrow", "return", "borrow_failed") if story.APPLICATION["shop.db.mode"] == "hikari" else ("connect", "close", "connect_failed")
open_borrows, returns, counts, holds = {}, 0, collections.Counter(e["event"] for e in events), collections.defaultdict(list)
for event in events:
    key = (event["jvm"], event["connection"], event["pg_pid"])
    if event["event"] == begin:
        assert key not in open_borrows, event
        open_borrows[key] = event
    elif event["event"] == finish:
        borrowed = open_borrows.pop(key, None)      # a second close of the same connection is none
        if borrowed:
            returns += 1
            holds[borrowed["route"]].append((event["t"] - borrowed["t"]) / 1000)

db_lines = list(lines("postgresql.log"))
closed = {}
for line in db_lines:
    found = re.match(r"(\S+ \S+) UTC \[(\d+)\].* LOG:  disconnection:", line)
    if found:
        closed.setdefault(int(found[2]), []).append(clock.parse(found[1].replace(" ", "T") + "+00:00"))
last_of_jvm = collections.defaultdict(float)
for event in events:
    last_of_jvm[event["jvm"]] = max(last_of_jvm[event["jvm"]], event["t"] / 1000)
leased = collections.defaultdict(list)
in_flight = 0
for event in open_borrows.values():
    route = re.compile(re.sub(r"\{\w+\}", "[^/]+", event["route"]) + "$")
    served = [v for v in visits if v["client"] == event["client"] and v["t"] - 3 <= event["t"] / 1000 <= v["end"] + 3
              and route.match(v["method"] + " " + v["path"].split("?")[0])]
    # Cut off by a stop of the process, or still under way: not a leak.
    if not event["stack"] or not any(v["status"] < 500 for v in served):
        in_flight += 1
        continue
    event["stack"] = [frame for frame in event["stack"] if ".db." not in frame]
    leased[event["stack"][0], event["route"]].append(event)
key_of = lambda lease: f"pg_pid:{lease['pg_pid']}" if story.TRUTH.get("leak_key") == "pg_pid" else lease["connection"]
leaks = []
for (site, route), found in sorted(leased.items(), key=lambda item: -len(item[1])):
    leases = []
    for event in found:
        ends = [t for t in closed.get(event["pg_pid"], []) if t > event["t"] / 1000]
        leases.append({"t": moment(event["t"]), "connection": event["connection"], "pg_pid": event["pg_pid"], "instance": event["instance"],
                       "jvm_pid": event["jvm"], "request": event["request"], "endpoint": event["route"], "client": event["client"],
                       "thread": event["thread"], "session_ended": clock.iso(min(ends), True) if ends else None,
                       "session_ended_by": "process_exit" if ends else None})
    leaks.append({"call_site": site, "method": site.partition("(")[0], "endpoint": route, "count": len(found),
                  "calls": sum(v["method"] + " " + re.sub(r"\d+", "{id}", v["path"].split("?")[0]) == route for v in visits),
                  "first": leases[0]["t"], "last": leases[-1]["t"], "connections": [key_of(lease) for lease in leases],
                  "pg_pids": [lease["pg_pid"] for lease in leases], "by_instance": dict(collections.Counter(e["instance"] for e in found)),
                  "ended_by": dict(collections.Counter(lease["session_ended_by"] or "still open" for lease in leases)),
                  "stack": found[0]["stack"], "leases": leases})

# What visitors saw. The outage's failures are the replies that the application gives when it gets no connection.
outage = sorted((v for v in visits if any(text in v["reply"] for text in story.TRUTH["outage_replies"])), key=lambda v: v["t"])
episodes = []
for visit in outage:
    if episodes and visit["t"] - episodes[-1]["end"] < 900:
        episodes[-1]["end"] = max(episodes[-1]["end"], visit["end"])
        episodes[-1]["failed"] += 1
    else:
        episodes.append({"begin": visit["t"], "end": visit["end"], "failed": 1})
real = [e for e in episodes if e["failed"] >= 5]
request = re.compile(r"haproxy\[\d+\]: ([\d.]+):\d+ \[([^]]+)\] \S+ (\S+) ([-\d/+]+) (-?\d+) \S+ \S+ \S+ (\S+) ")
found = [m for m in map(request.search, lines("haproxy.log")) if m]
failed_by = [m[1] for m in found if m[5][0] == "5"]
window = [v for v in visits if real and real[0]["begin"] <= v["t"] <= real[-1]["end"]]
has = lambda text, source: sum(text in line for line in source)
app_lines = list(lines("app*.log"))
authorized, disconnections = has("LOG:  connection authorized:", db_lines), has("LOG:  disconnection:", db_lines)


def overload(route, pool, window=300):
    """Begin of the first five minutes in which the visits that arrive ask for more connections than their pool has. A shorter
    time holds too few visits: chance alone would exceed it."""
    mean = {name: sum(held) / len(held) for name, held in holds.items()}
    routes = [(re.compile(re.sub(r"\{\w+\}", "[^/]+", name) + "$"), seconds) for name, seconds in mean.items() if name.startswith(route)]
    recent, asked = collections.deque(), 0.0
    for visit in sorted(visits, key=lambda v: v["t"]):
        name = visit["method"] + " " + visit["path"].split("?")[0]
        seconds = next((seconds for pattern, seconds in routes if pattern.match(name)), 0.0)
        recent.append((visit["t"], seconds))
        asked += seconds
        while recent[0][0] < visit["t"] - window:
            asked -= recent.popleft()[1]
        if asked > pool * window:
            return clock.iso(recent[0][0], True)
    return None


deploys = stage["deploys"]
deployed = next((d["time"] for d in deploys if d["introduces_cause"]), None)
onset = deployed or overload(**story.TRUTH["overload"])
impact = {"requests": len(found), "failed_5xx": len(failed_by), "clients": len({m[1] for m in found}), "clients_affected": len(set(failed_by))}
files = sorted(os.listdir(logs))
truth = {
    "scenario": name, "stack": story.TRUTH["stack"], "cause": story.TRUTH.get("cause", "connection_leak"), "onset": onset,
    "user_visible_start": clock.iso(real[0]["begin"], True), "recovered": clock.iso(real[-1]["end"], True), "deploys": deploys,
    "leaks": leaks, "impact": impact,
    "impact_outage_window": {"from": clock.iso(real[0]["begin"], True), "to": clock.iso(real[-1]["end"], True), "requests": len(window),
                             "failed_5xx": sum(v["status"] >= 500 for v in window), "clients": len({v["client"] for v in window}),
                             "clients_affected": len({v["client"] for v in window if v["status"] >= 500})},
    "episodes_of_outage_5xx": [{"from": clock.iso(e["begin"], True), "to": clock.iso(e["end"], True), "failed": e["failed"]} for e in episodes],
    "timezones": {file: story.TRUTH.get("zones", {}).get(file, "UTC") for file in files},
    "clock_skew_s": {file: 0.0 for file in files}, "clock_agreement_s": story.TRUTH.get("clock_agreement_s", 0.5),
    "counts": {
        "pg_connections_received": has("LOG:  connection received:", db_lines), "pg_connections_authorized": authorized,
        "pg_disconnections": disconnections, "pg_fatal_too_many_clients": has("FATAL:  sorry, too many clients", db_lines),
        "pg_log_lines": len(db_lines), "hikari_leak_reports": has("Connection leak detection triggered", app_lines),
        "hikari_unleaked_reports": has("(unleaked)", app_lines), "hikari_timeout_failures": has("Timeout failure stats", app_lines),
        "hikari_connections_added": has("- Added connection", app_lines), "app_log_lines": len(app_lines),
        "app_request_lines": sum(bool(re.search(r" -> \d+ in \d+ ms ", line)) for line in app_lines), "app_starts": has(": Starting ShopApplication", app_lines),
        "haproxy_request_lines": len(found), "haproxy_status": dict(sorted(collections.Counter(m[5] for m in found).items())),
        "haproxy_termination": dict(collections.Counter(m[6] for m in found)), "borrows": counts[begin], "returns": returns,
        "borrow_failures": counts[failed], "leaked": sum(leak["count"] for leak in leaks), "borrows_in_flight_at_exit_or_end": in_flight,
        "requests_sent": len(visits), "client_gave_up": sum(v["reply"] == "gave up" for v in visits)},
    "red_herrings": story.TRUTH["red_herrings"],
    "definitions": {
        "impact": "over the whole haproxy log; clients are source addresses, affected = at least one 5xx",
        "onset": "the deploy that introduces the cause" if deployed else
                 "begin of the first five minutes in which the requests that arrive ask for more connections than their pool has",
        "user_visible_start": "accept time of the first 5xx caused by the outage (runs of fewer than 5 are ignored)",
        "recovered": "end of the last request that failed because of the outage",
        "leak": "a connection whose request ended without returning or closing it",
        "call_site": "innermost application frame of the borrow; from an agent inside the process, not from the logs"}}
with open(out + "/truth.json", "w") as file:
    json.dump(truth, file, indent=1)
    file.write("\n")

toml = [f'title = "{story.TITLE}"', f'story = "{name}"', 'paths = ["logs"]', f"flags = {json.dumps(story.TRUTH.get('flags', []))}", "",
        "[expect]", f'cause = "{truth["cause"]}"']
if deployed:
    toml.append('trigger = "deploy"')
toml += [f"ruled_out = {json.dumps(story.TRUTH['ruled_out'])}", "", "[expect.ledger.db]", f"opens = {authorized}", f"closes = {disconnections}"]
for leak in leaks:
    function, file, line = re.match(r"(.*)\((.*):(\d+)\)", leak["call_site"]).groups()
    place = [f'function = "{function}"', f'file = "{file}"', f"line = {line}"] if story.TRUTH.get("stacks_logged", True) else []
    toml += ["", "[[expect.leaks]]", *place, f'endpoint = "{leak["endpoint"]}"', f"sessions = {leak['count']}"]
toml += ["", "[expect.incident]", f'cause_start = "{onset}"', f'onset = "{truth["user_visible_start"]}"',
         f'recovered = "{truth["recovered"]}"', f"tolerance_s = {story.EXPECT_TOLERANCE_S}", "", "[expect.impact]",
         f"requests = {impact['requests']}", f"failed = {impact['failed_5xx']}", f"clients = {impact['clients']}",
         f"clients_affected = {impact['clients_affected']}"]
with open(out + "/story.toml", "w") as file:
    file.write("\n".join(toml) + "\n")
for path in glob.glob(logs + "/*"):
    if os.path.getsize(path) > 100_000:
        subprocess.run(["gzip", "-9nf", path], check=True)
print(json.dumps({k: truth[k] for k in ("onset", "user_visible_start", "recovered", "impact", "impact_outage_window", "counts")}, indent=1))
