"""Times of the story. Everything here runs under the virtual clock (vclock.c): time.time() and sleeps are the story's."""
import asyncio
import datetime
import time


def epoch(text):
    """'2023-05-10 10:00' (UTC) as epoch seconds."""
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc).timestamp()


def stamp(seconds=None, digits=0):
    """RFC 3339 in UTC, with 0 or 3 digits after the second."""
    moment = datetime.datetime.fromtimestamp(time.time() if seconds is None else seconds, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{moment.microsecond // 1000:03d}" if digits else "") + "Z"


async def until(when):
    """Sleep until a time of the story (text or epoch seconds)."""
    target = epoch(when) if isinstance(when, str) else when
    while (left := target - time.time()) > 0:
        await asyncio.sleep(min(left, 600))
