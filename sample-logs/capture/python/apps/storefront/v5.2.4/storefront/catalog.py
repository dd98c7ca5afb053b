"""Catalogue pages."""
from flask import Blueprint, abort, jsonify, request

from . import db

routes = Blueprint("catalog", __name__)


@routes.get("/")
def home():
    return jsonify(offers=[dict(p) for p in db.rows("select id, name, price from products order by sold desc limit 12")])


@routes.get("/categories/<slug>")
def category(slug):
    page = request.args.get("page", 1, type=int)
    found = db.rows("select id, name, price from products where category = :slug order by name limit 20 offset :skip",
                    slug=slug, skip=20 * (page - 1))
    return jsonify(category=slug, page=page, products=[dict(p) for p in found])


@routes.get("/products/<int:product_id>")
def product(product_id):
    found = db.row("select id, name, price, category, stock from products where id = :id", id=product_id)
    if found is None:
        abort(404)
    return jsonify(**found)


@routes.get("/products/<int:product_id>/related")
def related(product_id):
    found = db.row("select category, price, sold, stock from products where id = :id", id=product_id)
    if found is None:
        abort(404)
    turnover = found["sold"] / found["stock"]
    others = db.rows("select id, name, price from products where category = :c and id <> :id order by sold desc limit 6",
                     c=found["category"], id=product_id)
    return jsonify(turnover=round(turnover, 2), products=[dict(p) for p in others])


@routes.get("/search")
def search():
    words = request.args.get("q", "")
    found = db.rows("select id, name, price from products where name ilike :q order by sold desc limit 20", q=f"%{words}%")
    return jsonify(query=words, products=[dict(p) for p in found])
