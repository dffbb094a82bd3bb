# SPDX-License-Identifier: Apache-2.0
"""A mount whose values are read-only: files are opened and closed without the daemon."""
import os
import re
from pathlib import Path

import pytest

from mounts import eventually, fails_with
from sites import OPTION, SEED, STORE


def read_requests(mount):
    """How often the daemon read a request."""
    task = Path(f'/proc/{mount.process.pid}/task/{mount.process.pid}/io')
    return int(re.search(r'syscr: (\d+)', task.read_text())[1])


@pytest.fixture
def fixed(local):
    local.put(STORE, OPTION, SEED)
    return local.mount('values=ro', 'ttl=3600')


def look(mount):
    """Python's own open() asks whether the file is a terminal, which no cache answers."""
    with mount.opened('prod/db/host', os.O_RDONLY) as fd:
        return os.read(fd, 100), os.stat(mount.path('prod/db/port')).st_size, mount.ls('prod/db')


def test_hot_reads_send_nothing(fixed):
    def requests_of_hot_looks():
        before = read_requests(fixed)
        assert [look(fixed) for _ in range(100)] == [(b'db1', 5, ['host', 'port'])] * 100
        return read_requests(fixed) - before

    # The kernel's caches may be dropped, and others may look at all mounts of the machine.
    eventually(lambda: requests_of_hot_looks() == 0)


CHANGES = ['echo x > prod/db/host', 'echo x >> prod/db/host', ': > prod/db/host', 'truncate -s 2 prod/db/host',
           'echo x > prod/db/new', 'rm prod/db/host', 'mv prod/db/host prod/db/other', 'mkdir prod/new',
           'mkdir new', 'rm -r prod/db', 'mv prod/db prod/other', 'setfattr -n user.dynconf.type -v N prod/db/host']


def test_every_change_of_a_value_is_refused(fixed):
    for change in CHANGES:
        done = fixed.try_sh(change, shell='bash')
        assert done.returncode != 0 and 'Read-only file system' in done.stderr, change
        assert fixed.read('prod/db/host') == b'db1' and fixed.ls('prod/db') == ['host', 'port']


def test_an_open_for_writing_alone_changes_nothing(fixed):
    with fixed.opened('prod/db/host', os.O_RDWR) as fd:
        assert os.read(fd, 100) == b'db1'
        with fails_with('EROFS'):
            os.write(fd, b'x')
        with fails_with('EROFS'):
            os.ftruncate(fd, 1)
    assert fixed.read('prod/db/host') == b'db1' and os.stat(fixed.path('prod/db/host')).st_size == 3


def test_files_and_directories_show_that_they_cannot_be_written(fixed):
    for name in '', 'prod', 'prod/db', 'prod/db/host':
        assert os.stat(fixed.path(name)).st_mode & 0o222 == 0


def test_a_file_of_control_is_written_and_read_back(fixed):
    ttl = '.control/stores/prod/ttl'
    for value in '77', '1234', '5':
        fixed.sh(f'echo {value} > {ttl}')
        assert fixed.sh(f'cat {ttl}') == f'{value}\n' and os.stat(fixed.path(ttl)).st_size == len(value) + 1


def test_a_refused_write_to_control_is_reported_and_changes_nothing(fixed):
    ttl = '.control/stores/prod/ttl'
    done = fixed.try_sh(f'echo never > {ttl}', shell='bash')
    assert done.returncode != 0 and 'Invalid argument' in done.stderr
    assert fixed.sh(f'cat {ttl}') == '3600\n' and os.stat(fixed.path(ttl)).st_size == 5


def test_texts_of_control_are_whole(fixed):
    """status says how long ago the load was: its length and content change while it is read."""
    line = re.compile(r'(ok .*\n)+dynconf .* open files\n')
    for _ in range(50):
        fixed.sh('echo 1 > .control/refresh')
        assert all(line.fullmatch(fixed.sh('cat .control/status')) for _ in range(3))


def test_what_changes_elsewhere_is_seen(fixed):
    for text in 'a longer name', 'x', '':
        fixed.site.set('host', {'S': text})
        fixed.refresh()
        assert fixed.read('prod/db/host') == text.encode()
        assert os.stat(fixed.path('prod/db/host')).st_size == len(text)
    fixed.site.put('prod', 'db', {'other': {'S': 'y'}})
    fixed.refresh()
    assert fixed.ls('prod/db') == ['other'] and not fixed.exists('prod/db/host')
