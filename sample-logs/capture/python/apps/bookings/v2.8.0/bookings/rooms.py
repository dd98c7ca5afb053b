"""Rooms and their prices."""
from flask import Blueprint, abort, jsonify, request

from . import db

routes = Blueprint("rooms", __name__)


@routes.get("/")
def home():
    return jsonify(rooms=db.rows("select id, house, beds from rooms order by price limit 10"))


@routes.get("/rooms/<int:room_id>")
def room(room_id):
    found = db.rows("select id, house, beds, price from rooms where id = :id", id=room_id)
    if not found:
        abort(404)
    return jsonify(found[0])


@routes.get("/rooms/<int:room_id>/quote")
def quote(room_id):
    nights = request.args.get("nights", 2, type=int)
    found = db.rows("select stay_price(:id, date '2023-06-01', :n) as price", id=room_id, n=nights)
    return jsonify(room=room_id, nights=nights, price=str(found[0]["price"]))


@routes.get("/rooms/<int:room_id>/calendar")
def calendar(room_id):
    found = db.rows("select night, free from nights where room_id = :id order by night limit 30", id=room_id)
    first = found[0]["night"]
    return jsonify(room=room_id, first=str(first), free=[n["free"] for n in found])
