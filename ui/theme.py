"""The look that the theme file cannot express: wordmark, page heads, chips, notices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape

import streamlit as st
from sqlalchemy.exc import DatabaseError, OperationalError

from db.damage import is_damage
from vos_core.errors import VosLabError

_STYLE = """
<style>
:root { font-variant-numeric: tabular-nums; }
[data-testid="stMainBlockContainer"] { max-width: 1440px; padding-left: clamp(1rem, 3vw, 2.5rem);
  padding-right: clamp(1rem, 3vw, 2.5rem); }
.vl-head { display: flex; flex-wrap: wrap; align-items: baseline; gap: .3rem .9rem; margin: 0 0 .1rem; }
.vl-head h1 { font-size: 1.55rem; font-weight: 660; letter-spacing: -.015em; margin: 0; padding: 0; }
.vl-head p { margin: 0; opacity: .68; font-size: .95rem; }
.vl-chips { display: flex; flex-wrap: wrap; gap: .35rem .45rem; align-items: center; font-size: .86rem; }
.vl-chip { display: inline-flex; align-items: center; gap: .4em; padding: .12em .62em; border-radius: 99px;
  border: 1px solid color-mix(in srgb, currentColor 18%, transparent); white-space: nowrap; }
.vl-chip b { font-weight: 640; }
.vl-dot { width: .55em; height: .55em; border-radius: 50%; background: var(--c); flex: none; }
.vl-dot.live { animation: vl-pulse 1.6s ease-in-out infinite; }
@keyframes vl-pulse { 50% { opacity: .25; } }
@media (prefers-reduced-motion: reduce) { *, *::before, *::after { animation-duration: .01ms !important;
  animation-iteration-count: 1 !important; transition-duration: .01ms !important; scroll-behavior: auto !important; } }
