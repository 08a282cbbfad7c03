"""Reads everything, keeps nothing: duckdb_scan.py mysql DATABASE TABLE | csv URL THREADS all|count"""
import sys

import duckdb_open

what, *rest = sys.argv[1:]
if what == "mysql":
    database, table = rest
    connection = duckdb_open.connect("mysql_scanner")
    duckdb_open.attach_mysql(connection, database)
    source, wanted = f"source.{table}", "all"
else:
    url, threads, wanted = rest
    connection = duckdb_open.connect("httpfs", threads=int(threads) or None)
    source = f"read_csv('{url}')"

columns = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
answer = ", ".join(f"max({c})" for c in columns) if wanted == "all" else "count(*)"
duckdb_open.start_when_told()
connection.execute(f"SELECT {answer} FROM {source}").fetchall()
