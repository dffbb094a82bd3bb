# SPDX-License-Identifier: Apache-2.0
"""dynconf doctor on set-ups that work and on each kind of broken one. It must find the fault, name nothing else, and
change nothing."""
import json
import os
import shutil
import sqlite3
import ssl
import subprocess
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import pytest
from conftest import needs
from mounts import FAKETIME, at_another_time
from proxy import FAULTS, Proxy
from servers import CREDENTIALS, REGION, WITHOUT_TRANSACTIONS, Server

WRITES = ['UpdateItem', 'PutItem', 'DeleteItem']
TABLE_CHECKS = ['region and endpoint', 'connection', 'TLS', 'clock', 'credentials', 'identity', 'table', 'schema',
                'Scan', 'Query', 'GetItem', *WRITES, 'transactions']


class Findings:
    """What doctor printed: the sentence of each check, by its mark and its name."""

    def __init__(self, status, out, err):
        self.status, self.out, self.marks = status, out, {}
        assert err == '', err
        assert CREDENTIALS['AWS_SECRET_ACCESS_KEY'] not in out
        for line in out.splitlines():
            mark, rest = line.split(' ', 1)
            name, said = rest.split(': ', 1)
            assert mark in '✓✗-', line
            self.marks.setdefault(mark, {})[name] = said
        self.fine, self.crosses, self.notes = (self.marks.get(mark, {}) for mark in '✓✗-')
        self.left_out = self.notes.pop('left out', '').split(', ')
        assert status == (1 if self.crosses else 0), out

    def only(self, name, part):
        """The one cross, and a part of what it says."""
        assert list(self.crosses) == [name] and part in self.crosses[name], self.out


@pytest.fixture
def doctor(cli):
    return lambda *arguments, **env: Findings(*cli('doctor', *arguments, **env))


def options(site, *more):
    return ['-o', ','.join([*site.options, *more]), site.source]


def everything(site):
    return site.client.scan(TableName=site.table, ConsistentRead=True)['Items']


# ---- Set-ups that work ----

def test_a_table(table, doctor, folder):
    (folder / 'here').mkdir()
    before = everything(table)
    found = doctor(*options(table), folder / 'here')
    assert not found.crosses
    without = {'TLS', 'identity', *(['transactions'] if table.name in WITHOUT_TRANSACTIONS else [])}
    assert set(found.fine) >= set(TABLE_CHECKS) - without, found.out
    assert found.fine['credentials'] == 'environment'
    assert found.fine['region and endpoint'] == f'{table.server.url}, from endpoint-url; region {REGION}, from region'
    assert f'{folder}/here' in found.fine['mountpoint']
    assert everything(table) == before


def test_an_embedded_store(local, doctor):
    found = doctor(local.source)
    assert not found.crosses
    assert set(found.fine) >= {'file', 'permissions', 'schema'}


def test_an_embedded_store_that_is_not_there_yet(folder, doctor):
    found = doctor(f'local:{folder}/new/local.db')
    assert not found.crosses and 'does not exist yet' in found.notes['file']
    assert not (folder / 'new').exists()


def test_a_table_that_will_be_made(table, doctor):
    found = doctor('-o', ','.join(table.options), 'dynamodb:not-yet')
    assert not found.crosses and 'a mount makes it' in found.notes['table']
    assert 'not-yet' not in table.client.list_tables()['TableNames']


def test_several_sources(local, folder, doctor, cli):
    file = folder / 'dynconf.conf'
    file.write_text(f'[source: one]\nsource = {local.source}\n[source: two]\nsource = local:{folder}/two.db\n')
    status, out, _ = cli('doctor', '-c', file)
    assert status == 0 and f'one, {local.source}:\n' in out and f'two, local:{folder}/two.db:\n' in out


