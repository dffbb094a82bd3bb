# SPDX-License-Identifier: Apache-2.0
"""What dynconf-scaler does without AWS: decides recorded checks, replays traces, shows configurations."""
import gzip
import json
import os
import subprocess
from xml.etree import ElementTree

import pytest

from scalers import SCALER
from servers import ROOT

VECTORS = ROOT / 'tests/vectors/scaler'
EXAMPLES = ROOT / 'contrib/examples'


def run(*arguments, status=0, **more):
    # No proxy, credentials or region: nothing here may need them.
    done = subprocess.run([SCALER, *map(str, arguments)], capture_output=True, text=True, timeout=100,
                          env={'PATH': os.environ['PATH'], 'HOME': '/nonexistent'}, **more)
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr


def as_dynconf(scenario):
    """What is expected of each step: a dry run sends nothing."""
    expected = [step['expect'] for step in scenario['steps']]
    if scenario.get('global', {}).get('dry-run'):
        for announcement in [a for step in expected for a in step['alarms'] + step['notifications']]:
            announcement['sent'] = False
            announcement.pop('topic', None)
    return {'id': scenario['id'], 'steps': expected}


@pytest.mark.parametrize('kind', ['table', 'gsi'])
@pytest.mark.parametrize('folder, flags', [('compat-2.5.1', ['--compat', '2.5.1']), ('recommended', [])])
def test_simulate(folder, flags, kind):
    file = VECTORS / folder / f'{kind}.jsonl.gz'
    with gzip.open(file, 'rt') as lines:
        expected = [as_dynconf(json.loads(line)) for line in lines]
    got = [json.loads(line) for line in run('--simulate', file, *flags).splitlines()]
    assert got == expected


def test_simulate_reads_what_it_is_given(tmp_path):
    with gzip.open(VECTORS / 'recommended/table.jsonl.gz', 'rt') as lines:
        text = ''.join(next(lines) for _ in range(20))
    (tmp_path / 'plain').write_text(text)
    plain = run('--simulate', tmp_path / 'plain')
    assert plain.count('\n') == 20
    assert run('--simulate', '-', input=text) == plain
    (tmp_path / 'plain').write_text(text + 'no scenario\n')
    assert 'plain:21: expected a JSON object' in run('--simulate', tmp_path / 'plain', status=1)


def test_backtest_of_the_example(tmp_path):
    trace = tmp_path / 'week.csv'
    trace.write_text(subprocess.check_output([EXAMPLES / 'trace'], text=True))
    report = run('--backtest', trace, '-c', EXAMPLES / 'scaling.conf', '--backtest-table', 'orders', '--svg',
                 tmp_path / 'week.svg')
    costs = {line[:22].strip(): float(line.split()[-1]) for line in report.splitlines()[3:7]}
    assert list(costs) == ['this configuration', 'fixed at the peak', 'on demand', '70% target tracking']
    assert costs['this configuration'] < costs['fixed at the peak']
    assert report.splitlines()[3].split()[4] == '0'  # throttled
    ElementTree.parse(tmp_path / 'week.svg')
    # The picture of the README is this one.
    assert (tmp_path / 'week.svg').read_text() == (EXAMPLES / 'scaling.svg').read_text()
    assert 'matches customers' in run('--backtest', trace, '-c', EXAMPLES / 'scaling.conf', '--backtest-table',
                                      'customers', status=1)


def test_show_config_needs_nothing(tmp_path):
    shown = json.loads(run('-c', EXAMPLES / 'scaling.conf', '--show-config'))
    assert shown['tables']['^orders$']['reads_upper_threshold'] == 80
    assert shown['tables']['^orders$']['schedules']['import']['min_provisioned_writes'] == 140
    config = tmp_path / 'misspelt.conf'
    config.write_text('[table: ^t$]\nread-upper-threshold: 80\n')
    run('-c', config, '--show-config')
    assert f'{config}:2: ' in run('-c', config, '--show-config', '--strict', status=1)
