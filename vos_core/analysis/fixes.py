"""Which failures of one run another run does not have: fixed by it, and, the other way round, broken by it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from vos_core.analysis.failures import DEFAULT_THRESHOLDS


class HeldEpisode(Protocol):
    """A failure episode of one run, and how both runs do over its frames.

    `here` and `there` are the mean J&F (fractions) of the failing run and of the other one over the evaluated frames
    of the episode, None where a run has no scores there; `fails_there`: the other run has an episode of the same
    object, of whatever kind, that shares a frame with it.
    """

    @property
    def here(self) -> float | None: ...
    @property
    def there(self) -> float | None: ...
    @property
    def fails_there(self) -> bool: ...


@dataclass(frozen=True)
class FixRule:
    """When a failure counts as fixed by the other run. Scores are J&F as fractions."""

    fine: float = DEFAULT_THRESHOLDS.fine
    """The other run's mean over the episode's frames is at least this: whoever looks sees a good mask (0.8)."""

    gain: float = 0.1
    """And at least so much above this run's mean: where a contour was poor and the mask good, little is won."""

    def is_fixed(self, episode: HeldEpisode) -> bool:
        """Whether the other run does not have this failure: it has no failure of the object in these frames, its J&F
        there is fine, and clearly better. Not where it has no scores."""
        if episode.here is None or episode.there is None or episode.fails_there:
            return False
        # Scores are sums of fractions: a gain that is the threshold but for rounding counts.
        return episode.there >= self.fine and episode.there - episode.here >= self.gain - 1e-9


DEFAULT_RULE = FixRule()
RULE_LINE = (
    f"Fixed means: over the failure's frames the other run has no failure of that object, a mean J&F of at least "
    f"{DEFAULT_RULE.fine:g}, and at least {DEFAULT_RULE.gain:g} more. Broken is the same with the runs exchanged."
)

_Episode = TypeVar("_Episode", bound=HeldEpisode)


def fixed(episodes: Iterable[_Episode], rule: FixRule = DEFAULT_RULE) -> Sequence[_Episode]:
    """The episodes of one run that the other one does not have, in the order given."""
    return [episode for episode in episodes if rule.is_fixed(episode)]
