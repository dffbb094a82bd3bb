# SPDX-License-Identifier: Apache-2.0
"""Renaming, and the programs that replace a file by renaming another over it."""
import ctypes
import os
import shutil

import pytest
from conftest import needs
from mounts import eventually, fails_with
from servers import WITHOUT_TRANSACTIONS
from sites import SEED, stored

RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2


def rename(conf, old, new):
    os.rename(conf.path(old), conf.path(new))


def rename_with(flags, old, new):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(-100, os.fsencode(old), -100, os.fsencode(new), flags):
        raise OSError(ctypes.get_errno(), 'renameat2')


def transacts(conf):
    return conf.site.name not in WITHOUT_TRANSACTIONS


def test_a_renamed_key_keeps_value_and_type(conf):
    rename(conf, 'prod/db/port', 'prod/db/socket')
    assert conf.ls('prod/db') == ['host', 'socket'] and conf.read('prod/db/socket') == b'27017'
    assert conf.site.get() == {'host': {'S': 'db1'}, 'socket': {'N': '27017'}}


def test_a_rename_onto_a_key_keeps_that_keys_type(conf):
    conf.write('prod/db/new', b'27018\n')
    rename(conf, 'prod/db/new', 'prod/db/port')
    assert conf.site.get() == {'host': {'S': 'db1'}, 'port': {'N': '27018'}}


def test_a_rename_onto_a_key_whose_type_the_value_does_not_fit_is_einval(conf):
    with fails_with('EINVAL'):
        rename(conf, 'prod/db/host', 'prod/db/port')
    assert conf.site.get() == SEED and conf.ls('prod/db') == ['host', 'port']


def test_a_rename_of_what_is_not_there_is_enoent(conf):
    with fails_with('ENOENT'):
        rename(conf, 'prod/db/none', 'prod/db/host')


def test_a_rename_of_a_key_that_changed_elsewhere_is_estale(conf):
    conf.site.set('host', {'S': 'theirs'})
    with fails_with('ESTALE'):
        rename(conf, 'prod/db/host', 'prod/db/other')
    assert conf.site.value('host') == {'S': 'theirs'} and conf.site.value('other') is None


def test_a_rename_that_must_not_replace_is_eexist(conf):
    with fails_with('EEXIST'):
        rename_with(RENAME_NOREPLACE, conf.path('prod/db/host'), conf.path('prod/db/port'))
    rename_with(RENAME_NOREPLACE, conf.path('prod/db/host'), conf.path('prod/db/other'))
    assert conf.site.get() == {'other': {'S': 'db1'}, 'port': {'N': '27017'}}


def test_an_exchange_is_refused(conf):
    with fails_with('EINVAL', 'EOPNOTSUPP'):
        rename_with(RENAME_EXCHANGE, conf.path('prod/db/host'), conf.path('prod/db/port'))
    assert conf.site.get() == SEED


@pytest.mark.parametrize('target', ['prod/other', 'test/db'])
def test_a_key_moves_to_another_option_in_one_step_or_exdev(conf, target):
    conf.sh(f'mkdir -p {target}')
    if transacts(conf):
        rename(conf, 'prod/db/port', f'{target}/port')
    else:
        with fails_with('EXDEV'):
            rename(conf, 'prod/db/port', f'{target}/port')
        conf.sh(f'mv prod/db/port {target}/port')
    assert conf.site.get() == {'host': {'S': 'db1'}}
    # mv copies extended attributes, the type among them.
    assert conf.site.get(*target.split('/')) == {'port': {'N': '27017'}}


@pytest.mark.parametrize('target', ['prod/other', 'test/db'])
def test_an_option_is_renamed_in_one_step_or_exdev(conf, target):
    os.makedirs(conf.path('test'))
    if transacts(conf):
        rename(conf, 'prod/db', target)
        assert conf.site.get(*target.split('/')) == SEED
    else:
        with fails_with('EXDEV'):
            rename(conf, 'prod/db', target)
        conf.sh(f'mv prod/db {target}')
    assert conf.read(f'{target}/port') == b'27017' and not conf.exists('prod/db')
    assert conf.site.get() is None


def test_an_option_is_not_renamed_onto_one_with_keys(conf):
    conf.sh('mkdir prod/other; echo x > prod/other/key')
    with fails_with('ENOTEMPTY', 'EEXIST', 'EXDEV'):
        rename(conf, 'prod/db', 'prod/other')
    assert conf.site.get() == SEED and conf.site.get('prod', 'other') == {'key': {'S': 'x'}}


