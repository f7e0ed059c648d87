"""deploy/ucloud-init.sh as an ordinary user in a throw-away folder: settings, environment, app, and the job's end.

The installations are real ones (the Makefile's, with venv and pip) of two packages of a few bytes; the app runs on the
packages that are installed here. docs/ucloud.md has the figures of a whole installation.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clips import write_dataset
from tests.deploy.ordinary_user import ROOT, UID, Job, job, link_environment

SCRIPT = ROOT / "deploy" / "ucloud-init.sh"
SECOND_START_SECONDS = 60.0  # printed; with all cores taken it is several times that of docs/ucloud.md
# The Makefile installs numpy first; names that it knows, contents of our own.
TINY = "numpy==0.0.1\nvoslab-tiny==1.0\n"


@pytest.fixture(scope="module")
def plain() -> Iterator[Job]:
    """A job of which only settings are asked; nothing is ever made in it."""
    with job(TINY) as one:
        yield one


@pytest.fixture
def bare() -> Iterator[Job]:
    """A job with nothing made yet, and an index that has what its requirements.txt names."""
    with job(TINY) as one:
        index = one.folder / "index"
        index.mkdir()
        for name, version in (("numpy", "0.0.1"), ("voslab_tiny", "1.0")):
            write_wheel(index, name, version)
        one.own()
        yield one


@pytest.fixture
def ready() -> Iterator[Job]:
    """A job whose environment is finished."""
    with job((ROOT / "requirements.txt").read_text()) as one:
        link_environment(one)
        yield one


def write_wheel(folder: Path, name: str, version: str) -> None:
    """A wheel with one module, as PEP 427 wants it."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(text)}")
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"]) + "\n"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)


def index(one: Job) -> dict[str, str]:
    """Settings by which pip finds the packages of a `bare` job."""
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(one.folder / "index")}


def words(answer: subprocess.CompletedProcess[str]) -> str:
    return answer.stdout + answer.stderr


# --- what costs no installation


