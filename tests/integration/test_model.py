# SPDX-License-Identifier: Apache-2.0
"""Random operations by several processes, compared one by one with a model: see tests/model."""
import os
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'model'))

from walk import run  # noqa: E402

LONG = os.environ.get('DYNCONF_TEST_LONG')
OPERATIONS = 100_000 if LONG else 6_000
SEED = int(os.environ.get('DYNCONF_TEST_SEED', random.randrange(10 ** 9)))


def contents(mount):
    return [(option, key, mount.read(f'prod/{option}/{key}'))
            for option in mount.ls('prod') for key in mount.ls(f'prod/{option}')]


@pytest.mark.parametrize('newline', ['auto', 'exact'])
def test_random_operations_give_what_the_model_gives(local, newline):
    print(f'seed {SEED}')
    conf = local.mount(f'newline={newline}')
    os.mkdir(conf.path('prod'))
    failures = run(str(conf.path('prod')), SEED, OPERATIONS, 4, newline)
    assert not failures, '\n'.join(failures)
    # What was shown is what is stored.
    again = local.mount(f'newline={newline}')
    assert contents(conf) == contents(again)
