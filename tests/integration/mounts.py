# SPDX-License-Identifier: Apache-2.0
"""A running dynconf, and what the tests do with its files."""
import errno
import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from servers import CREDENTIALS, REGION, ROOT

DYNCONF = os.environ.get('DYNCONF', str(ROOT / 'build/dynconf'))
FAKETIME = glob.glob('/usr/lib/*/faketime/libfaketimeMT.so.1')
PATIENCE = 20  # seconds until what must happen did not


def eventually(condition, seconds=PATIENCE):
    """Waits until the condition holds, and returns what it gave."""
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < end, f'did not happen in {seconds} s'
        time.sleep(0.01)
    return result


@contextmanager
def fails_with(*names):
    """The block must fail with one of these errors, given by name."""
    try:
        yield
    except OSError as error:
        numbers = [getattr(errno, name) for name in names]
        assert error.errno in numbers, f'{errno.errorcode.get(error.errno)} instead of {names}: {error}'
    else:
        raise AssertionError(f'succeeded instead of failing with {names}')


def write_all(fd, data):
    """The kernel cuts a long write(2) into requests, and may return between them."""
    while data:
        data = data[os.write(fd, data):]


def mounted(directory):
    """(source, type, options) of what is mounted on the directory now; None when nothing is."""
    found = None
    for line in Path('/proc/self/mountinfo').read_text().splitlines():
        words = line.split()
        path = re.sub(r'\\(\d{3})', lambda m: chr(int(m[1], 8)), words[4])
        if path == str(directory):
            after = words.index('-')
            found = (words[after + 2], words[after + 1], words[5] + ',' + words[after + 3])
    return found


def unmount(directory, lazy=False):
    """As anybody does it who may, without dynconf."""
    command = ['umount', *(['-l'] if lazy else [])] if os.geteuid() == 0 else ['fusermount3', '-uz' if lazy else '-u']
    subprocess.run([*command, directory], check=not lazy, timeout=PATIENCE, stderr=subprocess.DEVNULL if lazy else None)


def environment(folder, **more):
    """What dynconf gets to see: nothing of the tester's own."""
    names = {'PATH': os.environ['PATH'], 'HOME': str(folder), 'LANG': 'C.UTF-8', 'AWS_EC2_METADATA_DISABLED': 'true',
             'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', ''), 'TSAN_OPTIONS': os.environ.get('TSAN_OPTIONS', ''),
             **CREDENTIALS, 'AWS_REGION': REGION, **more}
    return {name: value for name, value in names.items() if value is not None}


def at_another_time(shift):
    """What makes a program see a clock that is wrong by that much: '-20m'."""
    # AddressSanitizer wants to be the first library.
    options = os.environ.get('ASAN_OPTIONS', '') + ':verify_asan_link_order=0'
    return {'LD_PRELOAD': FAKETIME[0], 'FAKETIME': shift, 'FAKETIME_DONT_FAKE_MONOTONIC': '1', 'ASAN_OPTIONS': options}


def program(folder, user):
    """dynconf, where that user may run it: a build under /root is not."""
    if not user:
        return DYNCONF
    copy = Path(folder) / 'dynconf'
    if not copy.exists():
        shutil.copy(DYNCONF, copy)
    return str(copy)


def identity(user):
    return {'user': user, 'group': user, 'extra_groups': []} if user else {}


