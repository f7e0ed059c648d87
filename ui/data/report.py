"""What a whole look through a dataset has found, as the Data page shows it: counts, splits, sizes, problems."""

from __future__ import annotations

import time
from html import escape

import streamlit as st

from ui.theme import facts, plain
from ui.wording import count, duration
from vos_core.datasets.findings import Problem, Severity, Survey
from vos_core.datasets.survey_job import SurveyPhase, SurveyState

_STYLE = """<style>
.vl-problems { max-height: 24rem; overflow: auto; border: 1px solid color-mix(in srgb, currentColor 18%, transparent);
  border-radius: 8px; font-size: .86rem; }
.vl-problems ul { list-style: none; margin: 0; padding: 0; }
.vl-problems li { display: grid; grid-template-columns: 5.2rem minmax(0, 1fr); gap: .1rem .8rem; margin: 0;
  padding: .4rem .75rem;
  border-bottom: 1px solid color-mix(in srgb, currentColor 12%, transparent); }
.vl-problems li:last-child { border-bottom: 0; }
.vl-problems b { font-weight: 640; color: var(--c); }
.vl-problems span { overflow-wrap: anywhere; }
</style>"""
_COLOURS = {Severity.ERROR: "#D6453D", Severity.WARNING: "#B0772E"}


def survey_state(told: SurveyState) -> bool:
    """A bar while it goes on, the report once it is done, a sentence where it is neither; returns whether to poll."""
    if not told.phase.ended:
        words = "Counting frames" if told.fraction is None else f"{told.done} of {count(told.total, 'frame')} read"
        st.progress(told.fraction or 0.0, words)
        return True
    if told.phase is SurveyPhase.DONE and told.survey is not None:
        if told.changed:
            st.warning(
                "The folder's videos or lists have changed since this check: check it again.", icon=":material/update:"
            )
        survey_report(told.survey)
    else:
        (st.error if told.phase is SurveyPhase.FAILED else st.warning)(plain(told.note))
    return False


def survey_report(survey: Survey) -> None:
    """Draw a finished survey."""
    if survey.errors:
        verdict = f"{count(survey.errors, 'error')}: runs over those videos would fail, or mean something else."
        st.error(verdict, icon=":material/error:")
    elif survey.warnings:
        st.warning(f"Usable, with {count(survey.warnings, 'warning')}.", icon=":material/warning:")
    else:
        st.success("Everything was read, and nothing is wrong.", icon=":material/check_circle:")
    for sentence in survey.advice:
        st.info(plain(sentence), icon=":material/lightbulb:")
    sizes = ", ".join(f"{size.width}×{size.height} ({count(size.videos, 'video')})" for size in survey.sizes[:6])
    more = f" and {len(survey.sizes) - 6} more" if len(survey.sizes) > 6 else ""
    facts(
        [
            ("Layout", survey.layout.value),
            ("Holds", f"{count(survey.videos, 'video')}, {count(survey.frames, 'frame')}"),
            ("Annotations", count(survey.annotations, "file")),
            ("Frame sizes", (sizes + more) or "none"),
            ("Checked", f"{time.strftime('%Y-%m-%d %H:%M', time.localtime(survey.at))}, in {duration(survey.seconds)}"),
        ]
    )
    st.dataframe(
        {
            "Split": [split.name for split in survey.splits],
            "Videos": [split.videos for split in survey.splits],
            "Frames": [split.frames for split in survey.splits],
            "Objects": [split.objects for split in survey.splits],
            "Annotated frames": [split.annotated_frames for split in survey.splits],
            "Annotated": [split.how_annotated for split in survey.splits],
        },
        hide_index=True,
        height="content",
    )
    if survey.problems:
        _problems(survey.problems)
    if survey.unlisted:
        kinds = ", ".join(f"{count(one.count, one.kind.value, one.kind.value)}" for one in survey.counts)
        st.caption(f"{count(survey.unlisted, 'further problem')} only counted. In all: {plain(kinds)}.")


def _problems(problems: tuple[Problem, ...]) -> None:
    items = "".join(
        f'<li><b style="--c:{_COLOURS[one.severity]}">{one.severity.value}</b><span>{escape(one.sentence)}</span></li>'
        for one in problems
    )
    st.html(f'{_STYLE}<div class="vl-problems" tabindex="0" role="region" aria-label="Problems"><ul>{items}</ul></div>')
