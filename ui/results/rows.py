"""The leaderboard's columns and rows, made of runs: plain values, nothing is drawn here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from db.models import Ablation, Run
from db.states import RunState
from ui.navigation import address
from ui.results.board import BoardColumn, BoardRow
from ui.wording import (
    DOT_TIPS,
    SCORES,
    count,
    duration,
    is_active,
    is_official,
    model_title,
    run_seconds,
    score_meaning,
    subset_note,
)
from vos_core.analysis.summaries import (
    chosen_videos,
    gpu_words,
    place_names,
    place_of,
    run_devices,
    run_gpus,
    short_gpu,
    was_timed,
)
from vos_core.analysis.verify import Outcome, verify
from vos_core.models.sam2_options import OPTIONS, POINTERS, STRIDE
from vos_core.reference import reference_rows
from vos_core.runs import AGAINST, IMPORTED

_KNOBS = (STRIDE, POINTERS)
_NOT_KNOBS = {*_KNOBS, IMPORTED, AGAINST}

_TIPS = {
    "jf_mean": "Mean of J-Mean and F-Mean",
    "j_mean": "Region similarity (intersection over union), mean over objects",
    "j_recall": "Share of frames with J above 0.5",
    "j_decay": "First quarter's mean J minus the last quarter's: lower is better",
    "f_mean": "Boundary accuracy, mean over objects",
    "f_recall": "Share of frames with F above 0.5",
    "f_decay": "First quarter's mean F minus the last quarter's: lower is better",
}


def board_columns(runs: Sequence[Run]) -> list[BoardColumn]:
    """The columns for these runs: what none of them has anything for is left out."""
    columns = [BoardColumn("run", "Run", "run", tip="Opens the run"), BoardColumn("model", "Model", setting=True)]
    if any(run.memory_size is not None for run in runs):
        tip = "Memory size: 1 prompted frame + N-1 recent frames"
        columns.append(BoardColumn("n", "N", "number", digits=0, tip=tip, setting=True))
    if any(run.memory_mode for run in runs):
        tip = "Memory mode: position_preserving (preserving), or naive as the usual script has it"
        columns.append(BoardColumn("mode", "Mode", tip=tip, setting=True))
    for name, label in zip(_KNOBS, ("Stride", "Pointers"), strict=True):
        if any(_option(run, name) is not None for run in runs):
            tip = f"{OPTIONS[name].line}; {OPTIONS[name].default} where empty"
            columns.append(BoardColumn(name, label, "number", digits=0, tip=tip, setting=True))
    if any(_further_options(run) for run in runs):
        columns.append(
            BoardColumn("options", "Options", tip="Further options that differ from the default", setting=True)
        )
    columns.append(BoardColumn("dataset", "Dataset", setting=True, tip="Dataset and split"))
    columns.append(BoardColumn("state", "State", "standing", tip="While it runs: frames done, frames/s now, time left"))
    for name, label in SCORES:
        best = "min" if name.endswith("decay") else "max"
        columns.append(BoardColumn(name, label, "number", best=best, tip=_TIPS[name], delta="points"))
    if any(run.dot_scores for run in runs):
        columns += [
            BoardColumn(name, name, "number", best="max", tip=f"MOSEv2: {tip}", delta="points")
            for name, tip in DOT_TIPS.items()
        ]
    return [*columns, *_closing_columns(runs)]


def _closing_columns(runs: Sequence[Run]) -> list[BoardColumn]:
    columns = []
    if any(_verdict(run) for run in runs):
        tip = "Whether the run reproduces the published J&F of its setting"
        columns.append(BoardColumn("verify", "Published", tip=tip))
    tip = "Seconds with at least one worker on the run, model loading included, pauses left out"
    columns.append(BoardColumn("seconds", "Time", "seconds", unit="s", tip=tip, delta="percent", rather="min"))
    tip = "Frames/s of the whole run: its frames by its seconds, with all its workers"
    columns.append(BoardColumn("fps", "Frames/s", "number", digits=1, tip=tip, delta="percent", rather="max"))
    columns.append(BoardColumn("gpus", "GPUs", tip="Those that its videos were computed on", setting=True))
    columns.append(BoardColumn("videos", "Videos", "number", digits=0, secondary=True, setting=True))
    columns.append(BoardColumn("frames", "Frames", "number", digits=0, secondary=True, setting=True))
    columns.append(BoardColumn("objects", "Objects", "number", digits=0, secondary=True, setting=True))
    columns.append(BoardColumn("ablation", "Ablation", secondary=True, setting=True))
    columns.append(BoardColumn("name", "Folder", secondary=True))
    columns.append(BoardColumn("notes", "Notes", secondary=True))
    return columns


def board_rows(
    runs: Sequence[Run], ablations: Mapping[int, Ablation], *, guests: frozenset[int] = frozenset()
) -> list[BoardRow]:
    """A row a run, in their order; `guests` are ids of runs that are there only as the baseline."""
    places = place_names(runs)
    return [_row(run, places[place_of(run)], _ablation_name(run, ablations), run.id in guests) for run in runs]


def _row(run: Run, dataset: str, ablation: str, guest: bool) -> BoardRow:
    model = model_title(run.model)
    gpus, gpus_tip = gpu_count(run)
    seconds = run_seconds(run)
    cells: dict[str, Any] = {
        "run": {
            "sort": run.id,
            "text": f"#{run.id}",
            "title": run.title or "",
            "tags": run.tags,
            "notes": run.notes,
            "archived": run.archived,
        },
        "model": model,
        "n": run.memory_size,
        "mode": (run.memory_mode or "").removeprefix("position_"),
        STRIDE: _option(run, STRIDE),
        POINTERS: _option(run, POINTERS),
        "options": _further_options(run),
        "dataset": dataset + subset_note(run),
        "state": standing(run),
        "verify": _verdict(run),
        "seconds": seconds,
        # An imported run was not computed here: it has no speed.
        "fps": run.frames_done / seconds if seconds and run.inference_s else None,
        "gpus": gpus,
        "videos": run.videos,
        "frames": run.frames,
        "objects": run.objects,
        "ablation": ablation,
        "name": run.name,
        "notes": run.notes,
    }
    cells |= {name: getattr(run, name) for name, _ in SCORES}
    cells |= run.dot_scores or {}
    videos = "\n".join(sorted(chosen_videos(run)))
    words = [f"#{run.id}", run.title, run.notes, *run.tags, model, run.model, dataset, run.state, ablation, run.name]
    words += [
        run.memory_mode,
        f"n={run.memory_size}" if run.memory_size is not None else "",
        gpus_tip,
        _further_options(run),
    ]
    return BoardRow(
        str(run.id),
        address("run", run=run.id),
        cells,
        search=" ".join(word for word in words if word).lower(),
        facets={"state": run.state, "dataset": dataset, "model": model},
        groups={"ablation": ablation, "model": model, "dataset": dataset},
        peers="\n".join((run.dataset_path, run.split, videos)) if is_official(run) else "",
        place={"dataset": run.dataset, "split": run.split, "videos": videos},
        home="\n".join((run.dataset_path, run.split)),
        active=not RunState(run.state).ended,
        guest=guest,
        meaning="" if is_official(run) else score_meaning(run),
        tips={"gpus": gpus_tip, "mode": (run.memory_mode or "").replace("_", " ")},
    )


def standing(run: Run) -> dict[str, Any]:
    """State; while it runs the share of its frames, frames/s and time left; videos done where it ended early."""
    videos = f"{run.videos_done}/{count(run.videos, 'video')}"
    told: dict[str, Any] = {
        "sort": run.state,
        "state": run.state,
        "share": None,
        "text": run.state,
        "detail": "",
        "tip": videos,
    }
    if run.error:
        told["tip"] = f"{videos}\n{run.error}"
    if run.state == RunState.RUNNING.value:
        share = run.frames_done / run.frames if run.frames else 0.0
        parts = [f"{run.frames_per_second:.1f} frames/s"] if run.frames_per_second else []
        parts += [f"{duration(run.seconds_left)} left"] if run.seconds_left is not None else []
        told |= {"share": share, "text": f"{100 * share:.0f}\u202f%", "detail": "\n".join(parts) or videos}
    elif run.videos_done < run.videos and not is_active(run):
        told["detail"] = videos
    return told


def gpu_count(run: Run) -> tuple[str, str]:
    """`4 x H100` of the GPUs that the videos were computed on, `CPU` without any; and the devices' full names."""
    names = run_gpus(run)
    if names or was_timed(run):
        return gpu_words([short_gpu(name) for name in names]), gpu_words(names) if names else ", ".join(
            run_devices(run)
        )
    return "", ""


