# SPDX-License-Identifier: Apache-2.0
"""Where credentials come from, against services that behave as AWS's own do and look at every signature."""
import os
import shutil
import tempfile
from pathlib import Path

import cloud as clouds
import pytest
from cloud import HANG, RESET, WAYS, Cloud, Namespace
from conftest import needs
from mounts import eventually, mounted
from servers import REGION, Server
from sites import OPTION, SEED, STORE, TableSite

NAMES = {way: way.__name__ for way in WAYS}
FOUND = 'AWS credentials found: '


@pytest.fixture(scope='module')
def moto():
    folder = tempfile.mkdtemp(prefix='dynconf-moto-')
    server = Server('moto', folder)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def cloud(machine, moto):
    needs(shutil.which('ip') and shutil.which('nsenter'), 'ip and nsenter')
    with Namespace(f'dynconf-{os.getpid()}') as namespace:
        made = Cloud(namespace, moto)
        yield made
        made.stop()
        made.guard(False)


@pytest.fixture
def site(cloud, moto, folder):
    """A table with prod/db in the cloud. `site.start(way)` mounts it with the credentials of that way."""
    cloud.guard(False)
    site = TableSite(folder, moto)
    site.put(STORE, OPTION, SEED)
    cloud.guard(True)
    site.options = [f'endpoint-url=http://dynamodb.{REGION}.amazonaws.com', 'log-level=debug', 'timeout=20']

    def make(way, **env):
        given = way(cloud, folder)
        arguments = given.pop('arguments', ())
        return site.make(arguments=arguments, prefix=cloud.namespace.prefix, env={
            'AWS_ACCESS_KEY_ID': None, 'AWS_SECRET_ACCESS_KEY': None, 'AWS_EC2_METADATA_DISABLED': None,
            'http_proxy': 'http://127.0.0.1:8080', 'AWS_ENDPOINT_URL_STS': f'http://sts.{REGION}.amazonaws.com',
            **given, **env})

    site.way = make
    yield site
    site.close()


def refusal(mount):
    """What a mount says that does not come up."""
    mount.spawn()
    eventually(lambda: mount.process.poll() is not None or mounted(mount.dir), 60)
    assert not mounted(mount.dir) and mount.process.returncode == 1, mount.log()
    mount.kill()
    return mount.log()


def assert_secret(cloud, *texts):
    for text in texts:
        for secret in cloud.secrets:
            assert secret not in text, f'{secret} in:\n{text}'


def everything_shown(conf):
    """All that a mount shows of itself."""
    process = Path(f'/proc/{conf.process.pid}')
    yield (process / 'cmdline').read_text()
    yield Path('/proc/mounts').read_text()
    for path in conf.path('.control').rglob('*'):
        if path.is_file() and os.access(path, os.R_OK) and path.stat().st_mode & 0o400:
            yield path.read_text()
    yield conf.log()


@pytest.mark.parametrize('way', WAYS, ids=NAMES.get)
def test_every_provider_reads_and_writes_and_shows_no_secret(site, cloud, way):
    conf = site.way(way).start()
    assert FOUND + WAYS[way] in conf.log()
    assert conf.read('prod/db/host') == b'db1'
    conf.write('prod/db/host', b'db2')
    cloud.guard(False)
    assert site.value('host') == {'S': 'db2'}
    assert_secret(cloud, *everything_shown(conf))
    limits = Path(f'/proc/{conf.process.pid}/limits').read_text()
    assert any(line.split()[-3:-1] == ['0', '0'] for line in limits.splitlines() if 'core file' in line)
    # What is link-local is never asked through a proxy, which would be asked for these addresses.
    assert not [target for _, target in cloud.services['aws'].asked if '//169.' in target or '//[fd' in target]


def test_the_order_of_the_command_line_interface(site, cloud, folder):
    """With everything there at once the strongest wins; without it the next."""
    order = [clouds.in_environment, clouds.by_role, clouds.by_web_identity, clouds.by_sso, clouds.in_credentials,
             clouds.by_process, clouds.in_config, clouds.by_ecs, clouds.by_instance]
    for i, way in enumerate(order):
        shutil.rmtree(folder / '.aws', ignore_errors=True)
        texts, env = {}, {}
        for other in order[i:]:
            env |= other(cloud, folder)
            for name in ('config', 'credentials'):
                path = folder / '.aws' / name
                if path.exists():
                    texts[name] = texts.get(name, '') + path.read_text()
                    path.unlink()
        (folder / '.aws').mkdir(exist_ok=True)
        for name, text in texts.items():
            (folder / '.aws' / name).write_text(text)
        conf = site.way(lambda *_, env=env: env).start()
        assert FOUND + WAYS[way] in conf.log(), f'{way.__name__}: {conf.log()}'
        conf.stop()


def test_an_expired_token_costs_one_renewal_and_one_retry(site, cloud):
    conf = site.way(clouds.by_instance).start()
    old, cloud.session = cloud.session, cloud.new_session()
    cloud.expired.add(old['AccessKeyId'])
    del cloud.keys[:]
    conf.write('prod/db/host', b'db2')
    assert cloud.keys[0] == old['AccessKeyId'] and set(cloud.keys[1:]) == {cloud.session['AccessKeyId']}
    assert 'AWS credentials renewed: instance metadata' in conf.log()
    assert_secret(cloud, *everything_shown(conf))


