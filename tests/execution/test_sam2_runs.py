"""SAM 2 runs of tiny random weights through the real dispatcher: objects that appear later, adoption, cancelling."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from db import ledger, queries
from db.models import Run
from db.session import writing
from db.states import TaskState
from tests.clips import split_objects, write_dataset
from tests.execution.test_dispatcher import ended, rows, stop_dispatcher, until
from tests.models.sam2_random import write_checkpoint
from vos_core.datasets import open_dataset
from vos_core.execution import submit
from vos_core.execution.sidecar import any_record
from vos_core.home import Home
from vos_core.launch import plan_launch
from vos_core.masks import read_mask, write_mask
from vos_core.per_object import read_joined
from vos_core.runs import Grid

pytestmark = pytest.mark.slow
MODEL = "sam2.1_hiera_tiny"
SMALL = (("device", "cpu"), ("image_size", 64))
LATER, APART = "track_object_appearing_later_in_video", "per_obj_png_file"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """One for all, so that the workers start once; each test has its own dataset."""
    home = Home.from_environment({}, cwd=tmp_path_factory.mktemp("home"))
    write_checkpoint(home.checkpoints, MODEL, stirred=True)
    yield home
    stop_dispatcher(home)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_late(root: Path) -> None:
    """Video `late`: object 2 is there from frame 2 on; video `whole`: both are there from the first frame on."""
    write_dataset(root, {"late": 7, "whole": 5})
    for index in range(2):
        path = root / f"Annotations/480p/late/{index:05d}.png"
        labels = read_mask(path)
        write_mask(path, np.where(labels == 2, 0, labels).astype(np.uint8))


def launch(home: Home, dataset: str, **options: object) -> list[int]:
    asked = tuple(sorted((*SMALL, *options.items())))
    grid = Grid(((dataset, f"data:{dataset}", "val"),), (MODEL,), (3,), ("naive",), options=asked)
    return list(submit.wait(home, submit.submit(plan_launch(grid, home), home))["runs"])


def finished(home: Home, ids: list[int]) -> Run:
    until(lambda: ended(home, ids), 120)
    (run,) = rows(home, ids)
    assert run.state == "done", [task.error for task in queries.tasks(home.database, run.id)]
    return run


def curves_of(home: Home, run: Run, video: str) -> dict[int, tuple[int, ...]]:
    task = queries.task(home.database, run.id, video)
    assert task is not None
    return {curve.object_id: curve.frames for curve in queries.curves(home.database, task.id)}


def test_object_folders(home: Home) -> None:
    """SA-V's way: objects overlap in the prompts, the masks and the scores; ids are those of the folders."""
    write_dataset(home.data / "SA-V", {"v": 5})
    folder = home.data / "SA-V/Annotations/480p/v"
    split_objects(folder, first_id=0)
    for path in sorted((folder / "001").iterdir()):
        write_mask(path, np.maximum(read_mask(path), read_mask(folder / "000" / path.name)))
    run = finished(home, launch(home, "SA-V", **{APART: True}))
    out = home.locate(run.folder) / "v"
    assert sorted(path.name for path in out.iterdir()) == [".voslab.json", "000", "001"]
    first = [read_mask(out / name / "00000.png") > 0 for name in ("000", "001")]
    assert (first[0] & first[1]).sum() > 50
    assert run.jf_mean is not None and curves_of(home, run, "v") == {1: (1, 2, 3), 2: (1, 2, 3)}


def test_prompts_are_no_truth(home: Home) -> None:
    """YouTube-VOS valid: annotations only where objects appear, at no even distance."""
    write_late(home.data / "YT")
    for index in (1, 3, 4, 6):
        (home.data / f"YT/Annotations/480p/late/{index:05d}.png").unlink()
    (home.data / "YT/ImageSets/2017/val.txt").write_text("late\n")
    assert open_dataset(home.data / "YT").video("late").annotated == 3
    run = finished(home, launch(home, "YT", **{LATER: True}))
    assert (run.scorable, run.jf_mean) == (False, None)


def test_leaked_truth(home: Home) -> None:
    """Prompted with what it is scored against: no J&F."""
    write_dataset(home.data / "D", {"v": 5})
    run = finished(home, launch(home, "D", use_all_masks=True))
    assert run.score_kind == "leaked" and run.jf_mean is None and run.other_scores


