"""Times SAM 2 inference against the upstream loop: the same machine, model and clips, one after the other, in one go.

    python benchmarks/inference.py --dataset DIR [--model sam2_hiera_base_plus] [--checkpoint FILE] [--io]

The upstream loop is `tools/vos_inference.py` of facebookresearch/sam2 as that script drives the package: decode the
whole video, prompt, propagate object after object, then write the PNGs. Ours is what a worker runs. Without
`--checkpoint` the weights are random: the speed is the same, the masks mean nothing, their difference still does.
`--io` times decode, resize, normalise and write alone, with no model. `--lengths 50 500` has ours do clips of so many
frames (the first video's, over and over) and prints what memory each takes. Prints one table in Markdown.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from vos_core.datasets import open_dataset
from vos_core.datasets.layout import Video
from vos_core.home import Home
from vos_core.inference import segment_video
from vos_core.masks import DAVIS_PALETTE, read_mask
from vos_core.models import sam2_device, sam2_video
from vos_core.models.base import Clip, LabelMap
from vos_core.models.registry import find_model
from vos_core.models.sam2_engine import VideoTracker
from vos_core.models.sam2_frames import Normaliser, read_ahead
from vos_core.models.sam2_weights import build_predictor
from vos_core.runs import RunSettings


@dataclass
class Cost:
    """What one way of running took: seconds in all and by stage, and peak memory over its start, in bytes."""

    turns: list[float] = field(default_factory=list)  # seconds of each clip in each turn
    cpu: float = 0.0  # seconds of processor time, all threads
    stages: dict[str, float] = field(default_factory=dict)
    host: int = 0
    device: int | None = None

    @property
    def seconds(self) -> float:
        """In all."""
        return sum(self.turns)

    def add(self, stage: str, seconds: float) -> None:
        self.stages[stage] = self.stages.get(stage, 0.0) + seconds


@contextmanager
def measured(cost: Cost) -> Iterator[None]:
    """Wall time, and peak memory of host (sampled every 10 ms) and device, of what runs inside."""
    process, done = psutil.Process(), threading.Event()
    start = process.memory_info().rss
    peak = [start]

    def sample() -> None:
        while not done.wait(0.01):
            peak[0] = max(peak[0], process.memory_info().rss)

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    sam2_device.reset_peak_gpu_bytes()
    held = sam2_device.peak_gpu_bytes() or 0  # both sides' weights among it
    used = time.process_time()  # of all threads, and finer than the kernel's hundredths of a second
    began = time.perf_counter()
    yield
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    cost.turns.append(time.perf_counter() - began)
    cost.cpu += time.process_time() - used
    done.set()
    sampler.join()
    cost.host = max(cost.host, peak[0] - start)
    top = sam2_device.peak_gpu_bytes()
    if top is not None:
        cost.device = max(cost.device or 0, top - held)


def clock(device: str) -> float:
    """Now, with the device's work done."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def upstream_write(folder: Path, video: Video, masks: Mapping[int, Mapping[int, np.ndarray]]) -> None:
    """One palette PNG a frame, ids written in descending order."""
    for frame, objects in masks.items():
        shape = next(iter(objects.values())).shape
        label = np.zeros(shape, np.uint8)
        for object_id in sorted(objects, reverse=True):
            label[objects[object_id]] = object_id
        image = Image.fromarray(label)
        image.putpalette(DAVIS_PALETTE)
        image.save(folder / f"{video.stems[frame]}.png")


@torch.inference_mode()
def upstream_loop(predictor: Any, video: Video, folder: Path, device: str, cost: Cost) -> None:
    """The script's loop over one video; its stages happen one after the other."""
    prompt = read_mask(video.annotations[video.stems[0]])
    with torch.autocast("cuda", torch.bfloat16, enabled=device == "cuda"):
        began = clock(device)
        state = predictor.init_state(str(video.frames[0].parent))
        loaded = clock(device)
        for object_id in np.unique(prompt[(prompt > 0) & (prompt < 255)]):
            predictor.add_new_mask(state, 0, int(object_id), prompt == object_id)
        masks = {
            frame: {n: (logits[row, 0] > 0).cpu().numpy() for row, n in enumerate(ids)}
            for frame, ids, logits in predictor.propagate_in_video(state)
        }
    segmented = clock(device)
    upstream_write(folder, video, masks)
    cost.add("decode", loaded - began)
    cost.add("encode + memory", segmented - loaded)
    cost.add("write", time.perf_counter() - segmented)