def test_shellcheck_has_nothing_to_say() -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    if not shellcheck.exists():
        pytest.skip("no shellcheck: make install-dev")
    said = subprocess.run([shellcheck, SCRIPT], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize(
    ("options", "conf", "settings", "sentence"),
    [
        (["--port", "99999"], "", {}, 'The port "99999" is no number from 1 to 65535.'),
        (["--port"], "", {}, "--port needs a value."),
        (["--sever"], "", {}, '"--sever" is no option of this script.'),
        ([], "VOSLAB_MODE=server\n", {}, "VOSLAB_MODE=server: it can be serve, prepare or cluster."),
        ([], "# mine\n\nVOSLAB_PORT = 8502\n", {}, 'line 3: "VOSLAB_PORT = 8502" is no setting.'),
        ([], "rm -rf everything\n", {}, 'line 1: "rm -rf everything" is no setting.'),
        ([], "VOSLAB_PORT=0\r\n", {}, 'The port "0" is no number'),
        (["--prepare"], "", {"VOSLAB_HOME": "work"}, "VOSLAB_HOME=work: give the whole path"),
        (["--prepare"], "", {"VOSLAB_CHECKOUT": "/nowhere"}, "There is no VOS Lab in /nowhere: put its code there"),
        (
            ["--prepare"],
            "",
            {"VOSLAB_CHECKOUT": "/proc/lab", "VOSLAB_REPOSITORY": "/nowhere"},
            '/proc cannot be written: add the folder to the job without "read-only"',
        ),
        (["--prepare"], "", {"VOSLAB_PYTHON": "/bin/true-not"}, "VOSLAB_PYTHON=/bin/true-not is no Python 3.11"),
    ],
)
def test_a_wrong_setting_is_one_sentence(
    plain: Job, options: list[str], conf: str, settings: dict[str, str], sentence: str
) -> None:
    file = plain.script.parent / "ucloud.conf"
    file.write_text(conf)
    answer = plain.run(*options, **settings)
    file.unlink()
    assert answer.returncode == 2
    assert sentence in words(answer)
    assert not plain.venv.exists()


@pytest.mark.parametrize("line", ["VOSLAB_MIRROR_MOSEV2=https://m", "HF_TOKEN=x", "TORCH=torch==2.13.0+cu126"])
def test_a_setting_that_the_documents_name_is_one(plain: Job, line: str) -> None:
    conf = plain.script.parent / "ucloud.conf"
    conf.write_text(f"{line}\n")
    answer = plain.run("--help")
    conf.unlink()
    assert answer.returncode == 0, words(answer)


@pytest.mark.parametrize("written", ['"70000"', "'70000'", "70000  ", '"70000"  \r'])
def test_quotes_and_blanks_around_a_value_are_no_part_of_it(plain: Job, written: str) -> None:
    conf = plain.script.parent / "ucloud.conf"
    conf.write_bytes(f"VOSLAB_PORT={written}\n".encode())
    assert 'The port "70000" is' in words(plain.run())
    conf.unlink()


def test_an_environment_elsewhere_has_no_blanks_in_its_path(plain: Job) -> None:
    answer = plain.run("--prepare", VOSLAB_VENV="/work/my venv")
    assert answer.returncode == 2 and "give a path without blanks" in words(answer)


@pytest.mark.slow
def test_a_folder_with_blanks_in_its_name(bare: Job) -> None:
    bare.checkout.rename(bare.checkout.with_name("VOS Lab"))
    bare.name = "VOS Lab"
    bare.own()
    answer = bare.run("--prepare", **index(bare))
    assert answer.returncode == 0, words(answer)
    assert (bare.venv / ".installed").exists()
    assert sorted(path.name for path in bare.checkout.parent.iterdir()) == ["VOS Lab"]


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(plain: Job) -> None:
    conf = plain.script.parent / "ucloud.conf"
    conf.write_text("VOSLAB_PORT=70000\nVOSLAB_MODE=prepare")
    assert 'The port "70000"' in words(plain.run())
    assert 'The port "80000"' in words(plain.run(VOSLAB_PORT="80000"))
    conf.unlink()


def test_without_a_python_it_says_what_to_do(plain: Job) -> None:
    old = plain.folder / "old"
    old.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python"):
        (old / name).write_text('#!/bin/sh\n[ "$1" = -V ] && echo Python 3.10.12 && exit 0\nexit 1\n')
        (old / name).chmod(0o755)
    (old / "uv").write_text("#!/bin/sh\nexit 1\n")
    (old / "uv").chmod(0o755)
    answer = plain.run("--prepare", VOSLAB_PYTHON="", PATH=f"{old}:/usr/bin:/bin")
    assert answer.returncode == 2
    assert "this image has none (Python 3.10.12): start the job with a newer version of the app" in words(answer)
    assert not plain.venv.exists()


def test_without_make_it_says_what_to_do(plain: Job) -> None:
    tools = plain.folder / "bin"
    tools.mkdir()
    for name in ("bash", "cat", "cut", "date", "df", "dirname", "awk", "mkdir", "readlink", "tee", "wc", "rm"):
        found = shutil.which(name)
        assert found is not None
        (tools / name).symlink_to(found)
    setpriv = shutil.which("setpriv")
    if os.geteuid() == 0 and setpriv is not None:
        for name in ("setpriv", "unshare", "mount", "mktemp"):
            (tools / name).symlink_to(str(shutil.which(name)))
    answer = plain.run("--prepare", PATH=str(tools))
    assert answer.returncode == 2
    assert "There is no make on this image: make the environment once in an app that has it" in words(answer)


def test_a_copy_of_the_script_alone_clones_the_code(bare: Job) -> None:
    source = bare.folder / "source"
    shutil.move(bare.checkout, source)
    bare.checkout.mkdir()
    alone = bare.folder / "work" / "ucloud-init.sh"
    shutil.copy2(SCRIPT, alone)
    git = ["git", "-C", str(source), "-c", "user.name=t", "-c", "user.email=t@localhost"]
    git += ["-c", "safe.directory=*"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *command], check=True, capture_output=True)
    bare.own()
    assert "put its code there, or set VOSLAB_REPOSITORY" in words(bare.run("--prepare", script=alone))
    missing = bare.run("--prepare", script=alone, VOSLAB_REPOSITORY=str(bare.folder / "nothing"))
    assert "could not be cloned" in words(missing)
    # Python is looked for only after the clone: its sentence shows that the code is there.
    cloned = bare.run("--prepare", script=alone, VOSLAB_REPOSITORY=str(source), VOSLAB_PYTHON="/none")
    assert "VOSLAB_PYTHON=/none is no Python" in words(cloned)
    assert (bare.checkout / "app.py").is_file()
    assert [path.name for path in bare.checkout.parent.iterdir() if "clone" in path.name or "lock" in path.name] == []


