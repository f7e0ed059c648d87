"""A real HTTP server on this machine that serves byte strings with ranges, and misbehaves on request."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar


@dataclass(frozen=True)
class Fault:
    """How one request goes wrong. `after` counts the bytes of the answer's body that are sent properly."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    after: int | None = None
    stall: float = 0.0
    hold: threading.Event | None = None  # in place of a stall: until it is set, a minute at most
    length: int | None = None
    ignore_range: bool = False
    shift: int = 0
    body: bytes | None = None


@dataclass
class Served:
    """One path: its bytes, its validator, and the faults of the coming requests (the last one may stay for good)."""

    data: bytes
    etag: str | None = '"1"'
    faults: list[Fault] = field(default_factory=list)
    for_good: bool = False
    announce: bool = True
    headers: dict[str, str] = field(default_factory=dict)

    def fault(self) -> Fault:
        if not self.faults:
            return Fault()
        return self.faults[0] if self.for_good and len(self.faults) == 1 else self.faults.pop(0)


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are what these tests are about."""


class FaultyServer:
    """`files` by path (and query); `requests` is the log of GETs as (path, Range header), `asked` that of all requests
    as (method, path, Authorization header)."""

    def __init__(self) -> None:
        self.files: dict[str, Served] = {}
        self.requests: list[tuple[str, str | None]] = []
        self.asked: list[tuple[str, str, str | None]] = []
        self.sent = 0
        self._server = _Quiet(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def ranges(self, path: str) -> list[str | None]:
        return [asked for served, asked in self.requests if served == path]

    def put(self, path: str, data: bytes, *faults: Fault, **settings: object) -> str:
        self.files[path] = Served(data, faults=list(faults), **settings)  # type: ignore[arg-type]
        return self.url + path

    @contextmanager
    def running(self) -> Iterator[FaultyServer]:
        self._thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version: ClassVar[str] = "HTTP/1.1"

            def log_message(self, *args: object) -> None:
                pass

            def do_HEAD(self) -> None:
                self._answer()

            def do_GET(self) -> None:
                outer.requests.append((self.path, self.headers.get("Range")))
                self._answer()

            def _answer(self) -> None:
                outer.asked.append((self.command, self.path, self.headers.get("Authorization")))
                served = outer.files.get(self.path)
                if served is None:
                    self.send_error(404)
                    return
                fault = served.fault()
                if fault.status is not None:
                    self.send_response(fault.status)
                    for name, value in fault.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                data = fault.body if fault.body is not None else served.data
                start, end, code = 0, len(data), 200
                asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
                same = self.headers.get("If-Range") in (None, served.etag)
                if asked and same and not fault.ignore_range:
                    start, code = int(asked[1]), 206
                    end = min(end, int(asked[2]) + 1) if asked[2] else end
                    if start >= len(data):
                        self.send_response(416)
                        self.send_header("Content-Range", f"bytes */{len(data)}")
                        self.send_header("Content-Length", "0")
                        self.end_headers()
                        return
                    start += fault.shift
                body = data[start:end]
                self.send_response(code)
                if served.etag:
                    self.send_header("ETag", served.etag)
                if code == 206:
                    self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
                for name, value in {**served.headers, **fault.headers}.items():
                    self.send_header(name, value)
                if served.announce:
                    self.send_header("Content-Length", str(len(body) if fault.length is None else fault.length))
                else:
                    self.send_header("Connection", "close")
                    self.close_connection = True
                self.end_headers()
                if self.command == "HEAD":
                    return
                if fault.after is not None:
                    self._send(body[: fault.after])
                    if not fault.stall and fault.hold is None:
                        self.close_connection = True
                        return
                    if fault.hold is not None:
                        fault.hold.wait(60)
                    time.sleep(fault.stall)
                    body = body[fault.after :]
                self._send(body)
                if fault.length is not None:
                    self.close_connection = True

            def _send(self, body: bytes) -> None:
                try:
                    self.wfile.write(body)
                    self.wfile.flush()
                    outer.sent += len(body)
                except OSError:
                    self.close_connection = True

        return Handler
