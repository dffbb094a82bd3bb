# SPDX-License-Identifier: Apache-2.0
""".control with many tables: in several regions, coming and going, some forbidden; and what all of it must hold."""
import json
import os
import subprocess
from contextlib import nullcontext as nothing
from pathlib import Path

import pytest
from exposition import parse
from mounts import Mount, eventually, fails_with
from proxy import FAULTS
from servers import CREDENTIALS, REGION
from test_control_tables import Table

REGIONS = (REGION, 'us-west-2', 'eu-west-1', 'ap-southeast-2')
TABLES = 50
BREAKER = 'open-sesame'


class Fleet:
    """A mount whose scaler looks after fifty tables in four regions."""

    def __init__(self, folder, cloud):
        self.cloud, self.proxy = cloud, cloud.proxy
        self.clouds = {region: cloud.elsewhere(region) for region in REGIONS}
        self.names = [f't{n:02}' for n in range(TABLES)]
        for name in self.names:
            self.in_region(name).table(name)
        config = folder / 'dynconf.conf'
        config.write_text('\n'.join([
            '[global]', 'scaler = yes', 'check-interval = 3600',
            *(f'{name.lower().replace("_", "-")} = {value}' for name, value in CREDENTIALS.items()),
            '[source: conf]', f'source = dynamodb:{cloud.name("conf")}', f'region = {REGION}',
            f'endpoint-url = {self.proxy.url}', 'timeout = 30',
            *(f'[table: ^{cloud.name("t")}\\d?[{digits(n)}]$]\nregion = {region}\n'
              f'circuit-breaker-url = http://watch:{BREAKER}@127.0.0.1:9/' for n, region in enumerate(REGIONS))]))
        config.chmod(0o600)
        self.mount = Mount(None, folder / 'mnt', arguments=['-c', config],
                           env={'AWS_ENDPOINT_URL': self.proxy.url, **dict.fromkeys(CREDENTIALS)})

    def region(self, name):
        return REGIONS[int(name[-1]) % len(REGIONS)]

    def in_region(self, name):
        return self.clouds[self.region(name)]

    def table(self, name):
        region = self.region(name)
        return Table(self.mount, self.cloud.name(name) + ('' if region == REGION else f'@{region}'))

    def start(self):
        self.mount.start()
        eventually(lambda: len(self.mount.ls('.control/tables')) == TABLES + 1, 60)
        eventually(lambda: self.table('t00').show('scaling/next-check') != 'now', 60)
        return self

    def check(self):
        """As somebody would who does not care that some tables cannot be checked."""
        try:
            self.table('t00').write('scaling/check', '1')
        except OSError:
            pass

    def described(self):
        return [name for name in self.names if self.table(name).show('status')]

    def events(self, kind):
        lines = map(json.loads, self.mount.control('events').splitlines())
        return [line['about'] for line in lines if line['event'] == kind]


def digits(n):
    return ''.join(str(digit) for digit in range(10) if digit % len(REGIONS) == n)


@pytest.fixture
def make_fleet(folder, cloud):
    fleet = Fleet(folder, cloud)
    yield fleet
    fleet.mount.stop()


@pytest.fixture
def fleet(make_fleet):
    make_fleet.start()
    eventually(lambda: make_fleet.described() == make_fleet.names)
    return make_fleet


def files_of(mount):
    return [Path(where, name) for where, _, names in os.walk(mount.path('.control')) for name in names]


def readable(mount):
    return [path for path in files_of(mount) if path.stat().st_mode & 0o400]


def test_reading_the_whole_tree_changes_nothing_and_sends_nothing(fleet):
    events = fleet.mount.control('events')
    fleet.proxy.forget()
    done = subprocess.run(['grep', '-r', '.', fleet.mount.path('.control')], capture_output=True, timeout=60)
    assert done.stdout.count(b'/status:ACTIVE') >= TABLES
    assert {request.operation for request in fleet.proxy.seen()} <= {'DescribeTable'}
    assert fleet.mount.control('events') == events


def test_the_size_of_every_file_is_that_of_its_content(fleet):
    paths = readable(fleet.mount)
    assert len(paths) > TABLES * 50
    for path in paths:
        with open(path, 'rb', buffering=0) as file:
            assert len(file.read()) == os.fstat(file.fileno()).st_size, path


def test_every_file_accepts_what_it_shows(fleet):
    fleet.proxy.forget()
    writable = [path for path in readable(fleet.mount) if path.stat().st_mode & 0o200]
    assert len(writable) > TABLES * 40
    for path in writable:
        shown = path.read_bytes()
        with open(path, 'wb', buffering=0) as file:
            assert file.write(shown) == len(shown), path
        assert path.read_bytes() == shown, path
    assert not fleet.proxy.seen('UpdateTable')


