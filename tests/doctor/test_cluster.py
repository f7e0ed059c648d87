"""A Ray cluster is looked for only where one is named."""

from __future__ import annotations

import os
import socket

import pytest

from vos_core.doctor import cluster
from vos_core.doctor.packages import installed
from vos_core.doctor.report import Level


def test_no_cluster_no_line() -> None:
    assert list(cluster.look({})) == []


def test_ray_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "installed", lambda: {"numpy": "2"})
    (one,) = cluster.look({"VOSLAB_RAY_ADDRESS": "auto"})
    assert one.level is Level.PROBLEM
    assert one.advice == "make install-ray, or unset VOSLAB_RAY_ADDRESS"


@pytest.mark.parametrize("ask", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_cluster_that_is_gone(ask: bool) -> None:
    if "ray" not in installed():  # importing it takes seconds
        pytest.skip("Ray is not installed")
    with socket.socket() as mine:
        mine.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{mine.getsockname()[1]}"  # bound, and nobody listens
        (one,) = cluster.look({**os.environ, "VOSLAB_RAY_ADDRESS": address}, ask=ask)
    assert one.level is Level.PROBLEM
    assert address in one.text
