"""Vouchers at checkout."""
import datetime
import logging

from flask import Blueprint, jsonify, request

from . import db

routes = Blueprint("vouchers", __name__)
log = logging.getLogger("storefront.vouchers")


@routes.post("/checkout/<basket_id>/voucher")
def apply_voucher(basket_id):
    code = request.get_json()["code"]
    voucher = db.row("select code, percent, expires_on from vouchers where code = :code", code=code)
    if voucher is None or voucher["expires_on"] < datetime.date.today():
        log.info("voucher %s refused for basket %s", code, basket_id)
        return jsonify(error="this voucher is not valid any more"), 422
    total = db.row("select coalesce(sum(p.price * i.quantity), 0) as total from basket_items i "
                   "join products p on p.id = i.product_id where i.basket_id = :b", b=basket_id)["total"]
    return jsonify(code=code, total=str(total * (100 - voucher["percent"]) / 100))
