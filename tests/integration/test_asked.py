# SPDX-License-Identifier: Apache-2.0
"""Everything that a filesystem is asked, by system calls and by the programs that copy trees."""
import ctypes
import fcntl
import mmap
import os
import shutil
import subprocess
import sys
import time

import pytest
from conftest import needs
from mounts import eventually, fails_with
from sites import SEED, stored

HOST, PORT = 'prod/db/host', 'prod/db/port'
FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE = 1, 2


def ids(conf, *names):
    return [os.stat(conf.path(name)).st_ino for name in names]


# Space and synchronisation

def test_statfs_is_plausible(conf):
    found = os.statvfs(conf.dir)
    assert found.f_namemax == 255 and found.f_bsize > 0
    assert found.f_blocks >= found.f_bfree >= found.f_bavail > 0 and found.f_files > found.f_ffree > 0
    assert len(conf.sh('df . && df -i .').splitlines()) == 4


@pytest.mark.parametrize('name', [HOST, 'prod/db', 'prod', '', 'prod/db/%json', '.control', '.control/status'])
def test_fsync_of_files_and_directories(conf, name):
    fd = os.open(conf.path(name), os.O_RDONLY)
    os.fsync(fd)
    os.fdatasync(fd)
    os.close(fd)
    conf.sh('sync -f .')


@pytest.mark.parametrize('mode', [0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE])
def test_fallocate_is_refused_and_changes_nothing(conf, mode):
    libc = ctypes.CDLL(None, use_errno=True)
    with conf.opened(HOST, os.O_WRONLY) as fd:
        with fails_with('EOPNOTSUPP'):
            if libc.fallocate(fd, mode, ctypes.c_long(0), ctypes.c_long(10)):
                raise OSError(ctypes.get_errno(), 'fallocate')
    assert conf.site.get() == SEED


@pytest.mark.parametrize('size', [0, 1, 3, 4, 4096, 100_000])
def test_truncate_to_any_size_within_the_limit(conf, size):
    kept = (b'db1' + b'\0' * size)[:size]
    os.truncate(conf.path(HOST), size)
    assert conf.read(HOST) == kept and os.stat(conf.path(HOST)).st_size == size
    with conf.opened('prod/db/new', os.O_WRONLY | os.O_CREAT) as fd:
        os.write(fd, b'db1')
        os.ftruncate(fd, size)
    assert conf.site.get() == {**SEED, 'host': {'S': kept.decode()}, 'new': {'S': kept.decode()}}


# Positions

def test_lseek_knows_ends_data_and_holes(conf):
    with conf.opened(HOST, os.O_RDONLY) as fd:
        assert [os.lseek(fd, offset, whence) for offset, whence in (
            (1, os.SEEK_SET), (1, os.SEEK_CUR), (0, os.SEEK_END), (0, os.SEEK_DATA), (1, os.SEEK_DATA),
            (0, os.SEEK_HOLE))] == [1, 2, 3, 0, 1, 3]
        with fails_with('ENXIO'):
            os.lseek(fd, 3, os.SEEK_DATA)
        with fails_with('EINVAL'):
            os.lseek(fd, -1, os.SEEK_SET)


def test_append_goes_to_the_end_wherever_the_position_is(conf):
    with conf.opened(HOST, os.O_RDWR | os.O_APPEND) as fd:
        os.lseek(fd, 0, os.SEEK_SET)
        os.write(fd, b'+')
        assert os.pread(fd, 10, 0) == b'db1+'
    assert conf.site.value('host') == {'S': 'db1+'}


def test_reads_past_the_end_and_of_directories(conf):
    with conf.opened(HOST, os.O_RDONLY) as fd:
        assert os.pread(fd, 10, 3) == b'' and os.pread(fd, 10, 1000) == b''
        with fails_with('EBADF'):
            os.write(fd, b'x')
    with fails_with('EISDIR'):
        os.open(conf.path('prod'), os.O_WRONLY)
    with fails_with('ENOTDIR'):
        os.open(conf.path(HOST + '/x'), os.O_RDONLY)


# Memory

def test_mmap_reads_and_private_copies(conf):
    with conf.opened(HOST, os.O_RDONLY) as fd:
        with mmap.mmap(fd, 0, prot=mmap.PROT_READ) as shared:
            assert shared[:] == b'db1'
        with mmap.mmap(fd, 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE) as private:
            private[0:1] = b'X'
            assert private[:] == b'Xb1'
    assert conf.read(HOST) == b'db1' and conf.site.get() == SEED


def test_a_shared_writable_mapping_is_refused(conf):
    with conf.opened(HOST, os.O_RDWR) as fd:
        with fails_with('ENODEV', 'EACCES', 'EINVAL'):
            mmap.mmap(fd, 0)
    assert conf.site.get() == SEED


# Locks are this host's

