# SPDX-License-Identifier: Apache-2.0
"""mount(8), fstab and installing."""
import os
import subprocess
from pathlib import Path

import pytest
from conftest import needs
from mounts import DYNCONF, environment, mounted, unmount
from sites import SEED

HELPER = Path('/sbin/mount.dynconf')


@pytest.fixture
def helper(machine):
    """mount.dynconf where mount(8) looks, for the time of the test."""
    needs(not HELPER.exists() and not HELPER.is_symlink(), f'a machine without {HELPER}')
    HELPER.symlink_to(DYNCONF)
    yield
    HELPER.unlink()


@pytest.fixture
def mnt(folder):
    (folder / 'mnt').mkdir()
    yield folder / 'mnt'
    while mounted(folder / 'mnt'):
        unmount(folder / 'mnt', lazy=True)


def mount8(folder, *arguments):
    return subprocess.run(['mount', *map(str, arguments)], env=environment(folder), timeout=60, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL)


def count(directory):
    return sum(line.split()[4] == str(directory) for line in Path('/proc/self/mountinfo').read_text().splitlines())


def test_mount_t_dynconf_mounts(helper, site, folder, mnt):
    site.put('prod', 'db', SEED)
    options = ','.join([*site.options, 'ttl=60', '_netdev', 'nofail', 'noatime', 'x-systemd.automount'])
    done = mount8(folder, '-t', 'dynconf', site.source, mnt, '-o', options)
    assert done.returncode == 0, done.stderr
    assert mounted(mnt)[:2] == (site.source, 'fuse.dynconf')
    assert (mnt / '.control/stores/prod/ttl').read_text() == '60\n'
    (mnt / 'prod/db/host').write_text('db2\n')
    assert site.value('host') == {'S': 'db2'}
    unmount(mnt)
    assert not mounted(mnt)


def test_mount_t_dynconf_fails_with_a_sentence(helper, folder, mnt, local):
    done = mount8(folder, '-t', 'dynconf', local.source, mnt, '-o', 'tll=3')
    assert done.returncode != 0 and 'tll' in done.stderr and not mounted(mnt)


def test_mount_ro_cannot_be_written(helper, local, folder, mnt):
    local.put('prod', 'db', SEED)
    assert mount8(folder, '-t', 'dynconf', '-o', 'ro', local.source, mnt).returncode == 0
    with pytest.raises(OSError, match='Read-only'):
        (mnt / 'prod/db/host').write_text('x')


def test_mount_a_mounts_a_line_of_fstab_once(helper, local, folder, mnt):
    local.put('prod', 'db', SEED)
    fstab = folder / 'fstab'
    fstab.write_text(f'{local.source} {mnt} dynconf defaults,auto,user,_netdev,nofail,comment=x,newline=exact 0 0\n')
    for _ in range(2):
        done = mount8(folder, '-a', '-T', fstab)
        assert done.returncode == 0, done.stderr
    assert count(mnt) == 1
    (mnt / 'prod/db/host').write_text('db2\n')
    assert local.value('host') == {'S': 'db2\n'}


def test_installing_puts_the_program_and_the_helper_in_place(folder):
    build = Path(DYNCONF).parent
    needs((build / 'meson-info').is_dir(), 'a meson build folder')
    subprocess.run(['meson', 'install', '-C', build, '--no-rebuild', '--destdir', folder / 'root'], check=True,
                   stdout=subprocess.DEVNULL)
    program, = (folder / 'root').rglob('bin/dynconf')
    assert os.access(program, os.X_OK)
    assert os.path.lexists(folder / 'root/sbin/mount.dynconf')
