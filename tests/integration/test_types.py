# SPDX-License-Identifier: Apache-2.0
"""Values of every type, both ways between files and the other client."""
import os
import shutil
from contextlib import suppress

import pytest
from conftest import needs
from mounts import fails_with, write_all
from sites import SEED

DIGITS = '1234567890' * 3 + '12345678'

# A value, its file, what is written over it, and the value then.
VALUES = {
    'S': ({'S': 'größe\n"x"\\'}, 'größe\n"x"\\', 'y', {'S': 'y'}),
    'N': ({'N': '27017'}, '27017', ' 27018\n', {'N': '27018'}),
    'N of 38 digits': ({'N': DIGITS}, DIGITS, '-' + DIGITS + '\n', {'N': '-' + DIGITS}),
    'N with a fraction': ({'N': '0.1'}, '0.1', '3.141592653589793238462643383279502884\n',
                          {'N': '3.141592653589793238462643383279502884'}),
    'BOOL': ({'BOOL': True}, 'true', 'false\n', {'BOOL': False}),
    'B': ({'B': b'\x00\xff\n'}, b'\x00\xff\n', b'\xfe\n', {'B': b'\xfe\n'}),
    'NULL': ({'NULL': True}, '', 'x', {'S': 'x'}),
    'SS': ({'SS': ['a\nc', 'b', 'd\\']}, 'a\\nc\nb\nd\\\\\n', 'z\ny\\n1\n', {'SS': ['y\n1', 'z']}),
    'NS': ({'NS': ['1', '20']}, '1\n20\n', '3\n4.5', {'NS': ['3', '4.5']}),
    'BS': ({'BS': [b'a', b'b']}, 'YQ==\nYg==\n', '/w==\n', {'BS': [b'\xff']}),
    'L': ({'L': [{'S': 'a'}, {'N': DIGITS}]}, '[{"S":"a"},{"N":"%s"}]' % DIGITS, '[{"BOOL":true}, {"NULL":true}]\n',
          {'L': [{'BOOL': True}, {'NULL': True}]}),
    'M': ({'M': {'b': {'L': []}, 'a': {'S': 'ü'}}}, '{"a":{"S":"ü"},"b":{"L":[]}}', '{"c":{"M":{"d":{"N":"1.5"}}}}',
          {'M': {'c': {'M': {'d': {'N': '1.5'}}}}}),
    'empty S': ({'S': ''}, '', 'x', {'S': 'x'}),
    'empty B': ({'B': b''}, '', 'x', {'B': b'x'}),
    'empty L': ({'L': []}, '[]', '[{"S":""}]', {'L': [{'S': ''}]}),
    'empty M': ({'M': {}}, '{}', '{"k":{"S":""}}', {'M': {'k': {'S': ''}}}),
}


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode()


@pytest.mark.parametrize('case', VALUES)
def test_a_value_written_elsewhere_is_shown_and_one_written_here_arrives(site, case):
    before, file, text, after = VALUES[case]
    site.put('prod', 'db', {'key': before})
    conf = site.mount()
    assert conf.read('prod/db/key') == as_bytes(file)
    assert conf.type('prod/db/key') == next(iter(before))
    conf.write('prod/db/key', as_bytes(text))
    assert site.value('key') == after
    assert conf.type('prod/db/key') == next(iter(after))


@pytest.mark.parametrize('case', VALUES)
def test_writing_what_was_read_changes_nothing(site, case):
    before = VALUES[case][0]
    site.put('prod', 'db', {'key': before})
    conf = site.mount('newline=exact')
    conf.write('prod/db/key', conf.read('prod/db/key'))
    assert site.value('key') == before or before == {'NULL': True} and site.value('key') in (before, {'S': ''})


