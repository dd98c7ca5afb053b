"""Log layout: local time, level, thread, logger."""
import contextvars
import logging
import sys

request_id = contextvars.ContextVar("request_id", default="-")


def configure():
    logging.basicConfig(stream=sys.stdout, level=logging.INFO,
                        format="%(asctime)s %(levelname)s [%(threadName)s] %(name)s - %(message)s")
    logging.getLogger("sqlalchemy.pool").setLevel(logging.DEBUG)
