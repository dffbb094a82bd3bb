# SPDX-License-Identifier: Apache-2.0
"""A hundred processes at once in .control: every answer is the right one, or that to a wrong value."""
import errno
import multiprocessing
import os
import random
import select
import time

import pytest
from mounts import Mount, eventually
from servers import REGION
from test_control_tables import Table

PROCESSES = 100
SECONDS = 60 if os.environ.get('DYNCONF_TEST_LONG') else 4
WRONG = {'ttl': b'-1\n', 'units': b'0 0\n', 'log-level': b'loud\n', 'reads-upper-threshold': b'high\n', 'enabled': b'2\n'}


def read(path):
    with open(path, 'rb', buffering=0) as file:
        text = file.read()
        # Its size may grow under a reader, and never shrinks.
        assert os.fstat(file.fileno()).st_size >= len(text), 'its size is not that of its text'
    assert not text or text.endswith(b'\n'), 'it does not end in a newline'
    return text


def write(path, text):
    with open(path, 'wb', buffering=0) as file:
        assert file.write(text) == len(text)


def read_some(paths):
    read(random.choice(paths['readable']))


def write_what_is_shown(paths):
    path = random.choice(paths['writable'])
    write(path, read(path))


def write_what_is_wrong(paths):
    path = random.choice([path for path in paths['writable'] if os.path.basename(path) in WRONG])
    try:
        write(path, WRONG[os.path.basename(path)])
    except OSError as error:
        assert error.errno == errno.EINVAL, error
    else:
        raise AssertionError('a wrong value was taken')


def act(paths):
    write(random.choice(paths['actions']), b'1\n')


def change(paths):
    write(paths['key'], b'%d\n' % random.randrange(1000))


def wait(paths):
    with open(random.choice(paths['readable']), 'rb', buffering=0) as file:
        file.read()
        poller = select.poll()
        poller.register(file, select.POLLPRI)
        poller.poll(20)


def walk(paths):
    for where, _, names in os.walk(paths['root']):
        for name in names:
            os.stat(os.path.join(where, name))


WORK = [read_some] * 8 + [write_what_is_shown] * 6 + [write_what_is_wrong] * 2 + [wait] * 4 + [change, act]


def work(paths, seed, end, broken):
    random.seed(seed)
    while time.monotonic() < end:
        job = walk if seed == 0 else random.choice(WORK)
        try:
            job(paths)
        except Exception as error:
            broken.put(f'{job.__name__}: {error!r}')
            return


@pytest.fixture
def paths(folder, cloud):
    """A mount of a table that is scaled too."""
    cloud.table('conf', keys=('_store', '_option'))
    config = folder / 'dynconf.conf'
    config.write_text(f'[global]\nscaler = yes\ncheck-interval = 3600\n[source: conf]\n'
                      f'source = dynamodb:{cloud.name("conf")}\nregion = {REGION}\nendpoint-url = {cloud.proxy.url}\n'
                      f'timeout = 60\n[table: ^{cloud.name("conf")}$]\n')
    mount = Mount(None, folder / 'mnt', arguments=['-c', config], env={'AWS_ENDPOINT_URL': cloud.proxy.url})
    with mount:
        os.makedirs(mount.path('prod/db'))
        mount.write('prod/db/host', b'db1')
        table = Table(mount, cloud.name('conf'))
        table.settle()
        eventually(lambda: table.show('scaling/last-check'), 60)
        found = [os.path.join(where, name) for where, _, names in os.walk(mount.path('.control')) for name in names]
        modes = {path: os.stat(path).st_mode for path in found}
        yield {'root': mount.path('.control'), 'key': mount.path('prod/db/host'),
               'readable': [path for path in found if modes[path] & 0o400],
               'writable': [path for path in found if modes[path] & 0o600 == 0o600],
               'actions': [path for path in found if modes[path] & 0o600 == 0o200]}


def test_a_hundred_processes_read_write_and_poll(paths):
    shown = {path: read(path) for path in paths['writable']}
    context = multiprocessing.get_context('fork')
    broken, end = context.Queue(), time.monotonic() + SECONDS
    processes = [context.Process(target=work, args=(paths, n, end, broken)) for n in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert all(process.exitcode == 0 for process in processes)
    assert broken.empty(), broken.get()
    assert {path: read(path) for path in paths['writable']} == shown
