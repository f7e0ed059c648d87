"""The app's port: free, another's, ours, open to all. Real servers listen; their processes tell whose they are."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vos_core.doctor.report import Finding, Level
from vos_core.doctor.server import can_connect, look

ROOT = Path(__file__).resolve().parents[2]
SECRET = "open sesame 4711"
SERVER = """
import http.server, sys, time
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if sys.argv[2] == "hang":
            time.sleep(60)
        body = sys.argv[2].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words): pass
server = http.server.HTTPServer((sys.argv[1], 0), Answer)
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextmanager
def listening(*words: str, cwd: Path = ROOT, **environment: str) -> Iterator[int]:
    """A process that serves `words[1]` at address `words[0]`; yields its port."""
    command = [sys.executable, "-c", SERVER, *words]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("VOSLAB_")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=cwd, env={**clean, **environment}) as child:
        try:
            assert child.stdout is not None
            yield int(child.stdout.readline())
        finally:
            child.send_signal(signal.SIGKILL)


def findings(port: int, **environment: str) -> list[Finding]:
    return list(look({"STREAMLIT_SERVER_PORT": str(port), **environment}))


@pytest.mark.parametrize(
    ("words", "environment", "level", "text"),
    [
        (["127.0.0.1", "ok", "app.py"], {}, Level.OK, "the app runs at port"),
        (["127.0.0.1", "ok", "app.py"], {}, Level.OK, "asks for no password"),
        (["0.0.0.0", "ok", "app.py"], {}, Level.WARNING, "listens to other machines: whoever reaches it may do"),
        (["0.0.0.0", "ok", "app.py"], {"VOSLAB_PASSWORD": SECRET}, Level.OK, "asks for a password"),
        (["127.0.0.1", "no", "app.py"], {}, Level.OK, "answers nothing at / by http, as with TLS or a path prefix"),
        (["127.0.0.1", "hang", "app.py"], {}, Level.PROBLEM, "did not answer within 3 s"),
        (["127.0.0.1", "ok", "other.py"], {}, Level.NOTE, "is taken by another program: python"),
    ],
)
def test_who_listens_at_the_port(words: list[str], environment: dict[str, str], level: Level, text: str) -> None:
    with listening(*words, **environment) as port:
        (one,) = findings(port)
    assert one.level is level, one
    assert text in one.text
    assert SECRET not in f"{one}"


def test_an_app_of_another_folder_is_not_ours(tmp_path: Path) -> None:
    with listening("127.0.0.1", "ok", "app.py", cwd=tmp_path) as port:
        (one,) = findings(port)
    assert "another program" in one.text
    assert one.advice == "make app PORT=8502"


def test_a_port_that_is_free() -> None:
    with socket.socket() as mine:
        mine.bind(("127.0.0.1", 0))
        port = mine.getsockname()[1]
        (one,) = findings(port)  # bound, and nobody listens
    assert (one.level, one.text) == (Level.OK, f"port {port} is free: make app opens the dashboard there")


@pytest.mark.parametrize(
    ("environment", "text"),
    [
        ({"VOSLAB_PASSWORD": SECRET}, None),
        ({"VOSLAB_PASSWORD": ""}, "VOSLAB_PASSWORD is set but empty: the app does not start"),
        ({"VOSLAB_PASSWORD": SECRET, "VOSLAB_PASSWORD_FILE": "x"}, "are both set"),
        ({"VOSLAB_PASSWORD_FILE": "/nowhere/at/all"}, "cannot be read (No such file or directory)"),
        ({"VOSLAB_PASSWORD_FILE": "EMPTY"}, "the file of VOSLAB_PASSWORD_FILE is empty"),
        ({"VOSLAB_PASSWORD_FILE": "FULL"}, None),
    ],
)
def test_passwords_that_keep_the_app_shut(environment: dict[str, str], text: str | None, tmp_path: Path) -> None:
    (tmp_path / "EMPTY").write_text("\n")
    (tmp_path / "FULL").write_text(f"{SECRET}\n")
    environment = {key: str(tmp_path / value) if value.isupper() else value for key, value in environment.items()}
    with socket.socket() as mine:
        mine.bind(("127.0.0.1", 0))
        found = findings(mine.getsockname()[1], **environment)
    problems = [one.text for one in found if one.level is Level.PROBLEM]
    assert len(problems) == (text is not None)
    assert text is None or text in problems[0]
    assert SECRET not in f"{found}"


@pytest.mark.parametrize("address", ["", "nonsense", "127.0.0.1:x", "127.0.0.1:99999999"])
def test_addresses_that_are_none(address: str) -> None:
    assert not can_connect(address)
