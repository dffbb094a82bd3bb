# SPDX-License-Identifier: Apache-2.0
"""The servers that speak DynamoDB's API, each on a free port of loopback and in a folder of its own."""
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
NODE = Path(os.environ.get('DYNCONF_TEST_NODE', ROOT / 'build/node/node_modules'))

# AWS's documentation uses this pair for its examples, and ExtendDB takes no other.
CREDENTIALS = {
    'AWS_ACCESS_KEY_ID': 'AKIAIOSFODNN7EXAMPLE',
    'AWS_SECRET_ACCESS_KEY': 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
}
REGION = 'us-east-1'

COMMANDS = {
    'extenddb': lambda port: [NODE / '@extenddb/linux-x64/extenddb', 'serve', '--foreground', '--port', port],
    'dynalite': lambda port: ['node', NODE / 'dynalite/cli.js', '--host', '127.0.0.1', '--port', port,
                              '--createTableMs', '20', '--deleteTableMs', '20'],
    'moto': lambda port: [Path(sys.executable).parent / 'moto_server', '-H', '127.0.0.1', '-p', port],
    'dynoxide': lambda port: [NODE / '@dynoxide/linux-x64/dynoxide', '--host', '127.0.0.1', '--port', port],
}

# What the engines do not have.
WITHOUT_TRANSACTIONS = ('dynalite',)


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as listener:
        return listener.getsockname()[1]


def client(url, **config):
    return boto3.client('dynamodb', endpoint_url=url, region_name=REGION, config=Config(**config),
                        aws_access_key_id=CREDENTIALS['AWS_ACCESS_KEY_ID'],
                        aws_secret_access_key=CREDENTIALS['AWS_SECRET_ACCESS_KEY'])


class Server:
    def __init__(self, name, folder):
        self.name, self.port = name, free_port()
        self.log = Path(folder) / 'server.log'
        # The kernel ends the server with the tests, however they end.
        command = ['setpriv', '--pdeathsig', 'KILL', *COMMANDS[name](str(self.port))]
        with open(self.log, 'wb') as log:
            self.process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            env={**os.environ, 'HOME': str(folder)})
        self._wait()
        self.client = client(self.url)
        self.tables = {}
        self.made = 0

    @property
    def url(self):
        return f'http://127.0.0.1:{self.port}'

    def _wait(self):
        end = time.monotonic() + 60
        while True:
            try:
                return socket.create_connection(('127.0.0.1', self.port), timeout=1).close()
            except OSError:
                assert self.process.poll() is None, f'{self.name} ended at once:\n{self.log.read_text()}'
                assert time.monotonic() < end, f'{self.name} does not listen'
                time.sleep(0.05)

    def new_name(self):
        self.made += 1
        return f'table-{self.made}'

    def create_table(self, name, **keys):
        """Does not wait. Keys are names with their kind: _store='HASH', _option='RANGE'."""
        keys = keys or {'_store': 'HASH', '_option': 'RANGE'}
        self.client.create_table(
            TableName=name, BillingMode='PAY_PER_REQUEST',
            KeySchema=[{'AttributeName': key, 'KeyType': kind} for key, kind in keys.items()],
            AttributeDefinitions=[{'AttributeName': key, 'AttributeType': 'S'} for key in keys])
        return name

    def wait_for_table(self, name):
        waiter = self.client.get_waiter('table_exists')
        waiter.wait(TableName=name, WaiterConfig={'Delay': 0.02, 'MaxAttempts': 500})
        return name

    def take_table(self, **keys):
        """An empty table, of the default layout. Made by the dozen, since ExtendDB takes a second to make any."""
        tables = self.tables.setdefault(tuple(keys), [])
        if not tables:
            tables += [self.create_table(self.new_name(), **keys) for _ in range(12)]
            for name in tables:
                self.wait_for_table(name)
        return tables.pop()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
