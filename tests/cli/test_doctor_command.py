"""`doctor` as a command: text to paste, JSON, exit codes; under a Python without packages, or one that is too old."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINE = re.compile(r"(ok  |note|WARN|FAIL)  [a-z ]{11}  \S.*|  {18}-> \S.*")
SECRET = "open sesame 4711"


def doctor(home: Path, *words: str, python: tuple[str, ...] = (sys.executable,), **more: str) -> tuple[int, str, str]:
    """Exit code, output, errors."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("VOSLAB_", "PYTHON"))}
    environment = {**clean, "VOSLAB_HOME": str(home), "STREAMLIT_SERVER_PORT": "1", **more}
    command = [*python, "-m", "vos_core", "doctor", *words]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def test_the_text_can_be_pasted(tmp_path: Path) -> None:
    home = tmp_path / "ada" / "home"
    more = {"HOME": str(tmp_path / "ada"), "LOGNAME": "ada", "VOSLAB_PASSWORD": SECRET}
    code, text, errors = doctor(home, "--quick", **more)
    assert (code, errors) == (0, "")
    *lines, empty, sentence = text.splitlines()
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert (empty, sentence) == ("", "Nothing is wrong.")
    assert "home ~/home (with outputs, checkpoints, data, state) (not there yet): " in text
    assert SECRET not in text
    assert "/ada" not in text
    assert "\x1b" not in text
    assert not home.parent.exists()


def test_a_problem_is_the_exit_code(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/voslab.db").write_text("I am a text" * 99)
    code, text, _ = doctor(tmp_path, "--quick")
    assert code == 1
    assert "FAIL  database     " in text
    assert text.endswith("1 problem: what to do stands below each.\n")


def test_json_for_scripts_and_another_home(tmp_path: Path) -> None:
    code, text, _ = doctor(tmp_path / "not this", "--quick", "--json", "--home", str(tmp_path / "but this"))
    values = json.loads(text)
    assert (code, values["worst"] in ("ok", "note", "warning")) == (0, True)
    assert {"topic", "level", "text", "advice"} == set(values["findings"][0])
    assert "but this" in text
    assert "not this" not in text


def test_without_any_package_there_are_sentences(tmp_path: Path) -> None:
    code, text, errors = doctor(tmp_path, "--quick", python=(sys.executable, "-S"))
    assert code == 1
    assert errors == ""
    assert "Error" not in text
    assert re.search(r"FAIL  packages     \d+ of \d+ packages are missing: ", text)
    assert "FAIL  torch        torch is not installed" in text
    assert "make install" in text


OLD = [path for path in map(shutil.which, ("python2.7", "python3.6", "python3.8", "python3.9", "python3.10")) if path]
OLD += [str(path) for path in Path("~/.pyenv/versions").expanduser().glob("*/bin/python")]


def is_old(python: str) -> bool:
    code = "import sys; sys.exit(sys.version_info >= (3, 11))"
    return subprocess.run([python, "-c", code], capture_output=True).returncode == 0


def test_an_old_python_is_told_in_words(tmp_path: Path) -> None:
    olds = [python for python in OLD if is_old(python)]
    if not olds:
        pytest.skip("no Python before 3.11 here")
    for python in sorted(olds)[:3]:
        code, text, errors = doctor(tmp_path, python=(python, "-B"))
        assert (code, text) == (1, "")
        assert errors.startswith("error: VOS Lab needs Python 3.11 or newer, and this is Python "), errors
        assert "conda create -n voslab python=3.12" in errors


def test_make_doctor_is_the_command(tmp_path: Path) -> None:
    if shutil.which("make") is None:
        pytest.skip("no make")
    shown = subprocess.run(["make", "-n", "doctor"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert ".venv/bin/python -m vos_core doctor" in shown
