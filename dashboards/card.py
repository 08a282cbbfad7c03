"""Questions, filters and dashboards as Metabase's cards, parameters and dashcards."""

import uuid

DISPLAY = {'number': 'scalar', 'table': 'table', 'line': 'line', 'bar': 'bar', 'row': 'row', 'map': 'map'}


def settings(question):
    if question.chart == 'map':
        return {'map.type': 'region', 'map.region': 'us_states', 'map.dimension': question.x, 'map.metric': question.y[0]}
    if question.chart in ('line', 'bar', 'row'):
        return {'graph.dimensions': [question.x] + ([question.series] if question.series else []),
                'graph.metrics': list(question.y),
                'graph.x_axis.title_text': question.x, 'graph.y_axis.title_text': question.axis}
    return {'scalar.field': question.y[0]} if question.chart == 'number' else {}


def filter_id(dashboard, filter):
    """The same each time, so that what is there is found again."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f'pg_medallion/{dashboard.name}/{filter.tag}'))


def _template_tag(dashboard, filter):
    return {'id': filter_id(dashboard, filter), 'name': filter.tag, 'display-name': filter.title,
            'type': 'date' if filter.source == 'date' else 'text'}


def parameter(dashboard, filter, cards):
    """The filter on the dashboard; cards: name of a question to the number of its card."""
    fields = {'id': filter_id(dashboard, filter), 'name': filter.title, 'slug': filter.tag}
    if filter.source == 'date':
        return {**fields, 'type': 'date/single', 'sectionId': 'date'}
    column = ['field', filter.title, {'base-type': 'type/Text'}]
    return {**fields, 'type': 'string/=', 'sectionId': 'string', 'values_query_type': 'list', 'values_source_type': 'card',
            'values_source_config': {'card_id': cards[filter.source], 'value_field': column}}


def mappings(dashboard, question, card_id):
    """What ties the filters of the dashboard to those of the card on it."""
    return [{'parameter_id': filter_id(dashboard, f), 'card_id': card_id, 'target': ['variable', ['template-tag', f.tag]]}
            for f in dashboard.filters if f.tag in question.tags]


def card(dashboard, question, database):
    tags = {f.tag: _template_tag(dashboard, f) for f in dashboard.filters if f.tag in question.tags}
    return {
        'name': question.title,
        'description': question.description,
        'display': DISPLAY[question.chart],
        'dataset_query': {'type': 'native', 'native': {'query': question.template, 'template-tags': tags}, 'database': database},
        'visualization_settings': settings(question),
    }


def place(question):
    column, row, width, height = question.place
    return {'col': column, 'row': row, 'size_x': width, 'size_y': height}


def dashcard_update(dashcard):
    """What Metabase takes back of a dashcard that it has told, or that is new."""
    keys = ('id', 'card_id', 'col', 'row', 'size_x', 'size_y', 'parameter_mappings', 'visualization_settings',
            'dashboard_tab_id', 'action_id')
    update = {key: dashcard[key] for key in keys if key in dashcard}
    return {**update, 'series': [{'id': other['id']} for other in dashcard.get('series') or []]}
