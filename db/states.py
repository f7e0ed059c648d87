"""Life-cycle states, named once."""

from enum import StrEnum


class RunState(StrEnum):
    """State of a run, decided by the dispatcher from its video tasks."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"  # ended, and at least one video failed
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen unless somebody asks for it."""
        return self in (RunState.DONE, RunState.FAILED, RunState.CANCELLED)


class ScoreKind(StrEnum):
    """What a run's scores are; only official ones may be called J&F."""

    OFFICIAL = "official"  # against the dataset's annotations, prompted by the first frame alone
    AGREEMENT = "agreement"  # against somebody's predictions
    LEAKED = "leaked"  # prompted with the annotations that it is scored against (--use_all_masks)


class TaskState(StrEnum):
    """State of a video task."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class TaskKind(StrEnum):
    """What a video task still has to do."""

    SEGMENT = "segment"  # masks, and scores where there are annotations
    SCORE = "score"  # masks are there: scores only, on a CPU
    SCORE_DOT = "score_dot"  # the same, and MOSEv2's J&F-dot


class IntentKind(StrEnum):
    """What a page or a command asks of the dispatcher."""

    LAUNCH = "launch"
    CANCEL = "cancel"
    RETRY = "retry"
    RESUME = "resume"
    PAUSE = "pause"
    REORDER = "reorder"
    DELETE = "delete"
    SCORE = "score"


class IntentState(StrEnum):
    """Whether the dispatcher has acted on an intent."""

    PENDING = "pending"
    APPLIED = "applied"
    REFUSED = "refused"
