"""Lantern helpdesk: tickets of customers."""
import logging
import os
import time

from flask import Flask, g, jsonify, request
from werkzeug.exceptions import HTTPException

from . import logconf

VERSION = "4.8.1"
log = logging.getLogger("helpdesk")


def create_app():
    logconf.configure()
    from . import db, reports, tickets

    app = Flask("helpdesk")
    app.register_blueprint(tickets.routes)
    app.register_blueprint(reports.routes)

    @app.before_request
    def begin():
        g.began = time.monotonic()
        logconf.request_id.set(request.headers.get("X-Request-ID"))

    @app.after_request
    def end(response):
        if request.path != "/healthz":
            log.info("request done", extra={"fields": {
                "method": request.method, "path": request.path, "status": response.status_code,
                "client": request.headers.get("X-Real-IP"), "duration_ms": int((time.monotonic() - g.began) * 1000)}})
        return response

    @app.errorhandler(Exception)
    def failed(error):
        if isinstance(error, HTTPException):
            return error
        log.error("unhandled error", exc_info=error, extra={"fields": {"method": request.method, "path": request.path}})
        return jsonify(error="internal error"), 500

    @app.get("/healthz")
    def healthz():
        db.value("select 1")
        return jsonify(status="ok", version=VERSION)

    log.info("helpdesk %s ready in process %d", VERSION, os.getpid())
    return app
