"""A database that was lost or damaged, made anew from what real workers left in the runs' folders."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from db import damage, queries, schema
from db.backup import back_up
from db.labels import label_runs
from db.session import engine_for
from tests.clips import write_dataset
from tests.execution.test_dispatcher import ended, launch, rows, stop_dispatcher, until
from vos_core.cli import main
from vos_core.execution import lease, submit
from vos_core.execution.rebuild import UNGROUPED, Rebuilt, rebuild
from vos_core.home import Home
from vos_core.imports import plan_import

VIDEOS = {"short": 6, "long": 12}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which two models ran over two videos, and masks were imported: done by a real dispatcher."""
    home = Home.from_environment({}, cwd=tmp_path_factory.mktemp("finished"))
    dataset = write_dataset(home.data / "DAVIS", VIDEOS)
    ids = launch(home, "static", "propagation", sizes=(2,))
    until(lambda: ended(home, ids), 90)
    from vos_core.datasets import open_dataset

    elsewhere = home.root / "elsewhere"
    shutil.copytree(home.locate(rows(home, ids)[0].folder), elsewhere, ignore=lambda *_: [".voslab.json", "run.json"])
    answer = submit.wait(home, submit.submit(plan_import(home, open_dataset(dataset), "theirs", elsewhere), home))
    until(lambda: ended(home, answer["runs"]), 60)
    stop_dispatcher(home)
    label_runs(home.database, ids[:1], title="baseline", notes="look here", add_tags=["paper"])
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return home.root


