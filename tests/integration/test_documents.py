# SPDX-License-Identifier: Apache-2.0
"""Whole options, and stores, as one file: %json and %env."""
import json
import os
import shutil
import subprocess

import pytest
from conftest import needs
from mounts import eventually, fails_with
from sites import SEED
from test_types import VALUES

JSON, ENV, STORE = 'prod/db/%json', 'prod/db/%env', 'prod/%json'
ALL = {case.replace(' ', '_'): value[0] for case, value in VALUES.items()}


def load(conf, name=JSON):
    return json.loads(conf.read(name))


def dump(conf, document, name=JSON):
    conf.write(name, json.dumps(document).encode())


def test_an_option_is_read_as_one_document(conf):
    assert conf.read(JSON) == b'{\n  "host": "db1",\n  "port": 27017\n}\n'
    assert conf.read(ENV) == b'host=db1\nport=27017\n'
    assert conf.read(STORE) == b'{\n  "db": {\n    "host": "db1",\n    "port": 27017\n  }\n}\n'


def test_documents_are_in_no_listing_and_have_true_sizes(conf):
    assert conf.ls('prod') == ['db'] and conf.ls('prod/db') == ['host', 'port']
    for name in (JSON, ENV, STORE):
        found = os.stat(conf.path(name))
        assert found.st_size == len(conf.read(name)) > 0 and found.st_blocks > 0
    assert not conf.exists('prod/%env') and not conf.exists('%json')


def test_no_key_has_the_name_of_a_document(site):
    site.put('prod', 'db', {'%json': {'S': 'a'}, '%env': {'S': 'b'}})
    conf = site.mount()
    assert conf.ls('prod/db') == ['%25env', '%25json']
    assert load(conf) == {'%json': 'a', '%env': 'b'}


def test_the_number_of_files_in_the_kernel_is_their_own(conf):
    ids = {os.stat(conf.path(name)).st_ino for name in ('prod', 'prod/db', 'prod/db/host', JSON, ENV, STORE)}
    assert len(ids) == 6


def test_an_option_is_replaced_as_a_whole(conf):
    dump(conf, {'host': 'db2', 'new': [1, 'a', None, True], 'more': {'a': 1}})
    assert conf.site.get() == {'host': {'S': 'db2'}, 'more': {'M': {'a': {'N': '1'}}},
                               'new': {'L': [{'N': '1'}, {'S': 'a'}, {'NULL': True}, {'BOOL': True}]}}
    assert conf.ls('prod/db') == ['host', 'more', 'new'] and conf.read('prod/db/host') == b'db2'
    assert load(conf) == {'host': 'db2', 'more': {'a': 1}, 'new': [1, 'a', None, True]}


def test_every_type_comes_back_as_it_was(site):
    site.put('prod', 'db', ALL)
    conf = site.mount()
    conf.write(JSON, conf.read(JSON))
    before = site.get()
    document = load(conf)
    document['S'] = 'changed'
    # Digits are digits: json.loads keeps integers, and a fraction that a double holds.
    document.pop('N_with_a_fraction')
    dump(conf, document)
    before.pop('N_with_a_fraction')
    assert site.get() == {**before, 'S': {'S': 'changed'}}


def test_numbers_keep_their_digits(conf):
    digits = '-0.1234567890123456789012345678901234567'
    conf.write(JSON, b'{"port": %s}' % digits.encode())
    assert conf.site.get() == {'port': {'N': digits}} and conf.read(JSON) == b'{\n  "port": %s\n}\n' % digits.encode()


@pytest.mark.parametrize('text', ['[]', '{"a":1', '{"a":01}', '{"a":1}{}', '{"a":1,"a":2}', '{"":1}', '',
                                  '{"a":1e126}', '{"a":123456789012345678901234567890123456789}', '{"_store":"x"}'])
def test_what_is_no_option_is_einval_and_changes_nothing(here, text):
    with fails_with('EINVAL'):
        with here.opened(JSON, os.O_WRONLY | os.O_TRUNC) as fd:
            os.write(fd, text.encode())
            os.fsync(fd)
    assert here.site.get() == SEED and load(here) == {'host': 'db1', 'port': 27017}


