"""The log-in's password, secret and sessions: what a cookie holds, and whether it is ours. No web in here.

A session is `<expiry>.<nonce>.<mac>`; mac is HMAC-SHA256 over the first two with a key made of the password and of a
random secret in the state folder. So another password or another secret ends all sessions.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from vos_core.errors import InputError

PASSWORD_VARIABLE = "VOSLAB_PASSWORD"
FILE_VARIABLE = "VOSLAB_PASSWORD_FILE"
SECRET_FILE = "gate.key"  # in the state folder
SECRET_BYTES = 32
LIFETIME_SECONDS = 7 * 24 * 3600


def has_password(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process was told to ask for a password."""
    return PASSWORD_VARIABLE in environment or FILE_VARIABLE in environment


def read_password(environment: Mapping[str, str] = os.environ) -> str | None:
    """The password of `VOSLAB_PASSWORD` or in the file `VOSLAB_PASSWORD_FILE`; None when neither is set.

    Raises InputError when it is empty or cannot be read: an app that should be locked must not open instead.
    """
    if not has_password(environment):
        return None
    if PASSWORD_VARIABLE in environment and FILE_VARIABLE in environment:
        raise InputError(f"{PASSWORD_VARIABLE} and {FILE_VARIABLE} are both set: unset one of them.")
    if FILE_VARIABLE in environment:
        path = Path(environment[FILE_VARIABLE]).expanduser()
        try:
            password = path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise InputError(f"The password file {path} ({FILE_VARIABLE}) cannot be read: {why}.") from error
        if not password:
            raise InputError(f"The password file {path} ({FILE_VARIABLE}) is empty: write the password into it.")
        return password
    if not environment[PASSWORD_VARIABLE]:
        raise InputError(f"{PASSWORD_VARIABLE} is set but empty: give it a password, or unset it to have no log-in.")
    return environment[PASSWORD_VARIABLE]


def read_secret(state: Path) -> bytes:
    """The installation's secret, 32 random bytes in `state`, made at first use and readable by its owner alone.

    Raises InputError when it cannot be read or written, or is damaged.
    """
    path = state / SECRET_FILE
    try:
        state.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _write_secret(path)
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        secret = path.read_bytes()
    except OSError as error:
        raise InputError(f"The log-in's secret {path} cannot be read or written: {error.strerror}.") from error
    if len(secret) != SECRET_BYTES:
        raise InputError(f"The log-in's secret {path} is damaged: remove it (all are logged out), and start again.")
    return secret


def _write_secret(path: Path) -> None:
    """Whole or not at all, and the first of two processes wins."""
    new = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
        if not path.exists():
            new.replace(path)
    finally:
        new.unlink(missing_ok=True)


class Sessions:
    """Issues and checks sessions for one password and one secret. Used on the event loop only."""

    def __init__(self, password: str, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        self._key = hmac.digest(secret, b"vos-lab log-in\0" + password.encode(errors="surrogatepass"), hashlib.sha256)
        self._password = self._digest("password", password)
        self._clock = clock
        self._ended: dict[str, int] = {}  # nonce -> expiry of those logged out
        # Two apps on one host share their cookies, whatever their ports: each has a name of its own.
        self.cookie = f"voslab-{self._digest('cookie', '').hex()[:12]}"

    def is_password(self, given: str) -> bool:
        """Whether it is the password; takes the same time for all that is wrong."""
        return hmac.compare_digest(self._digest("password", given), self._password)

    def issue(self) -> str:
        """A new session, good for `LIFETIME_SECONDS`."""
        content = f"{int(self._clock()) + LIFETIME_SECONDS}.{secrets.token_urlsafe(16)}"
        return f"{content}.{self._digest('session', content).hex()}"

    def valid(self, token: str) -> bool:
        """Whether it was issued with this password and secret, and neither expired nor was ended."""
        content, _, mac = token.rpartition(".")
        if not hmac.compare_digest(self._digest("session", content).hex().encode(), mac.encode(errors="replace")):
            return False
        expiry, _, nonce = content.partition(".")
        return int(expiry) > self._clock() and nonce not in self._ended

    def end(self, token: str) -> None:
        """Log out: the session is no longer valid in this process, whoever kept a copy of it."""
        if not self.valid(token):
            return
        now = self._clock()
        self._ended = {nonce: expiry for nonce, expiry in self._ended.items() if expiry > now}
        expiry, nonce = token.split(".")[:2]
        self._ended[nonce] = int(expiry)

    def _digest(self, purpose: str, text: str) -> bytes:
        return hmac.digest(self._key, f"{purpose}\0{text}".encode(errors="surrogatepass"), hashlib.sha256)