def test_a_long_value_is_taken_and_shown(fleet):
    scale = '{' + ', '.join(f'{step}: {step * 2}' for step in range(1, 90)) + '}'
    option = 'scaling/options/increase-consumed-reads-scale'
    fleet.table('t01').write(option, scale)
    assert fleet.table('t01').show(option) == scale and fleet.table('t02').show(option) == ''


def test_no_secret_is_shown(fleet):
    fleet.check()
    fleet.table('t01').write('scaling/options/circuit-breaker-url', f'http://watch:{BREAKER}-2@127.0.0.1:9/')
    assert 'watch:' in fleet.table('t02').show('scaling/options/circuit-breaker-url')
    for path in readable(fleet.mount):
        text = path.read_text()
        for secret in (BREAKER, CREDENTIALS['AWS_SECRET_ACCESS_KEY'], CREDENTIALS['AWS_ACCESS_KEY_ID']):
            assert secret not in text, path
    assert BREAKER not in fleet.mount.log()


def test_only_its_owner_may_look_and_write(fleet, machine):
    table = fleet.table('t00').path('')
    for script in (f'cat {table}/units', f'echo 1 1 > {table}/units', f'mkdir {fleet.mount.path(".control/tables/new")}',
                   f'echo 1 > {fleet.mount.path(".control/refresh")}'):
        done = subprocess.run(['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', 'sh', '-c', script],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode != 0 and 'ermission denied' in done.stderr, script


def test_tables_that_fail_say_so_and_the_others_go_on(make_fleet):
    denied = {make_fleet.cloud.name(name) for name in ('t03', 't10', 't20')}
    make_fleet.proxy.on('DescribeTable', FAULTS['denied'], when=lambda request: request.json['TableName'] in denied)
    fleet = make_fleet.start()
    gone = [name for name in fleet.names if fleet.cloud.name(name) in denied]
    eventually(lambda: all(fleet.table(name).show('last-error') for name in gone))
    eventually(lambda: fleet.described() == [name for name in fleet.names if name not in gone])
    for name in fleet.names:
        table = fleet.table(name)
        assert ('AccessDenied' in table.show('last-error')) == (name in gone), name
        assert ('AccessDenied' in table.show('scaling/last-decision')) == (name in gone), name
        assert bool(table.show('scaling/last-check')) == (name not in gone), name
        with fails_with('EACCES') if name in gone else nothing():
            table.write('units', '100 100')
    status = fleet.mount.control('status').splitlines()
    assert sum('AccessDenied' in line for line in status) == 2 * len(gone)
    assert all(line.startswith('WRONG') for line in status[:2 * len(gone)])
    assert denied <= {about.split('@')[0] for about in fleet.events('error')}
    fleet.proxy.clear()
    for name in gone:
        fleet.table(name).write('units', '100 100')
        assert fleet.table(name).show('units') == '100 100' and not fleet.table(name).show('last-error')
    assert {about.split('@')[0] for about in fleet.events('recovery')} == denied


def test_tables_come_and_go(fleet):
    gone, new = fleet.names[:8], ['t54', 't55']
    for name in gone:
        fleet.in_region(name).db.delete_table(TableName=fleet.cloud.name(name))
        with fails_with('EIO'):
            fleet.table(name).write('units', '7 7')
        assert fleet.table(name).show('status') == 'MISSING' and fleet.table(name).show('last-error')
    for name in new:
        fleet.in_region(name).table(name)
    for name in gone[:4]:
        fleet.in_region(name).table(name, read=3, write=3)
    fleet.check()
    for name in gone[:4]:
        eventually(lambda: fleet.table(name).show('units') == '3 3')
    for name in new + fleet.names[8:]:
        eventually(lambda: fleet.table(name).show('status') == 'ACTIVE')
        assert fleet.table(name).show('scaling/last-check'), name
    assert {name for name in gone[4:] if fleet.table(name).show('status') == 'MISSING'} == set(gone[4:])


def test_metrics_are_what_prometheus_reads(fleet):
    fleet.check()
    metrics = parse(fleet.mount.control('metrics'))
    checks = metrics['dynconf_scaler_checks_total']
    assert sum(name[1] == ('table', fleet.cloud.name('t00')) for name in map(tuple, checks)) == 1
    assert set(metrics['dynconf_scaler_failures_total'].values()) == {0}
