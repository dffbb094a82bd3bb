# SPDX-License-Identifier: Apache-2.0
"""dynconf-scaler as a program: its command line, its daemon, its logs."""
import os
import re
import shlex
import signal
from pathlib import Path

import pytest

from mounts import eventually
from scalers import SCALER

SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'


@pytest.fixture
def busy(cloud):
    """One table that wants to grow."""
    cloud.table('a')
    cloud.consumes('a', reads=95, writes=50)
    cloud.configure()
    return cloud


def changed(cloud, units=(150, 100)):
    return eventually(lambda: cloud.units('a') == units)


def test_basic_usage_as_printed(busy):
    """The command of the original's 1.6.0 page, called by the original's name."""
    name = busy.folder / 'dynamic-dynamodb'
    name.symlink_to(SCALER)
    process = busy.start(*shlex.split(
        f'--table-name {busy.name("a")} --reads-upper-threshold 90 --reads-lower-threshold 30 --increase-reads-with 50 '
        '--decrease-reads-with 40 --writes-upper-threshold 90 --writes-lower-threshold 40 --increase-writes-with 40 '
        '--decrease-writes-with 70 --check-interval 300'), program=name)
    changed(busy)
    assert busy.stop(process) == 0


@pytest.mark.parametrize('how', [signal.SIGTERM, signal.SIGINT])
def test_signals(busy, how):
    process = busy.start('-c', 'scaler.conf', '--check-interval', '1000')
    changed(busy)
    busy.consumes('a', reads=100, writes=50)
    process.send_signal(signal.SIGHUP)
    eventually(lambda: len(busy.proxy.seen('ListTables')) == 2)
    assert busy.stop(process, how) == 0


