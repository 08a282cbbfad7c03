"""DuckDB as the benchmarks use it: with the extensions that bench/setup installed, and the stack's bucket."""
import importlib.util
import os
import pathlib

import duckdb


def extension(name):
    """The file inside the Python package that carries a DuckDB extension."""
    package = pathlib.Path(importlib.util.find_spec(f"duckdb_extension_{name}").origin).parent
    return next(package.rglob("*.duckdb_extension"))


def connect(*extensions, threads=None):
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    connection.execute("SET enable_progress_bar = false; SET TimeZone = 'UTC'")
    if threads:
        connection.execute(f"SET threads = {threads}")
    for name in extensions:
        connection.load_extension(str(extension(name)))
    if "httpfs" in extensions:
        connection.execute(
            f"""CREATE SECRET (TYPE s3, KEY_ID '{os.environ["S3_ACCESS_KEY"]}', SECRET '{os.environ["S3_SECRET_KEY"]}',
                ENDPOINT '{os.environ["S3_ENDPOINT"].removeprefix("http://")}', URL_STYLE path, USE_SSL false,
                REGION 'us-east-1')""")
    return connection


def attach_mysql(connection, database):
    connection.execute(
        f"""ATTACH 'host={os.environ["MYSQL_HOST"]} port={os.environ["MYSQL_PORT"]} user={os.environ["MYSQL_USER"]}
            passwd={os.environ["MYSQL_PWD"]} database={database}' AS source (TYPE mysql, READ_ONLY)""")


def start_when_told():
    """The runner's clock starts when Python and the extensions are loaded."""
    print("ready", flush=True)
    input()
