# SPDX-License-Identifier: Apache-2.0
"""The command line: starting, ending, and what is said when that cannot be."""
import os
import re
import signal
import socket
import subprocess
import time

import pytest
from mounts import DYNCONF, PATIENCE, eventually, mounted, unmount
from servers import CREDENTIALS, REGION, free_port
from sites import SEED

VERBS = ['mount', 'umount', 'get', 'version', 'help']


FAILED, NOT_UNDERSTOOD = 1, 2


def sentence(result, *parts, codes=(FAILED,)):
    """It failed with that exit status and one line that has these parts."""
    code, out, err = result
    assert code in codes and not out, (code, out, err)
    assert len(err.strip().splitlines()) == 1, err
    for part in parts:
        assert str(part) in err, f'{part!r} is not in: {err}'
    assert CREDENTIALS['AWS_SECRET_ACCESS_KEY'] not in err


@pytest.fixture
def mnt(folder):
    (folder / 'mnt').mkdir()
    return folder / 'mnt'


@pytest.fixture
def source(local):
    local.put('prod', 'db', SEED)
    return local.source


def daemon_of(directory):
    """The process that serves the mount on the directory."""
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            words = open(f'/proc/{pid}/cmdline', 'rb').read().split(b'\0')
            if os.fsencode(directory) in words and b'dynconf' in words[0]:
                return int(pid)
        except OSError:
            pass
    return None


# Starting in the background

def test_a_background_start_returns_when_the_mount_answers(cli, mnt, source):
    code, out, err = cli('mount', source, mnt)
    assert (code, out) == (0, ''), err
    assert (mnt / 'prod/db/host').read_text() == 'db1'
    assert mounted(mnt)[:2] == (source, 'fuse.dynconf')


def test_the_daemon_ends_when_it_is_unmounted(cli, mnt, source):
    assert cli('mount', source, mnt)[0] == 0
    pid = daemon_of(mnt)
    assert pid
    unmount(mnt)
    eventually(lambda: not os.path.exists(f'/proc/{pid}'))


def test_the_daemon_ends_though_a_container_holds_a_copy_of_the_mount(here, machine):
    holder = subprocess.Popen(['unshare', '--mount', '--propagation', 'private', 'sleep', '600'])
    try:
        eventually(lambda: os.readlink(f'/proc/{holder.pid}/ns/mnt') != os.readlink('/proc/self/ns/mnt'))
        here.stop()
    finally:
        holder.kill(), holder.wait()


