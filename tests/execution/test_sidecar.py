"""A finished video's record and the temporary folder that it is renamed from."""

from __future__ import annotations

from pathlib import Path

import pytest

from vos_core.execution.sidecar import (
    SIDECAR,
    ObjectRecord,
    VideoRecord,
    put_in_place,
    read_record,
    sweep,
    temporary_folder,
    write_record,
)

RECORD = VideoRecord(
    fingerprint="f00",
    video="a",
    attempt=2,
    frames=3,
    inference_s=1.5,
    objects=(ObjectRecord(1, (1,), (1 / 3,), (2 / 3,), (1 / 3, 0.0, 0.1), (2 / 3, 1.0, -0.1)),),
)


def test_round_trip_to_the_bit(tmp_path: Path) -> None:
    write_record(tmp_path, RECORD)
    assert read_record(tmp_path, "f00", 3) == RECORD


@pytest.mark.parametrize(("fingerprint", "frames"), [("other", 3), ("f00", 4)])
def test_a_record_of_other_settings_is_not_ours(tmp_path: Path, fingerprint: str, frames: int) -> None:
    write_record(tmp_path, RECORD)
    assert read_record(tmp_path, fingerprint, frames) is None


@pytest.mark.parametrize("content", ["", "{}", '{"objects": []}', "[]", "not json"])
def test_a_damaged_record_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / SIDECAR).write_text(content)
    assert read_record(tmp_path, "f00", 3) is None


def test_put_in_place_replaces_whole(tmp_path: Path) -> None:
    final = tmp_path / "a"
    final.mkdir()
    (final / "old.png").touch()
    temporary = temporary_folder(tmp_path, "a", 2)
    temporary.mkdir()
    (temporary / "new.png").touch()
    put_in_place(temporary, final)
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "new.png"]


def test_sweep_takes_only_this_videos_leftovers(tmp_path: Path) -> None:
    """And nothing of a newer attempt, which another worker may be writing."""
    for name in (".tmp-1-a", ".tmp-2-a-old", ".tmp-2-a", ".tmp-3-a", ".tmp-10-a", ".tmp-1-a-b", ".tmp-1-b", "a"):
        (tmp_path / name).mkdir()
    sweep(tmp_path, "a", up_to=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".tmp-1-a-b", ".tmp-1-b", ".tmp-10-a", ".tmp-3-a", "a"]
