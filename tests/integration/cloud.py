# SPDX-License-Identifier: Apache-2.0
"""An AWS of one's own, on its real addresses and names, in a network namespace that has nothing else.

DynamoDB and STS are moto, which checks every signature and session token. Daemons reach them by AWS's own host names
through a proxy; metadata services listen where the real ones do, and their answers can be made to go wrong.
"""
import ctypes
import http.client
import json
import os
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
from servers import REGION

ADDRESSES = ('169.254.169.254', '169.254.170.2', '169.254.170.23', 'fd00:ec2::254', 'fd00:ec2::23')
ALL = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': '*', 'Resource': '*'}]}
TRUST = {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': '*', 'Principal': {'AWS': '*'}}]}
ROLE = 'arn:aws:iam::123456789012:role/web'
HANG, RESET = 'hang', 'reset'


class Namespace:
    """A network of loopback alone, which has the link-local addresses too."""

    def __init__(self, name):
        self.path = f'/var/run/netns/{name}'
        self.prefix = ('nsenter', f'--net={self.path}')
        self.name = name

    def __enter__(self):
        subprocess.run(['ip', 'netns', 'add', self.name], check=True)
        self._ip('link', 'set', 'lo', 'up')
        for address in ADDRESSES:
            self._ip('addr', 'add', address, 'dev', 'lo', *(['nodad'] if ':' in address else []))
        return self

    def __exit__(self, *_):
        subprocess.run(['ip', 'netns', 'delete', self.name], check=True)

    def _ip(self, *words):
        subprocess.run(['ip', '-n', self.name, *words], check=True)

    def listen(self, address, port):
        """A listening socket stays in the namespace it was made in; a thread may leave its own."""
        made = []

        def make():
            with open(self.path) as entry:
                assert ctypes.CDLL(None).setns(entry.fileno(), 0) == 0
            made.append(socket.create_server((address, port), family=socket.AF_INET6 if ':' in address else
                                             socket.AF_INET))

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        return made[0]


class Service:
    """Answers by `answer(method, target, headers, body)`: (status, text), HANG or RESET. Remembers what was asked."""

    def __init__(self, listener, answer):
        self.answer, self.asked, self.closing = answer, [], threading.Event()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def serve(self):
                body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
                service.asked.append((self.command, self.path))
                answer = service.answer(self.command, self.path, self.headers, body)
                if answer == HANG:
                    service.closing.wait(60)
                if answer in (HANG, RESET):
                    self.close_connection = True
                    return
                status, data, *headers = answer
                data = data.encode() if isinstance(data, str) else data
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header('Content-Length', len(data))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = serve

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(listener.getsockname()[:2], Handler, bind_and_activate=False)
        self.server.socket.close()
        self.server.socket = listener
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def stop(self):
        self.closing.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def instant(seconds):
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + seconds))


class Session(dict):
    """A session of the role as STS gave it: AccessKeyId, SecretAccessKey, SessionToken."""

    def document(self, lasts=3600, token='Token', **more):
        return json.dumps({'AccessKeyId': self['AccessKeyId'], 'SecretAccessKey': self['SecretAccessKey'],
                           token: self['SessionToken'], 'Expiration': instant(lasts), **more})