def test_an_option_that_changed_elsewhere_moves_as_it_is_now(conf):
    if not transacts(conf):
        return
    conf.site.set('host', {'S': 'theirs'})
    rename(conf, 'prod/db', 'prod/other')
    assert conf.site.get('prod', 'other') == {**SEED, 'host': {'S': 'theirs'}}


def test_a_key_does_not_become_an_option(conf):
    with fails_with('EPERM'):
        rename(conf, 'prod/db/host', 'prod/host')
    os.mkdir(conf.path('prod/other'))
    with fails_with('EPERM'):
        rename(conf, 'prod/db', 'prod/other/db')
    assert conf.site.get() == SEED


def test_a_handle_follows_its_key_through_a_rename(conf):
    with conf.opened('prod/db/host', os.O_WRONLY | os.O_TRUNC) as fd:
        os.write(fd, b'db2')
        rename(conf, 'prod/db/host', 'prod/db/other')
    assert conf.read('prod/db/other') == b'db2' and not conf.exists('prod/db/host')
    assert conf.site.get() == {'other': {'S': 'db2'}, 'port': {'N': '27017'}}


def test_a_file_made_under_the_old_name_is_another_file(conf):
    before = os.stat(conf.path('prod/db/host')).st_ino
    rename(conf, 'prod/db/host', 'prod/db/other')
    conf.write('prod/db/host', b'new')
    assert os.stat(conf.path('prod/db/other')).st_ino != os.stat(conf.path('prod/db/host')).st_ino
    assert before in (os.stat(conf.path(f'prod/db/{name}')).st_ino for name in ('other', 'host'))
    assert (conf.read('prod/db/host'), conf.read('prod/db/other')) == (b'new', b'db1')


# Temporary files

TEMPORARY = ['.host.swp', '.host.swx', '.host.swpx', 'host~', '4913', 'sedAbCdEf', '.host.AbCdEf', '#host#',
             '.goutputstream-ABCDEF', '.ansible_tmpabcdef']


@pytest.mark.parametrize('name', TEMPORARY)
def test_a_temporary_file_stays_in_memory(here, name):
    path = f'prod/db/{name}'
    here.write(path, b'draft', os.O_CREAT | os.O_EXCL)
    assert here.read(path) == b'draft' and name in here.ls('prod/db')
    assert here.xattr(path, 'origin') == 'memory'
    here.refresh()
    assert here.read(path) == b'draft'
    os.unlink(here.path(path))
    assert here.site.get() == SEED and here.ls('prod/db') == ['host', 'port']


def test_a_temporary_file_is_stored_when_it_gets_a_name(conf):
    conf.write('prod/db/.new.AbCdEf', b'v\n', os.O_CREAT | os.O_EXCL)
    assert conf.site.get() == SEED
    rename(conf, 'prod/db/.new.AbCdEf', 'prod/db/new')
    assert conf.site.value('new') == {'S': 'v'} and conf.xattr('prod/db/new', 'origin') == 'live'


def test_a_temporary_name_that_the_store_holds_is_a_key(conf):
    conf.site.set('host~', {'S': 'kept'})
    conf.refresh()
    conf.write('prod/db/host~', b'changed')
    assert conf.site.value('host~') == {'S': 'changed'}


def test_temporary_files_cost_no_request(proxied):
    conf = proxied.mount()
    proxied.proxy.forget()
    conf.write('prod/db/4913', b'', os.O_CREAT | os.O_EXCL)
    os.unlink(conf.path('prod/db/4913'))
    assert proxied.proxy.seen() == []


# Programs

def test_sed_in_place(conf):
    conf.sh("sed -i 's/db1/db2/' prod/db/host && sed -i 's/27017/27018/' prod/db/port")
    assert conf.site.get() == {'host': {'S': 'db2'}, 'port': {'N': '27018'}} and conf.ls('prod/db') == ['host', 'port']


def test_sed_in_place_with_a_backup(conf):
    conf.sh("sed -i.bak 's/db1/db2/' prod/db/host")
    assert conf.site.get() == {**SEED, 'host': {'S': 'db2'}, 'host.bak': {'S': 'db1'}}


def test_install_and_cp_p(conf):
    conf.sh('echo 5 > ../file; install -m 600 ../file prod/db/host; cp -p ../file prod/db/port')
    assert conf.site.get() == {'host': {'S': '5'}, 'port': {'N': '5'}}
    assert os.stat(conf.path('prod/db/host')).st_mode & 0o777 == 0o600


def test_mv_over_a_key_from_outside(conf):
    conf.sh('echo db2 > ../file; mv ../file prod/db/host')
    assert conf.site.value('host') == {'S': 'db2'}


