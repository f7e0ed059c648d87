"""Queue: what runs now and what waits, on which devices; pause, cancel, retry, another order."""

from ui.parts.live import live
from ui.queue.view import exports, queue_view
from ui.store import home
from ui.theme import head

here = home()
head("Queue", "what runs now and what waits, and on which devices")
live(lambda: queue_view(here), key="queue")
exports(here)