:is(a, button, summary, [role="tab"], [tabindex="0"]):focus-visible { outline: 2px solid #0B8CA5; outline-offset: 2px; }
.vl-empty { border: 1px dashed color-mix(in srgb, currentColor 28%, transparent); border-radius: 10px;
  padding: 2.2rem 1.6rem; text-align: center; }
.vl-empty h2 { font-size: 1.15rem; margin: 0 0 .35rem; padding: 0; }
.vl-empty p { margin: .2rem auto; max-width: 38rem; opacity: .8; }
.vl-empty code { font-size: .9em; }
/* What is chosen has its edge and ground; in the dark the accent is too dim to be read. */
button[data-variant][data-selected="true"], button[data-variant][data-selected="true"] * { color: inherit !important; }
/* The link under an empty state is what to do next. */
[data-testid="stElementContainer"]:has(.vl-empty) + [data-testid="stElementContainer"]:has([data-testid="stPageLink"]),
.st-key-next-steps [data-testid="stElementContainer"]:is(:has(button), :has([data-testid="stPageLink"])) {
  align-self: center; }
[data-testid="stElementContainer"]:has(.vl-empty) + [data-testid="stElementContainer"] [data-testid="stPageLink"] a {
  background: #0B7A8F; padding: .45rem 1rem; width: auto; }
[data-testid="stElementContainer"]:has(.vl-empty) + [data-testid="stElementContainer"] [data-testid="stPageLink"] a * {
  color: #fff; }
.vl-facts { display: grid; grid-template-columns: max-content 1fr; gap: .22rem 1.1rem; font-size: .88rem;
  margin: 0 !important; padding: 0 !important; }
.vl-facts dt, .vl-facts dd { margin: 0 !important; padding: 0 !important; }
.vl-facts dt { opacity: .7; }
.vl-facts dd { overflow-wrap: anywhere; }
.st-key-background [data-testid="stColumn"] { flex: 1 1 300px; min-width: 300px; }
.st-key-templates { min-height: 198px; } /* a third launch moves nothing that is about to be clicked */
@media (max-width: 860px) { [data-testid="stTopNavLink"] > span:first-child { display: none; } }
</style>
"""

STATE_COLOURS = {
    "queued": "#8A9296",
    "running": "#0FA3BF",
    "paused": "#CCA300",
    "done": "#2E9E6B",
    "failed": "#D6453D",
    "cancelled": "#B0772E",
}

_WORDMARK = """<svg xmlns="http://www.w3.org/2000/svg" width="118" height="26" viewBox="0 0 118 26">
<rect x="1" y="3" width="20" height="20" rx="5" fill="#0FA3BF"/>
<path d="M5.5 15.5c2.2-5 4.6-6 7-3.4s3.4 1 4.5-1.6v9H5.5z" fill="#fff" fill-opacity=".92"/>
<circle cx="15.6" cy="8.2" r="1.9" fill="#EE7733"/>
<text x="28" y="18.5" font-family="Helvetica, Arial, sans-serif" font-size="16.5"
 font-weight="650" fill="#7C8B91" letter-spacing="-.2">VOS Lab</text></svg>"""


def brand() -> None:
    """Wordmark and style sheet; once a script run, before the page draws."""
    st.logo(_WORDMARK, size="medium")
    st.html(_STYLE)


def head(title: str, lead: str = "") -> None:
    """A page's title with one line beside it."""
    st.html(f'<div class="vl-head"><h1>{escape(title)}</h1><p>{escape(lead)}</p></div>')


def chip(text: str, *, state: str | None = None, strong: str = "", tip: str = "") -> str:
    """HTML of one small label; `state` gives it a coloured dot."""
    dot = ""
    if state:
        live = " live" if state == "running" else ""
        dot = f'<i class="vl-dot{live}" style="--c:{STATE_COLOURS.get(state, "#8A9296")}"></i>'
    bold = f"<b>{escape(strong)}</b>" if strong else ""
    return f'<span class="vl-chip" title="{escape(tip, quote=True)}">{dot}{bold}{escape(text)}</span>'


def chips(*parts: str) -> None:
    """A row of `chip`s."""
    st.html(f'<div class="vl-chips">{"".join(parts)}</div>')


def empty(title: str, *lines: str) -> None:
    """An empty state: what is not here, and what to do next. Backticks become code."""
    text = "".join(f"<p>{_with_code(line)}</p>" for line in lines)
    st.html(f'<div class="vl-empty"><h2>{escape(title)}</h2>{text}</div>')


def facts(pairs: list[tuple[str, str]]) -> None:
    """A definition list."""
    st.html('<dl class="vl-facts">' + "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in pairs) + "</dl>")


@contextmanager
def told() -> Iterator[None]:
    """Whatever goes wrong inside on purpose is shown as its sentence, not as a traceback."""
    try:
        yield
    except VosLabError as error:
        problems(str(error))
    except OperationalError as error:
        st.error(f"The database cannot be read now ({plain(str(error.orig))}). Reload the page in a moment.")
    except DatabaseError as error:
        if not is_damage(error.orig):
            raise
        st.error(
            f"The database is damaged ({plain(str(error.orig))}). Reload the page: it is set aside then, and its runs "
            "are made anew from their folders."
        )


def problems(text: str) -> None:
    """Sentences of an InputError, one a line."""
    sentences([plain(line) for line in text.splitlines()])


def sentences(lines: list[str]) -> None:
    """Errors in one box; each line is Markdown (see `plain`)."""
    st.error("\n".join(f"- {line}" for line in lines) if len(lines) > 1 else lines[0])


def plain(text: str) -> str:
    """`text` so that Markdown shows it as it is."""
    for sign in "\\`*_{}[]<>#|$~:":
        text = text.replace(sign, f"\\{sign}")
    return text


def _with_code(text: str) -> str:
    parts = escape(text).split("`")
    return "".join(part if i % 2 == 0 else f"<code>{part}</code>" for i, part in enumerate(parts))
