# SPDX-License-Identifier: Apache-2.0
"""A proxy on loopback that stands between dynconf and a server, records what passes and spoils it on demand.

    with Proxy(('127.0.0.1', 4567)) as proxy:
        proxy.on('Scan', FAULTS['throttle'], times=1, when=later_page)
        gate = proxy.hold('UpdateItem')
        ...
        gate.wait(); gate.release()

Headers pass as they came, Host among them: it is part of what was signed.
"""
import http.client
import json
import socket
import struct
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import formatdate
from typing import Callable, Optional


@dataclass
class Request:
    method: str
    path: str
    headers: list
    body: bytes
    operation: str = ''
    json: dict = field(default_factory=dict)

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


ERROR_XML = '<ErrorResponse><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error></ErrorResponse>'


@dataclass
class Answer:
    status: int
    headers: list
    body: bytes

    def bytes(self):
        lines = [f'HTTP/1.1 {self.status} {http.client.responses.get(self.status, "Other")}']
        lines += [f'{key}: {value}' for key, value in self.headers]
        lines += [f'Content-Length: {len(self.body)}', '', '']
        return '\r\n'.join(lines).encode() + self.body


class Exchange:
    """One request on its way: a fault decides whether it is forwarded, and what comes back."""

    def __init__(self, proxy, connection, request):
        self.proxy, self.connection, self.request = proxy, connection, request

    def forward(self):
        return self.proxy.forward(self.request)

    def send(self, data):
        self.connection.sendall(data)

    def error(self, status, name, message='from the proxy', **headers):
        if self.request.header('X-Amz-Target'):
            kind = 'application/x-amz-json-1.0'
            text = json.dumps({'__type': f'com.amazonaws.dynamodb.v20120810#{name}', 'message': message})
        else:
            kind, text = 'text/xml', ERROR_XML.format(name, message)
        self.send(Answer(status, [('Content-Type', kind), *headers.items()], text.encode()).bytes())

    def reset(self):
        """Ends the connection with RST, as a crashed server's kernel does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        raise ConnectionAbortedError

    def end(self):
        raise ConnectionAbortedError


def passed(exchange):
    exchange.send(exchange.forward().bytes())


def refuse(status, name):
    return lambda exchange: exchange.error(status, name)


def canned(status, kind, body):
    return lambda exchange: exchange.send(Answer(status, [('Content-Type', kind)], body).bytes())


def reset_before(exchange):
    exchange.reset()


def reset_during(exchange):
    data = exchange.forward().bytes()
    exchange.send(data[:len(data) - 5])
    exchange.reset()


def reset_after(exchange):
    exchange.forward()
    exchange.reset()


def truncate(exchange):
    data = exchange.forward().bytes()
    exchange.send(data[:len(data) - 5])
    exchange.end()


def silence(exchange):
    """No answer, and nothing reaches the server, until the client gives up."""
    exchange.connection.recv(1)
    exchange.end()


def slow(seconds):
    """One byte every so many seconds."""
    def fault(exchange):
        for byte in exchange.forward().bytes():
            exchange.send(bytes([byte]))
            time.sleep(seconds)
    return fault


def wrong_crc(exchange):
    answer = exchange.forward()
    answer.headers = [(k, v) for k, v in answer.headers if k.lower() != 'x-amz-crc32']
    answer.headers.append(('x-amz-crc32', '12345'))
    exchange.send(answer.bytes())


FIVE_MINUTES = timedelta(minutes=5)


def punctual(status, name):
    """Refuses, as AWS does, what was signed at another time than now, under a name that does not tell."""
    def fault(exchange):
        signed = exchange.request.header('X-Amz-Date')
        if not signed or abs(datetime.now(timezone.utc) - datetime.strptime(signed, '%Y%m%dT%H%M%S%z')) < FIVE_MINUTES:
            passed(exchange)
        else:
            exchange.error(status, name, 'The signature is not what it should be', Date=formatdate(usegmt=True))
    return fault


def without(*names):
    """An engine that leaves members of these names out of its answers, and of a table's description."""
    def fault(exchange):
        answer = exchange.forward()
        body = json.loads(answer.body)
        for part in (body, body.get('Table', {}), body.get('TableDescription', {})):
            for name in names:
                part.pop(name, None)
        answer.body = json.dumps(body).encode()
        answer.headers = [(k, v) for k, v in answer.headers if k.lower() != 'x-amz-crc32']
        exchange.send(answer.bytes())
    return fault


def limit(items):
    """Makes pages small. Changes what was signed: for servers that do not look at the signature."""
    def fault(exchange):
        request = exchange.request
        request.body = json.dumps({**request.json, 'Limit': items}).encode()
        request.headers = [(k, v) for k, v in request.headers if k.lower() != 'content-length']
        request.headers.append(('Content-Length', str(len(request.body))))
        passed(exchange)
    return fault


HTML = b'<html><body><h1>503 Service Unavailable</h1></body></html>'