@contextmanager
def timed_stages(device: str, cost: Cost) -> Iterator[None]:
    """Times the engine's encoder and memory steps, waiting for the device after each: a pass of its own."""
    encode, advance = sam2_video.encode_frames, VideoTracker.advance

    def timed(stage: str, function: Any) -> Any:
        def call(*args: Any) -> Any:
            began = clock(device)
            result = function(*args)
            cost.add(stage, clock(device) - began)
            return result

        return call

    sam2_video.encode_frames = timed("encode", encode)
    VideoTracker.advance = timed("memory", advance)  # type: ignore[method-assign]
    try:
        yield
    finally:
        sam2_video.encode_frames = encode
        VideoTracker.advance = advance  # type: ignore[method-assign]


def kernel_share(segment: Callable[[], Any]) -> float:
    """Seconds of CUDA kernels over seconds of wall time while `segment` runs, from torch's profiler."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        began = clock("cuda")
        segment()
        wall = clock("cuda") - began
    kernels = sum(event.self_device_time_total for event in profile.key_averages())  # microseconds
    return kernels / 1e6 / wall


def processor() -> str:
    """The CPU's name, as Linux tells it."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return names[0].partition(":")[2].strip() if names else platform.processor()


class OnlyFrames:
    """A `Segmenter` without a model: reads, resizes and normalises every frame and repeats the prompt."""

    def __init__(self, side: int) -> None:
        self.side = side

    def segment(self, clip: Clip, prompts: Mapping[int, LabelMap]) -> Iterator[LabelMap]:
        normaliser = Normaliser(torch.device("cpu"))
        for picture in read_ahead(clip, range(len(clip)), self.side):
            normaliser([picture])
            yield prompts[0]

    def close(self) -> None:
        """Holds nothing."""


def upstream_io(video: Video, side: int, folder: Path, cost: Cost) -> None:
    """Upstream's own loading of the video, and its writing of as many masks."""
    from sam2.utils.misc import load_video_frames

    prompt = read_mask(video.annotations[video.stems[0]])
    began = time.perf_counter()
    images, _, _ = load_video_frames(
        str(video.frames[0].parent), side, offload_video_to_cpu=True, compute_device=torch.device("cpu")
    )
    cost.add("decode", time.perf_counter() - began)
    began = time.perf_counter()
    objects = {int(n): prompt == n for n in np.unique(prompt) if 0 < n < 255}
    upstream_write(folder, video, dict.fromkeys(range(len(images)), objects))
    cost.add("write", time.perf_counter() - began)


def difference(first: Path, second: Path) -> float:
    """Share of pixels whose label differs, over all masks; both sides must have the same files."""
    names = sorted(path.name for path in first.glob("*.png"))
    assert names and names == sorted(path.name for path in second.glob("*.png"))
    return float(np.mean([(read_mask(first / name) != read_mask(second / name)).mean() for name in names]))


def cut(video: Video, frames: int, folder: Path) -> Video:
    """The first frames of a video, linked into a folder of its own (upstream reads folders)."""
    kept = []
    for path in video.frames[: frames or None]:
        kept.append(folder / path.name)
        kept[-1].symlink_to(path.absolute())
    return Video(video.name, tuple(kept), video.annotations)


def repeated(video: Video, frames: int, folder: Path) -> Video:
    """So many frames: a video's, over and over."""
    kept = []
    for index in range(frames):
        path = video.frames[index % video.length]
        kept.append(folder / f"{index:05d}{path.suffix}")
        kept[-1].symlink_to(path.absolute())
    return Video(f"{video.name}-{frames}", tuple(kept), {"00000": video.annotations[video.stems[0]]})


