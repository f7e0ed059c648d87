"""Runs over annotations that are kept one folder an object (SA-V, SeCVOS), through the real dispatcher and worker."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from db import queries
from tests.clips import split_objects, write_dataset, write_sav
from tests.execution.test_dispatcher import stop_dispatcher
from vos_core.cli import main
from vos_core.datasets import open_dataset
from vos_core.evaluation import evaluate
from vos_core.home import Home
from vos_core.masks import read_mask, write_mask
from vos_core.metrics.jaccard import jaccard
from vos_core.prompts import Prompting, read_object_prompts, read_prompts

PROMPTED = {Prompting.FIRST_FRAME: 1, Prompting.FIRST_OF_EACH_OBJECT: 1, Prompting.EVERY_ANNOTATION: 0}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    home = Home.from_environment({}, cwd=tmp_path)
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    write_dataset(home.data / "plain", {"a": 7, "b": 5})
    shutil.copytree(home.data / "plain", home.data / "SeCVOS")
    split_objects(home.data / "SeCVOS" / "Annotations/480p/a")
    split_objects(home.data / "SeCVOS" / "Annotations/480p/b", first_id=0)
    yield home
    stop_dispatcher(home)


def test_prompts_are_those_of_the_label_maps(home: Home) -> None:
    for name in ("a", "b"):
        plain, apart = (open_dataset(home.data / folder).video(name) for folder in ("plain", "SeCVOS"))
        for which, frames in PROMPTED.items():
            expected, found = read_prompts(plain, which), read_prompts(apart, which)
            assert list(found) == list(expected) and len(found) == (frames or plain.length)
            for index, mask in expected.items():
                np.testing.assert_array_equal(found[index], mask)


def test_an_object_prompts_where_it_is_annotated(home: Home) -> None:
    video = open_dataset(home.data / "SeCVOS").video("a")
    assert video.per_object is not None
    (video.per_object / "002" / "00003.png").unlink()
    every = read_object_prompts(video, Prompting.EVERY_ANNOTATION)
    assert [list(masks) for masks in every.values()] == [[1, 2], [1, 2], [1, 2], [1], [1, 2], [1, 2], [1, 2]]
    assert set(np.unique(read_prompts(video, Prompting.EVERY_ANNOTATION)[3])) == {0, 1}


def test_a_run_is_scored_object_by_object(home: Home) -> None:
    assert main(["run", "--dataset", "plain", "SeCVOS", "--model", "static"]) == 0
    plain, apart = sorted(queries.runs(home.database), key=lambda run: run.dataset, reverse=False)[::-1]
    assert (plain.dataset, apart.dataset) == ("plain", "SeCVOS")
    # Nothing overlaps here: the same masks, and the same figures.
    assert apart.jf_mean is not None and (apart.jf_mean, apart.f_decay) == (plain.jf_mean, plain.f_decay)
    rows = queries.object_rows(home.database, apart.id)
    assert rows == queries.object_rows(home.database, plain.id)
    assert [row.sequence for row in rows] == ["a_1", "a_2", "b_1", "b_2"], "labels as in the masks, not folder names"
    assert episodes(home, apart.id) == episodes(home, plain.id) != []
    assert {video for video, *_ in episodes(home, apart.id)} == {"a", "b"}
    task = queries.task(home.database, apart.id, "a")
    assert task is not None
    assert [curve.frames for curve in queries.curves(home.database, task.id)] == [(1, 2, 3, 4, 5)] * 2
    for path in sorted(home.locate(plain.predictions).rglob("*.png")):
        twin = home.locate(apart.predictions) / path.relative_to(home.locate(plain.predictions))
        np.testing.assert_array_equal(read_mask(twin), read_mask(path))
    out = home.root / "frame.png"
    assert main(["picture", str(apart.id), "--video", "a", "--frame", "3", "--out", str(out)]) == 0
    without = home.root / "without.png"
    (home.data / "SeCVOS/Annotations/480p/a/002/00003.png").unlink()
    assert main(["picture", str(apart.id), "--video", "a", "--frame", "3", "--out", str(without)]) == 0
    assert out.read_bytes() != without.read_bytes(), "no annotation is shown of a frame that is not wholly annotated"


def episodes(home: Home, run_id: int) -> list[tuple[object, ...]]:
    found = queries.failures(home.database, run_id)
    return [(video, e.object_id, e.kind, e.start, e.end, e.worst_frame, e.severity) for video, e in found]


def test_sav_as_it_is_published_is_run_and_scored(home: Home) -> None:
    """Annotations of every fourth frame, objects from 000 on: none of them vanishes, and all frames are segmented."""
    root = write_sav(home.data / "sav_val", {"sav_1": 17, "sav_2": 13})
    assert main(["run", "--dataset", "sav_val", "--model", "static"]) == 0
    (run,) = queries.runs(home.database)
    assert (run.state, run.split, run.videos, run.scorable) == ("done", "val", 2, True)
    rows = queries.object_rows(home.database, run.id)
    assert [row.sequence for row in rows] == ["sav_1_1", "sav_1_2", "sav_2_1", "sav_2_2"], "000 is label 1"
    masks = home.locate(run.predictions) / "sav_1"
    assert len(list(masks.glob("*.png"))) == 17
    first = root / "Annotations_6fps/sav_1"
    zero, one = (read_mask(first / name / "00000.png") > 0 for name in ("000", "001"))
    assert (zero & one).any(), "they overlap"
    np.testing.assert_array_equal(read_mask(masks / "00016.png"), np.where(zero, 1, np.where(one, 2, 0)))
    for row in rows[:2]:
        truths = sorted((first / f"{row.object_id - 1:03d}").glob("*.png"))[1:-1]
        still = read_mask(masks / "00000.png") == row.object_id
        j = [jaccard(read_mask(path) > 0, still) for path in truths]
        assert row.j_mean == pytest.approx(np.mean(j), abs=1e-12)
    task = queries.task(home.database, run.id, "sav_1")
    assert task is not None and (task.objects, task.annotated) == (2, 5)
    assert [curve.frames for curve in queries.curves(home.database, task.id)] == [(4, 8, 12)] * 2
    assert {e.object_id for _, e in queries.failures(home.database, run.id)} == {1, 2}


def test_imported_predictions_that_overlap_keep_what_they_share(home: Home) -> None:
    """Objects grown into each other: joined maps would take the shared pixels from the higher id."""
    theirs = home.root / "theirs"
    for name in ("a", "b"):
        folder = home.data / "SeCVOS/Annotations/480p" / name
        for path in sorted(folder.rglob("*.png")):
            target = theirs / name / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            mask = read_mask(path)
            write_mask(target, np.maximum(mask, np.roll(mask, (8, 4), (0, 1))))
    assert main(["import", "--dataset", "SeCVOS", "--name", "grown", "--results_path", str(theirs)]) == 0
    (run,) = queries.runs(home.database)
    official = evaluate(home.data / "SeCVOS", theirs).scores
    assert (run.state, run.jf_mean, run.j_recall) == ("done", official.jf_mean, official.j_recall)
    out = home.root / "frame.png"
    assert main(["picture", str(run.id), "--video", "b", "--frame", "2", "--out", str(out)]) == 0 and out.stat().st_size
    joined = home.root / "joined"
    for name in ("a", "b"):
        video = open_dataset(home.data / "SeCVOS").video(name)
        (joined / name).mkdir(parents=True)
        for stem in video.stems:
            masks = [read_mask(path) for path in sorted((theirs / name).glob(f"*/{stem}.png"))]
            label_map = np.where(masks[0] > 0, 1, np.where(masks[1] > 0, 2, 0)).astype(np.uint8)
            write_mask(joined / name / f"{stem}.png", label_map)
    assert evaluate(home.data / "SeCVOS", joined).scores.jf_mean != official.jf_mean
