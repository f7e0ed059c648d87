"""From the words of `run` to a grid: the user's own flags and ours."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from vos_core.datasets import dataset_at
from vos_core.datasets.layout import Dataset
from vos_core.datasets.lists import read_own_list
from vos_core.errors import InputError
from vos_core.gpus import Placement, parse_gpus
from vos_core.home import Home
from vos_core.models.registry import MODELS, MemoryMode, find_model, sam2_model_name
from vos_core.models.sam2_options import OPTIONS
from vos_core.runs import Grid


def add_grid_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that `grid_of` reads."""
    what = parser.add_argument_group("what to run (several values make a grid)")
    what.add_argument(
        "--dataset", nargs="+", required=True, metavar="NAME", help="dataset in the data folder: DAVIS ..."
    )
    what.add_argument(
        "--davis_path", metavar="DIR", help="folder of the (one) dataset, where it is not in the data folder"
    )
    what.add_argument("--set", "--split", dest="split", metavar="SPLIT", help="split (default: val, or the only one)")
    what.add_argument("--model", nargs="+", default=[], metavar="MODEL", help=f"registered models: {', '.join(MODELS)}")
    what.add_argument(
        "--sam2_model", nargs="+", default=[], metavar="SIZE", help="SAM 2.0 by size: base_plus, large ..."
    )
    what.add_argument(
        "--sam2_memsize", nargs="+", type=int, default=[], metavar="N",
        help="memory sizes as the user's script set them (memory mode naive)",
    )  # fmt: skip
    what.add_argument("--memory_size", nargs="+", type=int, default=[], metavar="N", help="memory sizes (num_maskmem)")
    what.add_argument(
        "--memory_mode", nargs="+", choices=[mode.value for mode in MemoryMode], metavar="MODE",
        help="position_preserving (default) or naive (default with --sam2_memsize)",
    )  # fmt: skip
    what.add_argument(
        "--memory_temporal_stride", nargs="+", type=int, default=[], metavar="S",
        help="SAM 2 takes memory frames every S frames (default 1; the frame before is always taken)",
    )  # fmt: skip
    what.add_argument(
        "--max_obj_ptrs", nargs="+", type=int, default=[], metavar="P",
        help="object pointers that SAM 2 attends to, the prompted frame's included (default 16)",
    )  # fmt: skip
    part = parser.add_argument_group("part of it")
    part.add_argument("--video", nargs="+", default=[], metavar="NAME", help="only these videos")
    part.add_argument("--videos", metavar="FILE", help="only the videos of this list file")
    part.add_argument("--limit", type=int, metavar="K", help="only the first K videos")
    how = parser.add_argument_group("how")
    how.add_argument("--device", choices=["auto", "cuda", "cpu"], help="device of SAM 2 models (default: auto)")
    how.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="a further SAM 2 option; may be repeated"
    )
    how.add_argument(
        "--gpus", nargs="+", default=[], metavar="ID",
        help="only these GPUs, by their numbers: 0,2 (default: all that CUDA_VISIBLE_DEVICES lets through)",
    )  # fmt: skip
    how.add_argument(
        "--workers_per_gpu", type=int, default=0, metavar="N",
        help="workers on each GPU (default: VOSLAB_WORKERS_PER_GPU, else 1)",
    )  # fmt: skip
    how.add_argument("--name", default="", help="name of the ablation")
    how.add_argument(
        "--skip_refused", action="store_true", help="launch what can be, and say of the rest why it cannot"
    )
    how.add_argument(
        "--extra_flags", nargs=argparse.REMAINDER, default=[], metavar="FLAG",
        help="flags of tools/vos_inference.py, last on the line: --extra_flags --use_all_masks",
    )  # fmt: skip


