"""The Doctor page: findings of this very machine, by topic, with what to do; and as text."""

from __future__ import annotations

import pytest

from tests.pages.conftest import OpenPage, text_of
from ui.doctor.findings import findings
from vos_core.doctor import Finding, Level, Report
from vos_core.doctor.report import Topic
from vos_core.home import Home


def test_each_topic_is_looked_at_and_the_text_can_be_pasted(here: Home, open_page: OpenPage) -> None:
    test = open_page("doctor.py")
    assert not test.exception
    text = text_of(test)
    for topic in ("python", "packages", "disk", "database", "datasets", "dispatcher"):
        assert f"<h3>{topic}</h3>" in text
    (pasted,) = test.code
    assert "no runs" in pasted.value or "not there yet" in pasted.value
    assert pasted.value.startswith(("ok ", "note", "WARN", "FAIL"))


def test_what_is_wrong_stands_with_what_to_do_and_is_shown_not_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    monkeypatch.setattr("streamlit.html", drawn.append)
    one = Finding(Topic.DISK, Level.PROBLEM, "/data/<script>: full", "Make room:\ndu -sh *")
    findings(Report((one,), at=0.0, seconds=1.0))
    page = "".join(drawn)
    assert "&lt;script&gt;" in page and "<script>" not in page
    assert 'data-level="problem"' in page and "<pre>Make room:\ndu -sh *</pre>" in page
