"""Watches what visitors see, as a monitoring server would, and writes Alertmanager webhook lines."""
import asyncio
import hashlib
import json

import clock


class Alerts:
    def __init__(self, file, load, receiver="ops-webhook"):
        self.file, self.load, self.receiver, self.firing = file, load, receiver, {}

    async def watch(self, every=60, window=300, ratio=0.05):
        while True:
            await asyncio.sleep(every)
            recent = self._recent(window)
            if len(recent) < 20:
                continue
            share = sum(r["status"] >= 500 for r in recent) / len(recent)
            self._update("ShopHighErrorRate", "critical", share > ratio, share < ratio / 3, f"5xx ratio {share:.1%} over {window // 60}m")

    def _recent(self, window):
        since, rows = clock.now() - window, []
        for row in reversed(self.load.results):
            if row["end"] < since:
                break
            rows.append(row)
        return rows

    def _update(self, name, severity, bad, good, summary):
        if bad and name not in self.firing:
            self.fire(name, severity, summary)
        elif good and name in self.firing:
            self.resolve(name)

    def fire(self, name, severity, summary, instance="shop-api"):
        labels = {"alertname": name, "cluster": "eu-1", "instance": instance, "severity": severity}
        self.firing[name] = {"labels": labels, "summary": summary, "startsAt": clock.iso(clock.now(), True)}
        self._write(name, "firing", "0001-01-01T00:00:00Z")

    def resolve(self, name):
        self._write(name, "resolved", clock.iso(clock.now(), True))
        del self.firing[name]

    def _write(self, name, status, ends):
        alert = self.firing[name]
        labels, annotations = alert["labels"], {"summary": alert["summary"], "runbook_url": f"https://runbooks.example.net/{name}"}
        print_hash = hashlib.sha256(json.dumps(labels).encode()).hexdigest()[:16]
        line = {"receiver": self.receiver, "status": status, "alerts": [{"status": status, "labels": labels, "annotations": annotations,
                "startsAt": alert["startsAt"], "endsAt": ends, "generatorURL": f"http://prometheus.example.net:9090/graph?g0.expr={name}",
                "fingerprint": print_hash}], "groupLabels": {"alertname": name}, "commonLabels": labels, "commonAnnotations": annotations,
                "externalURL": "http://alertmanager.example.net:9093", "version": "4", "groupKey": f'{{}}:{{alertname="{name}"}}',
                "truncatedAlerts": 0}
        with open(self.file, "a") as out:
            out.write(json.dumps(line) + "\n")
