"""Figures for team leads."""
from flask import Blueprint, jsonify

from . import db

routes = Blueprint("reports", __name__)


@routes.get("/reports/weekly")
def weekly():
    with db.engine.connect() as connection:
        connection.exec_driver_sql("select sleep(1.5)")
        totals = connection.exec_driver_sql("select state, count(*) from tickets group by state").all()
    return jsonify({state: total for state, total in totals})
