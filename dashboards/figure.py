"""Figures and times as people read them."""

import math
import re
from datetime import datetime, timezone
from decimal import Decimal
from html import escape

_TIME = re.compile(r'(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d)(:\d\d(?:\.\d+)?)?(\+00:00)?)?')


def is_number(value):
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def exact(value):
    """A value as a table shows it."""
    if value is None:
        return '–'
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    if is_number(value):
        return f'{value:,}'.replace('-', '−')
    return moment(value) or str(value)


def moment(value):
    """A date or time of PostgreSQL's JSON without what nobody reads, or None where it is something else."""
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    return match and (f'{match[1]} {match[2]}' if match[2] else match[1])


def seconds(value):
    """A date or time on a scale, or None where it is something else."""
    if not moment(value):
        return None
    at = datetime.fromisoformat(value.split('.')[0].split('+')[0])
    return at.replace(tzinfo=timezone.utc).timestamp()


def short(value):
    """A figure for an axis: 1.5 M."""
    value = float(value)
    thousand, unit = next(((t, u) for t, u in ((1e9, ' G'), (1e6, ' M'), (1e3, ' k')) if abs(value) >= t and abs(value) >= 1e4), (1, ''))
    return f'{value / thousand:.4g}{unit}'.replace('-', '−')


def ticks(low, high, count=5):
    """Round figures that span low to high."""
    if high <= low:
        high = low + 1
    step = 10 ** math.floor(math.log10((high - low) / count))
    step *= next(m for m in (1, 2, 2.5, 5, 10) if (high - low) / (step * m) <= count)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [step * n for n in range(first, last + 1)]


def text(value):
    """Escaped for HTML."""
    return escape(str(value), quote=True)
