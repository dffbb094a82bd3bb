# SPDX-License-Identifier: Apache-2.0
"""Writing values, and making and removing keys, options and stores."""
import os

import pytest
from mounts import eventually, fails_with, write_all
from sites import SEED, stored

HOST = 'prod/db/host'


def test_echo_stores_the_line_without_its_newline(conf):
    conf.sh('echo db2 > prod/db/host')
    assert conf.read(HOST) == b'db2'
    assert conf.site.value('host') == {'S': 'db2'}


def test_a_write_leaves_the_other_keys_alone(conf):
    conf.site.set('port', {'N': '1'})
    conf.write(HOST, b'db2')
    assert conf.site.get() == {'host': {'S': 'db2'}, 'port': {'N': '1'}}


@pytest.mark.parametrize('mode, written, kept', [
    ('auto', 'a\n', 'a'), ('auto', 'a', 'a'), ('auto', 'a\nb\n', 'a\nb\n'), ('auto', 'a\nb', 'a\nb'),
    ('auto', '\n', ''), ('auto', 'a\n\n', 'a\n\n'),
    ('strip', 'a\n', 'a'), ('strip', 'a\nb\n', 'a\nb'), ('strip', 'a\n\n', 'a\n'),
    ('exact', 'a\n', 'a\n'), ('exact', 'a\nb\n', 'a\nb\n'), ('exact', '\n', '\n')])
def test_newline_modes_decide_about_the_last_newline(local, mode, written, kept):
    local.put('prod', 'db', SEED)
    conf = local.mount(f'newline={mode}')
    for key in ('host', 'new'):
        conf.write(f'prod/db/{key}', written.encode())
        assert conf.read(f'prod/db/{key}') == kept.encode()
        assert local.value(key) == {'S': kept}


def test_newline_modes_touch_text_only(local):
    local.put('prod', 'db', {'raw': {'B': b'x'}})
    conf = local.mount('newline=strip')
    conf.write('prod/db/raw', b'a\n')
    assert local.value('raw') == {'B': b'a\n'}


def test_appending_a_line_puts_the_line_break_back(conf):
    conf.sh('echo db2 >> prod/db/host')
    assert conf.site.value('host') == {'S': 'db1\ndb2\n'}
    conf.sh('echo db3 >> prod/db/host')
    assert conf.site.value('host') == {'S': 'db1\ndb2\ndb3\n'}


def test_appending_no_line_appends_bytes(conf):
    conf.sh('printf 0 >> prod/db/host')
    assert conf.site.value('host') == {'S': 'db10'}


def test_appending_in_exact_mode_appends_bytes(local):
    local.put('prod', 'db', SEED)
    local.mount('newline=exact').append(HOST, b'x\n')
    assert local.value('host') == {'S': 'db1x\n'}


def test_a_write_at_an_offset_keeps_the_rest(conf):
    with conf.opened(HOST, os.O_WRONLY) as fd:
        os.pwrite(fd, b'X', 1)
    assert conf.site.value('host') == {'S': 'dX1'}


@pytest.mark.parametrize('size, kept', [(2, 'db'), (3, 'db1'), (5, 'db1\0\0')])
def test_truncate_commits_by_itself(conf, size, kept):
    os.truncate(conf.path(HOST), size)
    assert conf.site.value('host') == {'S': kept}
    assert os.stat(conf.path(HOST)).st_size == size


def test_truncate_to_nothing_empties_the_value(conf):
    conf.sh('truncate -s 0 prod/db/host')
    assert conf.site.value('host') == {'S': ''}


def test_emptying_by_redirection_is_stored_after_close(conf):
    conf.sh(': > prod/db/host')
    stored(conf.site, 'host', {'S': ''})


def test_what_follows_an_emptying_wins(conf):
    for i in range(20):
        conf.sh(f': > prod/db/host; echo v{i} > prod/db/host')
        assert conf.read(HOST) == f'v{i}'.encode()
        assert conf.site.value('host') == {'S': f'v{i}'}


def test_several_commands_into_one_redirection_store_all(conf):
    conf.sh('{ echo a; /bin/echo b; echo c; } > prod/db/host')
    assert conf.site.value('host') == {'S': 'a\nb\nc\n'}


def test_bytes_of_one_handle_stay_as_written_whatever_was_committed_between(conf):
    with conf.opened(HOST, os.O_WRONLY | os.O_TRUNC) as fd:
        for line in (b'a\n', b'b\n'):
            os.write(fd, line)
            os.fsync(fd)
    assert conf.site.value('host') == {'S': 'a\nb\n'}


def test_an_unfinished_write_is_seen_by_nobody_else(conf):
    with conf.opened(HOST, os.O_WRONLY | os.O_TRUNC) as fd:
        os.write(fd, b'half')
        assert conf.read(HOST) == b'db1' and os.stat(conf.path(HOST)).st_size == 3
        assert conf.site.value('host') == {'S': 'db1'}
    assert conf.read(HOST) == b'half'


