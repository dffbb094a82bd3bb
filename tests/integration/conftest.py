# SPDX-License-Identifier: Apache-2.0
import fcntl
import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mounts import DYNCONF, Mount, run, unmount  # noqa: E402
from proxy import Proxy  # noqa: E402
from scalers import Cloud  # noqa: E402
from servers import Server  # noqa: E402
from sites import OPTION, SEED, STORE, LocalSite, PathFile, PathTable, TableSite  # noqa: E402

BACKENDS = os.environ.get('DYNCONF_TEST_BACKENDS', 'local,extenddb,dynalite,moto').split(',')
TABLES = [name for name in BACKENDS if name != 'local']
DEADLINE = 120  # seconds for one test: then its daemons are killed, so that nothing waits for them any more
NOBODY = 65534


def needs(possible, what):
    """Skips where a developer's machine cannot; on the build machine that is a failure."""
    if not possible:
        (pytest.fail if os.environ.get('CI') == 'true' else pytest.skip)(f'needs {what}')


@pytest.fixture(scope='session')
def binary():
    if not os.access(DYNCONF, os.X_OK):
        pytest.exit(f'there is no {DYNCONF}; build it, or say where it is with DYNCONF=', 3)
    os.umask(0o022)


@pytest.fixture(autouse=True)
def deadline():
    timer = threading.Timer(DEADLINE, lambda: [mount.kill() for mount in list(Mount.active)])
    timer.start()
    yield
    timer.cancel()


@pytest.fixture(scope='session')
def servers():
    """Starts a server when it is first asked for."""
    started, folders = {}, []

    def get(name):
        if name not in started:
            folders.append(tempfile.mkdtemp(prefix=f'dynconf-{name}-'))
            started[name] = Server(name, folders[-1])
        return started[name]

    yield get
    for server in started.values():
        server.stop()
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def folder(binary):
    """A temporary folder that every user may enter, which pytest's own is not."""
    needs(os.access('/dev/fuse', os.R_OK | os.W_OK), 'access to /dev/fuse')
    path = Path(tempfile.mkdtemp(prefix='dynconf-test-'))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope='session')
def empty_database(binary, tmp_path_factory):
    """The file of an embedded store that holds nothing, made by dynconf itself."""
    folder = tmp_path_factory.mktemp('empty')
    with Mount(f'local:{folder}/local.db', folder / 'mnt'):
        pass
    return folder / 'local.db'


@pytest.fixture
def make_site(folder, servers, request):
    """A site on the backend of that name."""
    sites = []

    def make(name, in_table=TableSite, in_file=LocalSite, **how):
        if name == 'local':
            site = in_file(folder, request.getfixturevalue('empty_database'))
        else:
            site = in_table(folder, servers(name), **how)
        sites.append(site)
        return site

    yield make
    for site in sites:
        site.close()


@pytest.fixture(params=BACKENDS)
def site(request, make_site):
    """An empty site on every backend in turn."""
    return make_site(request.param)


@pytest.fixture(params=BACKENDS)
def paths(request, make_site):
    """An empty site of the path layout on every backend in turn."""
    return make_site(request.param, in_table=PathTable, in_file=PathFile)


@pytest.fixture(params=TABLES)
def path_table(request, make_site):
    return make_site(request.param, in_table=PathTable)


@pytest.fixture
def local(make_site):
    return make_site('local')


@pytest.fixture(params=TABLES)
def table(request, make_site):
    """An empty table on every server in turn."""
    return make_site(request.param)


@pytest.fixture
def conf(site):
    """A mount of prod/db with host=db1 and port=27017, on every backend in turn."""
    site.put(STORE, OPTION, SEED)
    return site.mount()


@pytest.fixture
def here(local):
    """The same on the embedded store alone, for what no backend has a part in."""
    local.put(STORE, OPTION, SEED)
    return local.mount()


@pytest.fixture
def proxied(folder, servers):
    """A table behind a proxy, `proxied.proxy`; the server does not look at signatures, so requests may be changed."""
    server = servers('dynalite')
    with Proxy(('127.0.0.1', server.port)) as proxy:
        site = TableSite(folder, server, url=proxy.url)
        site.proxy = proxy
        site.put(STORE, OPTION, SEED)
        yield site
        proxy.clear()
        site.close()


@pytest.fixture
def machine():
    """Root, and alone in changing the machine: other runs of these tests wait."""
    needs(os.geteuid() == 0, 'root')
    with open('/tmp/dynconf-test.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def user(machine):
    """An ordinary user who may use /dev/fuse."""
    needs(shutil.which('fusermount3'), 'fusermount3')
    mode = os.stat('/dev/fuse').st_mode
    os.chmod('/dev/fuse', 0o666)
    yield NOBODY
    os.chmod('/dev/fuse', mode & 0o7777)


@pytest.fixture
def cli(folder):
    """Runs dynconf to its end; mounts that it leaves behind under the folder are taken away."""
    yield lambda *arguments, **how: run(*arguments, folder=folder, **how)
    for line in reversed(Path('/proc/self/mountinfo').read_text().splitlines()):
        if f' {folder}/' in line:
            unmount(line.split()[4], lazy=True)


@pytest.fixture
def make_cloud(tmp_path, servers):
    """A cloud whose tables are on the server of that name, and everything else is moto's."""
    clouds = []

    def make(name):
        tables, others = servers(name), servers('moto')
        proxy = Proxy(('127.0.0.1', tables.port)).__enter__()
        clouds.append(Cloud(tmp_path, proxy, tables, others, f'{name}-{tables.new_name()}'))
        return clouds[-1]

    yield make
    for cloud in clouds:
        cloud.close()
        cloud.proxy.__exit__()


@pytest.fixture
def cloud(make_cloud):
    return make_cloud('moto')


@pytest.fixture
def tables_of_dynalite(make_cloud):
    return make_cloud('dynalite')
