"""The next video is begun while this one ends: what it saves, and that a wrong hint harms nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.states import TaskKind
from tests.clips import write_dataset
from tests.execution.test_task_queue import LARGE, put
from vos_core.errors import InputError
from vos_core.execution.messages import Assign, Failed, Finished, Message, Ready, Stop, Upcoming, decode, encode
from vos_core.execution.next_video import NextVideo
from vos_core.execution.task_queue import TaskQueue
from vos_core.home import Home
from vos_core.masks import read_mask
from vos_core.runs import RunSettings

ROOT = Path(__file__).resolve().parents[2]
VIDEOS = {"one": 6, "two": 5, "three": 40}


def settings(dataset: str = "DAVIS") -> str:
    return RunSettings(dataset, f"data:{dataset}", "val", "static", None, None).to_json()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home.from_environment({}, cwd=tmp_path)
    write_dataset(home.data / "DAVIS", VIDEOS)
    return home


@pytest.fixture
def following(home: Home) -> Iterator[NextVideo]:
    following = NextVideo(home)
    yield following
    following.close()
    assert not [t for t in threading.enumerate() if t.name.startswith(("next-video", "decode"))]


def frames_of(home: Home, video: str) -> list[Path]:
    return sorted((home.data / "DAVIS" / "JPEGImages" / "480p" / video).iterdir())


def settle(following: NextVideo) -> None:
    """Wait until the expected video is open and its first frames are decoded."""
    assert following._begun is not None
    for future in following._begun.result()[1]._window.values():
        future.result()


def test_an_expected_video_is_read_already(home: Home, following: NextVideo) -> None:
    following.expect(Upcoming("one", settings()))
    settle(following)
    for path in frames_of(home, "one"):
        path.unlink()
    video, clip = following.open(settings(), "one")
    assert video.name == "one" and sum(1 for _ in clip) == VIDEOS["one"]
    clip.close()


@pytest.mark.parametrize(
    "hint", [None, Upcoming("two", settings()), Upcoming("one", settings("OTHER")), Upcoming("none", settings())]
)
def test_a_wrong_hint_harms_nothing(hint: Upcoming | None, home: Home, following: NextVideo) -> None:
    if hint is not None:
        following.expect(hint)
    video, clip = following.open(settings(), "one")
    assert video.name == "one" and len(list(clip)) == VIDEOS["one"]
    clip.close()


def test_what_could_not_be_begun_is_tried_again_and_told(home: Home, following: NextVideo) -> None:
    following.expect(Upcoming("four", settings()))
    with pytest.raises(InputError, match="four"):
        following.open(settings(), "four")


def test_one_video_is_held_at_a_time(home: Home, following: NextVideo) -> None:
    clips = []
    for name in ("one", "two", "three", "one", "three"):
        following.expect(Upcoming(name, settings()))
        settle(following)
        clips.append(following._begun.result()[1])  # type: ignore[union-attr]
    following._pool.submit(lambda: None).result()  # what is let go of is closed in turn
    assert [len(clip._window) for clip in clips] == [0, 0, 0, 0, 9]


def test_the_queue_names_the_next_video_for_the_weights_at_hand() -> None:
    queue = TaskQueue(has_gpu=False)
    assert queue.upcoming("cpu", None) is None
    put(queue, 1, 1.0, {"heavy": (9, 1)}, LARGE)
    put(queue, 2, 2.0, {"short": (2, 1), "long": (5, 1)}, "flow")
    for weights, video in ((None, "long"), ("of another model", "long")):
        found = queue.upcoming("cpu", weights)
        assert found is not None and found[1].video == video
    run = next(run for run in queue.in_order("cpu") if run.run_id == 1)
    found = queue.upcoming("cpu", run.weights)
    assert found is not None and found[1].video == "heavy"
    assert len(queue) == 3, "a hint takes nothing out of the queue"


class WorkerProcess:
    """A real worker on its pipes."""

    def __init__(self, home: Home) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "vos_core.execution.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, **home.environment()},
        )
        assert isinstance(self.hear(), Ready)

    def say(self, message: Message) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(encode(message))
        self.process.stdin.flush()

    def hear(self) -> Message:
        assert self.process.stdout is not None
        return decode(self.process.stdout.readline())

    def do(self, home: Home, number: int, video: str) -> Message:
        folder = str(home.outputs / "run")
        self.say(Assign(number, 1, TaskKind.SEGMENT.value, video, settings(), folder, folder))
        while not isinstance(message := self.hear(), Finished | Failed):
            pass
        assert isinstance(self.hear(), Ready)
        return message


def test_a_worker_does_a_video_that_it_read_while_the_one_before_ended(home: Home) -> None:
    worker = WorkerProcess(home)
    try:
        worker.say(Upcoming("two", settings()))
        assert worker.do(home, 1, "one") == Finished(1, 1)
        for path in frames_of(home, "two"):
            path.unlink()
        assert worker.do(home, 2, "two") == Finished(2, 1)
        worker.say(Upcoming("nowhere", settings()))
        assert worker.do(home, 3, "three") == Finished(3, 1)
        worker.say(Stop())
        assert worker.process.wait(10) == 0
    finally:
        worker.process.kill()
    for name, frames in VIDEOS.items():
        masks = sorted((home.outputs / "run" / name).glob("*.png"))
        assert len(masks) == frames and read_mask(masks[-1]).any()
