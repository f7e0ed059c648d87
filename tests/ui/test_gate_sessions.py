"""Passwords, secret and sessions of the log-in, and the brake on guesses: each with a clock of the test's own."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

import pytest

from ui.gate.brake import ALL_PACE, ALL_TRIES, CLIENTS, FORGET_AFTER, FREE_TRIES, LONGEST_WAIT, Brake, client
from ui.gate.sessions import LIFETIME_SECONDS, SECRET_FILE, Sessions, read_password, read_secret
from ui.notices.access import is_public
from vos_core.errors import InputError

SECRET = bytes(range(32))


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_session_is_good_for_its_time_and_no_longer(clock: Clock) -> None:
    sessions = Sessions("open sesame", SECRET, clock)
    token = sessions.issue()
    assert sessions.valid(token) and sessions.issue() != token
    clock.now += LIFETIME_SECONDS - 1
    assert sessions.valid(token)
    clock.now += 1
    assert not sessions.valid(token)


def longer(token: str) -> str:
    expiry, rest = token.split(".", 1)
    return f"{int(expiry) + 3600}.{rest}"


@pytest.mark.parametrize(
    "forge",
    [
        longer,
        lambda token: token[:-1] + ("0" if token[-1] != "0" else "1"),
        lambda token: token.rpartition(".")[0],
        lambda token: token.rpartition(".")[0] + ".",
        lambda token: token.upper(),
        lambda token: token + ".",
        lambda token: f"x{token}",
        lambda token: token.replace(".", "..", 1),
        lambda _: "",
        lambda _: "..",
        lambda _: "9999999999.nonce.",
        lambda _: "ü.ü.ü\x00",
        lambda _: "1" * 100_000,
    ],
)
def test_forged_sessions_are_none(clock: Clock, forge) -> None:
    sessions = Sessions("open sesame", SECRET, clock)
    token = sessions.issue()
    assert sessions.valid(token)
    assert not sessions.valid(forge(token))


@pytest.mark.parametrize(("password", "secret"), [("open Sesame", SECRET), ("open sesame", bytes(32))])
def test_sessions_of_another_password_or_secret(clock: Clock, password: str, secret: bytes) -> None:
    other = Sessions(password, secret, clock)
    assert not Sessions("open sesame", SECRET, clock).valid(other.issue())
    assert other.cookie != Sessions("open sesame", SECRET, clock).cookie


def test_a_session_outlives_a_restart_until_it_is_ended(clock: Clock) -> None:
    before, after = Sessions("p", SECRET, clock), Sessions("p", SECRET, clock)
    token, other = before.issue(), before.issue()
    assert after.valid(token) and after.cookie == before.cookie
    after.end(token)
    after.end("forged.token.of nobody")
    assert not after.valid(token) and after.valid(other)
    clock.now += LIFETIME_SECONDS
    after.end(after.issue())
    assert len(after._ended) == 1, "what has expired need not be remembered"


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ("pässword", True),
        ("passwort", False),
        ("pässword ", False),
        ("", False),
        ("pässword\0", False),
        ("\ud800", False),
    ],
)
def test_password(clock: Clock, given: str, right: bool) -> None:
    assert Sessions("pässword", SECRET, clock).is_password(given) is right


@pytest.mark.parametrize(
    ("content", "password"), [("secret", "secret"), ("secret\n", "secret"), ("a b \r\n", "a b "), ("a\n\n", "a\n")]
)
def test_password_from_a_file(tmp_path: Path, content: str, password: str) -> None:
    (tmp_path / "password").write_bytes(content.encode())
    assert read_password({"VOSLAB_PASSWORD_FILE": str(tmp_path / "password")}) == password


def test_password_from_the_environment() -> None:
    assert read_password({}) is None
    assert read_password({"VOSLAB_PASSWORD": "secret "}) == "secret "


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"VOSLAB_PASSWORD": ""}, "is set but empty"),
        ({"VOSLAB_PASSWORD_FILE": ""}, "cannot be read"),
        ({"VOSLAB_PASSWORD_FILE": "{tmp}/none"}, "No such file"),
        ({"VOSLAB_PASSWORD_FILE": "{tmp}"}, "directory"),
        ({"VOSLAB_PASSWORD_FILE": "{tmp}/empty"}, "is empty"),
        ({"VOSLAB_PASSWORD_FILE": "{tmp}/binary"}, "not UTF-8"),
        ({"VOSLAB_PASSWORD": "a", "VOSLAB_PASSWORD_FILE": "{tmp}/none"}, "both set"),
    ],
)
def test_an_unusable_password_is_no_open_door(tmp_path: Path, environment: dict[str, str], says: str) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=says):
        read_password({name: value.format(tmp=tmp_path) for name, value in environment.items()})


def test_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    state = tmp_path / "home" / "state"
    secret = read_secret(state)
    assert len(secret) == 32 and read_secret(state) == secret
    assert read_secret(tmp_path / "other") != secret
    assert [path.name for path in state.iterdir()] == [SECRET_FILE]
    path = state / SECRET_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    assert read_secret(state) == secret and stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_damaged_secret_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / SECRET_FILE).write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        read_secret(tmp_path)


def test_a_client_that_fails_waits_longer_each_time(clock: Clock) -> None:
    brake, waits = Brake(clock), []
    for _ in range(FREE_TRIES + 10):
        waits.append(brake.wait("10.0.0.1"))
        clock.now += waits[-1]
        assert brake.wait("10.0.0.1") == 0
        brake.failed("10.0.0.1")
    assert waits == [0] * FREE_TRIES + [1, 2, 4, 8, 16, 32, 64, 128, 256, LONGEST_WAIT]
    assert brake.wait("10.0.0.2") == 0, "others need not wait for it"
    brake.passed("10.0.0.1")
    assert brake.wait("10.0.0.1") == 0


def test_failures_are_forgotten(clock: Clock) -> None:
    brake = Brake(clock)
    for _ in range(8):
        brake.failed("10.0.0.1")
    clock.now += FORGET_AFTER
    brake.failed("10.0.0.1")
    assert brake.wait("10.0.0.1") == 0


def test_many_clients_together_have_a_pace(clock: Clock) -> None:
    brake, tries, start = Brake(clock), 0, clock.now
    while clock.now < start + 600:
        if brake.wait(f"10.1.{tries // 256}.{tries % 256}"):
            clock.now += 0.5
            continue
        brake.failed(f"10.1.{tries // 256}.{tries % 256}")
        tries += 1
    assert tries == pytest.approx(ALL_TRIES + 600 / ALL_PACE, abs=2)
    clock.now += ALL_TRIES * ALL_PACE
    assert brake.wait("10.2.0.1") == 0


def test_memory_of_the_brake_is_bounded(clock: Clock) -> None:
    brake = Brake(clock)
    for number in range(CLIENTS + 500):
        brake.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(brake._clients) == CLIENTS


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("testclient", "", False),
    ],
)
def test_whom_an_address_belongs_to(one: str, other: str, same: bool) -> None:
    assert (client(one) == client(other)) is same


@pytest.mark.parametrize(
    ("address", "public"),
    [("127.0.0.1", False), ("127.8.0.1", False), ("::1", False), ("[::1]", False), ("localhost", False),
     ("unix:///run/app.sock", False), (None, True), ("", True), ("0.0.0.0", True), ("::", True), ("10.0.0.5", True),
     ("node7", True)],
)  # fmt: skip
def test_which_addresses_others_reach(address: str | None, public: bool) -> None:
    assert is_public(address) is public
