# SPDX-License-Identifier: Apache-2.0
"""Every operation under every fault, as the files of tests/vectors/faults have it.

calls.txt, the client alone: the result, "+lost" where an answer may have been lost; the requests that were sent; and the
value afterwards, or for a read the value that was read. mount.txt, changes through a mount: the result, the requests,
what is stored afterwards, and what the mount shows, "same" if it is that.
"""
import errno
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

import boto3
import pytest
from conftest import needs
from mounts import DYNCONF, FAKETIME, at_another_time, environment
from proxy import FAULTS, Proxy, passed, punctual
from servers import CREDENTIALS, REGION, ROOT

CALLS = Path(DYNCONF).parent / 'tests/integration/aws-calls'
PATIENCE, DEADLINE = 30, 2  # seconds: for calls that end by themselves, and for those that do not


@dataclass
class Fault:
    how: Callable
    times: Optional[int] = 1
    seconds: int = PATIENCE
    clock: Optional[str] = None  # how far the caller's is from the proxy's
    idle: bool = False           # the connections that stand end before it


def endless(name):
    return Fault(FAULTS[name], None, DEADLINE)


FAULTY = {
    'none': Fault(passed),
    'throttle': Fault(FAULTS['throttle']),
    'throttle-always': endless('throttle'),
    'limit-exceeded': Fault(FAULTS['limit-exceeded']),
    'denied': Fault(FAULTS['denied'], None),
    'error-500': Fault(FAULTS['error-500']),
    'error-500-always': Fault(FAULTS['error-500'], None),
    'html-500': Fault(FAULTS['html-500']),
    'html-503': Fault(FAULTS['html-503']),
    'html-503-always': Fault(FAULTS['html-503'], None),
    'html-200': Fault(FAULTS['html-200']),
    'empty-200': Fault(FAULTS['empty-200']),
    'reset-before': Fault(FAULTS['reset-before']),
    'reset-before-always': Fault(FAULTS['reset-before'], None),
    'reset-during': Fault(FAULTS['reset-during']),
    'reset-after': Fault(FAULTS['reset-after']),
    'truncate': Fault(FAULTS['truncate']),
    'byte-a-second': endless('slow'),
    'silence': endless('silence'),
    'wrong-crc': Fault(FAULTS['wrong-crc']),
    'wrong-crc-always': Fault(FAULTS['wrong-crc'], None),
    'clock-behind': Fault(punctual(400, 'InvalidSignatureException'), None, clock='-20m'),
    'clock-before': Fault(punctual(403, 'UnrecognizedClientException'), None, clock='+20m'),
}


def stored(site, option, _):
    return site.value('v', option=option)['S'] if site.get(option=option) else 'none'


def read(_site, _option, value):
    return value


def table(site, name, _):
    names = site.client.list_tables()['TableNames']
    return 'created' if name in names else 'none'


def units(site, name, _):
    site.server.wait_for_table(name)
    return str(site.client.describe_table(TableName=name)['Table']['ProvisionedThroughput']['ReadCapacityUnits'])


def old_item(site, option):
    site.put('prod', option, {'v': {'S': 'old'}})


def new_table(site, name):
    site.client.create_table(TableName=name, KeySchema=[{'AttributeName': '_store', 'KeyType': 'HASH'}],
                             AttributeDefinitions=[{'AttributeName': '_store', 'AttributeType': 'S'}],
                             ProvisionedThroughput={'ReadCapacityUnits': 1, 'WriteCapacityUnits': 1})
    site.server.wait_for_table(name)


def nothing(_site, _name):
    pass


def aws(site, service):
    return boto3.client(service, endpoint_url=site.server.url, region_name=REGION,
                        aws_access_key_id=CREDENTIALS['AWS_ACCESS_KEY_ID'],
                        aws_secret_access_key=CREDENTIALS['AWS_SECRET_ACCESS_KEY'])


