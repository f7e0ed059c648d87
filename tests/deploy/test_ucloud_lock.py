"""deploy/ucloud-init.sh: of several starts with one folder, on one machine or more, one at a time is at work."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.ordinary_user import Job, job

BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
# Of a process of this machine with a number above that of any.
DEAD = f"4194305 {BOOT} {Path('/proc/self/ns/pid').readlink()} {os.uname().nodename} 12\n"


@pytest.fixture
def waiting() -> Iterator[Job]:
    """A job of which nothing is made."""
    with job("numpy==0.0.1\n") as one:
        yield one


@pytest.mark.slow
@pytest.mark.parametrize(("beats", "taken_over"), [(8, False), (0, True)])
def test_the_lock_of_another_machine_holds_as_long_as_it_counts(waiting: Job, beats: int, taken_over: bool) -> None:
    target = waiting.folder / "work" / "other"
    lock = target.with_name("other.lock")
    lock.mkdir()
    (lock / "holder").write_text("1 another-boot another-namespace node-7 12\n")
    waiting.own()

    def hold() -> None:
        for count in range(beats):
            (lock / "beat").write_text(f"{count}\n")
            time.sleep(1)
        if beats:
            shutil.rmtree(lock)

    holder = threading.Thread(target=hold)
    holder.start()
    nothing = {"VOSLAB_REPOSITORY": str(waiting.folder / "nothing"), "VOSLAB_CHECKOUT": str(target)}
    answer = waiting.run("--prepare", VOSLAB_LOCK_SILENCE="5", **nothing)
    holder.join()
    said = answer.stdout + answer.stderr
    assert "Another start (on node-7) is at work here: waiting for it" in said
    assert ("going on in its place" in said) == taken_over
    assert "could not be cloned" in said  # which is what it had the lock for
    assert not lock.exists()


@pytest.mark.slow
def test_of_many_that_find_the_lock_of_a_killed_start_one_at_a_time_goes_on(waiting: Job) -> None:
    """Each clones with a git that says so where another one is at it, and then fails: the next one has its turn."""
    tools = waiting.folder / "tools"
    tools.mkdir()
    git = tools / "git"
    git.write_text(
        '#!/bin/sh\nmkdir "$INSIDE" || { echo "two at once"; exit 1; }\nsleep 0.05\nrmdir "$INSIDE"\nexit 1\n'
    )
    git.chmod(0o755)
    settings = {
        "VOSLAB_REPOSITORY": str(waiting.folder / "nothing"),
        "INSIDE": str(waiting.folder / "work" / "inside"),
        "PATH": f"{tools}:{os.environ['PATH']}",
    }
    for turn in range(5):
        target = waiting.folder / "work" / f"other-{turn}"
        lock = target.with_name(f"{target.name}.lock")
        lock.mkdir()
        nameless = turn == 1  # killed before it could say who it is: only its silence tells
        if not nameless:
            (lock / "holder").write_text(DEAD)
        if turn == 0:  # as of one that was killed while it took a lock away
            shutil.copytree(lock, target.with_name(f"{lock.name}.gone.{os.getpid()}"))
        waiting.own()
        starts = [
            waiting.start(
                "--prepare", VOSLAB_CHECKOUT=str(target), VOSLAB_LOCK_SILENCE="6" if nameless else "30", **settings
            )
            for _ in range(6)
        ]
        said = [start.communicate(timeout=100)[0] for start in starts]
        assert [start.returncode for start in starts] == [2] * 6, said
        assert all("could not be cloned" in text and "two at once" not in text for text in said), said
        assert sum("going on in its place" in text for text in said) == 1
        assert not list(target.parent.glob(f"{target.name}*"))


def test_a_lock_that_cannot_be_removed_is_named(waiting: Job) -> None:
    above = waiting.folder / "work" / "kept"
    lock = above / "other.lock"
    lock.mkdir(parents=True)
    (lock / "holder").write_text(DEAD)
    waiting.own()
    above.chmod(0o555)
    answer = waiting.run("--prepare", VOSLAB_REPOSITORY="/none", VOSLAB_CHECKOUT=str(above / "other"))
    above.chmod(0o755)
    assert answer.returncode == 2
    assert f"{lock} was left by a start that has ended, and cannot be removed" in answer.stderr
    assert lock.exists()


@pytest.mark.slow
@pytest.mark.parametrize("end", ["its job's end", "kill"])
def test_what_an_ended_start_had_begun_ends_before_another_begins(waiting: Job, end: str) -> None:
    """Killed alone, or asked to end while its installation still writes: nobody has asked yet how it ended."""
    tools = waiting.folder / "tools"
    tools.mkdir()
    make = tools / "make"
    make.write_text('#!/bin/sh\ntrap \'\' TERM\necho begins >>"$MADE"\nsleep 4\necho ends >>"$MADE"\n')
    make.chmod(0o755)
    made = waiting.folder / "work" / "made"
    waiting.own()
    settings = {"PATH": f"{tools}:{os.environ['PATH']}", "MADE": str(made)}
    first = waiting.start("--prepare", **settings)
    deadline = time.monotonic() + 60
    while not made.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL if end == "kill" else signal.SIGTERM)
    second = waiting.start("--prepare", **settings)
    said = second.communicate(timeout=100)[0]
    first.communicate(timeout=100)
    assert second.returncode == 0, said
    assert made.read_text().split() == ["begins", "ends"] * 2
    assert first.returncode == (-signal.SIGKILL if end == "kill" else 143)
    assert ("going on in its place" in said) == (end == "kill")
    assert [path.name for path in waiting.checkout.glob(".venv*")] == [".venv"]
