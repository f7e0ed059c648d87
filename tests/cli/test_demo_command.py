"""The command `demo`: the set that it generates, and its bar on a terminal."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest

from vos_core.cli import main
from vos_core.datasets import open_dataset
from vos_core.home import Home


class Terminal(io.StringIO):
    """What a terminal shows."""

    def isatty(self) -> bool:
        return True


@pytest.mark.slow
def test_generating_shows_a_bar_on_a_terminal(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main(["demo", "--only_data"]) == 0
    dataset = open_dataset(home.data / "demo")
    frames = sum(dataset.video(name).length for name in dataset.video_names())
    shown = [(int(done), int(total)) for done, total in re.findall(r"(\d+)/(\d+) \[", terminal.getvalue())]
    assert len(shown) > 5 and shown == sorted(shown, key=lambda pair: pair[0])
    assert shown[-1][1] == frames
    assert not Path(home.database).exists(), "--only_data queues nothing"

    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    assert main(["demo", "--only_data"]) == 0
    assert log.getvalue() == "", "it is there already, and a log gets no bar"
