"""truth.json and story.toml: from the private journals (tap.py, the driver, the deploys), and counts from the raw logs."""
import collections
import glob
import gzip
import json
import os
import re
import shutil
import time

from .clock import epoch, stamp

SESSION_ENDS_PG = {"received": " connection received: ", "authenticated": " connection authenticated: ",
                   "authorized": " connection authorized: ", "disconnections": " disconnection: "}


class Deploys:
    """deploys.log, and the same with what only the story knows in a private file."""

    def __init__(self, ctx):
        self.log, self.path, self.rows = ctx.deploys, ctx.work + "/deploys.json", []

    def add(self, service, version, commit, by="ci", introduces_cause=False, fixes_cause=False):
        now = time.time()
        with open(self.log, "a") as sink:
            sink.write(f"{stamp(now)} deployed {service} version {version} (commit {commit}) by {by}\n")
        self.rows.append({"time": stamp(now), "service": service, "version": version, "introduces_cause": introduces_cause,
                          "fixes_cause": fixes_cause})
        self.done()

    def done(self):
        with open(self.path, "w") as sink:
            json.dump(self.rows, sink)


def freeze(ctx):
    """Keep the logs as they are now, with every server still up."""
    shutil.copytree(ctx.logs, ctx.work + "/frozen")
    with open(ctx.work + "/frozen_at", "w") as sink:
        sink.write(str(time.time()))


def lines(path):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", errors="replace") as source:
        yield from source


def log_files(ctx, pattern):
    return sorted(glob.glob(f"{ctx.out}/logs/{pattern}*"))


def journal(ctx, pattern):
    """Events of the private journals, by time, up to the moment the logs were kept."""
    limit = float(open(ctx.work + "/frozen_at").read())
    rows = [json.loads(line) for path in glob.glob(f"{ctx.work}/{pattern}") for line in open(path)]
    return sorted((r for r in rows if r["t"] <= limit), key=lambda r: r["t"])


def pool_truth(ctx):
    """What the pools' own events say: counts, and borrows that outlived their request."""
    opened, ended, counts, leaks = {}, set(), collections.Counter(), collections.defaultdict(list)
    cut = 0
    rows = journal(ctx, "tap-*.jsonl")
    ended = {r["rid"] for r in rows if r["event"] == "request_end"}
    for row in rows:
        counts[row["event"]] += 1
        key = (row["pid"], row.get("address"))
        if row["event"] == "checkout":
            opened[key] = row
        elif row["event"] == "checkin":
            opened.pop(key, None)
    for row in opened.values():
        if row["rid"] in ended and row.get("endpoint"):
            leaks[row["endpoint"]].append(row)
        else:
            cut += 1
    return counts, leaks, cut


def access_impact(ctx, pattern, parse):
    """Requests, failures and clients, counted from the load balancer's log; parse(line) gives (client, status) or None."""
    status, seen, hit, gave_up = collections.Counter(), set(), set(), set()
    for path in log_files(ctx, pattern):
        for line in lines(path):
            parsed = parse(line)
            if parsed:
                client, code = parsed
                status[code] += 1
                seen.add(client)
                if code >= 500:
                    hit.add(client)
                elif code == 499:
                    gave_up.add(client)
    return {"requests": sum(status.values()), "failed_5xx": sum(n for s, n in status.items() if s >= 500), "clients": len(seen),
            "clients_affected": len(hit), "status": {str(k): v for k, v in sorted(status.items())},
            "client_gave_up_499": status[499], "clients_affected_incl_499": len(hit | gave_up)}


def nginx_line(line):
    found = re.match(r'(\S+) - .*?\] "[^"]*" (\d{3}) ', line)
    return (found[1], int(found[2])) if found else None


def count(ctx, pattern, needle):
    return sum(needle in line for path in log_files(ctx, pattern) for line in lines(path))


