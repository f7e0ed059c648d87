"""Data: datasets and checkpoints to fetch, the datasets that are here, folders of one's own."""

from ui.data.fetching import fetch_board
from ui.data.own import own_datasets
from ui.navigation import switch
from ui.parts.live import live
from ui.store import home
from ui.theme import head

VIEWS = {"fetch": "What can be fetched", "here": "Datasets that are here"}

here = home()
head("Data", "datasets and checkpoints: fetched, checked, or your own folders as they are")
if switch("view", "What to look at", VIEWS) == "here":
    own_datasets(here)
else:
    live(lambda: fetch_board(here), key="fetch-board")
