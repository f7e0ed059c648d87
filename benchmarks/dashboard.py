"""Measures the dashboard in a real browser, with 200 runs of DAVIS size in the database, and prints a table.

    python benchmarks/dashboard.py [--rounds 5] [--only warm,cold,player,frames,memory] [--keep DIR] [--json]

The home is made by `benchmarks/dashboard_home.py` (in a temporary folder, unless `--keep` names one to be used again),
the app is served by a process of its own, and Chromium (VOSLAB_CHROMIUM, or on the path) drives it. Times are taken in
the page (`benchmarks/dashboard.js`). Each figure is the median over the rounds; the slowest is beside it.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.dashboard_home import make_home
from benchmarks.dashboard_server import read_counts
from benchmarks.davis_val import DAVIS_VAL, Videos
from vos_core.home import Home

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell")
SCRIPT = (ROOT / "benchmarks" / "dashboard.js").read_text(encoding="utf-8")
PARTS = ("warm", "cold", "player", "frames", "memory")


@dataclass(frozen=True)
class Target:
    """What is wanted of a figure: at most (or at least) `limit`."""

    limit: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether a measured value is as wanted."""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass
class Figure:
    """A row of the table: all values that were taken, and which of them counts."""

    name: str
    unit: str
    values: list[float]
    target: Target | None = None
    summary: str = "median"  # median, p95, last or most
    worst: float = field(init=False)
    value: float = field(init=False)

    def __post_init__(self) -> None:
        """Raises ValueError where nothing was measured."""
        if not self.values:
            raise ValueError(f"nothing was measured of {self.name!r}")
        pick: dict[str, Callable[[Sequence[float]], float]] = {
            "median": statistics.median,
            "p95": lambda values: sorted(values)[min(int(0.95 * len(values)), len(values) - 1)],
            "last": lambda values: values[-1],
            "most": max,
        }
        self.value = pick[self.summary](self.values)
        self.worst = min(self.values) if self.target and self.target.at_least else max(self.values)


@dataclass(frozen=True)
class Server:
    """The app under measurement."""

    url: str
    process: psutil.Process
    counts: Path

    def memory(self) -> float:
        """Resident memory in MB (10^6 bytes)."""
        return float(self.process.memory_info().rss) / 1e6

    def statements(self) -> int:
        """Database statements of pages so far."""
        return read_counts(self.counts)[0]


@dataclass(frozen=True)
class Views:
    """The addresses that are opened: page -> (address, when it is usable)."""

    video: str
    frames: int
    pages: dict[str, tuple[str, str]]

    @classmethod
    def of(cls, runs: int, videos: Videos) -> Views:
        """Views into a home with so many runs; Inspect shows the video with the most objects."""
        video = max(videos, key=lambda name: (videos[name][1], videos[name][0]))
        a, b, c, d = (max(runs - offset, 1) for offset in (30, 31, 32, 33))
        return cls(
            video,
            videos[video][0],
            {
                "Results": ("./", "results"),
                "Run": (f"run?run={a}", "page"),
                "Compare, 4 runs": (f"compare?runs={a},{b},{c},{d}", "page"),
                "Inspect": (f"inspect?run={a}&video={video}&frame=10", "inspect"),
                "Failures": (f"failures?run={a}", "page"),
                "Queue": ("queue", "page"),
                "Launch": ("launch", "page"),
                "Data": ("data?view=here", "page"),
                "Doctor": ("doctor", "page"),
            },
        )


@contextlib.contextmanager
def serve(home: Home) -> Iterator[Server]:
    """Serve the app for `home` on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    counts = home.state / "statements"
    with (home.root / "app.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "benchmarks" / "dashboard_server.py"), str(counts), "--server.port", str(port)],
            cwd=ROOT,
            env={**os.environ, **home.environment()},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}/"
        deadline = time.monotonic() + 60
        while not _answers(f"{url}_stcore/health"):
            if time.monotonic() > deadline or process.poll() is not None:
                raise SystemExit(f"The app did not start: see {home.root / 'app.log'}")
            time.sleep(0.1)
        yield Server(url, psutil.Process(process.pid), counts)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


@contextlib.contextmanager
def window(browser: Browser) -> Iterator[Page]:
    """A fresh browser window: nothing cached, nothing remembered."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script(SCRIPT)
    try:
        yield context.new_page()
    finally:
        context.close()


def open_page(page: Page, server: Server, address: str, kind: str) -> dict[str, float]:
    """Load an address; milliseconds until its shell and until it is usable."""
    page.goto(server.url + address.removeprefix("./"), wait_until="commit")
    times: dict[str, float] = page.evaluate("kind => window.benchmark.opened(kind)", kind)
    if times["usable"] is None:
        raise SystemExit(f"{address} was not usable within a minute: see the app's log.")
    return times