def _option(run: Run, name: str) -> int | None:
    """A knob of SAM 2's memory where the run differs from the default."""
    value = dict(run.settings.get("options", ())).get(name)
    return int(value) if value is not None else None


def _further_options(run: Run) -> str:
    pairs = [(str(name), value) for name, value in run.settings.get("options", ()) if name not in _NOT_KNOBS]
    return ", ".join(name if value is True else f"{name}={value}" for name, value in pairs)


def _ablation_name(run: Run, ablations: Mapping[int, Ablation]) -> str:
    ablation = ablations.get(run.ablation_id)
    return f"{run.ablation_id}: {ablation.name}" if ablation else str(run.ablation_id)


@lru_cache(maxsize=64)
def _has_published(dataset: str, split: str) -> bool:
    return any(row.is_on(dataset, split) for row in reference_rows())


_verdicts: dict[tuple[object, ...], str] = {}  # a check takes 0.2 ms, and a poll would repeat that of every run


def _verdict(run: Run) -> str:
    """What `verify` says of a finished run in a word or two; empty without published figures of its setting."""
    if run.state != RunState.DONE.value or not _has_published(run.dataset, run.split):
        return ""
    setting = (run.fingerprint, run.model, run.memory_size, run.memory_mode, run.score_kind, run.jf_mean)
    key = (*setting, run.videos, run.videos_done, run.objects, run.provenance.get("checkpoint_sha256"))
    if key not in _verdicts:
        if len(_verdicts) >= 4096:
            _verdicts.clear()
        _verdicts[key] = _checked(run)
    return _verdicts[key]


def _checked(run: Run) -> str:
    found = verify(run, reference_rows())
    if found.reference is None:
        return ""
    difference = next((check.difference for check in found.figures if check.name == "jf_mean"), None)
    if found.outcome is Outcome.DIFFERS and difference is not None:
        return f"differs by {difference:+.4f}".replace("-", "\u2212")
    return "pass" if found.passed else "not comparable"
