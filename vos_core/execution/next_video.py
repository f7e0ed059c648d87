"""The video that a worker expects to do next: opened and begun to be decoded while the one before it ends."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from vos_core.datasets import open_dataset
from vos_core.datasets.layout import Video
from vos_core.errors import VosLabError
from vos_core.execution.messages import Upcoming
from vos_core.frames import VideoClip
from vos_core.home import Home
from vos_core.runs import RunSettings


class NextVideo:
    """Holds at most one begun video, so at most one clip's window of frames; a wrong guess costs those frames' decoding
    and nothing else. What cannot be opened is left to the attempt itself, which tells it."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="next-video")
        self._lock = threading.Lock()
        self._expected: Upcoming | None = None
        self._begun: Future[tuple[Video, VideoClip]] | None = None

    def expect(self, upcoming: Upcoming) -> None:
        """Begin this video, and let go of the one that was expected before."""
        with self._lock:
            if upcoming == self._expected:
                return
            self._let_go()
            self._expected, self._begun = upcoming, self._pool.submit(self._begin, upcoming)

    def open(self, settings: str, video: str) -> tuple[Video, VideoClip]:
        """The video and its clip, begun or new, which are the caller's from now on.

        `settings` are the run's, as in `Assign`: another dataset's video of the same name is another video. Raises
        what opening them raises.
        """
        begun = None
        with self._lock:
            if self._expected is not None and _is_same(self._expected, settings, video):
                begun, self._expected, self._begun = self._begun, None, None
        if begun is not None:
            with contextlib.suppress(VosLabError, OSError):  # it may be mended by now
                return begun.result()
        return self._begin(Upcoming(video, settings))

    def close(self) -> None:
        """Let go of what was begun."""
        with self._lock:
            self._let_go()
        self._pool.shutdown(wait=True)

    def _let_go(self) -> None:
        begun, self._expected, self._begun = self._begun, None, None
        if begun is not None and not begun.cancel():
            self._pool.submit(_close, begun)

    def _begin(self, upcoming: Upcoming) -> tuple[Video, VideoClip]:
        settings = RunSettings.from_json(upcoming.settings)
        video = open_dataset(self._home.locate(settings.dataset_path), settings.dataset).video(upcoming.video)
        clip = VideoClip(video)
        clip.start()
        return video, clip


def _is_same(upcoming: Upcoming, settings: str, video: str) -> bool:
    if upcoming.video != video:
        return False
    one, other = RunSettings.from_json(upcoming.settings), RunSettings.from_json(settings)
    return (one.dataset, one.dataset_path) == (other.dataset, other.dataset_path)


def _close(begun: Future[tuple[Video, VideoClip]]) -> None:
    with contextlib.suppress(VosLabError, OSError):
        begun.result()[1].close()
