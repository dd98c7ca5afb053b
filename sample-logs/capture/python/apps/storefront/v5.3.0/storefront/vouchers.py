"""Vouchers at checkout."""
import datetime
import logging

from flask import Blueprint, jsonify, request

from .pricing import PriceSnapshot

routes = Blueprint("vouchers", __name__)
log = logging.getLogger("storefront.vouchers")


@routes.post("/checkout/<basket_id>/voucher")
def apply_voucher(basket_id):
    code = request.get_json()["code"]
    prices = PriceSnapshot.of(basket_id)
    voucher = prices.voucher(code)
    if voucher is None or voucher["expires_on"] < datetime.date.today():
        log.info("voucher %s refused for basket %s", code, basket_id)
        return jsonify(error="this voucher is not valid any more"), 422
    total = prices.total() * (100 - voucher["percent"]) / 100
    prices.release()
    return jsonify(code=code, total=str(total))
