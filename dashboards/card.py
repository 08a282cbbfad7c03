"""Questions and dashboards as Metabase's cards and dashcards."""

DISPLAY = {'number': 'scalar', 'table': 'table', 'line': 'line', 'bar': 'bar', 'row': 'row', 'map': 'map'}


def settings(question):
    if question.chart == 'map':
        return {'map.type': 'region', 'map.region': 'us_states', 'map.dimension': question.x, 'map.metric': question.y[0]}
    if question.chart in ('line', 'bar', 'row'):
        return {'graph.dimensions': [question.x] + ([question.series] if question.series else []), 'graph.metrics': list(question.y),
                'graph.x_axis.title_text': question.x, 'graph.y_axis.title_text': question.axis}
    return {'scalar.field': question.y[0]} if question.chart == 'number' else {}


def card(question, database):
    return {
        'name': question.title,
        'description': question.description,
        'display': DISPLAY[question.chart],
        'dataset_query': {'type': 'native', 'native': {'query': question.sql, 'template-tags': {}}, 'database': database},
        'visualization_settings': settings(question),
    }


def place(question):
    column, row, width, height = question.place
    return {'col': column, 'row': row, 'size_x': width, 'size_y': height}
