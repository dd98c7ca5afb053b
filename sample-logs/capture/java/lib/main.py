"""main.py STORY OUT_DIR: runs a story on stage. Started by run.sh, under libfaketime."""
import asyncio
import importlib.util
import os
import signal
import sys

import clock
from stage import Stage

sources = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
spec = importlib.util.spec_from_file_location("story", f"{sources}/stories/{sys.argv[1]}.py")
story = importlib.util.module_from_spec(spec)
spec.loader.exec_module(story)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
try:
    asyncio.run(Stage(story, os.path.abspath(sys.argv[2]), sources).run())
finally:
    clock.end_everything()
