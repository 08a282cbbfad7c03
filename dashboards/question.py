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

The folder's dashboard.txt has a title, a description, and the filters that people may set in Metabase, where it has some:

    filters: City (now), From (date)

    City (now)   takes one of the values of column City of question "now"
    From (date)  takes a day

A question takes part by an optional clause in Metabase's manner, [[AND city IN ({{city}})]], which is left out where the
filter is not set, and in the report.
"""

import pathlib
import re
from dataclasses import dataclass

HERE = pathlib.Path(__file__).resolve().parent
DASHBOARDS = ('retail', 'weather', 'operations')
CHARTS = ('number', 'table', 'line', 'bar', 'row', 'map')
GRID = 24
OPTIONAL = re.compile(r'\s*\[\[(.*?)\]\]', re.DOTALL)
TAG = re.compile(r'\{\{(\w+)\}\}')


class Fault(Exception):
    """What a person has to be told, without a stack of calls."""


@dataclass(frozen=True)
class Filter:
    title: str          # also the column of its values
    source: str         # question that has its values, or "date"

    @property
    def tag(self):
        return self.title.lower()


@dataclass(frozen=True)
class Question:
    name: str           # file, without folder and .sql
    title: str
    description: str
    chart: str
    template: str       # SQL without the header, with optional clauses
    place: tuple        # column, row, width, height
    x: str
    y: tuple
    series: str
    axis: str
    empty: str

    @property
    def sql(self):
        """The question with no filter set."""
        return OPTIONAL.sub('', self.template)

    @property
    def tags(self):
        """The filters that it takes part in."""
        return set(TAG.findall(self.template))


@dataclass(frozen=True)
class Dashboard:
    name: str           # folder
    title: str
    description: str
    filters: tuple
    questions: tuple    # by row and column


def _fields(path, prefix, known):
    """The lines "key: value" that a file begins with, and the rest."""
    fields = {}
    lines = path.read_text(encoding='utf-8').splitlines()
    while lines and (match := re.fullmatch(prefix + r'(\w+): *(.+?) *', lines[0])):
        if match[1] not in known or match[1] in fields:
            raise Fault(f'{path}: unknown or doubled "{match[1]}"')
        fields[match[1]] = match[2]
        lines.pop(0)
    return fields, '\n'.join(lines).strip()


def _question(path):
    fields, sql = _fields(path, '-- ', ('title', 'description', 'chart', 'x', 'y', 'series', 'axis', 'place', 'empty'))
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
    if re.search(r'\{\{|\[\[|\]\]', OPTIONAL.sub('', sql)):
        raise Fault(f'{path}: what depends on a filter stands between [[ and ]]')
    return Question(path.stem, fields['title'], fields['description'], chart, sql, place, fields.get('x'), y,
                    fields.get('series'), fields.get('axis') or (y[0] if y else None), fields.get('empty'))


def load(name, folder=HERE):
    """The dashboard of a folder."""
    path = pathlib.Path(folder) / name
    if not (path / 'dashboard.txt').is_file():
        raise Fault(f'there is no dashboard "{name}"')
    fields, rest = _fields(path / 'dashboard.txt', '', ('title', 'description', 'filters'))
    if rest or not {'title', 'description'} <= fields.keys():
        raise Fault(f'{path}/dashboard.txt: it has a title, a description and, where there are some, filters')
    questions = sorted(map(_question, path.glob('*.sql')), key=lambda q: (q.place[1], q.place[0]))
    filters = _filters(path, fields.get('filters'), questions)
    _check_places(path, questions)
    return Dashboard(name, fields['title'], fields['description'], filters, tuple(questions))


def _filters(path, text, questions):
    filters = []
    for part in re.split(r' *, *', text) if text else ():
        if not (match := re.fullmatch(r'(\w+) \((\w+)\)', part)):
            raise Fault(f'{path}/dashboard.txt: filter "{part}" is not like "City (question)" or "From (date)"')
        filters.append(Filter(match[1], match[2]))
    for f in filters:
        if f.source != 'date' and not any(q.name == f.source and f'AS "{f.title}"' in q.sql for q in questions):
            raise Fault(f'{path}/dashboard.txt: no question "{f.source}" has a column "{f.title}"')
    known = {f.tag for f in filters}
    for q in questions:
        if q.tags - known:
            raise Fault(f'{path}/{q.name}.sql: {path.name} has no filter "{min(q.tags - known)}"')
    if unused := known.difference(*(q.tags for q in questions)):
        raise Fault(f'{path}/dashboard.txt: no question takes part in filter "{min(unused)}"')
    return tuple(filters)


def _check_places(path, questions):
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
