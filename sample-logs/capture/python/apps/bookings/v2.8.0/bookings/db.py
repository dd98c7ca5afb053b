"""The database engine. Every borrow is a `with`, and a long wait for one is reported."""
import contextlib
import logging
import os
import time

from sqlalchemy import create_engine, text

log = logging.getLogger("bookings.db")
engine = create_engine(os.environ["DATABASE_URL"], pool_size=2, max_overflow=0, pool_timeout=12,
                       connect_args={"application_name": "bookings"})


@contextlib.contextmanager
def borrowed():
    began = time.monotonic()
    with engine.connect() as connection:
        waited = time.monotonic() - began
        if waited > 3:
            log.warning("waited %.1f s for a connection, %s", waited, engine.pool.status())
        yield connection
        connection.commit()


def rows(statement, **values):
    with borrowed() as connection:
        return [dict(r) for r in connection.execute(text(statement), values).mappings()]
