"""How runs and figures are worded on pages: labels, progress, seconds; one place, so that all pages agree."""

from __future__ import annotations

from collections.abc import Sequence

from db.models import Run
from db.states import RunState, ScoreKind
from vos_core.errors import VosLabError
from vos_core.reports.marks import model_title as model_title
from vos_core.reports.runs_table import OFFICIAL, OTHER
from vos_core.runs import AGAINST, IMPORTED, SHORT, RunSettings

SCORES = tuple(OFFICIAL.items())
OTHER_SCORES = tuple(OTHER.items())  # the same seven figures where they are no J&F

DOT_TIPS = {
    "J&F-dot": "Mean of J-dot and F-dot, over all objects",
    "J-dot": "(I + 1) / (U + 1): a few pixels predicted of an absent object do not cost everything",
    "F-dot": "Boundary accuracy within a distance that follows the object's size",
    "J&F-dot-d": "Where objects have disappeared; empty where none does",
    "J&F-dot-r": "Where objects have come back; empty where none does",
}


def is_official(run: Run) -> bool:
    """Whether the run's figures may be called J&F."""
    return run.score_kind == ScoreKind.OFFICIAL.value


def score_meaning(run: Run) -> str:
    """What the run's figures are: `J&F`, `agreement with FOLDER`, `prompted with its own annotations`."""
    if run.score_kind == ScoreKind.AGREEMENT.value:
        return f"agreement with {folder_name(run.reference)}"
    if run.score_kind == ScoreKind.LEAKED.value:
        return "prompted with its own annotations"
    return "J&F"


def frame_measures(run: Run) -> tuple[str, str]:
    """What J and F of one frame are called for this run: by their names only where they are those, or agreement."""
    if run.score_kind == ScoreKind.AGREEMENT.value:
        return "agreement J", "agreement F"
    return ("J", "F") if is_official(run) else ("region", "contour")


def score_labels(run: Run) -> dict[str, str]:
    """The seven figures' names for this run: the official ones only where they are J&F."""
    return dict(SCORES if is_official(run) else OTHER_SCORES)


def folder_name(stored: str | None) -> str:
    """The last part of a stored path (`data:MOSE/sample`)."""
    return (stored or "").rsplit(":", 1)[-1].rstrip("/").rsplit("/", 1)[-1]


def model_label(model: str, memory_size: int | None, memory_mode: str | None) -> str:
    """A model at its memory: `SAM 2 large, N = 5, naive`."""
    parts = [model_title(model)]
    if memory_size is not None:
        parts.append("memory off" if memory_size == 0 else f"N = {memory_size}")
    if memory_mode:
        parts.append(memory_mode.replace("_", " "))
    return ", ".join(parts)


def run_title(run: Run) -> str:
    """What a run is called: the person's title, else its settings."""
    return run.title or settings_label(run)


def settings_label(run: Run) -> str:
    """Model and knobs in short: `Propagation, N = 5`."""
    parts = [model_label(run.model, run.memory_size, run.memory_mode)]
    options = [pair for pair in settings_of(run).options if pair[0] not in (IMPORTED, AGAINST)]
    parts += [f"{SHORT.get(name, name)} = {value}" for name, value in options]
    if run.reference:
        parts.append(score_meaning(run))
    return ", ".join(parts)


def settings_parts(run: Run) -> dict[str, str]:
    """A run's settings by name, in words: {"model": "SAM 2 large", "memory": "N = 5", "mode": "naive", ...}."""
    parts = {"model": model_title(run.model)}
    if run.memory_size is not None:
        parts["memory"] = "memory off" if run.memory_size == 0 else f"N = {run.memory_size}"
    if run.memory_mode:
        parts["mode"] = run.memory_mode.replace("_", " ")
    for name, value in settings_of(run).options:
        parts[name] = folder_name(str(value)) if name in (IMPORTED, AGAINST) else f"{SHORT.get(name, name)} = {value}"
    return parts


def distinctions(runs: Sequence[Run]) -> dict[int, str]:
    """By run id: the settings in which these runs differ (all of them for one run, or where none differs)."""
    parts = {run.id: settings_parts(run) for run in runs}
    names = list(dict.fromkeys(name for one in parts.values() for name in one))
    differ = [name for name in names if len({one.get(name) for one in parts.values()}) > 1]
    texts = {}
    for run in runs:
        # Without a memory is a setting; without an option of another run is the usual, and not said.
        words = [parts[run.id].get(name, "no memory" if name == "memory" else "") for name in differ]
        text = ", ".join(filter(None, words)) or settings_label(run)
        texts[run.id] = f"{run.title}: {text}" if run.title else text
    return texts


def settings_of(run: Run) -> RunSettings:
    """The run's settings. Raises VosLabError when a newer VOS Lab wrote them."""
    try:
        return RunSettings.from_values(run.settings)
    except (TypeError, ValueError) as error:
        raise VosLabError(f"Run {run.id} comes from another version of VOS Lab ({error}): update this one.") from error


def run_choice(run: Run) -> str:
    """A run in a selectbox."""
    return f"#{run.id}  {run_title(run)}  ·  {run.dataset} {run.split}"


def is_active(run: Run) -> bool:
    """Whether the dispatcher still works on it."""
    return run.state in (RunState.QUEUED.value, RunState.RUNNING.value)


def run_seconds(run: Run) -> float | None:
    """Seconds during which at least one worker was on the run, so far; None before the first."""
    return run.active_s or None


def duration(seconds: float | None) -> str:
    """`8.2 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds is None:
        return "–"
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 100:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def score(value: float | None) -> str:
    """Three decimals, as the official CSV files round."""
    return "–" if value is None else f"{value:.3f}"


def count(number: int, one: str, many: str = "") -> str:
    """`1 video`, `12 videos`, with thin spaces between thousands."""
    return f"{number:,}".replace(",", "\u2009") + " " + (one if number == 1 else many or one + "s")


def subset_note(run: Run) -> str:
    """` · 3 chosen videos` for a run over a part of its split: its figures are not the split's."""
    chosen = run.settings.get("videos", ())
    return f" · {count(len(chosen), 'chosen video')}" if chosen else ""
