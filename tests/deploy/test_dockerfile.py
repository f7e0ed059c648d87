"""The Dockerfile: what a linter says, what goes into the build, its steps run in a root file system of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.deploy.image import copy_context, healthy, ignored, inside, read_image, running, tini
from tests.deploy.ordinary_user import PACKAGES, PYTHON, ROOT, UID, closed
from tests.e2e.conftest import answers, free_port

DOCKERFILE = ROOT / "Dockerfile"
WHOLE = os.environ.get("VOSLAB_TEST_IMAGE") == "whole"  # install everything anew: minutes, 2 GB of memory


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("no hadolint: make install-dev")
    said = subprocess.run([hadolint, "--no-color", DOCKERFILE], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize(
    ("path", "left_out"),
    [
        ("app.py", False),
        ("vos_core/datasets/demo.py", False),
        ("vos_core/reference/published_scores.csv", False),
        (".streamlit/config.toml", False),
        ("deploy/healthy.py", False),
        ("requirements-ray.txt", False),
        (".git/HEAD", True),
        (".venv/bin/python", True),
        (".venv.old.12/bin/python", True),
        ("data/DAVIS/JPEGImages/480p/v/00000.jpg", True),
        ("vos_core/datasets", False),  # named like the data, deeper down
        ("outputs/DAVIS_pred_pngs", True),
        ("checkpoints/sam2_hiera_large.pt", True),
        ("fine_tuned.pt", True),
        ("state/gate.key", True),
        ("state/password", True),
        ("deploy/ucloud.conf", True),
        ("voslab-backup-2026-11-28.zip", True),
        ("ui/__pycache__/gate.cpython-312.pyc", True),
    ],
)
def test_what_goes_into_the_build(path: str, left_out: bool) -> None:
    patterns = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert ignored(path, patterns) == left_out


def test_what_the_image_promises() -> None:
    image = read_image(DOCKERFILE, ROOT)
    assert "slim" in image.base and ":" in image.base and not image.base.endswith(":latest")
    assert image.user == f"{UID}:{UID}"
    assert image.words["ENTRYPOINT"] == ["tini", "--"]
    assert image.variables["STREAMLIT_SERVER_PORT"] in image.ports
    assert image.variables["VOSLAB_HOME"] in image.volumes


@pytest.mark.slow
@pytest.mark.timeout(1200 if WHOLE else 400)
def test_its_steps_make_an_app_that_is_healthy_and_stops(tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("apt-get") is None:
        pytest.skip("the steps need root, unshare and a Debian")
    context = tmp_path / "context"
    copy_context(ROOT, context)
    assert not (context / ".git").exists()
    image = read_image(DOCKERFILE, context, CODE_VERSION="v1-2-g345")
    port = str(free_port())
    settings = {"STREAMLIT_SERVER_PORT": port, "STREAMLIT_SERVER_BASE_URL_PATH": "lab", "VOSLAB_PASSWORD": "secret"}
    with running(image, "" if WHOLE else finished_environment(), **settings) as app:
        deadline = time.monotonic() + (1000 if WHOLE else 300)
        while not answers(f"http://127.0.0.1:{port}/lab/_stcore/health"):
            assert app.poll() is None, said(app)
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert healthy(image, app, **settings)
        assert not healthy(image, app, **{**settings, "STREAMLIT_SERVER_PORT": "9"})
        facts = inside(image, app, "id -u; stat -c %u /work/state/gate.key; touch /etc/x 2>/dev/null || echo kept")
        assert facts == [str(UID), str(UID), "kept"]
        code = "from vos_core.provenance import code_version; print(code_version())"
        assert inside(image, app, f".venv/bin/python -c '{code}'") == ["v1-2-g345"]
        began = time.monotonic()
        tini(app).send_signal(signal.SIGTERM)
        app.wait(20)
        print(f"stopped in {time.monotonic() - began:.1f} s")


def finished_environment() -> str:
    """Shell lines that put an environment where the image's own is made: the packages that are installed here."""
    venv = "$root/opt/vos-lab/.venv"
    lines = ["mkdir -p $root/opt/vos-lab"]
    for path in (Path(sys.base_prefix), PACKAGES):
        lines += [f"mkdir -p $root{path}", *(f"chmod o+x $root{folder}" for folder in closed(path))]
        lines.append(f"mount --rbind {path} $root{path}")
    lines += [
        f"chroot $root {PYTHON} -m venv --without-pip /opt/vos-lab/.venv",
        f"echo {PACKAGES} > {venv}/lib/{PYTHON.name}/site-packages/shared.pth",
        f"touch {venv}/.installed",
        f"chown -R {UID}:{UID} {venv}",
    ]
    return "\n".join(lines)


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.read()
