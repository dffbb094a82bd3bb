# SPDX-License-Identifier: Apache-2.0
"""Servers that refuse, stall and lie."""
import os
import signal
import subprocess
import time

import pytest
from mounts import PATIENCE, eventually, fails_with, unmount
from proxy import FAULTS
from sites import SEED

HOST = 'prod/db/host'


@pytest.fixture
def conf(proxied):
    conf = proxied.mount('timeout=1')
    conf.proxy = proxied.proxy
    return conf


def silent(conf):
    """Every request is taken and never answered."""
    conf.proxy.on('*', FAULTS['silence'])


def refusing(conf):
    conf.proxy.stop()


@pytest.fixture(params=[silent, refusing])
def lost(conf, request):
    """A mount whose server went away."""
    request.param(conf)
    return conf


def test_reads_and_listings_go_on(lost):
    assert lost.read(HOST) == b'db1' and lost.ls('prod/db') == ['host', 'port']
    assert lost.sh('ls -lR . > /dev/null; df . > /dev/null; stat prod/db/host > /dev/null; echo done') == 'done\n'
    assert not lost.exists('prod/db/none')


@pytest.mark.parametrize('change', [
    lambda c: c.write(HOST, b'db2'), lambda c: c.write('prod/db/new', b'x'), lambda c: c.append(HOST, b'x'),
    lambda c: os.truncate(c.path(HOST), 1), lambda c: os.unlink(c.path(HOST)), lambda c: os.mkdir(c.path('prod/new')),
    lambda c: os.rename(c.path(HOST), c.path('prod/db/other')), lambda c: c.refresh(),
    lambda c: os.rename(c.path('prod/db'), c.path('prod/other')),
], ids=['write', 'create', 'append', 'truncate', 'unlink', 'mkdir', 'rename', 'refresh', 'rename-option'])
def test_changes_fail_within_the_deadline_and_change_nothing(lost, change):
    before = time.monotonic()
    with fails_with('ETIMEDOUT', 'EIO'):
        change(lost)
    assert time.monotonic() - before < PATIENCE  # not a measurement: that it ends at all
    assert lost.read(HOST) == b'db1' and lost.ls('prod/db') == ['host', 'port'] and lost.ls('prod') == ['db']
    lost.proxy.clear()
    assert lost.site.get() == SEED


def test_a_shell_sees_the_failure_of_a_store_known_to_be_unreachable(lost):
    with fails_with('ETIMEDOUT', 'EIO'):
        lost.write(HOST, b'x')
    done = lost.try_sh('echo db2 > prod/db/host')
    assert done.returncode != 0 and 'rror' in done.stderr


def test_with_commit_write_a_shell_sees_the_first_failure(proxied):
    conf = proxied.mount('timeout=1', 'commit=write')
    proxied.proxy.stop()
    done = conf.try_sh('echo db2 > prod/db/host')
    assert done.returncode != 0 and conf.read(HOST) == b'db1'


def test_a_failure_is_told_by_age_stale_and_last_error(lost):
    lost.try_sh('echo 1 > .control/refresh')
    assert lost.of_store('stale') not in ('0', 'no', 'false')
    assert lost.of_store('last-error') and lost.control('last-error').strip()
    assert float(lost.of_store('age')) >= 0


def test_a_later_fsync_of_the_key_reports_a_failed_close_once(conf):
    conf.proxy.on('UpdateItem', FAULTS['denied'], times=1)
    conf.try_sh('echo db2 > prod/db/host')
    assert conf.try_sh('sync prod/db/host').returncode != 0
    assert conf.try_sh('sync prod/db/host').returncode == 0


def test_when_the_server_is_back_everything_works_again(lost):
    with fails_with('ETIMEDOUT', 'EIO'):
        lost.write(HOST, b'x')
    lost.proxy.clear()
    if not lost.proxy.listener:
        lost.proxy.listen()
    eventually(lambda: lost.try_sh('echo db2 > prod/db/host && sync prod/db/host').returncode == 0)
    assert lost.site.value('host') == {'S': 'db2'}


def test_the_mount_ends_while_the_server_is_away(lost):
    waiting = subprocess.Popen(['mkdir', lost.path('prod/new')], stderr=subprocess.DEVNULL)
    lost.stop()
    assert waiting.wait(PATIENCE) != 0


def test_umount_ends_while_the_server_is_away(lost):
    unmount(lost.dir)
    assert lost.process.wait(PATIENCE) == 0


def test_the_mount_ends_while_a_load_waits(conf):
    gate = conf.proxy.hold('Scan')
    conf.process.send_signal(signal.SIGHUP)
    gate.wait()
    conf.stop()


def test_a_stopped_server_process_is_the_same_as_a_silent_one(proxied):
    conf = proxied.mount('timeout=1')
    proxied.server.process.send_signal(signal.SIGSTOP)
    try:
        assert conf.read(HOST) == b'db1'
        with fails_with('ETIMEDOUT', 'EIO'):
            conf.write(HOST, b'db2')
        assert conf.ls('prod/db') == ['host', 'port']
    finally:
        proxied.server.process.send_signal(signal.SIGCONT)


