"""Casa Norte bookings: rooms, prices, reservations."""
import logging
import os
import time

from flask import Flask, g, jsonify, request

from . import logconf

VERSION = "2.8.0"
log = logging.getLogger("bookings")


def create_app():
    logconf.configure()
    from . import db, reservations, rooms

    app = Flask("bookings")
    app.register_blueprint(rooms.routes)
    app.register_blueprint(reservations.routes)

    @app.before_request
    def begin():
        g.began = time.monotonic()
        logconf.request_id.set(request.headers.get("X-Request-ID", "-"))

    @app.after_request
    def end(response):
        if request.path != "/ping":
            log.info("%s %s %s %d %d ms req=%s", request.headers.get("X-Real-IP", "-"), request.method, request.path,
                     response.status_code, (time.monotonic() - g.began) * 1000, logconf.request_id.get())
        return response

    @app.get("/ping")
    def ping():
        return jsonify(status="ok")

    log.info("bookings %s started in process %d, %s", VERSION, os.getpid(), db.engine.pool.status())
    return app
