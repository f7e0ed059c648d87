"""A worker: one process bound to one GPU (or to CPU cores) that keeps its model warm and does video tasks."""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np

from vos_core.datasets import open_dataset
from vos_core.datasets.checks import is_evenly_annotated
from vos_core.datasets.layout import Video
from vos_core.errors import Cancelled, DeviceUnavailable, VosLabError
from vos_core.evaluation import score_folder
from vos_core.evaluation.scorer import is_scorable
from vos_core.execution.messages import (
    Assign,
    Cancel,
    Failed,
    Finished,
    Message,
    Progress,
    Ready,
    Stop,
    Stopped,
    Unfit,
    Upcoming,
    decode,
    encode,
)
from vos_core.execution.next_video import NextVideo
from vos_core.execution.scorer import Scored, ScorerProcess
from vos_core.execution.second_metric import dot_objects, gets_dot
from vos_core.execution.sidecar import (
    ObjectRecord,
    VideoRecord,
    made_with,
    put_in_place,
    read_record,
    sweep,
    temporary_folder,
    write_record,
)
from vos_core.frames import VideoClip
from vos_core.home import Home
from vos_core.inference import segment_video
from vos_core.masks import MaskError, MissingMask
from vos_core.models.base import Segmenter
from vos_core.models.checkpoints import weights_stamp
from vos_core.models.device_failures import is_device_lost
from vos_core.models.loading import load_model
from vos_core.models.sam2_options import LATER
from vos_core.models.sam2_settings import prompting_of
from vos_core.per_object import is_per_object, join, labels_of, mask_reader, read_per_object
from vos_core.provenance import device_facts, run_provenance
from vos_core.runs import RunSettings

PROGRESS_SECONDS = 0.5
UNFIT = 4  # exit code of a worker whose device cannot be used


