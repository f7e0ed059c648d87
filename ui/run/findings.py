"""What a run's scores come to: what they are where they are no J&F, the published figures, where it fails."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from db import queries
from db.models import Run
from db.states import RunState, ScoreKind
from ui.navigation import address, go, link
from ui.parts.table import Column, Row, table
from ui.theme import plain
from ui.wording import SCORES, count, folder_name, is_official
from vos_core.analysis.failures import DISAGREEMENT_LINES, KIND_LINES, FailureKind
from vos_core.analysis.verify import Outcome, verify
from vos_core.home import Home

MOST = 300


def kind_notice(home: Home, run: Run) -> None:
    """A banner where the run's figures are no J&F."""
    if run.score_kind == ScoreKind.AGREEMENT.value:
        folder = home.locate(run.reference or "")
        st.warning(
            f"**Agreement with {plain(folder_name(run.reference))}, no J&F.** These masks are held against those in "
            f"{plain(str(folder))}, which are no ground truth.",
            icon=":material/balance:",
        )
    elif run.score_kind == ScoreKind.LEAKED.value:
        st.warning(
            "**Prompted with its own annotations, no J&F.** The model was given the annotations that it is scored "
            "against (`use_all_masks`): these figures say nothing of how well it tracks, and stay out of the official "
            "columns.",
            icon=":material/key:",
        )


def verdict(run: Run) -> None:
    """Whether a finished run reproduces the published figures of its setting; nothing where there are none."""
    if run.state != RunState.DONE.value or not is_official(run):
        return
    found = verify(run)
    if found.reference is None:
        return
    st.subheader("Against the published figures", anchor=False)
    box = {Outcome.PASS: st.success, Outcome.DIFFERS: st.error, Outcome.NOT_COMPARABLE: st.info}[found.outcome]
    box(plain(found.sentence))
    labels = dict(SCORES)
    columns = [
        Column("figure", "Figure"),
        Column("published", "Published", "number", digits=4),
        Column("ours", "This run", "number", digits=4),
        Column("difference", "Difference", tip="This run minus published"),
    ]
    rows = [
        Row(
            check.name,
            "",
            {
                "figure": labels[check.name],
                "published": check.published,
                "ours": check.ours,
                "difference": None if check.difference is None else f"{check.difference:+.4f}",
            },
        )
        for check in found.figures
    ]
    table(columns, rows, key="verdict", caption="The seven figures beside the published ones")


def failures(home: Home, run: Run) -> None:
    """Stretches of frames in which an object's mask fails, worst first; a row opens its worst frame.

    Held against masks that are no ground truth, they are disagreements: nobody knows which side fails.
    """
    found = queries.failures(home.database, run.id)
    scored = sum(task.j_mean is not None for task in queries.tasks(home.database, run.id))
    if not scored:
        return
    disagrees = run.score_kind == ScoreKind.AGREEMENT.value
    st.subheader("Where they disagree" if disagrees else "Where it fails", anchor=False)
    looked = f"Looked for in the {count(scored, 'scored video')} of {run.videos}."
    if not found:
        st.caption(f"No {'disagreements' if disagrees else 'failures'} found. {looked}")
        return
    lines = DISAGREEMENT_LINES if disagrees else KIND_LINES
    measure = "J&F" if is_official(run) else "Agreement" if disagrees else "Mean"
    link("failures", "As pictures, and against other runs", icon=":material/photo_library:", run=run.id)
    numbers = Counter(episode.kind for _, episode in found)
    kinds = st.pills(
        "Kinds of disagreement" if disagrees else "Kinds of failure",
        list(numbers),
        selection_mode="multi",
        format_func=lambda kind: f"{kind} ({numbers[kind]})",
        key=f"failure-kinds-{run.id}",
        label_visibility="collapsed",
    )
    chosen = [(video, episode) for video, episode in found if not kinds or episode.kind in kinds]
    columns = [
        Column("sequence", "Sequence", tip="video_object"),
        Column("kind", "Kind"),
        Column("frames", "Frames", tip="First and last frame of the stretch"),
        Column("worst", "Worst frame", "number", digits=0),
        Column("score", f"{measure} there", "number"),
        Column("cost", "Costs", "number", "points", 1, tip="What these frames take from the object's mean"),
        Column("line", "What that is"),
    ]
    rows, places = [], {}
    for video, episode in chosen[:MOST]:
        place = {"video": video, "object": episode.object_id, "frame": episode.worst_frame}
        key = f"{video}/{episode.object_id}/{episode.start}"
        places[key] = place
        cells = {
            "sequence": f"{video}_{episode.object_id}",
            "kind": episode.kind,
            "frames": str(episode.start) if episode.start == episode.end else f"{episode.start} to {episode.end}",
            "worst": episode.worst_frame,
            "score": episode.worst_score,
            "cost": 100 * episode.severity,
            "line": lines[FailureKind(episode.kind)],
        }
        rows.append(Row(key, address("inspect", run=run.id, **place), cells))
    what = f"Disagreements with {folder_name(run.reference)}" if disagrees else "Failures of this run"
    opened = table(columns, rows, key="failures", caption=f"{what}, worst first", height=420)
    if opened in places:
        go("inspect", run=run.id, **places[opened])
    rest = f" The worst {MOST} of {len(chosen)}." if len(chosen) > MOST else ""
    st.caption(f"Found from the masks alone, worst first; a row opens its worst frame in Inspect. {looked}{rest}")
