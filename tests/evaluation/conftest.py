"""Fixtures of the scoring tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.evaluation.folders import Folders, make_folders


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """A small dataset and predictions of its own."""
    return make_folders(tmp_path)
