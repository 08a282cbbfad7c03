"""Charts over an upright axis: lines and bars."""

from element import drawing, element, note, percent, text
from figure import exact, moment, seconds, short, ticks
from series import COLOURS, hint, legend, series, summary, values

HEIGHT = 232        # of the plot
TOP = 14            # room for the topmost figure of the axis
FOOT = 24           # room for the labels below
FEET = 5            # of them, at most; a phone shows every second one
DAY = 86400


class Plot:
    """What lines and bars share: a scale, and what surrounds the plot."""

    def __init__(self, question, found, scale):
        self.question, self.found, self.scale = question, found, scale

    def up(self, value):
        """Where a value is, from the top."""
        return round(TOP + HEIGHT * (1 - (float(value) - self.scale[0]) / (self.scale[-1] - self.scale[0])), 1)

    def draw(self, feet, *content):
        """Lines across, each with its figure above it, so that the plot has the whole width."""
        grid = [element('line', class_='grid', x1=0, x2='100%', y1=self.up(v), y2=self.up(v)) for v in self.scale]
        figures = [element('text', short(v), class_='tick halo', x=0, y=self.up(v) - 3) for v in self.scale]
        drawn = drawing(self.question, TOP + HEIGHT + FOOT, summary(self.question, self.found),
                        *grid, *content, *figures, *self._feet(feet))
        return note(self.question.axis) + legend(self.found) + drawn + note(self.question.x, below=True)

    def _feet(self, feet):
        """Labels below the plot, of (position, label); none twice."""
        feet = feet[::max(1, -(-len(feet) // FEET))]
        feet = [foot for n, foot in enumerate(feet) if n == 0 or foot[1] != feet[n - 1][1]]
        for n, (at, label) in enumerate(feet):
            anchor = 'start' if at < 0.06 else 'end' if at > 0.94 else 'middle'
            yield element('text', text(label), class_='tick wide' if n % 2 else 'tick', text_anchor=anchor,
                          x=percent(at), y=TOP + HEIGHT + 17)


def _label(x, span):
    """A time as short as the span of the chart allows; anything else as it is."""
    label = moment(x)
    if label is None or (len(label) == 10 and span > 40 * DAY):
        return exact(x)
    return label[5:] if len(label) == 10 or span > 2 * DAY else label[-5:]


def _places(found):
    """Each x to its position from 0 to 1, on a scale of time where they are times; and the span in seconds."""
    xs = sorted({x for points in found.values() for x, _ in points}, key=lambda x: (seconds(x) or 0, str(x)))
    first, last = seconds(xs[0]), seconds(xs[-1])
    if first is None or first == last:
        return {x: n / max(1, len(xs) - 1) for n, x in enumerate(xs)}, 0
    return {x: (seconds(x) - first) / (last - first) for x in xs}, last - first


def lines(question, rows):
    found = series(question, rows)
    places, span = _places(found)
    low, high = min(values(found)), max(values(found))
    plot = Plot(question, found, ticks(0 if 0 <= low < high / 2 else low, high))
    paths, spots = [], []
    for n, (name, points) in enumerate(found.items()):
        points = sorted((places[x], value, x) for x, value in points if value is not None)
        path = ' '.join(f'{1000 * at:.1f},{plot.up(value) - TOP:.1f}' for at, value, _ in points)
        paths.append(element('polyline', class_=f'line s{n % COLOURS}', points=path))
        # a single point has no line
        seen = 'spot' if len(points) > 1 else 'spot seen'
        spots += [element('circle', hint(name, x, value), class_=f'{seen} f{n % COLOURS}', cx=percent(at), cy=plot.up(value), r=4)
                  for at, value, x in points]
    # lines stretch in a frame of their own
    frame = element('svg', *paths, y=TOP, width='100%', height=HEIGHT, overflow='visible',
                    viewBox=f'0 0 1000 {HEIGHT}', preserveAspectRatio='none')
    even = dict.fromkeys(min(places, key=lambda x, at=n / (FEET - 1): abs(places[x] - at)) for n in range(FEET))
    return plot.draw([(places[x], _label(x, span)) for x in even], frame, *spots)


def bars(question, rows):
    found = series(question, rows)
    xs = list(dict.fromkeys(x for points in found.values() for x, _ in points))
    plot = Plot(question, found, ticks(min(0, *values(found)), max(0, *values(found))))
    group = 1 / max(len(xs), 5)     # a single bar is no wall
    left = (1 - len(xs) * group) / 2
    wide = group * 0.8 / len(found)
    drawn = []
    for n, (name, points) in enumerate(found.items()):
        for x, value in points:
            if value is not None:
                top, foot = sorted((plot.up(value), plot.up(0)))
                at = left + (xs.index(x) + 0.1) * group + n * wide
                drawn.append(element('rect', hint(name, x, value), class_=f'f{n % COLOURS}', x=percent(at), width=percent(wide),
                                     y=top, height=round(max(foot - top, 0.5), 1)))
    _, span = _places(found)
    return plot.draw([(left + (n + 0.5) * group, _label(x, span)) for n, x in enumerate(xs)], *drawn)
