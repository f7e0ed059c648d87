"""From a mark of a comparison to Inspect: all runs side by side, at the frame that explains it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from db.comparisons import frame_means
from db.models import Run
from ui.navigation import address, go
from vos_core.analysis.lineup import lowest, widest_gap
from vos_core.home import Home


def place(runs: Sequence[Run], video: str, object_id: int | None = None) -> dict[str, object]:
    """The parts of Inspect's address that show a video in these runs; without a frame, which takes a query."""
    first, *others = runs
    with_others = ",".join(str(run.id) for run in others) or None
    return {"run": first.id, "with": with_others, "video": video, "object": object_id}


def video_address(runs: Sequence[Run], video: str, object_id: int | None = None) -> str:
    """A link for a browser that opens it by itself (in a new tab): the video from its first frame."""
    return address("inspect", **place(runs, video, object_id))


def open_video(
    home: Home, runs: Sequence[Run], video: str, *, of: Run | None = None, object_id: int | None = None
) -> NoReturn:
    """Go there: to the worst frame of run `of`, or, without one, to the frame where the runs differ most."""
    means = frame_means(home.database, [run.id for run in runs], video, object_id)
    frame = widest_gap([means[run.id] for run in runs]) if of is None else lowest(means[of.id])
    go("inspect", **place(runs, video, object_id), frame=frame)
