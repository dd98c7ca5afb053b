"""Small programs beside the application, one database connection each: dbclients.py WHAT USER PASSWORD APP [MARIADB_DATABASE]"""
import os
import sys
import time


def postgres(user, password, app):
    import psycopg2
    return psycopg2.connect(host="127.0.0.1", port=5432, dbname=os.environ.get("PGDATABASE", "meridian"), user=user, password=password, application_name=app)


def mariadb(user, password, database):
    import pymysql
    return pymysql.connect(host="127.0.0.1", port=3306, database=database, user=user, password=password, autocommit=True)


def main():
    what, user, password, app = sys.argv[1:5]
    database = sys.argv[5] if len(sys.argv) > 5 else None
    connection = mariadb(user, password, database) if database else postgres(user, password, app)
    if hasattr(connection, "set_session"):
        connection.set_session(autocommit=True)
    cursor = connection.cursor()
    if what == "listen":
        cursor.execute("listen stock_changed")
        time.sleep(40 * 3600)
    elif what == "console":
        cursor.execute("select count(*) from orders")
        time.sleep(40 * 3600)
    elif what == "scrape":
        cursor.execute("select 1")
        time.sleep(2)
    elif what == "report":
        cursor.execute("select sleep(%s)" if database else "select pg_sleep(%s)", (7,))
        cursor.execute("select sum(total) from orders")
    elif what == "seatcount":
        cursor.execute("select state, count(*), pg_sleep(3) from (select state from seats) s group by state limit 1")
    elif what == "nightly":
        for step in range(40):
            cursor.execute("select state, count(*), sleep(45) from tickets where mod(id, 40) = %s group by state limit 1", (step,))
            cursor.fetchall()
            time.sleep(20)
    connection.close()


main()
