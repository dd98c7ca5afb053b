"""Baskets and payment."""
import logging

from flask import Blueprint, abort, jsonify, request

from . import db

routes = Blueprint("baskets", __name__)
log = logging.getLogger("storefront.baskets")


@routes.post("/baskets/<basket_id>/items")
def add_item(basket_id):
    item = request.get_json()
    db.change("insert into basket_items (basket_id, product_id, quantity) values (:b, :p, :q)",
              b=basket_id, p=item["product"], q=item.get("quantity", 1))
    return jsonify(basket=basket_id), 201


@routes.get("/baskets/<basket_id>")
def show(basket_id):
    items = db.rows("select p.id, p.name, p.price, i.quantity from basket_items i join products p on p.id = i.product_id "
                    "where i.basket_id = :b order by i.id", b=basket_id)
    return jsonify(basket=basket_id, items=[dict(i) for i in items])


@routes.post("/checkout/<basket_id>/pay")
def pay(basket_id):
    total = db.row("select coalesce(sum(p.price * i.quantity), 0) as total from basket_items i "
                   "join products p on p.id = i.product_id where i.basket_id = :b", b=basket_id)["total"]
    if not total:
        abort(409)
    order_id = db.change("insert into orders (basket_id, total) values (:b, :t) returning id", b=basket_id, t=total).scalar()
    log.info("order %d placed for basket %s, total %s", order_id, basket_id, total)
    return jsonify(order=order_id, total=str(total)), 201


@routes.post("/hooks/payments")
def payment_hook():
    notice = request.get_json()
    changed = db.change("update orders set paid = true where id = :id", id=notice["order"]).rowcount
    return jsonify(updated=changed), 202
