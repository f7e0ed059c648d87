"""Compare: 2 to 8 runs, which is better, how sure that is, and where they differ."""

from db.leaderboard import board_runs
from ui.compare.choice import chosen_runs, comparable
from ui.compare.comparison import comparison
from ui.parts.live import await_runs
from ui.store import home
from ui.theme import empty, head

here = home()
head("Compare", "two to eight runs: which is better, how sure that is, and where they differ")
runs = board_runs(here.database, archived=True)
if len(comparable(runs)) < 2:
    empty("Nothing to compare yet", "Two runs with scores are needed: on the same dataset, to be of use.")
    await_runs(here.database)
compared = chosen_runs(here, runs)
if len(compared) > 1:
    comparison(here, compared)
