# SPDX-License-Identifier: Apache-2.0
"""Changes made elsewhere raise inotify events; what is done here raises them once."""
import os
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest
from conftest import needs
from mounts import PATIENCE, eventually, mounted, run, unmount
from sites import OPTION, SEED, STORE
from watching import Event, Watcher

DB = f'{STORE}/{OPTION}'


@pytest.fixture(params=['values=rw', 'values=ro'])
def watched(local, request):
    """The embedded store, on a mount of either kind."""
    local.put(STORE, OPTION, SEED)
    return local.mount('watch=yes', request.param)


def events_of(mount, name, *what):
    return [Event(each, mount.path(name)) for each in what]


def wrote(mount, name):
    return events_of(mount, name, 'MODIFY', 'CLOSE_WRITE')


def mark(mount, watcher):
    """Everything that was going to be raised has been: what is changed last comes last. Gives what came before."""
    mount.site.put(STORE, 'mark', {'x': {'S': str(os.urandom(8))}})
    mount.refresh()
    store = mount.path(STORE)
    watcher.add(store)
    mount.site.remove(STORE, 'mark')
    mount.refresh()
    return [event for event in watcher.until(Event('DELETE', store / 'mark')) if 'mark' not in str(event.path)]


def test_a_changed_key_raises_modify_and_close_write_for_its_file_and_its_directory(watched):
    with Watcher(watched.path(f'{DB}/host')) as file, Watcher(watched.path(DB)) as folder:
        for text in 'a longer name', 'x', 'xy':
            watched.site.set('host', {'S': text})
            watched.refresh()
            file.until(*wrote(watched, f'{DB}/host'))
            folder.until(*wrote(watched, f'{DB}/host'))
            assert watched.read(f'{DB}/host') == text.encode()


def test_the_new_value_is_there_when_the_event_comes(watched):
    path = watched.path(f'{DB}/host')
    with Watcher(path) as watcher:
        for n in range(30):
            text = 'v' * (n % 7 + 1) + str(n)
            watched.site.set('host', {'S': text})
            watched.refresh()
            watcher.until(*wrote(watched, f'{DB}/host'))
            assert path.read_text() == text and path.stat().st_size == len(text)


def test_keys_that_come_and_go_raise_create_and_delete(watched):
    with Watcher(watched.path(DB)) as watcher:
        watched.site.set('new', {'S': 'x'})
        watched.refresh()
        watcher.until(*events_of(watched, f'{DB}/new', 'CREATE'))
        assert watched.read(f'{DB}/new') == b'x'
        watched.site.put(STORE, OPTION, SEED)
        watched.refresh()
        watcher.until(*events_of(watched, f'{DB}/new', 'DELETE'))
        assert not watched.exists(f'{DB}/new') and watched.ls(DB) == ['host', 'port']


def test_what_was_moved_elsewhere_is_deleted_then_created(watched):
    with Watcher(watched.path(DB)) as watcher:
        for old, new in ('port', 'a'), ('a', 'port'):
            watched.site.put(STORE, OPTION, {'host': SEED['host'], new: SEED['port']})
            watched.refresh()
            watcher.until(Event('DELETE', watched.path(f'{DB}/{old}')), Event('CREATE', watched.path(f'{DB}/{new}')))


def test_options_and_stores_that_come_and_go(watched):
    with Watcher(watched.path(), watched.path(STORE)) as watcher:
        watched.site.put(STORE, 'cache', {'size': {'N': '1'}})
        watched.site.put('test', 'db', SEED)
        watched.refresh()
        watcher.until(Event('CREATE', watched.path(f'{STORE}/cache')))
        eventually(lambda: watched.exists('test/db/host'))
        watcher.add(watched.path('test/db'))
        watched.site.remove(STORE, 'cache')
        watched.site.remove('test', 'db')
        watched.refresh()
        events = watcher.until(Event('DELETE', watched.path('test')))
        assert Event('DELETE', watched.path('test/db/host')) in events
        assert watched.ls() == [STORE] and watched.ls(STORE) == [OPTION]


def test_a_store_that_comes_is_created(watched):
    with Watcher(watched.path()) as watcher:
        assert not watched.exists('test')
        watched.site.put('test', 'db', SEED)
        watched.refresh()
        watcher.until(Event('CREATE', watched.path('test')))
        assert watched.read('test/db/host') == b'db1'


def test_nothing_is_raised_without_a_change(watched):
    with Watcher(watched.path(f'{DB}/host'), watched.path(f'{DB}/port'), watched.path(DB)) as watcher:
        watched.refresh()
        watched.site.set('host', SEED['host'])
        watched.refresh()
        assert mark(watched, watcher) == []