@pytest.mark.parametrize('way', [clouds.by_ecs, clouds.by_instance, clouds.by_sso], ids=NAMES.get)
def test_temporary_keys_are_renewed_in_the_background(site, cloud, way):
    cloud.lasts = 5
    conf = site.way(way).start()
    old, cloud.session = cloud.session, cloud.new_session()
    cloud.lasts = 3600

    def used():
        conf.write('prod/db/host', b'db2')
        return cloud.keys[-1] == cloud.session['AccessKeyId']
    eventually(used)
    assert f'AWS credentials renewed: {WAYS[way]}; they expire at ' in conf.log()
    assert old['AccessKeyId'] in cloud.keys


def test_old_keys_serve_while_their_renewal_fails(site, cloud):
    conf = site.way(clouds.by_ecs).start()
    cloud.lasts = 6
    cloud.expired.add(cloud.session['AccessKeyId'])
    cloud.session = cloud.new_session()
    conf.write('prod/db/host', b'db2')
    cloud.faults['keys'] = 500, 'secret-of-an-error'
    cloud.secret('secret-of-an-error')

    def warned():
        conf.write('prod/db/host', b'db3')
        return 'AWS credentials cannot be renewed: ' in conf.log()
    eventually(warned)
    assert_secret(cloud, conf.log())


def test_a_pods_token_is_read_again(site, cloud, folder):
    conf = site.way(clouds.by_eks).start()
    cloud.pod_token = cloud.secret('pod-token-rotated-secret')
    (folder / 'token').write_text(cloud.pod_token)
    cloud.expired.add(cloud.session['AccessKeyId'])
    cloud.session = cloud.new_session()
    conf.write('prod/db/host', b'db2')
    assert cloud.keys[-1] == cloud.session['AccessKeyId']


@pytest.mark.parametrize('way, service, answer, sentence', [
    (clouds.by_instance, 'token', (403, ''), 'gave no token: status 403'),
    (clouds.by_instance, 'token', HANG, 'does not answer (in a container on EC2, raise'),
    (clouds.by_instance, 'token', RESET, 'does not answer'),
    (clouds.by_instance, 'keys', (404, '<html>'), 'has no credentials for its role'),
    (clouds.by_instance, 'keys', (200, '<html>secret-of-an-error'), 'is not JSON (instance metadata)'),
    (clouds.by_instance, 'keys', (200, '{"Code": "AssumeRoleUnauthorizedAccess", "Message": "secret-of-an-error"}'),
     'no AccessKeyId (instance metadata): AssumeRoleUnauthorizedAccess'),
    (clouds.by_instance, 'keys', HANG, 'the instance metadata service: '),
    (clouds.by_ecs, 'keys', (400, 'secret-of-an-error'), "the container's credential server answered status 400"),
    (clouds.by_ecs, 'keys', (200, '{"AccessKeyId": "secret-of-an-error"'), 'is not JSON (container)'),
    (clouds.by_ecs, 'keys', RESET, "the container's credential server: "),
    (clouds.by_eks, 'keys', HANG, "the container's credential server: "),
])
def test_services_that_fail(site, cloud, way, service, answer, sentence):
    cloud.secret('secret-of-an-error')
    cloud.faults[service] = answer
    text = refusal(site.way(way))
    assert sentence in text
    assert_secret(cloud, text)


def test_expired_keys_are_told(site, cloud):
    cloud.lasts = -60
    assert 'expired at' in refusal(site.way(clouds.by_ecs))


def test_services_that_are_not_there(site, cloud):
    for name in ('imds', 'ecs'):
        cloud.services.pop(name).stop()
    assert 'the instance metadata service does not answer' in refusal(site.way(clouds.by_instance))
    assert "the container's credential server: " in refusal(site.way(clouds.by_ecs))


def test_an_ended_sso_session_names_the_command(site, cloud, folder):
    way = site.way(clouds.by_sso)
    cloud.sso_token = 'another'
    text = refusal(way)
    assert 'the SSO session of profile "default" has ended: run `aws sso login --profile default`' in text
    assert_secret(cloud, text)


def test_another_endpoint_has_nothing_to_do_with_the_instance(site, cloud):
    site.options = ['endpoint-url=http://127.0.0.1:8080']
    text = refusal(site.way(clouds.by_instance))
    assert "the instance's role is not asked for with an endpoint that is not AWS's" in text
    assert not cloud.services['imds'].asked


def test_a_process_that_hangs_delays_nobody_for_longer_than_his_deadline(site, cloud, folder):
    def hanging(cloud, home):
        return clouds.shared(cloud, home, 'config', '[default]\ncredential_process = sleep 1000\n')
    site.options = [*site.options, 'timeout=1']
    assert 'AWS credentials are being fetched and did not come before the deadline' in refusal(site.way(hanging))


def test_a_secret_is_refused_on_the_command_line(cli, folder):
    (folder / 'mnt').mkdir()
    for name in ('aws-access-key-id', 'aws-secret-access-key', 'aws_secret_access_key_id', 'aws-session-token'):
        code, out, err = cli('mount', '-o', f'{name}=hunter2', 'dynamodb:conf', folder / 'mnt')
        assert code == 2 and 'is not taken after -o' in err and 'hunter2' not in out + err