def memory_by_length(args: argparse.Namespace, workplace: Path) -> list[str]:
    """Peak memory of ours for clips of each length, after one that takes what is taken once."""
    dataset = open_dataset(args.dataset)
    video = dataset.video((args.videos or dataset.video_names())[0])
    device = str(sam2_device.find_device(args.device))
    segmenter = sam2_video.load(
        our_settings(args, device, checkpoint_for(args, workplace)), Home.from_environment({}, cwd=workplace)
    )
    lines = [
        headline(f"{args.model} at {args.image_size} px", device),
        "",
        "| frames | host over the start | GPU over the start |",
        "|---|---|---|",
    ]
    for turn, frames in enumerate([min(args.lengths), *args.lengths]):
        frame_folder, masks = workplace / f"{turn}-frames", workplace / f"{turn}-masks"
        frame_folder.mkdir()
        masks.mkdir()
        cost = Cost()
        with measured(cost):
            segment_video(segmenter, repeated(video, frames, frame_folder), masks)
        if turn > 0:
            gpu = "none" if cost.device is None else f"{cost.device / 2**20:.0f} MiB"
            lines.append(f"| {frames} | {cost.host / 2**20:.0f} MiB | {gpu} |")
    return lines


def checkpoint_for(args: argparse.Namespace, workplace: Path) -> Path:
    """The weights asked for, or random ones whose masks are not empty."""
    if args.checkpoint is not None:
        return Path(args.checkpoint)
    config = find_model(args.model).config
    assert config is not None
    torch.manual_seed(0)
    random = build_predictor(config, None, torch.device("cpu"), args.image_size)
    torch.nn.init.constant_(random.sam_mask_decoder.pred_obj_score_head.layers[-1].bias, 4.0)
    checkpoint = workplace / "random.pt"
    torch.save({"model": random.state_dict()}, checkpoint)
    return checkpoint


def our_settings(args: argparse.Namespace, device: str, checkpoint: Path) -> RunSettings:
    """What a worker is told."""
    options = {
        "image_size": args.image_size,
        "device": device,
        "checkpoint": str(checkpoint),
        "compile": args.compile,
        "frames_at_once": args.frames_at_once,
    }
    return RunSettings("D", "root:D", "val", args.model, 7, "naive", (), tuple(sorted(options.items())))


def run(args: argparse.Namespace, workplace: Path) -> list[str]:
    """The table's lines."""
    if args.lengths:
        return memory_by_length(args, workplace)
    dataset = open_dataset(args.dataset)
    names = args.videos or dataset.video_names()
    videos = []
    for name in names:
        folder = workplace / "frames" / name
        folder.mkdir(parents=True)
        videos.append(cut(dataset.video(name), args.frames, folder))
    frames = sum(video.length for video in videos)
    theirs, ours, differences = Cost(), Cost(), []
    spec = find_model(args.model)
    device = str(sam2_device.find_device(args.device))
    segmenter: Any = OnlyFrames(args.image_size)
    predictor: Any = None
    if not args.io:
        assert spec.config is not None
        checkpoint = checkpoint_for(args, workplace)
        segmenter = sam2_video.load(our_settings(args, device, checkpoint), Home.from_environment({}, cwd=workplace))
        predictor = build_predictor(spec.config, checkpoint, torch.device(device), args.image_size)
        predictor.non_overlap_masks = True
    for turn in range(args.repeat + 1):  # the first turn warms up and is not counted
        counted = turn > 0
        for video in videos:
            left, right = workplace / f"{turn}-upstream" / video.name, workplace / f"{turn}-ours" / video.name
            left.mkdir(parents=True)
            right.mkdir(parents=True)
            cost = theirs if counted else Cost()
            with measured(cost):
                if args.io:
                    upstream_io(video, args.image_size, left, cost)
                else:
                    upstream_loop(predictor, video, left, device, cost)
            cost = ours if counted else Cost()
            with measured(cost):
                timings = segment_video(segmenter, video, right)
            cost.add("decode", timings.decode_s)
            cost.add("write", timings.write_s)
            if counted:
                differences.append(difference(left, right))
    if not args.io:
        with timed_stages(device, ours):
            for video in videos:
                folder = workplace / "stages" / video.name
                folder.mkdir(parents=True)
                segment_video(segmenter, video, folder)
        for stage in ("encode", "memory"):
            ours.stages[stage] *= args.repeat
    lines = table(args, frames * args.repeat, theirs, ours, differences, device)
    if not args.io and segmenter.facts()["warm_up_s"]:
        lines.append(f"| warm-up, once | | {segmenter.facts()['warm_up_s']:.1f} s | |")
    if device == "cuda" and not args.io:
        folder = workplace / "profile"
        folder.mkdir()
        share = kernel_share(lambda: segment_video(segmenter, videos[0], folder))
        lines.append(f"| CUDA kernels over wall time | | {100 * share:.0f}% | |")
    return lines