def test_what_no_continuation_makes_valid_is_einval_from_write(here):
    with here.opened(JSON, os.O_WRONLY | os.O_TRUNC) as fd:
        with fails_with('EINVAL'):
            os.write(fd, b'{"a" 1')


def test_a_lost_race_is_estale_and_changes_nothing(conf):
    conf.read(JSON)
    conf.site.set('port', {'N': '1'})
    with fails_with('ESTALE'):
        dump(conf, {'host': 'db2', 'port': 27017})
    assert conf.site.get() == {'host': {'S': 'db1'}, 'port': {'N': '1'}}
    conf.refresh()
    dump(conf, {'host': 'db2', 'port': 27017})
    assert conf.site.get() == {'host': {'S': 'db2'}, 'port': {'N': '27017'}}


def test_a_document_that_was_read_through_the_handle_must_still_hold(conf):
    with conf.opened(JSON, os.O_RDWR) as fd:
        text = os.read(fd, 1000)
        conf.write('prod/db/host', b'db9')
        os.pwrite(fd, text.replace(b'db1', b'db2'), 0)
        with fails_with('ESTALE'):
            os.fsync(fd)
    assert conf.site.value('host') == {'S': 'db9'}


def test_an_option_that_was_removed_is_not_made_again(conf):
    conf.site.remove('prod', 'db')
    with fails_with('ESTALE'):
        dump(conf, {'host': 'db2'})
    assert conf.site.get() is None


def test_more_than_an_item_holds_is_efbig(conf):
    with fails_with('EFBIG'):
        dump(conf, {'a': 'x' * 250_000, 'b': 'y' * 250_000})
    assert conf.site.get() == SEED


def test_it_is_one_request(proxied):
    conf = proxied.mount()
    conf.read(JSON)
    proxied.proxy.forget()
    dump(conf, {'host': 'db2', 'new': 1})
    assert [request.operation for request in proxied.proxy.seen()] == ['UpdateItem']
    proxied.proxy.forget()
    conf.write(JSON, conf.read(JSON))
    assert proxied.proxy.seen() == []


def test_documents_follow_the_keys_that_are_written_here(here):
    for n in range(50):
        here.write('prod/db/port', str(n).encode())
        assert eventually(lambda n=n: load(here)['port'] == n)
        assert os.stat(here.path(JSON)).st_size == len(here.read(JSON))
    here.sh('rm prod/db/host')
    eventually(lambda: load(here) == {'port': 49})
    eventually(lambda: load(here, STORE) == {'db': {'port': 49}})
    here.sh('mkdir prod/other')
    eventually(lambda: load(here, STORE) == {'db': {'port': 49}, 'other': {}})


def test_documents_follow_what_is_changed_elsewhere(conf):
    assert load(conf)['host'] == 'db1' and load(conf, STORE)['db']['host'] == 'db1' and conf.read(ENV)
    before = os.stat(conf.path(JSON)).st_mtime_ns
    conf.site.set('host', {'S': 'another'})
    conf.refresh()
    assert load(conf)['host'] == 'another' and load(conf, STORE)['db']['host'] == 'another'
    assert conf.read(ENV) == b'host=another\nport=27017\n'
    after = os.stat(conf.path(JSON))
    assert after.st_mtime_ns == os.stat(conf.path('prod/db/host')).st_mtime_ns > before
    assert after.st_size == len(conf.read(JSON))


def test_a_store_that_is_read_on_every_access(site):
    site.put('prod', 'db', SEED)
    conf = site.mount('ttl=0')
    assert load(conf)['host'] == 'db1'
    site.set('host', {'S': 'db2'})
    assert load(conf)['host'] == 'db2' and load(conf, STORE)['db']['host'] == 'db2'
    dump(conf, {'host': 'db3'})
    assert site.get() == {'host': {'S': 'db3'}}