def test_what_is_done_here_is_raised_once(here):
    with Watcher(here.path(DB)) as watcher:
        here.write(f'{DB}/host', b'db2')
        here.sh(f'mv {DB}/port {DB}/moved; echo x > {DB}/new; rm {DB}/new')
        here.refresh()
        events = mark(here, watcher)
    count = {(event.what, event.path.name): events.count(event) for event in events}
    assert count['CLOSE_WRITE', 'host'] == 1 and count['CREATE', 'new'] == 1 and count['DELETE', 'new'] == 1
    assert count['MOVED_FROM', 'port'] == 1 and ('DELETE', 'port') not in count and ('CREATE', 'moved') not in count


def test_no_request_of_the_replay_reaches_the_store(proxied):
    conf = proxied.mount('watch=yes')
    with Watcher(conf.path(DB), conf.path(f'{DB}/host')) as watcher:
        proxied.put(STORE, OPTION, {'host': {'S': 'db2'}, 'new': {'S': 'x'}})
        proxied.proxy.forget()
        conf.refresh()
        watcher.until(Event('DELETE', conf.path(f'{DB}/port')), Event('CREATE', conf.path(f'{DB}/new')),
                      *wrote(conf, f'{DB}/host'))
        assert {request.operation for request in proxied.proxy.seen()} <= {'Scan', 'Query', 'GetItem'}
    assert proxied.get(STORE, OPTION) == {'host': {'S': 'db2'}, 'new': {'S': 'x'}}


def test_many_changes_at_once(local):
    many = {f'k{i:03}': {'S': str(i)} for i in range(300)}
    local.put(STORE, OPTION, many)
    conf = local.mount('watch=yes')
    conf.ls(DB)
    with Watcher(conf.path(DB)) as watcher:
        local.put(STORE, OPTION, {name: {'S': 'other ' + value['S']} for name, value in many.items()})
        conf.refresh()
        watcher.until(*(event for name in many for event in wrote(conf, f'{DB}/{name}')))


# Through bind mounts

@contextmanager
def bound(path, to):
    to.mkdir() if path.is_dir() else to.touch()
    subprocess.run(['mount', '--bind', path, to], check=True)
    try:
        yield to
    finally:
        unmount(to)


def test_a_bind_mounted_directory_and_file_have_events_and_the_new_value(watched, folder, machine):
    with bound(watched.path(DB), folder / 'there') as there, bound(watched.path(f'{DB}/host'), folder / 'file') as file:
        with Watcher(there) as inside, Watcher(file) as alone:
            watched.site.set('host', {'S': 'a longer name'})
            watched.refresh()
            inside.until(Event('MODIFY', there / 'host'), Event('CLOSE_WRITE', there / 'host'))
            alone.until(Event('MODIFY', file), Event('CLOSE_WRITE', file))
            assert (there / 'host').read_text() == file.read_text() == 'a longer name'


def test_what_is_mounted_on_a_key_stays_and_is_not_written(watched, folder, machine):
    other = folder / 'other'
    other.write_text('somebody else\'s')
    subprocess.run(['mount', '--bind', other, watched.path(f'{DB}/host')], check=True)
    try:
        with Watcher(watched.path(DB)) as watcher:
            for text in 'a longer name', 'x':
                watched.site.put(STORE, OPTION, {'host': {'S': text}, 'port': {'N': str(len(text))}})
                watched.refresh()
                watcher.until(*wrote(watched, f'{DB}/port'))
                assert watched.read(f'{DB}/host') == b'somebody else\'s'
        assert other.read_text() == 'somebody else\'s'
    finally:
        unmount(watched.path(f'{DB}/host'))
    eventually(lambda: watched.read(f'{DB}/host') == b'x')


# Who may not, and where the path does not lead here any more

@pytest.mark.parametrize('option', ['values=rw', 'values=ro', 'mode=0400'])
def test_a_daemon_of_an_ordinary_user_raises_them_too(local, user, option):
    local.put(STORE, OPTION, SEED)
    for path in local.folder, *local.folder.iterdir():
        os.chown(path, user, user)
    conf = local.mount('watch=yes', option, user=user)
    needs(shutil.which('inotifywait'), 'inotify-tools')
    db = conf.path(DB)
    with running('inotifywait', '-m', db, db / 'host', user=user, group=user, extra_groups=[]) as program:
        wait_line(program, 'Watches established')
        for key, event in ('host', f'{db}/ CLOSE_WRITE,CLOSE host'), ('new', f'{db}/ CREATE new'):
            local.set(key, {'S': 'a longer name'})
            conf.sh('echo 1 > .control/refresh')
            wait_line(program, event)
            assert conf.sh(f'cat prod/db/{key}') == 'a longer name'


