"""Fixtures that every room shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vos_core.home import Home


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real DAVIS frames and the official toolkit's scores; skips where it is missing."""
    folder = Path(os.environ.get("VOSLAB_TEST_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    if not (folder / "davis-real" / "DAVIS").is_dir():
        pytest.skip(f"no test data: {folder}/davis-real is missing (set VOSLAB_TEST_DATA to its folder)")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home of its own."""
    return Home.from_environment({}, cwd=tmp_path / "home")