def headline(what: str, device: str) -> str:
    """When, on what machine, with which versions."""
    gpu = torch.cuda.get_device_name() if device == "cuda" else "no GPU"
    return (
        f"{time.strftime('%Y-%m-%d')}, {processor()}, {what}, {gpu}, {os.cpu_count()} CPU cores, "
        f"load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, torch {torch.__version__}, "
        f"sam2 {importlib.metadata.version('sam2')}"
    )


def table(
    args: argparse.Namespace, frames: int, theirs: Cost, ours: Cost, differences: list[float], device: str
) -> list[str]:
    """Both costs side by side, per frame."""
    what = "decode, resize, normalise, write" if args.io else args.model
    lines = [
        headline(f"{what} at {args.image_size} px, {frames} frames ({args.repeat} turns)", device),
        "",
        "| | upstream loop | VOS Lab | ratio |",
        "|---|---|---|---|",
        f"| frames/s, end to end | {frames / theirs.seconds:.2f} | {frames / ours.seconds:.2f} "
        f"| {theirs.seconds / ours.seconds:.2f} |",
        f"| processor time, all threads | {1e3 * theirs.cpu / frames:.1f} ms/frame | {1e3 * ours.cpu / frames:.1f} "
        f"ms/frame | {theirs.cpu / ours.cpu:.2f} |",
    ]
    ratios = [their / our for their, our in zip(theirs.turns, ours.turns, strict=True)]
    spread = f"{np.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    lines.append(f"| {len(ratios)} pairs, one after the other: median ratio (range) | | | {spread} |")
    for stage in dict.fromkeys([*theirs.stages, *ours.stages]):
        cells = [
            f"{1e3 * cost.stages[stage] / frames:.1f} ms/frame" if stage in cost.stages else ""
            for cost in (theirs, ours)
        ]
        lines.append(f"| {stage} | {cells[0]} | {cells[1]} | |")
    lines.append(f"| peak host memory over the start | {theirs.host / 2**20:.0f} MiB | {ours.host / 2**20:.0f} MiB | |")
    if theirs.device is not None and ours.device is not None:
        lines.append(
            f"| peak GPU memory over the start | {theirs.device / 2**20:.0f} MiB | {ours.device / 2**20:.0f} MiB | |"
        )
    lines.append(f"| pixels whose label differs | | {100 * float(np.mean(differences)):.4f}% | |")
    return lines


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True, help="a DAVIS-layout folder")
    parser.add_argument("--videos", nargs="+", help="only these (default: the val list)")
    parser.add_argument("--frames", type=int, default=0, help="only so many frames of each video (default: all)")
    parser.add_argument("--model", default="sam2_hiera_base_plus")
    parser.add_argument("--checkpoint", help="its weights (default: random ones)")
    parser.add_argument("--image_size", type=int, default=1024)
    parser.add_argument("--device", default="auto", choices=("auto", "cuda", "cpu"))
    parser.add_argument("--compile", action="store_true", help="ours with its image encoder compiled")
    parser.add_argument("--frames_at_once", type=int, default=0, help="ours: frames through the encoder at once")
    parser.add_argument("--repeat", type=int, default=2, help="counted turns, after one that warms up")
    parser.add_argument("--threads", type=int, help="torch's threads on the CPU (default: torch's own)")
    parser.add_argument("--lengths", nargs="+", type=int, help="peak memory of ours for clips of so many frames, alone")
    parser.add_argument("--io", action="store_true", help="decode, resize, normalise and write alone")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        print("\n".join(run(args, Path(folder))))


if __name__ == "__main__":
    main()
