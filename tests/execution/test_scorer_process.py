"""The process that scores beside a worker: what waits for it, what is lost of that, and how its end is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.clips import moving_squares, write_video
from vos_core.errors import Cancelled, VosLabError
from vos_core.evaluation.scorer import VideoScorer
from vos_core.evaluation.scores import VideoScores
from vos_core.execution import feed
from vos_core.execution.scorer import ScorerProcess

pytestmark = pytest.mark.timeout(60)
FRAMES, SIZE = 30, (540, 960)  # some frames are more than a pipe holds


class Clip:
    """A video whose prediction lags two frames behind its annotations."""

    def __init__(self, root: Path, name: str, objects: int) -> None:
        labels = moving_squares(FRAMES, objects, *SIZE)
        write_video(root, name, labels)
        files = sorted((root / "Annotations/480p" / name).iterdir())
        self.name, self.annotations = name, {file.stem: file for file in files}
        self.masks = dict(zip(self.annotations, labels[:2] + labels[:-2], strict=True))

    def scores(self) -> list[tuple[int, tuple[float, ...], tuple[float, ...]]]:
        """As scored without a process."""
        scorer = VideoScorer(self.name, self.annotations)
        for stem, mask in self.masks.items():
            scorer.add(stem, mask)
        return figures(scorer.finish())

    def hand_to(self, process: ScorerProcess) -> None:
        process.begin(self.name, tuple(self.annotations), self.annotations)
        for stem, mask in self.masks.items():
            process.add(stem, mask)


def figures(scores: VideoScores) -> list[tuple[int, tuple[float, ...], tuple[float, ...]]]:
    return [(one.object_id, tuple(one.j), tuple(one.f)) for one in scores.objects]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Clip, Clip]:
    root = tmp_path_factory.mktemp("dataset")
    return Clip(root, "one", 1), Clip(root, "two", 2)


@pytest.fixture
def process() -> Iterator[ScorerProcess]:
    process = ScorerProcess()
    yield process
    if process.alive:
        with_signals(process).resume()
    process.close()


def with_signals(process: ScorerProcess) -> psutil.Process:
    """The process itself, to be held up and killed. (A killed one stays until its parent looks.)"""
    assert process._process.pid is not None
    return psutil.Process(process._process.pid)


def test_a_frame_that_takes_long_does_not_hold_up_the_model(process: ScorerProcess, clips: tuple[Clip, Clip]) -> None:
    """Nor is anything lost of what waited for it, whatever the model did with its arrays in between."""
    _, clip = clips
    held = with_signals(process)
    held.suspend()
    process.begin(clip.name, tuple(clip.annotations), clip.annotations)
    array = np.empty(SIZE, np.uint8)
    for stem, mask in clip.masks.items():
        array[:] = mask
        process.add(stem, array)
    held.resume()
    assert figures(process.finish().scores) == clip.scores()


@pytest.mark.parametrize(("messages", "size"), [(5, 2**40), (1000, 5 * SIZE[0] * SIZE[1])])
def test_what_waits_is_bounded(
    messages: int, size: int, process: ScorerProcess, clips: tuple[Clip, Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "MOST_MESSAGES", messages)
    monkeypatch.setattr(feed, "MOST_BYTES", size)
    clip, _ = clips
    held = with_signals(process)
    held.suspend()
    model = threading.Thread(target=clip.hand_to, args=(process,))
    model.start()
    model.join(2)
    assert model.is_alive() and 4 <= len(process._feed._waiting) <= 5
    held.resume()
    model.join()
    assert figures(process.finish().scores) == clip.scores()


def test_an_unfinished_video_is_forgotten(process: ScorerProcess, clips: tuple[Clip, Clip]) -> None:
    first, second = clips
    held = with_signals(process)
    held.suspend()
    first.hand_to(process)
    second.hand_to(process)
    assert len(process._feed._waiting) <= FRAMES + 1, "the first one's masks would be scored for nobody"
    held.resume()
    assert figures(process.finish().scores) == second.scores()


def test_a_dead_process_is_told_by_the_next_frames_and_at_the_end(
    process: ScorerProcess, clips: tuple[Clip, Clip]
) -> None:
    clip, _ = clips
    process.begin(clip.name, tuple(clip.annotations), clip.annotations)
    with_signals(process).kill()
    with pytest.raises(VosLabError, match="scoring process died"):
        for _ in range(FRAMES):
            process.add("00000", clip.masks["00000"])
            time.sleep(0.02)
    with pytest.raises(VosLabError, match="scoring process died"):
        process.finish()
    assert not process.alive


@pytest.mark.parametrize("full", [True, False])
def test_who_waits_for_room_or_for_the_scores_hears_of_a_death(
    full: bool, process: ScorerProcess, clips: tuple[Clip, Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, _ = clips
    held = with_signals(process)
    held.suspend()
    clip.hand_to(process)
    killer = threading.Timer(0.5, held.kill)
    killer.start()
    if full:
        monkeypatch.setattr(feed, "MOST_MESSAGES", 5)
    with pytest.raises(VosLabError, match="scoring process died"):
        process.add("00000", clip.masks["00000"]) if full else process.finish()
    killer.join()


def test_a_video_that_is_stopped_does_not_wait_for_its_scores(process: ScorerProcess, clips: tuple[Clip, Clip]) -> None:
    """The process goes with it: an answer that nobody reads would be in the way of the next video."""
    clip, _ = clips
    with_signals(process).suspend()
    clip.hand_to(process)
    asked = time.monotonic()
    with pytest.raises(Cancelled):
        process.finish(lambda: time.monotonic() > asked + 0.3)
    assert time.monotonic() - asked < 2
    assert not process.alive


def test_closing_does_not_wait_for_what_nobody_wants(process: ScorerProcess, clips: tuple[Clip, Clip]) -> None:
    clip, _ = clips
    with_signals(process).suspend()
    clip.hand_to(process)
    began = time.monotonic()
    process.close()
    process._process.join(5)
    assert time.monotonic() - began < 4
    assert not process.alive
