# SPDX-License-Identifier: Apache-2.0
"""The typed calls of services, against moto: what they read is what boto3 reads, and what they write boto3 finds. Where
botocore speaks the same protocol it must also send the same."""
import base64
import json
import subprocess
import time
from pathlib import Path
from urllib.parse import parse_qsl

import boto3
import pytest
from mounts import DYNCONF, environment
from proxy import FAULTS, Proxy, canned, without
from servers import CREDENTIALS, REGION, Server

SERVICES = Path(DYNCONF).parent / 'tests/integration/aws-services'
ROLE = 'arn:aws:iam::123456789012:role/reader'
MINUTES = 60
FACTORS = 1, 2.5


class Services:
    """moto behind a proxy, our calls and boto3's."""

    def __init__(self, server, proxy, folder):
        self.server, self.proxy, self.folder = server, proxy, folder

    def run(self, operation, *arguments, **env):
        return subprocess.run([SERVICES, operation, *map(str, arguments)], capture_output=True, text=True, timeout=60,
                              env=environment(self.folder, AWS_ENDPOINT_URL=self.proxy.url, **env))

    def call(self, operation, *arguments, **env):
        done = self.run(operation, *arguments, **env)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else None

    def fails(self, operation, *arguments):
        """The error's name and its sentence."""
        done = self.run(operation, *arguments)
        assert (done.returncode, done.stdout) == (1, ''), done
        return done.stderr.strip().split(' ', 1)

    def boto3(self, service):
        return boto3.client(service, endpoint_url=self.proxy.url, region_name=REGION,
                            **{name.lower(): value for name, value in CREDENTIALS.items()})

    def sent(self):
        """The bodies of the requests since the last look."""
        bodies = [request.body.decode() for request in self.proxy.seen()]
        self.proxy.forget()
        return bodies

    def same(self, ours, theirs):
        """Both ask for the same in the same way: a form for an action, or JSON for a target."""
        self.sent()
        ours(), theirs()
        one, other = self.proxy.seen()
        for header in ('X-Amz-Target', 'Content-Type'):
            assert one.header(header) == other.header(header)
        read = json.loads if one.header('X-Amz-Target') else lambda form: sorted(parse_qsl(form.decode()))
        assert read(one.body) == read(other.body)


@pytest.fixture(scope='module')
def moto(tmp_path_factory):
    server = Server('moto', tmp_path_factory.mktemp('moto'))
    yield server
    server.stop()


@pytest.fixture
def services(moto, tmp_path):
    with Proxy(('127.0.0.1', moto.port)) as proxy:
        yield Services(moto, proxy, tmp_path)


# ---- STS ----

def test_whose_credentials_these_are(services):
    theirs = services.boto3('sts').get_caller_identity()
    assert services.call('GetCallerIdentity') == {name: theirs[name] for name in ('Account', 'Arn', 'UserId')}
    services.same(lambda: services.call('GetCallerIdentity'), services.boto3('sts').get_caller_identity)


def test_a_role_is_assumed_and_its_credentials_work(services):
    got = services.call('AssumeRole', ROLE, 'a+b/c=&d')
    assert got['AccessKeyId'].startswith('ASIA') and got['provider'] == 'role'
    assert abs(got['expires'] - time.time() - 900) < 5 * MINUTES
    keys = {'AWS_ACCESS_KEY_ID': got['AccessKeyId'], 'AWS_SECRET_ACCESS_KEY': got['SecretAccessKey'],
            'AWS_SESSION_TOKEN': got['SessionToken']}
    assert services.call('GetCallerIdentity', **keys)['Arn'].endswith('assumed-role/reader/test')
    services.same(lambda: services.call('AssumeRole', ROLE, 'a+b/c=&d'), lambda: services.boto3('sts').assume_role(
        RoleArn=ROLE, RoleSessionName='test', ExternalId='a+b/c=&d', DurationSeconds=900))


def test_a_web_identity_needs_no_credentials(services):
    claims = base64.urlsafe_b64encode(json.dumps({'sub': 'pod'}).encode()).decode().rstrip('=')
    got = services.call('AssumeRoleWithWebIdentity', ROLE, f'e30.{claims}.x', AWS_ACCESS_KEY_ID=None)
    assert got['AccessKeyId'].startswith('ASIA') and got['expires'] > time.time()
    assert services.proxy.seen()[-1].header('Authorization') is None


@pytest.mark.parametrize('operation, arguments', [('AssumeRole', [ROLE]),
                                                  ('AssumeRoleWithWebIdentity', [ROLE, 'token'])])
def test_an_answer_without_keys_is_none(operation, arguments, services):
    empty = f'<{operation}Response><{operation}Result/></{operation}Response>'.encode()
    services.proxy.on('*', canned(200, 'text/xml', empty))
    name, sentence = services.fails(operation, *arguments)
    assert name == 'EIO' and 'Credentials/AccessKeyId is missing' in sentence


