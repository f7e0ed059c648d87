"""A plan beside the database: what is here already, and this machine's own pace."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from db import launches
from db.models import VideoTask
from db.session import writing
from tests.ui.seed import full_home
from vos_core.execution.outlook import Standing, outlook
from vos_core.execution.pace import past_pace
from vos_core.home import Home
from vos_core.launch import LaunchPlan, plan_launch
from vos_core.provenance import cpu_name
from vos_core.runs import Grid


@pytest.fixture
def seeded(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Videos of 0.15 s a frame on this processor, whatever the model; 1.5 s to load it."""
    monkeypatch.setenv("VOSLAB_CPU_WORKERS", "1")
    full_home(home)
    with writing(home.database) as session:
        session.execute(update(VideoTask).where(VideoTask.device_name == "CPU").values(device_name=cpu_name()))
    return home


def plan(home: Home, *sizes: int) -> LaunchPlan:
    return plan_launch(Grid((("demo", "data:demo", "val"),), ("propagation",), sizes), home)


def test_standings_and_time(seeded: Home) -> None:
    told = outlook(plan(seeded, 4, 5, 6, 8, 12), seeded)
    assert told.standings == (
        Standing.RESUMED,  # 24 of 52 frames are done
        Standing.DONE,
        Standing.RESUMED,  # cancelled before it began
        Standing.UNDER_WAY,
        Standing.NEW,
    )
    assert told.starting == 3
    seconds = [run.seconds for run in told.forecast.runs]
    assert seconds == [
        pytest.approx(28 * 0.15 + 1.5),
        0.0,
        pytest.approx(52 * 0.15 + 1.5),
        0.0,
        pytest.approx(52 * 0.15 + 1.5),
    ]
    assert told.forecast.seconds == pytest.approx(sum(second or 0 for second in seconds))
    assert told.forecast.runs[4].note == "from other memory sizes"
    assert told.forecast.masks_measured and not told.forecast.unknown


def test_a_pace_is_that_of_the_same_device_and_speed(seeded: Home) -> None:
    pace = past_pace(seeded.database)
    (run,) = plan(seeded, 5).runs
    told = pace(run.settings, cpu_name())
    assert told is not None and told.note == "" and told.seconds(100, 2) == pytest.approx(15)
    assert pace(run.settings, "NVIDIA L4") is None


def test_no_database_no_past(home: Home) -> None:
    from tests.clips import write_dataset

    write_dataset(home.data / "demo", {"a": 5})
    told = outlook(plan(home, 3), home)
    assert told.standings == (Standing.NEW,) and told.existing == (None,)
    assert told.forecast.seconds is None and told.forecast.unknown == ("propagation",)
    assert not home.database.exists()


def test_past_ablations_newest_first_without_imports(seeded: Home) -> None:
    names = [ablation.name for ablation in launches.latest_ablations(seeded.database, 3)]
    assert names == ["all masks", "more sizes", "first frames only"]
    assert len(launches.latest_ablations(seeded.database, 2)[1].settings) == 4
