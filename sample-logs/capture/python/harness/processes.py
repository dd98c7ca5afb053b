"""Start and stop the servers of a story."""
import http.client
import os
import pwd
import signal
import socket
import subprocess
import time


def spawn(arguments, stdout, user=None, env=None, cwd="/", host=None):
    """Start a program with its output appended to a file; `host` gives it a host name of its own."""
    if host:
        arguments = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', host, *arguments]
    options = {}
    if user:
        entry = pwd.getpwnam(user)
        options = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    home = {"HOME": "/srv/meridian", "PATH": os.environ["PATH"], "TZ": "UTC", "LANG": "C.UTF-8"}
    home.update({k: os.environ[k] for k in ("VCLOCK", "LD_PRELOAD") if k in os.environ})
    with open(stdout, "ab") as sink:
        return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, cwd=cwd,
                                env={**home, **(env or {})}, **options)


def stop(process, how=signal.SIGTERM, patience=1200):
    """Stop one process that spawn() started; kill it when it takes longer than `patience` (virtual) seconds."""
    if process.poll() is None:
        process.send_signal(how)
        deadline = time.time() + patience
        while process.poll() is None and time.time() < deadline:
            time.sleep(1)
        if process.poll() is None:
            process.kill()
    process.wait()


def wait_for(check, what, patience=3600):
    deadline = time.time() + patience
    while time.time() < deadline:
        if check():
            return
        time.sleep(2)
    raise SystemExit(f"{what} did not come up")


def listening(host, port):
    with socket.socket() as probe:
        probe.settimeout(60)
        return probe.connect_ex((host, port)) == 0


def answers(host, port, path):
    """A GET of the path is answered with 200."""
    connection = http.client.HTTPConnection(host, port, timeout=120)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
