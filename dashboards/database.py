"""Questions asked of PostgreSQL, through psql, which every machine with the stack has: libpq's variables say where."""

import json
import os
import subprocess
from decimal import Decimal

from question import Fault

# Whatever is asked, nothing is written and nobody waits for ever.
OPTIONS = '-c default_transaction_read_only=on -c statement_timeout=60s -c TimeZone=UTC -c DateStyle=ISO'


def ask(dashboard, question):
    """Rows as dicts from column to value, columns in order; numbers as int or Decimal, times as text."""
    query = f"SELECT coalesce(json_agg(row), '[]') FROM (\n{question.sql}\n) row;\n"
    environment = {**os.environ, 'PGOPTIONS': f"{os.environ.get('PGOPTIONS', '')} {OPTIONS}".strip(), 'PGCLIENTENCODING': 'UTF8'}
    try:
        psql = subprocess.run(['psql', '-XAtq', '-v', 'ON_ERROR_STOP=1'], input=query, env=environment, encoding='utf-8', capture_output=True)
    except FileNotFoundError:
        raise Fault('there is no psql on PATH') from None
    if psql.returncode != 0:
        raise Fault(f'question {dashboard.name}/{question.name} failed: {psql.stderr.strip()}')
    rows = json.loads(psql.stdout, parse_float=Decimal)
    if not rows and question.empty is None:
        raise Fault(f'question {dashboard.name}/{question.name} has no rows: has the pipeline run?')
    for column in (question.x, question.series, *question.y):
        if rows and column is not None and column not in rows[0]:
            raise Fault(f'question {dashboard.name}/{question.name} has no column "{column}"')
    return rows
