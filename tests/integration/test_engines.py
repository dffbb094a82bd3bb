# SPDX-License-Identifier: Apache-2.0
"""Engines that speak DynamoDB's API without being DynamoDB: what they leave out is not needed, what they do not know is
told as such, and idle connections that they end cost nothing."""
import os

import pytest
from mounts import fails_with
from proxy import FAULTS, without

OPTIONAL = ['ConsumedCapacity', 'ScannedCount', 'Count', 'ProvisionedThroughput', 'BillingModeSummary', 'TableArn',
            'ItemCount', 'TableSizeBytes', 'CreationDateTime', 'TableId', 'DeletionProtectionEnabled']


def test_dynoxide(make_site, cli):
    site = make_site('dynoxide')
    site.put('prod', 'db', {'host': {'S': 'db1'}, 'port': {'N': '27017'}})
    conf = site.mount()
    assert conf.read('prod/db/host') == b'db1'
    conf.sh('echo 27018 > prod/db/port; mkdir prod/new; echo x > prod/new/key; rm prod/db/host')
    assert site.get() == {'port': {'N': '27018'}} and site.get(option='new') == {'key': {'S': 'x'}}
    status, out, _ = cli('doctor', '-o', ','.join(site.options), site.source)
    assert status == 0, out


@pytest.fixture
def frugal(proxied):
    """An engine that tells no more than it must."""
    proxied.proxy.on('*', without(*OPTIONAL), when=lambda request: request.method == 'POST')
    return proxied


def test_an_engine_that_tells_no_more_than_it_must(frugal, cli):
    conf = frugal.mount()
    conf.sh('echo db2 > prod/db/host; mkdir prod/new; mv prod/db/host prod/db/name')
    conf.refresh()
    assert conf.read('prod/db/name') == b'db2' and frugal.value('name') == {'S': 'db2'}
    assert conf.of_store('consumed-read-units') == conf.of_store('consumed-write-units') == '0.0'
    status, out, _ = cli('doctor', '-o', ','.join(frugal.options), frugal.source)
    assert status == 0, out


def test_a_table_is_made_there(frugal):
    conf = frugal.mount(source='dynamodb:made-by-mount')
    conf.sh('mkdir -p prod/db; echo db1 > prod/db/host')
    assert conf.read('prod/db/host') == b'db1'


def test_an_operation_that_is_answered_by_a_web_page(proxied):
    """Nothing tells that it is unknown for good: the change fails, and the store is trusted again when it answers."""
    proxied.proxy.on('TransactWriteItems', FAULTS['html-500'])
    conf = proxied.mount()
    with fails_with('EIO', 'EXDEV'):
        os.rename(conf.path('prod/db'), conf.path('prod/other'))
    assert conf.ls('prod') == ['db'] and proxied.get(option='other') is None
    conf.refresh()
    conf.sh('echo db2 > prod/db/host')
    assert proxied.value('host') == {'S': 'db2'}


def test_connections_that_ended_while_idle(proxied):
    conf = proxied.mount('ttl=0')
    for i in range(5):
        proxied.proxy.drop()
        conf.write('prod/db/host', b'db%d\n' % i)
        proxied.proxy.drop()
        assert conf.read('prod/db/host') == b'db%d' % i
