# SPDX-License-Identifier: Apache-2.0
"""inotify(7) as a program uses it, without a library in between."""
import ctypes
import os
import select
import struct
import time
from collections import namedtuple

FLAGS = {'MODIFY': 0x2, 'CLOSE_WRITE': 0x8, 'MOVED_FROM': 0x40, 'MOVED_TO': 0x80, 'CREATE': 0x100, 'DELETE': 0x200,
         'DELETE_SELF': 0x400}
IS_DIR, IGNORED = 0x40000000, 0x8000
HEAD = struct.Struct('iIII')
LIBC = ctypes.CDLL(None, use_errno=True)

Event = namedtuple('Event', 'what path')


class Watcher:
    """Watches paths; events come as (name of the event, path)."""

    def __init__(self, *paths):
        self.fd = LIBC.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        assert self.fd >= 0
        self.paths = {}
        for path in paths:
            self.add(path)

    def add(self, path):
        wd = LIBC.inotify_add_watch(self.fd, os.fsencode(path), sum(FLAGS.values()))
        assert wd >= 0, os.strerror(ctypes.get_errno())
        self.paths[wd] = path

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)

    def read(self, seconds):
        """What comes until `seconds` pass without anything."""
        events = []
        while select.select([self.fd], [], [], seconds)[0]:
            data = os.read(self.fd, 1 << 16)
            while data:
                wd, mask, _, length = HEAD.unpack_from(data)
                name = data[HEAD.size:HEAD.size + length].rstrip(b'\0').decode()
                data = data[HEAD.size + length:]
                path = self.paths[wd] / name if name else self.paths[wd]
                events += [Event(what, path) for what, bit in FLAGS.items() if mask & bit]
        return events

    def until(self, *expected, patience=20):
        """Reads until all of these have come, in this order; other events may be among them. Gives all."""
        events, end = [], time.monotonic() + patience
        while not in_order(expected, events):
            assert time.monotonic() < end, f'{expected} is not among {events}'
            events += self.read(0.01)
        return events


def in_order(expected, events):
    rest = iter(events)
    return all(event in rest for event in expected)