def measure_cold(browser: Browser, server: Server, views: Views, rounds: int) -> list[Figure]:
    """Each page by deep link in a fresh browser."""
    taken: dict[str, list[dict[str, float]]] = {name: [] for name in views.pages}
    for _ in range(rounds):
        for name, (address, kind) in views.pages.items():
            with window(browser) as page:
                taken[name].append(open_page(page, server, address, kind))
    figures = []
    for name, times in taken.items():
        limit = 2.8 if name == "Results" else 4.0
        what = "table with J&F values" if name == "Results" else "usable"
        figures.append(Figure(f"{name}, cold: {what}", "s", [one["usable"] / 1000 for one in times], Target(limit)))
        if name == "Inspect":
            gaps = [(one["usable"] - one["shell"]) / 1000 for one in times]
            figures.append(Figure("Inspect, cold: first frame after the page's shell", "s", gaps, Target(1.9)))
    return figures


def measure_warm(browser: Browser, server: Server, views: Views, rounds: int) -> list[Figure]:
    """From page to page inside one window, as links do; and what each view asks of the database."""
    times: dict[str, list[float]] = {name: [] for name in views.pages}
    queries: dict[str, list[float]] = {name: [] for name in views.pages}
    sorting = []
    with window(browser) as page:
        open_page(page, server, *views.pages["Results"])
        page.evaluate("window.benchmark.idle()")
        for turn in range(rounds + 1):
            # Results last: each turn comes from it and ends on it.
            for name in [*(name for name in views.pages if name != "Results"), "Results"]:
                address, kind = views.pages[name]
                page.wait_for_timeout(700)
                before = server.statements()
                # The first turn fetches each page's scripts: that is a cold start.
                took = page.evaluate(
                    "([kind, link, address]) => window.benchmark.gone(kind, link, address)",
                    [kind, "Results" if name == "Results" else None, address],
                )
                page.evaluate("window.benchmark.idle()")
                page.wait_for_timeout(200)
                if took is None:
                    raise SystemExit(f"{address} was not usable within a minute: see the app's log.")
                if turn:
                    times[name].append(took / 1000)
                    queries[name].append(server.statements() - before)
            for label in ("J&F", "Model", "J&F"):
                took = page.evaluate("label => window.benchmark.sorted(label)", label)
                if took is not None and turn:
                    sorting.append(took / 1000)
    figures = [Figure(f"{name}, warm: usable", "s", values, Target(0.8)) for name, values in times.items()]
    figures.append(Figure("Results: sorted", "s", sorting, Target(0.2)))
    figures += [Figure(f"{name}: database statements", "", values) for name, values in queries.items()]
    return figures


def measure_player(browser: Browser, server: Server, views: Views, rounds: int) -> list[Figure]:
    """Steps and jumps of three panes (picture, annotation, prediction) at 480p; playing two of them, and three."""
    loaded: list[float] = []
    unloaded: list[float] = []
    rates: dict[str, list[float]] = {"&hide=picture": [], "": []}
    address, kind = views.pages["Inspect"]
    for _ in range(rounds):
        with window(browser) as page:
            open_page(page, server, address, kind)
            page.evaluate("window.benchmark.idle()")
            page.wait_for_timeout(1000)
            few = max(min(20, views.frames - 25), 1)
            loaded += page.evaluate("count => window.benchmark.stepped(count, 120)", few)
        with window(browser) as page:
            open_page(page, server, address, kind)
            page.evaluate("window.benchmark.idle()")
            page.wait_for_timeout(500)
            # Each lies beyond what is fetched ahead of the one before.
            far = list(range(views.frames - 1, 24, -16))
            unloaded += page.evaluate("indices => window.benchmark.jumped(indices)", far)
        for hidden, seen in rates.items():
            with window(browser) as page:
                open_page(page, server, address.replace("frame=10", "frame=0") + hidden, kind)
                page.evaluate("window.benchmark.idle()")
                page.wait_for_timeout(500)
                seen.append(page.evaluate("window.benchmark.played(2500)"))
    figures = [
        Figure("Frame step, neighbourhood loaded: median", "ms", loaded, Target(20)),
        Figure("Frame step, neighbourhood loaded: 95th percentile", "ms", loaded, Target(50), "p95"),
        Figure("Playback of two panes", "frames/s", rates["&hide=picture"], Target(23.5, at_least=True)),
        Figure("Playback of three panes", "frames/s", rates[""]),
    ]
    if unloaded:
        figures.insert(2, Figure("Frame step, not loaded: median", "ms", unloaded, Target(100)))
        figures.insert(3, Figure("Frame step, not loaded: 95th percentile", "ms", unloaded, Target(100), "p95"))
    return figures


