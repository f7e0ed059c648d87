"""Files on Google Drive: a server that answers as Drive does, with its confirmation page and its refusals."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from tests.downloads.faulty_server import Fault, FaultyServer
from vos_core.downloads import DownloadError, Drive, File, Item, Kind, Policy, fetch
from vos_core.downloads.transfer import Fetched, download
from vos_core.home import Home

DATA = random.Random(8).randbytes(900_000)
SHA256 = hashlib.sha256(DATA).hexdigest()
ID = "1yFoacQ0i3J5q6LmnTVVNTTgGocuPB_hR"
ASKED = f"/uc?export=download&id={ID}"
HTML = {"Content-Type": "text/html; charset=utf-8"}
QUOTA = (
    "Sorry, you can&#39;t view or download this file at this time. Too many users have viewed or downloaded this file "
    "recently. Please try accessing the file again later."
)


@pytest.fixture(autouse=True)
def drive(server: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> FaultyServer:
    """Drive, as far as these tests go."""
    monkeypatch.setattr("vos_core.downloads.locate.DRIVE_URL", server.url + "/uc?export=download&id=")
    return server


def warning(action: str, ticket: str) -> bytes:
    """The page that asks whether one wants a file which is too large to be scanned for viruses."""
    fields = {"id": ID, "export": "download", "confirm": "t", "uuid": ticket}
    inputs = "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in fields.items())
    form = f'<form id="download-form" action="{action}" method="get">{inputs}<input type="submit"></form>'
    return f"<!DOCTYPE html><html><head><title>Virus scan warning</title></head><body>{form}</body></html>".encode()


def ticketed(ticket: str) -> str:
    return f"/download?id={ID}&export=download&confirm=t&uuid={ticket}"


def refusal(sentence: str) -> bytes:
    return f'<html>\n<body>\n<p class="uc-error-subcaption">{sentence}</p>\n</body></html>'.encode()


def test_the_confirmation_is_given_and_a_drop_takes_a_new_one(
    drive: FaultyServer, tmp_path: Path, hasty: Policy
) -> None:
    action = drive.url + "/download"
    first = Fault(body=warning(action, "one"))
    drive.put(ASKED, warning(action, "two"), first, headers=HTML)
    drive.put(ticketed("one"), DATA, Fault(after=400_000), Fault(status=410))
    drive.put(ticketed("two"), DATA)
    part = tmp_path / "v.part"
    assert download([Drive(ID)], part, policy=hasty) == Fetched(f"drive:{ID}", SHA256, compared=False)
    assert part.read_bytes() == DATA
    assert drive.ranges(ticketed("one")) == [None] and drive.ranges(ticketed("two")) == ["bytes=400000-"]


def test_a_killed_one_is_continued_under_another_address(drive: FaultyServer, tmp_path: Path, hasty: Policy) -> None:
    part = tmp_path / "v.part"
    drive.put(ASKED, warning(drive.url + "/download", "one"), headers=HTML)
    drive.put(ticketed("one"), DATA, Fault(after=300_000), Fault(status=404), for_good=True)
    with pytest.raises(DownloadError):
        download([Drive(ID)], part, policy=hasty)
    drive.put(ASKED, warning(drive.url + "/download", "two"), headers=HTML)
    drive.put(ticketed("two"), DATA)
    download([Drive(ID)], part, policy=hasty)
    assert part.read_bytes() == DATA
    assert drive.ranges(ticketed("two")) == ["bytes=300000-"]


def test_a_small_file_comes_at_once(drive: FaultyServer, tmp_path: Path, hasty: Policy) -> None:
    drive.put(ASKED, b'{"videos": {}}', headers={"Content-Disposition": 'attachment; filename="meta_valid.json"'})
    assert download([Drive(ID)], tmp_path / "m.part", policy=hasty).source == f"drive:{ID}"
    assert (tmp_path / "m.part").read_bytes() == b'{"videos": {}}'


QUOTA_TOLD = r"Google Drive does not hand it out today: too many people have fetched it \(its quota is used up\)"


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (refusal(QUOTA), QUOTA_TOLD),
        (refusal("Only the owner and editors can download this file."), r"does not hand it out \(Only the owner"),
        (b"<html><title>Sign in</title></html>", "hands out no link: it is no longer shared with everybody, or"),
        (b"<html>" + b"x" * 2_000_000, "answered with a page that is none of its own"),
    ],
    ids=["quota", "not allowed", "log-in", "a flood"],
)
def test_a_refusal_is_told_in_one_sentence(
    drive: FaultyServer, tmp_path: Path, hasty: Policy, page: bytes, said: str
) -> None:
    drive.put(ASKED, page, headers=HTML)
    with pytest.raises(DownloadError, match=said):
        download([Drive(ID)], tmp_path / "v.part", policy=hasty)
    assert not (tmp_path / "v.part").exists()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(status=404), "Google Drive has no such file, or no longer shares it"),
        (Fault(status=400), "Google Drive answered 400"),
        (Fault(status=503), "Google Drive gave up after 3 attempts: answered 503"),
    ],
)
def test_an_answer_that_is_no_page(drive: FaultyServer, tmp_path: Path, hasty: Policy, fault: Fault, said: str) -> None:
    drive.put(ASKED, b"", fault, for_good=True)
    with pytest.raises(DownloadError, match=said):
        download([Drive(ID)], tmp_path / "v.part", policy=hasty)


def test_a_quota_page_in_place_of_the_bytes_is_told(drive: FaultyServer, tmp_path: Path, hasty: Policy) -> None:
    drive.put(ASKED, warning(drive.url + "/download", "one"), headers=HTML)
    drive.put(ticketed("one"), refusal(QUOTA), headers=HTML)
    with pytest.raises(DownloadError, match="answered with a web page instead of the file"):
        download([Drive(ID)], tmp_path / "v.part", policy=hasty)
    assert not (tmp_path / "v.part").exists()


def test_the_way_by_hand_is_shown_and_works(drive: FaultyServer, home: Home, hasty: Policy) -> None:
    drive.put(ASKED, refusal(QUOTA), headers=HTML)
    file = File("w.pt", (Drive(ID),), size=len(DATA), sha256=SHA256)
    item = Item("w", Kind.CHECKPOINT, "weights", "MIT", "https://example.org/w", (file,))
    with pytest.raises(DownloadError, match=QUOTA_TOLD) as caught:
        fetch(item, home, policy=hasty)
    path = home.checkpoints / "w.pt"
    link = f"https://example.org/w or https://drive.google.com/file/d/{ID}/view"
    assert f"By hand: get w.pt from {link}, put it at {path}, and run the same command again." in str(caught.value)
    path.write_bytes(DATA)
    assert fetch(item, home, policy=hasty) == path
