# SPDX-License-Identifier: Apache-2.0
"""The .control tree."""
import json
import os
import re
import select
import signal
import stat

import pytest
from mounts import eventually, fails_with
from sites import SEED

TOP = ['version', 'status', 'refresh', 'last-error', 'log-level', 'metrics', 'events', 'stores']
STORE = ['source', 'layout', 'ttl', 'refresh', 'age', 'stale', 'items', 'keys', 'bytes', 'last-refresh', 'last-error',
         'consumed-read-units', 'consumed-write-units']


def test_control_lists_its_rows(conf):
    assert set(TOP) <= set(conf.ls('.control'))
    assert conf.ls('.control/stores') == ['prod']
    assert set(STORE) <= set(conf.ls('.control/stores/prod'))


@pytest.mark.parametrize('mode, listed, reached', [('hidden', False, True), ('listed', True, True),
                                                   ('off', False, False)])
def test_control_is_hidden_listed_or_off(local, mode, listed, reached):
    conf = local.mount(f'control={mode}')
    assert ('.control' in conf.ls()) == listed
    assert conf.exists('.control/version') == reached


def test_every_file_is_text_of_its_true_size_that_ends_in_a_newline(conf):
    names = [f'.control/{name}' for name in TOP[:-1]] + [f'.control/stores/prod/{name}' for name in STORE]
    for name in names:
        if os.stat(conf.path(name)).st_mode & 0o444:
            with conf.opened(name, os.O_RDONLY) as fd:
                text = os.pread(fd, 1 << 20, 0)
                assert len(text) == os.fstat(fd).st_size, name
            assert text.endswith(b'\n') or not text, name


def test_a_file_keeps_its_text_while_it_is_open(conf):
    with conf.opened('.control/stores/prod/age', os.O_RDONLY) as fd:
        size = os.fstat(fd).st_size
        assert len(os.pread(fd, 4096, 0)) == size == os.fstat(fd).st_size


def test_control_belongs_to_whoever_mounted(conf):
    for name, mode in (('version', 0o400), ('stores/prod/ttl', 0o600), ('stores/prod/source', 0o400)):
        about = os.stat(conf.path(f'.control/{name}'))
        assert (stat.S_IMODE(about.st_mode), about.st_uid) == (mode, os.getuid()), name
    assert os.stat(conf.path('.control/refresh')).st_mode & stat.S_IWUSR


def test_version_is_that_of_the_program(here, cli):
    assert here.control('version').strip() in cli('version')[1]


def test_rows_of_a_store_tell_what_it_is(conf):
    assert conf.of_store('source') == conf.site.source
    assert conf.of_store('layout') == 'options'
    assert conf.of_store('ttl') == '300'
    assert (conf.of_store('items'), conf.of_store('keys')) == ('1', '2')
    assert int(conf.of_store('bytes')) >= 8
    assert 0 <= float(conf.of_store('age')) < 60
    assert conf.of_store('last-error') == ''


def test_counts_follow_a_refresh(conf):
    conf.site.put('prod', 'cache', {'size': {'N': '1'}})
    conf.refresh()
    assert (conf.of_store('items'), conf.of_store('keys')) == ('2', '3')


def test_consumed_units_grow_with_use(make_site):
    site = make_site('dynalite')
    site.put('prod', 'db', SEED)
    conf = site.mount()
    reads, writes = (float(conf.of_store(f'consumed-{kind}-units')) for kind in ('read', 'write'))
    conf.write('prod/db/host', b'db2')
    conf.refresh()
    assert float(conf.of_store('consumed-write-units')) > writes
    assert float(conf.of_store('consumed-read-units')) > reads


def test_ttl_is_written_and_a_bad_one_changes_nothing(conf):
    conf.sh('echo 60 > .control/stores/prod/ttl')
    assert conf.of_store('ttl') == '60'
    with conf.opened('.control/stores/prod/ttl', os.O_WRONLY | os.O_TRUNC) as fd:
        with fails_with('EINVAL'):
            os.write(fd, b'soon\n')
    done = conf.try_sh('echo -1 > .control/stores/prod/ttl', shell='bash')
    assert done.returncode != 0 and 'Invalid argument' in done.stderr
    assert conf.of_store('ttl') == '60'


def test_ttl_zero_takes_effect_at_once(conf):
    conf.sh('echo 0 > .control/stores/prod/ttl')
    conf.site.set('host', {'S': 'db2'})
    assert conf.read('prod/db/host') == b'db2'


