"""The page of the report: one HTML file, well-formed as XML, that fetches nothing."""

import pathlib

import chart
from figure import exact, is_number, moment, text

CSS = pathlib.Path(__file__).resolve().with_name('page.css')


def table(rows):
    columns = list(rows[0])
    right = {c for c in columns if all(is_number(row[c]) or row[c] is None for row in rows) and any(row[c] is not None for row in rows)}

    def kind(column, value=None):
        return ' class="n"' if column in right else ' class="t"' if moment(value) else ''

    head = ''.join(f'<th scope="col"{kind(c)}>{text(c)}</th>' for c in columns)
    body = ''.join('<tr>' + ''.join(f'<td{kind(c, row[c])}>{text(exact(row[c]))}</td>' for c in columns) + '</tr>' for row in rows)
    return f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _content(question, rows):
    if not rows:
        return f'<p class="nothing">{text(question.empty)}</p>'
    if question.chart == 'number':
        return f'<p class="number">{text(exact(rows[0][question.y[0]]))}<small>{text(question.y[0])}</small></p>'
    if question.chart == 'table':
        return table(rows)
    return chart.draw(question, rows) + f'<details><summary>Figures</summary>{table(rows)}</details>'


def _figure(question, rows):
    small = ' class="small"' if question.chart == 'number' else ''
    return (f'<figure{small} style="grid-column: span {question.place[2]}"><figcaption><h3>{text(question.title)}</h3>'
            f'<p>{text(question.description)}</p></figcaption>{_content(question, rows)}</figure>\n')


def _section(dashboard, answers):
    figures = ''.join(_figure(q, answers[q.name]) for q in dashboard.questions)
    return (f'<section id="{text(dashboard.name)}"><h2>{text(dashboard.title)}</h2><p>{text(dashboard.description)}</p>\n'
            f'<div class="grid24">\n{figures}</div></section>\n')


def page(title, made, sections):
    """The page over [(dashboard, {question: rows})]."""
    links = ''.join(f'<a href="#{text(d.name)}">{text(d.title)}</a>' for d, _ in sections)
    return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>'
            f'<title>{text(title)}</title><style>\n{CSS.read_text(encoding="utf-8")}</style></head>\n<body><header><h1>{text(title)}</h1>'
            f'<p>As of {text(made)} UTC</p><nav>{links}</nav></header>\n<main>\n{"".join(_section(d, a) for d, a in sections)}</main></body></html>\n')
