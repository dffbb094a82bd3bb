# SPDX-License-Identifier: Apache-2.0
"""layout=path: keys that are slash paths, as directories of any depth, and the table that confd reads."""
import os
import shutil
import subprocess

import pytest
from mounts import Mount, fails_with
from servers import WITHOUT_TRANSACTIONS

TREE = {'/app/db/host': 'db1', '/app/db/port': '27017', '/app/name': 'shop', '/top': 'x', '/a/b/c/d/e/f/g': 'deep'}
# Keys that are no clean paths, by the file that shows them.
ODD = {'plain': '%=plain', '/': '%=%2F', '/a//b': '%=%2Fa%2F%2Fb', '/end/': '%=%2Fend%2F', '/x/../y': '%=%2Fx%2F..%2Fy',
       '.control': '%=%2Econtrol', '.': '%=%2E'}


def fill(site, keys=TREE):
    for key, value in keys.items():
        site.put_key(key, value)


def tree(root):
    """All files under a directory, by path: their bytes."""
    return {os.path.relpath(os.path.join(at, name), root): (open(os.path.join(at, name), 'rb').read()).decode()
            for at, _, names in os.walk(root) for name in names}


def as_files(keys):
    return {key[1:]: value for key, value in keys.items()}


def has_transactions(site):
    return site.name not in WITHOUT_TRANSACTIONS


def test_keys_are_listed_and_read_at_any_depth(paths):
    fill(paths)
    conf = paths.mount()
    assert tree(conf.dir) == as_files(TREE)
    assert conf.ls() == ['a', 'app', 'top'] and conf.ls('app') == ['db', 'name'] and conf.ls('app/db') == ['host', 'port']
    name = os.path.basename(paths.source.removeprefix('dynamodb:')) if paths.name != 'local' else 'local'
    assert conf.ls('.control/stores') == [name]
    assert conf.of_store('layout', name) == 'path' and conf.of_store('keys', name) == '5'
    assert conf.of_store('items', name) == '5' and conf.of_store('skipped', name) == '0'


def test_files_are_written_changed_and_removed(paths):
    fill(paths)
    conf = paths.mount()
    conf.sh('echo db2 > app/db/host; printf more >> app/name; mkdir -p n/e/w; echo 1 > n/e/w/key; rm top')
    assert paths.all_keys() == {**{k: v for k, v in TREE.items() if k != '/top'}, '/app/db/host': 'db2',
                                '/app/name': 'shopmore', '/n/e/w/key': '1'}
    conf.refresh()
    assert tree(conf.dir) == as_files(paths.all_keys())


def test_what_others_change_is_shown(paths):
    fill(paths)
    conf = paths.mount()
    paths.put_key('/app/db/host', 'elsewhere')
    paths.put_key('/new/dir/key', 'v')
    paths.remove_key('/a/b/c/d/e/f/g')
    conf.refresh()
    assert conf.read('app/db/host') == b'elsewhere' and conf.read('new/dir/key') == b'v'
    assert not conf.exists('a')


def test_a_key_that_is_a_directory_too_shows_its_own_value(paths):
    fill(paths, {'/app': 'own', '/app/db': 'inner', '/app/db/host': 'db1'})
    conf = paths.mount()
    assert tree(conf.dir) == {'app/%value': 'own', 'app/db/%value': 'inner', 'app/db/host': 'db1'}
    conf.sh("echo changed > 'app/%value'; rm 'app/db/%value'")
    assert paths.all_keys() == {'/app': 'changed', '/app/db/host': 'db1'}
    conf.sh("echo again > 'app/db/%value'; mkdir -p only; echo 1 > 'only/%value'")
    assert paths.get_key('/app/db') == 'again' and paths.get_key('/only') == '1'
    # A directory that was made here stays one; to another mount the key is a file.
    conf.refresh()
    assert conf.read('only/%value') == b'1'
    assert paths.mount().read('only') == b'1'


def test_a_file_that_becomes_a_directory_elsewhere_keeps_its_value(paths):
    paths.put_key('/app', 'own')
    conf = paths.mount()
    assert conf.read('app') == b'own'
    paths.put_key('/app/db', 'inner')
    conf.refresh()
    assert tree(conf.dir) == {'app/%value': 'own', 'app/db': 'inner'}
    paths.remove_key('/app/db')
    conf.refresh()
    assert tree(conf.dir) == {'app': 'own'}


