"""The command `submission`, on a run of the app's own."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clips import write_dataset
from tests.execution.test_dispatcher import stop_dispatcher
from vos_core.cli import main
from vos_core.home import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    home = Home.from_environment({}, cwd=tmp_path)
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    write_dataset(home.data / "MOSE", {"a": 4, "b": 3}, annotated=1)
    yield home
    stop_dispatcher(home)


def test_a_run_becomes_a_zip(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--dataset", "MOSE", "--model", "static"]) == 0
    out = home.root / "mose.zip"
    assert main(["submission", "MOSE_static", "--out", str(out)]) == 0
    assert "2 videos, 7 frames, 4 objects" in capsys.readouterr().out
    with zipfile.ZipFile(out) as archive:
        assert len(archive.namelist()) == 7 and "a/00003.png" in archive.namelist()

    out.unlink()
    (home.outputs / "MOSE_pred_pngs" / "MOSE_static" / "b" / "00001.png").unlink()
    assert main(["submission", "MOSE_static", "--out", str(out)]) == 1
    assert "error: Video b: frame 00001 has no prediction" in capsys.readouterr().err
    assert not out.exists()
    assert main(["submission", "nope", "--out", str(out)]) == 2


def test_a_run_of_some_videos_is_no_submission(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--dataset", "MOSE", "--model", "static", "--video", "a", "--json"]) == 0
    assert main(["submission", "1", "--out", str(home.root / "mose.zip")]) == 1
    assert "error: Video b has no predictions" in capsys.readouterr().err


def test_imported_masks_are_taken_from_where_they_lie(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--dataset", "MOSE", "--model", "static"]) == 0
    made = home.outputs / "MOSE_pred_pngs" / "MOSE_static"
    elsewhere = home.root / "xmem"
    shutil.copytree(made, elsewhere)
    assert main(["import", "--dataset", "MOSE", "--name", "XMem", "--results_path", str(elsewhere)]) == 0
    out = home.root / "xmem.zip"
    assert main(["submission", "2", "--out", str(out)]) == 0
    with zipfile.ZipFile(out) as archive:
        assert archive.read("b/00002.png") == (elsewhere / "b" / "00002.png").read_bytes()
    capsys.readouterr()
