"""Thumbnails and clips that the server draws: what is in them, what is refused, and nothing outside a run's folders."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from db import queries
from db.models import VideoTask
from db.session import writing
from tests.ui.seed import HEIGHT, STRANGE, WIDTH, finish, launch, write_dataset
from tests.ui.seed_apart import apart_home
from ui.media import clips
from ui.media.pictures import clip_address, thumbnail_address
from ui.media.routes import routes
from vos_core.home import Home
from vos_core.masks import write_mask
from vos_core.overlays import GAP, TITLE_HEIGHT
from vos_core.runs import Grid


@pytest.fixture(scope="session")
def seeded_two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """A home with two finished runs over one dataset, to be copied."""
    home = Home.from_environment({}, cwd=tmp_path_factory.mktemp("two") / "home")
    write_dataset(home.data / "demo", {"one": 6, STRANGE: 4})
    ids = launch(home, Grid((("demo", home.store(home.data / "demo"), "val"),), ("static", "flow")))
    for run_id, drift in zip(ids, (24, 4), strict=True):
        finish(home, run_id, drift=drift)
    Image.new("RGB", (4, 4)).save(home.root / "secret.png")
    return home.root, ids


@pytest.fixture
def ids(home: Home, seeded_two: tuple[Path, list[int]], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    root, ids = seeded_two
    shutil.copytree(root, home.root)
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    return ids


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes())) as client:
        yield client


def thumbnail_of(home: Home, run_id: int, video: str, frame: int, object_id: int | None = None) -> str:
    run = queries.run_by_id(home.database, run_id)
    assert run is not None
    return thumbnail_address(run_id, run.edition, 1, video, frame, object_id)


def clip_of(home: Home, run_id: int, video: str, **asked: object) -> str:
    run = queries.run_by_id(home.database, run_id)
    assert run is not None
    return clip_address(run_id, run.edition, 1, video, **asked)  # type: ignore[arg-type]


def picture(client: TestClient, address: str) -> np.ndarray:
    response = client.get(f"/{address}")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "image/jpeg"
    assert "immutable" in response.headers["cache-control"]
    with Image.open(BytesIO(response.content)) as image:
        return np.array(image).astype(int)


@pytest.mark.parametrize("video", ["one", STRANGE])
def test_thumbnail_has_the_prediction_filled_and_the_annotation_outlined(
    home: Home, ids: list[int], client: TestClient, video: str
) -> None:
    shown = picture(client, thumbnail_of(home, ids[1], video, 2))
    assert shown.shape == (135, 240, 3)
    white = (shown.min(2) > 200).sum()
    assert 100 < white < 2000, "a line around two discs"
    run = queries.run_by_id(home.database, ids[1])
    assert run is not None
    folder = home.locate(run.predictions) / video
    bare = np.zeros((HEIGHT, WIDTH), np.uint8)
    write_mask(folder / "00003.png", bare)
    empty = picture(client, thumbnail_of(home, ids[1], video, 3))
    disc = empty[int(50 * 1.5) - 8 : int(50 * 1.5), :]  # a row through disc 1, which the data set draws in orange
    assert (abs(disc - np.array([210, 90, 40])).sum(2) < 60).any(), "nothing predicted: the picture's own colour"


def test_thumbnail_of_an_object_is_cut_out_around_it(home: Home, ids: list[int], client: TestClient) -> None:
    whole = picture(client, thumbnail_of(home, ids[1], "one", 1))
    cut = picture(client, thumbnail_of(home, ids[1], "one", 1, object_id=1))
    assert whole.shape == cut.shape

    def white(image: np.ndarray) -> int:
        return int((image.min(2) > 200).sum())

    assert white(cut) > 0.7 * white(whole), "one object's line, drawn larger"
    assert abs(cut - whole).mean() > 20


def test_a_pair_of_thumbnails_shows_the_same_part(home: Home, ids: list[int], client: TestClient) -> None:
    runs = queries.runs(home.database, sorted(ids[:2]))
    attempts = [(run.id, run.edition, 1) for run in runs]
    for run, x in zip(runs, (10, 120), strict=True):  # far from each other: each alone would be cut out elsewhere
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[40:50, x : x + 12] = 1
        write_mask(home.locate(run.predictions) / "one" / "00002.png", mask)

    def grounds(*, paired: bool) -> list[np.ndarray]:
        besides = reversed(attempts) if paired else (None, None)
        one = [thumbnail_address(*a, "one", 2, 1, beside=b) for a, b in zip(attempts, besides, strict=True)]
        return [picture(client, address)[:10] for address in one]  # above all masks: the ground alone

    apart, together = grounds(paired=False), grounds(paired=True)
    assert abs(apart[0] - apart[1]).mean() > 5
    assert abs(together[0] - together[1]).mean() < 1
    for wrong in (f"{ids[1]},gone", "999,x", "x"):
        address = thumbnail_address(*attempts[0], "one", 2, 1)
        assert client.get(f"/{address}&beside={wrong}").status_code == 404


def test_thumbnail_without_annotation_shows_the_prediction(home: Home, client: TestClient, ids: list[int]) -> None:
    write_dataset(home.data / "mose", {"first": 5}, first_only=True)
    (run_id,) = launch(home, Grid((("mose", home.store(home.data / "mose"), "val"),), ("flow",)))
    finish(home, run_id, drift=2)
    assert (picture(client, thumbnail_of(home, run_id, "first", 3)).min(2) < 200).all(), "no white line"


def test_thumbnail_of_objects_kept_apart(home: Home, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = apart_home(home)
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    assert picture(client, thumbnail_of(home, run_id, "sav_1", 8, object_id=2)).size


@pytest.mark.parametrize(
    "place",
    [
        "{run}/{token}/one/9.jpg",
        "{run}/{token}/one/-1.jpg",
        "{run}/{token}/one/00002.png",
        "{run}/{token}/one/2.png",
        "{run}/{token}/one/x.jpg",
        "{run}/{token}/one/99999999999999999999.jpg",
        "{run}/{token}/one/2.jpg?object=x",
        "{run}/{token}/one/2.jpg?object=99999999999999999999",
        "{run}/{token}/../2.jpg",
        "{run}/{token}/%2e%2e/2.jpg",
        "{run}/{token}/..%2fone/2.jpg",
        "{run}/{token}/none/2.jpg",
        "{run}/{token}/%00/2.jpg",
        "{run}/other-1/one/2.jpg",
        "{run}/{token}0/one/2.jpg",
        "999/{token}/one/2.jpg",
        "99999999999999999999/{token}/one/2.jpg",
        "x/{token}/one/2.jpg",
        "{run}/{token}/one",
        "",
    ],
)
def test_what_is_no_thumbnail_gets_a_short_404(home: Home, ids: list[int], client: TestClient, place: str) -> None:
    token = thumbnail_of(home, ids[0], "one", 0).split("/")[2]
    assert client.get(f"/thumbnails/{ids[0]}/{token}/one/2.jpg").status_code == 200
    response = client.get(f"/thumbnails/{place.format(run=ids[0], token=token)}")
    assert response.status_code == 404
    assert len(response.text) < 200 and str(home.root) not in response.text
    assert "no-store" in response.headers["cache-control"]


@pytest.mark.parametrize("where", ["outputs/demo_pred_pngs/demo_static/one/00002.png",
                                   "data/demo/JPEGImages/480p/one/00002.jpg"])  # fmt: skip
def test_links_that_lead_outside_are_not_drawn(home: Home, ids: list[int], client: TestClient, where: str) -> None:
    path = home.root / where
    path.rename(home.root / "outside.bin")
    path.symlink_to(home.root / "outside.bin")
    assert client.get(f"/{thumbnail_of(home, ids[0], 'one', 2)}").status_code == 404


def test_superseded_attempt_has_no_new_thumbnails(home: Home, ids: list[int], client: TestClient) -> None:
    task = queries.task(home.database, ids[0], "one")
    assert task is not None
    with writing(home.database) as session:
        session.get_one(VideoTask, task.id).attempt = 2
    response = client.get(f"/{thumbnail_of(home, ids[0], 'one', 2)}")
    assert response.status_code == 404 and "superseded" in response.text


def temporary_clips() -> set[str]:
    return {path.name for path in Path(tempfile.gettempdir()).glob("voslab-clip-*")}


def test_clip_is_downloaded_and_its_file_removed(home: Home, ids: list[int], client: TestClient) -> None:
    import av

    before = temporary_clips()
    response = client.get(f"/{clip_of(home, ids[0], STRANGE, beside=[ids[1]], start=1, end=3, view='error')}")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "video/mp4"
    assert response.headers["content-disposition"].startswith("attachment")
    assert "demo_static" in response.headers["content-disposition"]
    with av.open(BytesIO(response.content)) as file:
        stream = file.streams.video[0]
        assert len(list(file.decode(video=0))) == 3
        legend = TITLE_HEIGHT
        assert (stream.width, stream.height) == (2 * WIDTH + GAP, 2 * (HEIGHT + TITLE_HEIGHT) + GAP + legend)
    assert temporary_clips() <= before


def test_gif_is_served_too(home: Home, ids: list[int], client: TestClient) -> None:
    response = client.get(f"/{clip_of(home, ids[0], 'one', kind='gif', fps=10)}")
    assert response.headers["content-type"] == "image/gif"
    with Image.open(BytesIO(response.content)) as image:
        assert getattr(image, "n_frames", 1) == 6


@pytest.mark.parametrize(
    ("tail", "said"),
    [
        ("one.mp4?start=4&end=2", "it is no part of it|4 to 2 is no part"),
        ("one.mp4?end=6", "frames 0 to 5"),
        ("one.mp4?start=x", "start=x is no whole number"),
        ("one.mp4?fps=0", "1 to 60 frames a second"),
        ("one.mp4?fps=nan", "1 to 60 frames a second"),
        ("one.mp4?fps=x", "fps=x is no number"),
        ("one.mp4?view=x", "overlay or error"),
        ("one.mp4?with=999", "Run 999 is not there"),
        ("one.mp4?with=a", "with=a is no whole number"),
        ("one.mp4?with=1,2,3,4,5,6,7,8,9", "At most 7 runs"),
        ("one.avi", "MP4 or GIF"),
        ("none.mp4", "no such run or video"),
        ("..mp4", "no such run or video"),
        ("x%2fone.mp4", "no such clip"),
    ],
)
def test_clips_that_cannot_be_made_are_refused_in_a_sentence(
    home: Home, ids: list[int], client: TestClient, tail: str, said: str
) -> None:
    base = clip_of(home, ids[0], "one").removesuffix("one.mp4")
    response = client.get(f"/{base}{tail}")
    assert response.status_code == 404
    assert any(part in response.text for part in said.split("|")), response.text
    assert str(home.root) not in response.text


def test_clips_longer_than_the_server_makes_are_refused(
    home: Home, ids: list[int], client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips, "MOST_FRAMES", 5)
    response = client.get(f"/{clip_of(home, ids[0], 'one')}")
    assert response.status_code == 404 and "at most 5" in response.text
    assert client.get(f"/{clip_of(home, ids[0], 'one', end=4)}").status_code == 200


def test_one_clip_at_a_time(home: Home, ids: list[int], client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "PATIENCE_S", 0.05)
    with clips._making:
        response = client.get(f"/{clip_of(home, ids[0], 'one')}")
    assert response.status_code == 503 and "try again" in response.text
    assert client.get(f"/{clip_of(home, ids[0], 'one')}").status_code == 200


def test_runs_of_other_datasets_do_not_stand_beside(home: Home, ids: list[int], client: TestClient) -> None:
    write_dataset(home.data / "other", {"one": 6})
    (run_id,) = launch(home, Grid((("other", home.store(home.data / "other"), "val"),), ("flow",)))
    response = client.get(f"/{clip_of(home, ids[0], 'one', beside=[run_id])}")
    assert response.status_code == 404 and "another dataset" in response.text