# ---- SNS ----

def test_a_message_arrives_as_it_was_sent(services):
    sns, sqs = services.boto3('sns'), services.boto3('sqs')
    topic = sns.create_topic(Name='scaling')['TopicArn']
    queue = sqs.create_queue(QueueName='seen')['QueueUrl']
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=['QueueArn'])['Attributes']['QueueArn']
    sns.subscribe(TopicArn=topic, Protocol='sqs', Endpoint=arn)
    text, subject = 'reads: 5 → 10 & more\n100% of "conf" = a+b\n', 'Scaled up'
    name = services.call('Publish', topic, text, subject)
    message = json.loads(sqs.receive_message(QueueUrl=queue)['Messages'][0]['Body'])
    assert (message['MessageId'], message['Message'], message['Subject']) == (name, text, subject)
    services.same(lambda: services.call('Publish', topic, text, subject),
                  lambda: sns.publish(TopicArn=topic, Message=text, Subject=subject))


def test_no_topic(services):
    name, sentence = services.fails('Publish', f'arn:aws:sns:{REGION}:123456789012:none', 'text')
    assert name == 'ENXIO' and 'check its name and its region' in sentence


# ---- CloudWatch ----

@pytest.fixture
def measured(services):
    """Half an hour of reads of two tables: its beginning and end, and the tables."""
    end, tables = int(time.time()) // 300 * 300, [services.server.new_name(), services.server.new_name()]
    for table, factor in zip(tables, FACTORS):
        services.boto3('cloudwatch').put_metric_data(Namespace='AWS/DynamoDB', MetricData=[
            {'MetricName': 'ConsumedReadCapacityUnits', 'Value': factor * minute, 'Unit': 'Count',
             'Timestamp': end - minute * 60, 'Dimensions': [{'Name': 'TableName', 'Value': table}]}
            for minute in range(1, 31)])
    return (end - 1800, end), tables


