"""The page of the report: one HTML file, well-formed as XML, that fetches nothing."""

import pathlib

from element import element, text
from figure import exact, is_number, moment
from plot import bars, lines
from ranking import ranking
from states import states

CSS = pathlib.Path(__file__).resolve().with_name('page.css')
CHARTS = {'line': lines, 'bar': bars, 'row': ranking, 'map': states}


def table(rows):
    columns = list(rows[0])
    numbers = {c for c in columns
               if (filled := [row[c] for row in rows if row[c] is not None]) and all(map(is_number, filled))}

    def kind(column, value=None):
        return 'n' if column in numbers else 't' if moment(value) else None

    head = element('tr', *(element('th', text(c), scope='col', class_=kind(c)) for c in columns))
    body = (element('tr', *(element('td', text(exact(row[c])), class_=kind(c, row[c])) for c in columns)) for row in rows)
    return element('div', element('table', element('thead', head), element('tbody', *body)), class_='scroll', tabindex=0)


def _content(question, rows):
    if not rows:
        return element('p', text(question.empty), class_='nothing')
    if question.chart == 'number':
        y = question.y[0]
        return element('p', text(exact(rows[0][y])), element('small', text(y)), class_='number')
    if question.chart == 'table':
        return table(rows)
    return CHARTS[question.chart](question, rows) + element('details', element('summary', 'Figures'), table(rows))


def _figure(question, rows):
    caption = element('figcaption', element('h3', text(question.title)), element('p', text(question.description)))
    return element('figure', caption, _content(question, rows), class_='small' if question.chart == 'number' else None,
                   style=f'grid-column: span {question.place[2]}') + '\n'


def _section(dashboard, answers):
    figures = (_figure(q, answers[q.name]) for q in dashboard.questions)
    return element('section', element('h2', text(dashboard.title)), element('p', text(dashboard.description)), '\n',
                   element('div', '\n', *figures, class_='grid24'), id=dashboard.name) + '\n'


def page(title, made, sections):
    """The page over [(dashboard, {question: rows})]."""
    head = element('head', element('meta', charset='utf-8'),
                   element('meta', name_='viewport', content_='width=device-width, initial-scale=1'),
                   element('title', text(title)), element('style', '\n', CSS.read_text(encoding='utf-8')))
    links = element('nav', *(element('a', text(d.title), href=f'#{d.name}') for d, _ in sections))
    header = element('header', element('h1', text(title)), element('p', text(f'As of {made} UTC')), links)
    body = element('body', header, '\n', element('main', *(_section(d, a) for d, a in sections)))
    return f'<!DOCTYPE html>\n{element("html", head, body, lang="en")}\n'
