"""The story's clock. The run itself is under libfaketime; every server is started on the run's present moment and rate."""
import datetime
import os
import signal
import subprocess
import time

# From here to the first instruction of a started program; makes the clocks agree to about 0.1 s at x60.
START_COST_S = 0.0015
RATE = float(os.environ["STORY_RATE"])


_started = []


def at_end(process):
    _started.append(process)


def end_everything():
    """After a failure: nothing of the run stays behind."""
    for process in _started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGINT)      # PostgreSQL would wait for its clients after the first


def now():
    return time.time()


def parse(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def iso(moment, milliseconds=False):
    stamp = datetime.datetime.fromtimestamp(moment, datetime.timezone.utc)
    return stamp.isoformat(timespec="milliseconds" if milliseconds else "seconds").replace("+00:00", "Z")


def environment(**more):
    """An environment in which a program started at once shares the story's clock."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("FAKETIME", "STORY_"))}
    start = datetime.datetime.fromtimestamp(now() + START_COST_S * RATE, datetime.timezone.utc)
    env.update(FAKETIME=start.strftime("@%Y-%m-%d %H:%M:%S.%f") + f" x{RATE:g}", FAKETIME_DISABLE_SHM="1",
               NO_FAKE_STAT="1", TZ="UTC", LC_ALL="C.UTF-8", **more)
    return env


def real_environment(**more):
    """An environment on the machine's own clock, for clients whose clock shows in no log."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("FAKETIME", "STORY_", "LD_PRELOAD"))}
    env.update(more)
    return env


def spawn(command, log=None, user=None, env=None, **more):
    output = open(log, "ab") if log else subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT if log else subprocess.DEVNULL,
                               stdin=subprocess.DEVNULL, env=environment(**(env or {})), user=user, group=user,
                               start_new_session=True, cwd="/", **more)
    _started.append(process)
    return process
