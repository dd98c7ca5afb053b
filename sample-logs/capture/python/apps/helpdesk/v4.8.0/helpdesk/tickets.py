"""Tickets, comments, attachments."""
from flask import Blueprint, abort, jsonify, request

from . import db

routes = Blueprint("tickets", __name__)


@routes.get("/tickets")
def listing():
    state, page = request.args.get("state", "open"), request.args.get("page", 1, type=int)
    found = db.rows("select id, subject, state from tickets where state = :s order by id desc limit 25 offset :o",
                    s=state, o=25 * (page - 1))
    return jsonify(tickets=found)


@routes.get("/tickets/<int:ticket_id>")
def show(ticket_id):
    found = db.rows("select id, customer_id, subject, state from tickets where id = :id", id=ticket_id)
    if not found:
        abort(404)
    return jsonify(ticket=found[0], comments=db.rows("select id, body from comments where ticket_id = :id", id=ticket_id))


@routes.post("/tickets")
def create():
    body = request.get_json()
    number = db.insert("insert into tickets (customer_id, subject, state, opened) values (:c, :s, 'open', now())",
                       c=body["customer"], s=body["subject"])
    return jsonify(id=number), 201


@routes.post("/tickets/<int:ticket_id>/comments")
def comment(ticket_id):
    number = db.insert("insert into comments (ticket_id, body) values (:t, :b)", t=ticket_id, b=request.get_json()["body"])
    return jsonify(id=number), 201


@routes.get("/customers/<int:customer_id>")
def customer(customer_id):
    found = db.rows("select id, name, plan from customers where id = :id", id=customer_id)
    if not found:
        abort(404)
    return jsonify(customer=found[0], tickets=db.rows("select id, subject from tickets where customer_id = :id", id=customer_id))


@routes.get("/attachments/<int:attachment_id>")
def attachment(attachment_id):
    found = db.rows("select name, kind from attachments where id = :id", id=attachment_id)
    if not found:
        abort(404)
    family, _, form = found[0]["kind"].partition("/")
    return jsonify(name=found[0]["name"], family=family, form=form)