# No continuation makes these valid, so write(2) itself refuses.
@pytest.mark.parametrize('kind, value, bad', [
    ('N', '1', 'abc'), ('N', '1', '1 2'), ('N', '1', '0x10'), ('N', '1', '1' * 39), ('N', '1', '1.2.3'),
    ('BOOL', True, 'yes'), ('BOOL', True, 'truely'), ('NS', ['1'], 'a\n'), ('L', [], '{'), ('M', {}, '['),
    ('BS', [b'a'], '!\n')])
def test_what_can_never_be_valid_is_einval_from_write(here, kind, value, bad):
    here.site.set('key', {kind: value})
    here.refresh()
    with here.opened('prod/db/key', os.O_WRONLY | os.O_TRUNC) as fd:
        with fails_with('EINVAL'):
            os.write(fd, bad.encode())
    assert here.site.value('key') == {kind: value}


# These are found out when nothing more comes.
@pytest.mark.parametrize('kind, value, bad', [
    ('N', '1', '-'), ('N', '1', '1e'), ('BOOL', True, 'tru'), ('L', [], '[{"S":'), ('M', {}, '{"a":'),
    ('BS', [b'a'], 'Y')])
@pytest.mark.parametrize('end', [os.close, os.fsync])
def test_what_is_cut_short_is_einval_at_the_end_and_the_old_value_stays(here, kind, value, bad, end):
    here.site.set('key', {kind: value})
    here.refresh()
    shown = here.read('prod/db/key')
    fd = os.open(here.path('prod/db/key'), os.O_WRONLY | os.O_TRUNC)
    os.write(fd, bad.encode())
    with fails_with('EINVAL'):
        end(fd)
    if end is os.fsync:
        with suppress(OSError):
            os.close(fd)
    assert here.read('prod/db/key') == shown and here.site.value('key') == {kind: value}


@pytest.mark.parametrize('kind, value', [('N', '1'), ('BOOL', True), ('SS', ['a']), ('NS', ['1']), ('L', []),
                                         ('M', {})])
def test_types_that_cannot_be_empty_are_not_emptied(here, kind, value):
    here.site.set('key', {kind: value})
    here.refresh()
    shown = here.read('prod/db/key')
    with here.opened('prod/db/key', os.O_WRONLY | os.O_TRUNC) as fd:
        with fails_with('EINVAL'):
            os.fsync(fd)
    assert here.read('prod/db/key') == shown and here.site.value('key') == {kind: value}


def test_a_number_may_arrive_in_pieces(conf):
    with conf.opened('prod/db/port', os.O_WRONLY | os.O_TRUNC) as fd:
        for piece in (b'-', b'1', b'.', b'5', b'\n'):
            os.write(fd, piece)
    assert conf.site.value('port') == {'N': '-1.5'}


def test_a_new_key_of_bytes_that_are_not_utf8_is_binary(conf):
    conf.write('prod/db/raw', b'\xff\xfe\n')
    assert conf.site.value('raw') == {'B': b'\xff\xfe\n'} and conf.type('prod/db/raw') == 'B'


def test_text_does_not_take_bytes_that_are_not_utf8(conf):
    with fails_with('EINVAL'):
        conf.write('prod/db/host', b'\xff')
    assert conf.site.value('host') == SEED['host']


def test_setfattr_changes_the_type(conf):
    conf.site.set('n', {'S': '42'})
    conf.refresh()
    conf.set_type('prod/db/n', 'N')
    assert conf.site.value('n') == {'N': '42'} and conf.type('prod/db/n') == 'N'
    conf.set_type('prod/db/n', 'S')
    assert conf.site.value('n') == {'S': '42'}


def test_a_type_that_the_value_does_not_fit_is_einval(conf):
    for kind in ('N', 'BOOL', 'M', 'nonsense', ''):
        with fails_with('EINVAL'):
            conf.set_type('prod/db/host', kind)
    assert conf.site.value('host') == SEED['host']


