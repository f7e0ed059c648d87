"""What dispatcher and worker say survives the pipe."""

from __future__ import annotations

import pytest

from vos_core.errors import VosLabError
from vos_core.execution.messages import Assign, Failed, Message, Progress, Ready, Stop, Upcoming, decode, encode


@pytest.mark.parametrize(
    "message",
    [
        Assign(1, 2, "segment", "a video", "{}", "/out", "/masks", None),
        Upcoming("a video", "{}"),
        Progress(1, 2, "segmenting", 7, 3.5),
        Failed(1, 2, 'a "sentence"\nof two lines – ü', whole_run=True),
        Ready(5, {"a": [1]}),
        Stop(),
    ],
)
def test_round_trip_in_one_line(message: Message) -> None:
    line = encode(message)
    assert line.count(b"\n") == 1
    assert decode(line) == message


@pytest.mark.parametrize("line", [b"", b"hello\n", b'{"type": "Nope"}\n', b'{"type": "Stop", "more": 1}\n'])
def test_what_is_no_message(line: bytes) -> None:
    with pytest.raises(VosLabError):
        decode(line)
