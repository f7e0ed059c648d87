"""The picture routes: exact bytes, lasting answers, and nothing outside a dataset's and a run's folders."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from db import queries
from db.models import Run, VideoTask
from db.session import writing
from tests.ui.seed import STRANGE, enter, finish, launch, write_dataset
from tests.ui.seed_apart import apart_home
from ui.media.footage import dataset_key, footage, prediction_base, reference_base
from ui.media.routes import routes
from ui.run.server import submission_file
from vos_core.datasets import open_dataset
from vos_core.home import Home
from vos_core.imports import plan_import
from vos_core.masks import read_mask
from vos_core.per_object import read_binary
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
        "predictions": prediction_base(run.id, run.edition, task.attempt, video),
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


def test_a_run_that_gets_the_id_of_a_deleted_one_has_other_addresses(
    home: Home, run_id: int, client: TestClient
) -> None:
    """Browsers keep the masks of the deleted one for ever: same id, same settings, same attempt."""
    before = bases(home, run_id, "one")["predictions"]
    with writing(home.database) as session:
        session.get_one(Run, run_id).created_at += 1
    after = bases(home, run_id, "one")["predictions"]
    assert before != after
    assert client.get(f"/{after}00002.png").status_code == 200
    assert client.get(f"/{before}00002.png").status_code == 404


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


@pytest.fixture(scope="session")
def seeded_apart(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A home with a finished run whose masks are kept one folder an object, to be copied."""
    home = Home.from_environment({}, cwd=tmp_path_factory.mktemp("apart") / "home")
    run_id = apart_home(home)
    (home.root / "secret.png").write_bytes(b"secret")
    return home.root, run_id


@pytest.fixture
def apart_id(home: Home, seeded_apart: tuple[Path, int], monkeypatch: pytest.MonkeyPatch) -> int:
    root, run_id = seeded_apart
    shutil.copytree(root, home.root)
    for name, value in home.environment().items():
        monkeypatch.setenv(name, value)
    return run_id


APART = {"annotations": "data/sav_val/Annotations_6fps/sav_1", "predictions": "theirs/sav_1"}


@pytest.mark.parametrize("kind", APART)
def test_objects_kept_apart_are_served_as_one_label_map(
    home: Home, apart_id: int, client: TestClient, kind: str
) -> None:
    """The lower object wins where they overlap; 000 is label 1."""
    response = client.get(f"/{bases(home, apart_id, 'sav_1')[kind]}00008.png")
    assert (response.status_code, response.headers["content-type"]) == (200, "image/png")
    assert "immutable" in response.headers["cache-control"]
    with Image.open(BytesIO(response.content)) as image:
        assert image.mode == "P"
        labels = np.array(image)
    zero, one = (read_binary(home.root / APART[kind] / name / "00008.png") for name in ("000", "001"))
    assert (zero & one).any(), "they overlap"
    np.testing.assert_array_equal(labels, np.where(zero, 1, np.where(one, 2, 0)))


def test_frames_of_sav_are_served(home: Home, apart_id: int, client: TestClient) -> None:
    response = client.get(f"/{bases(home, apart_id, 'sav_1')['pictures']}00007.jpg")
    assert response.content == (home.data / "sav_val/JPEGImages_24fps/sav_1/00007.jpg").read_bytes()


def test_an_object_without_mask_of_the_frame_is_left_out(home: Home, apart_id: int, client: TestClient) -> None:
    folder = home.root / APART["annotations"]
    before = bases(home, apart_id, "sav_1")["annotations"]
    (folder / "000" / "00008.png").unlink()
    after = bases(home, apart_id, "sav_1")["annotations"]
    assert after != before, "a change in an object's folder gives new addresses"
    with Image.open(BytesIO(client.get(f"/{after}00008.png").content)) as image:
        labels = np.array(image)
    np.testing.assert_array_equal(labels, 2 * read_binary(folder / "001" / "00008.png"))
    (folder / "001" / "00008.png").unlink()
    assert client.get(f"/{bases(home, apart_id, 'sav_1')['annotations']}00008.png").status_code == 404


@pytest.mark.parametrize("kind", APART)
@pytest.mark.parametrize("name", [*HOSTILE, "000", "000%2f00000.png", "00001.jpg"])
def test_hostile_names_where_objects_are_kept_apart(
    home: Home, apart_id: int, client: TestClient, kind: str, name: str
) -> None:
    if (kind, name) == ("predictions", "00009.png"):
        return  # there is one
    response = client.get(f"/{bases(home, apart_id, 'sav_1')[kind]}{name}")
    assert response.status_code == 404 and len(response.text) < 200 and str(home.root) not in response.text


@pytest.mark.parametrize("what", ["000/00008.png", "000"])
@pytest.mark.parametrize("kind", APART)
def test_objects_that_are_links_outside_are_not_followed(
    home: Home, apart_id: int, client: TestClient, kind: str, what: str, tmp_path: Path
) -> None:
    path = home.root / APART[kind] / what
    path.rename(tmp_path / "outside")
    path.symlink_to(tmp_path / "outside")
    assert client.get(f"/{bases(home, apart_id, 'sav_1')[kind]}00008.png").status_code == 404


@pytest.fixture
def agreement_id(home: Home, run_id: int) -> int:
    """A run held against masks that are no ground truth; one frame of them is missing."""
    theirs, sample = home.root / "theirs", home.data / "sample"
    shutil.copytree(home.locate("outputs:demo_pred_pngs/demo_static"), theirs)
    shutil.copytree(home.data / "demo/Annotations/480p", sample)
    (sample / "one" / "00003.png").unlink()
    plan = plan_import(home, open_dataset(home.data / "demo", "demo"), "theirs", theirs, against=sample)
    return enter(home, plan)[0]


def test_what_a_run_is_held_against_is_served(home: Home, agreement_id: int, client: TestClient) -> None:
    run = queries.run_by_id(home.database, agreement_id)
    assert run is not None
    base = reference_base(home, run, "one")
    response = client.get(f"/{base}00002.png")
    assert response.content == (home.data / "sample/one/00002.png").read_bytes()
    assert "immutable" in response.headers["cache-control"]
    assert client.get(f"/{base}00003.png").status_code == 404
    shutil.copy(home.data / "sample/one/00002.png", home.data / "sample/one/00003.png")
    assert reference_base(home, run, "one") != base
    assert "immutable" not in client.get(f"/{base}00002.png").headers["cache-control"]
    assert read_mask(home.data / "sample/one/00003.png").any()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_of_references(home: Home, agreement_id: int, client: TestClient, name: str) -> None:
    run = queries.run_by_id(home.database, agreement_id)
    assert run is not None
    response = client.get(f"/{reference_base(home, run, 'one')}{name}")
    assert response.status_code == 404 and len(response.text) < 200 and str(home.root) not in response.text


@pytest.mark.parametrize("path", ["{run}/x/../00000.png", "{run}/x/%2e%2e/00000.png", "1/x/one/00000.png",
                                  "999/x/one/00000.png", "x/x/one/00000.png"])  # fmt: skip
def test_references_of_other_folders_and_other_runs(agreement_id: int, client: TestClient, path: str) -> None:
    assert client.get(f"/references/{path.format(run=agreement_id)}").status_code == 404


def test_a_reference_that_leads_outside_is_not_followed(home: Home, agreement_id: int, client: TestClient) -> None:
    run = queries.run_by_id(home.database, agreement_id)
    assert run is not None
    path = home.data / "sample/one/00002.png"
    path.unlink()
    path.symlink_to(home.root / "secret.png")
    assert client.get(f"/{reference_base(home, run, 'one')}00002.png").status_code == 404
