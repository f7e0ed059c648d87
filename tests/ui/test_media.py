"""The picture routes: exact bytes, lasting answers, and nothing outside a dataset's and a run's folders."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from db import queries
from db.models import VideoTask
from db.session import writing
from tests.ui.seed import STRANGE, finish, launch, write_dataset
from ui.footage import dataset_key, footage, prediction_base
from ui.media import routes
from ui.run_server import submission_file
from vos_core.home import Home
from vos_core.runs import Grid


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A home with one finished run, to be copied."""
    home = Home.from_environment({}, cwd=tmp_path_factory.mktemp("seeded") / "home")
    write_dataset(home.data / "demo", {"one": 5, STRANGE: 4})
    (run_id,) = launch(home, Grid((("demo", home.store(home.data / "demo"), "val"),), ("static",)))
    finish(home, run_id, drift=4)
    (home.root / "secret.png").write_bytes(b"secret")
    return home.root, run_id


@pytest.fixture
def run_id(home: Home, seeded: tuple[Path, int], monkeypatch: pytest.MonkeyPatch) -> int:
    """A finished run in the home that the routes serve."""
    root, run_id = seeded
    shutil.copytree(root, home.root)
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    return run_id


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes())) as client:
        yield client


def bases(home: Home, run_id: int, video: str) -> dict[str, str]:
    run, task = queries.run_by_id(home.database, run_id), queries.task(home.database, run_id, video)
    assert run is not None and task is not None
    found = footage(home, run.dataset, run.dataset_path, video)
    return {
        "pictures": found.picture_base(),
        "annotations": found.annotation_base(),
        "predictions": prediction_base(run.id, run.fingerprint, task.attempt, video),
    }


@pytest.mark.parametrize("video", ["one", STRANGE])
@pytest.mark.parametrize(
    ("kind", "file", "media_type", "folder"),
    [
        ("pictures", "00002.jpg", "image/jpeg", "data/demo/JPEGImages/480p"),
        ("annotations", "00002.png", "image/png", "data/demo/Annotations/480p"),
        ("predictions", "00002.png", "image/png", "outputs/demo_pred_pngs/demo_static"),
    ],
)
def test_answers_with_the_stored_file_for_ever(
    home: Home, run_id: int, client: TestClient, video: str, kind: str, file: str, media_type: str, folder: str
) -> None:
    response = client.get(f"/{bases(home, run_id, video)[kind]}{file}")
    assert response.status_code == 200
    assert response.content == (home.root / folder / video / file).read_bytes()
    assert response.headers["content-type"] == media_type
    assert "immutable" in response.headers["cache-control"]


HOSTILE = (
    "..",
    "../00000.png",
    "..%2f00000.png",
    "%2e%2e%2f%2e%2e%2fsecret.png",
    "..%5c..%5csecret.png",
    "00000.png%00.jpg",
    "%00",
    ".voslab.json",
    "run.json",
    "%2fetc%2fpasswd",
    "00009.png",
    "",
)


@pytest.mark.parametrize("kind", ["pictures", "annotations", "predictions"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_names_get_a_short_404(home: Home, run_id: int, client: TestClient, kind: str, name: str) -> None:
    response = client.get(f"/{bases(home, run_id, 'one')[kind]}{name}")
    assert response.status_code == 404
    assert len(response.text) < 200
    assert str(home.root) not in response.text


@pytest.mark.parametrize("video", ["..", "%2e%2e", "one%2f..", "..%2f..", "%00", "JPEGImages", "", "none"])
@pytest.mark.parametrize("kind", ["pictures", "annotations", "predictions"])
def test_hostile_video_names_get_a_404(home: Home, run_id: int, client: TestClient, kind: str, video: str) -> None:
    base = bases(home, run_id, "one")[kind].removesuffix("one/")
    file = "00000.jpg" if kind == "pictures" else "00000.png"
    assert client.get(f"/{base}one/{file}").status_code == 200
    assert client.get(f"/{base}{video}/{file}").status_code == 404


@pytest.mark.parametrize(
    ("kind", "folder", "name"),
    [
        ("pictures", "data/demo/JPEGImages/480p/one", "00004.jpg"),
        ("annotations", "data/demo/Annotations/480p/one", "00004.png"),
        ("predictions", "outputs/demo_pred_pngs/demo_static/one", "00004.png"),
    ],
)
def test_link_that_leads_outside_is_not_followed(
    home: Home, run_id: int, client: TestClient, kind: str, folder: str, name: str
) -> None:
    base = bases(home, run_id, "one")[kind]
    path = home.root / folder / name
    path.unlink()
    path.symlink_to(home.root / "secret.png")
    response = client.get(f"/{base}{name}")
    assert response.status_code == 404
    assert b"secret" not in response.content


def test_whole_folder_linked_outside_is_not_followed(
    home: Home, run_id: int, client: TestClient, tmp_path: Path
) -> None:
    base = bases(home, run_id, "one")["predictions"]
    folder = home.root / "outputs/demo_pred_pngs/demo_static/one"
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")
    assert client.get(f"/{base}00000.png").status_code == 404


def test_superseded_attempt_is_not_answered_with_another_ones_mask(home: Home, run_id: int, client: TestClient) -> None:
    base = bases(home, run_id, "one")["predictions"]
    task = queries.task(home.database, run_id, "one")
    assert task is not None
    with writing(home.database) as session:
        session.get_one(VideoTask, task.id).attempt = 2
    response = client.get(f"/{base}00000.png")
    assert response.status_code == 404
    assert "superseded" in response.text
    assert client.get(f"/{bases(home, run_id, 'one')['predictions']}00000.png").status_code == 200


def test_changed_dataset_gets_new_addresses(home: Home, run_id: int, client: TestClient) -> None:
    before = bases(home, run_id, "one")["annotations"]
    folder = home.data / "demo" / "Annotations" / "480p" / "one"
    (folder / "00004.png").unlink()
    after = bases(home, run_id, "one")["annotations"]
    assert before != after
    assert client.get(f"/{after}00004.png").status_code == 404
    assert "immutable" not in client.get(f"/{before}00003.png").headers["cache-control"]


def test_dataset_that_no_run_used_is_unknown(home: Home, run_id: int, client: TestClient) -> None:
    write_dataset(home.data / "other", {"one": 4})
    key = dataset_key("other", home.store(home.data / "other"))
    assert client.get(f"/pictures/{key}/x/{quote('one')}/00000.jpg").status_code == 404


@pytest.mark.parametrize("run", ["999", "x", "-1", "1.5"])
def test_unknown_run_gets_a_404(home: Home, run_id: int, client: TestClient, run: str) -> None:
    tail = bases(home, run_id, "one")["predictions"].split("/", 2)[2]
    assert client.get(f"/predictions/{run}/{tail}00000.png").status_code == 404


def test_a_runs_submission_is_served_as_a_download_once_it_is_written(
    home: Home, run_id: int, client: TestClient
) -> None:
    run = queries.run_by_id(home.database, run_id)
    assert run is not None
    assert client.get(f"/submissions/{run_id}").status_code == 404
    path = submission_file(home, run)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"zip")
    response = client.get(f"/submissions/{run_id}")
    assert (response.status_code, response.content) == (200, b"zip")
    assert f'filename="{run.name}.zip"' in response.headers["content-disposition"]
    assert client.get("/submissions/999").status_code == 404
