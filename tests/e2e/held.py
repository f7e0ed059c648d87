"""What the server says, held back on its way to the browser."""

from __future__ import annotations

from playwright.sync_api import WebSocketRoute


class Held:
    """Stands between browser and server; while `held`, what the server says waits."""

    def __init__(self, browser: WebSocketRoute) -> None:
        self._browser = browser
        self._waiting: list[str | bytes] = []
        self.held = False
        self.asked = 0
        server = browser.connect_to_server()

        def ask(message: str | bytes) -> None:
            self.asked += 1
            server.send(message)

        browser.on_message(ask)
        server.on_message(self._answered)

    def _answered(self, message: str | bytes) -> None:
        self._waiting.append(message)
        if not self.held:
            self.release()

    def take(self) -> list[str | bytes]:
        """What waits, for the test to say (`say`)."""
        waiting, self._waiting = self._waiting, []
        return waiting

    def say(self, message: str | bytes) -> None:
        """Let the browser hear this."""
        self._browser.send(message)

    def release(self) -> None:
        """Let the browser hear what waits, and all that comes."""
        self.held = False
        for message in self.take():
            self.say(message)
