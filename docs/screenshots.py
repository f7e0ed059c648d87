"""Makes the pictures in docs/screenshots from a running app: `python docs/screenshots.py http://127.0.0.1:8501`.

Needs a Chromium (VOSLAB_CHROMIUM, or on the path) and an app whose home has finished the demo ablation: runs 1 to 7.
`--all DIR` takes every picture, also those that the documents do not show: both themes, and a narrow window.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parent / "screenshots"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell")
PAGES = {
    "results": "",
    "run": "run?run={run}",
    "launch": "launch",
    "queue": "queue",
    "data": "data",
    "data-here": "data?view=here&dataset=demo",
    "import": "import",
    "compare": "compare?runs={run},{other}",
    "compare-four": "compare?runs={run},{other},2,1",
    "inspect": "inspect?run={run}&video={video}&frame={frame}",
    "inspect-three": "inspect?run={run}&with={other},2&video={video}&frame={frame}",
    "failures": "failures?run={run}",
    "failures-two": "failures?run={run}&other={other}",
    "doctor": "doctor",
}
# What is pressed before the picture is taken.
KEYS = {"inspect": "e"}
SCHEMES = ("light", "dark")
WIDTHS = {"": 1280, "narrow": 768}
# The pictures of the documents: few, since each version of them stays in the repository.
COMMITTED = (
    "results",
    "results-dark",
    "results-narrow",
    "run",
    "launch",
    "queue",
    "data",
    "data-here-dark",
    "doctor",
    "compare",
    "compare-four-dark",
    "inspect",
    "inspect-three-dark",
    "inspect-narrow",
    "failures",
)


def pictures() -> Iterator[tuple[str, str, str, int]]:
    """(name, page, scheme, width) of every picture there is."""
    for page, scheme, (kind, width) in itertools.product(PAGES, SCHEMES, WIDTHS.items()):
        parts = (page, "" if scheme == "light" else scheme, kind)
        yield "-".join(filter(None, parts)), page, scheme, width


def settle(page: Page) -> None:
    """Wait until Streamlit has stopped running and nothing moves any more."""
    page.wait_for_selector("h1, h2, [data-testid=stHeading]", timeout=30_000)
    page.wait_for_timeout(1500)
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=30_000)
    page.wait_for_timeout(1500)


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="the app")
    parser.add_argument("--run", default="4", help="id of the run to show")
    parser.add_argument("--other", default="3", help="id of a run to compare it with")
    parser.add_argument("--video", default="koi-hide-and-seek")
    parser.add_argument("--frame", default="12")
    parser.add_argument("--all", type=Path, metavar="DIR", help="every picture, into this folder")
    parser.add_argument("--only", help="names that begin so")
    args = parser.parse_args()
    found = os.environ.get("VOSLAB_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        parser.error(f"no browser: install one of {', '.join(BROWSERS)}, or name it in VOSLAB_CHROMIUM")
    folder = args.all or FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for name, shown, scheme, width in pictures():
            if (not args.all and name not in COMMITTED) or not name.startswith(args.only or ""):
                continue
            page = browser.new_page(viewport={"width": width, "height": 860}, color_scheme=scheme)
            page.goto(f"{args.url.rstrip('/')}/{PAGES[shown].format(**vars(args))}")
            settle(page)
            if shown in KEYS:
                page.keyboard.press(KEYS[shown])
                page.wait_for_timeout(500)
            page.screenshot(path=folder / f"{name}.png")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
