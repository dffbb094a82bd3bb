# SPDX-License-Identifier: Apache-2.0
"""The scaler against real servers: what is measured, decided, changed and announced."""
import json
import signal

import pytest

from mounts import eventually
from proxy import refuse, reset_after
from scalers import breaker

ANNOUNCED = 'scale-up, scale-down, high-throughput-alarm, low-throughput-alarm'


def test_up_and_down(cloud):
    cloud.table('up')
    cloud.table('down')
    cloud.table('same')
    cloud.consumes('up', reads=95, writes=50)
    cloud.consumes('down', reads=50, writes=2)
    cloud.consumes('same', reads=50, writes=50)
    cloud.configure()
    cloud.once()
    assert [cloud.units(name) for name in ('up', 'down', 'same')] == [(150, 100), (100, 50), (100, 100)]


def test_two_indexes_in_one_request(cloud):
    cloud.table('a', indexes=['one', 'two'])
    cloud.consumes('a', reads=95, writes=50)
    cloud.consumes('a', index='one', reads=2, writes=50)
    cloud.consumes('a', index='two', reads=50, writes=95)
    cloud.configure(f'[gsi: .* table: ^{cloud.prefix}-]')
    cloud.once()
    assert cloud.updates() == [{None: (150, 100), 'one': (50, 100), 'two': (100, 150)}]
    assert len(cloud.proxy.seen('DescribeTable')) == len(cloud.proxy.seen('GetMetricData')) == 1
    assert [cloud.units('a', index) for index in (None, 'one', 'two')] == [(150, 100), (50, 100), (100, 150)]


def test_announcements(cloud):
    topic, received = cloud.topic()
    cloud.table('a', indexes=['one'])
    cloud.consumes('a', reads=95, writes=2)
    cloud.consumes('a', index='one', reads=95, writes=50)
    cloud.configure(f'[gsi: .* table: ^{cloud.prefix}-]\nsns-topic-arn: {topic}\nsns-message-types: scale-up\n',
                    sns_topic_arn=topic, sns_message_types=ANNOUNCED, reads_upper_alarm_threshold=90)
    cloud.once()
    name = cloud.name('a')
    assert received() == [
        (f'ALARM: High Throughput for Table {name}', f'{name} - Consumed Read Capacity 95.000000% was greater than or '
                                                     'equal to the upper alarm threshold 90.000000%\n'),
        ('Updated provisioning for GSI one', f'{name} - GSI: one - Reads: UP from 100 to 150\n'),
        (f'Updated provisioning for table {name}', f'{name} - Reads: UP from 100 to 150\n'
                                                   f'{name} - Writes: DOWN from 100 to 50\n'),
    ]


def test_dry_run(cloud):
    topic, received = cloud.topic()
    cloud.table('a')
    cloud.consumes('a', reads=95, writes=50)
    state = cloud.folder / 'state'
    cloud.configure(extra=f'state-file: {state}', sns_topic_arn=topic, sns_message_types=ANNOUNCED,
                    reads_upper_alarm_threshold=90)
    assert 'dryrun' in cloud.once('--dry-run')
    assert cloud.updates() == [] and received() == [] and not state.exists()
    assert cloud.units('a') == (100, 100)


@pytest.mark.parametrize('answer, changed', [(200, True), (204, True), (503, False), (404, False)])
def test_breaker(cloud, answer, changed):
    cloud.table('a', indexes=['one'])
    cloud.consumes('a', reads=95, writes=50)
    cloud.consumes('a', index='one', reads=95, writes=50)
    with breaker(lambda _: answer) as (host, asked):
        cloud.configure(f'[gsi: .* table: ^{cloud.prefix}-]',
                        extra=f'circuit-breaker-url: http://user:pass@{host}/up?x=1')
        cloud.once()
    assert cloud.units('a') == cloud.units('a', 'one') == ((150, 100) if changed else (100, 100))
    assert [(path, headers['x-table-name'], headers.get('x-gsi-name'), headers['Authorization'])
            for path, headers in asked] == [('/up?x=1', cloud.name('a'), None, 'Basic dXNlcjpwYXNz'),
                                            ('/up?x=1', cloud.name('a'), 'one', 'Basic dXNlcjpwYXNz')]
    assert bool(cloud.proxy.seen('GetMetricData')) == changed


