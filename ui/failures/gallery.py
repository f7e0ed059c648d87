"""The gallery: failures as pictures, worst first, of one or more runs; and those that another run fixes or breaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import streamlit as st

from db.episodes import GalleryEpisode, PairedEpisode, gallery, kind_counts, paired_episodes, scored_videos
from db.models import Run
from db.states import ScoreKind
from ui.failures.choice import Scope, chosen_kinds
from ui.failures.tiles import Tile, TileImage, failure_tiles
from ui.media.pictures import thumbnail_address
from ui.navigation import address, go, link, number, remember, switch
from ui.palette import FAILURES
from ui.theme import empty, plain
from ui.wording import count, is_official, run_title, score
from vos_core.analysis.failures import DISAGREEMENT_LINES, KIND_LINES, FailureKind
from vos_core.analysis.fixes import RULE_LINE, fixed
from vos_core.home import Home

PAGE, PAIRS_PAGE = 48, 24  # tiles: never more than 48 pictures on a page
_ORDERS = {"severity": "Costliest first", "frames": "Longest first"}
_CUTS = {"object": "Object", "frame": "Whole frame"}


def run_gallery(home: Home, scope: Scope) -> None:
    """The failures of the chosen runs, a page of them at a time."""
    ids = [run.id for run in scope.runs]
    counts = kind_counts(home.database, ids)
    scored = scored_videos(home.database, ids)
    if not counts:
        _nothing(scope, scored)
        return
    kinds, order, cut = _filters(counts)
    total = sum(number for kind, number in counts.items() if not kinds or kind in kinds)
    start = _page_start(total, PAGE)
    shown = gallery(home.database, ids, kinds=kinds, order=order, limit=PAGE, offset=start)
    runs = {run.id: run for run in scope.runs}
    tiles = [_tile(episode, runs[episode.run_id], cut, name_run=scope.single is None) for episode in shown]
    what = "Disagreements" if _disagrees(scope.runs[0]) else "Failures"
    opened = failure_tiles(tiles, key="failures", caption=f"{what}, {_ORDERS[order].lower()}")
    for episode, tile in zip(shown, tiles, strict=True):
        if tile.id == opened:
            go("inspect", **_place(episode, episode.run_id))
    _pager(total, start, PAGE)
    st.caption(
        f"White: the {'reference' if _disagrees(scope.runs[0]) else 'annotation'}'s outline; filled: the prediction. "
        f"Looked for in {count(scored, 'scored video')}. Costs: points that these frames take from the object's mean."
    )


def pair_gallery(home: Home, run: Run, other: Run, show: str) -> None:
    """The failures of `run` that `other` has not (show: fixed), or the reverse (broken), both runs in each tile."""
    failing, fine = (run, other) if show == "fixed" else (other, run)
    order = str(st.query_params.get("sort", "severity"))
    pairs = paired_episodes(home.database, failing.id, fine.id, order if order in _ORDERS else "severity")
    found = fixed(pairs)
    if not found:
        verb = "fixes" if show == "fixed" else "breaks"
        number = count(len(pairs), "failure")
        empty(
            f"{run_title(other)} {verb} nothing",
            f"Of the {number} of {run_title(failing)}, {run_title(fine)} has each too, or does hardly better there.",
            RULE_LINE,
        )
        return
    kinds, _, cut = _filters(Counter(episode.kind for episode in found))
    chosen = [episode for episode in found if not kinds or episode.kind in kinds]
    start = _page_start(len(chosen), PAIRS_PAGE)
    shown = chosen[start : start + PAIRS_PAGE]
    tiles = [_pair_tile(episode, run, other, cut) for episode in shown]
    caption = f"Failures of {run_title(failing)} that {run_title(fine)} has not"
    opened = failure_tiles(tiles, key="pairs", caption=caption, pairs=True)
    for episode, tile in zip(shown, tiles, strict=True):
        if tile.id == opened:
            go("inspect", **_place(episode, run.id, other.id))
    _pager(len(chosen), start, PAIRS_PAGE)
    total = f"{len(found)} of {count(len(pairs), 'failure')} of {plain(run_title(failing))}. "
    st.caption(
        f"{total}Left: #{run.id} {plain(run_title(run))}; right: #{other.id} {plain(run_title(other))}. {RULE_LINE}"
    )


def no_scores(run: Run) -> None:
    """What to do where a run has no scores."""
    if run.scorable:
        empty("No scores yet", f"{run_title(run)} is {run.state}: failures are found as its videos are scored.")
    else:
        empty(
            "Failures need annotations",
            f"{run.dataset} {run.split} is annotated on first frames only, so nobody knows where the masks are wrong. "
            "They can still be watched, and be held against other masks on the Run page.",
        )
    with st.container(horizontal=True, horizontal_alignment="center"):
        link("inspect", "Watch the predictions", icon=":material/frame_inspect:", run=run.id)
        link("run", "This run", icon=":material/bar_chart:", run=run.id)


def _nothing(scope: Scope, scored: int) -> None:
    what = "disagreements" if _disagrees(scope.runs[0]) else "failures"
    if scored:
        empty(f"No {what} found", f"Looked for in {count(scored, 'scored video')}: no mask is low or falls.")
    else:
        empty("No scores yet", f"No video is scored yet: {what} are found as videos are scored.")


def _filters(counts: Mapping[str, int]) -> tuple[list[str], str, str]:
    """Kinds, order and cut, in one row."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        kinds = chosen_kinds(counts)
        with st.container(horizontal=True, horizontal_alignment="right", width="content"):
            order = switch("sort", "Order", _ORDERS)
            cut = switch("cut", "Pictures", _CUTS)
    return kinds, order, cut


