# SPDX-License-Identifier: Apache-2.0
"""A strict reader of Prometheus' text format, with the conventions that `promtool check metrics` asks for.
https://prometheus.io/docs/instrumenting/exposition_formats/
https://prometheus.io/docs/practices/naming/
"""
import re
from collections import defaultdict

NAME = r'[a-zA-Z_:][a-zA-Z0-9_:]*'
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)')
SAMPLE = re.compile(rf'({NAME})(?:\{{(.*)\}})? (\S+)')
TYPES = ('counter', 'gauge', 'histogram')
PARTS = ('_bucket', '_sum', '_count')
BASE_UNITS = re.compile(r'milliseconds|minutes|hours|kilobytes|percent')


def labels_of(text):
    found, end = [], 0
    while end < len(text):
        label = LABEL.match(text, end)
        assert label, f'labels {text}'
        found.append((label[1], label[2]))
        end = label.end()
    assert len({name for name, _ in found}) == len(found), f'a label stands twice: {text}'
    return tuple(found)


def family_of(name, types):
    """The family that a sample belongs to."""
    base = next((name.removesuffix(part) for part in PARTS if name.endswith(part)), name)
    return base if types.get(base) == 'histogram' else name


def check_histogram(name, samples):
    """Of one family; its parts are keyed by (suffix, labels)."""
    groups = defaultdict(list)
    for (part, labels), value in samples.items():
        if part == '_bucket':
            bounds = dict(labels)
            groups[tuple(label for label in labels if label[0] != 'le')].append((float(bounds['le']), value))
    for labels, buckets in groups.items():
        bounds, counts = zip(*buckets, strict=True)
        assert list(bounds) == sorted(set(bounds)) and bounds[-1] == float('inf'), f'{name}: bounds {bounds}'
        assert list(counts) == sorted(counts), f'{name}: not cumulative: {counts}'
        assert samples['_count', labels] == counts[-1] and ('_sum', labels) in samples, name
    assert {labels for part, labels in samples if part != '_bucket'} == set(groups), name


def check_name(name, kind):
    assert re.fullmatch(NAME, name) and not BASE_UNITS.search(name), name
    assert (kind == 'counter') == name.endswith('_total'), f'{name} is a {kind}'


def parse(text):
    """The samples of each family: {name: {labels: value}}, those of histograms {name: {(part, labels): value}}."""
    helps, types, found, last = {}, {}, defaultdict(dict), None
    assert text.endswith('\n')
    for line in text.splitlines():
        if line.startswith('# HELP '):
            name, said = line[7:].split(' ', 1)
            assert name not in helps and said, line
            helps[name] = said
        elif line.startswith('# TYPE '):
            name, kind = line[7:].split(' ')
            assert name in helps and name not in types and kind in TYPES, line
            types[name], last = kind, name
            check_name(name, kind)
        else:
            sample = SAMPLE.fullmatch(line)
            assert sample, line
            name, labels, value = sample[1], labels_of(sample[2] or ''), float(sample[3])
            family = family_of(name, types)
            assert family == last, f'{line} does not stand with its family'
            key = (name.removeprefix(family), labels) if types[family] == 'histogram' else labels
            assert key not in found[family], f'twice: {line}'
            found[family][key] = value
    for name, kind in types.items():
        if kind == 'histogram':
            check_histogram(name, found[name])
    return found
