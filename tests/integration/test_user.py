# SPDX-License-Identifier: Apache-2.0
"""As an ordinary user."""
import os
import stat
import subprocess

import pytest
from mounts import Mount, fails_with, mounted
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


# Who may what, by store and source: asked by users who are really other ones.

def as_user(conf, uid, *groups):
    """Runs a shell script in the mount as that user; gives what it printed, and what it complained of."""
    def run(script):
        command = ['setpriv', f'--reuid={uid}', f'--regid={uid}', '--inh-caps=-all',
                   f'--groups={",".join(map(str, groups))}' if groups else '--clear-groups', 'sh', '-c', script]
        return subprocess.run(command, cwd=conf.dir, capture_output=True, text=True, timeout=30)
    return run


@pytest.fixture
def shared(local, machine):
    """prod, of a source that a group may read; secret, for its owner alone; test, as root mounts it."""
    for store in ('prod', 'secret'):
        local.put(store, 'db', SEED)
    config = local.folder / 'dynconf.conf'
    config.write_text(f'''
[source: closed]
source = {local.source}
mode = 0640
gid = 4242

[source: open]
source = local:{local.folder}/open.db

[store: secret]
uid = 4243
mode = 0600
''')
    with Mount(None, local.folder / 'mnt', arguments=['-c', str(config)]) as conf:
        yield conf


def test_users_enter_and_read_only_the_stores_that_they_may(shared):
    member, owner, other = as_user(shared, 4000, 4242), as_user(shared, 4243), as_user(shared, 4001)
    assert shared.sh('stat -c "%a %u %g" prod prod/db prod/db/host secret secret/db/host') == \
        '750 0 4242\n750 0 4242\n640 0 4242\n700 4243 4242\n600 4243 4242\n'
    assert member('cat prod/db/host; cat prod/db/%json | wc -l').stdout == 'db14\n'
    assert owner('cat secret/db/host; echo db2 > secret/db/host; cat secret/db/host').stdout == 'db1db2'
    for run, script in ((other, 'cat prod/db/host'), (other, 'ls prod'), (member, 'ls secret'),
                        (member, 'echo x > prod/db/host'), (owner, 'cat prod/db/host'), (other, 'cat secret/db/%json'),
                        (member, 'touch prod/db/new'), (member, 'mkdir prod/new'), (other, 'cat .control/status')):
        done = run(script)
        assert done.returncode != 0 and 'ermission denied' in done.stderr, script
    assert other('ls').stdout == 'prod\nsecret\n'


def test_what_stands_after_o_is_for_all(local, machine):
    local.put('prod', 'db', SEED)
    conf = local.mount('uid=4000', 'gid=4001', 'mode=0640', 'umask=020')
    assert conf.sh('stat -c "%a %u %g" . prod prod/db/host prod/db/%json prod/db/%env') == \
        '750 4000 4001\n750 4000 4001\n640 4000 4001\n640 4000 4001\n440 4000 4001\n'
    run = as_user(conf, 4000)
    assert run('echo db2 > prod/db/host && cat prod/db/host').stdout == 'db2'


def test_every_mount_is_nosuid_nodev_and_noexec(local, machine):
    conf = local.mount()
    assert {'nosuid', 'nodev', 'noexec', 'default_permissions', 'allow_other'} <= set(mounted(conf.dir)[2].split(','))
    conf.sh('mkdir -p prod/db; printf "#!/bin/sh\\necho ran\\n" > prod/db/script; chmod 4755 prod/db/script')
    done = conf.try_sh('prod/db/script')
    assert done.returncode == 126 and 'Permission denied' in done.stderr


def test_chmod_and_chown_are_kept_here_and_decide(local, machine):
    local.put('prod', 'db', SEED)
    conf = local.mount()
    conf.sh('chmod 600 prod/db/host; chown 4000 prod/db/port; chmod 600 prod/db/port')
    run = as_user(conf, 4000)
    assert run('cat prod/db/port').stdout == '27017' and run('cat prod/db/host').returncode != 0
    local.set('port', {'N': '1'})
    conf.refresh()
    assert run('cat prod/db/port').stdout == '1', 'a changed value keeps them'
