"""RetailDB with DuckDB: MySQL -> Parquet in the buckets raw, silver and gold -> tables in PostgreSQL.

duckdb_retail.py MYSQL_DATABASE BUCKET      into the database that PGDATABASE names
"""
import pathlib
import sys

import duckdb_open

here = pathlib.Path(__file__).parent
database, bucket = sys.argv[1:]
connection = duckdb_open.connect("mysql_scanner", "httpfs", "postgres_scanner")
duckdb_open.start_when_told()

duckdb_open.attach_mysql(connection, database)
connection.execute("CREATE SCHEMA bronze; CREATE SCHEMA silver; CREATE SCHEMA gold")
for table in ("departments", "categories", "products", "customers", "orders", "order_items"):
    url = f"s3://{bucket}/raw/{table}.parquet"
    columns = "* EXCLUDE (customer_password)" if table == "customers" else "*"
    connection.execute(f"COPY (SELECT {columns} FROM source.{table}) TO '{url}' (FORMAT parquet)")
    connection.execute(f"CREATE VIEW bronze.{table} AS FROM '{url}'")

connection.execute((here / "retail_model.sql").read_text())
tables = connection.execute("SELECT schema_name, table_name FROM duckdb_tables() WHERE schema_name IN ('silver', 'gold')").fetchall()
for schema, table in tables:
    connection.execute(f"COPY {schema}.{table} TO 's3://{bucket}/{schema}/{table}.parquet' (FORMAT parquet)")

connection.execute("ATTACH '' AS target (TYPE postgres)")  # the address comes from libpq's environment
for schema in ("silver", "gold"):
    connection.execute(f"CALL postgres_execute('target', 'DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}')")
connection.execute("DETACH target; ATTACH '' AS target (TYPE postgres)")
for schema, table in tables:
    connection.execute(f"CREATE TABLE target.{schema}.{table} AS FROM memory.{schema}.{table}")
keys = (here / "retail_keys.sql").read_text().replace("'", "''")
connection.execute(f"CALL postgres_execute('target', '{keys}')")
