"""Questions and dashboards as they lie in the folders beside this file: one folder per dashboard, one file of SQL per
question, with a header of comments that says how it is shown. Metabase and the report are both made from them.

    -- title: Revenue by day
    -- description: A day without orders counts as 0
    -- chart: line
    -- x: Day
    -- y: Revenue (USD)
    -- place: 0 3 24 7
    SELECT order_date AS "Day", ...

    title        its name, in Metabase too: of two questions of a dashboard, none may have the same
    description  one sentence
    chart        number, table, line, bar (upright), row (lying), or map (of the USA)
    x, y         columns; y may name several, with commas: one line or group of bars each
    series       column whose values are the lines, or groups of bars
    axis         what the upright axis says, where y names several columns
    place        column, row, width and height on a grid of 24 columns
    empty        what to say where there are no rows; without it, a question without rows is a fault
"""

import pathlib
import re
from dataclasses import dataclass

HERE = pathlib.Path(__file__).resolve().parent
DASHBOARDS = ('retail', 'weather', 'operations')
CHARTS = ('number', 'table', 'line', 'bar', 'row', 'map')
GRID = 24


class Fault(Exception):
    """What a person has to be told, without a stack of calls."""


@dataclass(frozen=True)
class Question:
    name: str           # file, without folder and .sql
    title: str
    description: str
    chart: str
    sql: str            # without the header
    place: tuple        # column, row, width, height
    x: str
    y: tuple
    series: str
    axis: str
    empty: str


@dataclass(frozen=True)
class Dashboard:
    name: str           # folder
    title: str
    description: str
    questions: tuple    # by row and column


def _fields(text, path, prefix, known):
    """The lines "key: value" that a text begins with, and the rest."""
    fields = {}
    lines = text.splitlines()
    while lines and (match := re.fullmatch(prefix + r'(\w+): *(.+?) *', lines[0])):
        if match[1] not in known or match[1] in fields:
            raise Fault(f'{path}: unknown or doubled "{match[1]}"')
        fields[match[1]] = match[2]
        lines.pop(0)
    return fields, '\n'.join(lines).strip()


def _question(path):
    fields, sql = _fields(path.read_text(encoding='utf-8'), path, '-- ', ('title', 'description', 'chart', 'x', 'y', 'series', 'axis', 'place', 'empty'))
    for key in ('title', 'description', 'chart', 'place'):
        if key not in fields:
            raise Fault(f'{path}: its header lacks "{key}"')
    chart = fields['chart']
    y = tuple(re.split(r' *, *', fields['y'])) if 'y' in fields else ()
    if chart not in CHARTS:
        raise Fault(f'{path}: there is no chart "{chart}"')
    if (chart != 'table') != bool(y) or (chart in ('line', 'bar', 'row', 'map')) != ('x' in fields):
        raise Fault(f'{path}: a {chart} takes other columns')
    if len(y) > 1 and ('series' in fields or 'axis' not in fields):
        raise Fault(f'{path}: several y need an axis, and no series')
    if not re.fullmatch(r'\d+ \d+ [1-9]\d* [1-9]\d*', fields['place']):
        raise Fault(f'{path}: place is column, row, width, height')
    place = tuple(map(int, fields['place'].split()))
    if place[0] + place[2] > GRID:
        raise Fault(f'{path}: the grid has {GRID} columns')
    if not sql or ';' in sql:
        raise Fault(f'{path}: one query, without a semicolon')
    return Question(path.stem, fields['title'], fields['description'], chart, sql, place, fields.get('x'), y,
                    fields.get('series'), fields.get('axis') or (y[0] if y else None), fields.get('empty'))


def load(name, folder=HERE):
    """The dashboard of a folder."""
    path = pathlib.Path(folder) / name
    if not (path / 'dashboard.txt').is_file():
        raise Fault(f'there is no dashboard "{name}"')
    fields, rest = _fields((path / 'dashboard.txt').read_text(encoding='utf-8'), path / 'dashboard.txt', '', ('title', 'description'))
    if rest or len(fields) != 2:
        raise Fault(f'{path}/dashboard.txt: it has a title and a description')
    questions = sorted(map(_question, path.glob('*.sql')), key=lambda q: (q.place[1], q.place[0]))
    _check(path, questions)
    return Dashboard(name, fields['title'], fields['description'], tuple(questions))


def _check(path, questions):
    """Metabase tells questions apart by title, and would shove one that lies on another."""
    taken = {}
    titles = set()
    for q in questions:
        if q.title in titles:
            raise Fault(f'{path}: two questions are called "{q.title}"')
        titles.add(q.title)
        column, row, width, height = q.place
        for cell in ((c, r) for c in range(column, column + width) for r in range(row, row + height)):
            if taken.setdefault(cell, q.name) != q.name:
                raise Fault(f'{path}: {q.name} lies on {taken[cell]}')