class Worker:
    """Reads assignments, answers with progress and results; exits when its dispatcher is gone."""

    def __init__(self, home: Home, inbox: IO[bytes], outbox: IO[bytes]) -> None:
        self._home = home
        self._inbox, self._outbox = inbox, outbox
        self._assignments: queue.Queue[Assign | Stop] = queue.Queue()
        self._cancelled: set[tuple[int, int]] = set()
        self._stopping = threading.Event()
        # Before any thread loads OpenCV: it puts a folder of its own (with a module `typing`) in front of sys.path for
        # that moment, and a process that is spawned then inherits it and cannot start.
        self._scorer = ScorerProcess()
        self._next = NextVideo(home)
        self._segmenter: Segmenter | None = None
        self._loaded: tuple[str, tuple[str, int, int] | None] | None = None  # settings' `model_key`, `weights_stamp`
        self._agreed: str | None = None  # the run's folder whose weights are known to be the loaded ones
        self._provenance: dict[str, Any] = {}

    def run(self) -> None:
        """Work until told to stop."""
        threading.Thread(target=self._listen, daemon=True, name="inbox").start()
        self._say(Ready(os.getpid()))
        while not isinstance(message := self._assignments.get(), Stop):
            self._do(message)
            self._say(Ready(os.getpid()))
        self._scorer.close()
        # Not a plain return: the thread that still reads the pipe would make the interpreter's shutdown fail.
        os._exit(0)

    def _listen(self) -> None:
        for line in self._inbox:
            message = decode(line)
            if isinstance(message, Cancel):
                self._cancelled.add((message.task_id, message.attempt))
            elif isinstance(message, Upcoming):
                self._next.expect(message)
            elif isinstance(message, Assign):
                self._assignments.put(message)
            elif isinstance(message, Stop):
                self._stopping.set()
                self._assignments.put(message)
        # The pipe closed: the dispatcher is gone, and nobody may use this GPU's slot twice.
        os._exit(3)

    def _say(self, message: Message) -> None:
        self._outbox.write(encode(message))
        self._outbox.flush()

    def _do(self, task: Assign) -> None:
        stopped = Stopped(task.task_id, task.attempt)
        if self._stopping.is_set() or (task.task_id, task.attempt) in self._cancelled:
            self._say(stopped)
            return
        settings = RunSettings.from_json(task.settings)
        temporary = temporary_folder(Path(task.folder), task.video, task.attempt)
        try:
            if task.kind == "segment":
                try:
                    load_s = self._warm(task, settings)
                except DeviceUnavailable:
                    raise
                except VosLabError as error:
                    self._say(Failed(task.task_id, task.attempt, str(error), whole_run=True))
                    return
                self._segment(task, settings, temporary, load_s)
            else:
                dataset = open_dataset(self._home.locate(settings.dataset_path), settings.dataset)
                self._score(task, settings, dataset.video(task.video))
        except Cancelled:
            shutil.rmtree(temporary, ignore_errors=True)
            self._say(stopped)
        except Exception as error:
            shutil.rmtree(temporary, ignore_errors=True)
            with contextlib.suppress(OSError):  # the log may lie on the disk that is full
                traceback.print_exc()
            if isinstance(error, DeviceUnavailable) or is_device_lost(error):
                self._give_up(task, error)
            self._say(Failed(task.task_id, task.attempt, self._sentence(error, task.video)))
        else:
            self._say(Finished(task.task_id, task.attempt))

    def _give_up(self, task: Assign, error: Exception) -> NoReturn:
        """End this process: nothing more can be done on its device, whatever is asked of it."""
        sentence, by_video = str(error), False
        if not isinstance(error, DeviceUnavailable):
            sentence, by_video = f"{self._sentence(error, task.video)} That process cannot use its GPU any more.", True
        self._say(Unfit(task.task_id, task.attempt, sentence, by_video))
        self._scorer.close()
        os._exit(UNFIT)

    @staticmethod
    def _sentence(error: Exception, video: str) -> str:
        if isinstance(error, VosLabError):
            return str(error)
        if isinstance(error, OSError):
            return f"Video {video}: {error.strerror or error} ({error.filename or 'no file named'})."
        return f"Video {video}: {type(error).__name__}: {error}. The worker's log has the details."

    def _warm(self, task: Assign, settings: RunSettings) -> float:
        """Have the model of `settings` loaded; returns the seconds that it took (0 when it was warm).

        Raises VosLabError when it does not load, or is another one than that of the run's finished videos.
        """
        stamp = weights_stamp(settings, self._home)
        key, held = (settings.model_key, stamp), self._loaded
        if held is not None and (held == key or (held[0] == settings.model_key and stamp is None)):
            self._agree(Path(task.folder), settings)
            return 0.0
        began = time.perf_counter()
        self._say(Progress(task.task_id, task.attempt, "loading", 0))
        if self._segmenter is not None:
            self._segmenter.close()
            self._segmenter, self._loaded, self._agreed = None, None, None
        self._segmenter = load_model(settings, self._home)
        self._loaded = key
        self._provenance = run_provenance(settings, self._home) | self._segmenter.facts()
        self._agree(Path(task.folder), settings)
        return time.perf_counter() - began

    def _agree(self, folder: Path, settings: RunSettings) -> None:
        """See that the run's finished videos were made with the weights that are loaded: a checkpoint file may be
        replaced while its run goes on. Raises VosLabError when they were not."""
        mine: str = self._provenance.get("checkpoint_sha256", "")
        if not mine or self._agreed == str(folder):
            return
        video, theirs = made_with(folder, settings.fingerprint)
        if theirs and theirs != mine:
            raise VosLabError(
                f"The checkpoint {self._provenance.get('checkpoint')} was replaced: video {video} of this run was made "
                f"with SHA-256 {theirs[:12]}…, the file is now {mine[:12]}…. Put the former file back and retry, or "
                f"delete this run with its masks and launch it again."
            )
        if theirs:
            self._agreed = str(folder)

    def _should_stop(self, task: Assign) -> bool:
        return self._stopping.is_set() or (task.task_id, task.attempt) in self._cancelled

    def _segment(self, task: Assign, settings: RunSettings, temporary: Path, load_s: float) -> None:
        video, clip = self._next.open(task.settings, task.video)
        with contextlib.closing(clip):
            self._segment_clip(task, settings, video, clip, temporary, load_s)

    def _segment_clip(
        self, task: Assign, settings: RunSettings, video: Video, clip: VideoClip, temporary: Path, load_s: float
    ) -> None:
        assert self._segmenter is not None
        run_folder = Path(task.folder)
        run_folder.mkdir(parents=True, exist_ok=True)
        sweep(run_folder, video.name, up_to=task.attempt)
        temporary.mkdir()
        annotations = truth_of(settings, video)
        scorer = self._begin_scoring(settings, video, annotations, dot=gets_dot(settings))
        began = said = time.perf_counter()

        def on_frame(index: int, mask: Any) -> None:
            nonlocal said
            if scorer is not None:
                scorer.add(video.stems[index], as_annotated(mask, annotations))
            now = time.perf_counter()
            if now - said >= PROGRESS_SECONDS:
                said = now
                rate = (index + 1) / (now - began)
                self._say(Progress(task.task_id, task.attempt, "segmenting", index + 1, rate))

        timings = segment_video(
            self._segmenter,
            video,
            temporary,
            clip=clip,
            prompting=prompting_of(settings),
            apart=bool(settings.option("per_obj_png_file", False)),
            on_frame=on_frame,
            should_stop=lambda: self._should_stop(task),
        )
        scored = scorer.finish(lambda: self._should_stop(task)) if scorer is not None else None
        facts = device_facts(settings)
        write_record(
            temporary,
            VideoRecord(
                fingerprint=settings.fingerprint,
                video=video.name,
                attempt=task.attempt,
                frames=timings.frames,
                decode_s=timings.decode_s,
                inference_s=timings.inference_s,
                write_s=timings.write_s,
                evaluation_s=scored.seconds if scored else 0.0,
                wall_s=time.perf_counter() - began,
                load_s=load_s,
                wait_s=timings.wait_s,
                peak_gpu_bytes=facts.peak_gpu_bytes,
                peak_host_bytes=facts.peak_host_bytes,
                device_name=facts.name,
                gpu=facts.gpu,
                provenance=self._provenance,
                objects=object_records(video, scored),
                failures=tuple(episode.as_values() for episode in scored.failures) if scored else (),
                dot=dot_objects(scored.dot) if scored else (),
            ),
        )
        if self._should_stop(task):
            raise Cancelled(f"Video {video.name} was stopped.")
        self._agree(run_folder, settings)  # once more: the run's first video may be another worker's, finished just now
        put_in_place(temporary, run_folder / video.name)

    def _score(self, task: Assign, settings: RunSettings, video: Video) -> None:
        """Score masks that are already there, and leave a record of it in the run's folder."""
        began = time.perf_counter()
        masks, records = Path(task.predictions) / video.name, Path(task.folder) / video.name
        if task.reference:
            video = video.held_against(Path(task.reference) / video.name)
        annotations = truth_of(settings, video)
        earlier = read_record(records, settings.fingerprint, video.length)
        dot = task.kind == "score_dot" or gets_dot(settings) or bool(earlier and earlier.dot)
        scorer = self._begin_scoring(settings, video, annotations, dot=dot and not task.reference)
        scored = None
        if scorer is not None:
            read = prediction_reader(masks, annotations)
            # What is wrong with masks is told at the end, all at once (see `tell_all_problems`).
            told_later = MissingMask if settings.option(LATER, False) else MaskError
            for index, stem in enumerate(video.stems):
                if self._should_stop(task):
                    raise Cancelled(f"Video {video.name} was stopped.")
                with contextlib.suppress(told_later):
                    scorer.add(stem, read(stem))
                if index % 50 == 49:
                    self._say(Progress(task.task_id, task.attempt, "scoring", index + 1))
            try:
                scored = scorer.finish(lambda: self._should_stop(task))
            except Cancelled:
                raise
            except VosLabError:
                tell_all_problems(settings, video, masks)
                raise
        records.mkdir(parents=True, exist_ok=True)
        record = earlier or VideoRecord(settings.fingerprint, video.name, task.attempt, video.length)
        write_record(
            records,
            replace(
                record,
                attempt=task.attempt,
                evaluation_s=scored.seconds if scored else 0.0,
                wall_s=record.wall_s or time.perf_counter() - began,
                objects=object_records(video, scored),
                failures=tuple(episode.as_values() for episode in scored.failures) if scored else (),
                dot=dot_objects(scored.dot) if scored else (),
            ),
        )

    def _begin_scoring(
        self, settings: RunSettings, video: Video, annotations: Mapping[str, Path] | Path, *, dot: bool
    ) -> ScorerProcess | None:
        if not isinstance(annotations, Path) and not is_scorable(annotations):
            return None
        if not self._scorer.alive:
            self._scorer.close()
            self._scorer = ScorerProcess()
        self._scorer.begin(video.name, video.stems, annotations, bool(settings.option(LATER, False)), dot)
        return self._scorer


