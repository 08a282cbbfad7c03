"""Elements of HTML and SVG as text that is well-formed as XML."""

from html import escape


def text(value):
    return escape(str(value), quote=True)


def element(name, /, *content, **attributes):
    """What "content" joins to (None counts as nothing) in an element; "class_" is class, and "_" in a name "-"."""
    names = {key: key.rstrip('_').replace('_', '-') for key, value in attributes.items() if value is not None}
    said = ''.join(f' {names[key]}="{text(attributes[key])}"' for key in names)
    inside = ''.join(part for part in content if part)
    return f'<{name}{said}>{inside}</{name}>' if content else f'<{name}{said}/>'


def percent(part):
    """A share of the width, as an attribute."""
    return f'{100 * part:.3f}'.rstrip('0').rstrip('.') + '%'


def drawing(question, height, summary, *content):
    """The drawing of a chart, as wide as there is room, with its name for who cannot see it."""
    return element('svg', *content, role='img', aria_label=f'{question.title}: {summary}', width='100%', height=f'{height:g}')


def note(value, below=False):
    return element('p', text(value), class_='axis x' if below else 'axis')
