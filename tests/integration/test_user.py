# SPDX-License-Identifier: Apache-2.0
"""As an ordinary user."""
import os
import stat

import pytest
from mounts import fails_with, mounted
from sites import SEED


@pytest.fixture
def mine(site, user):
    site.put('prod', 'db', SEED)
    if site.name == 'local':
        os.chown(site.folder, user, user)
        for name in os.listdir(site.folder):
            os.chown(site.folder / name, user, user)
    return site.mount(user=user)


def test_a_user_reads_writes_lists_and_refreshes(mine):
    assert mine.sh('cat prod/db/host') == 'db1'
    mine.sh('echo db2 > prod/db/host; mkdir prod/new; touch prod/new/key; mv prod/db/port prod/db/socket')
    assert mine.sh('ls prod/db') == 'host\nsocket\n'
    assert mine.site.get() == {'host': {'S': 'db2'}, 'socket': {'N': '27017'}}
    mine.site.set('host', {'S': 'db3'})
    mine.sh('echo 1 > .control/refresh')
    assert mine.sh('cat prod/db/host') == 'db3'


def test_a_users_mount_is_private(mine, user):
    assert mine.sh('stat -c "%a %u" . prod prod/db prod/db/host') == \
        f'700 {user}\n700 {user}\n700 {user}\n600 {user}\n'
    with fails_with('EACCES'):
        os.listdir(mine.dir)
    assert {'nosuid', 'nodev'} <= set(mounted(mine.dir)[2].split(','))


def test_a_users_control_is_the_users(mine, user):
    assert mine.sh('stat -c "%a %u" .control/version .control/stores/prod/ttl') == f'400 {user}\n600 {user}\n'


def test_a_user_ends_the_mount_by_umount_and_by_signal(local, user, cli):
    os.chown(local.folder, user, user), os.chown(local.file, user, user)
    conf = local.mount(user=user)
    conf.stop()
    conf = local.mount(user=user)
    assert cli('umount', conf.dir, user=user)[0] == 0
    assert not mounted(conf.dir) and conf.process.wait(20) == 0


def test_a_users_default_store_is_in_the_users_home(cli, folder, user):
    os.chown(folder, user, user)
    (folder / 'mnt').mkdir()
    os.chown(folder / 'mnt', user, user)
    code, _, err = cli('mount', 'local', folder / 'mnt', user=user)
    assert code == 0, err
    path = folder / '.local/share/dynconf/local.db'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and path.stat().st_uid == user
    assert cli('umount', folder / 'mnt', user=user)[0] == 0


def test_others_may_read_what_root_mounts_and_not_write_it(local, user):
    local.put('prod', 'db', SEED)
    conf = local.mount()
    conf.user = user
    assert conf.sh('cat prod/db/host') == 'db1'
    for change in ('echo x > prod/db/host', 'touch prod/db/new', 'rm -f prod/db/host', 'cat .control/version',
                   'echo 1 > .control/refresh'):
        done = conf.try_sh(change)
        assert done.returncode != 0 and 'Permission denied' in done.stderr, change
    assert local.get() == SEED
