"""The findings of an examination as the Doctor page shows them, and as text to paste into a question."""

from __future__ import annotations

from html import escape
from itertools import groupby

import streamlit as st

from ui.theme import chip, chips
from ui.wording import count, duration
from vos_core.doctor import Finding, Level, Report

_WORDS = {Level.OK: "ok", Level.NOTE: "note", Level.WARNING: "look at this", Level.PROBLEM: "does not work"}
_COLOURS = {Level.OK: "#2E9E6B", Level.NOTE: "#8A9296", Level.WARNING: "#CCA300", Level.PROBLEM: "#D6453D"}
_STATES = {Level.OK: "done", Level.NOTE: "queued", Level.WARNING: "paused", Level.PROBLEM: "failed"}
_STYLE = """<style>
.vl-findings { border: 1px solid color-mix(in srgb, currentColor 18%, transparent); border-radius: 8px;
  font-size: .9rem; }
.vl-findings section { display: grid; grid-template-columns: 8rem minmax(0, 1fr); padding: .5rem .9rem;
  border-bottom: 1px solid color-mix(in srgb, currentColor 12%, transparent); }
.vl-findings section:last-child { border-bottom: 0; }
.vl-findings h3 { font-size: .9rem; font-weight: 620; margin: 0; padding: .12rem 0; }
.vl-findings ul { list-style: none; margin: 0; padding: 0; min-width: 0; }
.vl-findings li { display: grid; grid-template-columns: 1.1rem minmax(0, 1fr); margin: 0; padding: .12rem 0; }
.vl-findings li > i { width: .6em; height: .6em; border-radius: 50%; background: var(--c); margin-top: .5em; }
.vl-findings li > div { overflow-wrap: anywhere; }
.vl-findings pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .2rem 0 .3rem; padding: .3rem .6rem;
  border-left: 3px solid var(--c); background: color-mix(in srgb, currentColor 6%, transparent); font-size: .84rem; }
@media (max-width: 700px) { .vl-findings section { grid-template-columns: minmax(0, 1fr); } }
</style>"""


def findings(report: Report) -> None:
    """Draw all of them, by topic."""
    counts = {level: sum(one.level is level for one in report.findings) for level in reversed(Level)}
    chips(
        *(chip(_WORDS[level], state=_STATES[level], strong=str(number)) for level, number in counts.items() if number),
        chip(f"looked for {duration(report.seconds)}"),
    )
    sections = "".join(
        f"<section><h3>{escape(topic.value)}</h3><ul>{''.join(_item(one) for one in members)}</ul></section>"
        for topic, members in groupby(report.findings, key=lambda one: one.topic)
    )
    st.html(f'{_STYLE}<div class="vl-findings">{sections}</div>')
    with st.expander("As text, to paste into a question", icon=":material/content_paste:", key="doctor-text"):
        st.caption(f"{count(len(report.findings), 'line')}; your home folder and name stand as ~ and $USER in it.")
        st.code(report.text(), language=None, wrap_lines=True)


def _item(one: Finding) -> str:
    advice = f"<pre>{escape(one.advice)}</pre>" if one.advice else ""
    word = _WORDS[one.level]
    return (
        f'<li style="--c:{_COLOURS[one.level]}" data-level="{one.level.value}"><i title="{word}" role="img" '
        f'aria-label="{word}"></i><div>{escape(one.text)}{advice}</div></li>'
    )
