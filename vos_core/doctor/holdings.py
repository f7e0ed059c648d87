"""Datasets and checkpoints that a home has, and what is wrong with them by names, lists and sizes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vos_core.doctor.report import Finding, Level, Topic
from vos_core.errors import VosLabError
from vos_core.existence import is_folder
from vos_core.home import Home
from vos_core.models.registry import MODELS

MOST_NAMED = 4


def look_at_datasets(home: Home) -> Iterator[Finding]:
    """One finding a dataset: its splits and how many videos each lists, or what is wrong with a list."""
    from vos_core.datasets import find_datasets
    from vos_core.datasets.layout import has_layout

    try:
        datasets = find_datasets(home)
    except VosLabError as error:
        yield _problem(Topic.DATASETS, str(error))
        yield from _damaged_datasets(home)
        return
    for name, dataset in datasets.items():
        counts = []
        for split in dataset.splits:
            try:
                videos = dataset.video_names(split)
                counts.append(f"{split} {len(videos)}")
                if split == dataset.default_split:
                    dataset.video(videos[0])
            except VosLabError as error:
                yield _problem(Topic.DATASETS, f"{name}: {error}")
        if counts:
            text = f"{name} {dataset.root}: videos of {', '.join(counts)}"
            yield Finding(Topic.DATASETS, Level.OK, text)
    yield from _damaged_datasets(home)
    strange = [folder for folder in _folders(home.data) if not has_layout(home.data) and not has_layout(folder)]
    for folder in strange[:MOST_NAMED]:
        text = f"{folder} is no dataset: it holds no JPEGImages or Annotations"
        advice = "README (Your own data) shows the layout; a folder one level deeper is not looked for."
        yield Finding(Topic.DATASETS, Level.NOTE, text, advice)
    if not datasets:
        text = f"none in {home.data}{_not_yet(home.data)}"
        advice = "python -m vos_core demo (generated, no download) or python -m vos_core fetch davis"
        yield Finding(Topic.DATASETS, Level.NOTE, text, advice)


def look_at_checkpoints(home: Home) -> Iterator[Finding]:
    """Which of the published checkpoints are here and as published, which is another file under its name."""
    from vos_core.downloads import Records, catalogue
    from vos_core.downloads.presence import damage
    from vos_core.places import read_places

    try:
        adopted = read_places(home).checkpoints
    except VosLabError as error:
        yield _problem(Topic.CHECKPOINTS, str(error))
        adopted = {}
    verified: list[str] = []
    sized: list[str] = []
    missing: list[str] = []
    none = True
    for spec in MODELS.values():
        if spec.checkpoint is None:
            continue
        item = catalogue().get(spec.name)
        published = item.files[0].sha256 if item is not None else None
        paths = [home.checkpoints / spec.checkpoint, *filter(None, [adopted.get(spec.checkpoint)])]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            missing.append(spec.name)
            continue
        none = False
        size, sha256 = path.stat().st_size, Records(spec.name, home).sha256(path)
        if item is not None and item.size not in (None, size):
            text = f"{path} has {size} bytes, and {spec.name} as published has {item.size}"
            advice = f"Cut off, or another file: move it away, then python -m vos_core fetch {spec.name}"
            yield Finding(Topic.CHECKPOINTS, Level.PROBLEM, text, advice)
        elif item is not None and path == item.destination(home) and (found := damage(item, home)):
            yield _damaged(Topic.CHECKPOINTS, spec.name, path, found)
        elif published is not None and sha256 not in (None, published):
            text = f"{path} has the SHA-256 {str(sha256)[:12]}..., and {spec.name} as published {published[:12]}..."
            yield Finding(Topic.CHECKPOINTS, Level.WARNING, text, "A fine-tuned one is better given by its own path.")
        else:
            (verified if sha256 is not None else sized).append(spec.name)
    if verified:
        text = f"{', '.join(verified)}: size and SHA-256 as published (the latter as noted when it was fetched)"
        yield Finding(Topic.CHECKPOINTS, Level.OK, text)
    if sized:
        yield Finding(Topic.CHECKPOINTS, Level.OK, f"{', '.join(sized)}: size as published; put there by hand")
    own = sorted({path.name for path in home.checkpoints.glob("*.pt")} - {spec.checkpoint for spec in MODELS.values()})
    if own:
        more = f" and {len(own) - MOST_NAMED} more" if own[MOST_NAMED:] else ""
        yield Finding(Topic.CHECKPOINTS, Level.OK, f"your own: {', '.join(own[:MOST_NAMED])}{more}")
    if missing:
        if not none:
            yield Finding(Topic.CHECKPOINTS, Level.OK, f"not here: {', '.join(missing)}")
        else:
            text = f"no SAM 2 checkpoint in {home.checkpoints}{_not_yet(home.checkpoints)}"
            yield Finding(Topic.CHECKPOINTS, Level.NOTE, text, "python -m vos_core fetch sam2_hiera_base_plus")


def _damaged_datasets(home: Home) -> Iterator[Finding]:
    """Datasets and predictions in which a check (`fetch NAME --verify`) has found something wrong."""
    from vos_core.downloads import Kind, catalogue
    from vos_core.downloads.presence import damage, place

    for item in catalogue().values():
        path = place(item, home) if item.kind is not Kind.CHECKPOINT else None
        if path is not None and (found := damage(item, home)):
            yield _damaged(Topic.DATASETS, item.name, path, found)


def _damaged(topic: Topic, name: str, path: Path, found: str) -> Finding:
    advice = (
        f"Move {path} away or delete it, then python -m vos_core fetch {name}. "
        f"Mended in place? python -m vos_core fetch {name} --verify"
    )
    return Finding(topic, Level.PROBLEM, f"{name}: {found.removesuffix('.')}", advice)


def _not_yet(folder: Path) -> str:
    return "" if is_folder(folder) else ", which is not there yet"


def _folders(folder: Path) -> list[Path]:
    from vos_core.datasets.layout import folders_in

    return [folder / name for name in folders_in(folder)]


def _problem(topic: Topic, sentence: str) -> Finding:
    """Our errors say in one sentence what is wrong and, mostly after a colon, what to do."""
    return Finding(topic, Level.WARNING, " ".join(sentence.split()).removesuffix("."))