def test_keys_that_are_no_clean_paths_are_names_at_the_root(paths):
    fill(paths, {key: key + ' value' for key in ODD} | {'/fine': 'f', '/100%/a b/.hidden': 'h', '/%value': 'v'})
    conf = paths.mount()
    assert conf.ls() == sorted([*ODD.values(), 'fine', '100%25', '%25value'])
    for key, name in ODD.items():
        assert conf.read(name) == f'{key} value'.encode()
        conf.write(name, b'changed')
        assert paths.get_key(key) == 'changed'
        os.unlink(conf.path(name))
        assert paths.get_key(key) is None
        conf.write(name, b'made')
        assert paths.get_key(key) == 'made'
    assert conf.read('100%25/a b/.hidden') == b'h'


@pytest.mark.parametrize('name', ['%=%2Fclean', '%value', '%2E', 'a%2Fb', 'd/%=x', 'd/%2E', 'd/a%2Fb', '%zz', 'd/%2E.'])
def test_names_that_no_key_has_are_refused(paths, name):
    conf = paths.mount()
    os.mkdir(conf.path('d'))
    assert not conf.exists(name)
    with fails_with('EINVAL'):
        conf.write(name, b'v')
    with fails_with('EINVAL'):
        os.mkdir(conf.path(name))
    assert paths.all_keys() == {}


def test_a_directory_is_in_memory_until_its_first_key(paths):
    conf = paths.mount()
    os.makedirs(conf.path('x/y'))
    conf.refresh()
    assert conf.ls('x') == ['y'] and paths.all_keys() == {}
    with fails_with('EEXIST'):
        os.mkdir(conf.path('x/y'))
    with fails_with('ENOTEMPTY'):
        os.rmdir(conf.path('x'))
    conf.write('x/y/key', b'v')
    assert paths.all_keys() == {'/x/y/key': 'v'}
    # From here on it is there by what is in it.
    paths.remove_key('/x/y/key')
    conf.refresh()
    assert not conf.exists('x')


def test_a_directory_that_is_emptied_here_stays_until_rmdir(paths):
    paths.put_key('/x/y/key', 'v')
    conf = paths.mount()
    os.unlink(conf.path('x/y/key'))
    conf.refresh()
    assert conf.ls('x/y') == [] and paths.all_keys() == {}
    os.rmdir(conf.path('x/y'))
    conf.refresh()
    assert conf.ls('x') == []
    os.rmdir(conf.path('x'))
    conf.refresh()
    assert conf.ls() == []


def test_rm_r(paths):
    fill(paths)
    conf = paths.mount()
    conf.sh('rm -r app a')
    assert paths.all_keys() == {'/top': 'x'} and conf.ls() == ['top']
    conf.refresh()
    assert conf.ls() == ['top']


def test_a_key_is_renamed(paths):
    fill(paths)
    conf = paths.mount()
    conf.sh('mv app/db/host app/db/node; mv top app/moved')
    assert paths.all_keys() == {'/app/db/node': 'db1', '/app/db/port': '27017', '/app/name': 'shop', '/app/moved': 'x',
                                '/a/b/c/d/e/f/g': 'deep'}
    if has_transactions(paths):
        os.rename(conf.path('app/moved'), conf.path('app/name'))
    else:
        with fails_with('EXDEV'):
            os.rename(conf.path('app/moved'), conf.path('app/name'))
        conf.sh('mv app/moved app/name')
    assert paths.get_key('/app/name') == 'x' and paths.get_key('/app/moved') is None
    conf.refresh()
    assert tree(conf.dir) == as_files(paths.all_keys())