def sums(start, end, factor):
    """The same points by arithmetic: five minutes each."""
    minutes = [(end - at) // 60 for at in range(start, end, 300)]
    return [[at, factor * sum(range(first - 4, first + 1))] for at, first in zip(range(start, end, 300), minutes)]


def test_metrics_of_many_tables(services, measured):
    span, (one, other) = measured
    series = services.call('GetMetricData', *span, 'ConsumedReadCapacityUnits', one, 'none', other)
    assert [each['status'] for each in series] == ['Complete'] * 3
    assert [each['points'] for each in series] == [sums(*span, FACTORS[0]), [], sums(*span, FACTORS[1])]


def test_metrics_in_several_requests(services, measured):
    span, (table, _) = measured
    series = services.call('GetMetricData', *span, 'ConsumedReadCapacityUnits', *['none'] * 500, table)
    assert [each['points'] for each in series] == [[]] * 500 + [sums(*span, FACTORS[0])]
    assert [len(json.loads(body)['MetricDataQueries']) for body in services.sent()[-2:]] == [500, 1]


def test_metrics_the_old_way(services, measured):
    span, (table, _) = measured
    series = services.call('GetMetricStatistics', *span, 'ConsumedReadCapacityUnits', table)
    assert series['points'] == sums(*span, FACTORS[0])
    assert services.call('GetMetricStatistics', *span, 'ConsumedReadCapacityUnits', 'none')['points'] == []


def test_metrics_are_asked_for_as_botocore_does(services):
    cloudwatch, metric = services.boto3('cloudwatch'), 'ConsumedReadCapacityUnits'
    asked = {'Namespace': 'AWS/DynamoDB', 'MetricName': metric, 'Dimensions': [{'Name': 'TableName', 'Value': 'conf'}]}
    span = {'StartTime': 1795600000, 'EndTime': 1795600300}
    services.same(lambda: services.call('GetMetricStatistics', *span.values(), metric, 'conf'),
                  lambda: cloudwatch.get_metric_statistics(**asked, **span, Period=300, Statistics=['Sum'],
                                                           Unit='Count'))
    stat = {'Metric': asked, 'Period': 300, 'Stat': 'Sum', 'Unit': 'Count'}
    services.same(lambda: services.call('GetMetricData', *span.values(), metric, 'conf'),
                  lambda: cloudwatch.get_metric_data(**span, MetricDataQueries=[{'Id': 'q0', 'MetricStat': stat}]))


def test_metrics_that_a_policy_refuses(services):
    services.proxy.on('GetMetricData', FAULTS['denied'])
    assert services.fails('GetMetricData', 0, 300, 'ConsumedReadCapacityUnits', 'conf')[0] == 'EACCES'


# ---- Application Auto Scaling ----

def test_what_aws_scales(services):
    scaling = services.boto3('application-autoscaling')
    expected = []
    for i in range(60):
        table = services.server.create_table(f'scaled-{i}')
        target = [f'table/{table}', 'dynamodb:table:ReadCapacityUnits', 5, 10 + i]
        scaling.register_scalable_target(ServiceNamespace='dynamodb', ResourceId=target[0], ScalableDimension=target[1],
                                         MinCapacity=target[2], MaxCapacity=target[3])
        expected.append(target)
    assert sorted(services.call('DescribeScalableTargets')) == sorted(expected)
    asked = [target[0] for target in expected] + ['table/none']
    assert sorted(services.call('DescribeScalableTargets', *asked)) == sorted(expected)
    services.same(lambda: services.call('DescribeScalableTargets', 'table/none'),
                  lambda: scaling.describe_scalable_targets(ServiceNamespace='dynamodb', ResourceIds=['table/none']))


# ---- Tables ----

@pytest.fixture
def indexed(services):
    """A table with 5 and 6 units, its indexes one and two with 1 and 2."""
    keys = {key: [{'AttributeName': key, 'KeyType': 'HASH'}] for key in ('key', 'one', 'two')}
    units = {'ReadCapacityUnits': 1, 'WriteCapacityUnits': 2}
    name = services.server.new_name()
    services.server.client.create_table(
        TableName=name, KeySchema=keys['key'], ProvisionedThroughput={'ReadCapacityUnits': 5, 'WriteCapacityUnits': 6},
        AttributeDefinitions=[{'AttributeName': key, 'AttributeType': 'S'} for key in keys],
        GlobalSecondaryIndexes=[{'IndexName': index, 'KeySchema': keys[index], 'ProvisionedThroughput': units,
                                 'Projection': {'ProjectionType': 'KEYS_ONLY'}} for index in ('one', 'two')])
    return name


def provisioned(table):
    return [[r['name'], r['reads'], r['writes'], r['on_demand']] for r in (table['table'], *table['indexes'])]


def test_a_table_with_indexes(services, indexed):
    table = services.call('DescribeTable', indexed)
    theirs = services.server.client.describe_table(TableName=indexed)['Table']
    assert provisioned(table) == [[indexed, 5, 6, False], ['one', 1, 2, False], ['two', 1, 2, False]]
    assert table['table']['arn'] == theirs['TableArn']
    assert table['table']['status'] == table['indexes'][0]['status'] == 'ACTIVE'


def test_units_are_changed_together(services, indexed):
    services.call('UpdateTable', indexed, '', '', 7, 8, 'two', 3, 4)
    assert provisioned(services.call('DescribeTable', indexed)) == [
        [indexed, 7, 8, False], ['one', 1, 2, False], ['two', 3, 4, False]]
    units = [{'ReadCapacityUnits': reads, 'WriteCapacityUnits': reads + 1} for reads in (9, 5)]
    services.same(lambda: services.call('UpdateTable', indexed, '', '', 9, 10, 'two', 5, 6),
                  lambda: services.boto3('dynamodb').update_table(
                      TableName=indexed, ProvisionedThroughput=units[0], GlobalSecondaryIndexUpdates=[
                          {'Update': {'IndexName': 'two', 'ProvisionedThroughput': units[1]}}]))


def test_on_demand_and_back(services, indexed):
    services.call('UpdateTable', indexed, 'on-demand')
    table = services.call('DescribeTable', indexed)
    assert [row[3] for row in provisioned(table)] == [True] * 3
    services.call('UpdateTable', indexed, 'provisioned', '', 7, 8, 'one', 1, 1, 'two', 2, 2)
    assert provisioned(services.call('DescribeTable', indexed))[0] == [indexed, 7, 8, False]


def test_all_tables_over_pages(services):
    for i in range(101):
        services.server.create_table(f'page-{i:03}')
    paginator = services.server.client.get_paginator('list_tables')
    names = [name for page in paginator.paginate() for name in page['TableNames']]
    assert len(names) > 100 and services.call('ListTables') == names


# ---- Other engines ----

LEFT_OUT = ['ProvisionedThroughput', 'BillingModeSummary', 'TableArn', 'ItemCount', 'TableSizeBytes', 'TableId',
            'CreationDateTime', 'TableName', 'GlobalSecondaryIndexes']


@pytest.mark.parametrize('names', [*([name] for name in LEFT_OUT), LEFT_OUT], ids=lambda names: '+'.join(names))
def test_what_an_engine_does_not_tell_is_not_needed(names, services, indexed):
    services.proxy.on('DescribeTable', without(*names))
    table = services.call('DescribeTable', indexed)
    assert table['table']['name'] == indexed and table['table']['status'] == 'ACTIVE'
    assert len(table['indexes']) == (0 if 'GlobalSecondaryIndexes' in names else 2)
