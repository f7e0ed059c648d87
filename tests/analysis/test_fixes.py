"""What counts as fixed, in cases made by hand; and that the database counts overlaps and means as they are meant."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from db import queries
from db.episodes import paired_episodes
from db.models import FailureEpisode, FrameScore
from db.session import writing
from tests.ui.seed import finish, launch, write_dataset
from vos_core.analysis.fixes import RULE_LINE, FixRule, fixed
from vos_core.home import Home
from vos_core.runs import Grid


@dataclass(frozen=True)
class Case:
    here: float | None
    there: float | None
    fails_there: bool = False


@pytest.mark.parametrize(
    ("case", "is_fixed"),
    [
        (Case(0.2, 0.9), True),
        (Case(0.2, 0.8), True),  # exactly fine
        (Case(0.2, 0.79), False),  # better, and not fine
        (Case(0.75, 0.85), True),  # exactly a tenth more, but for rounding
        (Case(0.78, 0.86), False),  # fine, and hardly better
        (Case(0.9, 0.2), False),
        (Case(0.2, 0.9, fails_there=True), False),  # it fails there too, otherwise or for a while
        (Case(0.2, None), False),  # not scored there
        (Case(None, 0.9), False),
    ],
)
def test_rule(case: Case, is_fixed: bool) -> None:
    assert FixRule().is_fixed(case) is is_fixed
    assert fixed([case]) == ([case] if is_fixed else [])


def test_the_rule_is_said_with_its_numbers() -> None:
    assert "at least 0.8" in RULE_LINE and "at least 0.1 more" in RULE_LINE


@pytest.fixture
def pair(home: Home) -> tuple[int, int]:
    """Two runs over one video, whose scores and episodes a test writes by hand."""
    write_dataset(home.data / "demo", {"one": 12, "two": 4})
    a, b = launch(home, Grid((("demo", home.store(home.data / "demo"), "val"),), ("static", "flow")))
    finish(home, a, drift=0, videos=1)
    finish(home, b, drift=0, videos=1)
    return a, b


def put(
    home: Home, run_id: int, episodes: list[tuple[int, int, int, float]], low: dict[tuple[int, int], float]
) -> None:
    """Episodes (object, start, end, severity), and the J = F of frames by (object, frame)."""
    task = queries.task(home.database, run_id, "one")
    assert task is not None
    with writing(home.database) as session:
        for object_id, start, end, severity in episodes:
            session.add(
                FailureEpisode(
                    task_id=task.id, object_id=object_id, start=start, end=end, kind="lost", worst_frame=start,
                    worst_score=0.0, frames=end - start + 1, severity=severity,
                )
            )  # fmt: skip
        for (object_id, frame), value in low.items():
            score = session.get_one(FrameScore, (task.id, object_id, frame))
            score.j = score.f = value


@pytest.mark.parametrize(
    ("theirs", "overlaps"),
    [
        ((1, 1, 2), False),  # ends before
        ((1, 1, 3), True),  # shares its first frame
        ((1, 5, 9), True),  # shares its last
        ((1, 4, 4), True),  # lies inside
        ((1, 1, 9), True),  # holds it
        ((1, 6, 9), False),  # begins after
        ((2, 3, 5), False),  # another object
    ],
)
def test_overlaps_are_counted_by_object_and_shared_frames(
    home: Home, pair: tuple[int, int], theirs: tuple[int, int, int], overlaps: bool
) -> None:
    a, b = pair
    put(home, a, [(1, 3, 5, 0.3)], {})
    put(home, b, [(*theirs, 0.1)], {})
    (episode,) = paired_episodes(home.database, a, b)
    assert (episode.video, episode.object_id, episode.start, episode.end) == ("one", 1, 3, 5)
    assert episode.fails_there is overlaps


def test_means_are_of_the_episodes_frames_alone(home: Home, pair: tuple[int, int]) -> None:
    a, b = pair
    put(home, a, [(1, 3, 5, 0.3), (2, 4, 4, 0.5)], {(1, 2): 0.0, (1, 3): 0.1, (1, 4): 0.2, (1, 5): 0.3, (2, 4): 0.7})
    put(home, b, [], {(1, 3): 0.9, (1, 4): 0.8, (1, 5): 0.7, (1, 6): 0.0, (2, 3): 0.0})
    costliest, other = paired_episodes(home.database, a, b)
    assert (costliest.object_id, costliest.here, costliest.there) == (2, pytest.approx(0.7), pytest.approx(1.0))
    assert (other.object_id, other.here, other.there) == (1, pytest.approx(0.2), pytest.approx(0.8))
    assert len(fixed([costliest, other])) == 2
    longest = paired_episodes(home.database, a, b, order="frames")
    assert [episode.object_id for episode in longest] == [1, 2]
    assert paired_episodes(home.database, b, a) == []


def test_videos_that_are_not_scored_there_have_no_mean(home: Home, pair: tuple[int, int]) -> None:
    a, b = pair
    put(home, a, [(1, 3, 5, 0.3)], {})
    task = queries.task(home.database, b, "one")
    assert task is not None
    with writing(home.database) as session:
        session.query(FrameScore).filter_by(task_id=task.id).delete()
    (episode,) = paired_episodes(home.database, a, b)
    assert episode.there is None and not fixed([episode])
