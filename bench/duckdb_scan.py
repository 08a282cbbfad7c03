"""Reads everything, keeps nothing: duckdb_scan.py mysql DATABASE TABLE | csv URL THREADS all|count"""
import sys

import duckdb_open

what, *rest = sys.argv[1:]
if what == "mysql":
    database, table = rest
    connection = duckdb_open.connect("mysql_scanner")
    duckdb_open.attach_mysql(connection, database)
    # A plain max() would be computed by MySQL.
    query = f"SELECT max(hash(COLUMNS(*))) FROM source.{table}"
else:
    url, threads, wanted = rest
    connection = duckdb_open.connect("httpfs", threads=int(threads) or None)
    query = f"SELECT {'max(COLUMNS(*))' if wanted == 'all' else 'count(*)'} FROM read_csv('{url}')"

duckdb_open.start_when_told()
connection.execute(query).fetchall()
