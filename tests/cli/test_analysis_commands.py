"""`compare`, `failures`, `verify`, `reference`, `server-score`: what they say of real runs, and how they end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from db import ledger, queries
from db.models import VideoTask
from db.schema import ensure
from db.session import writing
from tests.analysis import runs as invented
from tests.clips import write_dataset
from tests.execution.test_dispatcher import stop_dispatcher
from vos_core.analysis.bootstrap import paired_bootstrap
from vos_core.analysis.failures import DISAGREEMENT_LINES, KIND_LINES
from vos_core.cli import main
from vos_core.home import Home
from vos_core.reference import reference_rows


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    home = Home.from_environment({}, cwd=tmp_path)
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    ensure(home.database)
    yield home
    stop_dispatcher(home)


@pytest.fixture
def two_runs(home: Home, capsys: pytest.CaptureFixture[str]) -> Home:
    """`static` (run 1) and `flow` (run 2) over two short videos."""
    write_dataset(home.data / "DAVIS", {"a": 8, "b": 5})
    assert main(["run", "--dataset", "DAVIS", "--model", "static", "flow"]) == 0
    capsys.readouterr()
    return home


def add_run(home: Home, **changes: Any) -> int:
    """An invented run's row; returns its id."""
    with writing(home.database) as session:
        row = invented.run(**changes)
        row.ablation_id = ledger.add_ablation(session, "invented", "")
        row.folder = row.predictions = f"outputs:DAVIS_pred_pngs/{row.name}"
        row.fingerprint, row.dataset_path = row.name, "data:DAVIS"
        row.position = row.created_at = 1.0
        session.add(row)
        session.flush()
        return row.id