def test_where_something_else_is_mounted_on_top_nothing_is_touched(watched, folder, machine):
    (folder / 'cover' / DB).mkdir(parents=True)
    (folder / 'cover' / DB / 'host').write_text('a file of somebody else')
    with Watcher(watched.path(DB)) as watcher:
        subprocess.run(['mount', '--bind', folder / 'cover', watched.dir], check=True)
        try:
            watched.site.put(STORE, OPTION, {'host': {'S': 'x'}, 'new': {'S': 'y'}})
            eventually(lambda: 'may not be told' in watched.log())
            assert (folder / 'cover' / DB / 'host').read_text() == 'a file of somebody else'
            assert os.listdir(folder / 'cover' / DB) == ['host']
        finally:
            unmount(watched.dir)
        watched.site.set('host', {'S': 'a longer name'})
        watched.refresh()
        watcher.until(*wrote(watched, f'{DB}/host'))
    assert watched.log().count('may not be told') == 1


# Whatever the watcher does

def test_a_watcher_that_reads_writes_and_renames_in_its_handler_blocks_nobody(here):
    with Watcher(here.path(DB)) as watcher:
        stop = threading.Event()

        def handle():
            while not stop.is_set():
                for event in watcher.read(0.01):
                    if event == Event('CLOSE_WRITE', here.path(f'{DB}/host')):
                        here.sh('cat prod/db/*; ls -l prod/db; echo seen > prod/db/seen; mv prod/db/seen prod/db/last;'
                                ' touch prod/db/t; rm prod/db/t')

        thread = threading.Thread(target=handle)
        thread.start()
        for n in range(20):
            here.site.set('host', {'S': f'db{n}'})
            here.refresh()
        eventually(lambda: here.site.value('last') == {'S': 'seen'})
        stop.set()
        thread.join()


def test_umount_is_not_busy_after_changes(watched):
    watcher = Watcher(watched.path(DB))
    watched.site.set('host', {'S': 'x'})
    watched.refresh()
    watcher.until(*wrote(watched, f'{DB}/host'))
    unmount(watched.dir)
    watched.process.wait(PATIENCE)
    assert not mounted(watched.dir)
    watcher.__exit__()


# Programs

@contextmanager
def running(*command, **how):
    process = subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               bufsize=1, **how)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def wait_line(process, wanted):
    while wanted not in (line := process.stdout.readline()):
        assert line, f'{process.args} ended'


def change(mount, text):
    mount.site.set('host', {'S': text})
    mount.refresh()


def test_inotifywait(watched):
    needs(shutil.which('inotifywait'), 'inotify-tools')
    with running('inotifywait', '-m', '-r', '-e', 'close_write', watched.dir) as program:
        wait_line(program, 'Watches established')
        change(watched, 'db2')
        wait_line(program, f'{DB}/ CLOSE_WRITE,CLOSE host')


def test_python_watchdog(watched):
    script = ('import sys, time; from watchdog.observers import Observer\n'
              'from watchdog.events import FileSystemEventHandler\n'
              'class Handler(FileSystemEventHandler):\n'
              '    def on_any_event(self, event): print(event.event_type, event.src_path, flush=True)\n'
              'observer = Observer(); observer.schedule(Handler(), sys.argv[1], recursive=True); observer.start()\n'
              'print("ready", flush=True); time.sleep(100)\n')
    with running(sys.executable, '-c', script, watched.dir) as program:
        wait_line(program, 'ready')
        change(watched, 'db2')
        wait_line(program, f'modified {watched.path(DB)}/host')
        watched.site.set('new', {'S': 'x'})
        watched.refresh()
        wait_line(program, f'created {watched.path(DB)}/new')


def test_tail_follows_a_key(watched):
    change(watched, 'first\n')
    with running('tail', '-F', '-n', '+1', watched.path(f'{DB}/host')) as program:
        wait_line(program, 'first')
        change(watched, 'first\nsecond\n')
        wait_line(program, 'second')


def test_a_path_unit_of_systemd(watched):
    """It watches the file and each directory above it, and looks at the file when something comes."""
    path = watched.path(f'{DB}/host')
    with Watcher(path, *(parent for parent in path.parents if parent.is_relative_to(watched.dir))) as watcher:
        for text in 'db2', 'db33':
            change(watched, text)
            watcher.until(*wrote(watched, f'{DB}/host'))
            assert path.read_text() == text