def test_keys_of_the_configuration_file(make_site, folder, doctor):
    site, file = make_site('dynalite'), folder / 'dynconf.conf'
    key, secret = CREDENTIALS.values()
    file.touch(0o600)
    file.write_text(f'[source: conf]\nsource = {site.source}\n'
                    f'aws-access-key-id = {key}\naws-secret-access-key = {secret}\n')
    found = doctor('-c', file, '-o', ','.join(site.options), AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
    assert not found.crosses and 'configuration' in found.fine['credentials'], found.out


def test_a_mount_that_only_reads_needs_no_permission_to_write(proxied, doctor):
    for write in WRITES:
        proxied.proxy.on(write, FAULTS['denied'])
    found = doctor(*options(proxied, 'ro'))
    assert not found.crosses and set(found.notes) >= set(WRITES)
    assert not any(proxied.proxy.seen(write) for write in WRITES)


# ---- A broken machine or configuration ----

@pytest.mark.parametrize('make, part', [
    (lambda path: None, 'does not exist: make it'),
    (lambda path: path.write_text(''), 'is not a directory'),
    (lambda path: (path / 'file').mkdir(parents=True), 'is not empty'),
], ids=['missing', 'a file', 'not empty'])
def test_a_mountpoint_that_is_none(make, part, local, folder, doctor):
    make(folder / 'there')
    doctor(local.source, folder / 'there').only('mountpoint', part)


def test_a_mountpoint_that_is_taken(here, doctor):
    doctor(here.dir).only('mountpoint', 'already mounted')


def test_a_mountpoint_whose_daemon_died(here, doctor):
    here.kill()
    assert 'a dead mount, which is replaced' in doctor(here.dir).fine['mountpoint']
    with pytest.raises(OSError):
        os.listdir(here.dir)


def test_a_configuration_with_a_fault(folder, doctor):
    (folder / 'dynconf.conf').write_text('[global]\nttl = soon\n')
    found = doctor('-c', folder / 'dynconf.conf')
    found.only('configuration', 'dynconf.conf:2')


def test_a_user_who_shares(user, folder, doctor):
    lines = Path('/etc/fuse.conf').read_text().splitlines()
    needs('user_allow_other' not in lines, 'a fuse.conf without user_allow_other')
    folder.chmod(0o777)
    source = f'local:{folder}/local.db'
    found = doctor('-o', 'allow-other', source, user=user)
    found.only('user_allow_other', 'needs the line user_allow_other')
    assert not doctor(source, user=user).crosses


# ---- A broken embedded store ----

def directory(path):
    path.mkdir()


def foreign(path):
    sqlite3.connect(path).execute('CREATE TABLE theirs(x)').connection.commit()


@pytest.mark.parametrize('make, name, part', [
    (directory, 'file', 'is not a regular file'),
    (foreign, 'schema', ''),
    (lambda path: path.write_bytes(b'hello' * 1000), 'schema', ''),
])
def test_a_file_that_is_no_store(make, name, part, folder, doctor):
    make(folder / 'x.db')
    doctor(f'local:{folder}/x.db').only(name, part)


def test_a_file_of_somebody_else(user, local, folder, doctor):
    found = doctor(local.source, user=user)
    found.only('permissions', 'chown it')
    assert found.left_out == ['schema']
    doctor(f'local:{folder}/new/x.db', user=user).only('file', 'cannot be written to')


# ---- A broken way to the table ----

@dataclass
class Broken:
    check: str
    part: str
    options: list = field(default_factory=list)
    env: dict = field(default_factory=dict)
    left_out: tuple = ()


BROKEN = {
    'no credentials': Broken('credentials', 'no AWS credentials were found', left_out=('identity', 'table'),
                             env={'AWS_ACCESS_KEY_ID': None, 'AWS_SECRET_ACCESS_KEY': None}),
    'half of a key': Broken('credentials', 'AWS_SECRET_ACCESS_KEY', env={'AWS_SECRET_ACCESS_KEY': None}),
    'no URL': Broken('region and endpoint', 'http', ['endpoint-url=ftp://x'], left_out=('connection', 'credentials')),
    'nobody there': Broken('connection', 'endpoint-url', ['endpoint-url=http://127.0.0.1:1'],
                           left_out=('clock', 'table')),
    'no such host': Broken('connection', 'HTTPS_PROXY', ['endpoint-url=http://nowhere.invalid']),
    'other keys': Broken('schema', 'store-key=', ['store-key=x'], left_out=('Scan', 'transactions')),
}


@pytest.mark.parametrize('broken', BROKEN.values(), ids=list(BROKEN))
def test_a_broken_way(broken, table, doctor):
    found = doctor(*options(table, *broken.options), **broken.env)
    found.only(broken.check, broken.part)
    assert set(broken.left_out) <= set(found.left_out), found.out


def test_no_region(folder, doctor):
    found = doctor('dynamodb:conf', AWS_REGION=None)
    found.only('region and endpoint', 'no AWS region is set')
    assert found.left_out == TABLE_CHECKS[1:]


def test_a_table_that_must_not_be_made(table, doctor):
    found = doctor('-o', ','.join([*table.options, 'create=no']), 'dynamodb:nowhere')
    found.only('table', f'nowhere does not exist in {REGION}')


@pytest.mark.parametrize('shift, part', [('-20m', 's behind the endpoint'), ('+20m', 's ahead of the endpoint')])
def test_a_wrong_clock(shift, part, make_site, doctor):
    needs(FAKETIME, 'libfaketime')
    site = make_site('dynalite')
    found = doctor(*options(site), **at_another_time(shift))
    found.only('clock', part)
    assert 'chrony' in found.crosses['clock']


class TlsProxy(Proxy):
    def __init__(self, upstream, certificate, key):
        super().__init__(upstream)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)

    @property
    def url(self):
        return f'https://127.0.0.1:{self.port}'

    def _serve(self, connection):
        try:
            super()._serve(self.tls.wrap_socket(connection, server_side=True))
        except OSError:
            connection.close()


