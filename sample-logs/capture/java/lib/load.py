"""Visitors: Poisson arrivals by a daily profile, a mix of pages, a crowd of clients; writes down what each of them saw."""
import asyncio
import json
import random

import clock
from stack import LB_HOST


class Crowd:
    """Clients that share a mix of pages. profile: [(moment, requests per second)], linear in between."""

    def __init__(self, clients, pages, profile, patience=None):
        self.clients, self.profile, self.patience = clients, profile, patience or [(1, 75)]
        self.weights = [weight for weight, _ in pages]
        self.pages = [page for _, page in pages]

    def rate(self, moment):
        for (a, low), (b, high) in zip(self.profile, self.profile[1:]):
            if a <= moment < b:
                return low + (high - low) * (moment - a) / (b - a)
        return 0.0

    def visits(self, seed, begin, end):
        """The crowd's visits, the same for the same seed: (moment, client, method, path, body, patience)."""
        chance, due = random.Random(seed), begin
        while True:
            rate = self.rate(due)
            due += chance.expovariate(rate) if rate > 0 else 30
            if due >= end:
                return
            if rate > 0:
                page = chance.choices(self.pages, self.weights)[0](chance)
                patience = chance.choices([p for _, p in self.patience], [w for w, _ in self.patience])[0]
                yield due, chance.choice(self.clients), *page, patience


class Load:
    def __init__(self, crowds, begin, end, journal, seed):
        self.plans = [crowd.visits(f"{seed}/{n}", begin, end) for n, crowd in enumerate(crowds)]
        self.out = open(journal, "w")
        self.results = []

    async def run(self):
        await asyncio.gather(*(self._crowd(plan) for plan in self.plans))

    async def _crowd(self, plan):
        pending = set()
        for due, *visit in plan:
            await asyncio.sleep(max(0, due - clock.now()))
            task = asyncio.create_task(self.request(*visit))
            pending.add(task)
            task.add_done_callback(pending.discard)
        await asyncio.gather(*pending)

    async def request(self, client, method, path, body="", patience=75):
        began, status, reply = clock.now(), 0, ""
        try:
            status, reply = await asyncio.wait_for(self._exchange(client, method, path, body), patience)
        except asyncio.TimeoutError:
            reply = "gave up"
        except (OSError, ValueError, IndexError) as failure:
            reply = repr(failure)
        row = {"t": round(began, 3), "end": round(clock.now(), 3), "client": client, "method": method, "path": path,
               "status": status, "reply": reply[:60] if status >= 500 or not status else ""}
        self.results.append(row)
        self.out.write(json.dumps(row) + "\n")

    async def _exchange(self, client, method, path, body):
        reader, writer = await asyncio.open_connection(LB_HOST, 8080)
        try:
            form = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n" if method == "POST" else ""
            writer.write(f"{method} {path} HTTP/1.1\r\nHost: shop.example.net\r\nX-Forwarded-For: {client}\r\n"
                         f"{form}Connection: close\r\n\r\n{body}".encode())
            reply = (await reader.read(-1)).decode("latin-1")
            return int(reply.split(" ", 2)[1]), reply.partition("\r\n\r\n")[2]
        finally:
            writer.close()
