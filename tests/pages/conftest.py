"""Pages run by AppTest against a home of their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.seed import full_home
from ui.navigation import ROOT
from vos_core.home import Home

OpenPage = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def no_dispatcher(monkeypatch: pytest.MonkeyPatch) -> None:
    """No background process: these tests look at pages, and at the intents that pages write."""
    monkeypatch.setattr("vos_core.execution.submit.ensure_dispatcher", lambda home: False)


@pytest.fixture
def here(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The home that the pages see; empty."""
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    return home


@pytest.fixture
def runs(here: Home) -> dict[str, int]:
    """Runs in every state."""
    return full_home(here)


@pytest.fixture
def open_page() -> OpenPage:
    """Opens a page (file name) under an address, within the whole app."""

    def open_page(file: str, **query: object) -> AppTest:
        test = AppTest.from_file(str(ROOT / "ui" / "main.py"), default_timeout=30)
        for name, value in query.items():
            test.query_params[name] = str(value)
        test.run()
        if file != "runs.py":
            test.switch_page(f"../pages/{file}")
            for name, value in query.items():
                test.query_params[name] = str(value)
            test.run()
        return test

    return open_page