def test_an_interrupted_caller_is_released_at_once(proxied):
    conf = proxied.mount('timeout=60')
    gate = proxied.proxy.hold('UpdateItem')
    writer = subprocess.Popen(['cp', '/etc/hostname', conf.path(HOST)], stderr=subprocess.DEVNULL)
    gate.wait()
    writer.send_signal(signal.SIGINT)
    assert writer.wait(PATIENCE) == -signal.SIGINT
    gate.release()


def test_an_interrupted_reader_without_ttl_is_released_at_once(proxied):
    conf = proxied.mount('timeout=60', 'ttl=0')
    gate = proxied.proxy.hold('*', times=None)
    reader = subprocess.Popen(['cat', conf.path(HOST)], stdout=subprocess.DEVNULL)
    gate.wait()
    reader.send_signal(signal.SIGINT)
    assert reader.wait(PATIENCE) == -signal.SIGINT


# One spoiled answer

@pytest.mark.parametrize('fault', ['throttle', 'limit-exceeded', 'error-500', 'html-500', 'html-503', 'reset-before',
                                   'reset-during', 'reset-after', 'truncate', 'empty-200', 'html-200'])
def test_a_write_survives_one_spoiled_answer(conf, fault):
    conf.proxy.on('UpdateItem', FAULTS[fault], times=1)
    conf.write(HOST, b'db2')
    assert conf.site.get() == {**SEED, 'host': {'S': 'db2'}} and conf.read(HOST) == b'db2'


@pytest.mark.parametrize('fault', ['reset-after', 'reset-during', 'truncate'])
def test_a_conditional_write_whose_answer_was_lost_is_settled(conf, fault):
    conf.proxy.on('UpdateItem', FAULTS[fault], times=1)
    conf.append(HOST, b'+')
    assert conf.site.value('host') == {'S': 'db1+'} and conf.read(HOST) == b'db1+'


@pytest.mark.parametrize('fault', ['reset-after', 'reset-during', 'truncate'])
@pytest.mark.parametrize('script', ['rm prod/db/host', 'mkdir prod/new', 'mv prod/db/host prod/db/other',
                                    'rmdir prod/empty'])
def test_other_changes_whose_answer_was_lost_are_settled(conf, fault, script):
    conf.sh('mkdir prod/empty')
    conf.proxy.on('*', FAULTS[fault], times=1, when=lambda r: r.operation.endswith('Item') and r.operation != 'GetItem')
    conf.sh(script)


def test_an_append_that_somebody_overtook_after_a_lost_request_is_estale(conf):
    def theirs(exchange):
        conf.site.set('host', {'S': 'theirs'})
        exchange.reset()
    conf.proxy.on('UpdateItem', theirs, times=1)
    with fails_with('ESTALE'):
        conf.append(HOST, b'+')
    assert conf.site.value('host') == {'S': 'theirs'}


@pytest.mark.parametrize('fault, name', [('throttle', 'EBUSY'), ('limit-exceeded', 'EBUSY'), ('denied', 'EACCES')])
def test_a_refusal_to_the_end_says_what_it_was(conf, fault, name):
    conf.proxy.on('UpdateItem', FAULTS[fault])
    with fails_with(name):
        conf.write(HOST, b'db2')
    assert conf.read(HOST) == b'db1' and conf.site.value('host') == {'S': 'db1'}


@pytest.mark.parametrize('fault', ['error-500', 'html-503', 'reset-before', 'empty-200', 'html-200'])
def test_other_failures_to_the_end_are_eio(conf, fault):
    conf.proxy.on('*', FAULTS[fault])
    with fails_with('EIO', 'ETIMEDOUT'):
        conf.write(HOST, b'db2')
    assert conf.read(HOST) == b'db1'


def test_a_byte_a_second_ends_at_the_deadline(conf):
    conf.proxy.on('*', FAULTS['slow'])
    with fails_with('ETIMEDOUT', 'EIO'):
        conf.write(HOST, b'db2')


def test_what_was_not_stored_is_not_shown_after_a_refresh(conf):
    conf.proxy.on('UpdateItem', FAULTS['denied'])
    with fails_with('EACCES'):
        conf.write('prod/db/new', b'x')
    conf.proxy.clear()
    conf.refresh()
    assert conf.ls('prod/db') == ['host', 'port']


def test_an_odd_item_never_makes_a_listing_unreadable(proxied):
    def odd(exchange):
        answer = exchange.forward()
        item = b'{"_store":{"S":"prod"},"_option":{"S":"odd"},"strange":{"FUTURE":"1"},"fine":{"S":"x"}}'
        answer.body = answer.body.replace(b'"Items":[', b'"Items":[' + item + b',')
        answer.headers = [(k, v) for k, v in answer.headers if k.lower() != 'x-amz-crc32']
        exchange.send(answer.bytes())
    proxied.proxy.on('Scan', odd)
    conf = proxied.mount()
    assert conf.ls('prod') == ['db', 'odd'] and 'fine' in conf.ls('prod/odd')
    assert conf.read('prod/db/host') == b'db1' and conf.read('prod/odd/fine') == b'x'