# --- the environment


@pytest.mark.slow
def test_killed_starts_are_mended_two_at_once_do_it_once_and_the_next_does_nothing(bare: Job) -> None:
    first = bare.start("--prepare", **index(bare))
    until(bare.python.exists, 60, bare)
    bare.kill()
    first.communicate()
    assert (bare.venv / ".unfinished").exists()
    assert (bare.checkout / ".venv.lock").exists()

    both = [bare.start("--prepare", **index(bare)) for _ in range(2)]
    said = [one.communicate(timeout=100)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert "has ended without finishing: going on in its place" in "".join(said)
    assert sum("making it was interrupted. Making it anew" in text for text in said) == 1
    assert sum("is at work here: waiting for it" in text for text in said) == 1
    assert [path.name for path in bare.checkout.glob(".venv*")] == [".venv"]
    assert not (bare.venv / ".unfinished").exists()
    if os.geteuid() == 0:
        assert (bare.venv / ".installed").stat().st_uid == UID
    assert tiny_version(bare) == "1.0"

    before = (bare.venv / ".installed").stat().st_mtime_ns
    again = bare.run("--prepare", PIP_NO_INDEX="1")
    assert again.returncode == 0
    assert "Making" not in words(again)
    assert (bare.venv / ".installed").stat().st_mtime_ns == before

    # New requirements: without an index nothing is lost; with one, what is new goes into the same environment.
    write_wheel(bare.folder / "index", "voslab_tiny", "1.1")
    (bare.checkout / "requirements.txt").write_text(TINY.replace("1.0", "1.1"))
    offline = bare.run("--prepare", PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_RETRIES="0")
    assert offline.returncode == 2
    assert "The packages could not be fetched: the job reaches no package index" in words(offline)
    assert tiny_version(bare) == "1.0"
    online = bare.run("--prepare", **index(bare))
    assert online.returncode == 0, words(online)
    assert "anew" not in words(online)
    assert tiny_version(bare) == "1.1"

    # Another image: the Python that it was made with is not there.
    bare.python.unlink()
    bare.python.symlink_to("/opt/gone/python3.10")
    other = bare.run("--prepare", VOSLAB_PYTHON="/none")
    assert "(/opt/gone/python3.10) is not on this image, or it is damaged. Making it anew" in words(other)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small disk")
def test_a_full_disk_is_said(bare: Job) -> None:
    small = bare.folder / "small"
    small.mkdir()
    disk = f"mount -t tmpfs -o size=6m,mode=777 tmpfs {small}"
    full = bare.command("bash", bare.script, "--prepare", setup=disk, VOSLAB_VENV=str(small / "venv"), **index(bare))
    assert full.returncode == 2
    assert re.search(r"The disk is full: \d MB are free for .*small/venv", words(full)), words(full)


def tiny_version(one: Job) -> str:
    """Which release of the small package the job's environment has."""
    return one.command(one.python, "-c", "import voslab_tiny; print(voslab_tiny.version)").stdout.strip()


@pytest.mark.slow
def test_an_environment_that_cannot_be_written_is_used_as_it_is(ready: Job) -> None:
    (ready.checkout / "requirements.txt").touch()  # make would have something to do
    ready.venv.chmod(0o555)
    answer = ready.run("--prepare")
    assert answer.returncode == 0, words(answer)
    ready.venv.chmod(0o755)
    (ready.venv / ".unfinished").touch()
    ready.venv.chmod(0o555)
    broken = ready.run("--prepare")
    assert broken.returncode == 2
    assert "and cannot be written: start a job that has the folder with write access" in words(broken)


# --- the app


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_killed_in_the_middle_of_a_run_the_next_job_ends_it(ready: Job) -> None:
    write_dataset(ready.home.data / "DAVIS", {f"v{index}": 60 for index in range(4)})
    ready.own()
    ready.start()
    ready.answers_within(60)
    password = ready.home.state / "password"
    assert re.fullmatch("[a-hjkmnp-z2-9]{20}", chosen := password.read_text())
    assert stat.S_IMODE(password.stat().st_mode) == 0o600
    assert status_of(f"http://127.0.0.1:{ready.port}/") == 401
    launched = ready.command(
        *(ready.python, "-m", "vos_core", "run", "--dataset", "DAVIS", "--model", "propagation", "--detach"),
        VOSLAB_CPU_WORKERS="1",
    )
    assert launched.returncode == 0, launched.stderr
    until(lambda: records(ready), 60, ready)
    ready.kill()
    made = records(ready)
    assert 1 <= len(made) < 4

    # Mounted under another name: nothing that was made may know the old one.
    old = ready.checkout
    ready.name = "elsewhere"
    old.rename(ready.checkout)
    app = ready.start()
    seconds = ready.answers_within(SECOND_START_SECONDS)
    print(f"second start: {seconds:.1f} s")
    until(lambda: run_state(ready) == "done", 90, ready)
    after = records(ready)
    assert len(after) == 4
    assert {video: after[video] for video in made} == made, "a finished video was made again"
    assert (ready.home.state / "password").read_text() == chosen
    assert chosen not in ready.log()

    # The job's end with a warning: the app and all that it started end by themselves.
    app.send_signal(signal.SIGTERM)
    app.communicate(timeout=20)
    until(lambda: not ready.processes(), 15, ready)


@pytest.mark.slow
def test_behind_a_proxy_on_the_same_machine(ready: Job) -> None:
    with socket.create_server(("127.0.0.1", ready.port)):
        taken = ready.run("--local", VOSLAB_PORT=str(ready.port))
        assert taken.returncode == 2
        assert f"Port {ready.port} is taken by another server" in words(taken)
    (ready.folder / "cpu.max").write_text("350000 100000\n")
    ready.start("--local", "--prefix", "absproxy/8501", VOSLAB_CGROUP=str(ready.folder))
    ready.answers_within(60, "/absproxy/8501")
    assert "Workers for models that run on the CPU: 3," in ready.log()
    assert f"Starting the app on 127.0.0.1:{ready.port}" in ready.log()
    assert status_of(f"http://127.0.0.1:{ready.port}/absproxy/8501/") == 200
    assert not (ready.home.state / "password").exists()


def until(condition: Callable[[], object], seconds: float, one: Job) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, one.log()
        time.sleep(0.1)


def status_of(url: str) -> int:
    """The status of a page's answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": "text/html"}), timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def records(one: Job) -> dict[str, int]:
    """Finished videos, and when each was made."""
    paths = one.home.outputs.glob("*/*/*/.voslab.json")
    return {path.parent.name: path.stat().st_mtime_ns for path in paths if not path.parent.name.startswith(".tmp-")}


def run_state(one: Job) -> str:
    answer = one.command(one.python, "-m", "vos_core", "status", "--json")
    assert answer.returncode == 0, answer.stderr
    (run,) = json.loads(answer.stdout)["runs"]
    return str(run["state"])
