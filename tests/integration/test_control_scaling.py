# SPDX-License-Identifier: Apache-2.0
"""The scaler inside the mount, shown and steered under .control/tables/TABLE/scaling."""
import json
import os
import subprocess
import threading
import xml.etree.ElementTree as tree
from pathlib import Path

import pytest
from mounts import Mount, eventually, fails_with
from proxy import Proxy
from scalers import Cloud
from servers import REGION, ROOT
from test_control_tables import Table

EXAMPLE = ROOT / 'contrib/examples/scale-a-table'


class Scaled:
    """A mount with scaler = yes of dynalite's tables and moto's metrics."""

    def __init__(self, folder, cloud, extra='', sections=''):
        self.folder, self.cloud = folder, cloud
        self.config = folder / 'dynconf.conf'
        self.config.write_text(f'[global]\nscaler = yes\ncheck-interval = 3600\n{extra}\n'
                               f'[source: conf]\nsource = dynamodb:{cloud.name("conf")}\nregion = {REGION}\n'
                               f'endpoint-url = {cloud.proxy.url}\n{sections}\n')
        self.mount = Mount(None, folder / 'mnt', arguments=['-c', self.config],
                           env={'AWS_ENDPOINT_URL': cloud.others.url, 'AWS_ENDPOINT_URL_CLOUDWATCH': cloud.others.url})

    def table(self, name):
        return Table(self.mount, self.cloud.name(name))

    def scaling_of(self, name):
        """The table's directory, once the pass that every start begins with is over."""
        table = self.table(name)
        eventually(lambda: self.mount.exists(f'{table.name}/scaling') and table.show('scaling/next-check') != 'now')
        return table


def fails(call, *arguments):
    try:
        call(*arguments)
    except OSError:
        return True
    return False


@pytest.fixture
def cloud(folder, servers):
    tables, others = servers('dynalite'), servers('moto')
    with Proxy(('127.0.0.1', tables.port)) as proxy:
        yield Cloud(folder, proxy, tables, others, f'in-{tables.new_name()}')


@pytest.fixture
def scaled(folder, cloud):
    started = []

    def start(**how):
        started.append(Scaled(folder, cloud, **how))
        return started[-1].mount.start() and started[-1]

    yield start
    for each in started:
        each.mount.stop()


def section(cloud, name, **options):
    lines = [f'{key.replace("_", "-")}: {value}' for key, value in options.items()]
    return '\n'.join([f'[table: ^{cloud.name(name)}$]', *lines])


