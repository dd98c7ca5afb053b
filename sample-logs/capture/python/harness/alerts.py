"""Alertmanager webhook lines, from rules over what the visitors got."""
import asyncio
import hashlib
import json
import time

from .clock import stamp, until


class Alerts:
    def __init__(self, path, service, cluster, site="meridian.example"):
        self.path, self.service, self.cluster, self.site = path, service, cluster, site
        self.active = {}
        self.first = {}

    def write(self, name, severity, summary, firing, labels=None):
        labels = {"alertname": name, "cluster": self.cluster, "service": self.service, "severity": severity, **(labels or {})}
        now = stamp(digits=3)
        if firing:
            self.active[name] = now
            self.first.setdefault(name, now)
        alert = {"status": "firing" if firing else "resolved", "labels": labels, "annotations": {"summary": summary},
                 "startsAt": self.active[name], "endsAt": "0001-01-01T00:00:00Z" if firing else now,
                 "generatorURL": f"http://prometheus.{self.site}:9090/graph?g0.expr={name}&g0.tab=1",
                 "fingerprint": hashlib.md5(json.dumps(labels, sort_keys=True).encode()).hexdigest()[:16]}
        if not firing:
            self.active.pop(name)
        line = {"receiver": "oncall", "status": alert["status"], "alerts": [alert], "groupLabels": {"alertname": name},
                "commonLabels": labels, "commonAnnotations": alert["annotations"],
                "externalURL": f"http://alertmanager.{self.site}:9093", "version": "4",
                "groupKey": f'{{}}:{{alertname="{name}"}}', "truncatedAlerts": 0}
        with open(self.path, "a") as sink:
            sink.write(json.dumps(line, separators=(",", ":")) + "\n")

    async def watch(self, driver, end, rules):
        """Each minute, test every rule (name, severity, window s, for s, test(results) -> (bool, summary))."""
        since = {}
        while time.time() < end:
            await asyncio.sleep(60)
            now = time.time()
            for name, severity, window, hold, test in rules:
                recent = [r for r in driver.results[-4000:] if r[0] + r[3] >= now - window]
                bad, summary = test(recent)
                if bad:
                    since.setdefault(name, now)
                    if name not in self.active and now - since[name] >= hold:
                        self.write(name, severity, summary, True)
                else:
                    since.pop(name, None)
                    if name in self.active:
                        self.write(name, severity, summary, False)

    async def noise(self, when, until_when, name, severity, summary, labels):
        """An alert that has nothing to do with the story."""
        await until(when)
        self.write(name, severity, summary, True, labels)
        await until(until_when)
        self.write(name, severity, summary, False, labels)


def error_ratio(limit, least=20):
    def test(recent):
        failed = sum(1 for r in recent if r[2] >= 500)
        share = failed / len(recent) if recent else 0.0
        return len(recent) >= least and share > limit, f"{100 * share:.1f}% of requests failed"
    return test


def latency_p95(limit, least=20):
    def test(recent):
        times = sorted(r[3] for r in recent)
        p95 = times[int(len(times) * 0.95)] if times else 0.0
        return len(times) >= least and p95 > limit, f"p95 latency is {p95:.2f}s"
    return test