def test_a_subtree_is_renamed_in_one_step(paths):
    fill(paths, {'/old/a': '1', '/old/in/b': '2', '/old/in': 'own', '/stay': '3'})
    conf = paths.mount()
    os.makedirs(conf.path('old/empty'))
    if has_transactions(paths):
        held = open(conf.path('old/in/b'), 'rb')
        os.rename(conf.path('old'), conf.path('new'))
        assert held.read() == b'2' and os.fstat(held.fileno()).st_ino == os.stat(conf.path('new/in/b')).st_ino
        held.close()
    else:
        with fails_with('EXDEV'):
            os.rename(conf.path('old'), conf.path('new'))
        conf.sh('mv old new')
    assert paths.all_keys() == {'/new/a': '1', '/new/in/b': '2', '/new/in': 'own', '/stay': '3'}
    assert conf.ls() == ['new', 'stay'] and conf.ls('new') == ['a', 'empty', 'in']
    conf.refresh()
    assert tree(conf.dir) == {'new/a': '1', 'new/in/b': '2', 'new/in/%value': 'own', 'stay': '3'}


def test_an_empty_subtree_is_renamed_in_memory(paths):
    conf = paths.mount()
    os.makedirs(conf.path('a/b/c'))
    os.rename(conf.path('a/b'), conf.path('d'))
    conf.refresh()
    assert conf.ls() == ['a', 'd'] and conf.ls('d') == ['c'] and paths.all_keys() == {}


def test_a_large_subtree_is_copied_by_mv(path_table):
    fill(path_table, {f'/old/{i:02}': str(i) for i in range(51)})
    conf = path_table.mount()
    with fails_with('EXDEV'):
        os.rename(conf.path('old'), conf.path('new'))
    conf.sh('mv old new')
    assert path_table.all_keys() == {f'/new/{i:02}': str(i) for i in range(51)}
    assert conf.ls() == ['new']


def test_a_subtree_that_was_changed_elsewhere_is_not_renamed(paths):
    fill(paths, {'/old/a': '1', '/old/b': '2'})
    conf = paths.mount()
    paths.put_key('/old/b', 'newer')
    with fails_with('ESTALE', 'EXDEV'):
        os.rename(conf.path('old'), conf.path('new'))
    assert paths.all_keys() == {'/old/a': '1', '/old/b': 'newer'}


def test_other_attributes_of_an_item_are_kept(path_table):
    path_table.put_key('/app/host', 'db1', owner={'S': 'ops'}, tags={'SS': ['a', 'b']})
    conf = path_table.mount()
    conf.sh('echo db2 > app/host; sed -i s/db2/db3/ app/host')
    assert path_table.item('/app/host') == {'key': {'S': '/app/host'}, 'value': {'S': 'db3'}, 'owner': {'S': 'ops'},
                                            'tags': {'SS': ['a', 'b']}}
    if has_transactions(path_table):
        conf.sh('mv app/host app/node')
        assert path_table.item('/app/node')['owner'] == {'S': 'ops'} and not path_table.item('/app/host')


def test_what_is_no_string_is_skipped_with_one_warning_and_left_alone(path_table):
    path_table.put_key('/app/host', 'db1')
    path_table.put_key('/app/number', value={'N': '5'})
    path_table.put_key('/app/bare', other={'S': 'x'})
    conf = path_table.mount()
    name = path_table.table
    assert conf.ls('app') == ['host'] and conf.of_store('skipped', name) == '2'
    assert '2 values are not shown' in conf.control('last-error')
    conf.refresh(), conf.refresh()
    assert conf.log().count('are not shown') == 1
    with fails_with('EINVAL'):
        conf.write('app/number', b'v')
    assert path_table.item('/app/number')['value'] == {'N': '5'}
    # An item without a value gets one, and keeps what it has.
    conf.write('app/bare', b'v')
    assert path_table.item('/app/bare') == {'key': {'S': '/app/bare'}, 'value': {'S': 'v'}, 'other': {'S': 'x'}}
    path_table.remove_key('/app/number')
    conf.refresh()
    assert conf.of_store('skipped', name) == '0'


def test_values_are_strings(paths):
    conf = paths.mount()
    with fails_with('EINVAL'):
        conf.write('binary', b'\xff\xfe')
    conf.write('key', b'v')
    with fails_with('EINVAL'):
        conf.set_type('key', 'N')
    conf.set_type('key', 'S')
    assert conf.type('key') == 'S' and paths.all_keys() == {'/key': 'v'}


def test_a_new_key_is_not_written_over(paths):
    conf = paths.mount()
    with conf.opened('key', os.O_CREAT | os.O_EXCL | os.O_WRONLY) as fd:
        paths.put_key('/key', 'theirs')
        os.write(fd, b'ours')
        with fails_with('EEXIST'):
            os.fsync(fd)
    assert paths.get_key('/key') == 'theirs'