OTHER = '''
import fcntl, sys
file = open(sys.argv[1], 'r+b')
try:
    getattr(fcntl, sys.argv[2])(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit(9)
'''


@pytest.mark.parametrize('kind', ['flock', 'lockf'])
def test_locks_keep_other_processes_of_this_host_out(conf, kind):
    def other():
        return subprocess.run([sys.executable, '-c', OTHER, conf.path(HOST), kind], timeout=20).returncode

    with open(conf.path(HOST), 'r+b') as file:
        getattr(fcntl, kind)(file, fcntl.LOCK_EX)
        assert other() == 9
        getattr(fcntl, kind)(file, fcntl.LOCK_UN)
        assert other() == 0
    assert conf.site.get() == SEED


# From kernel to kernel

def test_sendfile_splice_and_copy_file_range(conf):
    big = os.urandom(100_000).hex().encode()
    conf.write('prod/db/big', big)
    outside = os.open(conf.dir.parent / 'out', os.O_RDWR | os.O_CREAT)
    with conf.opened('prod/db/big', os.O_RDONLY) as fd:
        sent = 0
        while sent < len(big):
            sent += os.sendfile(outside, fd, sent, len(big) - sent)
    assert os.pread(outside, len(big) + 1, 0) == big
    receiver, sender = os.pipe()
    with conf.opened('prod/db/big', os.O_RDONLY) as fd:
        assert os.splice(fd, sender, 4096, offset_src=10) == 4096 and os.read(receiver, 4096) == big[10:4106]
    with conf.opened('prod/db/spliced', os.O_WRONLY | os.O_CREAT) as fd:
        os.write(sender, b'through a pipe')
        assert os.splice(receiver, fd, 100) == 14
    with conf.opened('prod/db/copied', os.O_WRONLY | os.O_CREAT) as fd:
        os.lseek(outside, 0, os.SEEK_SET)
        assert os.sendfile(fd, outside, 0, 1000) == 1000
    os.close(outside), os.close(receiver), os.close(sender)
    assert conf.site.value('spliced') == {'S': 'through a pipe'}
    assert conf.site.value('copied') == {'S': big[:1000].decode()}
    conf.sh('cp prod/db/big prod/db/again && cmp prod/db/big prod/db/again')


# Whole trees

@pytest.fixture
def tree(local):
    """A mount that keeps what is written byte for byte, and a directory beside it."""
    local.put('prod', 'db', SEED)
    local.put('prod', 'empty', {})
    local.put('test', 'web', {'a b': {'S': 'line\n'}, 'raw': {'B': b'\xff\0'}, 'a/b': {'S': 'x'}})
    conf = local.mount('newline=exact')
    (conf.dir.parent / 'out').mkdir()
    return conf


def everything(site):
    return {place: site.get(*place) for place in (('prod', 'db'), ('prod', 'empty'), ('test', 'web'))}


COPIES = {'tar': ('tar cf ../out/tree.tar . && mkdir ../out/tree && tar xf ../out/tree.tar -C ../out/tree',
                  'tar cf - -C ../out/tree . | tar xf - --no-overwrite-dir'),
          'rsync': ('rsync -aX . ../out/tree', 'rsync -aX --inplace ../out/tree/ .'),
          'rsync, replacing': ('rsync -a . ../out/tree', 'rsync -rt ../out/tree/ .'),
          'cp': ('cp -a . ../out/tree', 'cp -r --no-preserve=all ../out/tree/. .')}


@pytest.mark.parametrize('way', COPIES)
def test_a_tree_is_copied_out_and_in(tree, way):
    needs(shutil.which(way.split(',')[0]), way)
    out, back = COPIES[way]
    before = everything(tree.site)
    tree.sh(out)
    assert tree.sh('diff -r . ../out/tree') == ''
    tree.sh('rm -r prod test; [ -z "$(ls)" ]')
    tree.sh(back)
    assert tree.sh('diff -r . ../out/tree') == ''
    after = everything(tree.site)
    # Types are in no archive: numbers come back as text, but where rsync keeps extended attributes.
    assert set(after) == set(before) and set(after['test', 'web']) == set(before['test', 'web'])


@pytest.mark.parametrize('way', ['tar', 'rsync, replacing'])
def test_a_tree_is_copied_over_what_is_there(tree, way):
    out, back = COPIES[way]
    tree.sh(out)
    tree.sh('printf changed > ../out/tree/prod/db/host; rm ../out/tree/test/web/raw')
    tree.sh('tar cf - -C ../out/tree . | tar xf - --overwrite' if way == 'tar' else
            'rsync -rtc --delete ../out/tree/ .')
    assert tree.site.get() == {'host': {'S': 'changed'}, 'port': {'N': '27017'}}
    assert (tree.site.value('raw', store='test', option='web') is None) == (way != 'tar')


