"""The visitors: an open-loop HTTP load driver on the story's clock."""
import asyncio
import json
import random
import time
import zlib

AGENTS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/113.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:109.0) Gecko/20100101 Firefox/113.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.4 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 16_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.4 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/112.0.0.0 Mobile Safari/537.36",
]


def addresses(count, rng, ipv6=0.0):
    """Client addresses from the documentation ranges; beyond the 750 of IPv4, and for a share of all, IPv6."""
    four = [f"{net}.{host}" for net in ("192.0.2", "198.51.100", "203.0.113") for host in range(1, 251)]
    rng.shuffle(four)
    chosen = []
    for _ in range(count):
        if four and rng.random() >= ipv6:
            chosen.append(four.pop())
        else:
            chosen.append(f"2001:db8:{rng.randrange(1, 0xffff):x}:{rng.randrange(1, 0xffff):x}::{rng.randrange(1, 0xffff):x}")
    return chosen


def arrivals(begin, end, per_hour, rng):
    """Poisson arrivals between two epoch times; per_hour maps an epoch time to a rate."""
    peak = max(per_hour(begin + i * 300) for i in range(int((end - begin) / 300) + 1))
    times, now = [], begin
    while True:
        now += rng.expovariate(peak / 3600)
        if now >= end:
            return times
        if rng.random() < per_hour(now) / peak:
            times.append(now)


class Driver:
    """Sends requests to the load balancer and keeps what came back (epoch, client, status or 0, seconds, path)."""

    def __init__(self, host, port, site, journal):
        self.host, self.port, self.site = host, port, site
        self.results = []
        self.journal = open(journal, "w")

    async def send(self, client, method, path, body=None, agent=AGENTS[0], referer=None, patience=90, count=True):
        began = time.time()
        status, data = 0, b""
        try:
            status, data = await asyncio.wait_for(self._exchange(client, method, path, body, agent, referer), patience)
        except (asyncio.TimeoutError, OSError, asyncio.IncompleteReadError, ValueError):
            pass
        row = (began, client, status, time.time() - began, method, path)
        if count:
            self.results.append(row)
        self.journal.write(json.dumps(row) + "\n")
        return status, data

    async def _exchange(self, client, method, path, body, agent, referer):
        payload = json.dumps(body).encode() if body is not None else b""
        head = [f"{method} {path} HTTP/1.1", f"Host: {self.site}", f"User-Agent: {agent}", "Accept: */*",
                f"X-Forwarded-For: {client}", "Connection: close"]
        if referer:
            head.append(f"Referer: https://{self.site}{referer}")
        if payload:
            head += ["Content-Type: application/json", f"Content-Length: {len(payload)}"]
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + payload)
            await writer.drain()
            data = await reader.read(-1)
        finally:
            writer.close()
        return int(data.split(b" ", 2)[1]), data.partition(b"\r\n\r\n")[2]

    async def visit(self, begin, client, steps, rng):
        """One visit: steps of (think seconds, method, path, body). A visitor retries a failed page once or twice, then leaves."""
        from .clock import until
        await until(begin)
        agent, referer = AGENTS[zlib.crc32(client.encode()) % len(AGENTS)], None
        patience = 90 if rng.random() < 0.8 else rng.uniform(8, 25)
        tries = 0
        for think, method, path, body in steps:
            await asyncio.sleep(think)
            while True:
                status, _ = await self.send(client, method, path, body, agent, referer, patience)
                if 0 < status < 500:
                    break
                tries += 1
                if tries > 2:
                    return
                await asyncio.sleep(rng.uniform(4, 30))
            if method == "GET":
                referer = path

    async def every(self, seconds, end, client, method, path, body=None, agent="", jitter=0.0, patience=90, rng=random):
        """A machine's requests, one each so many seconds; `path` and `body` may be functions."""
        while time.time() < end:
            p = path() if callable(path) else path
            b = body() if callable(body) else body
            await self.send(client, method, p, b, agent, patience=patience, count=False)
            await asyncio.sleep(seconds * (1 + jitter * rng.uniform(-1, 1)))