def measure_frames(browser: Browser, server: Server, views: Views, rounds: int) -> list[Figure]:
    """The picture routes as a client sees them, one request after the other on one connection."""
    with window(browser) as page:
        open_page(page, server, *views.pages["Inspect"])
        page.wait_for_timeout(1500)
        urls = page.evaluate("window.benchmark.pictures()")
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    times = []
    for _ in range(rounds):
        for url in urls:
            start = time.perf_counter()
            connection.request("GET", urlsplit(url).path)
            answer = connection.getresponse()
            body = answer.read()
            times.append(1000 * (time.perf_counter() - start))
            if answer.status != 200 or not body:
                raise SystemExit(f"{url} answered {answer.status}.")
    return [Figure("Frame route: 95th percentile", "ms", times, Target(30), "p95")]


def measure_memory(browser: Browser, server: Server, views: Views, visits: int) -> list[Figure]:
    """Resident memory of the server over many page visits, each a session of its own."""
    names = list(views.pages)
    at: list[float] = []
    with window(browser) as page:
        for visit in range(visits):
            if visit % max(visits // 20, 1) == 0:
                at.append(server.memory())
            open_page(page, server, *views.pages[names[visit % len(names)]])
    at.append(server.memory())
    half = at[len(at) // 2]
    return [
        Figure(f"Server's memory after {visits} visits", "MB", at, Target(350), "last"),
        Figure("Growth over the second half of them", "MB", [at[-1] - half], Target(15)),
    ]


def measure(
    home: Home, parts: Sequence[str], rounds: int, visits: int, runs: int = 200, videos: Videos = DAVIS_VAL
) -> dict[str, Any]:
    """Make the home, serve it, measure the parts; figures and the circumstances."""
    contents = make_home(home, runs, videos)
    views = Views.of(runs, videos)
    found = os.environ.get("VOSLAB_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        raise SystemExit(f"No browser: install one of {', '.join(BROWSERS)}, or name it in VOSLAB_CHROMIUM.")
    figures: list[Figure] = []
    load = os.getloadavg()[0]
    with serve(home) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
        version = browser.version
        kinds: dict[str, Callable[[], list[Figure]]] = {
            "cold": lambda: measure_cold(browser, server, views, rounds),
            "warm": lambda: measure_warm(browser, server, views, rounds),
            "player": lambda: measure_player(browser, server, views, rounds),
            "frames": lambda: measure_frames(browser, server, views, rounds),
            "memory": lambda: measure_memory(browser, server, views, visits),
        }
        for part in kinds:
            if part in parts:
                figures += kinds[part]()
        if "memory" not in parts:
            figures.append(Figure("Server's memory at the end", "MB", [server.memory()], Target(350), "last"))
        browser.close()
    return {
        "when": time.strftime("%Y-%m-%d"),
        "cores": os.cpu_count(),
        "load_before": round(load, 1),
        "chromium": version,
        "rounds": rounds,
        "runs": contents.runs,
        "frame_scores": contents.rows,
        "figures": [asdict(figure) for figure in figures],
    }


def table(result: dict[str, Any]) -> str:
    """The result in Markdown."""
    lines = [
        f"{result['when']}, {result['cores']} CPU cores, load {result['load_before']} before, Chromium "
        f"{result['chromium']}, {result['runs']} runs, {result['frame_scores']:,} frame scores, "
        f"{result['rounds']} rounds",
        "",
        "| | wanted | measured | worst | |",
        "|---|---|---|---|---|",
    ]
    for row in result["figures"]:
        unit = f" {row['unit']}" if row["unit"] else ""
        digits = 2 if row["unit"] == "s" else 0 if row["unit"] in ("MB", "") else 1
        target, wanted, verdict = row["target"], "", ""
        if target:
            wanted = f"{'at least' if target['at_least'] else 'at most'} {target['limit']:g}{unit}"
            verdict = "" if Target(**target).met(row["value"]) else "missed"
        measured, worst = (f"{row[key]:.{digits}f}{unit}" for key in ("value", "worst"))
        lines.append(f"| {row['name']} | {wanted} | {measured} | {worst} | {verdict} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas: " + ", ".join(PARTS))
    parser.add_argument("--visits", type=int, default=500, help="page visits of the memory part")
    parser.add_argument("--keep", type=Path, help="folder of the home: made once, used again")
    parser.add_argument("--json", action="store_true", help="every value instead of the table")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--videos", type=int, default=len(DAVIS_VAL), help="only the first so many")
    args = parser.parse_args()
    parts = args.only.split(",")
    if unknown := [part for part in parts if part not in PARTS]:
        parser.error(f"there is no part {', '.join(unknown)}: choose of {', '.join(PARTS)}")
    videos = dict(list(DAVIS_VAL.items())[: args.videos])
    with contextlib.ExitStack() as stack:
        folder = args.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="voslab-dashboard-")))
        home = Home.from_environment({"VOSLAB_HOME": str(folder)})
        result = measure(home, parts, args.rounds, args.visits, args.runs, videos)
    print(json.dumps(result, indent=2) if args.json else table(result))


if __name__ == "__main__":
    main()
