"""The dashboard's benchmark makes its home and measures every part in a real browser; how fast is not held here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.dashboard import Figure, Target
from benchmarks.dashboard_home import make_home, settings_of
from benchmarks.davis_val import DAVIS_VAL
from db import queries
from tests.e2e.conftest import find_browser
from vos_core.datasets import open_dataset
from vos_core.home import Home

ROOT = Path(__file__).resolve().parents[2]
FEW = {"blackswan": (12, 1), "judo": (9, 2)}


def test_the_home_holds_runs_that_pages_can_read(home: Home) -> None:
    made = make_home(home, runs=3, videos=FEW)
    assert made.rows == 3 * (10 * 1 + 7 * 2)
    assert make_home(home, runs=3, videos=FEW) == made
    runs = queries.runs(home.database)
    assert [(run.state, run.videos_done, run.frames_done, run.objects) for run in runs] == [("done", 2, 21, 3)] * 3
    rows = queries.object_rows(home.database, runs[0].id)
    assert runs[0].jf_mean == pytest.approx(sum(row.jf_mean for row in rows) / 3)
    video = open_dataset(home.locate(runs[0].dataset_path), runs[0].dataset).video("judo")
    assert video.length == 9
    assert all((home.locate(runs[0].predictions) / "judo" / f"{stem}.png").is_file() for stem in video.stems)


def test_it_is_of_davis_size() -> None:
    assert (len(DAVIS_VAL), sum(n for n, _ in DAVIS_VAL.values()), sum(k for _, k in DAVIS_VAL.values())) == (
        30,
        1999,
        61,
    )
    fingerprints = [settings.fingerprint for _, settings in settings_of("data:DAVIS")]
    assert len(set(fingerprints)) == len(fingerprints) >= 200


@pytest.mark.parametrize(
    ("summary", "target", "value", "worst", "met"),
    [
        ("median", Target(2.0), 2.0, 9.0, True),
        ("p95", Target(2.0), 9.0, 9.0, False),
        ("last", Target(2.0), 9.0, 9.0, False),
        ("median", Target(2.5, at_least=True), 2.0, 1.0, False),
    ],
)
def test_figures(summary: str, target: Target, value: float, worst: float, met: bool) -> None:
    figure = Figure("it", "s", [1.0, 2.0, 9.0], target, summary)
    assert (figure.value, figure.worst, target.met(figure.value)) == (value, worst, met)


@pytest.mark.slow
@pytest.mark.e2e
def test_every_part_is_measured(tmp_path: Path) -> None:
    if find_browser() is None:
        pytest.skip("no browser: install chromium, or set VOSLAB_CHROMIUM to one")
    sizes = ["--runs", "5", "--videos", "2", "--rounds", "1", "--visits", "4"]
    command = [sys.executable, "benchmarks/dashboard.py", *sizes, "--keep", str(tmp_path), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    figures = {row["name"]: row for row in json.loads(done.stdout)["figures"]}
    for name in ("Results, cold: table with J&F values", "Inspect, warm: usable", "Frame route: 95th percentile"):
        assert figures[name]["value"] > 0
    assert figures["Results: database statements"]["value"] >= 1
    assert figures["Playback of two panes"]["value"] > 0
