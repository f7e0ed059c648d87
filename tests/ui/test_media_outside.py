"""Every file route against a stored file that is a link out of its folder, a device or a pipe; and hostile addresses of
the routes that draw."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from db import queries
from tests.ui.test_media import HOSTILE, bases, client, run_id, seeded  # noqa: F401 (fixtures)
from ui.media.pictures import clip_address, thumbnail, thumbnail_address
from ui.run.server import submission_file
from vos_core.home import Home
from vos_core.masks import read_mask, write_mask

FRAME = "data/demo/JPEGImages/480p/one/00002.jpg"
ANNOTATION = "data/demo/Annotations/480p/one/00002.png"
PREDICTION = "outputs/demo_pred_pngs/demo_static/one/00002.png"
SUBMISSION = "outputs/submissions/demo_static.zip"


def addresses(home: Home, number: int) -> dict[str, str]:
    run = queries.run_by_id(home.database, number)
    assert run is not None
    base = bases(home, number, "one")
    return {
        "picture": f"{base['pictures']}00002.jpg",
        "annotation": f"{base['annotations']}00002.png",
        "prediction": f"{base['predictions']}00002.png",
        "thumbnail": thumbnail_address(number, run.edition, 1, "one", 2),
        "clip": clip_address(number, run.edition, 1, "one", kind="gif"),
        "submission": f"submissions/{number}",
    }


def link_out(path: Path, tmp_path: Path) -> None:
    path.rename(tmp_path / f"outside{path.suffix}")
    path.symlink_to(tmp_path / f"outside{path.suffix}")


def link_to_device(path: Path, _tmp_path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def pipe(path: Path, _tmp_path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder_out(path: Path, tmp_path: Path) -> None:
    path.parent.rename(tmp_path / "outside")
    path.parent.symlink_to(tmp_path / "outside")


@pytest.mark.timeout(60)  # a pipe that is read never answers
@pytest.mark.parametrize("turn", [link_out, link_to_device, pipe, folder_out])
@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("picture", FRAME),
        ("annotation", ANNOTATION),
        ("prediction", PREDICTION),
        ("thumbnail", FRAME),
        ("thumbnail", ANNOTATION),
        ("thumbnail", PREDICTION),
        ("clip", FRAME),
        ("clip", ANNOTATION),
        ("clip", PREDICTION),
        ("submission", SUBMISSION),
    ],
)
def test_what_leads_outside_is_not_served(
    home: Home,
    run_id: int,  # noqa: F811
    client: TestClient,  # noqa: F811
    tmp_path: Path,
    kind: str,
    file: str,
    turn: Callable[[Path, Path], None],
) -> None:
    run = queries.run_by_id(home.database, run_id)
    assert run is not None
    submission_file(home, run).parent.mkdir(parents=True)
    submission_file(home, run).write_bytes(b"zip")
    address = addresses(home, run_id)[kind]
    assert client.get(f"/{address}").status_code == 200
    thumbnail.cache_clear()
    turn(home.root / file, tmp_path)
    answer = client.get(f"/{address}")
    if answer.status_code != 404:
        # Drawn without the mask: nothing of what lies outside is seen.
        assert kind in ("thumbnail", "clip") and file != FRAME, answer.status_code
        for path in [*tmp_path.glob("outside.png"), *tmp_path.glob("outside/*.png")]:
            write_mask(path, np.ones_like(read_mask(path)))
        thumbnail.cache_clear()
        assert client.get(f"/{address}").content == answer.content


@pytest.mark.parametrize("kind", ["thumbnail", "clip"])
@pytest.mark.parametrize("name", [*HOSTILE, "..%2f..%2f2.jpg", "%2fdev%2fzero.mp4", "2.jpg%00", "one%00.mp4", "-1.jpg"])
def test_hostile_names_of_what_is_drawn(
    home: Home,
    run_id: int,  # noqa: F811
    client: TestClient,  # noqa: F811
    kind: str,
    name: str,
) -> None:
    base = addresses(home, run_id)[kind].rpartition("/")[0]
    answer = client.get(f"/{base}/{name}")
    assert answer.status_code == 404 and len(answer.text) < 200 and str(home.root) not in answer.text


@pytest.mark.parametrize("kind", ["picture", "annotation", "prediction", "thumbnail", "clip"])
@pytest.mark.parametrize(
    "video", ["..", "%2e%2e", "%252e%252e", "%252e%252e%252f", "%00", "%2fetc", "..%5c..", "x%2f.."]
)
def test_hostile_names_of_videos(
    home: Home,
    run_id: int,  # noqa: F811
    client: TestClient,  # noqa: F811
    kind: str,
    video: str,
) -> None:
    address = addresses(home, run_id)[kind]
    hostile = address.replace("/one.", f"/{video}.") if kind == "clip" else address.replace("/one/", f"/{video}/")
    assert hostile != address
    answer = client.get(f"/{hostile}")
    assert answer.status_code == 404 and str(home.root) not in answer.text


@pytest.mark.parametrize("kind", ["prediction", "thumbnail", "clip"])
@pytest.mark.parametrize("run", ["0", "-1", "1.0", "1%00", "9" * 40, "%EF%BC%91", "1_0"])
def test_hostile_runs(home: Home, run_id: int, client: TestClient, kind: str, run: str) -> None:  # noqa: F811
    first, _, rest = addresses(home, run_id)[kind].split("/", 2)
    assert client.get(f"/{first}/{run}/{rest}").status_code == 404


@pytest.mark.parametrize("run", ["..", "%2e%2e", "0", "-1", "1.0", "1%00", "9" * 40, "%EF%BC%91", "1%2f..%2f1"])
def test_hostile_runs_of_submissions(run_id: int, client: TestClient, run: str) -> None:  # noqa: F811
    assert client.get(f"/submissions/{run}").status_code == 404
