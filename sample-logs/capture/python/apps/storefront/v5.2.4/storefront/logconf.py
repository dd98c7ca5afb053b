"""Log layout: one line a record, with the instance, the thread and the request id that nginx assigned."""
import contextvars
import logging
import sys
import time

request_id = contextvars.ContextVar("request_id", default="-")


class RequestId(logging.Filter):
    def filter(self, record):
        record.rid = request_id.get()
        return True


def configure(instance):
    formatter = logging.Formatter(
        "%(asctime)s.%(msecs)03dZ %(levelname)-5s [" + instance + ",%(threadName)s,%(rid)s] %(name)s : %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    handler.addFilter(RequestId())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("sqlalchemy.pool").setLevel(logging.DEBUG)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
