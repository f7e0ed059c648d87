"""A job as UCloud gives one: an ordinary user (uid 11042), a folder that lasts, and nothing more.

Run by root, commands become that user in a mount namespace of their own, in which the interpreter and the installed
packages can be read wherever they lie (below /root, say). Run by anybody else, they stay that user.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.e2e.conftest import answers, free_port
from vos_core.home import Home

ROOT = Path(__file__).resolve().parents[2]
UID = 11042
CODE = ("app.py", "alembic.ini", "Makefile", ".streamlit", "db", "deploy", "pages", "ui", "vos_core")
PACKAGES = Path(sysconfig.get_path("purelib"))
PYTHON = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"


def as_user(command: Sequence[str | Path], setup: str = "") -> list[str]:
    """`command` as the ordinary user. `setup` is run before it, by root in the command's own mount namespace."""
    words = [str(word) for word in command]
    if os.geteuid() != 0:
        return words
    lines = ["set -e", setup]
    needed = (Path(sys.base_prefix), PACKAGES)
    for first in sorted({folder for path in needed for folder in closed(path)})[:1]:
        # A folder that anybody may pass stands in the way of the closed one, and shows only what is needed.
        lines += [f"mount --rbind {first} /mnt", f"mount -t tmpfs -o mode=755 tmpfs {first}"]
        for path in needed:
            if path.is_relative_to(first):
                lines += [f"mkdir -p {path}", f"mount --rbind /mnt/{path.relative_to(first)} {path}"]
    become = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", *words]
    lines.append(f"exec {shlex.join(become)}")
    return ["unshare", "--mount", "--propagation", "private", "bash", "-c", "\n".join(lines)]


def closed(path: Path) -> list[Path]:
    """Folders above `path` that others may not pass, the outermost first."""
    return [folder for folder in reversed(path.parents) if not folder.stat().st_mode & 0o001]


def skip_without_one() -> None:
    """Skip where root cannot become an ordinary user."""
    if os.geteuid() != 0:
        return
    if missing := [tool for tool in ("unshare", "setpriv") if shutil.which(tool) is None]:
        pytest.skip(f"no {missing[0]}: install util-linux")
    tried = subprocess.run(as_user(["true"]), capture_output=True, text=True)
    if tried.returncode != 0:
        pytest.skip(f"no mount namespace can be made here: {tried.stderr.strip()}")


@dataclass
class Job:
    """A throw-away /work: a checkout in a folder of the user's, a home folder that does not last, a port."""

    folder: Path
    port: int
    name: str = "vos-lab"  # of the mounted folder, which is the checkout

    @property
    def checkout(self) -> Path:
        return self.folder / "work" / self.name

    @property
    def script(self) -> Path:
        return self.checkout / "deploy" / "ucloud-init.sh"

    @property
    def home(self) -> Home:
        return Home.from_environment({}, cwd=self.checkout)

    @property
    def venv(self) -> Path:
        return self.checkout / ".venv"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    def own(self) -> None:
        """Give all of it to the user."""
        if os.geteuid() == 0:
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, UID, UID, follow_symlinks=False)

    def environment(self, **settings: str) -> dict[str, str]:
        """What the user's processes get, and nothing of this one's."""
        own = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.folder / "home"), "USER": "ucloud"}
        return {**own, "VOSLAB_PYTHON": str(PYTHON), "VOSLAB_UCLOUD_ETC": str(self.folder / "etc"), **settings}

    def run(self, *options: str, script: Path | None = None, **settings: str) -> subprocess.CompletedProcess[str]:
        """The script, to its end."""
        return self.command("bash", script or self.script, *options, **settings)

    def command(self, *words: str | Path, setup: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        """Any command of the user's."""
        return subprocess.run(
            as_user(words, setup),
            env=self.environment(**settings),
            cwd=self.checkout if self.checkout.exists() else self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def start(self, *options: str, **settings: str) -> subprocess.Popen[str]:
        """The script, in a session of its own, its words in a pipe."""
        return subprocess.Popen(
            as_user(["bash", self.script, *options]),
            env=self.environment(VOSLAB_PORT=str(self.port), **settings),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def answers_within(self, seconds: float, prefix: str = "") -> float:
        """Seconds until the app's health check answers; fails with the log after so many."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if answers(f"http://127.0.0.1:{self.port}{prefix}/_stcore/health"):
                return time.monotonic() - began
            time.sleep(0.05)
        raise AssertionError(f"no answer after {seconds} s: {self.log()}")

    def log(self) -> str:
        """What the script and the app said so far."""
        path = self.home.logs / "app.log"
        return path.read_text() if path.exists() else "(no log)"

    def processes(self) -> list[psutil.Process]:
        """All that lives of this job: the script, the app, its dispatcher, workers."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                mine = process.environ().get("HOME") == str(self.folder / "home")
                if mine and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def kill(self) -> None:
        """The job's end without a warning: SIGKILL to everything at once."""
        for _ in range(20):
            if not (left := self.processes()):
                return
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.send_signal(signal.SIGKILL)
            psutil.wait_procs(left, timeout=0.3)
        raise AssertionError(f"still there: {left}")


@contextlib.contextmanager
def job(requirements: str) -> Iterator[Job]:
    """A job with this checkout, whose requirements.txt is `requirements`; removed afterwards with all it started."""
    skip_without_one()
    # Not pytest's own folder: that one is closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="voslab-ucloud-"))
    folder.chmod(0o755)
    one = Job(folder, free_port())
    try:
        (folder / "home").mkdir()
        (folder / "etc").mkdir()
        for name in CODE:
            source, target = ROOT / name, one.checkout / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "ucloud.conf"))
            else:
                shutil.copy2(source, target)
        (one.checkout / "requirements.txt").write_text(requirements)
        one.own()
        yield one
    finally:
        one.kill()
        shutil.rmtree(folder)


def link_environment(one: Job) -> None:
    """A finished environment in the job's checkout: an interpreter of its own, with the packages of this one."""
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", one.venv], check=True)
    (packages,) = one.venv.glob("lib/python3*/site-packages")
    (packages / "shared.pth").write_text(f"{PACKAGES}\n")
    (one.venv / ".installed").touch()
    one.own()
