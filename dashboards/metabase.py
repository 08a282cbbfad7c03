"""What this folder needs of Metabase's REST API. The API has no versions: fields are those that releases 0.50 and later
take, and no others, because newer ones refuse what they do not know."""

import json
import time
import urllib.error
import urllib.request

from question import Fault

PAUSE = 0.5         # seconds between looks at a Metabase that is starting
PATIENCE = 240      # seconds that it may take
TIMEOUT = 120       # seconds for one answer


class Metabase:
    def __init__(self, url, secrets):
        self.url = url.rstrip('/')
        self.secrets = [s for s in secrets if s]
        self.headers = {'Content-Type': 'application/json'}

    def call(self, method, path, body=None):
        request = urllib.request.Request(f'{self.url}/api/{path}', method=method, headers=self.headers,
                                         data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            said = self._clean(error.read().decode(errors='replace'))
            raise Fault(f'Metabase refused {method} /api/{path}: {error.code} {said}') from None
        except OSError as error:
            raise Fault(f'could not reach Metabase at {self.url}: {getattr(error, "reason", error)}') from None
        return json.loads(text) if text else None

    def _clean(self, text):
        """Metabase's answer may repeat what it was sent."""
        for secret in self.secrets:
            text = text.replace(secret, '***')
        return text[:1000].strip()

    # Coming in ---------------------------------------------------------------------------------------------------

    def wait(self):
        end = time.monotonic() + PATIENCE
        told = False
        while True:
            try:
                if self.call('GET', 'health').get('status') == 'ok':
                    return
                trouble = Fault(f'Metabase at {self.url} says that it is not ready')
            except Fault as fault:
                trouble = fault
            if time.monotonic() > end:
                raise trouble
            if not told:
                print(f'  waiting for Metabase at {self.url}', flush=True)
                told = True
            time.sleep(PAUSE)

    def use_key(self, key):
        self.headers['X-API-Key'] = key

    def login(self, email, password):
        self.headers['X-Metabase-Session'] = self.call('POST', 'session', {'username': email, 'password': password})['id']

    def setup(self, email, password):
        """Make the first administrator where there is none; true if it did."""
        properties = self.call('GET', 'session/properties')
        if properties.get('has-user-setup') or not properties.get('setup-token'):
            return False
        self.call('POST', 'setup', {
            'token': properties['setup-token'],
            'user': {'email': email, 'password': password, 'first_name': 'Medallion', 'last_name': 'Administrator'},
            'prefs': {'site_name': 'pg_medallion', 'allow_tracking': False},
        })
        return True

    # Things, found by name ---------------------------------------------------------------------------------------

    def databases(self):
        return self.call('GET', 'database')['data']

    def collections(self):
        return [c for c in self.call('GET', 'collection') if isinstance(c['id'], int) and not c.get('archived')]

    def items(self, collection, model):
        """Name to id, of the cards or dashboards that lie in a collection. Of two with a name, the older one."""
        found = self.call('GET', f'collection/{collection}/items?models={model}')['data']
        return {item['name']: item['id'] for item in sorted(found, key=lambda item: -item['id'])}


def native(query):
    """SQL, kinds of filters and database of a question, in either form in which Metabase tells it."""
    if 'stages' in query:
        sql, tags = (query['stages'][0].get(key) for key in ('native', 'template-tags'))
    else:
        sql, tags = (query.get('native', {}).get(key) for key in ('query', 'template-tags'))
    return sql, {name: tag.get('type') for name, tag in (tags or {}).items()}, query.get('database')
