# SPDX-License-Identifier: Apache-2.0
"""No reader gets a mixture of two values, a cut one or NULs, however fast they change: tests/stress/readers.c."""
import os
import random
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing

import pytest
from conftest import needs
from servers import ROOT
from sites import OPTION, STORE

LONG = bool(os.environ.get('DYNCONF_TEST_LONG'))
SECONDS, READS = (100, 1_000_000) if LONG else (4, 50_000)
ALL_WAYS = 4
SIZES = [4, 10, 60, 700, 4000, 4096, 4097, 9000]


def value(size):
    """Tells its own length; the letters follow from it. readers.c knows this too."""
    head = f'{size}:'
    return head + ''.join(chr(97 + (size + i) % 26) for i in range(len(head), size))


VALUES = {size: value(size).encode() for size in SIZES}


@pytest.fixture(scope='module')
def readers(tmp_path_factory):
    needs(shutil.which('cc'), 'a C compiler')
    program = tmp_path_factory.mktemp('stress') / 'readers'
    subprocess.run(['cc', '-O2', '-o', program, ROOT / 'tests/stress/readers.c'], check=True)
    return program


class Changes:
    """Puts other values into an embedded store, and has them loaded."""

    def __init__(self, site, keys):
        self.site, self.keys, self.random = site, keys, random.Random(7)

    def make(self, db):
        for key in self.keys:
            db.execute('REPLACE INTO keys VALUES(?, ?, ?, ?, ?)',
                       (STORE, OPTION, key, 'S', VALUES[self.random.choice(SIZES)]))

    def run(self, mount, process, pause=lambda: None):
        with closing(sqlite3.connect(self.site.file, isolation_level=None, timeout=20)) as db:
            while process.poll() is None:
                self.make(db)
                mount.refresh()
                pause()


def start(local, option, keys):
    local.put(STORE, OPTION, {key: {'S': value(700)} for key in keys})
    return local.mount(option)


def read(program, ways, mount, keys):
    files = [mount.path(f'{STORE}/{OPTION}/{key}') for key in keys]
    return subprocess.Popen([program, str(ways), str(SECONDS), str(READS), *files], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def expect_whole(process):
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    print(f'{out.strip()} reads')


@pytest.mark.parametrize('option', ['values=rw', 'values=ro'])
@pytest.mark.parametrize('n', [1, 4])
def test_values_that_change_length_all_the_time_are_read_whole(local, readers, option, n):
    keys = [f'w{i}' for i in range(n)]
    mount = start(local, option, keys)
    process = read(readers, ALL_WAYS, mount, keys)
    Changes(local, keys).run(mount, process)
    expect_whole(process)


def test_writers_renames_reloads_and_a_stopped_server_leave_values_whole(local, readers):
    """A size that was asked for before says nothing of a file that is written meanwhile, so nothing is mapped."""
    keys = [f'w{i}' for i in range(3)]
    mount = start(local, 'values=rw', keys)
    folder = mount.path(f'{STORE}/{OPTION}')
    process = read(readers, ALL_WAYS - 1, mount, keys)
    chance = random.Random(8)

    def disturb():
        text = VALUES[chance.choice(SIZES)]
        mount.write(f'{STORE}/{OPTION}/{chance.choice(keys)}', text)
        mount.write(f'{STORE}/{OPTION}/.w.AbCdEf', text, os.O_CREAT | os.O_EXCL)
        os.rename(folder / '.w.AbCdEf', folder / chance.choice(keys))
        for sent in signal.SIGHUP, signal.SIGSTOP, signal.SIGCONT:
            mount.process.send_signal(sent)

    Changes(local, keys).run(mount, process, disturb)
    expect_whole(process)