def new_topic(site, name):
    """A topic, and a queue that gets what is published there."""
    topic = aws(site, 'sns').create_topic(Name=name)['TopicArn']
    aws(site, 'sqs').create_queue(QueueName=name)
    aws(site, 'sns').subscribe(TopicArn=topic, Protocol='sqs', Endpoint=topic.replace(':sns:', ':sqs:'))
    return topic


def messages(site, name, _):
    queue = aws(site, 'sqs').get_queue_url(QueueName=name)['QueueUrl']
    attributes = aws(site, 'sqs').get_queue_attributes(QueueUrl=queue, AttributeNames=['All'])['Attributes']
    return attributes['ApproximateNumberOfMessages']


def new_metric(site, name):
    aws(site, 'cloudwatch').put_metric_data(Namespace='test', MetricData=[
        {'MetricName': name, 'Value': 1, 'Dimensions': [{'Name': 'a', 'Value': 'b'}]}])


def new_target(site, name):
    aws(site, 'application-autoscaling').register_scalable_target(
        ServiceNamespace='dynamodb', ResourceId=f'table/{name}', ScalableDimension='dynamodb:table:ReadCapacityUnits',
        MinCapacity=1, MaxCapacity=2)
    return f'table/{name}'


def role(_site, _name):
    return 'arn:aws:iam::123456789012:role/reader'


# The server, what goes before (it may give the name of what is called for, in place of the table), and how the value afterwards is found.
OPERATIONS = {
    'DescribeTable': ('extenddb', nothing, read),
    'CreateTable': ('extenddb', nothing, table),
    'UpdateTable': ('extenddb', new_table, units),
    'ListTables': ('extenddb', nothing, read),
    'Scan': ('extenddb', old_item, read),
    'Query': ('extenddb', old_item, read),
    'GetItem': ('extenddb', old_item, read),
    'PutItem': ('extenddb', old_item, stored),
    'UpdateItem': ('extenddb', old_item, stored),
    'DeleteItem': ('extenddb', old_item, stored),
    'TransactWriteItems': ('extenddb', old_item, stored),
    'Publish': ('moto', new_topic, messages),
    'GetMetricData': ('moto', new_metric, read),
    'GetMetricStatistics': ('moto', new_metric, read),
    'DescribeScalableTargets': ('moto', new_target, read),
    'AssumeRole': ('moto', role, read),
    'AssumeRoleWithWebIdentity': ('moto', role, read),
    'GetCallerIdentity': ('moto', nothing, read),
}


def faked(fault):
    return at_another_time(fault.clock) if fault.clock else {}


def call(site, proxy, operation, fault, target, option):
    """(result, value) of one call by the client alone."""
    more = {'AWS_ENDPOINT_URL': proxy.url, **faked(fault)}
    done = subprocess.run([CALLS, operation, str(fault.seconds), target, option], capture_output=True, text=True,
                          env=environment(site.folder, **more), timeout=2 * PATIENCE)
    assert done.returncode == 0, done.stderr
    result, *lost, value = done.stdout.splitlines()[0].split()
    return '+'.join([result, *lost]), value


def count(requests, fault):
    """How often a throttled call asks within its deadline is left to its dice."""
    return 'many' if len(requests) > 1 and fault.seconds == DEADLINE else str(len(requests))


def call_cell(site, operation, name):
    _, prepare, after = OPERATIONS[operation]
    fault, option = FAULTY[name], f'{operation}-{name}'
    target = prepare(site, option) or site.table
    with Proxy(('127.0.0.1', site.server.port)) as proxy:
        proxy.on(operation, fault.how, fault.times)
        result, value = call(site, proxy, operation, fault, target, option)
        proxy.settle()
        return [name, result, count(proxy.seen(operation), fault), after(site, option, value)]


def check(file, title, rows):
    """Prints the rows, and compares them with the block of that title in the file."""
    print(f'\n[{title}]', *('{:20} {:15} {:5}'.format(*row) + ' ' + ' '.join(row[3:]) for row in rows), sep='\n')
    text = (ROOT / 'tests/vectors/faults' / file).read_text()
    block = text.partition(f'[{title}]\n')[2].partition('\n[')[0]
    assert rows == [line.split() for line in block.splitlines() if line]