def test_refresh_of_one_store_returns_when_it_is_done(conf):
    conf.site.set('host', {'S': 'db2'})
    conf.sh('echo 1 > .control/stores/prod/refresh')
    assert conf.read('prod/db/host') == b'db2'


def test_nothing_can_be_made_or_removed_in_control(here):
    with fails_with('EPERM', 'EACCES'):
        here.write('.control/new', b'x')
    with fails_with('EPERM', 'EACCES'):
        os.unlink(here.path('.control/version'))
    with fails_with('EPERM', 'EACCES'):
        os.mkdir(here.path('.control/stores/new'))
    with fails_with('EPERM', 'EACCES', 'EBUSY'):
        os.rmdir(here.path('.control'))
    with fails_with('EPERM', 'EACCES', 'EXDEV', 'EBUSY'):
        os.rename(here.path('prod/db/host'), here.path('.control/host'))


def test_what_is_not_there_is_enoent(here):
    for name in ('none', 'stores/none', 'stores/prod/none'):
        assert not here.exists(f'.control/{name}')


def test_status_names_every_store_and_its_source(conf):
    status = conf.control('status')
    assert re.search(r'\bprod\b', status) and conf.site.source in status


def test_a_mount_for_reading_only_shows_control_and_refreshes_on_hangup(site):
    site.put('prod', 'db', SEED)
    conf = site.mount('ro')
    assert conf.of_store('keys') == '2'
    site.set('host', {'S': 'db2'})
    conf.process.send_signal(signal.SIGHUP)
    eventually(lambda: conf.read('prod/db/host') == b'db2')


def test_events_tell_of_changes_here_and_elsewhere(conf):
    def newest():
        event = json.loads(conf.control('events').splitlines()[-1])
        return event['event'], event.get('path')

    conf.write('prod/db/host', b'db2')
    assert newest() == ('changed', 'prod/db/host')
    conf.site.set('host', {'S': 'db3'})
    conf.site.put('prod', 'cache', {'size': {'N': '1'}})
    conf.refresh()
    told = [json.loads(line) for line in conf.control('events').splitlines()]
    assert {(event['event'], event['path']) for event in told[-3:]} == {
        ('changed', 'prod/db/host'), ('added', 'prod/cache'), ('added', 'prod/cache/size')}


def test_events_grow_under_their_reader(here):
    with here.opened('.control/events', os.O_RDONLY) as fd:
        before = os.pread(fd, 1 << 20, 0)
        here.write('prod/db/host', b'db2')
        assert os.fstat(fd).st_size > len(before)
        after = os.pread(fd, 1 << 20, 0)
        assert after.startswith(before) and b'"prod/db/host"' in after[len(before):]


def test_the_log_level_can_be_changed(here):
    here.sh('echo debug > .control/log-level')
    assert here.control('log-level') == 'debug\n'
    with fails_with('EINVAL'):
        here.write('.control/log-level', b'loud\n')
    assert here.control('log-level') == 'debug\n'


def test_metrics_count_requests(table):
    table.put('prod', 'db', SEED)
    conf = table.mount()
    samples = dict(line.rsplit(' ', 1) for line in conf.control('metrics').splitlines() if line[0] != '#')
    assert float(samples['dynconf_requests_total{operation="Scan",outcome="ok"}']) >= 1
    assert float(samples['dynconf_store_keys{store="prod"}']) == 2
    assert float(samples['dynconf_fuse_requests_total{kind="lookup"}']) > 0


def test_poll_tells_when_a_text_changed(here):
    with here.opened('.control/events', os.O_RDONLY) as events, here.opened('.control/stores/prod/keys', os.O_RDONLY) as keys:
        os.pread(events, 1 << 20, 0)
        poller = select.poll()
        for fd in (events, keys):
            poller.register(fd, select.POLLPRI)
        assert poller.poll(0) == []
        here.write('prod/db/new', b'1')
        told = set()
        eventually(lambda: told.update(fd for fd, event in poller.poll(1000) if event & select.POLLPRI) or told == {events, keys})
    with here.opened('prod/db/host', os.O_RDONLY) as fd:
        poller = select.poll()
        poller.register(fd, select.POLLIN | select.POLLPRI)
        assert poller.poll(0) == [(fd, select.POLLIN)]