@pytest.fixture
def home(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A copy of that home."""
    copy = tmp_path / "home"
    shutil.copytree(finished, copy)
    home = Home.from_environment({}, cwd=copy)
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    schema.ensure.cache_clear()
    yield home
    stop_dispatcher(home)
    engine_for(home.database).dispose()


def lose(home: Home) -> None:
    """The database, and no copy: those in `backups` stay."""
    for path in home.state.glob("voslab.db*"):
        path.unlink()
    schema.ensure.cache_clear()
    schema.ensure(home.database)


def made_anew(home: Home) -> Rebuilt:
    held = lease.take(home.database)
    assert held is not None
    try:
        return rebuild(home, held)
    finally:
        held.release()


TABLES = {
    "run": "id, name, folder, predictions, reference, fingerprint, settings, dataset_path, split, model, memory_size, "
    "state, scorable, created_at, videos, frames, objects, videos_done, videos_failed, frames_done, score_kind, "
    "jf_mean, j_mean, j_recall, j_decay, f_mean, f_recall, f_decay, decode_s, inference_s, write_s, evaluation_s, "
    "busy_s, load_s, wait_s, provenance",
    "ablation": "name, command, created_at",
    "video_task": "run_id, position, video, frames, objects, height, width, annotated, kind, state, attempt, "
    "frames_done, error, j_mean, f_mean, decode_s, inference_s, write_s, wall_s, peak_host_bytes, device_name",
    "object_score": "object_id, j_mean, j_recall, j_decay, f_mean, f_recall, f_decay",
    "frame_score": "object_id, frame, j, f",
    "failure_episode": 'object_id, start, "end", kind, worst_frame, worst_score, frames, severity',
}


def content(home: Home) -> dict[str, list[Any]]:
    """Everything of runs but what is a matter of the moment (row numbers, worker names, times of writing)."""
    with closing(sqlite3.connect(home.database)) as connection:
        return {
            table: sorted(connection.execute(f"SELECT {columns} FROM {table}").fetchall(), key=repr)
            for table, columns in TABLES.items()
        }


@pytest.mark.slow
def test_everything_of_the_runs_comes_back(home: Home) -> None:
    before = content(home)
    times = {run.id: (run.started_at, run.finished_at, run.active_s) for run in queries.runs(home.database)}
    assert len(before["frame_score"]) == 3 * 2 * (4 + 10)
    lose(home)
    rebuilt = made_anew(home)
    assert (rebuilt.runs, rebuilt.videos, rebuilt.missing, rebuilt.unscored, rebuilt.ungrouped) == (3, 6, 0, 0, 0)
    assert rebuilt.problems == ()
    assert any("stood in the database alone" in sentence for sentence in rebuilt.sentences)
    assert content(home) == before
    for run in queries.runs(home.database):
        started, finished, active = times[run.id]
        assert (run.started_at, run.finished_at) == (pytest.approx(started, abs=30), pytest.approx(finished, abs=30))
        assert 0 < run.active_s < active + 30
    assert made_anew(home).there == 3, "a second time changes nothing"
    assert content(home) == before


@pytest.mark.slow
def test_a_damaged_database_is_rebuilt_by_the_next_dispatcher(home: Home) -> None:
    """Labels come from what can still be read of it; nothing is segmented."""
    before = content(home)
    with closing(sqlite3.connect(home.database)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'video_task'").fetchone()
    with home.database.open("r+b") as file:
        file.seek(4096 * (page - 1))
        file.write(b"\xa5" * 4096)
    damage.suspect(home.database)
    schema.ensure(home.database)
    assert queries.runs(home.database) == []
    assert submit.ensure_dispatcher(home), "an app's watch does this every two seconds"
    until(lambda: not damage.wants_rebuild(home.database), 60)
    stop_dispatcher(home)
    assert content(home) == before
    run = queries.runs(home.database, [1])[0]
    assert (run.title, run.notes, run.tags) == ("baseline", "look here", ["paper"])
    note = damage.damage_note(home.database)
    assert note is not None
    assert note.rebuilt is not None
    assert note.rebuilt[0] == "3 runs with 6 finished videos made anew from their folders."


def strip(home: Home) -> None:
    """`run.json` as earlier versions wrote it."""
    for path in home.outputs.glob("*/*/run.json"):
        values = json.loads(path.read_text())
        path.write_text(json.dumps({name: values[name] for name in ("name", "fingerprint", "settings")}))


@pytest.mark.slow
def test_a_copy_tells_what_folders_of_earlier_versions_do_not(home: Home) -> None:
    before = content(home)
    back_up(home.database, "0002")
    strip(home)
    lose(home)
    rebuilt = made_anew(home)
    assert rebuilt.ungrouped == 0
    assert content(home) == before
    assert queries.runs(home.database, [1])[0].tags == ["paper"]


def strip_and_lose_the_dataset(home: Home) -> None:
    strip(home)
    shutil.rmtree(home.data)


@pytest.mark.slow
@pytest.mark.parametrize("change", [strip, strip_and_lose_the_dataset])
def test_folders_of_earlier_versions(home: Home, change: Callable[[Home], None]) -> None:
    before = {run.name: run.jf_mean for run in queries.runs(home.database)}
    frames = content(home)["frame_score"]
    change(home)
    lose(home)
    rebuilt = made_anew(home)
    assert (rebuilt.runs, rebuilt.videos, rebuilt.ungrouped) == (3, 6, 2)
    assert {run.name: run.jf_mean for run in queries.runs(home.database)} == pytest.approx(before)
    assert content(home)["frame_score"] == frames
    assert UNGROUPED in " ".join(rebuilt.sentences)


@pytest.mark.slow
def test_what_is_not_whole_waits_for_the_person(home: Home) -> None:
    """A video without its record, one without scores, and folders that are no run's."""
    static, propagation = (
        home.outputs / "DAVIS_pred_pngs" / name for name in ("DAVIS_static", "DAVIS_propagation_memsize2")
    )
    shutil.rmtree(static / "long")
    record = propagation / "short" / ".voslab.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"objects": []}))
    (propagation / "long" / ".voslab.json").write_text('{"cut": ')
    for name, text in {"torn": '{"name": ', "other": '{"name": "x", "fingerprint": "y", "settings": {}}'}.items():
        (static.parent / name).mkdir()
        (static.parent / name / "run.json").write_text(text)
    forged = static.parent / "forged"
    shutil.copytree(static, forged)
    (forged / "run.json").write_text((static / "run.json").read_text().replace('"val"', '"train"'))
    lose(home)
    rebuilt = made_anew(home)
    assert (rebuilt.runs, rebuilt.videos, rebuilt.missing, rebuilt.unscored) == (3, 3, 2, 1)
    assert len(rebuilt.problems) == 3
    for word in ("torn/run.json is damaged", "other/run.json is damaged", "forged/run.json contradicts itself"):
        assert any(word in problem for problem in rebuilt.problems)
    by_name = {run.name: run for run in queries.runs(home.database)}
    assert by_name["DAVIS_static"].state == "cancelled"
    assert by_name["DAVIS_static"].jf_mean is None, "a mean over some videos is no score"
    assert by_name["theirs" if "theirs" in by_name else "DAVIS_theirs"].state == "done"
    assert not queries.has_work(home.database), "nothing is begun that nobody asked for"


@pytest.mark.slow
def test_the_command(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    before = content(home)
    for path in home.state.glob("voslab.db*"):
        path.unlink()
    schema.ensure.cache_clear()
    assert main(["rebuild"]) == 0
    assert capsys.readouterr().out.startswith("3 runs with 6 finished videos made anew from their folders.")
    assert content(home) == before
    assert main(["rebuild", "--home", str(home.root / "nowhere")]) == 2
    assert "There is no folder" in capsys.readouterr().err