def test_cancelling_stops_within_two_frames(home: Home) -> None:
    write_dataset(home.data / "long", {"v": 400})
    (run_id,) = launch(home, "long")
    task = queries.tasks(home.database, run_id)[0]
    until(lambda: queries.tasks(home.database, run_id)[0].frames_done > 3, 60)
    (folder,) = [path for path in home.locate(rows(home, [run_id])[0].folder).iterdir() if path.name.startswith(".tmp")]
    submit.cancel(home, [run_id])
    # The worker stops between two frames of hearing it; the dispatcher's word comes within a turn of its loop.
    until(lambda: queries.tasks(home.database, run_id)[0].state == "cancelled", 5)
    assert not folder.exists() and rows(home, [run_id])[0].state == "cancelled"
    assert task.frames == 400


def test_a_checkpoint_that_is_replaced_while_a_worker_holds_it(home: Home) -> None:
    def weights_of(run: Run, video: str) -> str:
        record = any_record(home.locate(run.folder) / video)
        assert record is not None
        return str(record.provenance["checkpoint_sha256"])

    checkpoint = home.checkpoints / "mine.pt"
    former = write_checkpoint(home.checkpoints / "former", MODEL, stirred=True)
    checkpoint.write_bytes(former.read_bytes())
    for name in ("mine-1", "mine-2"):
        write_dataset(home.data / name, {"a": 4, "b": 4})
    own = {"checkpoint": "mine.pt"}
    first = finished(home, launch(home, "mine-1", **own))
    before = weights_of(first, "a")
    assert before == weights_of(first, "b") == sha256(former)

    other = write_checkpoint(home.checkpoints / "other", MODEL, seed=8, stirred=True)
    checkpoint.write_bytes(other.read_bytes())
    second = finished(home, launch(home, "mine-2", **own))
    assert weights_of(second, "a") == weights_of(second, "b") == sha256(other) != before

    # The rest of the first run would be made with other weights than its beginning.
    shutil.rmtree(home.locate(first.folder) / "b")
    with writing(home.database) as session:
        ledger.requeue_tasks(session, [first.id], [TaskState.DONE])
    submit.wait(home, submit.reorder(home, [first.id]))
    until(lambda: rows(home, [first.id])[0].state == "failed", 60)
    (run,) = rows(home, [first.id])
    assert run.error is not None and "was replaced" in run.error and "video a" in run.error
    assert weights_of(first, "a") == before


@pytest.mark.parametrize("apart", [False, True])
def test_later_objects_from_launch_to_scores_and_adoption(home: Home, apart: bool) -> None:
    dataset = "LVOS-apart" if apart else "LVOS"
    write_late(home.data / dataset)
    options: dict[str, object] = {LATER: True, **({APART: True} if apart else {})}
    run = finished(home, launch(home, dataset, **options))
    assert run.jf_mean is not None and run.score_kind == "official"
    # An object is scored after the frame that prompts it.
    assert curves_of(home, run, "late") == {1: (1, 2, 3, 4, 5), 2: (3, 4, 5)}
    assert curves_of(home, run, "whole") == {1: (1, 2, 3), 2: (1, 2, 3)}
    folder = home.locate(run.folder) / "late"
    assert LATER in folder.parent.name
    if apart:
        assert sorted(path.name for path in folder.iterdir()) == [".voslab.json", "001", "002"]
        masks = [read_joined(folder, f"{index:05d}") for index in range(7)]
    else:
        masks = [read_mask(folder / f"{index:05d}.png") for index in range(7)]
    assert [bool((mask == 2).any()) for mask in masks[:3]] == [False, False, True]
    if not apart:
        return

    # The database is lost: what lies in the run's folder is taken over, not segmented again.
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")}
    stop_dispatcher(home)
    other = Home.from_environment({"VOSLAB_STATE": str(home.root / "other-state")}, cwd=home.root)
    try:
        again = finished(other, launch(other, dataset, **options))
    finally:
        stop_dispatcher(other)
    assert (again.jf_mean, again.j_decay) == (run.jf_mean, run.j_decay)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")} == before
