# SPDX-License-Identifier: Apache-2.0
"""A place where configuration is kept, seen by two sides: dynconf, and another client that the tests trust.

Values are told as boto3 tells them: {'host': {'S': 'db1'}, 'port': {'N': '27017'}}.
"""
import base64
import json
import shutil
import sqlite3
from contextlib import closing

from mounts import Mount, eventually
from servers import REGION

STORE, OPTION = 'prod', 'db'
SEED = {'host': {'S': 'db1'}, 'port': {'N': '27017'}}


class Site:
    name = source = options = server = None

    def __init__(self, folder):
        self.folder, self.mounts = folder, []

    def mount(self, *options, **how):
        """Starts dynconf here; the fixture ends it."""
        mount = self.make(*options, **how)
        mount.start()
        return mount

    def make(self, *options, source=None, directory=None, **how):
        directory = directory or self.folder / f'mnt{len(self.mounts)}'
        mount = Mount(source or self.source, directory, *self.options, *options, **how)
        mount.site = self
        self.mounts.append(mount)
        return mount

    def value(self, key, store=STORE, option=OPTION):
        return (self.get(store, option) or {}).get(key)

    def close(self):
        try:
            for mount in self.mounts:
                mount.stop()
        finally:
            for mount in self.mounts:
                if mount.process:
                    mount.clear()


class LocalSite(Site):
    """The embedded store. Its other client is SQLite."""
    name = 'local'

    def __init__(self, folder, empty):
        super().__init__(folder)
        self.file = folder / 'local.db'
        shutil.copy(empty, self.file)
        self.source, self.options = f'local:{self.file}', []

    def database(self):
        return closing(sqlite3.connect(self.file, isolation_level=None, timeout=20))

    def put(self, store, option, attributes):
        """Replaces the whole option."""
        with self.database() as db:
            db.execute('BEGIN IMMEDIATE')
            self._remove(db, store, option)
            db.execute('INSERT INTO options VALUES(?, ?)', (store, option))
            for key, attribute in attributes.items():
                (kind, value), = attribute.items()
                db.execute('INSERT INTO keys VALUES(?, ?, ?, ?, ?)', (store, option, key, kind, shown(kind, value)))
            db.execute('COMMIT')

    def set(self, key, attribute, store=STORE, option=OPTION):
        self.put(store, option, {**(self.get(store, option) or {}), key: attribute})

    def remove(self, store, option):
        with self.database() as db:
            self._remove(db, store, option)

    def _remove(self, db, store, option):
        db.execute('DELETE FROM keys WHERE store = ? AND option = ?', (store, option))
        db.execute('DELETE FROM options WHERE store = ? AND option = ?', (store, option))

    def get(self, store=STORE, option=OPTION):
        with self.database() as db:
            place = (store, option)
            if not db.execute('SELECT 1 FROM options WHERE store = ? AND option = ?', place).fetchone():
                return None
            rows = db.execute('SELECT key, type, value FROM keys WHERE store = ? AND option = ?', place)
            return {key: attribute(kind, bytes(value)) for key, kind, value in rows}


class TableSite(Site):
    """A DynamoDB table. Its other client is boto3."""

    def __init__(self, folder, server, table=None, url=None, keys=('_store', '_option')):
        super().__init__(folder)
        self.server, self.name, self.keys = server, server.name, keys
        self.table = table or server.take_table()
        self.client = server.client
        self.source = f'dynamodb:{self.table}'
        self.options = [f'endpoint-url={url or server.url}', f'region={REGION}']

    def key(self, store, option):
        return {self.keys[0]: {'S': store}, self.keys[1]: {'S': option}}

    def put(self, store, option, attributes):
        """Replaces the whole option."""
        self.client.put_item(TableName=self.table, Item={**self.key(store, option), **attributes})

    def put_many(self, store, options):
        for start in range(0, len(options), 25):
            batch = [{'PutRequest': {'Item': {**self.key(store, option), **attributes}}}
                     for option, attributes in list(options.items())[start:start + 25]]
            self.client.batch_write_item(RequestItems={self.table: batch})

    def set(self, key, attribute, store=STORE, option=OPTION):
        self.client.update_item(
            TableName=self.table, Key=self.key(store, option), UpdateExpression='SET #k = :v',
            ExpressionAttributeNames={'#k': key}, ExpressionAttributeValues={':v': attribute})

    def remove(self, store, option):
        self.client.delete_item(TableName=self.table, Key=self.key(store, option))

    def get(self, store=STORE, option=OPTION):
        item = self.client.get_item(TableName=self.table, Key=self.key(store, option), ConsistentRead=True).get('Item')
        return item and {key: sorted_sets(value) for key, value in item.items() if key not in self.keys}


