#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random operations on a mounted store, each compared with the model's answer.

    walk.py STORE [--seed N] [--operations N] [--processes N] [--newline exact|auto] [--documents]

Each process works in options of its own, so that its model knows all that happens there; the mount has them all at once.
The seed is printed: the same one gives the same operations.
"""
import argparse
import json
import multiprocessing
import os
import random
import sys
import traceback

from tree import Refused, Tree, is_temporary

KEYS = ['host', 'port', 'a b', 'gr%25n', 'größe', '.hidden', 'host~', '.host.swp', '4913', '.host.AbCdEf', 'n1', 'n2']
NUMBERS = ['n1', 'n2']  # stay where they are once they are there, and are numbers then
HISTORY = 30


class Mount:
    """The same operations by system calls."""

    def __init__(self, store):
        self.store = store

    def path(self, *names):
        return os.path.join(self.store, *names)

    def with_file(self, flags, names, action):
        fd = os.open(self.path(*names), flags, 0o644)
        try:
            action(fd)
        except BaseException:
            try:
                os.close(fd)
            except OSError:
                pass
            raise
        os.close(fd)

    def write(self, option, key, data):
        self.with_file(os.O_WRONLY | os.O_CREAT | os.O_TRUNC, (option, key), lambda fd: write(fd, data))

    def create(self, option, key, data):
        self.with_file(os.O_WRONLY | os.O_CREAT | os.O_EXCL, (option, key), lambda fd: write(fd, data))

    def append(self, option, key, data):
        # In one piece: whether it is a whole line is seen at its first.
        self.with_file(os.O_WRONLY | os.O_APPEND, (option, key), lambda fd: os.write(fd, data))

    def write_at(self, option, key, offset, data):
        self.with_file(os.O_RDWR, (option, key), lambda fd: os.pwrite(fd, data, offset))

    def truncate(self, option, key, size):
        os.truncate(self.path(option, key), size)

    def read(self, option, key):
        with open(self.path(option, key), 'rb') as file:
            return file.read()

    def read_at(self, option, key, offset, size):
        with open(self.path(option, key), 'rb', buffering=0) as file:
            return os.pread(file.fileno(), size, offset)

    def stat(self, option, key):
        return os.stat(self.path(option, key)).st_size

    def get_type(self, option, key):
        return os.getxattr(self.path(option, key), 'user.dynconf.type').decode()

    def set_type(self, option, key, kind):
        os.setxattr(self.path(option, key), 'user.dynconf.type', kind.encode())

    def unlink(self, option, key):
        os.unlink(self.path(option, key))

    def rename(self, option, key, to_option, to_key):
        os.rename(self.path(option, key), self.path(to_option, to_key))

    def list(self, option):
        return sorted(os.listdir(self.path(option)))

    def mkdir(self, option):
        os.mkdir(self.path(option))

    def rmdir(self, option):
        os.rmdir(self.path(option))

    def move(self, option, to_option):
        os.rename(self.path(option), self.path(to_option))

    def document(self, option):
        with open(self.path(option, '%json'), 'rb') as file:
            found = json.load(file)
        return {key.replace('%', '%25'): value for key, value in found.items() if not is_temporary(key)}


def write(fd, data):
    """In one or two pieces."""
    half = len(data) // 2 if len(data) % 3 == 0 else 0
    if half:
        os.write(fd, data[:half])
    if data:
        os.write(fd, data[half:])


class Walker:
    def __init__(self, store, seed, process, newline, documents):
        self.random = random.Random(f'{seed}/{process}')
        self.mount, self.tree = Mount(store), Tree(newline)
        self.options = [f'p{process}-{name}' for name in 'abc']
        self.documents = documents
        self.history = []

    def text(self):
        kind = self.random.randrange(6)
        if kind == 0:
            return str(self.random.randrange(-999, 10 ** 9)).encode() + self.random.choice([b'', b'\n'])
        size = self.random.choice([1, 3, 10, 100, 3000])
        return ''.join(self.random.choice('abc \n\'"\\{}%') for _ in range(size)).encode()

    def option(self):
        return self.random.choice(self.options)

    def key(self):
        return self.random.choice(KEYS)

    def moving_key(self):
        return self.random.choice([key for key in KEYS if key not in NUMBERS])


    def choose(self):
        """An operation and its arguments."""
        at = self.random
        return at.choices([
            lambda: ('write', self.option(), self.key(), self.text()),
            lambda: ('create', self.option(), self.key(), self.text()),
            lambda: ('append', self.option(), self.key(), self.text()),
            lambda: ('write_at', self.option(), self.moving_key(), at.choice([0, 1, 5, 200]), self.text()),
            lambda: ('truncate', self.option(), self.moving_key(), at.choice([0, 1, 2, 50, 5000, 410_000])),
            lambda: ('read', self.option(), self.key()),
            lambda: ('read_at', self.option(), self.key(), at.choice([0, 1, 100]), at.choice([1, 10, 5000])),
            lambda: ('stat', self.option(), self.key()),
            lambda: ('get_type', self.option(), self.key()),
            lambda: ('set_type', self.options[0], at.choice(NUMBERS), 'N'),
            lambda: ('unlink', self.option(), self.moving_key()),
            lambda: ('rename', self.option(), self.moving_key(), self.option(), self.key()),
            lambda: ('list', self.option()),
            lambda: ('mkdir', self.option()),
            lambda: ('rmdir', self.option()),
            lambda: ('move', self.options[1], self.options[2]),
            lambda: ('move', self.options[2], self.options[1]),
            lambda: ('document', self.option()),
        ], [8, 3, 6, 4, 4, 12, 6, 10, 4, 2, 5, 8, 8, 3, 2, 1, 1, 4 if self.documents else 0])[0]()

    def on(self, side, name, arguments):
        try:
            return getattr(side, name)(*arguments)
        except Refused as refused:
            return OSError, refused.number
        except OSError as error:
            return OSError, error.errno

    def skips(self, name, arguments):
        """What the design leaves open, or what only time decides."""
        if name == 'get_type':
            # Whether a file in memory has a type already shows when it is stored.
            return is_temporary(arguments[1])
        if name == 'move':
            # One with files in memory is busy; whether they still are is a matter of time.
            return any(map(is_temporary, self.tree.options.get(arguments[0], {})))
        if name == 'set_type':
            return self.tree.options.get(arguments[0], {}).get(arguments[1], ('', b''))[1] == b''
        return False

    def step(self):
        name, *arguments = self.choose()
        if self.skips(name, arguments):
            return
        self.history = [*self.history[-HISTORY:], (name, *arguments)]
        expected = self.on(self.tree, name, arguments)
        found = self.on(self.mount, name, arguments)
        assert found == expected, f'{name}{tuple(arguments)}: {short(found)} instead of {short(expected)}'

    def finish(self):
        """The whole subtree once more, and nothing left in memory."""
        for option in sorted(self.tree.options):
            for key in self.tree.list(option):
                assert self.mount.read(option, key) == self.tree.read(option, key), (option, key)
                if is_temporary(key):
                    self.mount.unlink(option, key)
            assert self.mount.document(option) == self.tree.document(option)


def short(value):
    text = repr(value)
    return text if len(text) < 300 else f'{text[:150]} … {text[-150:]}'


def walk(store, seed, process, newline, documents, operations, failures):
    walker = Walker(store, seed, process, newline, documents)
    try:
        for _ in range(operations):
            walker.step()
        walker.finish()
    except BaseException:
        lines = '\n'.join(f'  {short(entry)}' for entry in walker.history)
        failures.put(f'seed {seed}, process {process}:\n{lines}\n{traceback.format_exc()}')


def run(store, seed, operations, processes, newline, documents=False):
    """What went wrong, in words; an empty list."""
    failures = multiprocessing.SimpleQueue()
    workers = [multiprocessing.Process(target=walk, args=(store, seed, n, newline, documents, operations // processes,
                                                          failures)) for n in range(processes)]
    for worker in workers:
        worker.start()
    found = []
    for worker in workers:
        worker.join()
        while not failures.empty():
            found.append(failures.get())
        if worker.exitcode:
            found.append(f'a process ended with {worker.exitcode}')
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('store')
    parser.add_argument('--seed', type=int, default=random.randrange(10 ** 9))
    parser.add_argument('--operations', type=int, default=10_000)
    parser.add_argument('--processes', type=int, default=4)
    parser.add_argument('--newline', choices=['exact', 'auto'], default='auto')
    parser.add_argument('--documents', action='store_true', help='read %%json too')
    arguments = parser.parse_args()
    print(f'seed {arguments.seed}')
    found = run(arguments.store, arguments.seed, arguments.operations, arguments.processes, arguments.newline,
                arguments.documents)
    print('\n'.join(found))
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
