# SPDX-License-Identifier: Apache-2.0
""".control/tables: provisioning as files."""
import os

import pytest
from mounts import Mount, eventually, fails_with
from servers import REGION
from sites import SEED, TableSite


class Table:
    """The directory of one table in .control."""

    def __init__(self, mount, name):
        self.mount, self.name = mount, f'.control/tables/{name}'

    def path(self, row):
        return self.mount.path(f'{self.name}/{row}')

    def show(self, row):
        return self.mount.read(f'{self.name}/{row}').decode().rstrip('\n')

    def write(self, row, text):
        with open(self.path(row), 'wb', buffering=0) as file:
            file.write(text.encode() + b'\n')

    def settle(self):
        eventually(lambda: self.show('status') == 'ACTIVE')


def provisioned(server, name, indexes=()):
    """A provisioned table of 5 read and 4 write units."""
    units = {'ReadCapacityUnits': 5, 'WriteCapacityUnits': 4}
    names = ['_store', '_option', *indexes]
    more = {'GlobalSecondaryIndexes': [
        {'IndexName': f'by-{index}', 'KeySchema': [{'AttributeName': index, 'KeyType': 'HASH'}],
         'Projection': {'ProjectionType': 'ALL'}, 'ProvisionedThroughput': units} for index in indexes]}
    server.client.create_table(
        TableName=name, ProvisionedThroughput=units,
        KeySchema=[{'AttributeName': key, 'KeyType': kind} for key, kind in (('_store', 'HASH'), ('_option', 'RANGE'))],
        AttributeDefinitions=[{'AttributeName': key, 'AttributeType': 'S'} for key in names], **(more if indexes else {}))
    return server.wait_for_table(name)


@pytest.fixture
def make_table(folder, servers):
    sites = []

    def make(backend, *options, indexes=()):
        server = servers(backend)
        site = TableSite(folder, server, table=provisioned(server, server.new_name(), indexes))
        sites.append(site)
        site.put('prod', 'db', SEED)
        conf = site.mount(*options)
        table = Table(conf, site.table)
        table.settle()
        return site, table

    yield make
    for site in sites:
        site.close()


@pytest.fixture(params=['dynalite', 'extenddb', 'moto'])
def made(request, make_table):
    return make_table(request.param)


def units_in(site, index=None):
    about = site.client.describe_table(TableName=site.table)['Table']
    if index:
        about = next(i for i in about['GlobalSecondaryIndexes'] if i['IndexName'] == index)
    return about['ProvisionedThroughput']['ReadCapacityUnits'], about['ProvisionedThroughput']['WriteCapacityUnits']


def test_a_table_is_described(made):
    site, table = made
    assert table.show('units') == '5 4'
    assert (table.show('read-units'), table.show('write-units')) == ('5', '4')
    assert table.show('schema') == '_store S HASH\n_option S RANGE'
    assert table.show('billing-mode') == 'provisioned'
    assert table.show('arn').endswith(f'/{site.table}')
    assert table.show('decreases-today').isdigit() and table.show('item-count').isdigit()
    assert os.listdir(table.path('indexes')) == []


def test_units_are_changed_one_by_one_and_together(made):
    site, table = made
    table.write('read-units', '7')
    table.settle()
    assert units_in(site) == (7, 4)
    table.write('units', '8 9')
    table.settle()
    assert units_in(site) == (8, 9) and table.show('units') == '8 9'


def test_the_real_state_is_shown_while_it_changes(folder, servers, make_table):
    """dynalite takes half a second for a change."""
    _, table = make_table('dynalite')
    table.write('write-units', '6')
    assert table.show('status') == 'UPDATING'
    with fails_with('EBUSY'):
        table.write('write-units', '7')
    table.settle()
    assert table.show('last-increase').startswith('20')


@pytest.mark.parametrize('row, text', [('read-units', '0'), ('read-units', '-1'), ('read-units', 'many'), ('units', '5'),
                                       ('units', '0 4'), ('units', '5 4 3'), ('write-units', ''),
                                       ('read-units', '99999999999999999999'), ('billing-mode', 'free')])