FAULTS = {
    'throttle': refuse(400, 'ProvisionedThroughputExceededException'),
    'limit-exceeded': refuse(400, 'ThrottlingException'),
    'denied': refuse(400, 'AccessDeniedException'),
    'error-500': refuse(500, 'InternalServerError'),
    'html-500': canned(500, 'text/html', HTML),
    'html-503': canned(503, 'text/html', HTML),
    'html-200': canned(200, 'text/html', HTML),
    'empty-200': canned(200, 'application/x-amz-json-1.0', b''),
    'object-200': canned(200, 'application/x-amz-json-1.0', b'{}'),
    'reset-before': reset_before,
    'reset-during': reset_during,
    'reset-after': reset_after,
    'truncate': truncate,
    'slow': slow(1),
    'silence': silence,
    'wrong-crc': wrong_crc,
}


def later_page(request):
    return 'ExclusiveStartKey' in request.json


def first_page(request):
    return 'ExclusiveStartKey' not in request.json


class Gate:
    """Holds a request before it is forwarded or, with `answer`, its answer after the server has acted."""

    def __init__(self, answer):
        self.answer = answer
        self.reached, self.opened = threading.Event(), threading.Event()

    def __call__(self, exchange):
        data = exchange.forward().bytes() if self.answer else None
        self.reached.set()
        self.opened.wait()
        exchange.send(data or exchange.forward().bytes())

    def wait(self, seconds=20):
        assert self.reached.wait(seconds), 'the request that the test holds did not come'

    def release(self):
        self.opened.set()


@dataclass
class Rule:
    operation: str
    fault: Callable
    times: Optional[int]
    when: Callable

    def takes(self, request):
        if self.times == 0 or self.operation not in ('*', request.operation) or not self.when(request):
            return False
        if self.times:
            self.times -= 1
        return True


class Proxy:
    def __init__(self, upstream):
        self.upstream = upstream
        self.requests, self.rules, self.gates = [], [], []
        self.lock = threading.Lock()
        self.forwarding, self.settled = 0, threading.Condition()
        self.connections, self.listener = set(), None
        self.port = 0

    def __enter__(self):
        self.listen()
        return self

    def __exit__(self, *_):
        self.clear()
        self.stop()

    @property
    def url(self):
        return f'http://127.0.0.1:{self.port}'

    def on(self, operation, fault, times=None, when=lambda request: True):
        """The fault for the next `times` requests (None: all) of the operation ('*': any); a later rule goes first."""
        with self.lock:
            self.rules.insert(0, Rule(operation, fault, times, when))

    def hold(self, operation, answer=False, times=1, when=lambda request: True):
        gate = Gate(answer)
        self.gates.append(gate)
        self.on(operation, gate, times, when)
        return gate

    def clear(self):
        """Forgets all rules and lets go what is held."""
        with self.lock:
            self.rules.clear()
        for gate in self.gates:
            gate.release()

    def seen(self, operation=None):
        """Of an operation; without: all but DescribeTable, which comes every minute beside everything else."""
        with self.lock:
            return [r for r in self.requests if (r.operation == operation if operation else r.operation != 'DescribeTable')]

    def forget(self):
        with self.lock:
            self.requests.clear()

    def listen(self):
        """Starts listening, again on the same port after stop()."""
        self.listener = socket.create_server(('127.0.0.1', self.port), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def stop(self):
        """From now on connections are refused, and those that stood are gone."""
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None
        self.drop()

    def drop(self):
        """Ends the connections that stand, as a server does with idle ones."""
        with self.lock:
            for connection in self.connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            with connection, connection.makefile('rb') as stream:
                while request := read_request(stream):
                    self._rule_for(request)(Exchange(self, connection, request))
        except (OSError, http.client.HTTPException):
            pass
        finally:
            with self.lock:
                self.connections.discard(connection)

    def _rule_for(self, request):
        with self.lock:
            self.requests.append(request)
            return next((rule.fault for rule in self.rules if rule.takes(request)), passed)

    def forward(self, request):
        """Asks the server over a connection of its own: one that had died while idle would be a fault nobody ordered."""
        server = http.client.HTTPConnection(*self.upstream)
        with self.settled:
            self.forwarding += 1
        try:
            server.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
            for key, value in request.headers:
                server.putheader(key, value)
            server.endheaders(request.body)
            answer = server.getresponse()
            dropped = ('content-length', 'transfer-encoding', 'connection')
            headers = [(k, v) for k, v in answer.getheaders() if k.lower() not in dropped]
            return Answer(answer.status, headers, answer.read())
        finally:
            server.close()
            with self.settled:
                self.forwarding -= 1
                self.settled.notify_all()

    def settle(self):
        """Waits until the server has answered all that was forwarded, although nobody may wait for the answer."""
        with self.settled:
            assert self.settled.wait_for(lambda: self.forwarding == 0, 60)


def read_request(stream):
    line = stream.readline().decode('latin-1').split()
    if len(line) != 3:
        return None
    headers = []
    while text := stream.readline().decode('latin-1').rstrip('\r\n'):
        key, _, value = text.partition(':')
        headers.append((key, value.strip()))
    request = Request(line[0], line[1], headers, b'')
    request.body = stream.read(int(request.header('Content-Length') or 0))
    action = urllib.parse.parse_qs(request.body.decode('latin-1')).get('Action', [''])
    request.operation = (request.header('X-Amz-Target') or action[0]).rpartition('.')[2]
    if request.body.startswith(b'{'):
        request.json = json.loads(request.body)
    return request