def test_certificates(make_site, folder, doctor):
    needs(shutil.which('openssl'), 'openssl')
    site = make_site('dynalite')
    certificate, key = folder / 'certificate', folder / 'key'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
                    '-days', '2', '-subj', '/CN=test', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key,
                    '-out', certificate], check=True, capture_output=True)
    with TlsProxy(('127.0.0.1', site.server.port), certificate, key) as proxy:
        arguments = ['-o', f'endpoint-url={proxy.url},region={REGION}', site.source]
        doctor(*arguments).only('connection', 'certificate')
        found = doctor(*arguments, AWS_CA_BUNDLE=str(certificate))
        assert not found.crosses and 'trusted' in found.fine['TLS']


# ---- Permissions ----

@pytest.mark.parametrize('operation', ['Scan', 'Query', 'GetItem', *WRITES])
def test_one_permission_is_missing(operation, proxied, doctor):
    proxied.proxy.on(operation, FAULTS['denied'])
    doctor(*options(proxied)).only(operation, 'allow this action in the IAM policy')


def test_all_that_a_policy_lacks_is_told(proxied, doctor):
    for operation in ('DescribeTable', 'Scan', 'PutItem'):
        proxied.proxy.on(operation, FAULTS['denied'])
    found = doctor(*options(proxied))
    assert set(found.crosses) == {'table', 'Scan', 'PutItem'} and found.left_out == ['schema'], found.out


def test_a_server_that_ignores_conditions(proxied, doctor):
    proxied.proxy.on('PutItem', lambda exchange: exchange.send(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'))
    doctor(*options(proxied)).only('PutItem', 'do not use it')


@pytest.fixture
def guarded(folder):
    """moto with one user, who may do some things with tables, and from then on nothing without a signature."""
    (folder / 'server').mkdir()
    server = Server('moto', folder / 'server')
    server.create_table('conf')
    iam = boto3.client('iam', endpoint_url=server.url, region_name=REGION,
                       **{name.lower(): value for name, value in CREDENTIALS.items()})
    iam.create_user(UserName='reader')
    # AWS has no permission of the last name, moto wants it.
    actions = [f'dynamodb:{name}' for name in ('DescribeTable', 'Scan', 'Query', 'GetItem', 'UpdateItem', 'DeleteItem',
                                               'TransactWriteItems')]
    policy = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': actions, 'Resource': '*'}]}
    iam.put_user_policy(UserName='reader', PolicyName='p', PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName='reader')['AccessKey']
    server.env = {'AWS_ACCESS_KEY_ID': key['AccessKeyId'], 'AWS_SECRET_ACCESS_KEY': key['SecretAccessKey'],
                  'AWS_ENDPOINT_URL': server.url}
    enforce = urllib.request.Request(f'{server.url}/moto-api/reset-auth', b'0', {'Content-Type': 'text/plain'})
    urllib.request.urlopen(enforce).close()
    yield server
    server.stop()


def test_a_policy(guarded, doctor):
    found = doctor('dynamodb:conf', **guarded.env)
    found.only('PutItem', 'AccessDenied')
    assert found.fine['identity'].endswith(':user/reader')
    assert guarded.env['AWS_SECRET_ACCESS_KEY'] not in found.out


def test_a_wrong_secret(guarded, doctor):
    found = doctor('dynamodb:conf', **{**guarded.env, 'AWS_SECRET_ACCESS_KEY': 'wrong'})
    assert set(found.crosses) == {'identity', 'table'}, found.out
    assert 'check the access key and the secret key' in found.crosses['table']
    assert {'schema', 'Scan', 'PutItem'} <= set(found.left_out)