def test_tee_dd_and_ed_like_writers(conf):
    conf.sh('echo a | tee prod/db/host > /dev/null; printf 7 | dd of=prod/db/port status=none')
    assert conf.site.get() == {'host': {'S': 'a'}, 'port': {'N': '7'}}
    conf.sh('printf 27019 | dd of=prod/db/port conv=fsync status=none')
    assert conf.site.value('port') == {'N': '27019'}


@pytest.mark.parametrize('key, text, value', [('host', b'db2\n', {'S': 'db2'}), ('port', b'27018\n', {'N': '27018'})])
def test_vim_with_a_backup_by_renaming(conf, key, text, value):
    name = f'prod/db/{key}'
    conf.write(f'prod/db/.{key}.swp', b'swap', os.O_CREAT | os.O_EXCL)
    conf.write('prod/db/4913', b'', os.O_CREAT | os.O_EXCL)
    os.chmod(conf.path('prod/db/4913'), 0o644)
    os.unlink(conf.path('prod/db/4913'))
    rename(conf, name, name + '~')
    assert conf.site.value(key) == SEED[key], 'the store keeps the value until the name is taken again'
    with conf.opened(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as fd:
        os.write(fd, text)
        os.fsync(fd)
        os.fchmod(fd, 0o644)
    os.unlink(conf.path(name + '~'))
    os.unlink(conf.path(f'prod/db/.{key}.swp'))
    assert conf.site.get() == {**SEED, key: value} and conf.ls('prod/db') == ['host', 'port']


def test_vim_with_a_backup_by_copying(conf):
    conf.write('prod/db/port~', conf.read('prod/db/port'), os.O_CREAT | os.O_EXCL)
    conf.write('prod/db/port', b'27018\n')
    os.unlink(conf.path('prod/db/port~'))
    assert conf.site.get() == {**SEED, 'port': {'N': '27018'}}


def test_a_writer_that_makes_a_hidden_file_syncs_and_renames(conf):
    with conf.opened('prod/db/.port.Xy12Zw', os.O_RDWR | os.O_CREAT | os.O_EXCL) as fd:
        os.write(fd, b'27018')
        os.fsync(fd)
        os.fchmod(fd, 0o600)
        os.fchown(fd, os.getuid(), os.getgid())
        os.utime(fd)
    rename(conf, 'prod/db/.port.Xy12Zw', 'prod/db/port')
    assert conf.site.get() == {**SEED, 'port': {'N': '27018'}}


def test_rsync_writes_a_tree(local):
    needs(shutil.which('rsync'), 'rsync')
    conf = local.mount('newline=exact')
    conf.sh('mkdir -p ../tree/prod/db && printf "a\\n" > ../tree/prod/db/host && rsync -rt ../tree/ .')
    assert local.get() == {'host': {'S': 'a\n'}}
    assert conf.sh('rsync -rtni ../tree/ .') == ''


def test_a_backup_name_is_stored_in_the_end_when_nobody_takes_the_old_one(conf):
    rename(conf, 'prod/db/host', 'prod/db/host~')
    assert conf.read('prod/db/host~') == b'db1' and not conf.exists('prod/db/host')
    rename(conf, 'prod/db/host~', 'prod/db/other')
    stored(conf.site, 'other', {'S': 'db1'})
    assert eventually(lambda: conf.site.value('host') is None)


def test_a_key_is_replaced_through_one_temporary_name_again_and_again(conf):
    conf.sh('for i in $(seq 150); do echo v$i > prod/db/tmp; mv prod/db/tmp prod/db/host; done')
    assert conf.read('prod/db/host') == b'v150' and conf.site.value('host') == {'S': 'v150'}
    assert conf.ls('prod/db') == ['host', 'port']


def test_a_name_that_holds_a_backup_in_the_store_is_no_name_for_a_moment(here):
    here.write('prod/db/host~', b'a')
    rename(here, 'prod/db/host~', 'prod/db/.host.swp')
    rename(here, 'prod/db/port', 'prod/db/host~')
    assert here.site.value('host~') == {'S': '27017'} and here.read('prod/db/.host.swp') == b'a'
    os.unlink(here.path('prod/db/.host.swp'))
    rename(here, 'prod/db/host~', 'prod/db/.host.swp')
    here.write('prod/db/host~', b'5', os.O_CREAT | os.O_EXCL)
    os.unlink(here.path('prod/db/host~'))
    os.unlink(here.path('prod/db/.host.swp'))
    assert here.site.get() == {'host': {'S': 'db1'}}