def test_the_writer_reads_what_it_wrote(conf):
    with conf.opened(HOST, os.O_RDWR) as fd:
        os.pwrite(fd, b'XY', 2)
        assert os.pread(fd, 10, 0) == b'dbXY' and os.lseek(fd, 0, os.SEEK_END) == 4


def test_fsync_commits(conf):
    with conf.opened(HOST, os.O_WRONLY | os.O_TRUNC) as fd:
        os.write(fd, b'db2')
        os.fsync(fd)
        assert conf.site.value('host') == {'S': 'db2'}


def test_o_sync_commits_in_write(conf):
    with conf.opened(HOST, os.O_WRONLY | os.O_TRUNC | os.O_SYNC) as fd:
        os.write(fd, b'db2')
        assert conf.site.value('host') == {'S': 'db2'}


def test_commit_write_commits_in_every_write(site):
    site.put('prod', 'db', SEED)
    conf = site.mount('commit=write')
    with conf.opened(HOST, os.O_WRONLY | os.O_TRUNC) as fd:
        os.write(fd, b'a')
        assert site.value('host') == {'S': 'a'}
        os.write(fd, b'b')
        assert site.value('host') == {'S': 'ab'}


def test_a_large_value_is_stored(conf):
    big = ('x' * 99 + '\n') * 3900
    conf.write('prod/db/big', big.encode())
    assert conf.site.value('big') == {'S': big}
    assert conf.read('prod/db/big') == big.encode()


def test_a_value_beyond_the_limit_is_efbig_in_write_and_the_old_one_stays(conf):
    fd = os.open(conf.path(HOST), os.O_WRONLY | os.O_TRUNC)
    with fails_with('EFBIG'):
        write_all(fd, b'x' * 410_000)
    os.close(fd)
    assert conf.read(HOST) == b'db1' and conf.site.value('host') == {'S': 'db1'}
    with fails_with('EFBIG'):
        os.truncate(conf.path(HOST), 420_000)


def test_the_limit_counts_the_whole_option(conf):
    conf.write('prod/db/one', b'x' * 300_000)
    with fails_with('EFBIG'):
        conf.write('prod/db/two', b'x' * 200_000)
    assert conf.site.value('two') is None


def test_a_handle_whose_write_failed_commits_nothing(conf):
    fd = os.open(conf.path('prod/db/port'), os.O_WRONLY | os.O_TRUNC)
    with fails_with('EINVAL'):
        os.write(fd, b'no number')
    os.close(fd)
    assert conf.read('prod/db/port') == b'27017' and conf.site.value('port') == {'N': '27017'}


def test_a_shell_reports_a_value_of_the_wrong_type(conf):
    done = conf.try_sh('echo abc > prod/db/port', shell='bash')
    assert done.returncode != 0 and 'Invalid argument' in done.stderr
    assert conf.site.value('port') == {'N': '27017'}


# Keys

def test_a_new_key_is_stored_as_text(conf):
    conf.sh('echo on > prod/db/new')
    assert conf.site.value('new') == {'S': 'on'} and conf.ls('prod/db') == ['host', 'new', 'port']


def test_touch_stores_an_empty_key_after_close(conf):
    conf.sh('touch prod/db/new')
    assert conf.exists('prod/db/new')
    stored(conf.site, 'new', {'S': ''})


def test_touch_and_remove_leave_nothing(conf):
    for _ in range(20):
        conf.sh('touch prod/db/new; rm prod/db/new')
        assert not conf.exists('prod/db/new')
    conf.refresh()
    assert conf.site.get() == SEED and not conf.exists('prod/db/new')


def test_touch_and_move_leave_the_new_name(conf):
    for i in range(20):
        conf.sh(f'touch prod/db/a; mv prod/db/a prod/db/b{i}')
    stored(conf.site, 'b19', {'S': ''})
    assert conf.site.value('a') is None and not conf.exists('prod/db/a')


def test_touch_of_a_value_changes_its_time_and_nothing_else(conf):
    conf.sh('touch -d 2020-02-02 prod/db/host')
    assert os.stat(conf.path(HOST)).st_mtime == pytest.approx(1580601600, abs=86400)
    assert conf.site.get() == SEED


def test_creating_what_exists_exclusively_is_eexist(conf):
    with fails_with('EEXIST'):
        conf.write(HOST, b'x', os.O_CREAT | os.O_EXCL)
    assert conf.site.get() == SEED


def test_a_key_that_appeared_elsewhere_is_not_overwritten_by_an_exclusive_create(conf):
    conf.site.set('new', {'S': 'theirs'})
    with fails_with('EEXIST', 'ESTALE'):
        conf.write('prod/db/new', b'ours', os.O_CREAT | os.O_EXCL)
    assert conf.site.value('new') == {'S': 'theirs'}


def test_a_removed_key_is_gone_in_the_store(conf):
    os.unlink(conf.path(HOST))
    assert not conf.exists(HOST) and conf.site.get() == {'port': {'N': '27017'}}
    with fails_with('ENOENT'):
        os.unlink(conf.path(HOST))


def test_removing_the_last_key_leaves_an_empty_option(conf):
    conf.sh('rm prod/db/*')
    assert conf.ls('prod') == ['db'] and conf.site.get() == {}