def pg_counts(ctx, pattern="postgresql.log"):
    counts = {"pg_" + ("disconnections" if k == "disconnections" else "connections_" + k): count(ctx, pattern, v)
              for k, v in SESSION_ENDS_PG.items()}
    counts["pg_fatal"] = count(ctx, pattern, " FATAL: ")
    counts["pg_error"] = count(ctx, pattern, " ERROR: ")
    counts["pg_slow_statements"] = count(ctx, pattern, " duration: ")
    counts["pg_log_lines"] = sum(1 for path in log_files(ctx, pattern) for _ in lines(path))
    state, refused = {}, 0  # process ids are used again: follow the lines in order
    for path in log_files(ctx, pattern):
        for line in lines(path):
            pid = re.search(r"\[(\d+)\]", line)
            if " connection authorized: " in line:
                refused += state.get(pid[1]) == "turned away"
                state[pid[1]] = "open"
            elif " disconnection: " in line:
                state.pop(pid[1], None)
            elif " FATAL: " in line and state.get(pid[1]) == "open":
                state[pid[1]] = "turned away"
    refused += sum(v == "turned away" for v in state.values())
    counts["pg_authorized_lines"] = counts["pg_connections_authorized"]
    counts["pg_turned_away_after_authorized"] = refused
    counts["pg_connections_authorized"] -= refused  # sessions that were let in
    counts["open_at_end"] = sorted("pg_pid:" + p for p, v in state.items() if v == "open")
    counts["pg_sessions_open_at_end"] = len(counts["open_at_end"])
    return counts


def pool_counts(ctx, pattern="app*.log"):
    return {"checkouts": count(ctx, pattern, " checked out from pool"), "checkins": count(ctx, pattern, " being returned to pool"),
            "pool_created": count(ctx, pattern, "Created new connection"), "tracebacks": count(ctx, pattern, "Traceback (most recent"),
            "pool_timeout_errors_logged": count(ctx, pattern, "sqlalchemy.exc.TimeoutError: QueuePool limit")}


def failures(ctx, onset, known_bug):
    """Failed requests of the visitors from the cause's onset, from the driver's journal; the known bug's excluded."""
    rows = [json.loads(line) for line in open(ctx.work + "/driver.jsonl")]
    return [r for r in rows if r[0] >= onset and r[2] >= 500 and not re.search(known_bug, r[5])]


def site_line(source, file, marker):
    for number, line in enumerate(open(os.path.join(source, file)), 1):
        if marker in line:
            return number
    raise SystemExit(f"{marker!r} not in {file}")


def toml_value(value):
    return json.dumps(value)


def write_story(ctx, title, expect):
    text = f'title = {toml_value(title)}\nstory = {toml_value(ctx.story)}\npaths = ["logs"]\nflags = []\n'
    tables, leaks = [], expect.pop("leaks", [])
    text += "\n[expect]\n"
    for key, value in expect.items():
        if isinstance(value, dict):
            tables.append((key, value))
        elif value is not None:
            text += f"{key} = {toml_value(value)}\n"
    for key, value in tables:
        text += f"\n[expect.{key}]\n" + "".join(f"{k} = {toml_value(v)}\n" for k, v in value.items() if v is not None)
    for leak in leaks:
        text += "\n[[expect.leaks]]\n" + "".join(f"{k} = {toml_value(v)}\n" for k, v in leak.items() if v is not None)
    with open(ctx.out + "/story.toml", "w") as sink:
        sink.write(text)


