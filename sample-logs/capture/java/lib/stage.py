"""One story on stage: servers up, visitors in, the story's own timeline, servers down."""
import asyncio
import hashlib
import json
import os
import shutil

import clock
from alerts import Alerts
from load import Load
from stack import BASE, HaProxy, Instance, Postgres, Session


class Stage:
    def __init__(self, story, out, sources):
        self.story, self.logs, self.private = story, out + "/logs", out + "/private"
        for folder in (self.logs, self.private, BASE + "/run"):
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
        os.chmod(BASE + "/run", 0o777)
        self.sources = sources
        self.deploys = []
        self.postgres = Postgres(self.logs, story.POSTGRES)
        self.haproxy = HaProxy(self.logs, f"{sources}/stories/{story.HAPROXY}", BASE + "/run")
        self.instances = {name: Instance(name, host, self.logs, self.private, self.postgres, story.APPLICATION, story.SINGLE_LOG)
                          for name, host in story.INSTANCES.items()}
        self.end = clock.parse(story.END)

    async def until(self, moment):
        await asyncio.sleep(max(0, clock.parse(moment) - clock.now()))

    def session(self, role, application):
        return Session(self.postgres, role, application)

    def deploy(self, service, version, by="ci", introduces_cause=False, fixes_cause=False):
        moment = clock.iso(clock.now())
        commit = hashlib.sha1(f"{service} {version}".encode()).hexdigest()[:7]
        with open(self.logs + "/deploys.log", "a") as out:
            out.write(f"{moment} deployed {service} version {version} (commit {commit}) by {by}\n")
        self.deploys.append({"time": moment, "service": service, "version": version, "by": by,
                             "introduces_cause": introduces_cause, "fixes_cause": fixes_cause})

    async def restart(self, version, *names):
        for name in names:
            await self.instances[name].restart(version)

    async def run(self):
        self.postgres.prepare(self.sources + "/shop/schema.sql")
        await self.until(self.story.SERVERS_UP)
        self.postgres.start()
        for instance in self.instances.values():
            instance.start(self.story.FIRST_VERSION)
            await instance.until_ready()
        self.haproxy.start()
        clock.at_end(self.haproxy.syslog)
        await self.until(self.story.OPEN)
        self.load = Load(self.story.crowds(), clock.parse(self.story.OPEN), self.end, self.private + "/visits.jsonl", self.story.SEED)
        self.alerts = Alerts(self.logs + "/alerts.jsonl", self.load)
        watch = asyncio.create_task(self.alerts.watch(**self.story.ALERTS))
        timeline = [asyncio.create_task(part(self)) for part in self.story.TIMELINE]
        await self.load.run()
        for part in timeline:
            part.cancel() if not part.done() else part.result()
        watch.cancel()
        # The logs are taken while the servers still run: sessions of the pools stay open in them.
        await asyncio.sleep(1.5 * clock.RATE)
        with open(self.private + "/stage.json", "w") as out:
            json.dump({"deploys": self.deploys, "taken": clock.iso(clock.now(), True),
                       "starts": {name: i.starts for name, i in self.instances.items()}}, out, indent=1)
        for name in os.listdir(self.logs):
            shutil.copy(f"{self.logs}/{name}", f"{self.private}/taken-{name}")
        for instance in self.instances.values():
            await instance.stop()
        self.haproxy.stop()
        self.postgres.stop()
        for name in os.listdir(self.logs):
            shutil.move(f"{self.private}/taken-{name}", f"{self.logs}/{name}")
