"""Makes the pictures in docs/screenshots from a running app: `python docs/screenshots.py http://127.0.0.1:8501`.

Needs a Chromium (VOSLAB_CHROMIUM, or on the path) and an app whose home has finished the demo ablation.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parent / "screenshots"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell")
PICTURES = {
    "runs": ("", "light"),
    "runs-dark": ("", "dark"),
    "run": ("run?run={run}", "light"),
    "launch": ("launch", "light"),
    "queue": ("queue", "light"),
    "compare": ("compare?runs={other},{run}", "light"),
    "import": ("import", "dark"),
    "inspect": ("inspect?run={run}&video={video}&frame={frame}", "light"),
    "inspect-dark": ("inspect?run={run}&video={video}&frame={frame}", "dark"),
}


def settle(page: Page) -> None:
    """Wait until Streamlit has stopped running and nothing moves any more."""
    page.wait_for_selector("h1, h2, [data-testid=stHeading]", timeout=30_000)
    page.wait_for_timeout(1500)
    page.wait_for_selector("[data-testid=stStatusWidget]", state="detached", timeout=30_000)
    page.wait_for_timeout(1500)


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="the app")
    parser.add_argument("--run", default="4", help="id of the run to show")
    parser.add_argument("--other", default="3", help="id of a run to compare it with")
    parser.add_argument("--video", default="koi-hide-and-seek")
    parser.add_argument("--frame", default="12")
    args = parser.parse_args()
    found = os.environ.get("VOSLAB_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        parser.error(f"no browser: install one of {', '.join(BROWSERS)}, or name it in VOSLAB_CHROMIUM")
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for name, (path, scheme) in PICTURES.items():
            page = browser.new_page(viewport={"width": 1280, "height": 860}, color_scheme=scheme)
            page.goto(f"{args.url.rstrip('/')}/{path.format(**vars(args))}")
            settle(page)
            page.screenshot(path=FOLDER / f"{name}.png")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
