"""What the Inspect page shows of one video of one or more runs: panes, curves, failures, and a word where there is
nothing to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from db import queries
from db.episodes import episodes_of
from db.models import FailureEpisode, Run, VideoTask
from db.queries import Curve
from db.states import ScoreKind, TaskState
from db.videos import curves_of, runs_with_video, tasks_of_video
from ui.media.clips import most_frames
from ui.media.footage import Footage, footage, prediction_base, reference_base, reference_folder
from ui.media.pictures import clip_address, thumbnail_address
from ui.navigation import address, again
from ui.player.player import Clip, Download, Failure, Pane, RunPane, Words, player
from ui.theme import plain
from ui.wording import distinctions, folder_name, frame_measures, is_official, run_choice, score_meaning
from vos_core.analysis.failures import DISAGREEMENT_LINES, KIND_LINES
from vos_core.clips import KINDS
from vos_core.home import Home
from vos_core.per_object import is_per_object, object_folders, stems_of

MOST_BESIDE = 7
OF_VIDEO = ("frame", "object", "zoom")  # parts of the address that mean nothing at another video
MOST_FAILURES = 60  # of one run, the worst ones

_WAITING = {
    TaskState.QUEUED.value: "Not segmented yet: this video waits in the queue.",
    TaskState.RUNNING.value: "Not segmented yet: this video is being worked on.",
    TaskState.FAILED.value: "No prediction: this video failed. The Run page says why.",
    TaskState.CANCELLED.value: "No prediction: this video was cancelled. Resume the run on its page.",
}
# Where the masks are there and only scores are to come.
_SCORING = {
    TaskState.QUEUED.value: "This video waits to be scored{again}.",
    TaskState.RUNNING.value: "This video is being scored{again}.",
    TaskState.FAILED.value: "Scoring failed: {error}",
    TaskState.CANCELLED.value: "Scoring{again} was cancelled: resume the run on its page.",
}


@dataclass(frozen=True)
class Shown:
    """Runs side by side over one video, the main one first; `tasks` by run id, runs that lack the video left out."""

    video: str
    runs: tuple[Run, ...]
    tasks: dict[int, VideoTask]

    @property
    def main(self) -> Run:
        """The run whose annotations, objects and words hold for all panes."""
        return self.runs[0]


def meaningless(home: Home, before: Run, after: Run) -> tuple[str, ...]:
    """The parts of Inspect's address that mean nothing once `after` is chosen in place of `before`."""
    if (before.dataset, before.dataset_path) != (after.dataset, after.dataset_path):
        return ("with", "video", *OF_VIDEO)
    video = st.query_params.get("video")
    return () if video is None or queries.task(home.database, after.id, video) else ("video", *OF_VIDEO)


def side_by_side(home: Home, main: Run, video: str, beside: Sequence[int], everything: Mapping[int, Run]) -> Shown:
    """`main` and the runs of these ids that are over the same dataset; says which are not, or are not there."""
    place = (main.dataset, main.dataset_path)
    found = [everything[one] for one in beside if one in everything and one != main.id]
    fitting = [run for run in found if (run.dataset, run.dataset_path) == place]
    problems = [f"there is no run #{one} (any more)" for one in beside if one not in everything]
    problems += [f"run #{run.id} is over {plain(run.dataset)}" for run in found if run not in fitting]
    if len(fitting) > MOST_BESIDE:
        problems.append(f"at most {MOST_BESIDE} runs fit beside one")
    if problems:
        st.warning(f"Not all runs of this address are shown: {'; '.join(problems)}.", icon=":material/link_off:")
    runs = (main, *fitting[:MOST_BESIDE])
    return Shown(video, runs, tasks_of_video(home.database, video, [run.id for run in runs]))


