"""Invented runs, as the database lists them."""

from __future__ import annotations

from typing import Any

from db.models import Run
from vos_core.models.registry import MODELS

FIGURES = {
    "jf_mean": 0.8855,
    "j_mean": 0.8542,
    "j_recall": 0.9213,
    "j_decay": 0.0511,
    "f_mean": 0.9168,
    "f_recall": 0.9670,
    "f_decay": 0.0731,
}


def run(jf: float | None = FIGURES["jf_mean"], **changes: Any) -> Run:
    """A finished SAM 2.0 base_plus run at memory size 7 on DAVIS 2017 val, but for `changes`."""
    figures: dict[str, Any] = {**FIGURES, "jf_mean": jf} if jf is not None else dict.fromkeys(FIGURES)
    columns: dict[str, Any] = {
        "dataset": "DAVIS",
        "split": "val",
        "model": "sam2_hiera_base_plus",
        "memory_size": 7,
        "memory_mode": "naive",
        "settings": {"videos": [], "options": []},
        "state": "done",
        "score_kind": "official",
        "videos": 30,
        "videos_done": 30,
        "frames": 1999,
        "objects": 61,
        "inference_s": 400.0,
        "active_s": 100.0,
        "busy_s": 800.0,
        "provenance": {"devices": ["NVIDIA L4"]},
        **figures,
        **changes,
    }
    columns.setdefault("dataset_path", f"data:{columns['dataset']}")
    if columns["model"] not in MODELS or not MODELS[columns["model"]].memory_modes:
        columns["memory_mode"] = None
    columns.setdefault("name", f"DAVIS_{columns['model']}_memsize{columns['memory_size']}_{columns['memory_mode']}")
    return Run(**columns)