def grid_of(args: argparse.Namespace, home: Home) -> Grid:
    """The grid that the arguments ask for. Raises InputError with what is wrong."""
    if args.davis_path and len(args.dataset) > 1:
        raise InputError("--davis_path is one dataset's folder: give one --dataset with it.")
    if args.limit is not None and args.limit < 1:
        raise InputError(f"--limit {args.limit} leaves no video: give 1 or more.")
    if args.sam2_memsize and args.memory_size:
        raise InputError("Give memory sizes once: --sam2_memsize (naive mode) or --memory_size.")
    models = list(dict.fromkeys([*args.model, *(sam2_model_name(size) for size in args.sam2_model)]))
    if not models:
        raise InputError(f"Name a model: --sam2_model base_plus, or --model with one of {', '.join(MODELS)}.")
    default_mode = MemoryMode.NAIVE if args.sam2_memsize or args.sam2_model else MemoryMode.POSITION_PRESERVING
    datasets, videos = [], []
    for name in args.dataset:
        try:
            dataset = dataset_at(home, name, args.davis_path)
        except InputError:
            if not args.skip_refused or args.davis_path:
                raise
            datasets.append((name, home.store(home.data / name), args.split or "val"))  # refused with its reason
            continue
        split = args.split or dataset.default_split
        datasets.append((dataset.name, home.store(dataset.root), split))
        videos += _subset(args, dataset, split)
    return Grid(
        datasets=tuple(datasets),
        models=tuple(models),
        memory_sizes=tuple(args.sam2_memsize or args.memory_size),
        memory_modes=tuple(args.memory_mode or (default_mode.value,)),
        videos=tuple(dict.fromkeys(videos)),
        options=_options(args, models),
        strides=tuple(args.memory_temporal_stride),
        pointers=tuple(args.max_obj_ptrs),
        placement=Placement(parse_gpus(args.gpus), args.workers_per_gpu),
    )


def ignored_arguments(args: argparse.Namespace, grid: Grid) -> list[str]:
    """A line for each argument that some of the models have no use for."""
    specs = [find_model(model) for model in grid.models]
    lines = []
    flat = [spec.name for spec in specs if not spec.has_memory]
    if grid.memory_sizes and flat:
        lines.append(f"memory sizes do not apply to {', '.join(flat)}: models without a memory")
    others = [spec.name for spec in specs if not spec.family.startswith("sam2")]
    asked = {
        "--device": args.device,
        "--memory_mode": args.memory_mode,
        "--memory_temporal_stride": args.memory_temporal_stride,
        "--max_obj_ptrs": args.max_obj_ptrs,
        "--option": args.option,
        "--extra_flags": args.extra_flags,
    }
    flags = [flag for flag, value in asked.items() if value]
    if flags and others:
        lines.append(
            f"{', '.join(flags)} {'do' if flags[1:] else 'does'} not apply to {', '.join(others)}, only to SAM 2"
        )
    return lines


def _subset(args: argparse.Namespace, dataset: Dataset, split: str) -> list[str]:
    """Chosen videos of a split; empty for all."""
    names = dataset.video_names(split)
    chosen = list(args.video)
    if args.videos:
        from pathlib import Path

        chosen += read_own_list(Path(args.videos), known=frozenset(names))
    if args.limit is not None:
        chosen = (chosen or list(names))[: args.limit]
    return [] if tuple(chosen) == names else chosen


def _options(args: argparse.Namespace, models: Sequence[str]) -> tuple[tuple[str, Any], ...]:
    """SAM 2 options that differ from their defaults, by name."""
    pairs = []
    for text in args.option:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--option {text}: write NAME=VALUE.")
        pairs.append((name, value))
    pairs += _extra_flags(args.extra_flags)
    if args.device:
        pairs.append(("device", args.device))
    if not pairs:
        return ()
    if not any(find_model(model).family.startswith("sam2") for model in models):
        if args.device and len(pairs) == 1:
            return ()  # CPU models run on the CPU anyway
        raise InputError(f"The option {pairs[0][0]} belongs to SAM 2 models, and none is asked for.")
    values = {}
    for name, value in pairs:
        if name not in OPTIONS:
            raise InputError(f"There is no option {name!r}: SAM 2 models take {', '.join(OPTIONS)}.")
        parsed = OPTIONS[name].parse(value)
        if parsed != OPTIONS[name].default:
            values[name] = parsed
    return tuple(sorted(values.items()))


def _extra_flags(words: Sequence[str]) -> list[tuple[str, str]]:
    """`--use_all_masks --score_thresh 0.1` as (name, value) pairs; a flag without a value is a switch."""
    pairs: list[tuple[str, str]] = []
    for word in words:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            pairs.append((name, value if equals else "true"))
        elif pairs:
            pairs[-1] = (pairs[-1][0], word)
        else:
            raise InputError(f"--extra_flags takes flags that start with --, not {word!r}.")
    return pairs
