# SPDX-License-Identifier: Apache-2.0
"""Names of stores, options and keys as names of files."""
import os

import pytest
from mounts import fails_with
from sites import SEED

# What is stored, and the file that shows it.
NAMES = [('a/b', 'a%2Fb'), ('.', '%2E'), ('..', '%2E.'), ('...', '...'), ('100%', '100%25'), ('a\nb', 'a%0Ab'),
         ('\x7f', '%7F'), ('a\0b', 'a%00b'), ('größe', 'größe'), ('日本', '日本'), ('😀', '😀'), (' a b ', ' a b '),
         ('-rf', '-rf'), ('*', '*'), ('a%2Fb', 'a%252Fb'), ('.hidden', '.hidden'), ('.control', '.control'),
         ('%value', '%25value'), ('a"b\\c\'d', 'a"b\\c\'d'), ('#n', '#n'), ('SELECT', 'SELECT'), ('a.b[0]', 'a.b[0]')]
AT_ROOT = [('.control', '%2Econtrol'), ('..', '%2E.'), ('a/b', 'a%2Fb'), ('größe', 'größe')]


def test_awkward_names_written_elsewhere_are_shown_encoded(site):
    for raw, _ in NAMES:
        site.put('prod', raw, {key: {'S': 'v'} for key, _ in NAMES})
    conf = site.mount()
    files = sorted(file for _, file in NAMES)
    assert conf.ls('prod') == files
    for file in files:
        assert conf.ls(f'prod/{file}') == files
        assert conf.read(f'prod/a%2Fb/{file}') == b'v'


def test_encoded_names_written_here_are_stored_raw(site):
    conf = site.mount()
    os.mkdir(conf.path('prod'))
    for raw, file in NAMES:
        os.mkdir(conf.path(f'prod/{file}'))
        conf.write(f'prod/{file}/{file}', file.encode())
        assert site.get('prod', raw) == {raw: {'S': file}}, raw


def test_store_names_give_way_to_control(site):
    for raw, _ in AT_ROOT:
        site.put(raw, 'db', {'store': {'S': raw}})
    conf = site.mount()
    assert conf.ls() == sorted(file for _, file in AT_ROOT)
    for raw, file in AT_ROOT:
        assert conf.read(f'{file}/db/store').decode() == raw
        conf.write(f'{file}/db/store', b'x')
        assert site.value('store', store=raw) == {'S': 'x'}


@pytest.mark.parametrize('name', [b'a%2fb', b'%41', b'%zz', b'%', b'a%', b'%2', b'\xff', b'a\x01b', b'%2Econtrol'])
def test_a_name_that_is_not_canonical_is_enoent_and_cannot_be_created(here, name):
    path = os.fsencode(here.path('prod/db')) + b'/' + name
    with fails_with('ENOENT'):
        os.stat(path)
    with fails_with('EINVAL'):
        os.open(path, os.O_CREAT | os.O_WRONLY)
    with fails_with('EINVAL'):
        os.rename(here.path('prod/db/host'), path)
    with fails_with('EINVAL'):
        os.mkdir(os.fsencode(here.path('prod')) + b'/' + name)
    assert here.site.get() == SEED


@pytest.mark.parametrize('keys', [('_store', '_option'), ('app', 'section')])
def test_the_tables_own_key_names_are_no_keys(make_site, servers, keys):
    server = servers('moto')
    name = server.create_table(server.new_name(), **{keys[0]: 'HASH', keys[1]: 'RANGE'})
    site = make_site('moto', table=server.wait_for_table(name), keys=keys)
    site.put('prod', 'db', SEED)
    conf = site.mount(f'store-key={keys[0]}', f'option-key={keys[1]}')
    assert conf.ls('prod/db') == ['host', 'port']
    for key in keys:
        with fails_with('ENOENT'):
            conf.read(f'prod/db/{key}')
        with fails_with('EINVAL'):
            conf.write(f'prod/db/{key}', b'x')
    assert site.get() == SEED


def test_case_and_unicode_forms_are_told_apart(conf):
    names = ['Host', 'HOST', 'e\u0301', '\u00e9']
    for name in names:
        conf.write(f'prod/db/{name}', name.encode())
    assert set(names) < set(conf.ls('prod/db'))
    assert conf.site.get() == {**SEED, **{name: {'S': name} for name in names}}


@pytest.mark.parametrize('raw', ['k' * 256, 'ö' * 200, '/' * 100, 'x' * 1000])
def test_a_long_name_has_a_stable_alias_that_tells_its_real_name(site, raw):
    site.put('prod', 'db', {raw: {'S': 'v'}})
    with site.make() as first:
        (alias,) = first.ls('prod/db')
    conf = site.mount()
    assert conf.ls('prod/db') == [alias] and len(alias.encode()) <= 255
    assert conf.xattr(f'prod/db/{alias}', 'key') == raw
    assert conf.read(f'prod/db/{alias}') == b'v'
    conf.write(f'prod/db/{alias}', b'w')
    assert site.get() == {raw: {'S': 'w'}}
    os.unlink(conf.path(f'prod/db/{alias}'))
    assert site.get() == {}


def test_long_names_with_one_beginning_have_aliases_of_their_own(site):
    site.put('prod', 'o' * 300, {'k' * 300 + end: {'S': end} for end in 'ab'})
    conf = site.mount()
    (option,) = conf.ls('prod')
    assert sorted(conf.read(f'prod/{option}/{key}') for key in conf.ls(f'prod/{option}')) == [b'a', b'b']


def test_the_longest_name_that_needs_no_alias(conf):
    conf.write('prod/db/' + 'k' * 255, b'v')
    assert conf.site.value('k' * 255) == {'S': 'v'}


def test_a_longer_name_cannot_be_created(conf):
    with fails_with('ENAMETOOLONG', 'EINVAL'):
        conf.write('prod/db/' + 'k' * 256, b'v')
    assert conf.site.get() == SEED
