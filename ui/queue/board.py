"""The Queue page's board: GPUs, workers and runs with their buttons, drawn in the browser from plain values."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import streamlit as st

from db.queue import QueuedRunRow, QueueOverview, WorkerRow
from ui.navigation import address
from ui.queue.actions import TIPS, Action, offered
from ui.source import source
from ui.wording import count, duration, model_label
from vos_core.execution.slots import gpu_of
from vos_core.gpus import Gauge

_component = st.components.v2.component(
    "voslab_queue",
    html='<div class="board">\n<div class="gpus"></div><div class="workers"></div><div class="groups"></div></div>',
    css=source("parts/board.css", "queue/board.css"),
    js=source("parts/nodes.js", "parts/board.js", "queue/board.js"),
)


def board(overview: QueueOverview, gauges: Sequence[Gauge], locked: str) -> tuple[int | None, Any]:
    """Draw it; returns the run that was just opened, and the `{action, runs}` that was just asked for."""
    names = {gauge.gpu.id: gauge.gpu.name for gauge in gauges}
    result = _component(
        key="queue-board",
        data={
            "locked": locked,
            "gpus": [_gpu(gauge) for gauge in gauges],
            "workers": [_worker(worker, names) for worker in overview.workers],
            "groups": [*_groups(overview.runs), *_groups(overview.ended, ended=True)],
        },
        on_act_change=_nothing,
        on_open_change=_nothing,
    )
    opened = result.get("open")
    return (int(opened) if opened else None), result.get("act")


def _groups(rows: Sequence[QueuedRunRow], ended: bool = False) -> list[dict[str, Any]]:
    """Neighbours of one ablation under its name. An ablation may come twice, where another one's runs lie between."""
    groups = []
    for place, (ablation_id, members) in enumerate(groupby(rows, key=lambda row: row.ablation_id)):
        runs = list(members)
        fresh = not ended and place == 0
        groups.append(
            {
                "key": f"{'ended' if ended else 'queue'}-{place}-{ablation_id}",
                "title": f"{runs[0].ablation}{', ended' if ended else ''}",
                "note": count(len(runs), "run"),
                "runs": [row.id for row in runs],
                "actions": _actions(runs, off={Action.TOP} if fresh else set()) if len(runs) > 1 else [],
                "rows": [_run(row, row.id == rows[0].id, row.id == rows[-1].id) for row in runs],
            }
        )
    return groups


def _run(row: QueuedRunRow, first: bool, last: bool) -> dict[str, Any]:
    off = ({Action.TOP, Action.UP} if first else set()) | ({Action.DOWN} if last else set())
    done = f"{row.videos_done}/{count(row.videos, 'video')} · {row.frames_done}/{count(row.frames, 'frame')}"
    title = row.title or model_label(row.model, row.memory_size, row.memory_mode)
    return {
        "key": f"run-{row.id}",
        "id": row.id,
        "runs": [row.id],
        "name": row.name,
        "title": f"#{row.id} {title}",
        "sub": f"{row.dataset} {row.split}",
        "href": address("run", run=row.id),
        "state": row.state,
        "share": row.frames_done / row.frames if row.frames else 0.0,
        "done": done + (f" · {row.videos_failed} failed" if row.videos_failed else ""),
        "speed": f"{row.frames_per_second:.1f} frames/s" if row.frames_per_second else "",
        "left": f"{duration(row.seconds_left)} left" if row.seconds_left is not None else "",
        "error": row.error or "",
        "actions": _actions([row], off),
    }


def _actions(runs: Sequence[QueuedRunRow], off: set[Action]) -> list[dict[str, Any]]:
    return [{"name": action.value, "tip": TIPS[action], "off": action in off} for action in offered(runs)]


_WAITING = {
    "idle": "waits for a video",
    "resting": "its GPU is full or failed: tried again after a minute, a few times; its log says why",
}


def _worker(worker: WorkerRow, gpu_names: Mapping[str, str]) -> dict[str, Any]:
    busy = worker.run_id is not None
    device = gpu_names.get(gpu_of(worker.name) or "", "GPU" if worker.device == "cuda" else "CPU")
    done = _WAITING.get(worker.state, "starts")
    if busy:
        done = f"{worker.frames_done}/{count(worker.frames or 0, 'frame')}"
        done += f" · {worker.frames_per_second:.1f} frames/s" if worker.frames_per_second else ""
        done += f" · for {duration(max(0.0, time.time() - worker.since))}" if worker.since else ""
    return {
        "key": worker.name,
        "name": worker.name,
        "device": f"{device} on {worker.host}",
        "state": worker.state,
        "run": worker.run_id,
        "href": address("run", run=worker.run_id),
        "title": worker.run,
        "video": worker.video,
        "share": (worker.frames_done or 0) / worker.frames if worker.frames else 0.0,
        "done": done,
    }


def _gpu(gauge: Gauge) -> dict[str, Any]:
    memory = None
    if gauge.memory_used is not None and gauge.memory_total:
        memory = gauge.memory_used / gauge.memory_total
    return {
        "key": gauge.gpu.id,
        "name": f"GPU {gauge.gpu.id} · {gauge.gpu.name}",
        "heat": f"{gauge.temperature} °C" if gauge.temperature is not None else "",
        "busy": gauge.utilisation / 100 if gauge.utilisation is not None else None,
        "busyText": f"{gauge.utilisation} %",
        "memory": memory,
        "memoryText": f"{(gauge.memory_used or 0) / 2**30:.1f} / {(gauge.memory_total or 0) / 2**30:.0f} GiB",
    }


def _nothing() -> None:
    """A trigger is delivered only where a callback is registered."""
