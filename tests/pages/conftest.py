"""Pages run by AppTest against a home of their own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.seed import full_home, write_dataset
from ui.navigation import ROOT
from vos_core.cuda import Graphics, TorchBuild
from vos_core.home import Home

OpenPage = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def no_dispatcher(monkeypatch: pytest.MonkeyPatch) -> None:
    """No background process: these tests look at pages, and at the intents that pages write."""
    monkeypatch.setattr("vos_core.execution.submit.ensure_dispatcher", lambda home: False)


@pytest.fixture(autouse=True)
def scrolled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after scrolling through the page: no browser is here to tell what comes into sight."""
    monkeypatch.setattr("ui.parts.sight.seen", lambda _key: True)


@pytest.fixture
def here(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The home that the pages see; empty."""
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    return home


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """A home with runs in every state, to be copied: stored paths are relative to its roots."""
    home = Home.from_environment({}, cwd=tmp_path_factory.mktemp("seeded") / "home")
    return home.root, full_home(home)


@pytest.fixture
def runs(here: Home, seeded: tuple[Path, dict[str, int]]) -> dict[str, int]:
    """Runs in every state, in `here`."""
    root, ids = seeded
    shutil.copytree(root, here.root)
    return ids


@pytest.fixture
def dataset(here: Home) -> Path:
    """Two videos, ten frames, in the data folder as `demo`."""
    return write_dataset(here.data / "demo", {"one": 6, "two": 4})


@pytest.fixture
def tiny(here: Home, dataset: Path) -> Home:
    """A file where the weights of SAM 2 tiny belong, and no GPU."""
    here.checkpoints.mkdir(parents=True)
    (here.checkpoints / "sam2_hiera_tiny.pt").touch()
    return here


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a GPU, whatever this one has."""
    machine = Graphics((), None, TorchBuild("2.13.0", "13.0"))
    monkeypatch.setattr("vos_core.launch.graphics", lambda: machine)


@pytest.fixture
def open_page() -> OpenPage:
    """Opens a page (file name) under an address, within the whole app."""

    def open_page(file: str, **query: object) -> AppTest:
        test = AppTest.from_file(str(ROOT / "ui" / "main.py"), default_timeout=30)
        for name, value in query.items():
            test.query_params[name] = str(value)
        test.run()
        if file != "results.py":
            test.switch_page(f"../pages/{file}")
            for name, value in query.items():
                test.query_params[name] = str(value)
            test.run()
        return test

    return open_page


def component_data(test: AppTest, index: int = 0) -> dict[str, Any]:
    """What the page handed to its `index`th component (table or player)."""
    data: dict[str, Any] = json.loads(test.get("bidi_component")[index].proto.json)
    return data


def table_called(test: AppTest, caption: str) -> dict[str, Any]:
    """What the page handed to the table whose caption begins so."""
    for element in test.get("bidi_component"):
        data: dict[str, Any] = json.loads(element.proto.json)
        if str(data.get("caption", "")).startswith(caption):
            return data
    raise AssertionError(f"no table {caption}")


def text_of(test: AppTest) -> str:
    """All text that the page drew as HTML, Markdown, captions and notices."""
    parts = [element.proto.body for element in test.get("html")]
    for kind in ("markdown", "caption", "error", "info", "success", "warning", "code"):
        parts += [element.value for element in test.get(kind)]
    return "\n".join(parts)