def _page_start(total: int, size: int) -> int:
    """Index of the first tile of the page that the address names, of those that there are."""
    last = max((total - 1) // size, 0)
    return size * min(max((number("page") or 1) - 1, 0), last)


def _pager(total: int, start: int, size: int) -> None:
    if total <= size:
        return

    def turn(page: int) -> None:
        remember({"page": str(page)})

    page = start // size + 1
    with st.container(horizontal=True, horizontal_alignment="center", vertical_alignment="center"):
        st.button("Previous", icon=":material/chevron_left:", disabled=start == 0, on_click=turn, args=(page - 1,))
        st.text(f"{start + 1} to {min(start + size, total)} of {total}")
        st.button(
            "Next",
            icon=":material/chevron_right:",
            icon_position="right",
            disabled=start + size >= total,
            on_click=turn,
            args=(page + 1,),
        )


def _place(episode: GalleryEpisode, run_id: int, other_id: int | None = None) -> dict[str, object]:
    """Where a failure is looked at."""
    return {
        "run": run_id,
        "with": other_id,
        "video": episode.video,
        "frame": episode.worst_frame,
        "object": episode.object_id,
    }


def _tile(episode: GalleryEpisode, run: Run, cut: str, *, name_run: bool) -> Tile:
    measure = _measure(run)
    attempt = (run.id, run.edition, episode.attempt)
    image = _image(episode, attempt, run, cut, f"{measure} {score(episode.worst_score)}")
    return Tile(
        id=_id(episode),
        href=address("inspect", **_place(episode, run.id)),
        images=(image,),
        facts=(_frames(episode), f"{measure} {score(episode.worst_score)}", f"costs {100 * episode.severity:.1f}"),
        run=run_title(run) if name_run else "",
        **_words(episode, run),
    )


def _pair_tile(episode: PairedEpisode, run: Run, other: Run, cut: str) -> Tile:
    """Both runs at the failure's worst frame, `run` on the left whoever of them fails."""
    fails = (episode.attempt, episode.here)
    holds = (episode.other_attempt, episode.there)
    measure = _measure(run)
    sides = ((run, fails), (other, holds)) if episode.run_id == run.id else ((run, holds), (other, fails))
    attempts = [(one.id, one.edition, attempt) for one, (attempt, _) in sides]
    images = tuple(
        _image(episode, here, one, cut, f"mean {measure} {score(mean)}", f"#{one.id}", beside=beside)
        for (one, (_, mean)), here, beside in zip(sides, attempts, reversed(attempts), strict=True)
    )
    means = " → ".join(score(mean) for _, (_, mean) in sides)
    return Tile(
        id=_id(episode),
        href=address("inspect", **_place(episode, run.id, other.id)),
        images=images,
        facts=(_frames(episode), f"{measure} {means}", f"costs {100 * episode.severity:.1f}"),
        **_words(episode, run),
    )


def _words(episode: GalleryEpisode, run: Run) -> dict[str, str]:
    lines = DISAGREEMENT_LINES if _disagrees(run) else KIND_LINES
    return {
        "name": f"{episode.video} · {episode.object_id}",
        "kind": episode.kind,
        "colour": FAILURES.get(episode.kind, "#888888"),
        "line": lines[FailureKind(episode.kind)],
    }


def _image(
    episode: GalleryEpisode,
    attempt: tuple[int, str, int],
    run: Run,
    cut: str,
    told: str,
    caption: str = "",
    beside: tuple[int, str, int] | None = None,
) -> TileImage:
    only = episode.object_id if cut == "object" else None
    src = thumbnail_address(*attempt, episode.video, episode.worst_frame, only, beside=beside)
    alt = f"{run_title(run)}: {episode.video}, object {episode.object_id}, frame {episode.worst_frame}: {told}"
    return TileImage(src, alt, caption or f"frame {episode.worst_frame}")


def _id(episode: GalleryEpisode) -> str:
    return f"{episode.run_id}/{episode.video}/{episode.object_id}/{episode.start}"


def _frames(episode: GalleryEpisode) -> str:
    if episode.start == episode.end:
        return f"frame {episode.start}"
    return f"frames {episode.start}–{episode.end}"


def _measure(run: Run) -> str:
    return "J&F" if is_official(run) else "agreement" if _disagrees(run) else "mean"


def _disagrees(run: Run) -> bool:
    return run.score_kind == ScoreKind.AGREEMENT.value


def kinds_of_change(run: Run, other: Run) -> dict[str, str]:
    """The three things to look at between two runs, first what is shown unasked."""
    return {"fixed": f"Fixed by #{other.id}", "broken": f"Broken by #{other.id}", "all": f"All of #{run.id}"}
