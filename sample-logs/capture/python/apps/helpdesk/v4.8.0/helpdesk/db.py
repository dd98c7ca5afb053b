"""The database engine and two helpers that always give their connection back."""
import os

from sqlalchemy import create_engine, text

engine = create_engine(os.environ["DATABASE_URL"], pool_size=4, max_overflow=6, pool_timeout=20, pool_recycle=3600,
                       pool_pre_ping=True)


def rows(statement, **values):
    with engine.connect() as connection:
        return [dict(r) for r in connection.execute(text(statement), values).mappings()]


def value(statement, **values):
    with engine.connect() as connection:
        return connection.execute(text(statement), values).scalar()


def insert(statement, **values):
    with engine.begin() as connection:
        return connection.execute(text(statement), values).lastrowid
