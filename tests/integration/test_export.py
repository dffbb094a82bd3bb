# SPDX-License-Identifier: Apache-2.0
"""`dynconf export`: the tree as plain files that change all at once."""
import os
import signal
import subprocess
import threading

import pytest
from mounts import environment, eventually, program
from sites import SEED

OTHER = {'host': {'S': 'db2'}, 'port': {'N': '2'}}


@pytest.fixture
def out(folder):
    return folder / 'out'


@pytest.fixture
def export(site, cli, out):
    """Runs it to its end on the site; gives its exit status and what it says."""
    site.put('prod', 'db', SEED)

    def run(*flags, directory=out, **how):
        code, _, err = cli('export', *flags, '-o', ','.join(site.options) or 'ttl=300', site.source, directory, **how)
        return code, err

    run.site = site
    return run


def tree(directory):
    stores = [name for name in os.listdir(directory) if not name.startswith('.')]
    return {f'{store}/{path.relative_to(directory / store)}': path.read_bytes()
            for store in stores for path in sorted((directory / store).glob('*/*'))}


def versions(directory):
    return [name for name in os.listdir(directory) if name.startswith('..2')]


def test_the_tree_is_there_as_plain_files(export, out):
    export.site.put('prod', 'empty', {})
    export.site.put('test', 'a/b', {'%': {'B': b'\xff\0'}, 'set': {'SS': ['a', 'b']}})
    assert export() == (0, '')
    assert tree(out) == {'prod/db/host': b'db1', 'prod/db/port': b'27017', 'test/a%2Fb/%25': b'\xff\0',
                         'test/a%2Fb/set': b'a\nb\n'}
    assert os.readlink(out / 'prod') == '..data/prod' and (out / 'prod/empty').is_dir()
    assert [os.readlink(out / '..data')] == versions(out)
    assert oct((out / 'prod/db/host').stat().st_mode) == '0o100644' and (out / 'prod/db').stat().st_mode & 0o777 == 0o755


def test_a_second_run_replaces_all_of_it_at_once(export, out):
    export()
    held = os.open(out / 'prod', os.O_RDONLY)
    export.site.put('prod', 'db', OTHER)
    export.site.put('prod', 'new', {'k': {'S': 'v'}})
    assert export() == (0, '')
    assert tree(out) == {'prod/db/host': b'db2', 'prod/db/port': b'2', 'prod/new/k': b'v'}
    # The version before it is still there for those who are on their way into it.
    assert len(versions(out)) == 2 and export()[0] == 0 and len(versions(out)) == 2
    os.close(held)


def test_stores_that_are_gone_lose_their_links(export, out):
    export.site.put('test', 'o', {'k': {'S': 'v'}})
    export()
    assert sorted(name for name in os.listdir(out) if name[0] != '.') == ['prod', 'test']
    export.site.remove('test', 'o')
    export()
    assert [name for name in os.listdir(out) if name[0] != '.'] == ['prod']


def test_modes_and_owners_are_those_of_the_mount(export, out):
    code, err = export('-o', 'mode=0640,uid=4000,gid=4001')
    found = (out / 'prod/db/host').stat()
    assert code == 0 and (found.st_mode & 0o777, found.st_uid, found.st_gid) == (0o640, 4000, 4001)
    assert (out / 'prod/db').stat().st_mode & 0o777 == 0o750


def test_a_directory_with_other_files_is_refused(export, out):
    out.mkdir()
    (out / 'mine').write_text('x')
    code, err = export()
    assert code == 1 and 'mine' in err and os.listdir(out) == ['mine']


def test_a_link_out_of_the_directory_is_not_followed(export, out, folder):
    (folder / 'elsewhere').mkdir()
    (folder / 'elsewhere/file').write_text('x')
    for name, target in (('..2026-01-01T00:00:00.000000000Z', folder / 'elsewhere'), ('prod', folder / 'elsewhere')):
        out.mkdir(exist_ok=True)
        os.symlink(target, out / name)
        code, _ = export()
        assert code == 1 and os.listdir(folder / 'elsewhere') == ['file']
        os.unlink(out / name)


def test_what_a_run_that_was_killed_left_behind_is_removed(export, out):
    export()
    leftover = out / '..2026-01-01T00:00:00.000000000Z'
    (leftover / 'prod/db').mkdir(parents=True)
    (leftover / 'prod/db/half').write_text('x')
    os.symlink('..data/none', out / 'none')
    os.symlink('nowhere', out / '..next')
    assert export()[0] == 0
    assert len(versions(out)) == 2 and not leftover.exists() and tree(out)['prod/db/host'] == b'db1'
    assert not os.path.lexists(out / 'none') and not os.path.lexists(out / '..next')


def test_a_failure_leaves_the_old_tree(export, out, cli):
    export()
    before = os.readlink(out / '..data')
    code, _, err = cli('export', '-o', 'endpoint-url=http://127.0.0.1:9,region=us-east-1,timeout=1',
                       'dynamodb:nowhere', out)
    assert code == 1 and err and os.readlink(out / '..data') == before and tree(out)['prod/db/host'] == b'db1'


def test_the_command_line(cli, folder):
    assert cli('export')[0] == 2 and cli('export', '--wrong', 'local', folder)[0] == 2
    assert '--follow' in cli('help', 'export')[1]


@pytest.fixture
def follower(site, out):
    """`dynconf export --follow` while it runs."""
    site.put('prod', 'db', SEED)
    log = open(site.folder / 'follow.log', 'w+')
    process = subprocess.Popen(
        [program(site.folder, None), 'export', '--follow', '-o', ','.join(['ttl=1', *site.options]), site.source, out],
        env=environment(site.folder), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd='/')
    process.site = site
    eventually(lambda: os.path.lexists(out / 'prod') or process.poll() is not None)
    yield process
    process.kill()
    process.wait()


def test_it_follows_until_it_is_told_to_stop(follower, out):
    first = os.readlink(out / '..data')
    follower.site.put('prod', 'db', OTHER)
    follower.send_signal(signal.SIGHUP)
    eventually(lambda: tree(out).get('prod/db/host') == b'db2')
    assert os.readlink(out / '..data') != first
    now = os.readlink(out / '..data')
    for _ in range(3):
        follower.send_signal(signal.SIGHUP)
    follower.send_signal(signal.SIGTERM)
    assert follower.wait(20) == 0
    assert os.readlink(out / '..data') == now, 'nothing changed, so nothing was written'
    assert tree(out) == {'prod/db/host': b'db2', 'prod/db/port': b'2'}, 'what was exported outlives the exporter'


def test_two_at_once_are_refused(follower, out, cli):
    code, _, err = cli('export', '-o', ','.join(follower.site.options) or 'ttl=300', follower.site.source, out)
    assert code == 1 and 'another process' in err


def test_readers_see_one_version_or_the_other(follower, out):
    broken, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            directory = os.open(out / 'prod', os.O_RDONLY)
            found = [os.fdopen(os.open(name, os.O_RDONLY, dir_fd=directory)).read() for name in ('db/host', 'db/port')]
            os.close(directory)
            if found not in (['db1', '27017'], ['db2', '2']):
                broken.append(found)

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(10):
        wanted = b'db2' if n % 2 == 0 else b'db1'
        follower.site.put('prod', 'db', OTHER if n % 2 == 0 else SEED)
        follower.send_signal(signal.SIGHUP)
        eventually(lambda wanted=wanted: tree(out).get('prod/db/host') == wanted)
    stop.set()
    reader.join()
    assert broken == []