def test_the_example_takes_a_table_from_nothing_to_being_scaled(cloud, scaled, tmp_path):
    mount = scaled(sections='[default_options]\nincrease-reads-with: 50').mount
    cloud.consumes('new', reads=9.5)  # of 10 units
    done = subprocess.run([EXAMPLE, mount.dir, cloud.name('new')], cwd=tmp_path, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    assert 'reads 10 -> 15' in done.stdout and 'reads-upper-threshold (80)' in done.stdout
    eventually(lambda: cloud.units('new') == (15, 5))
    picture = (tmp_path / f'{cloud.name("new")}.svg').read_text()
    assert tree.fromstring(picture).tag.endswith('svg') and 'reads' in picture


def test_a_decision_is_shown_with_its_figures_and_kept_in_the_history(cloud, scaled):
    cloud.table('t')
    at = scaled(sections=section(cloud, 't', max_provisioned_reads=140, throttled_reads_upper_threshold=50))
    table = at.scaling_of('t')
    cloud.consumes('t', reads=95, throttled_reads=3)
    table.write('scaling/check', '1')
    assert table.show('scaling/enabled') == '1' and table.show('scaling/dry-run') == '0'
    assert float(table.show('scaling/consumed-reads-percent')) == 95
    assert table.show('scaling/throttled-reads') == '3'
    assert 'reads 100 -> 140' in table.show('scaling/last-decision')
    assert table.show('scaling/last-check') and table.show('scaling/next-check')
    event, = map(json.loads, table.show('scaling/history').splitlines())
    assert event['reads'] == [100, 140] and event['done'] and 'above' in event['text']
    told = [json.loads(line) for line in at.mount.control('events').splitlines()]
    assert [e['table'] for e in told if e['event'] == 'decision'] == [cloud.name('t')]


def test_a_dry_run_decides_and_changes_nothing(cloud, scaled):
    cloud.table('t')
    at = scaled(sections=section(cloud, 't'))
    table = at.scaling_of('t')
    table.write('scaling/dry-run', '1')
    cloud.consumes('t', reads=95)
    table.write('scaling/check', '1')
    assert 'reads 100 ->' in table.show('scaling/last-decision')
    assert cloud.units('t') == (100, 100)
    table.write('scaling/dry-run', '0')
    table.write('scaling/check', '1')
    eventually(lambda: cloud.units('t') == (150, 100))


def test_a_table_that_is_switched_off_is_left_alone(cloud, scaled):
    cloud.table('t')
    at = scaled(sections=section(cloud, 't'))
    table = at.scaling_of('t')
    table.write('scaling/enabled', '0')
    cloud.consumes('t', reads=95)
    table.write('scaling/check', '1')
    assert table.show('scaling/enabled') == '0' and cloud.units('t') == (100, 100)


def test_options_are_the_tables_own_and_survive_a_restart(cloud, scaled, folder):
    cloud.table('t')
    how = {'extra': f'options-persist = {folder}/steered.json', 'sections': section(cloud, 't', reads_upper_threshold=99)}
    at = scaled(**how)
    table = at.scaling_of('t')
    assert table.show('scaling/options/reads-upper-threshold') == '99'
    table.write('scaling/options/reads-upper-threshold', '70')
    assert at.table('conf').show('scaling/options/reads-upper-threshold') == '90'
    for row, bad in (('reads-upper-threshold', 'high'), ('min-provisioned-reads', '-3')):
        with fails_with('EINVAL'):
            table.write(f'scaling/options/{row}', bad)
    assert 'reads-upper-threshold' in at.mount.control('last-error') or 'min-provisioned' in at.mount.control('last-error')
    at.mount.stop()
    at = scaled(**how)
    assert at.scaling_of('t').show('scaling/options/reads-upper-threshold') == '70'
    assert os.stat(folder / 'steered.json').st_mode & 0o777 == 0o600


def test_the_end_does_not_wait_for_a_check(cloud, scaled):
    cloud.table('t')
    at = scaled(sections=section(cloud, 't'))
    table = at.scaling_of('t')
    gate, ends = cloud.proxy.hold('ListTables'), []
    writer = threading.Thread(target=lambda: ends.append(fails(table.write, 'scaling/check', '1')))
    writer.start()
    gate.wait()
    at.mount.stop()
    writer.join()
    assert ends == [True]


def test_every_option_accepts_what_it_shows(cloud, scaled):
    cloud.table('t')
    at = scaled(sections=section(cloud, 't', increase_consumed_reads_scale='{0: 5, 50: 10}',
                                 sns_message_types='scale-up, scale-down', maintenance_windows='22:00-06:00'))
    table = at.scaling_of('t')
    names = os.listdir(table.path('scaling/options'))
    assert len(names) > 50
    for name in names:
        shown = table.show(f'scaling/options/{name}')
        table.write(f'scaling/options/{name}', shown)
        assert table.show(f'scaling/options/{name}') == shown, name
    assert not Path(at.folder / 'steered.json').exists()


def test_a_table_without_a_scaler_has_no_scaling(make_site):
    site = make_site('dynalite')
    site.put('prod', 'db', {'a': {'S': '1'}})
    table = Table(site.mount(), site.table)
    assert not table.mount.exists(f'{table.name}/scaling')