def test_a_bad_value_is_refused_before_dynamodb_is_asked(make_table, row, text):
    site, table = make_table('dynalite')
    with fails_with('EINVAL'):
        table.write(row, text)
    assert units_in(site) == (5, 4)
    assert table.mount.control('last-error')


def test_what_is_shown_can_be_written_and_sends_nothing(folder, servers, proxied):
    provisioned_table = Table(proxied.mount(), proxied.table)
    provisioned_table.settle()
    proxied.proxy.forget()
    for row in ('read-units', 'write-units', 'units', 'billing-mode'):
        provisioned_table.write(row, provisioned_table.show(row))
    assert not proxied.proxy.seen('UpdateTable')


def test_a_table_on_demand_has_no_units_until_it_is_provisioned(make_site):
    site = make_site('moto')
    site.put('prod', 'db', SEED)
    table = Table(site.mount('read-units=3,write-units=2'), site.table)
    table.settle()
    assert table.show('billing-mode') == 'on-demand'
    with fails_with('EINVAL'):
        table.write('units', '5 5')
    table.write('billing-mode', 'provisioned')
    table.settle()
    assert units_in(site) == (3, 2)
    table.write('billing-mode', 'on-demand')
    table.settle()
    assert table.show('billing-mode') == 'on-demand'


def test_indexes_are_directories_of_their_own(make_table):
    site, table = make_table('moto', indexes=('zone', 'owner'))
    assert sorted(os.listdir(table.path('indexes'))) == ['by-owner', 'by-zone']
    assert table.show('indexes/by-zone/units') == '5 4'
    table.write('indexes/by-zone/units', '6 5')
    eventually(lambda: table.show('indexes/by-zone/status') == 'ACTIVE')
    assert units_in(site, 'by-zone') == (6, 5) and units_in(site, 'by-owner') == (5, 4) and units_in(site) == (5, 4)


def test_mkdir_creates_a_table_as_its_source_would(make_table):
    site, table = make_table('dynalite', 'read-units=3,write-units=2')
    name = site.server.new_name()
    os.mkdir(table.mount.path(f'.control/tables/{name}'))
    new = Table(table.mount, name)
    assert new.show('status') in ('', 'CREATING', 'ACTIVE')
    new.settle()
    assert new.show('schema') == '_store S HASH\n_option S RANGE' and new.show('units') == '3 2'
    with fails_with('EEXIST'):
        os.mkdir(table.mount.path(f'.control/tables/{name}'))
    for bad in ('a', 'a b c', 'conf@nowhere-1'):
        with fails_with('EINVAL'):
            os.mkdir(table.mount.path(f'.control/tables/{bad}'))
    with fails_with('EPERM'):
        os.rmdir(table.mount.path(f'.control/tables/{name}'))


def test_a_mount_without_dynamodb_has_no_tables(here):
    assert here.ls('.control/tables') == []
    with fails_with('EPERM'):
        os.mkdir(here.path('.control/tables/conf'))


def test_a_table_outside_the_first_region_is_named_with_its_own(make_table, folder, servers):
    site, table = make_table('moto')
    elsewhere = 'eu-west-1'
    other = site.server.new_name()
    config = folder / 'two.conf'
    config.write_text(f'[source: one]\nsource = dynamodb:{site.table}\nregion = {REGION}\n'
                      f'endpoint-url = {site.server.url}\n[source: two]\nsource = dynamodb:{other}\n'
                      f'region = {elsewhere}\nendpoint-url = {site.server.url}\n')
    with Mount(None, folder / 'two', arguments=['-c', config]) as conf:
        assert sorted(conf.ls('.control/tables')) == sorted([site.table, f'{other}@{elsewhere}'])
        Table(conf, f'{other}@{elsewhere}').settle()


def test_a_table_that_is_gone_says_so_and_is_never_taken_for_empty(make_table):
    site, table = make_table('dynalite', 'create=no')
    site.client.delete_table(TableName=site.table)
    eventually(lambda: site.table not in site.client.list_tables()['TableNames'])
    with fails_with('EIO'):
        table.write('read-units', '9')
    assert table.show('status') == 'MISSING' and site.table in table.show('last-error')
    assert table.mount.read('prod/db/host') == b'db1'
