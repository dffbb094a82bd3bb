# SPDX-License-Identifier: Apache-2.0
"""Stores, options and keys as the design says that they behave, in a few dictionaries."""
import errno
import fnmatch

TEMPORARY = ['.*.sw?', '.*.swpx', '*~', '4913', 'sed??????', '.*.??????', '#*#', '.goutputstream-*', '.ansible_tmp*']
LIMIT = 400 * 1024


class Refused(Exception):
    """What the mount answers with an errno."""

    def __init__(self, number):
        super().__init__(errno.errorcode[number])
        self.number = number


def is_temporary(name):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in TEMPORARY)


def number(data):
    """The bytes of a number as they are stored; only whole ones are used here."""
    text = data.strip()
    if not text.lstrip(b'-').isdigit() or not text.isascii():
        raise Refused(errno.EINVAL)
    return str(int(text)).encode()


def is_utf8(data):
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


class Tree:
    """One store. Paths are (option,) and (option, key)."""

    def __init__(self, newline):
        self.newline, self.options = newline, {}

    # What is stored of what was written.

    def text(self, data):
        if not is_utf8(data):
            raise Refused(errno.EINVAL)
        one_line = data.endswith(b'\n') and data.count(b'\n') == 1
        return data[:-1] if one_line and self.newline == 'auto' else data

    def kept(self, kind, data):
        return number(data) if kind == 'N' else self.text(data)

    def option(self, option):
        if option not in self.options:
            raise Refused(errno.ENOENT)
        return self.options[option]

    def key(self, option, key):
        keys = self.option(option)
        if key not in keys:
            raise Refused(errno.ENOENT)
        return keys[key]

    # Files

    def write(self, option, key, data):
        keys = self.option(option)
        kind = keys[key][0] if key in keys else 'S'
        keys[key] = (kind, self.kept(kind, data))

    def create(self, option, key, data):
        if key in self.option(option):
            raise Refused(errno.EEXIST)
        self.write(option, key, data)

    def append(self, option, key, data):
        kind, old = self.key(option, key)
        if self.newline == 'auto' and kind == 'S' and old and b'\n' not in old and data.endswith(b'\n'):
            old += b'\n'
        self.options[option][key] = (kind, self.kept(kind, old + data))

    def write_at(self, option, key, offset, data):
        kind, old = self.key(option, key)
        old = old.ljust(offset, b'\0')
        self.options[option][key] = (kind, self.kept(kind, old[:offset] + data + old[offset + len(data):]))

    def truncate(self, option, key, size):
        """As truncate(2): nothing was written, so no newline is dropped."""
        kind, old = self.key(option, key)
        if size > LIMIT:
            raise Refused(errno.EFBIG)
        data = old[:size].ljust(size, b'\0')
        if kind == 'S' and not is_utf8(data):
            raise Refused(errno.EINVAL)
        self.options[option][key] = (kind, number(data) if kind == 'N' else data)

    def read(self, option, key):
        return self.key(option, key)[1]

    def read_at(self, option, key, offset, size):
        return self.read(option, key)[offset:offset + size]

    def stat(self, option, key):
        return len(self.read(option, key))

    def get_type(self, option, key):
        return self.key(option, key)[0]

    def set_type(self, option, key, kind):
        old = self.key(option, key)[1]
        if not old and kind == 'N':
            raise Refused(errno.EINVAL)
        self.options[option][key] = (kind, number(old) if kind == 'N' else old)

    def unlink(self, option, key):
        self.key(option, key)
        del self.options[option][key]

    def rename(self, option, key, to_option, to_key):
        kind, data = self.key(option, key)
        target = self.option(to_option)
        if (option, key) == (to_option, to_key):
            return
        if to_key in target:
            kind = target[to_key][0]
            data = number(data) if kind == 'N' else data
        target[to_key] = (kind, data)
        del self.options[option][key]

    # Directories

    def list(self, option):
        return sorted(self.option(option))

    def mkdir(self, option):
        if option in self.options:
            raise Refused(errno.EEXIST)
        self.options[option] = {}

    def rmdir(self, option):
        if self.option(option):
            raise Refused(errno.ENOTEMPTY)
        del self.options[option]

    def move(self, option, to_option):
        keys = self.option(option)
        if option == to_option:
            return
        if self.options.get(to_option):
            raise Refused(errno.ENOTEMPTY)
        self.options[to_option] = keys
        del self.options[option]

    def document(self, option):
        """What is stored, without names that are in memory for a while only."""
        return {key: int(data) if kind == 'N' else data.decode()
                for key, (kind, data) in self.option(option).items() if not is_temporary(key)}
