# SPDX-License-Identifier: Apache-2.0
"""Reading and listing."""
import mmap
import os
import stat
import subprocess

import pytest
from mounts import fails_with, mounted
from sites import SEED

BIG = ('0123456789abcdef' * 64 + '\n') * 300


def test_the_root_lists_stores_a_store_its_options_an_option_its_keys(conf):
    assert conf.ls() == ['prod']
    assert conf.ls('prod') == ['db']
    assert conf.ls('prod/db') == ['host', 'port']


def test_a_value_is_read_exactly(conf):
    assert conf.read('prod/db/host') == b'db1'
    assert conf.sh('cat prod/db/port') == '27017'


def test_an_empty_string_is_an_empty_file(site):
    site.put('prod', 'db', {'empty': {'S': ''}})
    assert site.mount().read('prod/db/empty') == b''


def test_an_option_without_keys_is_an_empty_directory(site):
    site.put('prod', 'db', {})
    assert site.mount().ls('prod/db') == []


def test_a_value_of_300_kilobytes_is_read_whole_and_in_pieces(site):
    site.put('prod', 'db', {'big': {'S': BIG}})
    conf = site.mount()
    assert conf.read('prod/db/big') == BIG.encode()
    with conf.opened('prod/db/big', os.O_RDONLY) as fd:
        assert os.pread(fd, 1000, 100_000) == BIG[100_000:101_000].encode()
        assert os.pread(fd, 1000, len(BIG)) == b''


@pytest.mark.parametrize('name', ['prod/db/none', 'prod/none', 'none', 'prod/none/host', 'none/db/host'])
def test_what_is_not_there_is_enoent(conf, name):
    with fails_with('ENOENT'):
        conf.read(name)


def test_a_key_is_no_directory_and_an_option_no_file(conf):
    with fails_with('ENOTDIR'):
        conf.read('prod/db/host/more')
    with fails_with('EISDIR'):
        conf.read('prod/db')


def test_stat_tells_the_true_size_and_blocks(site):
    site.put('prod', 'db', {**SEED, 'big': {'S': BIG}, 'no': {'BOOL': False}, 'list': {'SS': ['b', 'a']},
                            'map': {'M': {'a': {'N': '1'}}}, 'null': {'NULL': True}})
    conf = site.mount()
    for key in conf.ls('prod/db'):
        about = os.stat(conf.path(f'prod/db/{key}'))
        assert about.st_size == len(conf.read(f'prod/db/{key}')), key
        assert about.st_blocks == -(-about.st_size // 512), key


def test_sizes_of_a_listing_are_those_of_stat(conf):
    with os.scandir(conf.path('prod/db')) as entries:
        assert {e.name: (e.is_file(), e.stat().st_size) for e in entries} == {'host': (True, 3), 'port': (True, 5)}
    assert conf.sh('find prod -type f -size -4c') == 'prod/db/host\n'


def test_inode_numbers_differ_and_stay_over_a_restart(site):
    site.put('prod', 'db', SEED)
    names = ['prod', 'prod/db', 'prod/db/host', 'prod/db/port']
    with site.make() as first:
        before = [os.stat(first.path(name)).st_ino for name in names]
    after = [os.stat(site.mount().path(name)).st_ino for name in names]
    assert before == after and len(set(before)) == len(names)


def test_root_mounts_for_everyone_to_read(conf):
    for name, mode in (('', 0o40755), ('prod', 0o40755), ('prod/db', 0o40755), ('prod/db/host', 0o100644)):
        about = os.stat(conf.path(name))
        assert (oct(about.st_mode), about.st_uid, about.st_gid) == (oct(mode), os.getuid(), os.getgid()), name


@pytest.mark.parametrize('options, file, directory', [
    (['mode=0640'], 0o640, 0o750), (['umask=027'], 0o640, 0o750), (['uid=1234', 'gid=1235'], 0o644, 0o755)])
def test_owner_and_permissions_are_options(local, options, file, directory):
    local.put('prod', 'db', SEED)
    conf = local.mount(*options)
    about = os.stat(conf.path('prod/db/host'))
    assert stat.S_IMODE(about.st_mode) == file
    assert stat.S_IMODE(os.stat(conf.path('prod/db')).st_mode) == directory
    if 'uid=1234' in options:
        assert (about.st_uid, about.st_gid) == (1234, 1235)


def test_the_table_of_mounts_shows_the_source_as_given(conf):
    source, kind, options = mounted(conf.dir)
    assert (source, kind) == (conf.site.source, 'fuse.dynconf')
    assert {'nosuid', 'nodev', 'default_permissions'} <= set(options.split(','))


def test_df_prints_something_plausible(conf):
    about = os.statvfs(conf.dir)
    assert about.f_bsize > 0 and about.f_blocks >= about.f_bfree > 0 and about.f_files > 0
    assert about.f_namemax == 255
    assert conf.sh('df . | tail -n 1').split()[0] == conf.site.source


def test_tools_that_trust_the_size_work(here):
    assert here.sh('test -s prod/db/host && wc -c < prod/db/host') == '3\n'
    assert here.sh('tar c prod | tar x --to-stdout prod/db/host') == 'db1'
    assert here.sh('cp -r prod ../copy && cat ../copy/db/port') == '27017'


def test_a_value_can_be_mapped_and_sent(here):
    with here.opened('prod/db/host', os.O_RDONLY) as fd:
        with mmap.mmap(fd, 0, prot=mmap.PROT_READ) as memory:
            assert memory[:] == b'db1'
        assert os.lseek(fd, 0, os.SEEK_END) == 3
        reader, writer = os.pipe()
        assert os.sendfile(writer, fd, 0, 3) == 3 and os.read(reader, 3) == b'db1'
        os.close(reader), os.close(writer)


def test_a_crawl_of_the_tree_does_not_enter_control(here):
    assert '.control' not in here.ls()
    assert sorted(here.sh('find . -type f').split()) == ['./prod/db/host', './prod/db/port']
    assert here.sh('grep -r db1') == 'prod/db/host:db1\n'


def test_ls_prints_no_error(conf):
    done = conf.try_sh('ls -laR .')
    assert done.returncode == 0 and not done.stderr


def test_a_mount_for_reading_only_refuses_every_change(site):
    site.put('prod', 'db', SEED)
    conf = site.mount('ro')
    for change in ('echo x > prod/db/host', 'touch prod/db/new', 'rm prod/db/host', 'mkdir prod/new',
                   'mv prod/db/host prod/db/other'):
        done = conf.try_sh(change)
        assert done.returncode != 0 and 'Read-only file system' in done.stderr, change
    assert site.get() == SEED


def test_two_mounts_of_one_site_show_the_same(site):
    site.put('prod', 'db', SEED)
    one, two = site.mount(), site.mount()
    assert subprocess.run(['diff', '-r', one.dir, two.dir]).returncode == 0