def test_secret_is_not_shown(busy):
    process = busy.start('-c', 'scaler.conf', '--aws-access-key-id', 'AKIAIOSFODNN7EXAMPLE',
                         f'--aws-secret-access-key={SECRET}', AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
    changed(busy)
    words = Path(f'/proc/{process.pid}/cmdline').read_bytes()
    assert SECRET.encode() not in words and b'--aws-secret-access-key=***' in words
    assert busy.stop(process) == 0
    log = (busy.folder / 'run0.log').read_text()
    assert SECRET not in log and 'secret key on the command line' in log


@pytest.mark.parametrize('arguments, status, words', [
    (['--version'], 0, 'Dynamic DynamoDB version: 2.5.1'),
    (['--help'], 0, '--num-write-checks-before-scale-down'),
    (['--frobnicate'], 2, 'unrecognized'),
    (['--increase'], 2, 'ambiguous'),
    (['--check-interval', 'soon'], 2, 'whole number'),
    (['--log-level', 'loud'], 2, 'debug'),
    (['--region'], 2, 'expected one argument'),
    (['-c', 'none.conf', '--show-config'], 1, 'none.conf'),
    (['-c', 'scaler.conf', '--daemon', 'begin'], 1, 'Valid options for --daemon'),
    (['-c', 'scaler.conf', '--run-once', '--region', 'no where'], 1, 'region'),
    (['-c', 'scaler.conf', '--log-file', '/none/here.log'], 1, '/none/here.log'),
    (['-c', 'scaler.conf', '--state-file', 'scaler.conf', '--run-once'], 1, 'state file'),
])
def test_statuses(cloud, arguments, status, words):
    cloud.configure()
    code, out, err = cloud.run(*arguments)
    assert code == status and words in out + err
    assert len((err if status else '').splitlines()) == bool(status)


def test_run_once_fails_with_its_pass(busy):
    busy.proxy.stop()
    code, _, err = busy.run('-c', 'scaler.conf', '--run-once')
    assert code == 1 and 'ListTables' in err


def test_log_file(busy):
    busy.once('--log-file', 'scaler.log')
    line = (busy.folder / 'scaler.log').read_text().splitlines()[-1]
    assert re.fullmatch(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - dynamic-dynamodb - INFO - .*100 -> 150.*', line)


LOGGING = '''[loggers]
keys=root,dynamic-dynamodb
[handlers]
keys=console,file
[formatters]
keys=plain
[logger_root]
level=WARNING
handlers=console
[logger_dynamic-dynamodb]
level=INFO
handlers=file
qualname=dynamic-dynamodb
propagate=0
[handler_console]
class=StreamHandler
args=(sys.stdout,)
[handler_file]
class=logging.handlers.TimedRotatingFileHandler
level=INFO
formatter=plain
args=('own.log', 'midnight', 1, 5)
[formatter_plain]
format=%(levelname)-8s|%(name)s|%(message)s
'''


def test_log_config_file(busy):
    (busy.folder / 'logging.conf').write_text(LOGGING)
    assert busy.once('--log-config-file', 'logging.conf') == ''
    assert (busy.folder / 'own.log').read_text().splitlines()[-1].startswith('INFO    |dynamic-dynamodb|')


class Daemon:
    def __init__(self, cloud):
        self.cloud, self.dir = cloud, cloud.folder / 'pids'
        self.dir.mkdir()
        self.file = self.dir / 'dynamic-dynamodb.test.pid'

    def __call__(self, mode):
        return self.cloud.run('-c', 'scaler.conf', '--log-file', str(self.cloud.folder / 'daemon.log'), '--instance',
                              'test', '--pid-file-dir', str(self.dir), '--daemon', mode)

    @property
    def pid(self):
        return int(self.file.read_text())


@pytest.fixture
def daemon(busy):
    daemon = Daemon(busy)
    yield daemon
    daemon('stop')


def alive(pid):
    """Whether it runs; who was orphaned may stay a zombie for a while."""
    status = Path(f'/proc/{pid}/stat')
    return status.exists() and status.read_text().rpartition(')')[2].split()[0] != 'Z'


def test_daemon(busy, daemon):
    assert daemon('start')[0] == 0
    pid = daemon.pid
    assert os.readlink(f'/proc/{pid}/cwd') == '/' and os.readlink(f'/proc/{pid}/fd/2') == '/dev/null'
    changed(busy)
    code, _, err = daemon('start')
    assert code == 1 and 'already' in err
    assert daemon('restart')[0] == 0 and not alive(pid) and alive(daemon.pid)
    pid = daemon.pid
    assert daemon('stop')[0] == 0 and not alive(pid) and not daemon.file.exists()
    code, _, err = daemon('stop')
    assert code == 0 and 'no daemon' in err


def test_daemon_that_cannot_start(busy, daemon):
    busy.configure(extra='state-file: /none/here\nregion: no where')
    code, _, err = daemon('start')
    assert code == 1 and 'region' in err and not daemon.file.exists()


def test_daemon_keeps_its_files_where_they_were_named(busy, daemon):
    busy.configure(extra='state-file: state.json')
    assert daemon('start')[0] == 0 and daemon('stop')[0] == 0
    assert (busy.folder / 'state.json').exists() and not Path('/state.json').exists()


def test_stale_pid_file(daemon):
    daemon.file.write_text(f'{os.getpid()}\n')
    assert daemon('start')[0] == 0 and daemon.pid != os.getpid()
    os.kill(daemon.pid, signal.SIGKILL)
    eventually(lambda: daemon('start')[0] == 0)


def test_pid_file_through_a_link(busy, daemon):
    victim = busy.folder / 'victim'
    victim.write_text('precious')
    daemon.file.symlink_to(victim)
    for mode in ('start', 'stop'):
        assert daemon(mode)[0] == 1
    assert victim.read_text() == 'precious'
    daemon.file.unlink()


def test_foreground(busy):
    process = busy.start('-c', 'scaler.conf', '--daemon', 'fg')
    changed(busy)
    assert busy.stop(process) == 0


EXAMPLE = '''[global]
aws-access-key-id: AKIAIOSFODNN7EXAMPLE
aws-secret-access-key-id: {secret}
region: us-east-1
check-interval: 300
[logging]
log-level: info
log-file: {folder}/dynamic-dynamodb.log
{sections}'''
SECTION = '''[{header}]
reads-upper-threshold: 90
reads-lower-threshold: 30
increase-reads-with: 50
decrease-reads-with: 50
increase-reads-unit: percent
decrease-reads-unit: percent
writes-upper-threshold: 90
writes-lower-threshold: 30
increase-writes-with: 50
decrease-writes-with: 50
increase-writes-unit: percent
decrease-writes-unit: percent
'''


def test_example_of_the_original(busy):
    """Every option that its example configuration sets, with a table and an index."""
    busy.table('b', indexes=['my_gsi'])
    busy.consumes('b', reads=2, writes=95)
    busy.consumes('b', index='my_gsi', reads=95, writes=2)
    table = f'^{busy.name("b")}$'
    sections = SECTION.format(header=f'table: {table}') + SECTION.format(header=f'gsi: ^my_gsi$ table: {table}')
    (busy.folder / 'scaler.conf').write_text(EXAMPLE.format(secret=SECRET, folder=busy.folder, sections=sections))
    busy.once(AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
    assert busy.units('b') == (50, 150) and busy.units('b', 'my_gsi') == (150, 50)
    assert busy.units('a') == (100, 100)