def measure(cells, site, title, faults):
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda name: cells(site, title, name), faults))


@pytest.mark.parametrize('operation', OPERATIONS)
def test_what_comes_of_a_call(make_site, operation):
    needs(FAKETIME, 'libfaketime')
    check('calls.txt', operation, measure(call_cell, make_site(OPERATIONS[operation][0]), operation, FAULTY))


# The operation that makes the change, and the change; `at` is a store that holds db/v=old and an empty option.
CHANGES = {
    'write': ('UpdateItem', lambda conf, at: conf.write(f'{at}/db/v', b'new')),
    'append': ('UpdateItem', lambda conf, at: conf.append(f'{at}/db/v', b'+')),
    'create': ('UpdateItem', lambda conf, at: conf.write(f'{at}/db/w', b'new')),
    'unlink': ('UpdateItem', lambda conf, at: os.unlink(conf.path(f'{at}/db/v'))),
    'mkdir': ('PutItem', lambda conf, at: os.mkdir(conf.path(f'{at}/made'))),
    'rmdir': ('DeleteItem', lambda conf, at: os.rmdir(conf.path(f'{at}/empty'))),
    'rename': ('UpdateItem', lambda conf, at: os.rename(conf.path(f'{at}/db/v'), conf.path(f'{at}/db/w'))),
    'rename-option': ('TransactWriteItems', lambda conf, at: os.rename(conf.path(f'{at}/db'), conf.path(f'{at}/made'))),
}


def told(options):
    """{'db': {'v': 'old'}, 'empty': {}} as 'db/v=old,empty/'."""
    return ','.join(f'{option}/' + '+'.join(f'{key}={value}' for key, value in sorted(keys.items()))
                    for option, keys in sorted(options.items()))


def stored_in(site, store):
    items = site.client.query(TableName=site.table, ConsistentRead=True, KeyConditionExpression='#s = :s',
                              ExpressionAttributeNames={'#s': '_store'},
                              ExpressionAttributeValues={':s': {'S': store}})['Items']
    return told({item.pop('_option')['S']: {key: value['S'] for key, value in item.items() if key != '_store'}
                 for item in items})


def shown_in(conf, store):
    return told({option: {key: conf.read(f'{store}/{option}/{key}').decode() for key in conf.ls(f'{store}/{option}')}
                 for option in conf.ls(store)})


def try_change(change, conf, store):
    try:
        change(conf, store)
    except OSError as error:
        return errno.errorcode[error.errno]
    return 'OK'


def mount_cell(site, title, name):
    operation, change = CHANGES[title]
    fault, store = FAULTY_MOUNT[name], f'{title}-{name}'
    site.put(store, 'db', {'v': {'S': 'old'}})
    site.put(store, 'empty', {})
    with Proxy(('127.0.0.1', site.server.port)) as proxy:
        conf = site.make(f'stores={store}', f'timeout={fault.seconds}', f'endpoint-url={proxy.url}',
                         directory=site.folder / store, env=faked(fault))
        with conf:
            proxy.forget()
            proxy.on(operation, fault.how, fault.times)
            if fault.idle:
                proxy.drop()
            result = try_change(change, conf, store)
            proxy.settle()
            sent, after, shown = proxy.seen(operation), stored_in(site, store), shown_in(conf, store)
            proxy.clear()
            conf.refresh()
            assert shown_in(conf, store) == after, name
    return [name, result, count(sent, fault), after, 'same' if shown == after else shown]


FAULTY_MOUNT = {**FAULTY, 'closed-while-idle': Fault(passed, idle=True)}


@pytest.mark.parametrize('change', CHANGES)
def test_what_comes_of_a_change(make_site, change):
    needs(FAKETIME, 'libfaketime')
    check('mount.txt', change, measure(mount_cell, make_site('extenddb'), change, FAULTY_MOUNT))