def write_truth(ctx, stack, cause, sites, source, title, red_herrings, ruled_out, trigger=None, alert=None,
                known_bug=r"/related$", more_counts=None, ledger=("db", "pool"), leak_rows=None, access=("access.log", nginx_line),
                zones=None, tolerance=300, onset=None):
    """The common end of every Python story. sites: endpoint -> (file, text of the line, function)."""
    deploys = json.load(open(ctx.work + "/deploys.json"))
    if leak_rows is None:
        tapped, leaked, cut = pool_truth(ctx)
    else:
        tapped, leaked, cut = leak_rows
    counts = {os.path.basename(p).split(".")[0].replace("-", "_") + "_lines": sum(1 for _ in lines(p))
              for p in log_files(ctx, "*.log")}
    if glob.glob(f"{ctx.out}/logs/postgresql*"):
        counts.update(pg_counts(ctx))
    if "pool" in ledger:
        counts.update(pool_counts(ctx))
        counts["truth_checkouts"], counts["truth_checkins"] = tapped["checkout"], tapped["checkin"]
    counts["cut_by_restart"] = cut
    counts["alert_webhook_lines"] = sum(1 for p in log_files(ctx, "alerts.jsonl") for _ in lines(p))
    counts.update(more_counts or {})
    impact = access_impact(ctx, *access)
    seen = recovered = None
    if cause != "none":
        onset = onset or next(epoch(d["time"][:-1]) for d in deploys if d["introduces_cause"])
        failed = failures(ctx, onset, known_bug)
        seen, recovered = min(r[0] for r in failed), max(r[0] + r[3] for r in failed)
        impact["driver_failed_incident"] = len(failed)
        impact["user_visible_minutes"] = len({int(r[0] // 60) for r in failed})
    leaks, expected = [], []
    for endpoint, rows in leaked.items():
        if endpoint not in sites:
            raise SystemExit(f"a leak nobody planted: {endpoint} {rows[:3]}")
        file, marker, function = sites[endpoint]
        line = site_line(source, file, marker)
        leaks.append({"call_site": f"{file}:{line} {function}", "endpoint": endpoint, "count": len(rows),
                      "first": stamp(rows[0]["t"], 3), "last": stamp(rows[-1]["t"], 3), "connections": [r["session"] for r in rows]})
        expected.append({"file": file, "line": line, "function": function, "endpoint": endpoint, "sessions": len(rows)})
    moment = lambda t: None if t is None else stamp(t, 3)
    first_alert = None
    if alert:
        starts = [a["startsAt"] for p in log_files(ctx, "alerts.jsonl") for line in lines(p) for a in json.loads(line)["alerts"]
                  if a["labels"]["alertname"] == alert and a["status"] == "firing"]
        first_alert = min(starts) if starts else None
    truth = {
        "scenario": ctx.story, "stack": stack, "cause": cause, "onset": moment(onset),
        "first_effect": leaks[0]["first"] if leaks else None, "user_visible_start": moment(seen), "first_alert": first_alert,
        "recovered": moment(recovered), "deploys": deploys, "leaks": leaks, "impact": impact, "clock_skew_s": {},
        "timezones": zones or {os.path.basename(p).removesuffix(".gz"): "UTC" for p in log_files(ctx, "*.log")},
        "counts": counts, "red_herrings": red_herrings,
        "leak_detail": [{"t": stamp(r["t"], 3), "session": r["session"], "address": r.get("address"), "thread": r.get("thread"),
                         "worker_pid": r.get("pid"), "request_id": r.get("rid")} for rows in leaked.values() for r in rows],
    }
    with open(ctx.out + "/truth.json", "w") as sink:
        json.dump(truth, sink, indent=1)
        sink.write("\n")
    expect = {"cause": cause, "trigger": trigger, "ruled_out": ruled_out}
    for layer, opens, closes in (("db", "pg_connections_authorized", "pg_disconnections"), ("db", "db_opens", "db_closes"),
                                 ("pool", "checkouts", "checkins")):
        if layer in ledger and opens in counts:
            expect["ledger." + layer] = {"opens": counts[opens], "closes": counts[closes]}
    if cause != "none":
        expect["incident"] = {"cause_start": moment(onset), "onset": moment(seen), "recovered": moment(recovered),
                              "tolerance_s": tolerance}
    expect["impact"] = {"requests": impact["requests"], "failed": impact["failed_5xx"], "clients": impact["clients"],
                        "clients_affected": impact["clients_affected"]}
    expect["leaks"] = expected
    write_story(ctx, title, expect)


def audit_counts(ctx, pattern="server_audit.log"):
    """MariaDB's audit log: time,host,user,client,connection id,query id,CONNECT|DISCONNECT|FAILED_CONNECT,..."""
    opened, ended = set(), set()
    for path in log_files(ctx, pattern):
        for line in lines(path):
            field = line.rstrip("\n").split(",")
            if field[6:7] == ["CONNECT"]:
                opened.add(field[4])
            elif field[6:7] == ["DISCONNECT"]:
                ended.add(field[4])
    return {"db_opens": len(opened), "db_closes": len(opened & ended),  # a failed login has a DISCONNECT too, and is no session
            "audit_connect_lines": count(ctx, pattern, ",CONNECT,"), "audit_disconnect_lines": count(ctx, pattern, ",DISCONNECT,"),
            "db_failed_logins": count(ctx, pattern, ",FAILED_CONNECT,"),
            "open_at_end": sorted("mysql_id:" + i for i in opened - ended), "db_sessions_open_at_end": len(opened - ended)}