@pytest.mark.parametrize('kind, text, value', [('N', '5', '5'), ('BOOL', 'true', True), ('SS', 'a\nb\n', ['a', 'b'])])
def test_setfattr_chooses_the_type_of_a_new_empty_key(conf, kind, text, value):
    conf.sh('touch prod/db/new')
    conf.set_type('prod/db/new', kind)
    assert conf.type('prod/db/new') == kind
    conf.write('prod/db/new', text.encode())
    assert conf.site.value('new') == {kind: value}


def test_getfattr_shows_what_a_key_is_and_where_from(conf):
    names = {f'user.dynconf.{name}' for name in ('type', 'store', 'option', 'key', 'origin', 'age', 'size-limit')}
    assert names == set(os.listxattr(conf.path('prod/db/host')))
    found = {name: conf.xattr('prod/db/port', name) for name in ('type', 'store', 'option', 'key', 'origin')}
    assert found == {'type': 'N', 'store': 'prod', 'option': 'db', 'key': 'port', 'origin': 'live'}
    assert 0 <= int(conf.xattr('prod/db/port', 'age')) < 1000
    limit = int(conf.xattr('prod/db/host', 'size-limit'))
    assert 400_000 < limit < 400 * 1024
    conf.write('prod/db/host', b'x' * (limit - 100))
    assert int(conf.xattr('prod/db/host', 'size-limit')) == limit
    assert int(conf.xattr('prod/db/port', 'size-limit')) > 100, 'a number is longer as text'


def test_stores_and_options_tell_too(conf):
    assert conf.xattr('prod', 'store') == 'prod' and conf.xattr('prod/db', 'option') == 'db'
    assert 'user.dynconf.option' not in os.listxattr(conf.path('prod'))
    assert 'user.dynconf.type' not in os.listxattr(conf.path('prod/db/%json'))


def test_getfattr_walks_the_whole_tree(conf):
    needs(shutil.which('getfattr'), 'getfattr')
    out = conf.sh('getfattr -d -R .')
    assert out.count('user.dynconf.type=') == 2 and out.count('user.dynconf.origin="live"') == 4


def test_what_only_tells_may_be_copied_and_changes_nothing(conf):
    for name in ('store', 'option', 'key', 'origin', 'age', 'size-limit'):
        os.setxattr(conf.path('prod/db/host'), f'user.dynconf.{name}', b'other')
    assert conf.xattr('prod/db/host', 'store') == 'prod' and conf.site.get() == SEED


@pytest.mark.parametrize('name', ['security.capability', 'security.selinux', 'system.posix_acl_access', 'trusted.x'])
@pytest.mark.parametrize('path', ['prod/db/host', 'prod/db', ''])
def test_names_outside_of_user_are_answered_at_once(conf, name, path):
    with fails_with('ENOTSUP'):
        os.getxattr(conf.path(path), name)
    # What the kernel knows itself it looks at before it asks.
    with fails_with('ENOTSUP', 'EPERM', 'EINVAL'):
        os.setxattr(conf.path(path), name, b'x')


def test_other_attributes_are_not_there_and_cannot_be_set(conf):
    with fails_with('ENODATA', 'ENOTSUP'):
        os.getxattr(conf.path('prod/db/host'), 'user.mine')
    with fails_with('ENOTSUP'):
        os.getxattr(conf.path('prod/db/host'), 'security.capability')
    with fails_with('ENOTSUP', 'EPERM', 'EINVAL', 'EACCES'):
        os.setxattr(conf.path('prod/db/host'), 'user.mine', b'x')


def test_a_large_set_is_written_in_pieces(here):
    here.site.set('set', {'SS': ['a']})
    here.refresh()
    lines = sorted(f'element-{i:05}' for i in range(15_000))
    with here.opened('prod/db/set', os.O_WRONLY | os.O_TRUNC) as fd:
        write_all(fd, ''.join(line + '\n' for line in lines).encode())
    assert here.site.value('set') == {'SS': lines}