def test_documents_stay_where_they_are(here):
    for change in (f'rm {JSON}', f'mv {JSON} prod/db/x', f'mv prod/db/host {JSON}', f'ln {JSON} prod/db/x',
                   f'mkdir {STORE}', f'mkdir {JSON}', f'rmdir {JSON}'):
        assert here.try_sh(change).returncode != 0
    with fails_with('EACCES'):
        here.write(ENV, b'x')
    with fails_with('EACCES'):
        here.write(STORE, b'{}')
    assert os.stat(here.path(ENV)).st_mode & 0o777 == 0o444 and os.stat(here.path(JSON)).st_mode & 0o777 == 0o644
    assert here.site.get() == SEED


def test_a_document_goes_along_with_its_option(here):
    fd = os.open(here.path(JSON), os.O_RDWR)
    before = os.fstat(fd).st_ino
    os.rename(here.path('prod/db'), here.path('prod/moved'))
    assert os.stat(here.path('prod/moved/%json')).st_ino == before and load(here, 'prod/moved/%json')['host'] == 'db1'
    os.pwrite(fd, b'{"host": "db2"}', 0)
    os.ftruncate(fd, 15)
    os.close(fd)
    assert here.site.get('prod', 'moved') == {'host': {'S': 'db2'}} and not here.exists(JSON)


def test_files_in_memory_are_in_no_document(here):
    here.write('prod/db/.host.swp', b'draft', os.O_CREAT | os.O_EXCL)
    assert load(here) == {'host': 'db1', 'port': 27017}
    dump(here, {'host': 'db2'})
    assert here.site.get() == {'host': {'S': 'db2'}} and here.read('prod/db/.host.swp') == b'draft'


def test_a_key_that_was_just_renamed_away(here):
    os.rename(here.path('prod/db/host'), here.path('prod/db/host~'))
    dump(here, {'host': 'new', 'port': 1})
    assert here.site.get() == {'host': {'S': 'new'}, 'port': {'N': '1'}}, 'the backup is a key that the text leaves out'


def test_a_shell_reads_env(here):
    here.site.put('prod', 'db', {'A': {'S': "it's $HOME `x` \"y\"\n\\"}, 'B': {'N': '1'}, 'C': {'S': ''},
                                 'a-b': {'S': 'x'}, 'D': {'S': 'a\0b'}})
    here.refresh()
    out = here.sh(f'. ./{ENV}; printf "%s|%s|%s|%s." "$A" "$B" "$C" "${{D-none}}"')
    assert out == "it's $HOME `x` \"y\"\n\\|1||none."
    assert '# "a-b" is left out: no variable has such a name\n' in here.read(ENV).decode()


@pytest.fixture
def watch(here):
    """Watches a file, and gives a function that gives the next event."""
    needs(shutil.which('inotifywait'), 'inotifywait')
    watchers = []

    def begin(name):
        watcher = subprocess.Popen(['inotifywait', '-m', '-e', 'modify,close_write', '--format', '%e', here.path(name)],
                                   text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        watchers.append(watcher)
        while 'Watches established' not in watcher.stderr.readline():
            pass
        return lambda: watcher.stdout.readline().strip()

    yield begin
    for watcher in watchers:
        watcher.kill()
        watcher.communicate()


def until_closed(event):
    told = [event()]
    while not told[-1].startswith('CLOSE_WRITE'):
        told.append(event())
    return told


@pytest.mark.parametrize('name', [JSON, ENV, STORE, 'prod/db/host'])
def test_watchers_hear_of_an_option_that_was_replaced(here, watch, name):
    event = watch(name)
    dump(here, {'host': 'db2'})
    told = until_closed(event)
    assert set(told[:-1]) == {'MODIFY'}
    # And of nothing else until the next change.
    dump(here, {'host': 'db3'})
    assert len(until_closed(event)) == len(told)


@pytest.mark.parametrize('name', [JSON, ENV, STORE])
@pytest.mark.parametrize('elsewhere', [False, True])
def test_watchers_of_documents_hear_of_a_changed_key(here, watch, name, elsewhere):
    event = watch(name)
    for value in ('db2', 'another'):
        if elsewhere:
            here.site.set('host', {'S': value})
            here.refresh()
        else:
            here.write('prod/db/host', value.encode())
        assert until_closed(event) == ['MODIFY', 'CLOSE_WRITE,CLOSE']