class PathTable(TableSite):
    """A table of the path layout, as confd has it. The other client puts and gets keys."""

    def __init__(self, folder, server, url=None):
        super().__init__(folder, server, table=server.take_table(key='HASH'), url=url)
        self.options = [*self.options, 'layout=path']

    def put_key(self, key, text=None, **attributes):
        value = {} if text is None else {'value': {'S': text}}
        self.client.put_item(TableName=self.table, Item={'key': {'S': key}, **value, **attributes})

    def item(self, key):
        return self.client.get_item(TableName=self.table, Key={'key': {'S': key}}, ConsistentRead=True).get('Item')

    def get_key(self, key):
        return (self.item(key) or {}).get('value', {}).get('S')

    def remove_key(self, key):
        self.client.delete_item(TableName=self.table, Key={'key': {'S': key}})

    def all_keys(self):
        pages = self.client.get_paginator('scan').paginate(TableName=self.table, ConsistentRead=True)
        return {item['key']['S']: item.get('value', {}).get('S') for page in pages for item in page['Items']}


class PathFile(LocalSite):
    """The path layout in the embedded store, whose other client finds a key under its directory."""

    def __init__(self, folder, empty):
        super().__init__(folder, empty)
        self.options = ['layout=path']

    @staticmethod
    def place(key):
        segments = key.split('/')
        clean = not segments[0] and len(segments) > 1 and not {'', '.', '..'} & set(segments[1:])
        return ('local', '/'.join(segments[1:-1]), segments[-1]) if clean else ('local', '', '/' + key)

    def put_key(self, key, value):
        _, directory, name = self.place(key)
        self.set(name, {'S': value}, 'local', directory)

    def get_key(self, key):
        _, directory, name = self.place(key)
        return (self.get('local', directory) or {}).get(name, {}).get('S')

    def remove_key(self, key):
        with self.database() as db:
            db.execute('DELETE FROM keys WHERE store = ? AND option = ? AND key = ?', self.place(key))

    def all_keys(self):
        with self.database() as db:
            rows = db.execute("SELECT option, key, value FROM keys WHERE store = 'local'").fetchall()
        return {name[1:] if name[0] == '/' else f'/{directory}/{name}'.replace('//', '/'): bytes(value).decode()
                for directory, name, value in rows}


def sorted_sets(attribute):
    (kind, value), = attribute.items()
    return {kind: sorted(value)} if kind in ('SS', 'NS', 'BS') else attribute


def escape(element):
    return element.replace('\\', '\\\\').replace('\n', '\\n')


def typed_json(value):
    """DynamoDB's typed JSON, where boto3 has bytes."""
    return json.dumps(value, separators=(',', ':'), sort_keys=True, ensure_ascii=False,
                      default=lambda b: base64.b64encode(b).decode())


LINES = {'SS': escape, 'NS': str, 'BS': lambda b: base64.b64encode(b).decode()}


def shown(kind, value):
    """The bytes of the file that shows this value: what the design says under "Types"."""
    if kind in LINES:
        return ''.join(line + '\n' for line in sorted(map(LINES[kind], value))).encode()
    plain = {'S': str.encode, 'N': str.encode, 'B': bytes, 'NULL': lambda _: b'',
             'BOOL': lambda b: b'true' if b else b'false'}
    return plain.get(kind, lambda v: typed_json(v).encode())(value)


def attribute(kind, data):
    """The value that a file of these bytes shows; the reverse."""
    text = data.decode() if kind != 'B' else ''
    back = {'B': lambda: data, 'NULL': lambda: True, 'BOOL': lambda: text == 'true', 'NS': text.splitlines,
            'L': lambda: json.loads(text), 'M': lambda: json.loads(text),
            'BS': lambda: sorted(base64.b64decode(line) for line in text.splitlines()),
            'SS': lambda: sorted(unescape(line) for line in text.split('\n')[:-1])}
    return {kind: back.get(kind, lambda: text)()}


def unescape(line):
    return line.replace('\\\\', '\0').replace('\\n', '\n').replace('\0', '\\')


def stored(site, key, expected, **where):
    """Waits for what is stored only after close returned."""
    eventually(lambda: site.value(key, **where) == expected)
