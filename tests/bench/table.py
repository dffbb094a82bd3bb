# SPDX-License-Identifier: Apache-2.0
"""A store in a table of a server on loopback: what a reload takes beside curl, which fetches the same pages."""
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / 'integration')]


def fill(client, table, items):
    for start in range(0, len(items), 25):
        client.batch_write_item(RequestItems={table: [{'PutRequest': {'Item': item}}
                                                      for item in items[start:start + 25]]})


def curl_config(requests, folder, server):
    """The requests as they went, for one curl that keeps its connection."""
    lines = []
    for i, request in enumerate(requests):
        body = folder / f'body-{i}'
        body.write_bytes(request.body)
        lines += ['next'] if i else []
        lines += [f'url = "{server.url}{request.path}"', f'data-binary = "@{body}"', 'output = "/dev/null"', 'silent',
                  'fail', *(f'header = "{key}: {value}"' for key, value in request.headers if key != 'Content-Length')]
    path = folder / 'curl'
    path.write_text('\n'.join(lines) + '\n')
    return path


def timed(action):
    start = time.monotonic()
    action()
    return time.monotonic() - start


class Table:
    """`items` in DynamoDB's typed form, in a table of that server, mounted by that program."""

    def __init__(self, program, folder, name, items):
        os.environ['DYNCONF'] = str(program)
        from mounts import Mount
        from proxy import Proxy
        from servers import REGION, Server
        folder.mkdir()
        self.folder, self.server = folder, Server(name, folder)
        table = self.server.take_table()
        fill(self.server.client, table, items)
        self.mount, self.proxy, self.region = Mount, Proxy, REGION
        self.source = f'dynamodb:{table}'

    def mounted(self, url, name):
        return self.mount(self.source, self.folder / name, 'ttl=86400', 'log-level=error', f'endpoint-url={url}',
                          f'region={self.region}', 'timeout=60')

    def pages(self):
        """The requests of a reload, seen by a proxy that is not there when time is taken."""
        with self.proxy(('127.0.0.1', self.server.port)) as proxy, self.mounted(proxy.url, 'seen') as mount:
            proxy.forget()
            mount.refresh()
            return proxy.seen('Scan')

    def measure(self, rounds):
        """(seconds of a reload, seconds of curl, pages)"""
        requests = self.pages()
        config = curl_config(requests, self.folder, self.server)
        curl = ['curl', '--config', str(config)]
        with self.mounted(self.server.url, 'mnt') as mount:
            times = [(timed(mount.refresh), timed(lambda: subprocess.run(curl, check=True)))
                     for _ in range(rounds + 1)]
        ours, theirs = zip(*times[1:])
        return median(ours), median(theirs), len(requests)

    def end(self):
        self.server.stop()