class Cloud:
    def __init__(self, namespace, moto):
        self.namespace, self.moto = namespace, moto
        self.secrets = set()
        self.faults = {}  # by service: an answer in place of the right one
        self.expired = set()  # access keys that DynamoDB calls expired
        self.keys = []  # with which DynamoDB was asked
        self.lasts = 3600
        self._set_up()
        self.services = {
            'imds': self._serve('169.254.169.254', 80, self._imds),
            'imds6': self._serve('fd00:ec2::254', 80, self._imds),
            'ecs': self._serve('169.254.170.2', 80, self._container),
            'eks': self._serve('169.254.170.23', 80, self._container),
            'eks6': self._serve('fd00:ec2::23', 80, self._container),
            'aws': self._serve('127.0.0.1', 8080, self._aws),
        }

    def _serve(self, address, port, answer):
        return Service(self.namespace.listen(address, port), answer)

    def stop(self):
        for service in self.services.values():
            service.stop()

    def _client(self, service):
        return boto3.client(service, endpoint_url=self.moto.url, region_name=REGION, aws_access_key_id='setup',
                            aws_secret_access_key='setup')

    def _set_up(self):
        iam = self._client('iam')
        self.guard(False)
        for make in (lambda: iam.create_role(RoleName='web', AssumeRolePolicyDocument=json.dumps(TRUST)),
                     lambda: iam.put_role_policy(RoleName='web', PolicyName='all', PolicyDocument=json.dumps(ALL)),
                     lambda: iam.create_user(UserName='me'),
                     lambda: iam.put_user_policy(UserName='me', PolicyName='all', PolicyDocument=json.dumps(ALL))):
            with suppress(iam.exceptions.EntityAlreadyExistsException):
                make()
        for key in iam.list_access_keys(UserName='me')['AccessKeyMetadata']:
            iam.delete_access_key(UserName='me', AccessKeyId=key['AccessKeyId'])
        self.user = iam.create_access_key(UserName='me')['AccessKey']
        self.secrets.add(self.user['SecretAccessKey'])
        self.session = self.new_session()

    def guard(self, on):
        """Whether moto checks who asks."""
        request = urllib.request.Request(f'{self.moto.url}/moto-api/reset-auth', b'0' if on else b'inf',
                                         {'Content-Type': 'text/plain'})
        urllib.request.urlopen(request).close()

    def new_session(self):
        self.guard(False)
        given = self._client('sts').assume_role(RoleArn=ROLE, RoleSessionName='test')['Credentials']
        self.guard(True)
        self.secrets |= {given['SecretAccessKey'], given['SessionToken']}
        return Session(given)

    def secret(self, text):
        self.secrets.add(text)
        return text

    # The services. What they give is `self.session`.

    def _imds(self, method, target, headers, body):
        token = self.secret('metadata-token-secret')
        if target == '/latest/api/token':
            if method != 'PUT' or headers.get('X-aws-ec2-metadata-token-ttl-seconds') != '21600':
                return 400, ''
            return self.faults.get('token', (200, token))
        if headers.get('X-aws-ec2-metadata-token') != token:
            return 401, ''
        roles = '/latest/meta-data/iam/security-credentials/'
        if target == roles:
            return 200, 'web'
        if target == roles + 'web':
            return self.faults.get('keys', (200, self.session.document(self.lasts, Code='Success')))
        return 404, '<html>no</html>'

    def _container(self, method, target, headers, body):
        if target.startswith('/v1/') and headers.get('Authorization') != self.pod_token:
            return 401, '{"message": "who?"}'
        return self.faults.get('keys', (200, self.session.document(self.lasts)))

    def _portal(self, target, headers):
        if headers.get('x-amz-sso_bearer_token') != self.sso_token:
            return 401, json.dumps({'message': f'{headers.get("x-amz-sso_bearer_token")} is not known'})
        assert target.endswith('/federation/credentials?role_name=web&account_id=123456789012')
        s = self.session
        return 200, json.dumps({'roleCredentials': {
            'accessKeyId': s['AccessKeyId'], 'secretAccessKey': s['SecretAccessKey'],
            'sessionToken': s['SessionToken'], 'expiration': int(time.time() + self.lasts) * 1000}})

    def _oidc(self, body):
        ask = json.loads(body)
        assert ask['grantType'] == 'refresh_token' and ask['refreshToken'] == self.refresh_token
        self.sso_token = self.secret('sso-token-renewed-secret')
        return 200, json.dumps({'accessToken': self.sso_token, 'expiresIn': 3600, 'tokenType': 'Bearer'})

    def _aws(self, method, target, headers, body):
        """As a proxy is asked: with a whole URL."""
        host = headers['Host']
        if host.startswith('portal.sso.'):
            return self._portal(target, headers)
        if host.startswith('oidc.'):
            return self._oidc(body)
        assert host in (f'dynamodb.{REGION}.amazonaws.com', f'sts.{REGION}.amazonaws.com'), target
        if host.startswith('dynamodb.'):
            key = headers['Authorization'].partition('Credential=')[2].partition('/')[0]
            self.keys.append(key)
            if key in self.expired:
                return 400, json.dumps({'__type': 'com.amazon.coral.service#ExpiredTokenException',
                                        'message': f'{headers.get("X-Amz-Security-Token")} expired'})
        elif 'Authorization' not in headers:
            return self._web_identity(urllib.parse.parse_qs(body.decode()))
        return self._forward(method, target, headers, body)

    def _web_identity(self, ask):
        """Which moto does not answer while it checks signatures: this call has none."""
        assert ask['Action'] == ['AssumeRoleWithWebIdentity'] and ask['RoleArn'] == [ROLE]
        if ask['WebIdentityToken'] != [self.web_token]:
            return 400, ('<ErrorResponse><Error><Type>Sender</Type><Code>InvalidIdentityToken</Code><Message>'
                         f'{ask["WebIdentityToken"][0]} is not known</Message></Error></ErrorResponse>')
        fields = ''.join(f'<{name}>{self.session[name]}</{name}>'
                         for name in ('AccessKeyId', 'SecretAccessKey', 'SessionToken'))
        action = 'AssumeRoleWithWebIdentity'
        return 200, (f'<{action}Response><{action}Result><Credentials>{fields}<Expiration>{instant(self.lasts)}'
                     f'</Expiration></Credentials></{action}Result></{action}Response>')

    def _forward(self, method, target, headers, body):
        connection = http.client.HTTPConnection('127.0.0.1', self.moto.port, timeout=30)
        connection.putrequest(method, '/' + target.split('/', 3)[3], skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            if name.lower() not in ('proxy-connection', 'connection'):
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, data, *[(name, answer.headers[name]) for name in ('Content-Type', 'x-amz-crc32')
                                      if answer.headers[name]]


# How a daemon is given credentials: each writes what it needs below its home, and returns its environment.

def shared(cloud, home, name, text):
    folder = Path(home) / '.aws'
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return {}


def keys_of(cloud, kind):
    names = ('aws_access_key_id', 'aws_secret_access_key', 'aws_session_token')
    values = (cloud.session[name] for name in ('AccessKeyId', 'SecretAccessKey', 'SessionToken'))
    return ''.join(f'{kind(name)} = {value}\n' for name, value in zip(names, values, strict=True))


def in_environment(cloud, home):
    return dict(line.split(' = ') for line in keys_of(cloud, str.upper).splitlines())


def in_configuration(cloud, home):
    path = Path(home) / 'dynconf.conf'
    path.write_text('[global]\n' + keys_of(cloud, lambda name: name.replace('_', '-')))
    return {'arguments': ['-c', path]}


def in_credentials(cloud, home):
    return shared(cloud, home, 'credentials', '[default]\n' + keys_of(cloud, str))


def in_config(cloud, home):
    return shared(cloud, home, 'config', '[default]\n' + keys_of(cloud, str))


def by_role(cloud, home):
    shared(cloud, home, 'credentials', f'[user]\naws_access_key_id = {cloud.user["AccessKeyId"]}\n'
           f'aws_secret_access_key = {cloud.user["SecretAccessKey"]}\n')
    return shared(cloud, home, 'config', f'[default]\nrole_arn = {ROLE}\nsource_profile = user\n')


def by_role_of_instance(cloud, home):
    return shared(cloud, home, 'config', f'[default]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n')


def by_web_identity(cloud, home):
    path = Path(home) / 'token'
    cloud.web_token = cloud.secret('web-identity-token-secret')
    path.write_text(cloud.web_token)
    return {'AWS_WEB_IDENTITY_TOKEN_FILE': str(path), 'AWS_ROLE_ARN': ROLE}


def by_process(cloud, home):
    path = Path(home) / 'give keys'
    path.write_text(f'#!/bin/sh\necho {cloud.secret("stderr-secret")} >&2\ncat "$1"\n')
    path.chmod(0o700)
    document = Path(home) / 'document'
    document.write_text(cloud.session.document(cloud.lasts, 'SessionToken', Version=1))
    return shared(cloud, home, 'config', f'[default]\ncredential_process = "{path}" \'{document}\'\n')


def by_sso(cloud, home, lasts=3600):
    cloud.sso_token = cloud.secret('sso-token-secret')
    cloud.refresh_token = cloud.secret('sso-refresh-secret')
    cache = Path(home) / '.aws/sso/cache'
    cache.mkdir(parents=True, exist_ok=True)
    # SHA-1 of "corp".
    (cache / 'ee0bfd2552fbd840c02cc48b6e823320543c450f.json').write_text(json.dumps({
        'accessToken': cloud.sso_token, 'expiresAt': instant(lasts), 'refreshToken': cloud.refresh_token,
        'clientId': 'client', 'clientSecret': cloud.secret('sso-client-secret'),
        'registrationExpiresAt': instant(86400)}))
    shared(cloud, home, 'config', '[default]\nsso_session = corp\nsso_account_id = 123456789012\n'
           f'sso_role_name = web\n[sso-session corp]\nsso_region = {REGION}\nsso_start_url = https://x\n')
    return {'AWS_ENDPOINT_URL_SSO': f'http://portal.sso.{REGION}.amazonaws.com',
            'AWS_ENDPOINT_URL_SSO_OIDC': f'http://oidc.{REGION}.amazonaws.com'}


def by_old_sso_token(cloud, home):
    return by_sso(cloud, home, lasts=-60)


def by_ecs(cloud, home):
    return {'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI': '/v2/' + cloud.secret('container-path-secret')}


def by_eks(cloud, home, host='169.254.170.23'):
    cloud.pod_token = cloud.secret('pod-token-secret')
    path = Path(home) / 'token'
    path.write_text(cloud.pod_token)
    return {'AWS_CONTAINER_CREDENTIALS_FULL_URI': f'http://{host}/v1/credentials',
            'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE': str(path)}


def by_eks6(cloud, home):
    return by_eks(cloud, home, '[fd00:ec2::23]')


def by_instance(cloud, home):
    return {}


def by_instance6(cloud, home):
    return {'AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE': 'IPv6'}


# Which provider the log names for each.
WAYS = {
    in_configuration: 'configuration', in_environment: 'environment', by_role: 'role of the profile',
    by_role_of_instance: 'role of the profile', by_web_identity: 'web identity', by_sso: 'SSO', by_old_sso_token: 'SSO',
    in_credentials: 'shared credentials file', by_process: 'credential_process', in_config: 'shared config file',
    by_ecs: 'container', by_eks: 'container', by_eks6: 'container', by_instance: 'instance metadata',
    by_instance6: 'instance metadata',
}
# Those that give temporary keys which say until when.
RENEWED = [by_role, by_web_identity, by_sso, by_process, by_ecs, by_eks, by_instance]