def test_breaker_redirects(cloud):
    cloud.table('a')
    cloud.consumes('a', reads=95, writes=50)
    with breaker(lambda handler: (302, '/there') if handler.path == '/here' else 200) as (host, asked):
        cloud.configure(extra=f'circuit-breaker-url: http://user:pass@{host}/here')
        cloud.once()
    assert [(path, 'Authorization' in headers) for path, headers in asked] == [('/here', True), ('/there', True)]
    assert cloud.units('a') == (150, 100)


def test_breaker_redirects_to_another_host(cloud):
    """It is not told the password."""
    cloud.table('a')
    cloud.consumes('a', reads=95, writes=50)
    with breaker(lambda _: 200) as (there, asked_there), \
            breaker(lambda _: (307, f'http://{there}/up')) as (here, asked_here):
        cloud.configure(extra=f'circuit-breaker-url: http://user:pass@{here}/')
        cloud.once()
    (_, first), = asked_here
    (path, second), = asked_there
    assert 'Authorization' in first and 'Authorization' not in second
    assert path == '/up' and second['x-table-name'] == cloud.name('a')


def test_breaker_that_redirects_for_ever(cloud):
    cloud.table('a')
    cloud.consumes('a', reads=95, writes=50)
    with breaker(lambda _: (302, '?again')) as (host, asked):
        cloud.configure(extra=f'circuit-breaker-url: http://{host}/up')
        cloud.once()
    assert cloud.units('a') == (100, 100) and len(asked) == 31
    assert asked[-1][0] == '/up?again'


def test_breaker_that_cannot_be_asked(cloud):
    cloud.table('a')
    cloud.consumes('a', reads=95, writes=50)
    with breaker(lambda _: 200) as (host, _):
        pass
    cloud.configure(extra=f'circuit-breaker-url: http://{host}/')
    assert 'circuit breaker is open' in cloud.once()
    assert cloud.units('a') == (100, 100)


MINIMAL = ('ListTables', 'DescribeTable', 'UpdateTable', 'GetMetricStatistics')


def test_permissions_of_the_original(cloud):
    """What its manual asks for is enough, and the decisions are the same."""
    topic, received = cloud.topic()
    cloud.table('up')
    cloud.table('down')
    cloud.table('indexed', indexes=['one'])
    cloud.consumes('up', reads=95, writes=50, throttled_reads=20)
    cloud.consumes('down', reads=2, writes=50)
    # moto's GetMetricStatistics counts those of an index for its table too.
    cloud.consumes('indexed', index='one', reads=50, writes=95)
    cloud.proxy.on('*', refuse(400, 'AccessDeniedException'),
                   when=lambda r: r.operation not in MINIMAL and b'Action=Publish' not in r.body)
    cloud.configure(f'[gsi: .* table: ^{cloud.prefix}-]', sns_topic_arn=topic, sns_message_types=ANNOUNCED,
                    throttled_reads_upper_threshold=10)
    log = cloud.once()
    assert log.count('GetMetricStatistics') == 1
    assert cloud.units('up') == (150, 100) and cloud.units('indexed', 'one') == (100, 150)
    assert cloud.units('down') == (50, 100)
    assert len(received()) == 3
    assert not cloud.proxy.seen('GetMetricData')[1:]


def test_limit_exceeded(cloud):
    """Too many decreases: once more, with the increases only."""
    cloud.table('mixed')
    cloud.table('shrinks')
    cloud.consumes('mixed', reads=95, writes=2)
    cloud.consumes('shrinks', reads=2, writes=2)
    cloud.proxy.on('UpdateTable', refuse(400, 'LimitExceededException'),
                   when=lambda r: r.json['ProvisionedThroughput']['WriteCapacityUnits'] < 100)
    cloud.configure()
    cloud.once()
    assert cloud.updates() == [{None: (150, 50)}, {None: (150, 100)}, {None: (50, 50)}]
    assert cloud.units('mixed') == (150, 100) and cloud.units('shrinks') == (100, 100)


