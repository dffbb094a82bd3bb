# SPDX-License-Identifier: Apache-2.0
"""With other clients of the same table: boto3, and the library whose layout this is."""
import collections
import collections.abc
import os
import uuid

import pytest
from servers import CREDENTIALS, REGION
from sites import SEED, TableSite

# boto is older than the Python that moved these.
for _name in ('Mapping', 'MutableMapping', 'Sequence', 'MutableSequence', 'Set', 'MutableSet', 'Callable', 'Iterable'):
    setattr(collections, _name, getattr(collections.abc, _name))

# boto looks for a CA bundle and a proxy of its own; it gets neither.
os.environ.pop('BOTO_CONFIG', None)

from boto.dynamodb2.layer1 import DynamoDBConnection  # noqa: E402
from dynamodb_config_store import DynamoDBConfigStore  # noqa: E402
from dynamodb_config_store.exceptions import MisconfiguredSchemaException  # noqa: E402


def test_a_table_written_by_boto3_is_read_changed_and_read_back(table):
    table.put('prod', 'db', SEED)
    conf = table.mount()
    assert conf.read('prod/db/host') == b'db1'
    conf.sh('echo db2 > prod/db/host; echo 27018 > prod/db/port')
    assert table.get() == {'host': {'S': 'db2'}, 'port': {'N': '27018'}}
    table.set('host', {'S': 'db3'})
    conf.refresh()
    assert conf.read('prod/db/host') == b'db3'


def test_five_thousand_options_over_many_pages(table):
    options = {f'option-{i:04}': {'n': {'N': str(i)}, 'text': {'S': f'{i} ' * 200}} for i in range(5000)}
    table.put_many('prod', options)
    conf = table.mount('timeout=30')
    assert conf.ls('prod') == sorted(options)
    for i in range(0, 5000, 97):
        assert conf.read(f'prod/option-{i:04}/n') == str(i).encode()
    assert conf.of_store('items') == '5000' and conf.of_store('keys') == '10000'
    conf.sh('echo 7 > prod/option-4999/n; rm -r prod/option-0000')
    conf.refresh()
    assert table.value('n', option='option-4999') == {'N': '7'} and len(conf.ls('prod')) == 4999


def test_an_item_up_to_the_limit_both_ways(table):
    table.put('prod', 'db', {'big': {'S': 'x' * 390_000}})
    conf = table.mount()
    assert conf.read('prod/db/big') == b'x' * 390_000
    # Of another option, since moto adds the old item's size to the new one's.
    os.mkdir(conf.path('prod/large'))
    conf.write('prod/large/big', b'y' * 395_000)
    assert table.value('big', option='large') == {'S': 'y' * 395_000}


def test_an_item_that_the_server_calls_too_large_is_efbig_and_the_old_value_stays(table):
    table.put('prod', 'db', SEED)
    conf = table.mount()
    with pytest.raises(OSError, match='File too large'):
        conf.write('prod/db/host', b'x' * 409_590)
    assert table.get() == SEED and conf.read('prod/db/host') == b'db1'


def test_other_key_names(table):
    server = table.server
    name = server.wait_for_table(server.create_table(server.new_name(), app='HASH', section='RANGE'))
    other = TableSite(table.folder, server, table=name, keys=('app', 'section'))
    other.put('prod', 'db', {**SEED, '_store': {'S': 'a key'}})
    conf = table.mount('store-key=app', 'option-key=section', source=f'dynamodb:{name}')
    assert conf.ls('prod/db') == ['_store', 'host', 'port']
    conf.sh('echo db2 > prod/db/host; mkdir prod/new')
    assert other.value('host') == {'S': 'db2'} and other.get('prod', 'new') == {}


# dynamodb-config-store 0.3.0

@pytest.fixture
def library(table):
    """Opens a store of the table, or of another, as the library does."""
    def open_store(store='prod', name=None, kind='SimpleConfigStore', **how):
        connection = DynamoDBConnection(
            host='127.0.0.1', port=table.server.port, is_secure=False,
            aws_access_key_id=CREDENTIALS['AWS_ACCESS_KEY_ID'],
            aws_secret_access_key=CREDENTIALS['AWS_SECRET_ACCESS_KEY'])
        connection._auth_handler.service_name, connection._auth_handler.region_name = 'dynamodb', REGION
        return DynamoDBConfigStore(connection, name or table.table, store, config_store=kind, **how)
    return open_store


def test_the_mount_reads_what_the_library_sets(table, library):
    store = library()
    store.set('db', {'host': 'db1', 'port': 27017, 'tags': {'a', 'b'}})
    conf = table.mount()
    assert conf.read('prod/db/host') == b'db1' and conf.read('prod/db/port') == b'27017'
    assert conf.read('prod/db/tags') == b'a\nb\n' and conf.type('prod/db/tags') == 'SS'
    store.set('db', {'host': 'db2'})
    conf.refresh()
    assert conf.ls('prod/db') == ['host'] and conf.read('prod/db/host') == b'db2'


def test_both_stores_of_the_library_read_what_the_mount_wrote(table, library):
    conf = table.mount()
    conf.sh('mkdir -p prod/db prod/cache; echo db1 > prod/db/host; touch prod/db/port')
    conf.set_type('prod/db/port', 'N')
    conf.sh('echo 27017 > prod/db/port; echo on > prod/cache/state')
    simple = library()
    assert simple.config.get('db') == {'host': 'db1', 'port': 27017}
    assert simple.config.get() == {'db': {'host': 'db1', 'port': 27017}, 'cache': {'state': 'on'}}
    timed = library(kind='TimeBasedConfigStore')
    assert timed.config.db == {'host': 'db1', 'port': 27017} and timed.config.cache == {'state': 'on'}
    conf.sh('echo db2 > prod/db/host')
    timed.reload()
    assert simple.config.get('db', keys=['host']) == {'host': 'db2'} and timed.config.db['host'] == 'db2'


def test_the_library_accepts_a_table_that_the_mount_created(table, library):
    name = f'made-here-{uuid.uuid4().hex}'
    conf = table.mount(source=f'dynamodb:{name}')
    store = library(name=name)
    store.set('db', {'host': 'db1'})
    conf.refresh()
    assert conf.read('prod/db/host') == b'db1'


def test_the_mount_accepts_a_table_that_the_library_created(table, library):
    name = f'made-there-{uuid.uuid4().hex}'
    library(name=name).set('db', {'host': 'db1'})
    conf = table.mount('create=no', source=f'dynamodb:{name}')
    conf.sh('echo db2 > prod/db/host')
    assert conf.read('prod/db/host') == b'db2'
    assert library(name=name).config.get('db') == {'host': 'db2'}


def test_the_library_refuses_what_the_mount_refuses(table, library):
    server = table.server
    name = server.wait_for_table(server.create_table(server.new_name(), id='HASH', sort='RANGE'))
    with pytest.raises(MisconfiguredSchemaException):
        library(name=name)
