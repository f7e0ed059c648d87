"""Times scoring against its peers on the same masks: the official toolkit, vos-benchmark, and ours.

    python benchmarks/evaluation.py --official DIR --vos-benchmark [PYTHON] [--data DIR...]

Each `--data` folder holds `DAVIS/` (annotations, images, a val list) and `predictions/<name>/<video>/<frame>.png`; by
default those are the sets of the tests (VOSLAB_TEST_DATA).
The sets are joined and repeated under new names until they have `--frames` frames to score. Every run is a fresh
process, timed from its start to its end; peak memory is that of its largest process.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
TEST_DATA = Path(os.environ.get("VOSLAB_TEST_DATA") or REPOSITORY.parent / "shared" / "data")
SETS = [str(TEST_DATA / name) for name in ("davis-real", "davis-derived")]

# The toolkit's own classes give full precision; its command rounds what it stores.
OFFICIAL_SCORES = """
import json, sys
from davis2017.evaluation import DAVISEvaluation
from davis2017.utils import db_statistics
found = DAVISEvaluation(davis_root=sys.argv[1], task="semi-supervised", gt_set="val").evaluate(sys.argv[2])
names = list(found["J"]["M_per_object"])
rows = {m: list(zip(found[m]["M"], found[m]["R"], found[m]["D"])) for m in "JF"}
print("SCORES" + json.dumps({n: {m: list(map(float, rows[m][i])) for m in "JF"} for i, n in enumerate(names)}))
"""
VOS_BENCHMARK = """
import json, sys
from vos_benchmark.benchmark import benchmark
found = benchmark([sys.argv[1] + "/Annotations/480p"], [sys.argv[2]], num_processes=int(sys.argv[3]), verbose=False)[3]
scores = {f"{v}_{k}": {"J": [j[k] / 100], "F": [f[k] / 100]} for v, (j, f) in found[0].items() for k in j}
print("SCORES" + json.dumps(scores, default=float))
"""
IN_MEMORY = """
import sys, time
from pathlib import Path
from vos_core.datasets import open_dataset
from vos_core.evaluation import VideoScorer
from vos_core.masks import read_mask
dataset, seconds = open_dataset(sys.argv[1]), 0.0
for name in dataset.video_names("val"):
    scorer = VideoScorer(name, dataset.video(name).annotations)
    masks = {stem: read_mask(Path(sys.argv[2]) / name / f"{stem}.png") for stem in scorer.evaluated}
    start = time.perf_counter()
    for stem, mask in masks.items():
        scorer.add(stem, mask)
    scorer.finish()
    seconds += time.perf_counter() - start
print("SECONDS", seconds)
"""

Scores = dict[str, dict[str, list[float]]]


@dataclass(frozen=True)
class Run:
    """One finished process."""

    seconds: float
    cpu: float  # seconds of all its processes: what a busy machine disturbs least
    peak: float  # MB
    output: str


@dataclass(frozen=True)
class Peer:
    """Something that scores the set, with so many processes."""

    name: str
    processes: int
    command: Sequence[str]
    folder: Path
    scores: Callable[[Run], Scores | None]


@dataclass(frozen=True)
class Row:
    """Of one peer: medians, the highest peak, and the largest difference to the truth in any number it gives."""

    peer: Peer
    seconds: float
    cpu: float
    peak: float
    difference: float | None


def main() -> None:
    """Run everything and print the table."""
    args = _arguments()
    with tempfile.TemporaryDirectory() as scratch:
        root, results = Path(scratch) / "DAVIS", Path(scratch) / "predictions"
        frames, copies = _repeat([Path(folder) for folder in args.data], root, results, args.frames)
        print(f"{frames} frames to score ({copies} copies), medians of {args.repeats}, {os.cpu_count()} cores")
        peers = _peers(args, root, results, Path(scratch))
        truth = _official_scores(args.official, root, results) if args.official else None
        rows = _measure(peers, args.repeats, results, truth)
        slowest = next((row.seconds for row in rows if row.peer.name == "official toolkit"), rows[0].seconds)
        print("\n| | processes | seconds | frames/s | CPU s | peak MB a process | times as fast | largest difference |")
        print("|---|---|---|---|---|---|---|---|")
        for row in rows:
            difference = "" if row.difference is None else f"{row.difference:.1g}"
            print(
                f"| {row.peer.name} | {row.peer.processes} | {row.seconds:.2f} | {frames / row.seconds:.0f} "
                f"| {row.cpu:.2f} | {row.peak:.0f} | {slowest / row.seconds:.1f} | {difference} |"
            )
        memory = _run([sys.executable, "-c", IN_MEMORY, str(root), str(results)], REPOSITORY)
        seconds = float(memory.output.split("SECONDS")[1])
        print(f"\nmasks still in memory, 1 process: {seconds:.2f} s, {frames / seconds:.0f} frames/s (start left out)")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=SETS, metavar="DIR", help="folders with DAVIS/ and predictions/")
    parser.add_argument("--official", type=Path, metavar="DIR", help="checkout of davis2017-evaluation")
    parser.add_argument("--official-python", default=sys.executable, help="Python that has the toolkit's packages")
    parser.add_argument("--vos-benchmark", nargs="?", const=sys.executable, metavar="PYTHON", help="Python that has it")
    parser.add_argument("--frames", type=int, default=2000, help="score at least so many (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each (default: %(default)s)")
    return parser.parse_args()


def _repeat(sources: Sequence[Path], root: Path, results: Path, at_least: int) -> tuple[int, int]:
    """Link the sets' videos under new names until they have enough frames: (frames, copies)."""
    for folder in ("Annotations/480p", "JPEGImages/480p", "ImageSets/2017"):
        (root / folder).mkdir(parents=True)
    results.mkdir()
    names: list[str] = []
    frames = copies = 0
    while frames < at_least:
        for source in sources:
            predictions = next(folder for folder in sorted((source / "predictions").iterdir()) if folder.is_dir())
            for video in (source / "DAVIS" / "ImageSets" / "2017" / "val.txt").read_text().split():
                name = f"{video}-{copies}"
                for kind in ("Annotations", "JPEGImages"):
                    (root / kind / "480p" / name).symlink_to((source / "DAVIS" / kind / "480p" / video).absolute())
                (results / name).symlink_to((predictions / video).absolute())
                frames += len(list((root / "Annotations" / "480p" / name).iterdir())) - 2
                names.append(name)
        copies += 1
    (root / "ImageSets" / "2017" / "val.txt").write_text("\n".join(names) + "\n")
    return frames, copies