def test_refused_together_sent_in_parts(cloud):
    cloud.table('a', indexes=['one'])
    cloud.consumes('a', reads=2, writes=50)
    cloud.consumes('a', index='one', reads=95, writes=50)
    cloud.proxy.on('UpdateTable', refuse(400, 'LimitExceededException'),
                   when=lambda r: 'ProvisionedThroughput' in r.json)
    cloud.configure(f'[gsi: .* table: ^{cloud.prefix}-]')
    cloud.once()
    assert cloud.updates() == [{None: (50, 100), 'one': (150, 100)}, {None: (50, 100)}, {'one': (150, 100)}]
    assert cloud.units('a') == (100, 100) and cloud.units('a', 'one') == (150, 100)


def test_lost_answer(cloud):
    topic, received = cloud.topic()
    cloud.table('a')
    cloud.consumes('a', reads=95, writes=50)
    cloud.proxy.on('UpdateTable', reset_after)
    cloud.configure(sns_topic_arn=topic, sns_message_types=ANNOUNCED)
    cloud.once()
    assert cloud.units('a') == (150, 100) and len(received()) == 1


def named(cloud, *numbers):
    names = {cloud.name(f't{n:02}') for n in numbers}
    return lambda request: request.json.get('TableName') in names


def test_forty_tables(cloud):
    """Some cannot be described, some not be changed, some are busy; none of that is another table's problem."""
    for n in range(40):
        cloud.table(f't{n:02}')
        cloud.consumes(f't{n:02}', reads=95, writes=50)
    proxy = cloud.proxy
    proxy.on('DescribeTable', refuse(400, 'ThrottlingException'), times=10)
    proxy.on('GetMetricData', refuse(400, 'Throttling'), times=2)
    proxy.on('DescribeTable', refuse(400, 'AccessDeniedException'), when=named(cloud, 3, 13))
    proxy.on('UpdateTable', refuse(400, 'ResourceInUseException'), when=named(cloud, 5, 15))
    proxy.on('UpdateTable', refuse(400, 'LimitExceededException'), when=named(cloud, 7))
    cloud.configure()
    code, _, log = cloud.run('-c', cloud.folder / 'scaler.conf', '--run-once')
    assert code == 1, log
    changed = {n for n in range(40) if cloud.units(f't{n:02}') == (150, 100)}
    assert changed == set(range(40)) - {3, 13, 5, 15, 7}
    assert len(proxy.seen('GetMetricData')) == 3
    proxy.clear()
    cloud.once()
    assert all(cloud.units(f't{n:02}') == (150, 100) for n in (3, 13, 5, 15, 7))


def test_on_demand_is_left_alone(cloud):
    cloud.table('a')
    cloud.table('b')
    cloud.db.update_table(TableName=cloud.name('a'), BillingMode='PAY_PER_REQUEST')
    cloud.consumes('b', reads=95, writes=50)
    cloud.configure()
    assert cloud.once().count('on demand') == 1
    assert cloud.units('b') == (150, 100) and len(cloud.updates()) == 1


def test_counters_survive(cloud):
    """Three processes, one decrease: what the first two counted is not lost, and what was done is not done again."""
    cloud.table('a')
    cloud.consumes('a', reads=2, writes=50)
    cloud.configure(extra=f'state-file: {cloud.folder}/state', num_read_checks_before_scale_down=3)
    for units in ((100, 100), (100, 100), (50, 100), (50, 100)):
        cloud.once()
        assert cloud.units('a') == units
    entry, = json.loads((cloud.folder / 'state').read_text())['entries']
    assert (entry['reads-checks'], len(entry['history'])) == (1, 1)
    assert (cloud.folder / 'state').stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize('acted', [False, True])
def test_killed_while_changing(cloud, acted):
    cloud.table('a')
    cloud.consumes('a', reads=2, writes=50)
    path = cloud.configure(extra=f'state-file: {cloud.folder}/state', num_read_checks_before_scale_down=2)
    cloud.once()
    gate = cloud.proxy.hold('UpdateTable', answer=acted)
    process = cloud.start('-c', path, '--run-once')
    gate.wait()
    cloud.stop(process, signal.SIGKILL)
    cloud.proxy.stop()
    cloud.proxy.listen()
    cloud.once()
    assert cloud.units('a') == (50, 100)
    entry, = json.loads((cloud.folder / 'state').read_text())['entries']
    assert entry['reads-checks'] == acted


