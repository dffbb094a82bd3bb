# SPDX-License-Identifier: Apache-2.0
"""Changes made elsewhere, and how they come in."""
import os
import signal

import pytest
from mounts import eventually, fails_with
from proxy import FAULTS, first_page, later_page, limit
from sites import OPTION, SEED, STORE


def test_a_refresh_brings_every_kind_of_change(conf):
    conf.site.put('prod', 'db', {'host': {'S': 'a longer name'}, 'new': {'BOOL': True}})
    conf.site.put('prod', 'cache', {})
    conf.site.put('test', 'db', SEED)
    assert conf.read('prod/db/host') in (b'db1', b'a longer name')
    conf.refresh()
    assert conf.read('prod/db/host') == b'a longer name'
    assert conf.ls() == ['prod', 'test'] and conf.ls('prod') == ['cache', 'db']
    assert conf.ls('prod/db') == ['host', 'new']


def test_a_refresh_takes_away_what_was_removed(conf):
    conf.site.put('prod', 'cache', {})
    conf.refresh()
    conf.site.remove('prod', 'db')
    conf.refresh()
    assert conf.ls('prod') == ['cache'] and not conf.exists('prod/db/host')


def test_hangup_refreshes(conf):
    conf.site.set('host', {'S': 'db2'})
    conf.process.send_signal(signal.SIGHUP)
    eventually(lambda: conf.read('prod/db/host') == b'db2')


def test_a_missing_key_that_appears_is_seen_at_the_next_reload(conf):
    assert not conf.exists('prod/db/later') and not conf.exists('prod/none/key')
    conf.site.set('later', {'S': 'x'})
    conf.site.put('prod', 'none', {'key': {'S': 'y'}})
    conf.refresh()
    assert conf.read('prod/db/later') == b'x' and conf.read('prod/none/key') == b'y'


def test_a_store_reloads_by_itself(site):
    site.put('prod', 'db', SEED)
    conf = site.mount('ttl=1')
    site.set('host', {'S': 'db2'})
    eventually(lambda: conf.read('prod/db/host') == b'db2')


def test_the_embedded_store_shows_another_process_change_within_a_second_whatever_ttl_says(here):
    other = here.site.mount()
    other.write('prod/db/host', b'db2')
    eventually(lambda: here.read('prod/db/host') == b'db2', seconds=5)
    os.unlink(other.path('prod/db/port'))
    eventually(lambda: not here.exists('prod/db/port'), seconds=5)


def test_the_time_of_a_value_moves_when_it_changes_and_not_before(conf):
    before = os.stat(conf.path('prod/db/host')).st_mtime_ns
    conf.refresh()
    assert os.stat(conf.path('prod/db/host')).st_mtime_ns == before
    conf.site.set('host', {'S': 'db2'})
    conf.refresh()
    assert os.stat(conf.path('prod/db/host')).st_mtime_ns > before


def test_a_reader_gets_a_whole_value_of_one_version(conf):
    values = [letter * size for letter, size in (('a', 5000), ('b', 20), ('c', 9000))]
    for i in range(15):
        conf.site.set('host', {'S': values[i % 3]})
        with conf.opened('prod/db/host', os.O_RDONLY) as fd:
            first = os.read(fd, 10)
            conf.refresh()
            whole = first + os.read(fd, 10_000) if first else b''
        assert whole.decode() in (*values, 'db1')


# ttl=0

@pytest.fixture
def fresh(site):
    site.put('prod', 'db', SEED)
    return site.mount('ttl=0')


def test_without_ttl_every_open_sees_what_was_just_written(fresh):
    for i in range(5):
        fresh.site.set('host', {'S': 'db' * (i + 2)})
        assert fresh.read('prod/db/host') == b'db' * (i + 2)
        assert os.stat(fresh.path('prod/db/host')).st_size == 2 * (i + 2)


def test_without_ttl_an_unknown_name_is_asked_for(fresh):
    assert not fresh.exists('prod/db/new') and not fresh.exists('prod/cache')
    fresh.site.set('new', {'S': 'x'})
    fresh.site.put('prod', 'cache', {'size': {'N': '1'}})
    assert fresh.exists('prod/db/new') and fresh.read('prod/cache/size') == b'1'


