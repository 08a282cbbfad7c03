"""What a chart draws: its series, their colours, and a summary in words."""

from element import element, text
from figure import exact, short

COLOURS = 8     # that page.css has


def series(question, rows):
    """Name to points (x, value): the columns y, or the values of the column series."""
    if question.series is None:
        return {y: [(row[question.x], row[y]) for row in rows] for y in question.y}
    found = {}
    for row in rows:
        found.setdefault(exact(row[question.series]), []).append((row[question.x], row[question.y[0]]))
    return found


def values(found):
    return [float(value) for points in found.values() for _, value in points if value is not None] or [0.0]


def legend(found):
    """HTML, not SVG: it wraps."""
    if len(found) < 2:
        return ''
    items = (element('li', element('i', '', class_=f'k{n % COLOURS}'), text(name)) for n, name in enumerate(found))
    return element('ul', *items, class_='legend')


def summary(question, found):
    names = f', {len(found)} series ({", ".join(found)})' if len(found) > 1 else ''
    return f'{question.axis} by {question.x}{names}, from {short(min(values(found)))} to {short(max(values(found)))}'


def hint(series, x, value):
    """What a pointer shows."""
    return element('title', text(f'{series}, {exact(x)}: {exact(value)}'))