def test_two_runs_compared_and_their_failures(two_runs: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home = two_runs
    rows = [queries.object_rows(home.database, run_id) for run_id in (1, 2)]
    difference = paired_bootstrap(*rows)

    assert main(["compare", "1", "DAVIS_flow"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == difference.sentence(("DAVIS_static", "DAVIS_flow")) + "."
    assert out[1] == "Compared over 2 videos (4 objects), all that both runs have."
    shown = {line.split()[0]: line.split()[-1] for line in out if line}
    by_name = [{row.sequence: row.jf_mean for row in side} for side in rows]
    for name in ("a_1", "a_2", "b_1", "b_2"):
        assert shown[name] == f"{by_name[1][name] - by_name[0][name]:+.3f}"

    assert main(["compare", "2", "1", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["difference"] == -difference.difference and content["interval"] is None
    assert (content["a"]["name"], content["measure"]) == ("DAVIS_flow", "J&F")
    assert {row["video"] for row in content["videos"]} == {"a", "b"}

    with pytest.raises(SystemExit):
        main(["compare"])
    assert main(["compare", "1"]) == 2
    assert "2 to 8 runs, not 1" in capsys.readouterr().err

    known = queries.failures(home.database, 1)
    assert known, "a mask held still loses moving squares"
    assert main(["failures", "1", "--json"]) == 0
    episodes = json.loads(capsys.readouterr().out)
    assert [(one["video"], one["start"], one["severity"]) for one in episodes] == [
        (video, row.start, row.severity) for video, row in known
    ]
    kind = episodes[0]["kind"]
    other = next(name for name in ("ghost", "boundary") if name not in {one["kind"] for one in episodes})
    assert main(["failures", "1", "--kind", kind, "--limit", "1"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[1].split()[:4] == [
        known[0][0],
        str(known[0][1].object_id),
        kind,
        f"{known[0][1].start}-{known[0][1].end}",
    ]
    count = sum(one["kind"] == kind for one in episodes)
    assert out[-1].startswith(f"{count} {kind}: ")
    assert (f"... and {count - 1} more (--limit 0 shows all)" in out) == (count > 1)
    assert main(["failures", "1", "--kind", other]) == 0
    assert capsys.readouterr().out == "No failures of this kind in DAVIS_static.\n"

    assert main(["verify", "1"]) == 2
    assert "static is none" in capsys.readouterr().out


def test_agreement_is_never_called_jf(two_runs: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home = two_runs
    (reference,) = [run for run in queries.runs(home.database) if run.id == 2]
    assert main(["agreement", "1", "--against", str(home.locate(reference.predictions))]) == 0
    capsys.readouterr()
    for words in (["failures", "3"], ["show", "3"], ["failures", "3", "--kind", "ghost"]):
        assert main(words) == 0
        out = capsys.readouterr().out
        assert "its J&F" not in out and "J-Mean" not in out.split("agreement with")[-1]
        assert "failures" not in out and "failing" not in out
    assert main(["failures", "3"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("These are disagreements (agreement with DAVIS_flow): nobody knows which side fails.\n")
    assert any(line in out for line in DISAGREEMENT_LINES.values())
    assert not any(line in out for line in KIND_LINES.values())
    assert main(["show", "3"]) == 0
    assert "Region-Mean" in capsys.readouterr().out
    alone, both = home.root / "alone.png", home.root / "both.png"
    for run, out_path in (("1", alone), ("3", both)):
        assert main(["picture", run, "--video", "a", "--frame", "3", "--out", str(out_path)]) == 0
    with Image.open(alone) as one, Image.open(both) as other:
        assert other.size == one.size, "the reference stands where the annotation does"
        assert other.tobytes() != one.tobytes()


def test_three_runs_compared_and_by_attribute(two_runs: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--dataset", "DAVIS", "--model", "propagation", "--memory_size", "1"]) == 0
    capsys.readouterr()
    rows = [queries.object_rows(two_runs.database, run_id) for run_id in (2, 1, 3)]
    against = [paired_bootstrap(rows[0], other) for other in rows[1:]]

    assert main(["compare", "2", "1", "3", "--attributes"]) == 0
    out = capsys.readouterr().out.splitlines()
    name = "DAVIS_propagation_memsize1"
    assert out[:2] == [
        f"DAVIS_static against DAVIS_flow: {against[0].sentence(('DAVIS_flow', 'DAVIS_static'))}.",
        f"{name} against DAVIS_flow: {against[1].sentence(('DAVIS_flow', name))}.",
    ]
    shown = {line.split("  ")[0]: line.split() for line in out if line}
    means = [sum(row.jf_mean for row in side) / len(side) for side in rows]
    assert shown["Visibility"][-6:] == [
        "4",
        *(f"{mean:.3f}" for mean in means),
        *(f"{mean - means[0]:+.3f}" for mean in means[1:]),
    ]

    assert main(["compare", "2", "1", "3", "--json", "--attributes"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert [one["id"] for one in content["runs"]] == [2, 1, 3]
    assert [pair["difference"] for pair in content["pairs"]] == [one.difference for one in against]
    assert {line["value"] for line in content["attributes"] if line["attribute"] == "Objects in the video"} == {
        "2 objects"
    }


def test_videos_that_are_not_scored_are_told(two_runs: Home, capsys: pytest.CaptureFixture[str]) -> None:
    with writing(two_runs.database) as session:
        for task in session.scalars(select(VideoTask).where(VideoTask.run_id == 1, VideoTask.video == "b")):
            task.j_mean = None
    assert main(["failures", "1", "--limit", "1"]) == 0
    assert capsys.readouterr().out.startswith("Looked for in the 1 of 2 videos that are scored.\n")


def test_runs_that_cannot_be_compared(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    official = add_run(home)
    agreement = add_run(home, name="held", score_kind="agreement", reference="outputs:sample", jf=None)
    for words, told in (
        (["compare", str(official), str(official)], "are the same run"),
        (["compare", str(official), str(agreement)], "are agreement with sample, those of"),
        (["compare", str(official), "nope"], "There is no run 'nope'"),
        (["failures", str(official)], "has no scores"),
        (["failures", str(official), "--limit", "-1"], "--limit -1"),
    ):
        assert main(words) == 2
        assert told in capsys.readouterr().err
    other = add_run(home, name="other")
    assert main(["compare", str(official), str(other)]) == 2
    assert "has no scores" in capsys.readouterr().err


PUBLISHED = next(row for row in reference_rows() if row.model_name == "sam2_hiera_base_plus" and row.memory_size == 7)


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        ({}, 0, "Pass: J&F 0.8855 is 0.0004 below"),
        ({"jf": 0.8801}, 1, "Differs: J&F 0.8801 is 0.0058 below"),
        ({"videos": 3, "videos_done": 3}, 2, "Not comparable"),
    ],
)
def test_verify_says_it_and_shows_the_figures(
    home: Home, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], code: int, told: str
) -> None:
    run_id = add_run(home, **changes)
    assert main(["verify", str(run_id)]) == code
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith(told)
    rows = {line.split()[0]: line.split()[1:] for line in out[3:]}
    assert list(rows) == ["J&F-Mean", "J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay"]
    assert rows["J-Mean"] == [f"{PUBLISHED.j_mean:.4f}", "0.8542", f"{0.8542 - (PUBLISHED.j_mean or 0):+.4f}"]
    assert main(["verify", str(run_id), "--json"]) == code
    assert json.loads(capsys.readouterr().out)["figures"]["J-Mean"]["ours"] == 0.8542


def test_verify_tolerance(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    run_id = str(add_run(home, jf=0.8801))
    assert main(["verify", run_id, "--tolerance", "0.01"]) == 0
    assert main(["verify", run_id, "--tolerance", "-1"]) == 2
    assert "--tolerance -1" in capsys.readouterr().err


def test_reference_rows_have_sources_and_reasons(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reference"]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert sum(line.startswith(("DAVIS 2017 val ", "MOSE v1 valid")) for line in lines) == len(reference_rows())
    for row in reference_rows():
        assert row.why_no_target is None or row.why_no_target in out
        assert row.link is None or f"{row.source}: {row.link}" in lines
    agreement = next(line for line in lines if "vs sample submission" in line and " 7 " in line)
    assert agreement.split()[-6:-5] == ["0.638"] and "no [1]" in agreement
    assert main(["reference", "--dataset", "mose", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["dataset"].split()[0] for row in rows} == {"MOSE"}
    assert all(row["jf_mean"] is None for row in rows if row["measure"] != "J&F")
    assert main(["reference", "--dataset", "LVOS"]) == 2
    assert "there are some of DAVIS, MOSE" in capsys.readouterr().err


def test_server_scores_are_typed_in_shown_and_removed(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    run_id = str(add_run(home, jf=None))
    noted = ["server-score", run_id, "--server", "CodaLab"]
    assert main([*noted, "--figure", "J&F=0.712", "J=0.68", "--figure", "F=0.744", "--notes", "second try"]) == 0
    line = capsys.readouterr().out.strip()
    assert line.startswith("server CodaLab [1]: J&F 0.712, J 0.68, F 0.744 (the server's, entered 2")
    assert line.endswith("second try")
    assert main(["show", run_id]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert line in shown and "0.712" not in shown[1], "apart from the official columns"
    assert main(["show", run_id, "--json"]) == 0
    (score,) = json.loads(capsys.readouterr().out)["server_scores"]
    assert score["figures"] == {"J&F": 0.712, "J": 0.68, "F": 0.744}
    assert main(["server-score", run_id, "--remove", "7"]) == 2
    assert main(["server-score", run_id, "--remove", "1"]) == 0
    assert queries.server_scores(home.database, int(run_id)) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--server", "CodaLab"], "Give at least one figure"),
        (["--figure", "J&F=0.7"], "Say which server"),
        (["--server", "CodaLab", "--figure", "0.7"], "write NAME=NUMBER"),
        (["--server", "CodaLab", "--figure", "J&F=good"], "write NAME=NUMBER"),
        (["--server", "CodaLab", "--figure", "J&F=nan"], "out of range"),
        (["--server", "CodaLab", "--figure", "J=1", "J=0.5"], "given twice"),
        (["--server", "CodaLab", "--figure", "J=2"], "from 0 to 1, such as J=0.712, or a percentage"),
        (["--server", "CodaLab", "--figure", "J=101%"], "out of range"),
        (["--server", "CodaLab", "--figure", "J=1", "--remove", "1"], "--remove by itself"),
    ],
)
def test_bad_server_scores(home: Home, capsys: pytest.CaptureFixture[str], words: list[str], told: str) -> None:
    run_id = add_run(home)
    assert main(["server-score", str(run_id), *words]) == 2
    assert told in capsys.readouterr().err
    assert queries.server_scores(home.database, run_id) == []


def test_figures_that_are_no_jf_stand_below_the_table(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    figures = {**invented.FIGURES, "jf_mean": 0.6382}
    add_run(home, name="plain")
    add_run(home, name="held", score_kind="agreement", reference="outputs:x/sample", jf=None, other_scores=figures)
    assert main(["status"]) == 0
    lines = capsys.readouterr().out.splitlines()
    table = {line.split()[1]: line.split() for line in lines[:3]}
    assert table["held"][5:12] == ["-"] * 7 and table["plain"][5] == "0.885"
    assert lines[3] == (
        "held: agreement with sample, no J&F: mean 0.638; region mean 0.854 recall 0.921 decay 0.051; "
        "contour mean 0.917 recall 0.967 decay 0.073"
    )
    assert main(["status", "--json"]) == 0
    kinds = {row["name"]: row["other_scores"] for row in json.loads(capsys.readouterr().out)["runs"]}
    assert kinds == {"plain": None, "held": figures}