def run(*arguments, folder, user=None, timeout=60, **env):
    """Runs dynconf to its end: (exit status, standard output, standard error)."""
    # Files, not pipes: a daemon in the background would keep a pipe open.
    with tempfile.TemporaryFile('w+') as out, tempfile.TemporaryFile('w+') as err:
        code = subprocess.run([program(folder, user), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=out,
                              stderr=err, cwd='/', env=environment(folder, **env), timeout=timeout,
                              **identity(user)).returncode
        out.seek(0), err.seek(0)
        return code, out.read(), err.read()


class Mount:
    """`dynconf mount -f` while it runs. Paths are relative to its root."""
    active = set()

    def __init__(self, source, directory, *options, arguments=(), env=None, user=None, log=None, prefix=()):
        self.source, self.dir, self.user = source, Path(directory), user
        self.options, self.arguments = list(options), list(arguments)
        self.env, self.prefix = env or {}, prefix
        self.log_path = Path(log or f'{directory}.log')
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def command(self):
        options = ['-o', ','.join(self.options)] if self.options else []
        source = [self.source] if self.source else []
        return [*self.prefix, program(self.dir.parent, self.user), 'mount', '-f', *self.arguments, *options, *source, self.dir]

    def spawn(self):
        self.dir.mkdir(exist_ok=True)
        if self.user:
            os.chown(self.dir, self.user, self.user)
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd='/', env=environment(self.dir.parent, **self.env),
                                            **identity(self.user))
        Mount.active.add(self)

    def start(self):
        self.spawn()
        try:
            eventually(lambda: self.process.poll() is not None or mounted(self.dir))
            assert mounted(self.dir), f'dynconf ended with {self.process.returncode}:\n{self.log()}'
        except AssertionError:
            self.kill()
            raise
        return self

    def stop(self, sent=signal.SIGTERM):
        """Unmounts by a signal, and looks whether the end was clean."""
        if self not in Mount.active:
            return
        self.process.send_signal(sent)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f'dynconf did not end:\n{self.log()}') from None
        Mount.active.discard(self)
        left = mounted(self.dir)
        if left:
            unmount(self.dir, lazy=True)
        self.check_log()
        assert self.process.returncode == 0, f'dynconf ended with {self.process.returncode}:\n{self.log()}'
        assert not left, f'still mounted:\n{self.log()}'

    def kill(self):
        """As kill -9 does it: the dead mount stays unless the test's end clears it away."""
        Mount.active.discard(self)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def clear(self):
        self.kill()
        if mounted(self.dir):
            unmount(self.dir, lazy=True)

    def log(self):
        return self.log_path.read_text(errors='replace') if self.log_path.exists() else ''

    def check_log(self):
        text = self.log()
        for sign in ('Sanitizer', 'runtime error:', CREDENTIALS['AWS_SECRET_ACCESS_KEY']):
            assert sign not in text, f'{sign} in the log:\n{text}'

    # What is done with files.

    def path(self, name=''):
        return self.dir / name if name else self.dir

    def read(self, name):
        return self.path(name).read_bytes()

    @contextmanager
    def opened(self, name, flags):
        """A descriptor; leaving the block raises what close(2) says."""
        fd = os.open(self.path(name), flags, 0o644)
        try:
            yield fd
        except BaseException:
            with suppress(OSError):
                os.close(fd)
            raise
        os.close(fd)

    def write(self, name, data, flags=os.O_CREAT | os.O_TRUNC):
        """Opens, writes and closes; the error is that of whichever failed first."""
        with self.opened(name, os.O_WRONLY | flags) as fd:
            write_all(fd, data)

    def append(self, name, data):
        self.write(name, data, os.O_APPEND)

    def ls(self, name=''):
        return sorted(os.listdir(self.path(name)))

    def exists(self, name):
        return self.path(name).exists()

    def type(self, name):
        return os.getxattr(self.path(name), 'user.dynconf.type').decode()

    def set_type(self, name, kind):
        os.setxattr(self.path(name), 'user.dynconf.type', kind.encode())

    def xattr(self, name, what):
        return os.getxattr(self.path(name), f'user.dynconf.{what}').decode()

    def try_sh(self, script, timeout=30, shell='sh'):
        """A shell script in the mount's root, as whoever mounted."""
        return subprocess.run([shell, '-c', 'cd "$0" || exit 99\n' + script, self.dir], text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, capture_output=True, cwd='/',
                              env={'PATH': os.environ['PATH'], 'LANG': 'C.UTF-8', 'HOME': str(self.dir.parent)},
                              **identity(self.user))

    def sh(self, script, **how):
        """The same, where failing would be wrong; gives what it printed."""
        done = self.try_sh(script, **how)
        assert done.returncode == 0, f'{script}: exit {done.returncode}: {done.stdout}{done.stderr}'
        return done.stdout

    # .control

    def control(self, name):
        return self.read(f'.control/{name}').decode()

    def of_store(self, name, store='prod'):
        return self.control(f'stores/{store}/{name}').strip()

    def refresh(self):
        self.write('.control/refresh', b'1\n')
