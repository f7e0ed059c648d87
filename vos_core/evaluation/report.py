"""Scores as the official toolkit prints and stores them: its two tables, its two CSV files; and per-frame rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vos_core.errors import InputError
from vos_core.evaluation.folders import Evaluation

if TYPE_CHECKING:
    from vos_core.evaluation.dot import DotEvaluation


def global_csv(evaluation: Evaluation) -> str:
    """Text of the toolkit's `global_results-<split>.csv`: the seven numbers, rounded to three decimals."""
    columns = evaluation.scores.as_columns()
    return _csv([list(columns), [f"{value:.3f}" for value in columns.values()]])


def per_sequence_csv(evaluation: Evaluation) -> str:
    """Text of the toolkit's `per-sequence_results-<split>.csv`: a row an object, rounded to three decimals."""
    rows = [[one.name, f"{one.j_statistics.mean:.3f}", f"{one.f_statistics.mean:.3f}"] for one in evaluation.objects]
    return _csv([["Sequence", "J-Mean", "F-Mean"], *rows])


def per_frame_csv(evaluation: Evaluation) -> str:
    """J and F of every object on every evaluated frame, at full precision."""
    rows = [
        [one.video, str(one.object_id), stem, repr(float(j)), repr(float(f))]
        for one in evaluation.objects
        for stem, j, f in zip(one.frames, one.j, one.f)
    ]
    return _csv([["video", "object", "frame", "J", "F"], *rows])


def tables(evaluation: Evaluation) -> str:
    """The two tables that the toolkit prints, to the last blank (its numbers' headings begin with one)."""
    columns = evaluation.scores.as_columns()
    objects = evaluation.objects
    per_sequence = [
        ["Sequence", *(one.name for one in objects)],
        [" J-Mean", *_decimals([one.j_statistics.mean for one in objects])],
        [" F-Mean", *_decimals([one.f_statistics.mean for one in objects])],
    ]
    return (
        f"--------------------------- Global results for {evaluation.split} ---------------------------\n"
        f"{_table([[f' {name}', *_decimals([value])] for name, value in columns.items()])}\n"
        f"\n---------- Per sequence results for {evaluation.split} ----------\n"
        f"{_table(per_sequence)}\n"
    )


def dot_tables(evaluation: DotEvaluation) -> str:
    """J&F-dot's seven numbers of a split, and J&F-dot of each object, under the names of MOSEv2's tables."""
    columns = evaluation.scores.as_columns()
    objects = [(one.name, one.statistics) for video in evaluation.videos for one in video.objects]
    per_object = [
        ["Object", *(name for name, _ in objects)],
        [" J", *_decimals([statistics.j for _, statistics in objects])],
        [" F-dot", *_decimals([statistics.f_dot for _, statistics in objects])],
    ]
    return (
        f"--------------------------- J&F-dot (MOSEv2) for {evaluation.split} ---------------------------\n"
        f"{_table([[f' {name}', *_decimals([value])] for name, value in columns.items()])}\n"
        f"\n---------- Per object results for {evaluation.split} ----------\n"
        f"{_table(per_object)}\n"
    )


def write_official(evaluation: Evaluation, folder: Path) -> tuple[Path, Path]:
    """Write the toolkit's two CSV files into `folder`, over any older ones. Raises InputError when that fails."""
    paths = (
        folder / f"global_results-{evaluation.split}.csv",
        folder / f"per-sequence_results-{evaluation.split}.csv",
    )
    write_text(paths[0], global_csv(evaluation))
    write_text(paths[1], per_sequence_csv(evaluation))
    return paths


def write_json(evaluation: Evaluation | DotEvaluation, path: Path) -> None:
    """Write `evaluation.to_json()`. Raises InputError when that fails."""
    write_text(path, json.dumps(evaluation.to_json(), indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file that is either whole or as it was. Raises InputError when it cannot be written."""
    draft = path.with_name(f".{path.name}.tmp")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise InputError(f"{path} cannot be written: {error.strerror or error}.") from error


def _csv(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _decimals(values: Sequence[float]) -> list[str]:
    """Numbers of one column as the toolkit's tables show them: six decimals, less the zeros that all end in."""
    texts = [f"{value:.6f}" if value == value else "NaN" for value in values]
    numbers = [text for text in texts if text != "NaN"]
    while numbers and all(text.endswith("0") and not text.endswith(".0") for text in numbers):
        texts = [text if text == "NaN" else text[:-1] for text in texts]
        numbers = [text[:-1] for text in numbers]
    return texts


def _table(columns: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in columns]
    return "\n".join(" ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in zip(*columns))