def test_an_append_to_what_was_changed_elsewhere_is_refused(paths):
    paths.put_key('/a/key', 'old')
    conf = paths.mount()
    paths.put_key('/a/key', 'theirs')
    with fails_with('ESTALE'):
        conf.append('a/key', b'more')
    assert paths.get_key('/a/key') == 'theirs'


def test_editors_and_temporary_files(paths):
    fill(paths)
    conf = paths.mount()
    conf.sh('sed -i s/db1/db2/ app/db/host')
    assert paths.get_key('/app/db/host') == 'db2'
    # vim: the file becomes a backup, is written anew, and the backup goes.
    conf.sh("cd a/b/c/d/e/f; mv g g~; printf new > g; rm g~")
    assert paths.get_key('/a/b/c/d/e/f/g') == 'new'
    with conf.opened('app/.host.swp', os.O_CREAT | os.O_EXCL | os.O_WRONLY) as fd:
        os.write(fd, b'swap')
        os.fsync(fd)
    assert conf.xattr('app/.host.swp', 'origin') == 'memory' and paths.get_key('/app/.host.swp') is None
    os.rename(conf.path('app/.host.swp'), conf.path('app/name'))
    assert paths.get_key('/app/name') == 'swap'


def test_tar_and_rsync_there_and_back(paths, folder):
    fill(paths)
    conf = paths.mount('newline=exact')
    subprocess.run(['tar', '-C', conf.dir, '-cf', folder / 'all.tar', '.'], check=True)
    conf.sh('rm -r ./*')
    assert paths.all_keys() == {}
    subprocess.run(['tar', '-C', conf.dir, '-xf', folder / 'all.tar'], check=True)
    assert paths.all_keys() == TREE
    if shutil.which('rsync'):
        (folder / 'copy').mkdir()
        subprocess.run(['rsync', '-r', '--delete', f'{conf.dir}/', folder / 'copy'], check=True)
        assert tree(folder / 'copy') == as_files(TREE)
        (folder / 'copy/app/db/host').write_text('db2')
        shutil.rmtree(folder / 'copy/a')
        subprocess.run(['rsync', '-rc', '--delete', f'{folder}/copy/', conf.dir], check=True)
        assert paths.all_keys() == {**{k: v for k, v in TREE.items() if k != '/a/b/c/d/e/f/g'}, '/app/db/host': 'db2'}


def test_ttl_0_reads_each_key_when_it_is_opened(paths):
    fill(paths)
    conf = paths.mount('ttl=0')
    paths.put_key('/app/db/host', 'elsewhere')
    assert conf.read('app/db/host') == b'elsewhere'
    paths.put_key('/app/db/new', 'n')
    paths.put_key('/some/where/else', 'e')
    assert conf.read('app/db/new') == b'n' and conf.read('some/where/else') == b'e'
    paths.remove_key('/app/db/host')
    with fails_with('ENOENT', 'ESTALE'):
        conf.read('app/db/host')
    assert conf.ls('app/db') == ['new', 'port']
    conf.sh('echo 2 > app/db/new; mkdir q; echo 3 > q/r')
    assert paths.get_key('/app/db/new') == '2' and paths.get_key('/q/r') == '3'
    assert conf.read('q/r') == b'3'


def test_it_is_a_directory_beside_others(path_table, local, folder):
    local.put('prod', 'db', {'host': {'S': 'local'}})
    fill(path_table)
    config = folder / 'dynconf.conf'
    config.write_text(f'[source: confd]\nlayout = path\nsource = {path_table.source}\n'
                      f'endpoint-url = {path_table.server.url}\n[source: here]\nsource = {local.source}\n')
    with Mount(None, folder / 'both', arguments=['-c', config]) as conf:
        assert conf.ls() == ['confd', 'prod']
        assert conf.read('confd/app/db/host') == b'db1' and conf.read('prod/db/host') == b'local'
        conf.sh('echo db2 > confd/app/db/host; echo 1 > confd/%=odd')
        assert path_table.get_key('/app/db/host') == 'db2' and path_table.get_key('odd') == '1'
        with fails_with('EPERM'):
            os.rmdir(conf.path('confd'))
        # New stores go to the first source that can hold them.
        os.makedirs(conf.path('fresh/option'))
        conf.write('fresh/option/key', b'v')
        assert local.value('key', 'fresh', 'option') == {'S': 'v'}
        with fails_with('EXDEV'):
            os.rename(conf.path('prod/db/host'), conf.path('confd/host'))