@pytest.mark.parametrize('sent', [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize('foreground', [True, False])
def test_signals_unmount(cli, local, mnt, source, sent, foreground):
    if foreground:
        conf = local.mount()
        conf.stop(sent)
        assert not mounted(conf.dir)
        return
    assert cli('mount', source, mnt)[0] == 0
    os.kill(daemon_of(mnt), sent)
    eventually(lambda: not mounted(mnt))


def test_a_relative_mountpoint_works(folder, mnt, source, cli):
    code = subprocess.run([DYNCONF, 'mount', source, 'mnt'], cwd=folder, timeout=PATIENCE).returncode
    assert code == 0 and (mnt / 'prod/db/host').read_text() == 'db1'


def test_readiness_is_told_to_the_service_manager(local, folder):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(folder / 'notify'))
        listener.settimeout(PATIENCE)
        conf = local.mount(env={'NOTIFY_SOCKET': str(folder / 'notify')})
        assert b'READY=1' in listener.recv(4096).split(b'\n')
        assert conf.ls() == []


def test_a_second_start_on_a_live_mount_is_refused(cli, here):
    sentence(cli('mount', here.source, here.dir), here.dir)
    assert here.read('prod/db/host') == b'db1'


def test_a_dead_mount_is_replaced(cli, local, here):
    here.kill()
    with pytest.raises(OSError):
        here.ls()
    code, _, err = cli('mount', local.source, here.dir)
    assert code == 0, err
    assert here.read('prod/db/host') == b'db1'
    unmount(here.dir)
    assert not mounted(here.dir)


# What cannot be mounted

def test_an_unreachable_endpoint_ends_within_the_deadline(cli, mnt):
    place = f'127.0.0.1:{free_port()}'
    before = time.monotonic()
    sentence(cli('mount', '-o', f'endpoint-url=http://{place},timeout=1', 'dynamodb:conf', mnt), place)
    assert time.monotonic() - before < PATIENCE
    assert not mounted(mnt)


def test_a_silent_endpoint_ends_within_the_deadline(cli, mnt):
    with socket.create_server(('127.0.0.1', 0)) as listener:
        place = f'127.0.0.1:{listener.getsockname()[1]}'
        sentence(cli('mount', '-o', f'endpoint-url=http://{place},timeout=1', 'dynamodb:conf', mnt), place)


def test_no_region_says_how_to_give_one(cli, mnt):
    sentence(cli('mount', 'dynamodb:conf', mnt, AWS_REGION=None), 'region')


def test_no_credentials_says_where_was_looked(cli, mnt):
    nothing = dict.fromkeys(CREDENTIALS)
    sentence(cli('mount', 'dynamodb:conf', mnt, **nothing), 'credentials', 'AWS_ACCESS_KEY_ID')


def test_wrong_credentials_are_told_without_the_secret(cli, mnt, servers):
    server = servers('extenddb')
    options = f'endpoint-url={server.url},timeout=2'
    result = cli('mount', '-o', options, f'dynamodb:{server.take_table()}', mnt, AWS_SECRET_ACCESS_KEY='wrong-secret')
    sentence(result)
    assert 'wrong-secret' not in result[2]


def test_a_table_with_another_schema_is_refused_with_what_was_found_and_expected(cli, mnt, table):
    server = table.server
    name = server.wait_for_table(server.create_table(server.new_name(), id='HASH', sort='RANGE'))
    options = ','.join(table.options)
    sentence(cli('mount', '-o', options, f'dynamodb:{name}', mnt), name, 'id', 'sort', '_store', '_option')
    only_hash = server.wait_for_table(server.create_table(server.new_name(), _store='HASH'))
    sentence(cli('mount', '-o', options, f'dynamodb:{only_hash}', mnt), '_store', '_option')


def test_a_missing_table_is_not_created_when_that_is_forbidden(cli, mnt, table):
    options = ','.join([*table.options, 'create=no'])
    sentence(cli('mount', '-o', options, 'dynamodb:not-there', mnt), 'not-there')
    assert 'not-there' not in table.client.list_tables()['TableNames']


@pytest.mark.parametrize('options, billing, units', [
    ([], 'PROVISIONED', (1, 1)), (['read-units=5', 'write-units=2'], 'PROVISIONED', (5, 2)),
    (['billing-mode=on-demand'], 'PAY_PER_REQUEST', (0, 0))])
def test_a_missing_table_is_created(table, options, billing, units):
    name = table.server.new_name()
    conf = table.mount(*options, source=f'dynamodb:{name}')
    conf.sh('mkdir -p prod/db; echo db1 > prod/db/host')
    about = table.client.describe_table(TableName=name)['Table']
    assert {(key['AttributeName'], key['KeyType']) for key in about['KeySchema']} == \
        {('_store', 'HASH'), ('_option', 'RANGE')}
    assert about['TableStatus'] == 'ACTIVE'
    lines = [line for line in conf.log().splitlines() if 'was missing and is being created' in line]
    assert len(lines) == 1 and f'table {name} ' in lines[0] and REGION in lines[0]
    assert about.get('BillingModeSummary', {}).get('BillingMode', 'PROVISIONED') == billing
    given = about.get('ProvisionedThroughput', {})
    assert (given.get('ReadCapacityUnits', 0), given.get('WriteCapacityUnits', 0)) == units


def test_a_mountpoint_must_be_an_empty_directory(cli, folder, mnt, source):
    (folder / 'file').write_text('x')
    sentence(cli('mount', source, folder / 'file'), folder / 'file', 'directory')
    sentence(cli('mount', source, folder / 'none'), folder / 'none')
    (mnt / 'kept').write_text('x')
    sentence(cli('mount', source, mnt), mnt, 'empty')
    assert (mnt / 'kept').read_text() == 'x' and not mounted(mnt)


@pytest.mark.parametrize('options, parts', [
    ('tll=3', ['tll', 'ttl']), ('ttl=soon', ['ttl']), ('newline=never', ['newline', 'auto', 'exact']),
    ('ttl=', ['ttl']), ('nonsense', ['nonsense'])])
def test_an_unknown_option_or_value_is_told(cli, mnt, source, options, parts):
    sentence(cli('mount', '-o', options, source, mnt), *parts, codes=(FAILED, NOT_UNDERSTOOD))
    assert not mounted(mnt)


@pytest.mark.parametrize('source', ['nowhere', 'dynamodb:', 'mysql:x', 'dynamodb:a b'])
def test_an_unknown_source_is_told(cli, mnt, source):
    sentence(cli('mount', source, mnt), codes=(FAILED, NOT_UNDERSTOOD))


@pytest.mark.parametrize('text, line, parts', [
    ('[global]\nttl 300\n', 2, []), ('ttl = 300\n', 1, ['section']), ('[global]\nttl = soon\n', 2, ['ttl']),
    ('[global]\n\n[source: conf]\nsource = local\ntll = 3\n', 5, ['tll']), ('[nonsense]\na = b\n', 1, ['nonsense']),
    ('[global\n', 1, [])])
def test_a_malformed_configuration_file_is_told_with_its_line(cli, folder, mnt, text, line, parts):
    (folder / 'dynconf.conf').write_text(text)
    sentence(cli('mount', '-c', folder / 'dynconf.conf', mnt), f'dynconf.conf:{line}', *parts)


def test_a_configuration_file_that_is_not_there_is_told(cli, folder, mnt):
    sentence(cli('mount', '-c', folder / 'none.conf', mnt), folder / 'none.conf')


# The configuration file

def configured(local, text, *options):
    path = local.folder / 'dynconf.conf'
    path.write_text(text)
    return local.make(*options, arguments=['-c', path]), path


def test_sources_of_the_file_are_mounted(local, source):
    conf, _ = configured(local, f'[global]\nttl = 60\n[source: conf]\nsource = {source}\nnewline = exact\n')
    conf.source = None
    conf.start()
    conf.write('prod/db/host', b'x\n')
    assert conf.of_store('ttl') == '60' and local.value('host') == {'S': 'x\n'}


def test_the_command_line_wins_over_the_file(local, source):
    conf, _ = configured(local, '[global]\nttl = 60\n[source: conf]\nsource = local:/nowhere/x.db\n', 'ttl=90')
    conf.start()
    assert conf.of_store('ttl') == '90' and conf.of_store('source') == source


def test_stores_of_all_sources_appear_and_the_first_source_wins_a_name(make_site, folder):
    first, second = (make_site(name) for name in ('local', 'dynalite'))
    first.put('prod', 'db', SEED)
    second.put('prod', 'db', {'host': {'S': 'hidden'}})
    second.put('test', 'db', {'host': {'S': 'shown'}})
    conf, path = configured(first, f'[source: one]\nsource = {first.source}\n[source: two]\nsource = {second.source}\n'
                                   f'endpoint-url = {second.server.url}\nregion = {REGION}\n')
    conf.source = None
    conf.start()
    assert conf.ls() == ['prod', 'test']
    assert (conf.read('prod/db/host'), conf.read('test/db/host')) == (b'db1', b'shown')
    assert re.search(r'\btwo\b', conf.control('status')) and 'prod' in conf.control('last-error')
    conf.sh('mkdir -p new/db')
    assert first.get('new', 'db') == {}


# Ending

def test_dynconf_umount_unmounts(cli, mnt, source):
    assert cli('mount', source, mnt)[0] == 0
    assert cli('umount', mnt)[0] == 0 and not mounted(mnt)


def test_umount_of_a_busy_mount_says_who_holds_it_and_l_lets_go(cli, mnt, source):
    assert cli('mount', source, mnt)[0] == 0
    holder = subprocess.Popen(['sleep', '600'], cwd=mnt)
    try:
        sentence(cli('umount', mnt), 'busy', holder.pid)
        assert mounted(mnt)
        assert cli('umount', '-l', mnt)[0] == 0 and not mounted(mnt)
    finally:
        holder.kill(), holder.wait()


def test_umount_of_what_is_not_mounted_is_told(cli, mnt):
    sentence(cli('umount', mnt), mnt)


# get

@pytest.mark.parametrize('arguments, out', [
    (['host'], 'db1'), (['--type', 'string', 'host'], 'db1'), (['--type', 'number', 'port'], '27017'),
    (['--type', 'bool', 'on'], 'true'), (['--default', 'x', 'none'], 'x'), (['--default', 'x', 'host'], 'db1'),
    (['--type', 'number', '--default', '5', 'none'], '5')])
def test_get_reads_typed_and_defaulted(cli, here, arguments, out):
    here.sh('echo true > prod/db/on')
    *options, key = arguments
    assert cli('get', *options, here.path(f'prod/db/{key}')) == (0, out + '\n', '')


def test_get_tells_missing_from_wrong_type_by_its_exit_status(cli, here):
    missing = cli('get', here.path('prod/db/none'))
    wrong = cli('get', '--type', 'number', here.path('prod/db/host'))
    for code, out, err in (missing, wrong):
        assert code != 0 and not out and len(err.strip().splitlines()) == 1
    assert missing[0] != wrong[0]


def test_get_does_not_cover_a_wrong_type_with_the_default(cli, here):
    assert cli('get', '--type', 'number', '--default', '5', here.path('prod/db/host'))[0] != 0


# Help

@pytest.mark.parametrize('arguments', [['help'], ['--help'], *(['help', verb] for verb in VERBS)])
def test_help_fits_80_columns(cli, arguments):
    code, out, err = cli(*arguments)
    assert code == 0 and out and not err
    assert max(map(len, out.splitlines())) <= 80


def test_help_names_every_verb_and_version_prints_one_line(cli):
    out = cli('help')[1]
    assert all(re.search(rf'\b{verb}\b', out) for verb in VERBS)
    code, out, _ = cli('version')
    assert code == 0 and re.fullmatch(r'.*\d+\.\d+\.\d+.*\n', out)


@pytest.mark.parametrize('arguments', [[], ['nonsense'], ['mount'], ['mount', '--nonsense', '/'], ['get'], ['umount'],
                                       ['help', 'nonsense'], ['get', '--type', 'colour', '/x']])
def test_wrong_usage_fails_and_says_why(cli, arguments):
    code, out, err = cli(*arguments)
    assert code != 0 and not out and err


# What mount(8) and init systems need is in test_mount8.py.

def test_the_log_goes_to_a_file_when_asked(local, folder):
    local.put('prod', 'db', SEED)
    conf = local.mount(f'log-file={folder}/log', 'log-level=debug')
    conf.refresh()
    assert eventually(lambda: (folder / 'log').exists() and (folder / 'log').read_text())


def test_the_embedded_store_is_private_and_made_with_its_folders(cli, folder, mnt):
    path = folder / 'deep/er/conf.db'
    assert cli('mount', f'local:{path}', mnt)[0] == 0
    (mnt / 'prod/db').mkdir(parents=True)
    (mnt / 'prod/db/host').write_text('x')
    assert path.stat().st_mode & 0o777 == 0o600
    assert cli('umount', mnt)[0] == 0
    assert cli('mount', f'local:{path}', mnt)[0] == 0
    assert (mnt / 'prod/db/host').read_text() == 'x'
