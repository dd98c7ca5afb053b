"""The database engine. One pool a process."""
import os

from sqlalchemy import create_engine, text

engine = create_engine(
    os.environ["DATABASE_URL"],
    pool_size=5,
    max_overflow=5,
    pool_timeout=30,
    pool_logging_name="orders",
    connect_args={"application_name": "storefront-" + os.environ.get("INSTANCE", "web")},
)


def rows(statement, **values):
    with engine.connect() as connection:
        return connection.execute(text(statement), values).mappings().all()


def row(statement, **values):
    found = rows(statement, **values)
    return found[0] if found else None


def change(statement, **values):
    with engine.begin() as connection:
        return connection.execute(text(statement), values)