def test_stopped_while_changing(cloud):
    """What was sent is heard out; what was not sent is left to the next process."""
    cloud.table('a')
    cloud.table('b')
    for name in 'ab':
        cloud.consumes(name, reads=2, writes=50)
    path = cloud.configure(extra=f'state-file: {cloud.folder}/state', num_read_checks_before_scale_down=2)
    cloud.once()
    gate = cloud.proxy.hold('UpdateTable')
    process = cloud.start('-c', path)
    gate.wait()
    process.terminate()
    gate.release()
    assert process.wait(20) == 0
    assert cloud.units('a') == (50, 100) and cloud.units('b') == (100, 100)
    cloud.once()
    assert cloud.units('a') == (50, 100) and cloud.units('b') == (50, 100)


def test_lost_answer_of_an_updating_table(tables_of_dynalite):
    """Sent again, it is refused as being in use: by itself."""
    cloud = tables_of_dynalite
    topic, received = cloud.topic()
    cloud.table('a')
    cloud.consumes('a', reads=95, writes=50)
    cloud.proxy.on('UpdateTable', reset_after, times=1)
    cloud.configure(sns_topic_arn=topic, sns_message_types=ANNOUNCED)
    cloud.once()
    assert len(cloud.updates()) == 2 and len(received()) == 1


def test_five_hundred_tables(cloud):
    """Each described once; all their metrics, four for each of 2,000 targets, in sixteen requests."""
    for n in range(500):
        cloud.table(f't{n}', indexes=['one', 'two', 'six'])
    cloud.consumes('t250', index='two', reads=95, writes=50)
    cloud.configure(f'[gsi: .* table: ^{cloud.prefix}-]\nthrottled-reads-upper-threshold: 1\n'
                    'throttled-writes-upper-threshold: 1\n',
                    throttled_reads_upper_threshold=1, throttled_writes_upper_threshold=1)
    cloud.once()
    assert len(cloud.proxy.seen('DescribeTable')) == 500
    assert len(cloud.proxy.seen('GetMetricData')) == 16
    assert cloud.updates() == [{'two': (150, 100)}]


def test_updating_table_is_left_alone(tables_of_dynalite):
    cloud = tables_of_dynalite
    cloud.table('a', indexes=['one'])
    cloud.consumes('a', reads=2, writes=50)
    cloud.consumes('a', index='one', reads=95, writes=50)
    cloud.configure(f'[gsi: .* table: ^{cloud.prefix}-]')
    cloud.once()
    assert 'not ACTIVE' in cloud.once()
    assert cloud.updates() == [{None: (50, 100), 'one': (150, 100)}]
    table = eventually(lambda: (t := cloud.describe('a'))['TableStatus'] == 'ACTIVE' and t)
    assert table['ProvisionedThroughput']['NumberOfDecreasesToday'] == 1
    assert cloud.units('a') == (50, 100) and cloud.units('a', 'one') == (150, 100)


def test_regions_and_roles(cloud):
    """A section of another region and role has its tables, metrics and credentials there, and a table of one name is
    another there."""
    role = 'arn:aws:iam::123456789012:role/scaler'
    there = cloud.elsewhere('eu-west-1')
    for place in (cloud, there):
        place.table('a')
    cloud.consumes('a', reads=95, writes=50)
    there.consumes('a', reads=2, writes=50)
    cloud.configure(f'[table: ^{cloud.prefix}-a$]\nregion: eu-west-1\nrole-arn: {role}\n',
                    extra=f'state-file: {cloud.folder}/state')
    cloud.once()
    assert cloud.units('a') == (150, 100) and there.units('a') == (50, 100)
    assert any(role.encode() in b.replace(b'%3A', b':').replace(b'%2F', b'/') for b in
               (request.body for request in cloud.proxy.seen()) if b'AssumeRole' in b)
    signed = {request.header('Authorization').split('/')[2] for request in cloud.proxy.seen('UpdateTable')}
    assert signed == {'us-east-1', 'eu-west-1'}
    sites = {entry.get('site', '') for entry in json.loads((cloud.folder / 'state').read_text())['entries']}
    assert sites == {'', f'eu-west-1 {role}'}
