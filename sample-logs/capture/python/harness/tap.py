"""The private truth journal of a Python application: every pool event, with the database's own session id.

Loaded by gunicorn's configuration (never by the application) and written to TRUTH_JOURNAL, outside the logs.
"""
import json
import os
import threading
import time

_lock = threading.Lock()
_sink = None


def note(**values):
    values["t"] = time.time()
    values["pid"] = os.getpid()
    with _lock:
        _sink.write(json.dumps(values) + "\n")
        _sink.flush()


def session_of(connection):
    """The server's own number of a session: a PostgreSQL backend's pid or a MariaDB connection id."""
    if hasattr(connection, "get_backend_pid"):
        return "pg_pid:%d" % connection.info.backend_pid
    return "mysql_id:%d" % connection.thread_id()


def attach(app, engine, request_id):
    global _sink
    _sink = open(os.environ["TRUTH_JOURNAL"], "a")
    from flask import has_request_context, request
    from sqlalchemy import event

    sessions = {}

    def where():
        if has_request_context() and request.url_rule is not None:
            return {"rid": request_id(), "endpoint": f"{request.method} {request.url_rule.rule}", "path": request.path}
        return {"rid": request_id()}

    def on(name, what):
        def listener(connection, *rest):
            if what == "open":
                sessions[id(connection)] = session_of(connection)
            note(event=what, address=hex(id(connection)), session=sessions.get(id(connection)),
                 thread=threading.current_thread().name, **where())
        event.listen(engine.pool, name, listener)

    on("connect", "open")
    on("checkout", "checkout")
    on("checkin", "checkin")
    on("close", "close")

    @app.teardown_request
    def done(error=None):
        note(event="request_end", **where())
