# SPDX-License-Identifier: Apache-2.0
"""The tests' own machinery: servers answer, and the proxy spoils what it is told to."""
import http.client
import threading

import pytest
from botocore.exceptions import ClientError
from conftest import TABLES
from proxy import FAULTS, Proxy, later_page, limit
from servers import client
from sites import TableSite


@pytest.fixture
def through(servers, tmp_path):
    server = servers('dynalite')
    with Proxy(('127.0.0.1', server.port)) as proxy:
        site = TableSite(tmp_path, server)
        site.put('prod', 'db', {'host': {'S': 'db1'}})
        site.proxy = proxy
        site.client = client(proxy.url, retries={'total_max_attempts': 1}, read_timeout=5)
        yield site


def scan(site):
    return site.client.scan(TableName=site.table)['Items']


@pytest.mark.parametrize('name', TABLES)
def test_every_server_accepts_signed_requests_through_the_proxy(servers, name, tmp_path):
    server = servers(name)
    with Proxy(('127.0.0.1', server.port)) as proxy:
        site = TableSite(tmp_path, server)
        site.client = client(proxy.url)
        site.put('prod', 'db', {'host': {'S': 'db1'}})
        assert site.get('prod', 'db') == {'host': {'S': 'db1'}}
        assert [r.operation for r in proxy.seen()] == ['PutItem', 'GetItem']


def test_requests_are_recorded_with_their_body(through):
    scan(through)
    assert through.proxy.seen('Scan')[0].json['TableName'] == through.table


def test_a_throttle_is_the_error_of_that_name_and_ends_after_its_times(through):
    through.proxy.on('Scan', FAULTS['throttle'], times=1)
    with pytest.raises(ClientError, match='ProvisionedThroughputExceeded'):
        scan(through)
    assert len(scan(through)) == 1


@pytest.mark.parametrize('fault', ['reset-before', 'reset-during', 'reset-after', 'truncate', 'html-503',
                                   'error-500'])
def test_a_spoiled_answer_fails_and_the_next_one_is_whole(through, fault):
    through.proxy.on('Scan', FAULTS[fault], times=1)
    with pytest.raises(Exception):
        scan(through)
    assert len(scan(through)) == 1


def test_a_wrong_checksum_is_sent_with_a_right_body(through):
    through.proxy.on('Scan', FAULTS['wrong-crc'], times=1)
    answer = through.client.scan(TableName=through.table)
    assert answer['ResponseMetadata']['HTTPHeaders']['x-amz-crc32'] == '12345' and answer['Count'] == 1


def test_a_rule_may_be_for_later_pages_only(through):
    for i in range(3):
        through.put('prod', f'o{i}', {})
    through.proxy.on('Scan', FAULTS['throttle'], when=later_page)
    through.proxy.on('Scan', limit(2), when=lambda request: not later_page(request))
    first = through.client.scan(TableName=through.table)
    assert first['Count'] == 2
    with pytest.raises(ClientError):
        through.client.scan(TableName=through.table, ExclusiveStartKey=first['LastEvaluatedKey'])


def test_a_held_answer_was_made_before_the_gate_opens(through):
    gate, items = through.proxy.hold('Scan', answer=True), []
    thread = threading.Thread(target=lambda: items.extend(scan(through)))
    thread.start()
    gate.wait()
    through.put('prod', 'later', {})
    gate.release()
    thread.join()
    assert len(items) == 1


def test_a_stopped_proxy_refuses_and_comes_back_on_its_port(through):
    through.proxy.stop()
    with pytest.raises(OSError):
        http.client.HTTPConnection('127.0.0.1', through.proxy.port, timeout=5).connect()
    through.proxy.listen()
    assert len(scan(through)) == 1
