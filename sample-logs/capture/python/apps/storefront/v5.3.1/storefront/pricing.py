"""Prices as of one moment: every step of a checkout reads the same snapshot of the catalogue."""
from sqlalchemy import text

from . import db


class PriceSnapshot:
    """A repeatable-read transaction on a connection of its own, found again by basket until it is released."""

    _open = {}

    def __init__(self, basket_id):
        self.basket_id = basket_id
        self.connection = db.engine.connect().execution_options(isolation_level="REPEATABLE READ")

    @classmethod
    def of(cls, basket_id):
        snapshot = cls._open.get(basket_id)
        if snapshot is None:
            snapshot = cls._open[basket_id] = cls(basket_id)
        return snapshot

    def voucher(self, code):
        return self.connection.execute(
            text("select code, percent, expires_on from vouchers where code = :code"), {"code": code}).mappings().first()

    def total(self):
        return self.connection.execute(
            text("select coalesce(sum(p.price * i.quantity), 0) from basket_items i "
                 "join products p on p.id = i.product_id where i.basket_id = :b"), {"b": self.basket_id}).scalar()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.release()

    def release(self):
        self._open.pop(self.basket_id, None)
        self.connection.close()
