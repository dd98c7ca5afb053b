"""capture.py prepare|begin|run|finish STORY OUT_DIR (see run.sh)."""
import asyncio
import importlib
import os
import shutil
import sys
import types

from . import clock

STORIES = {
    "2023-05-10-shop-leak": "shop_leak",
    "healthy-day": "healthy_day",
    "2024-03-10-cascade": "cascade",
}


def context(name, out):
    out = os.path.abspath(out)
    return types.SimpleNamespace(story=name, out=out, logs="/srv/meridian/log", work="/srv/meridian/work",
                                 deploys="/srv/meridian/log/deploys.log")


def main():
    command, name, out = sys.argv[1:4]
    ctx = context(name, out)
    story = importlib.import_module("stories." + STORIES[name])
    if command == "prepare":
        for folder in (ctx.logs, ctx.work):
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
            os.chmod(folder, 0o777)
        story.prepare(ctx)
    elif command == "begin":
        print(clock.epoch(story.BEGIN), story.RATE)
    elif command == "run":
        asyncio.run(story.run(ctx))
    elif command == "finish":
        target = os.path.join(ctx.out, "logs")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(ctx.work + "/frozen", target)
        for entry in sorted(os.listdir(target)):
            path = os.path.join(target, entry)
            os.chmod(path, 0o644)
            if os.path.getsize(path) > 100_000:
                if os.system(f"gzip -9n {path}"):
                    raise SystemExit("gzip failed")
        story.finish(ctx)


main()