def inspect_video(
    home: Home, shown: Shown, everything: Mapping[int, Run], frame: int, objects: Sequence[int], view: Mapping[str, str]
) -> dict[str, Any] | None:
    """Draw the player; returns the address that the person asked for by adding or removing a run.

    `everything` are the runs that may be put beside, by id. Raises InputError when the dataset is not there any more.
    """
    run, task = shown.main, shown.tasks[shown.main.id]
    found = footage(home, run.dataset, run.dataset_path, shown.video)
    segmented = [one.id for one in shown.tasks.values() if one.has_masks]
    curves = curves_of(home.database, segmented)
    episodes = episodes_of(home.database, segmented)
    details = distinctions(shown.runs)
    every = tuple(range(1, task.objects + 1))
    chosen = tuple(one for one in (0, *every) if one in objects)  # 0: none of them
    tokens = [f"{one.id}.{one.edition}.{_token(shown.tasks.get(one.id))}" for one in shown.runs]
    clip = Clip(
        id=f"{'+'.join(tokens)}/{found.version}/{shown.video}",
        video=shown.video,
        height=task.height,
        width=task.width,
        stems=found.video.stems,
        files=tuple(path.name for path in found.video.frames),
        picture_base=found.picture_base(),
        objects=every,
    )
    asked = player(
        clip,
        _reference(home, run, found) if run.reference else _annotation(run, found),
        [
            _run_pane(one, shown, details[one.id], curves, episodes, "prediction" if one is run else f"run-{one.id}")
            for one in shown.runs
        ],
        frame=min(max(frame, 0), max(found.video.length - 1, 0)),
        objects=chosen,
        view=view,
        words=_words(run),
        choices=_choices(home, shown, everything),
        clips=_clips(shown) if task.has_masks else {},
    )
    _overlap_note(home, run, found)
    return asked


def watch(home: Home, shown: Shown) -> bool:
    """Draw the page anew when a video's state is not the one shown any more; returns whether it may still change."""
    now = _now(home, shown)
    if _tokens(now) != _tokens(shown.tasks):
        again()
    return any(task.state in (TaskState.QUEUED.value, TaskState.RUNNING.value) for task in now.values())


def video_mark(home: Home, shown: Shown) -> dict[int, str]:
    """Another value when the video is done anew in one of the runs, or waits to be; see `ui.parts.live.look_out`."""
    return _tokens(_now(home, shown))


def _now(home: Home, shown: Shown) -> dict[int, VideoTask]:
    return tasks_of_video(home.database, shown.video, [run.id for run in shown.runs])


def _tokens(tasks: Mapping[int, VideoTask]) -> dict[int, str]:
    return {run_id: _token(task) for run_id, task in tasks.items()}


def _token(task: VideoTask | None) -> str:
    return f"{task.attempt}.{task.state}" if task else ""


def _run_pane(
    run: Run,
    shown: Shown,
    detail: str,
    curves: Mapping[int, list[Curve]],
    episodes: Mapping[int, list[FailureEpisode]],
    key: str,
) -> RunPane:
    task = shown.tasks.get(run.id)
    title = "Prediction" if len(shown.runs) == 1 else f"#{run.id}"
    href = address("run", run=run.id)
    if task is None:
        return RunPane(key, title, None, detail, "This run has no such video.", run=run.id, href=href)
    comparable = score_meaning(run) == score_meaning(shown.main)
    found = curves.get(task.id, []) if comparable else []
    note = "" if found else _no_curves(run, task)
    if task.has_masks and task.state in _SCORING:
        again = " again" if task.id in curves else ""
        note = _SCORING[task.state].format(again=again, error=task.error or "")
        if found:
            note += " These are its scores of before."
    if not comparable:
        note = f"Not drawn here: its figures are {score_meaning(run)}."
    return RunPane(
        key=key,
        title=title,
        detail=detail,
        base=prediction_base(run.id, run.edition, task.attempt, shown.video) if task.has_masks else None,
        note="" if task.has_masks else _WAITING.get(task.state, ""),
        missing="No prediction of this frame.",
        run=run.id,
        href=href,
        curves=tuple(found),
        failures=tuple(
            _failure(run, task, episode) for episode in (episodes.get(task.id, []) if found else [])[:MOST_FAILURES]
        ),
        curve_note=note,
    )


def _failure(run: Run, task: VideoTask, episode: FailureEpisode) -> Failure:
    return Failure(
        object=episode.object_id,
        kind=episode.kind,
        start=episode.start,
        end=episode.end,
        worst=episode.worst_frame,
        score=round(episode.worst_score, 5),
        severity=episode.severity,
        picture=thumbnail_address(
            run.id, run.edition, task.attempt, task.video, episode.worst_frame, episode.object_id
        ),
    )


