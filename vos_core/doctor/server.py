"""The app: whether one answers at its port, whose it is, who can reach it, and whether it asks for a password.

Passwords are never told: only whether there is one.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vos_core.doctor.interpreter import REPOSITORY
from vos_core.doctor.report import Finding, Level, Topic

PORT = 8501
SECONDS = 3.0
SILENT = "silent"
HEALTH = "/_stcore/health"
PASSWORD, PASSWORD_FILE = "VOSLAB_PASSWORD", "VOSLAB_PASSWORD_FILE"
EVERYWHERE = ("0.0.0.0", "::", "")


def look(environment: Mapping[str, str] = os.environ, port: int | None = None) -> Iterator[Finding]:
    """Findings about `port` (that of `STREAMLIT_SERVER_PORT`, else the 8501 that `make app` takes)."""
    named = environment.get("STREAMLIT_SERVER_PORT", "")
    port = port or (int(named) if named.isdecimal() and 0 < int(named) < 65536 else PORT)
    yield from _password(environment)
    answer = _ask(port)
    if answer is None:
        yield Finding(Topic.APP, Level.OK, f"port {port} is free: make app opens the dashboard there")
        return
    found = _listener(port)
    if found is None:
        if answer == "ok":
            text = f"a Streamlit app answers at port {port}; whose it is cannot be told from here"
            yield Finding(Topic.APP, Level.OK, text)
        else:
            yield Finding(Topic.APP, Level.NOTE, f"port {port} is taken by something else", "make app PORT=8502")
        return
    address, process = found
    if not _is_ours(process):
        text = f"port {port} is taken by another program: {process.name()} (process {process.pid})"
        yield Finding(Topic.APP, Level.NOTE, text, "make app PORT=8502")
        return
    text = f"the app runs at port {port} (process {process.pid})"
    if answer == SILENT:
        text += f", and did not answer within {SECONDS:g} s"
        yield Finding(Topic.APP, Level.PROBLEM, text, f"kill {process.pid}, then make app")
        return
    if answer != "ok":
        text += ", and answers nothing at / by http, as with TLS or a path prefix"
    locked = _has_password(process)
    text += {True: ", asks for a password", False: ", asks for no password", None: ""}[locked]
    if address in EVERYWHERE and locked is False:
        text += ", and listens to other machines: whoever reaches it may do everything"
        yield Finding(Topic.APP, Level.WARNING, text, "Set a password (docs/access.md), or listen to 127.0.0.1 only.")
    else:
        yield Finding(Topic.APP, Level.OK, text)


def _password(environment: Mapping[str, str]) -> Iterator[Finding]:
    """What would keep the app from starting."""
    if PASSWORD in environment and PASSWORD_FILE in environment:
        text = f"{PASSWORD} and {PASSWORD_FILE} are both set: the app does not start"
        yield Finding(Topic.APP, Level.PROBLEM, text, f"unset {PASSWORD}")
    elif PASSWORD in environment:
        if not environment[PASSWORD]:
            text = f"{PASSWORD} is set but empty: the app does not start"
            yield Finding(Topic.APP, Level.PROBLEM, text, f"unset {PASSWORD}")
    elif PASSWORD_FILE in environment:
        try:
            empty = not Path(environment[PASSWORD_FILE]).expanduser().read_text(encoding="utf-8").strip("\r\n")
            why = "is empty" if empty else None
        except (OSError, UnicodeDecodeError) as error:
            why = f"cannot be read ({getattr(error, 'strerror', None) or 'it is not UTF-8 text'})"
        if why:
            text = f"the file of {PASSWORD_FILE} {why}: the app does not start"
            yield Finding(Topic.APP, Level.PROBLEM, text, "Write the password into it (docs/access.md).")


def _ask(port: int) -> str | None:
    """What the health check at `port` answers: None where nobody listens, SILENT where nothing comes, empty where it is
    no http."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", HEALTH)
        return connection.getresponse().read(64).decode(errors="replace").strip()
    except ConnectionRefusedError:
        return None
    except TimeoutError:
        return SILENT
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


def _listener(port: int) -> tuple[str, Any] | None:
    """(address, process) that listens at `port`; None where this user may not see it."""
    import psutil

    with contextlib.suppress(psutil.Error, OSError):
        for one in psutil.net_connections("tcp"):
            if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port and one.pid:
                return one.laddr.ip, psutil.Process(one.pid)
    return None


def _is_ours(process: Any) -> bool:
    import psutil

    with contextlib.suppress(psutil.Error):
        command = process.cmdline()
        return "app.py" in " ".join(command) and Path(process.cwd()) == REPOSITORY
    return False


def _has_password(process: Any) -> bool | None:
    import psutil

    with contextlib.suppress(psutil.Error):
        told = process.environ()
        return PASSWORD in told or PASSWORD_FILE in told
    return None


def can_connect(address: str, seconds: float = SECONDS) -> bool:
    """Whether something listens at HOST:PORT."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), seconds).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True
