"""Orders of a customer."""
from flask import Blueprint, abort, jsonify

from . import db

routes = Blueprint("account", __name__)


@routes.get("/orders/<int:order_id>")
def order(order_id):
    found = db.row("select id, basket_id, total, paid from orders where id = :id", id=order_id)
    if found is None:
        abort(404)
    return jsonify(**found)
