"""The failure gallery: which failures it shows, in which order, where they lead, and what it says where it has none."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from db import queries
from db.episodes import paired_episodes
from tests.pages.conftest import OpenPage, text_of
from tests.ui.seed import STRANGE
from ui.failures import gallery
from vos_core.analysis.fixes import fixed
from vos_core.home import Home


def tiles(test: Any) -> list[dict[str, Any]]:
    for element in test.get("bidi_component"):
        data: dict[str, Any] = json.loads(element.proto.json)
        if "tiles" in data:
            found: list[dict[str, Any]] = data["tiles"]
            return found
    return []


def test_without_runs_it_says_what_to_do(here: Home, open_page: OpenPage) -> None:
    test = open_page("failures.py")
    assert not test.exception
    assert "No runs yet" in text_of(test)


def test_the_worst_frames_of_a_run_come_first(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("failures.py", run=runs["static"])
    assert not test.exception
    stored = queries.failures(here.database, runs["static"])
    assert len(stored) > 3
    shown = tiles(test)
    assert [(tile["name"], tile["kind"]) for tile in shown] == [
        (f"{video} · {episode.object_id}", episode.kind) for video, episode in stored
    ]
    video, worst = stored[0]
    first = shown[0]
    asked = parse_qs(urlsplit(first["href"]).query)
    assert first["href"].startswith("inspect?")
    assert asked == {"run": [str(runs["static"])], "video": [video], "frame": [str(worst.worst_frame)],
                     "object": [str(worst.object_id)]}  # fmt: skip
    (image,) = first["images"]
    assert image["src"].startswith(f"thumbnails/{runs['static']}/") and image["src"].endswith(
        f"/{worst.worst_frame}.jpg?object={worst.object_id}"
    )
    assert f"frame {worst.worst_frame}" in image["alt"] and video in image["alt"]
    assert f"J&F {worst.worst_score:.3f}" in first["facts"]


def test_addresses_of_strange_videos_are_quoted(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    shown = [tile for tile in tiles(open_page("failures.py", run=runs["static"])) if tile["name"].startswith(STRANGE)]
    assert shown
    for tile in shown:
        assert not set("<>' ") & set(tile["images"][0]["src"] + tile["href"])


def test_kinds_order_and_cut_live_in_the_address(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    stored = queries.failures(here.database, runs["static"])
    kind = stored[-1][1].kind
    test = open_page("failures.py", run=runs["static"], kind=kind, sort="frames", cut="frame")
    wanted = [episode for _, episode in stored if episode.kind == kind]
    assert 0 < len(wanted) < len(stored)
    shown = tiles(test)
    assert [tile["kind"] for tile in shown] == [kind] * len(wanted)
    assert all("?object" not in tile["images"][0]["src"] for tile in shown)
    lengths = [episode.frames for episode in sorted(wanted, key=lambda episode: -episode.frames)]
    starts = {(f"{video} · {e.object_id}", e.frames) for video, e in stored if e.kind == kind}
    assert all((tile["name"], length) in starts for tile, length in zip(shown, lengths, strict=True))


def test_no_page_has_more_tiles_than_fit(
    here: Home, runs: dict[str, int], open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "PAGE", 2)
    every = [video for video, _ in queries.failures(here.database, runs["static"])]
    names: list[str] = []
    pages = -(-len(every) // 2)
    for page in range(1, pages + 1):
        test = open_page("failures.py", run=runs["static"], page=page)
        shown = tiles(test)
        assert len(shown) <= 2
        names += [tile["name"].rsplit(" · ", 1)[0] for tile in shown]
    assert names == every
    assert tiles(open_page("failures.py", run=runs["static"], page=99)) == shown, "the last page there is"
    test = open_page("failures.py", run=runs["static"])
    next(button for button in test.button if button.label == "Next").click().run()
    assert test.query_params["page"] in ("2", ["2"])
    assert tiles(test) == tiles(open_page("failures.py", run=runs["static"], page=2))


def test_all_runs_of_an_ablation_narrowed_by_model_and_memory_size(
    here: Home, runs: dict[str, int], open_page: OpenPage
) -> None:
    run = queries.run_by_id(here.database, runs["static"])
    assert run is not None
    scope = f"ablation-{run.ablation_id}"
    test = open_page("failures.py", run=scope)
    assert not test.exception
    assert {"Static", "Flow"} <= {tile["run"] for tile in tiles(test)}
    narrowed = tiles(open_page("failures.py", run=scope, model="propagation", memory="1"))
    assert narrowed and {tile["run"] for tile in narrowed} == {"Propagation, N = 1"}
    test = open_page("failures.py", run=scope, model="static", memory="1")
    assert "No run is left" in text_of(test) and not tiles(test)


@pytest.mark.parametrize(("show", "swap"), [("fixed", False), ("broken", True)])
def test_fixed_and_broken_by_another_run(
    here: Home, runs: dict[str, int], open_page: OpenPage, show: str, swap: bool
) -> None:
    a, b = (runs["done"], runs["static"]) if swap else (runs["static"], runs["done"])
    test = open_page("failures.py", run=a, other=b, show=show)
    assert not test.exception
    failing, fine = (b, a) if swap else (a, b)
    expected = fixed(paired_episodes(here.database, failing, fine))
    assert expected
    shown = tiles(test)
    assert len(shown) == len(expected)
    asked = parse_qs(urlsplit(shown[0]["href"]).query)
    assert (asked["run"], asked["with"]) == ([str(a)], [str(b)])
    assert asked["frame"] == [str(expected[0].worst_frame)]
    assert [image["caption"] for image in shown[0]["images"]] == [f"#{a}", f"#{b}"]
    assert [image["src"].split("/")[1] for image in shown[0]["images"]] == [str(a), str(b)]
    here_, there = expected[0].here, expected[0].there
    means = (there, here_) if swap else (here_, there)
    assert f"J&F {means[0]:.3f} → {means[1]:.3f}" in shown[0]["facts"]


def test_unasked_two_runs_show_what_is_fixed(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("failures.py", run=runs["static"], other=runs["done"])
    assert all(len(tile["images"]) == 2 for tile in tiles(test))
    test = open_page("failures.py", run=runs["static"], other=runs["done"], show="all")
    assert all(len(tile["images"]) == 1 for tile in tiles(test))


def test_a_run_that_fixes_nothing_says_so(here: Home, runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("failures.py", run=runs["done"], other=runs["static"])
    assert not fixed(paired_episodes(here.database, runs["done"], runs["static"]))
    assert "fixes nothing" in text_of(test) and "at least 0.8" in text_of(test)


def test_first_frame_annotations_have_no_failures(runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("failures.py", run=runs["mose"])
    assert not test.exception
    assert "Failures need annotations" in text_of(test) and not tiles(test)


@pytest.mark.parametrize(
    ("which", "said"), [("queued", "No scores yet"), ("cancelled", "No scores yet"), ("agreement", "reference")]
)
def test_other_states(runs: dict[str, int], open_page: OpenPage, which: str, said: str) -> None:
    test = open_page("failures.py", run=runs[which])
    assert not test.exception
    assert said in text_of(test)


def test_disagreements_are_not_called_failures_of_jf(runs: dict[str, int], open_page: OpenPage) -> None:
    shown = tiles(open_page("failures.py", run=runs["agreement"]))
    assert shown and all("J&F" not in " ".join(tile["facts"]) for tile in shown)
    others = open_page("failures.py", run=runs["agreement"])
    assert all("against" not in box.label for box in others.selectbox), "no other run is held against the same"


def test_a_run_that_is_gone_is_said(runs: dict[str, int], open_page: OpenPage) -> None:
    test = open_page("failures.py", run=999)
    assert not test.exception
    assert any("999" in warning.value for warning in test.warning)
