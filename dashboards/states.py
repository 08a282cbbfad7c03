"""The USA as tiles, one for each state, about where it lies."""

from element import drawing, element, note, percent, text
from figure import exact
from series import series, summary

LINES = (
    'AK .. .. .. .. .. .. .. .. .. ME',
    '.. .. .. .. .. WI .. .. .. VT NH',
    'WA ID MT ND MN IL MI .. NY MA ..',
    'OR NV WY SD IA IN OH PA NJ CT RI',
    'CA UT CO NE MO KY WV VA MD DE ..',
    '.. AZ NM KS AR TN NC SC DC .. ..',
    '.. .. .. OK LA MS AL GA .. .. ..',
    'HI .. .. TX .. .. .. .. FL .. PR')
TILES = {name: (column, row) for row, line in enumerate(LINES) for column, name in enumerate(line.split()) if name != '..'}
WIDE, HIGH = 1 / 11, 36


def _tile(name, value, most):
    column, row = TILES[name]
    share = max(float(value or 0), 0) / most
    # by the root, or the greatest would leave the others pale
    look = {'class_': 'track'} if value is None else {'class_': 'f0', 'style': f'fill-opacity:{0.12 + 0.88 * share ** 0.5:.2f}'}
    label = 'none' if value is None else exact(value)
    tile = element('rect', element('title', text(f'{name}: {label}')), x=percent(column * WIDE + 0.002), y=row * HIGH + 1,
                   width=percent(WIDE - 0.004), height=HIGH - 2, **look)
    letters = element('text', name, class_='tile on' if share > 0.3 else 'tile', x=percent((column + 0.5) * WIDE), y=row * HIGH + 22)
    return tile + letters


def states(question, rows):
    y = question.y[0]
    value = {row[question.x]: row[y] for row in rows}
    most = max([float(v) for v in value.values() if v is not None], default=0) or 1
    first = ', '.join(f'{exact(row[question.x])} {exact(row[y])}' for row in rows[:3])
    elsewhere = ', '.join(f'{exact(name)} {exact(value[name])}' for name in value if name not in TILES)
    tiles = (_tile(name, value.get(name), most) for name in TILES)
    return (note(question.axis) + drawing(question, len(LINES) * HIGH, summary(question, series(question, rows)), *tiles)
            + note(f'The darker, the more; first are {first}', below=True)
            + (note(f'Not on the map: {elsewhere}', below=True) if elsewhere else ''))
