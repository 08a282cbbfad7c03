"""Charts as SVG. They have no fixed width: positions across are percentages, and lines stretch in a frame of their own, so
that letters keep their size on a phone. Colours are the page's (page.css)."""

from collections import namedtuple

from figure import exact, moment, seconds, short, text, ticks

HEIGHT = 232        # of the plot
TOP = 14            # room for the topmost figure of the axis
COLOURS = 8
LABEL = 34          # letters of a label that fit beside a figure on a phone

Series = namedtuple('Series', 'name points')    # points: position (0 to 1), value, label


def draw(question, rows):
    return {'line': lines, 'bar': bars, 'row': lying_bars, 'map': states}[question.chart](question, rows)


def series_of(question, rows):
    """What is drawn, by name: the columns y, or the values of the column series."""
    if question.series is None:
        return {y: [(row[question.x], row[y]) for row in rows] for y in question.y}
    found = {}
    for row in rows:
        found.setdefault(exact(row[question.series]), []).append((row[question.x], row[question.y[0]]))
    return found


def legend(names):
    """HTML, not SVG: it wraps."""
    if len(names) < 2:
        return ''
    return '<ul class="legend">' + ''.join(f'<li><i class="k{n % COLOURS}"></i>{text(name)}</li>' for n, name in enumerate(names)) + '</ul>'


def _svg(question, height, body, summary):
    return (f'<svg role="img" aria-label="{text(question.title)}: {text(summary)}" width="100%" height="{height:g}">'
            f'{body}</svg>')


def _percent(part):
    return f'{100 * part:.3f}%'.replace('.000%', '%')


def _up(value, scale):
    return TOP + HEIGHT * (1 - (float(value) - scale[0]) / (scale[-1] - scale[0]))


def _plot(scale, body):
    """What is drawn, on lines across; each has its figure above it, so that the plot has the whole width."""
    grid = ''.join(f'<line class="grid" x1="0" x2="100%" y1="{_up(v, scale):.1f}" y2="{_up(v, scale):.1f}"/>' for v in scale)
    return grid + body + ''.join(f'<text class="tick halo" x="0" y="{_up(v, scale) - 3:.1f}">{short(v)}</text>' for v in scale)


