"""Following runs on a terminal until they end: one progress bar over all their frames."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from tqdm import tqdm

from db import queries
from db.models import Run
from db.states import RunState
from vos_core.cli.tables import no_official_score
from vos_core.execution.submit import ensure_dispatcher
from vos_core.home import Home

POLL_SECONDS = 0.3


def follow(home: Home, run_ids: Sequence[int], quiet: bool = False) -> list[Run]:
    """Wait until all runs have ended (a paused one counts as ended); returns them in the order of `run_ids`.

    Ctrl-C stops following, not the runs.
    """
    runs = _runs(home, run_ids)
    shown: set[int] = {run.id for run in runs if _over(run)}
    with tqdm(
        total=sum(run.frames for run in runs),
        unit="frame",
        disable=quiet,
        file=sys.stderr,
        mininterval=0.2,
        # A bar that is not on a terminal would fill a log.
        maxinterval=30 if not sys.stderr.isatty() else 1,
        dynamic_ncols=True,
    ) as bar:
        while True:
            bar.update(sum(run.frames_done for run in runs) - bar.n)
            working = next((run for run in runs if run.state == RunState.RUNNING.value), None)
            if working is not None:
                bar.set_description(working.name, refresh=False)
            for run in runs:
                if _over(run) and run.id not in shown:
                    shown.add(run.id)
                    if not quiet:
                        bar.write(_line(run), file=sys.stderr)
            if all(_over(run) for run in runs):
                return runs
            ensure_dispatcher(home)
            time.sleep(POLL_SECONDS)
            runs = _runs(home, run_ids)


def _runs(home: Home, run_ids: Sequence[int]) -> list[Run]:
    by_id = {run.id: run for run in queries.runs(home.database, run_ids)}
    return [by_id[run_id] for run_id in run_ids if run_id in by_id]


def _over(run: Run) -> bool:
    return RunState(run.state).ended or run.state == RunState.PAUSED.value


def _line(run: Run) -> str:
    score = f"J&F {run.jf_mean:.3f}" if run.jf_mean is not None else run.error or "no scores"
    if run.other_scores:
        score = f"{no_official_score(run)}: {run.other_scores['jf_mean']:.3f}"
    return f"{run.state:>9}  {run.name}  {score}  {run.active_s:.1f} s"