def test_without_ttl_every_listing_is_fresh(fresh):
    assert fresh.ls('prod/db') == ['host', 'port']
    fresh.site.put('prod', 'db', {'only': {'S': 'x'}})
    fresh.site.put('prod', 'cache', {})
    assert fresh.ls('prod/db') == ['only'] and fresh.ls('prod') == ['cache', 'db']


def test_without_ttl_what_was_removed_cannot_be_opened(fresh):
    fresh.site.remove('prod', 'db')
    with pytest.raises(FileNotFoundError):
        fresh.read('prod/db/host')


def test_without_ttl_reads_are_strongly_consistent(proxied):
    conf = proxied.mount('ttl=0')
    proxied.proxy.forget()
    conf.read('prod/db/host'), conf.ls('prod/db'), conf.exists('prod/db/none')
    reads = [r for r in proxied.proxy.seen() if r.operation in ('GetItem', 'Query', 'Scan')]
    assert reads and all(r.json.get('ConsistentRead') is True for r in reads)


def test_without_ttl_a_failed_fetch_fails_the_call(proxied):
    conf = proxied.mount('ttl=0', 'timeout=1')
    proxied.proxy.stop()
    with pytest.raises(OSError):
        conf.read('prod/db/host')
    proxied.proxy.listen()
    assert eventually(lambda: conf.try_sh('cat prod/db/host').stdout == 'db1')


# Pages

@pytest.fixture
def paged(proxied):
    """Three pages of two options, each with a value of its own."""
    proxied.remove('prod', 'db')
    proxied.put_many('prod', {f'o{i}': {'k': {'S': 'old'}} for i in range(6)})
    proxied.proxy.on('*', limit(2), when=lambda r: r.operation in ('Scan', 'Query'))
    return proxied


def test_all_pages_are_followed(paged):
    conf = paged.mount()
    assert conf.ls('prod') == [f'o{i}' for i in range(6)]
    assert len(paged.proxy.seen('Scan')) >= 3


@pytest.mark.parametrize('fault', ['throttle', 'error-500', 'html-503', 'reset-during', 'truncate', 'empty-200',
                                   'object-200', 'html-200'])
def test_a_page_that_does_not_come_leaves_the_listing_unchanged(paged, fault):
    conf = paged.mount('timeout=1')
    paged.put('prod', 'o0', {'k': {'S': 'new'}})
    paged.remove('prod', 'o5')
    paged.proxy.on('Scan', FAULTS[fault], when=later_page)
    for _ in range(3):
        conf.try_sh('echo 1 > .control/refresh')
        assert conf.ls('prod') == [f'o{i}' for i in range(6)]
        assert conf.read('prod/o0/k') == b'old' and conf.read('prod/o5/k') == b'old'
    assert conf.control('last-error').strip() and conf.of_store('last-error')
    assert conf.of_store('stale') not in ('0', 'no', 'false')
    paged.proxy.clear()
    conf.refresh()
    assert conf.ls('prod') == [f'o{i}' for i in range(5)] and conf.read('prod/o0/k') == b'new'
    assert conf.of_store('last-error') == ''


def test_a_refresh_that_fails_says_so(paged):
    conf = paged.mount('timeout=1')
    paged.proxy.on('Scan', FAULTS['error-500'])
    done = conf.try_sh('echo 1 > .control/refresh')
    assert done.returncode != 0


def test_a_first_load_that_is_throttled_goes_on_from_its_last_page(paged):
    paged.proxy.on('Scan', FAULTS['throttle'], times=6, when=later_page)
    conf = paged.mount('timeout=1')
    assert conf.ls('prod') == [f'o{i}' for i in range(6)]
    passed = [r for r in paged.proxy.seen('Scan') if first_page(r)]
    assert len(passed) == 1


@pytest.mark.parametrize('change, expected', [
    ('echo ours > prod/o0/k', b'ours'), ('rm prod/o0/k', None), ('mv prod/o0/k prod/o0/k2', None)])
def test_a_load_that_began_before_a_change_does_not_undo_it(paged, change, expected):
    conf = paged.mount()
    paged.put('prod', 'o5', {'k': {'S': 'new'}})
    gate = paged.proxy.hold('Scan', answer=True, when=later_page)
    conf.process.send_signal(signal.SIGHUP)
    gate.wait()  # the first page, with o0 as it was, has been read
    conf.sh(change)
    gate.release()
    eventually(lambda: conf.read('prod/o5/k') == b'new')
    assert (conf.read('prod/o0/k') if conf.exists('prod/o0/k') else None) == expected