def test_alone_but_in_a_directory(paths):
    fill(paths)
    conf = paths.mount('root=no')
    name = conf.ls()[0]
    assert conf.ls() == [name] and conf.read(f'{name}/app/db/host') == b'db1'
    assert conf.ls(name) == ['a', 'app', 'top'] and not conf.exists(f'{name}/.control')
    with fails_with('EPERM'):
        os.mkdir(conf.path('store'))


def test_the_table_is_made(servers, folder, path_table):
    name = path_table.server.new_name()
    conf = path_table.mount(source=f'dynamodb:{name}')
    described = path_table.client.describe_table(TableName=name)['Table']
    assert described['KeySchema'] == [{'AttributeName': 'key', 'KeyType': 'HASH'}]
    assert described['AttributeDefinitions'] == [{'AttributeName': 'key', 'AttributeType': 'S'}]
    conf.sh('mkdir a; echo 1 > a/b')
    item = path_table.client.get_item(TableName=name, Key={'key': {'S': '/a/b'}})['Item']
    assert item == {'key': {'S': '/a/b'}, 'value': {'S': '1'}}


def test_other_names_and_another_schema(path_table, cli, folder):
    server = path_table.server
    name = server.create_table(server.new_name(), path='HASH')
    server.wait_for_table(name)
    conf = path_table.mount('key-attribute=path', 'value-attribute=text', source=f'dynamodb:{name}')
    conf.write('k', b'v')
    assert path_table.client.get_item(TableName=name, Key={'path': {'S': '/k'}})['Item']['text'] == {'S': 'v'}
    refused = folder / 'refused'
    refused.mkdir()
    code, _, err = cli('mount', '-o', ','.join(path_table.options), f'dynamodb:{name}', refused)
    assert code != 0 and 'key-attribute=' in err


# confd: one DescribeTable, then for each of its keys a GetItem, and where that has no value one page of a Scan.

def confd_get(client, table, prefix):
    client.describe_table(TableName=table)
    item = client.get_item(TableName=table, Key={'key': {'S': prefix}}).get('Item') or {}
    if 'S' in item.get('value', {}):
        return {prefix: item['value']['S']}
    page = client.scan(TableName=table, FilterExpression='begins_with (#k, :prefix)', ExpressionAttributeNames={
        '#k': 'key'}, ExpressionAttributeValues={':prefix': {'S': prefix}})
    return {item['key']['S']: item['value']['S'] for item in page['Items'] if 'S' in item.get('value', {})}


def test_confd_finds_what_was_written_here_and_the_other_way_round(path_table):
    conf = path_table.mount()
    conf.sh('mkdir -p app/db; echo db1 > app/db/host; echo 27017 > app/db/port; echo x > other')
    client, table = path_table.client, path_table.table
    assert confd_get(client, table, '/app/db/host') == {'/app/db/host': 'db1'}
    assert confd_get(client, table, '/app') == {'/app/db/host': 'db1', '/app/db/port': '27017'}
    client.put_item(TableName=table, Item={'key': {'S': '/app/db/host'}, 'value': {'S': 'db2'}})
    client.put_item(TableName=table, Item={'key': {'S': '/app/upstream/1'}, 'value': {'S': '10.0.0.1'}})
    conf.refresh()
    assert conf.read('app/db/host') == b'db2' and conf.read('app/upstream/1') == b'10.0.0.1'
    assert confd_get(client, table, '/app/upstream') == {'/app/upstream/1': '10.0.0.1'}


def test_confds_environment_names_the_server(path_table):
    path_table.put_key('/app/host', 'db1')
    options = [o for o in path_table.options if not o.startswith('endpoint-url')]
    path_table.options = options
    conf = path_table.mount(env={'DYNAMODB_LOCAL': '1', 'DYNAMODB_ENDPOINT_URL': path_table.server.url})
    assert conf.read('app/host') == b'db1'
