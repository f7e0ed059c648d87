"""Every page under addresses that name what is not there: something useful is drawn, and no page fails."""

from __future__ import annotations

import pytest

from tests.pages.conftest import OpenPage, text_of

HUGE = "9" * 25  # more than SQLite's integers hold
ENDLESS = "9" * 5000  # more than Python reads
WRONG = [
    ("results.py", {"ablation": "77"}, ""),
    ("results.py", {"ablation": "abc", "baseline": "999"}, ""),
    ("run.py", {"run": "999"}, "no run `999`"),
    ("run.py", {"run": "abc", "part": "nope", "video": "nope"}, "no run `abc`"),
    ("compare.py", {"runs": "a,b"}, ""),
    ("compare.py", {"runs": "998,999"}, "no run 998"),
    ("compare.py", {"runs": ",,", "view": "nope", "pair": "9", "colour": "x"}, ""),
    ("inspection.py", {"run": "999"}, "no run `999`"),
    ("inspection.py", {"video": "nope"}, "no video `nope`"),
    ("inspection.py", {"frame": "abc", "object": "x"}, ""),
    ("inspection.py", {"frame": "-5"}, ""),
    ("inspection.py", {"frame": "99999999", "object": "99"}, ""),
    ("inspection.py", {"with": "1,1,999"}, ""),
    ("inspection.py", {"view": "nope", "zoom": "nope"}, ""),
    ("failures.py", {"run": "999", "other": "999"}, "no run `999`"),
    ("failures.py", {"other": "999"}, ""),
    ("failures.py", {"run": "done", "other": "999"}, "no other run `999`"),
    ("failures.py", {"kind": "nope", "page": "-3", "sort": "x", "cut": "y", "show": "z"}, ""),
    ("failures.py", {"run": "ablation-77"}, "no run `ablation-77`"),
    ("launch.py", {"like": "999"}, "999"),
    ("launch.py", {"like": "abc"}, ""),
    ("launch.py", {"ablation": "77"}, ""),
    ("launch.py", {"datasets": "nope", "models": "nope", "sizes": "x"}, ""),
    ("queue.py", {"run": "x"}, ""),
    ("importing.py", {"run": "x"}, ""),
    ("data.py", {"view": "nope"}, ""),
    ("data.py", {"view": "here", "dataset": "nope", "add": "/nowhere"}, "no dataset nope"),
    ("doctor.py", {"run": "x"}, ""),
    *(
        (file, {name: text}, told)
        for text in (HUGE, ENDLESS)
        for file, name, told in (
            ("results.py", "baseline", ""),
            ("results.py", "ablation", ""),
            ("run.py", "run", "no run"),
            ("compare.py", "runs", ""),
            ("inspection.py", "run", "no run"),
            ("inspection.py", "with", ""),
            ("inspection.py", "frame", ""),
            ("inspection.py", "object", ""),
            ("failures.py", "run", "no run"),
            ("failures.py", "other", ""),
            ("failures.py", "page", ""),
            ("launch.py", "like", "no run"),
            ("launch.py", "ablation", ""),
            ("launch.py", "sizes", ""),
            ("launch.py", "workers", ""),
            ("queue.py", "run", ""),
        )
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("file", "query", "told"), WRONG, ids=lambda value: str(value)[:60] or "nothing")
def test_a_wrong_address_is_no_dead_end(
    runs: dict[str, int], open_page: OpenPage, file: str, query: dict[str, str], told: str
) -> None:
    test = open_page(file, **{name: runs.get(value, value) for name, value in query.items()})
    assert not test.exception
    assert told in text_of(test)
    assert test.get("bidi_component") or test.selectbox or test.button or test.get("page_link")