def _peers(args: argparse.Namespace, root: Path, results: Path, scratch: Path) -> list[Peer]:
    peers = []
    if args.official:
        flags = ["--task", "semi-supervised", "--davis_path", str(root), "--results_path", str(results)]
        command = [args.official_python, "evaluation_method.py", *flags]
        peers.append(Peer("official toolkit", 1, command, args.official, lambda run: None))
    for processes in (1, 2):
        if args.vos_benchmark:
            command = [args.vos_benchmark, "-c", VOS_BENCHMARK, str(root), str(results), str(processes)]
            peers.append(Peer("vos-benchmark", processes, command, scratch, _printed_scores))
    out = scratch / "scores.json"
    for processes in (1, 2):
        flags = ["--davis_path", str(root), "--results_path", str(results), "--json", str(out)]
        command = [sys.executable, "-m", "vos_core", "evaluate", *flags, "--processes", str(processes)]
        peers.append(Peer("ours", processes, command, REPOSITORY, lambda run: json.loads(out.read_text())["objects"]))
    return peers


def _measure(peers: Sequence[Peer], repeats: int, results: Path, truth: Scores | None) -> list[Row]:
    """A row a peer.

    The peers take turns, so that whatever else the machine does meets them all alike.
    """
    runs: list[list[Run]] = [[] for _ in peers]
    differences: list[float | None] = [None] * len(peers)
    for turn in range(repeats):
        for index, peer in enumerate(peers):
            for stale in results.glob("*.csv"):
                stale.unlink()  # the toolkit would print these again instead of scoring
            run = _run(peer.command, peer.folder)
            runs[index].append(run)
            told = f"{run.seconds:.2f} s, {run.cpu:.2f} CPU s, {run.peak:.0f} MB"
            print(f"turn {turn + 1}: {peer.name} with {peer.processes}: {told}", file=sys.stderr)
            if truth is not None and (scores := peer.scores(run)) is not None:
                differences[index] = _difference(scores, truth)
    return [
        Row(
            peer,
            statistics.median(run.seconds for run in found),
            statistics.median(run.cpu for run in found),
            max(run.peak for run in found),
            difference,
        )
        for peer, found, difference in zip(peers, runs, differences)
    ]


def _difference(scores: Scores, truth: Scores) -> float:
    """The largest, of the numbers that `scores` has (vos-benchmark gives means only)."""
    return max(
        abs(ours - theirs)
        for name, metrics in truth.items()
        for metric, row in metrics.items()
        for ours, theirs in zip(scores[name][metric], row)
    )


def _official_scores(toolkit: Path, root: Path, results: Path) -> Scores:
    return _printed_scores(_run([sys.executable, "-c", OFFICIAL_SCORES, str(root), str(results)], toolkit))


def _printed_scores(run: Run) -> Scores:
    scores: Scores = json.loads(run.output.split("SCORES")[1])
    return scores


def _run(command: Sequence[str], folder: Path) -> Run:
    """Run a process to its end; stops the benchmark when it fails."""
    with tempfile.TemporaryFile("w+") as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
        # Of the process and the children that it waited for: the largest.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        output.seek(0)
        text = output.read()
    if status:
        sys.exit(f"{' '.join(command[:4])} failed:\n{text[-2000:]}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text)


if __name__ == "__main__":
    main()
