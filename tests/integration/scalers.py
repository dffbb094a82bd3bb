# SPDX-License-Identifier: Apache-2.0
"""dynconf-scaler, and the cloud that it scales: moto's, or dynalite's tables with moto's metrics, behind a proxy."""
import json
import os
import signal
import subprocess
import threading
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3

from mounts import DYNCONF, PATIENCE, environment
from servers import CREDENTIALS, REGION

SCALER = os.environ.get('DYNCONF_SCALER', str(Path(DYNCONF).with_name('dynconf-scaler')))
METRICS = {'reads': 'ConsumedReadCapacityUnits', 'writes': 'ConsumedWriteCapacityUnits',
           'throttled_reads': 'ReadThrottleEvents', 'throttled_writes': 'WriteThrottleEvents'}
WINDOW = 300  # seconds that a check looks back over


def units_of(resource):
    throughput = resource['ProvisionedThroughput']
    return throughput['ReadCapacityUnits'], throughput['WriteCapacityUnits']


class Cloud:
    """Tables whose names begin with a prefix of their own, so that the server may hold others."""

    def __init__(self, folder, proxy, tables, others, prefix, region=REGION):
        self.folder, self.proxy, self.prefix, self.tables, self.others = folder, proxy, prefix, tables, others
        self.region, self.runs = region, []
        self.db, self.cloudwatch, self.sns, self.sqs = (
            self.client(service, server) for service, server in
            (('dynamodb', tables), ('cloudwatch', others), ('sns', others), ('sqs', others)))

    def elsewhere(self, region):
        """The same in another region."""
        return Cloud(self.folder, self.proxy, self.tables, self.others, self.prefix, region)

    def client(self, service, server):
        return boto3.client(service, endpoint_url=server.url, region_name=self.region,
                            aws_access_key_id=CREDENTIALS['AWS_ACCESS_KEY_ID'],
                            aws_secret_access_key=CREDENTIALS['AWS_SECRET_ACCESS_KEY'])

    def table(self, name, indexes=(), read=100, write=100, keys=('hash',)):
        """Makes prefix-NAME, and waits until it is there."""
        throughput = {'ReadCapacityUnits': read, 'WriteCapacityUnits': write}
        more = {'GlobalSecondaryIndexes': [
            {'IndexName': index, 'KeySchema': [{'AttributeName': 'other', 'KeyType': 'HASH'}],
             'Projection': {'ProjectionType': 'ALL'}, 'ProvisionedThroughput': throughput}
            for index in indexes]} if indexes else {}
        attributes = [*keys, 'other'] if indexes else keys
        self.db.create_table(
            TableName=self.name(name), KeySchema=[{'AttributeName': key, 'KeyType': kind} for key, kind in zip(keys, ('HASH', 'RANGE'))],
            AttributeDefinitions=[{'AttributeName': a, 'AttributeType': 'S'} for a in attributes],
            ProvisionedThroughput=throughput, **more)
        self.db.get_waiter('table_exists').wait(TableName=self.name(name),
                                                WaiterConfig={'Delay': 0.02, 'MaxAttempts': 500})

    def name(self, name):
        return f'{self.prefix}-{name}'

    def consumes(self, name, index=None, age=timedelta(minutes=13), **percent):
        """Metrics of the window, each a percentage of 100 units (reads=95) or a number of events (throttled_reads=7)."""
        dimensions = [{'Name': 'TableName', 'Value': self.name(name)}]
        dimensions += [{'Name': 'GlobalSecondaryIndexName', 'Value': index}] if index else []
        self.cloudwatch.put_metric_data(Namespace='AWS/DynamoDB', MetricData=[
            {'MetricName': METRICS[side], 'Dimensions': dimensions, 'Timestamp': datetime.now(timezone.utc) - age,
             'Value': value if side.startswith('throttled') else value * WINDOW, 'Unit': 'Count'}
            for side, value in percent.items()])

    def describe(self, name):
        return self.db.describe_table(TableName=self.name(name))['Table']

    def units(self, name, index=None):
        table = self.describe(name)
        return units_of(next(i for i in table['GlobalSecondaryIndexes'] if i['IndexName'] == index) if index else table)

    def topic(self, name='topic'):
        """A topic and its only subscriber: (ARN, a function that gives the (subject, text) pairs received)."""
        topic = self.sns.create_topic(Name=self.name(name))['TopicArn']
        queue = self.sqs.create_queue(QueueName=self.name(name))['QueueUrl']
        arn = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=['QueueArn'])['Attributes']['QueueArn']
        self.sns.subscribe(TopicArn=topic, Protocol='sqs', Endpoint=arn)

        def received():
            found = self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get('Messages', [])
            bodies = [json.loads(message['Body']) for message in found]
            return sorted((body['Subject'], body['Message']) for body in bodies)
        return topic, received

    def configure(self, sections='', extra='', **options):
        """Writes a configuration for all tables of this cloud; `options` are those of the table."""
        lines = [f'{key.replace("_", "-")}: {value}' for key, value in options.items()]
        path = self.folder / 'scaler.conf'
        path.write_text('\n'.join(['[global]', f'region: {REGION}', extra, '[logging]', 'log-level: info',
                                   f'[table: ^{self.prefix}-]', *lines, sections, '']))
        return path

    def environment(self, **env):
        return environment(self.folder, AWS_ENDPOINT_URL_DYNAMODB=self.proxy.url,
                           AWS_ENDPOINT_URL=self.others_url(), **env)

    def others_url(self):
        return self.proxy.url if self.proxy.upstream[1] == self.others.port else self.others.url

    def run(self, *arguments, program=SCALER, **env):
        """To its end: (exit status, standard output, standard error)."""
        done = subprocess.run([program, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              cwd=self.folder, env=self.environment(**env), timeout=60)
        return done.returncode, done.stdout, done.stderr

    def once(self, *arguments, **env):
        """One pass that succeeds; what it logged."""
        code, _, log = self.run('-c', self.folder / 'scaler.conf', '--run-once', *arguments, **env)
        assert code == 0, log
        return log

    def start(self, *arguments, program=SCALER, **env):
        """In the foreground, until stop()."""
        log = open(self.folder / f'run{len(self.runs)}.log', 'wb')
        process = subprocess.Popen([program, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   cwd=self.folder, env=self.environment(**env))
        log.close()
        self.runs.append(process)
        return process

    @staticmethod
    def stop(process, how=signal.SIGTERM):
        process.send_signal(how)
        return process.wait(PATIENCE)

    def updates(self):
        """The UpdateTable requests that passed, as ({index or None: (read, write)}, …)."""
        return [update_of(request.json) for request in self.proxy.seen('UpdateTable')]

    def close(self):
        for process in self.runs:
            if process.poll() is None:
                process.kill()
                process.wait()


def update_of(request):
    found = {None: units_of(request)} if 'ProvisionedThroughput' in request else {}
    for part in request.get('GlobalSecondaryIndexUpdates', []):
        found[part['Update']['IndexName']] = units_of(part['Update'])
    return found


@contextmanager
def breaker(answer):
    """An HTTP server whose GETs end with what answer(handler) says: a status, or a status and a Location. Yields its
    URL without the scheme, and the list of (path, headers) it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, dict(self.headers)))
            status, location = answer(self) if isinstance(answer(self), tuple) else (answer(self), None)
            self.send_response(status)
            if location:
                self.send_header('Location', location)
            self.send_header('Content-Length', '0')
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f'127.0.0.1:{server.server_port}', asked
    finally:
        server.shutdown()
        server.server_close()