def test_rsync_finds_nothing_to_do_the_second_time(tree):
    tree.sh('rsync -a . ../out/tree')
    assert tree.sh('rsync -ai . ../out/tree') == ''


def test_git_with_the_mount_as_its_work_tree(tree):
    needs(shutil.which('git'), 'git')
    git = 'git --git-dir=../out/git --work-tree=. -c user.name=x -c user.email=x@example.org '
    tree.sh(f'git init -q --bare ../out/git; {git} config core.bare false; {git} add -A; {git} commit -qm one')
    assert tree.sh(f'{git} status --porcelain') == ''
    tree.sh('printf db2 > prod/db/host; printf new > prod/db/new; rm "test/web/a b"')
    assert sorted(line.split(maxsplit=1)[1] for line in tree.sh(f'{git} status --porcelain').splitlines()) == \
        ['"test/web/a b"', 'prod/db/host', 'prod/db/new']
    tree.sh(f'{git} add -A; {git} commit -qm two; {git} checkout -q HEAD~1')
    assert tree.site.get() == {'host': {'S': 'db1'}, 'port': {'N': '27017'}} or \
        tree.site.get()['host'] == {'S': 'db1'}
    assert tree.read('test/web/a b') == b'line\n' and not tree.exists('prod/db/new')
    tree.sh(f'{git} checkout -q -')
    assert tree.read(HOST) == b'db2' and tree.sh(f'{git} status --porcelain') == ''


# Times

def test_find_newer_finds_what_changed_since(conf):
    mark = conf.dir.parent / 'mark'
    mark.touch()
    now = time.time()
    os.utime(mark, (now, now))
    assert conf.sh('find . -type f -newer ../mark') == ''
    conf.site.set('host', {'S': 'db2'})
    conf.refresh()
    assert conf.sh('find . -type f -newer ../mark') == './prod/db/host\n'
    assert os.stat(conf.path(HOST)).st_mtime >= now
    # What was loaded again without being changed keeps its time.
    before = os.stat(conf.path(PORT)).st_mtime_ns
    conf.refresh()
    assert os.stat(conf.path(PORT)).st_mtime_ns == before


def test_a_directory_is_as_old_as_its_set_of_names(conf):
    before = os.stat(conf.path('prod/db')).st_mtime_ns
    conf.write(HOST, b'db2')
    assert os.stat(conf.path('prod/db')).st_mtime_ns == before
    conf.write('prod/db/new', b'x')
    eventually(lambda: os.stat(conf.path('prod/db')).st_mtime_ns > before)


# Ids

def test_a_temporary_file_renamed_over_a_held_key_and_made_again_are_three_files(conf):
    held = os.open(conf.path(HOST), os.O_RDONLY)
    temporary = 'prod/db/.host.AbCdEf'
    conf.write(temporary, b'two', os.O_CREAT | os.O_EXCL)
    replacement = os.open(conf.path(temporary), os.O_RDONLY)
    os.rename(conf.path(temporary), conf.path(HOST))
    conf.write(temporary, b'three', os.O_CREAT | os.O_EXCL)
    found = {os.fstat(held).st_ino, os.fstat(replacement).st_ino, *ids(conf, temporary)}
    assert len(found) == 3 and ids(conf, HOST) == [os.fstat(replacement).st_ino]
    assert (os.pread(held, 9, 0), os.pread(replacement, 9, 0), conf.read(temporary)) == (b'db1', b'two', b'three')
    os.close(held), os.close(replacement)
    os.unlink(conf.path(temporary))
    assert conf.site.value('host') == {'S': 'two'}


def test_ids_are_the_same_after_a_restart(site):
    site.put('prod', 'db', SEED)
    names = ['prod', 'prod/db', HOST, PORT, 'prod/db/%json', 'prod/db/%env', 'prod/%json']
    with site.make() as first:
        before = ids(first, *names)
    assert ids(site.mount(), *names) == before and len(set(before)) == len(names)


def test_a_removed_file_and_its_successor_are_two(conf):
    held = os.open(conf.path(HOST), os.O_RDONLY)
    os.unlink(conf.path(HOST))
    conf.write(HOST, b'new')
    assert os.fstat(held).st_ino not in ids(conf, HOST) and os.pread(held, 9, 0) == b'db1'
    os.close(held)


# What there is not

def test_links_and_special_files_are_refused(conf):
    for make in ('ln prod/db/host prod/db/hard', 'ln -s host prod/db/soft', 'mkfifo prod/db/pipe',
                 'mknod prod/db/device c 1 3'):
        done = conf.try_sh(make)
        assert done.returncode != 0 and 'Operation not permitted' in done.stderr, make
    assert conf.site.get() == SEED


def test_a_file_made_by_mknod_is_a_key(conf):
    os.mknod(conf.path('prod/db/new'), 0o644)
    stored(conf.site, 'new', {'S': ''})