def _words(run: Run) -> Words:
    j, f = frame_measures(run)
    if run.score_kind == ScoreKind.AGREEMENT.value:
        against = f"the reference {folder_name(run.reference)}, which is not ground truth"
        lines = {str(kind): line for kind, line in DISAGREEMENT_LINES.items()}
        return Words((j, f, "agreement"), against, "Disagreements", lines)
    mean = "J&F" if is_official(run) else "mean"
    return Words((j, f, mean), "the annotation", "Failures", {str(kind): line for kind, line in KIND_LINES.items()})


def _choices(home: Home, shown: Shown, everything: Mapping[int, Run]) -> list[tuple[int, str]]:
    """Runs that may be put beside: over the same dataset, with this video."""
    taken = {run.id for run in shown.runs}
    if len(taken) > MOST_BESIDE:
        return []
    ids = runs_with_video(home.database, shown.main.dataset, shown.main.dataset_path, shown.video)
    return [(one, run_choice(everything[one])) for one in ids if one in everything and one not in taken]


def _clips(shown: Shown) -> dict[str, Download]:
    run = shown.main
    attempt = shown.tasks[run.id].attempt
    beside = [one.id for one in shown.runs[1:]]
    return {
        kind: Download(
            clip_address(run.id, run.edition, attempt, shown.video, kind=kind, beside=beside), most_frames(kind)
        )
        for kind in KINDS
    }


def _no_curves(run: Run, task: VideoTask) -> str:
    if task.state in (TaskState.FAILED.value, TaskState.CANCELLED.value):
        return f"No scores: this video {'failed' if task.state == TaskState.FAILED.value else 'was cancelled'}."
    if task.annotated > 2:
        return "Scores appear when the video is done."
    if run.reference:
        return "No figures: the reference has too few masks of this video to hold anything against."
    return "No scores: this split is annotated on first frames only, so there is nothing to score against."


def _annotation(run: Run, found: Footage) -> Pane:
    prompted = ", given as prompt" if run.score_kind == ScoreKind.LEAKED.value else ""
    base = found.annotation_base() if found.video.annotated_stems else None
    return _masks("annotation", f"Annotation{prompted}", base, found, found.video.annotated_stems, "annotation")


def _reference(home: Home, run: Run, found: Footage) -> Pane:
    """What an agreement run is held against: the dataset's annotations would explain none of its figures."""
    name = folder_name(run.reference)
    stems = stems_of(reference_folder(home, run, found.video.name)) & frozenset(found.video.stems)
    base = reference_base(home, run, found.video.name) if stems else None
    return _masks("reference", f"Reference: {name}, not ground truth", base, found, stems, f"mask in {name}")


def _masks(key: str, title: str, base: str | None, found: Footage, stems: frozenset[str], what: str) -> Pane:
    frames = tuple(index for index, stem in enumerate(found.video.stems) if stem in stems)
    every = len(frames) == found.video.length
    return Pane(
        key=key,
        title=title,
        detail="" if every else f"{len(frames)} of {found.video.length} frames",
        base=base,
        note="" if frames else f"No {what}.",
        missing=f"No {what} of this frame.",
        frames=None if every else frames,
    )


def _overlap_note(home: Home, run: Run, found: Footage) -> None:
    """Where masks are kept one folder an object: how the panes show what one picture of labels cannot hold."""
    video = found.video
    truth = reference_folder(home, run, video.name) if run.reference else video.per_object
    prediction = home.locate(run.predictions) / video.name
    apart = {
        name: folder
        for name, folder in (("reference" if run.reference else "annotations", truth), ("prediction", prediction))
        if folder is not None and is_per_object(folder)
    }
    if not apart:
        return
    note = (
        f"Kept one folder an object: {' and '.join(apart)}. Objects may overlap there; the picture then shows the "
        "lowest object, while scores and failures count each object whole."
    )
    if any(0 in object_folders(folder) for folder in apart.values()):
        note += " Folders count from 000: that is object 1 here, 001 is object 2, and so on."
    st.caption(note)