def test_a_load_that_began_before_mkdir_and_rmdir_does_not_undo_them(paged):
    conf = paged.mount()
    conf.sh('rm prod/o0/k')
    paged.put('prod', 'o5', {'k': {'S': 'new'}})
    gate = paged.proxy.hold('Scan', answer=True, when=later_page)
    conf.process.send_signal(signal.SIGHUP)
    gate.wait()
    conf.sh('rmdir prod/o0; mkdir prod/made')
    gate.release()
    eventually(lambda: conf.read('prod/o5/k') == b'new')
    assert conf.ls('prod') == ['made'] + [f'o{i}' for i in range(1, 6)]


def test_readers_do_not_wait_for_a_load(paged):
    conf = paged.mount()
    gate = paged.proxy.hold('Scan', when=later_page)
    conf.process.send_signal(signal.SIGHUP)
    gate.wait()
    assert conf.read('prod/o0/k') == b'old' and len(conf.ls('prod')) == 6
    assert conf.sh('ls -lR . > /dev/null; df . > /dev/null; echo done') == 'done\n'
    gate.release()


# stores=

def test_chosen_stores_are_queried_and_nothing_is_scanned(proxied):
    for store in ('test', 'other', 'a,b'):
        proxied.put(store, 'db', SEED)
    conf = proxied.mount(r'stores=prod\,test', r'stores=a\\\,b')
    assert conf.ls() == ['a,b', 'prod', 'test'] and conf.read('test/db/host') == b'db1'
    conf.refresh()
    conf.sh('echo x > test/db/host; mkdir prod/new; rm -r prod/db')
    conf.refresh()
    assert not conf.exists('other')
    assert proxied.proxy.seen('Query') and not proxied.proxy.seen('Scan')


def test_chosen_stores_are_not_scanned_without_ttl_either(proxied):
    proxied.put('test', 'db', SEED)
    conf = proxied.mount('stores=prod', 'ttl=0')
    assert conf.ls() == ['prod'] and conf.ls('prod/db') == ['host', 'port'] and not conf.exists('test')
    assert not proxied.proxy.seen('Scan')


def test_chosen_stores_follow_all_pages(paged):
    conf = paged.mount('stores=prod')
    assert len(conf.ls('prod')) == 6 and len(paged.proxy.seen('Query')) >= 3


def test_a_reload_of_everything_scans_and_sends_nothing_else(proxied):
    conf = proxied.mount()
    proxied.proxy.forget()
    conf.refresh()
    assert {r.operation for r in proxied.proxy.seen()} == {'Scan'}


def test_reading_and_listing_cost_no_request(proxied):
    conf = proxied.mount()
    proxied.proxy.forget()
    conf.read('prod/db/host'), conf.sh('ls -lR .; cat prod/db/*'), conf.exists('prod/db/none')
    assert proxied.proxy.seen() == []


def test_a_write_is_one_update_of_one_attribute(proxied):
    conf = proxied.mount()
    proxied.proxy.forget()
    conf.sh('echo db2 > prod/db/host')
    (request,) = proxied.proxy.seen()
    assert request.operation == 'UpdateItem'
    assert list(request.json['ExpressionAttributeValues'].values()).count({'S': 'db2'}) == 1


def test_a_table_that_vanished_is_a_failed_load_and_never_an_empty_one(make_site):
    site = make_site('dynalite')
    site.put(STORE, OPTION, SEED)
    conf = site.mount()
    site.client.delete_table(TableName=site.table)
    site.client.get_waiter('table_not_exists').wait(TableName=site.table, WaiterConfig={'Delay': 0.02})
    for _ in range(2):
        with fails_with('ENXIO', 'EIO'):
            conf.refresh()
    assert conf.ls('prod') == ['db'] and conf.read('prod/db/host') == b'db1'
    assert conf.of_store('stale') not in ('0', 'no', 'false') and site.table in conf.of_store('last-error')
    # What is gone is not made again behind its owner's back.
    assert site.table not in site.client.list_tables()['TableNames']