def _feet(labels):
    """Labels below the plot: (position, text), five at most; a phone has room for every second one."""
    feet = list({label: (at, label) for at, label in reversed(labels[::max(1, -(-len(labels) // 5))])}.values())[::-1]
    return ''.join(f'<text class="tick{" wide" if n % 2 else ""}" x="{_percent(at)}" y="{TOP + HEIGHT + 17}" text-anchor="'
                   f'{"start" if at < 0.06 else "end" if at > 0.94 else "middle"}">{text(label)}</text>' for n, (at, label) in enumerate(feet))


def _axis_name(question):
    return f'<p class="axis">{text(question.axis)}</p>'


def _summary(question, found):
    values = [float(v) for points in found.values() for _, v in points if v is not None]
    names = f', {len(found)} series ({", ".join(found)})' if len(found) > 1 else ''
    return f'{question.axis} by {question.x}{names}, from {short(min(values))} to {short(max(values))}' if values else 'no values'


def lines(question, rows):
    found = series_of(question, rows)
    moments = sorted({x for points in found.values() for x, _ in points}, key=lambda x: (seconds(x) or 0, str(x)))
    first, last = seconds(moments[0]), seconds(moments[-1])
    if first is None or first == last:          # not times: one after the other
        place = {x: n / max(1, len(moments) - 1) for n, x in enumerate(moments)}
    else:
        place = {x: (seconds(x) - first) / (last - first) for x in moments}
    values = [float(v) for points in found.values() for _, v in points if v is not None] or [0]
    low = 0 if 0 <= min(values) < max(values) / 2 else min(values)
    scale = ticks(low, max(values))
    paths, spots = '', ''
    for n, (name, points) in enumerate(found.items()):
        here = sorted((place[x], v, x) for x, v in points if v is not None)
        path = ' '.join(f'{1000 * at:.1f},{_up(v, scale) - TOP:.1f}' for at, v, _ in here)
        paths += f'<polyline class="line s{n % COLOURS}" points="{path}"/>'
        # what a pointer shows, and a series of one point has no line
        spots += ''.join(f'<circle class="{"spot" if len(here) > 1 else "spot seen"} f{n % COLOURS}" cx="{_percent(at)}" cy="{_up(v, scale):.1f}" r="4">'
                         f'<title>{text(name)}, {text(exact(x))}: {text(exact(v))}</title></circle>' for at, v, x in here)
    frame = f'<svg y="{TOP}" width="100%" height="{HEIGHT}" viewBox="0 0 1000 {HEIGHT}" preserveAspectRatio="none" overflow="visible">{paths}</svg>'
    body = _plot(scale, frame + spots) + _feet([(place[x], _foot(x, moments)) for x in _even(moments, place)])
    return _axis_name(question) + legend(list(found)) + _svg(question, TOP + HEIGHT + 24, body, _summary(question, found)) + _below(question)


def _even(moments, place):
    """Five moments about evenly apart."""
    return list(dict.fromkeys(min(moments, key=lambda x, at=n / 4: abs(place[x] - at)) for n in range(5)))


def _foot(value, moments):
    """A time as short as the span allows."""
    label = moment(value)
    if label is None:
        return exact(value)
    span = seconds(moments[-1]) - seconds(moments[0])
    return label if len(label) == 10 and span > 40 * 86400 else label[5:] if span > 2 * 86400 or len(label) == 10 else label[-5:]


def _below(question):
    return f'<p class="axis x">{text(question.x)}</p>'


def bars(question, rows):
    found = series_of(question, rows)
    places = list(dict.fromkeys(x for points in found.values() for x, _ in points))
    values = [float(v) for points in found.values() for _, v in points if v is not None] or [0]
    scale = ticks(min(0, min(values)), max(0, max(values)))
    group = 1 / max(len(places), 5)     # a single bar is no wall
    left = (1 - len(places) * group) / 2
    width = group * 0.8 / len(found)
    body = ''
    for n, (name, points) in enumerate(found.items()):
        for x, v in points:
            if v is not None:
                top, foot = sorted((_up(v, scale), _up(0, scale)))
                at = left + (places.index(x) + 0.1) * group + n * width
                body += (f'<rect class="f{n % COLOURS}" x="{_percent(at)}" width="{_percent(width)}" y="{top:.1f}" height="{max(foot - top, 0.5):.1f}">'
                         f'<title>{text(name)}, {text(exact(x))}: {text(exact(v))}</title></rect>')
    moments = sorted(places, key=lambda x: seconds(x) or 0)
    body = _plot(scale, body) + _feet([(left + (n + 0.5) * group, _foot(x, moments)) for n, x in enumerate(places)])
    return _axis_name(question) + legend(list(found)) + _svg(question, TOP + HEIGHT + 24, body, _summary(question, found)) + _below(question)


def lying_bars(question, rows):
    """Each bar with its label above it, and its figure at the right."""
    y = question.y[0]
    most = max([float(row[y]) for row in rows if row[y] is not None], default=0) or 1
    body = ''
    for n, row in enumerate(rows):
        name = exact(row[question.x])
        body += (f'<text class="label" x="0" y="{n * 30 + 12}"><title>{text(name)}</title>{text(name if len(name) <= LABEL else name[:LABEL - 1] + "…")}</text>'
                 f'<text class="label halo" x="100%" y="{n * 30 + 12}" text-anchor="end">{text(exact(row[y]))}</text>'
                 f'<rect class="track" x="0" y="{n * 30 + 17}" width="100%" height="8"/>'
                 f'<rect class="f0" x="0" y="{n * 30 + 17}" width="{_percent(max(float(row[y] or 0), 0) / most)}" height="8"/>')
    return _axis_name(question) + _svg(question, len(rows) * 30, body, _summary(question, series_of(question, rows)))


# The states as tiles, each about where it lies: column, row.
TILES = {name: (column, row) for row, line in enumerate((
    'AK .. .. .. .. .. .. .. .. .. ME',
    '.. .. .. .. .. WI .. .. .. VT NH',
    'WA ID MT ND MN IL MI .. NY MA ..',
    'OR NV WY SD IA IN OH PA NJ CT RI',
    'CA UT CO NE MO KY WV VA MD DE ..',
    '.. AZ NM KS AR TN NC SC DC .. ..',
    '.. .. .. OK LA MS AL GA .. .. ..',
    'HI .. .. TX .. .. .. .. FL .. PR')) for column, name in enumerate(line.split()) if name != '..'}


def states(question, rows):
    y = question.y[0]
    value = {row[question.x]: row[y] for row in rows}
    most = max([float(v) for v in value.values()], default=0) or 1
    wide, high = 1 / 11, 36
    body = ''
    for name, (column, row) in TILES.items():
        share = max(float(value.get(name) or 0), 0) / most
        # by the root, or the greatest would leave the others pale
        fill = f'<rect class="f0" style="fill-opacity:{0.12 + 0.88 * share ** 0.5:.2f}"' if name in value else '<rect class="track"'
        label = exact(value[name]) if name in value else 'none'
        body += (f'{fill} x="{_percent(column * wide + 0.002)}" y="{row * high + 1}" width="{_percent(wide - 0.004)}" height="{high - 2}">'
                 f'<title>{name}: {text(label)}</title></rect>'
                 f'<text class="tile{" on" if share > 0.3 else ""}" x="{_percent((column + 0.5) * wide)}" y="{row * high + 22}">{name}</text>')
    elsewhere = [name for name in value if name not in TILES]
    note = f'<p class="axis">Not on the map: {text(", ".join(f"{exact(n)} {exact(value[n])}" for n in elsewhere))}</p>' if elsewhere else ''
    first = [f'{exact(row[question.x])} {exact(row[y])}' for row in rows[:3]]
    return (_axis_name(question) + _svg(question, 8 * high, body, _summary(question, series_of(question, rows)))
            + f'<p class="axis x">The darker, the more; first are {text(", ".join(first))}</p>' + note)
