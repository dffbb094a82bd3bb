# SPDX-License-Identifier: Apache-2.0
"""Several processes at once: readers get whole values, old or new, and what was acknowledged is stored."""
import multiprocessing
import os

import pytest
from mounts import eventually

KEY = 'prod/db/w'
ROUNDS = 400


def value(n):
    """Tells its own length and content; both change from one to the next."""
    return f'{n}:{chr(97 + n % 26) * (n * 37 % 6000 + 20)}:{n}'


def is_whole(text):
    first, _, rest = text.partition(':')
    return first.isdigit() and text == value(int(first))


def truncate_and_write(path, text):
    with open(path, 'w') as file:
        file.write(text)


def replace(path, text):
    temporary = path.with_name('.w.AbCdEf')
    with open(temporary, 'x') as file:
        file.write(text)
    os.rename(temporary, path)


def read_until(stop, path, broken):
    while not stop.is_set():
        text = path.read_text()
        if not is_whole(text):
            broken.append((text[:12], text[-12:], len(text)))


def run_readers(path, work, readers=2):
    """What the readers saw that was no whole value, while the work went on."""
    with multiprocessing.Manager() as manager:
        stop, broken = multiprocessing.Event(), manager.list()
        processes = [multiprocessing.Process(target=read_until, args=(stop, path, broken)) for _ in range(readers)]
        for process in processes:
            process.start()
        try:
            work()
        finally:
            stop.set()
            for process in processes:
                process.join()
        assert all(process.exitcode == 0 for process in processes)
        return list(broken)


@pytest.mark.parametrize('write', [truncate_and_write, replace])
def test_readers_of_a_key_that_is_written_here_get_whole_values(here, write):
    path = here.path(KEY)
    truncate_and_write(path, value(0))

    def work():
        for n in range(1, ROUNDS):
            write(path, value(n))
            assert path.read_text() == value(n)

    assert run_readers(path, work) == []
    assert here.site.value('w') == {'S': value(ROUNDS - 1)}


def test_readers_of_a_key_that_is_written_elsewhere_get_whole_values(here):
    path = here.path(KEY)
    truncate_and_write(path, value(0))

    def work():
        for n in range(1, ROUNDS // 4):
            here.site.set('w', {'S': value(n)})
            here.refresh()

    assert run_readers(path, work) == []
    eventually(lambda: path.read_text() == value(ROUNDS // 4 - 1))


def append(path, name):
    for n in range(50):
        with open(path, 'a') as file:
            file.write(f'{name} {n}\n')


def test_processes_that_append_here_all_keep_their_lines(here):
    path = here.path(KEY)
    truncate_and_write(path, 'log\nfirst\n')
    processes = [multiprocessing.Process(target=append, args=(path, name)) for name in 'abcd']
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert all(process.exitcode == 0 for process in processes)
    lines = path.read_text().splitlines()
    assert len(lines) == 202
    for name in 'abcd':
        assert [line for line in lines if line.startswith(name + ' ')] == [f'{name} {n}' for n in range(50)]