def test_an_open_file_is_read_after_it_was_removed(conf):
    with conf.opened(HOST, os.O_RDONLY) as fd:
        os.unlink(conf.path(HOST))
        assert os.read(fd, 10) == b'db1'


def test_permissions_and_owners_are_kept_on_this_mount(conf):
    os.chmod(conf.path(HOST), 0o600)
    assert os.stat(conf.path(HOST)).st_mode & 0o777 == 0o600
    assert conf.site.get() == SEED


# Options and stores

def test_mkdir_stores_an_empty_option(conf):
    os.mkdir(conf.path('prod/cache'))
    assert conf.site.get('prod', 'cache') == {} and conf.ls('prod/cache') == []
    with fails_with('EEXIST'):
        os.mkdir(conf.path('prod/cache'))


def test_mkdir_of_an_option_that_appeared_elsewhere_is_eexist_and_keeps_it(conf):
    conf.site.put('prod', 'new', SEED)
    with fails_with('EEXIST'):
        os.mkdir(conf.path('prod/new'))
    assert conf.site.get('prod', 'new') == SEED


def test_rmdir_removes_an_empty_option_only(conf):
    with fails_with('ENOTEMPTY'):
        os.rmdir(conf.path('prod/db'))
    conf.sh('rm prod/db/* && rmdir prod/db')
    assert conf.ls('prod') == [] and conf.site.get() is None


def test_rmdir_of_an_option_that_got_a_key_elsewhere_is_enotempty(conf):
    os.mkdir(conf.path('prod/new'))
    conf.site.put('prod', 'new', SEED)
    with fails_with('ENOTEMPTY'):
        os.rmdir(conf.path('prod/new'))
    assert conf.site.get('prod', 'new') == SEED


def test_rm_r_removes_an_option(conf):
    conf.sh('rm -r prod/db')
    assert conf.site.get() is None


def test_a_new_store_is_in_memory_until_its_first_option(conf):
    os.mkdir(conf.path('test'))
    conf.refresh()
    assert conf.ls() == ['prod', 'test'] and conf.ls('test') == []
    conf.sh('mkdir test/db && echo db9 > test/db/host')
    assert conf.site.get('test', 'db') == {'host': {'S': 'db9'}}


def test_an_emptied_store_stays_until_rmdir(conf):
    conf.sh('rm -r prod/db')
    conf.refresh()
    assert conf.ls() == ['prod']
    os.rmdir(conf.path('prod'))
    assert conf.ls() == []


def test_rmdir_of_a_store_with_options_is_enotempty(conf):
    with fails_with('ENOTEMPTY'):
        os.rmdir(conf.path('prod'))
    assert conf.site.get() == SEED


@pytest.mark.parametrize('change', ['touch file', 'touch prod/file', 'mkdir prod/db/deeper'])
def test_a_depth_that_the_layout_does_not_have_is_eperm(conf, change):
    done = conf.try_sh(change)
    assert done.returncode != 0 and 'Operation not permitted' in done.stderr


# Lost races

def test_appending_to_a_value_that_changed_elsewhere_is_estale(conf):
    conf.site.set('host', {'S': 'theirs'})
    with fails_with('ESTALE'):
        conf.append(HOST, b'ours')
    assert conf.site.value('host') == {'S': 'theirs'}
    conf.refresh()
    conf.append(HOST, b'+')
    assert conf.site.value('host') == {'S': 'theirs+'}


def test_what_was_read_through_the_handle_must_still_hold(conf):
    fd = os.open(conf.path(HOST), os.O_RDWR)
    assert os.read(fd, 10) == b'db1'
    conf.site.set('host', {'S': 'theirs'})
    os.pwrite(fd, b'db2', 0)
    with fails_with('ESTALE'):
        os.close(fd)
    assert conf.site.value('host') == {'S': 'theirs'}


def test_a_whole_new_value_overwrites_what_changed_elsewhere(conf):
    conf.site.set('host', {'S': 'theirs'})
    conf.write(HOST, b'ours')
    assert conf.site.value('host') == {'S': 'ours'}


@pytest.mark.parametrize('key', ['host', 'new'])
def test_a_write_into_an_option_that_was_removed_is_estale_and_does_not_recreate_it(conf, key):
    conf.site.remove('prod', 'db')
    with fails_with('ESTALE'):
        conf.write(f'prod/db/{key}', b'db2')
    assert conf.site.get() is None
    conf.refresh()
    assert not conf.exists('prod/db')


def test_two_mounts_write_different_keys_of_one_option(site):
    site.put('prod', 'db', SEED)
    one, two = site.mount(), site.mount()
    one.write(HOST, b'one')
    two.write('prod/db/port', b'2')
    assert site.get() == {'host': {'S': 'one'}, 'port': {'N': '2'}}


def test_a_failed_write_is_in_last_error(conf):
    conf.site.remove('prod', 'db')
    with fails_with('ESTALE'):
        conf.write(HOST, b'db2')
    assert 'host' in eventually(lambda: conf.control('last-error').strip())