def truth_of(settings: RunSettings, video: Video) -> Mapping[str, Path] | Path:
    """What a run's masks of a video are scored against; empty where there is nothing but prompts."""
    only_prompts = bool(settings.option(LATER, False)) and not is_evenly_annotated(video)
    return video.ground_truth if video.is_scorable and not only_prompts else {}


def as_annotated(
    mask: np.ndarray | Mapping[int, np.ndarray], annotations: Mapping[str, Path] | Path
) -> np.ndarray | Mapping[int, np.ndarray]:
    """A frame's masks as they are scored: objects that are kept apart are joined where annotations are label maps."""
    if isinstance(mask, np.ndarray) or isinstance(annotations, Path):
        return mask
    return join(mask, labels_of(mask))


def prediction_reader(
    masks: Path, annotations: Mapping[str, Path] | Path
) -> Callable[[str], np.ndarray | Mapping[int, np.ndarray]]:
    """What reads a frame's predictions: masks by object where both sides keep them apart, else a label map."""
    if isinstance(annotations, Path) and is_per_object(masks):
        return lambda stem: read_per_object(masks, stem)
    return mask_reader(masks)


def tell_all_problems(settings: RunSettings, video: Video, masks: Path) -> None:
    """Look through masks whose scoring failed, which tells no more than the first problem.

    Raises PredictionError with one line a problem. Silent where objects may appear later, which it cannot judge.
    """
    if not settings.option(LATER, False):
        score_folder(video.name, truth_of(settings, video), masks)


def object_records(video: Video, scored: Scored | None) -> tuple[ObjectRecord, ...]:
    """A video's scores as the sidecar keeps them."""
    if scored is None:
        return ()
    index = {stem: number for number, stem in enumerate(video.stems)}
    records = []
    for item in scored.scores.objects:
        j, f = item.j_statistics, item.f_statistics
        records.append(
            ObjectRecord(
                object_id=item.object_id,
                frames=tuple(index[stem] for stem in item.frames),
                j=tuple(float(value) for value in item.j),
                f=tuple(float(value) for value in item.f),
                j_statistics=(j.mean, j.recall, j.decay),
                f_statistics=(f.mean, f.recall, f.decay),
            )
        )
    return tuple(records)


def main() -> None:
    """Entry of `python -m vos_core.execution.worker`: messages on standard input and output, everything else to the
    log on standard error."""
    # A Ctrl-C at the terminal is for the page or the command, never for the work in the background.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    outbox = os.fdopen(os.dup(1), "wb")
    # Libraries print where they like: nothing but messages may reach the dispatcher.
    os.dup2(2, 1)
    Worker(Home.from_environment(), sys.stdin.buffer, outbox).run()


if __name__ == "__main__":
    main()
