"""The Launch page's choice of GPUs: there only where the driver tells of one, and part of the command that it shows."""

from __future__ import annotations

import pytest

from tests.pages.conftest import OpenPage
from tests.test_gpus import SmallDriver
from tests.ui.seed import write_dataset
from vos_core.gpus import Placement
from vos_core.home import Home


@pytest.mark.parametrize("driver", [None, SmallDriver()])
def test_gpus_are_asked_for_where_there_are_some(
    here: Home, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch, driver: SmallDriver | None
) -> None:
    write_dataset(here.data / "demo", {"one": 4})
    planned: list[Placement] = []
    monkeypatch.setattr("vos_core.gpus._driver", lambda: driver)
    monkeypatch.setattr("ui.launch.plan.plan_panel", lambda grid, home, name: planned.append(grid.placement))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    test = open_page("launch.py")
    test.pills(key="launch-models-sam2").set_value(["sam2_hiera_large"]).run()
    assert not test.exception
    if driver is None:
        assert not [one for one in test.multiselect if one.key == "launch-gpus"]
        assert planned[-1] == Placement()
        return
    gpus = test.multiselect(key="launch-gpus")
    assert gpus.options == ["0: NVIDIA L0", "1: NVIDIA L1", "2: NVIDIA L2"]
    assert planned[-1] == Placement()
    gpus.set_value(["2", "0"])
    test.number_input(key="launch-workers-per-gpu").set_value(2).run()
    assert planned[-1] == Placement(("2", "0"), 2)


@pytest.mark.parametrize(("asked", "shown"), [("3", 3), ("999", 1), ("0", 1), ("-1", 1), ("many", 1)])
def test_an_address_asks_for_workers_that_can_be_had(
    here: Home, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch, asked: str, shown: int
) -> None:
    write_dataset(here.data / "demo", {"one": 4})
    monkeypatch.setattr("vos_core.gpus._driver", SmallDriver)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    test = open_page("launch.py", models="sam2_hiera_large", workers=asked)
    assert not test.exception
    assert test.number_input(key="launch-workers-per-gpu").value == shown
