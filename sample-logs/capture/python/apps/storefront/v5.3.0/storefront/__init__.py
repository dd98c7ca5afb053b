"""Meridian Outdoor storefront: catalogue, baskets, checkout."""
import logging
import os
import time

from flask import Flask, g, jsonify, request

from . import logconf

VERSION = "5.3.0"
log = logging.getLogger("storefront")
access = logging.getLogger("storefront.access")


def create_app():
    logconf.configure(os.environ.get("INSTANCE", "web"))
    from . import account, baskets, catalog, db, vouchers

    app = Flask("storefront")
    for module in (catalog, baskets, vouchers, account):
        app.register_blueprint(module.routes)

    @app.before_request
    def begin():
        g.began = time.monotonic()
        logconf.request_id.set(request.headers.get("X-Request-ID", "-"))
        if request.path != "/health":
            access.info("%s %s from %s", request.method, request.full_path.rstrip("?"), request.headers.get("X-Real-IP", "-"))

    @app.after_request
    def end(response):
        if request.path != "/health":
            access.info("%s %s -> %d in %d ms", request.method, request.path, response.status_code,
                        (time.monotonic() - g.began) * 1000)
        return response

    @app.get("/health")
    def health():
        return jsonify(status="ok", version=VERSION)

    log.info("storefront %s started, database pool %s", VERSION, db.engine.pool.status())
    return app
