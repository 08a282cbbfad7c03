"""Lying bars: each with its label above it, and its figure at the right."""

from element import drawing, element, note, percent, text
from figure import exact
from series import series, summary

STEP = 30       # from bar to bar
LABEL = 34      # letters that fit beside a figure on a phone


def _shorten(label):
    return label if len(label) <= LABEL else label[:LABEL - 1] + '…'


def ranking(question, rows):
    y = question.y[0]
    most = max([float(row[y]) for row in rows if row[y] is not None], default=0) or 1
    drawn = []
    for n, row in enumerate(rows):
        name, top = exact(row[question.x]), n * STEP
        drawn += (
            element('text', element('title', text(name)), text(_shorten(name)), class_='label', x=0, y=top + 12),
            element('text', text(exact(row[y])), class_='label halo', x='100%', y=top + 12, text_anchor='end'),
            element('rect', class_='track', x=0, y=top + 17, width='100%', height=8),
            element('rect', class_='f0', x=0, y=top + 17, width=percent(max(float(row[y] or 0), 0) / most), height=8))
    return note(question.axis) + drawing(question, len(rows) * STEP, summary(question, series(question, rows)), *drawn)
