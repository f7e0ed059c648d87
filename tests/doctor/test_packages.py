"""Installed packages against pinned ones, from folders of packages as pip leaves them."""

from __future__ import annotations

from pathlib import Path

import pytest

from vos_core.doctor.packages import look, read_pinned
from vos_core.doctor.report import Level

PINNED = """# a comment
numpy==2.4.6
torch==2.13.0      # the index's build
torchvision==0.28.0
scikit_image==0.26.0
opencv-python-headless==5.0.0.93
"""
FINE = {
    "numpy": "2.4.6",
    "torch": "2.13.0",
    "torchvision": "0.28.0",
    "scikit-image": "0.26.0",
    "opencv-python-headless": "5.0.0.93",
    "packaging": "1",
}


def install(folder: Path, packages: dict[str, str], asks: dict[str, str]) -> None:
    for name, version in packages.items():
        info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        wanted = f"Requires-Dist: {asks[name]}\n" if name in asks else ""
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{wanted}")


@pytest.mark.parametrize(
    ("change", "asks", "level", "words"),
    [
        ({}, {}, Level.OK, ["5 packages are those of requirements.txt"]),
        ({"torch": "2.13.0+cu126", "torchvision": "0.28.0+cu126"}, {}, Level.OK, ["5 packages are those"]),
        ({"numpy": None}, {}, Level.PROBLEM, ["1 of 5 packages are missing: numpy", "make install"]),
        ({"numpy": "2.3.0"}, {}, Level.WARNING, ["numpy is 2.3.0, and 2.4.6", "-m pip install numpy==2.4.6"]),
        ({"torch": "2.11.0+cu128"}, {}, Level.NOTE, ["torch is 2.11.0+cu128: it should do"]),
        ({"torch": "2.5.1"}, {}, Level.NOTE, ["torch is 2.5.1: it should do"]),
        ({"torch": "2.5.0"}, {}, Level.PROBLEM, ["torch is 2.5.0, and sam2 needs 2.5.1 or newer"]),
        (
            {"opencv-python": "4.9"},
            {},
            Level.PROBLEM,
            ["opencv-python and opencv-python-headless overwrite", "uninstall opencv-python opencv-python-headless"],
        ),
        ({}, {"scikit-image": "numpy<2"}, Level.WARNING, ["scikit-image 0.26.0 asks for numpy<2, and 2.4.6"]),
        ({}, {"scikit-image": "numpy<2; python_version < '3'"}, Level.OK, ["5 packages"]),
        ({}, {"scikit-image": "numpy<2; extra == 'old'"}, Level.OK, ["5 packages"]),
        ({}, {"scikit-image": "never-heard-of>3"}, Level.OK, ["5 packages"]),
        (
            {"torch": "2.11.0"},
            {"torchvision": "torch==2.13.0"},
            Level.NOTE,
            ["torchvision 0.28.0 asks for torch==2.13.0"],
        ),
    ],
)
def test_what_differs_is_told(
    change: dict[str, str | None], asks: dict[str, str], level: Level, words: list[str], tmp_path: Path
) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(PINNED)
    there = {name: version for name, version in {**FINE, **change}.items() if version}
    install(tmp_path / "site", there, asks)
    found = list(look(requirements, [str(tmp_path / "site")]))
    assert max((one.level for one in found), key=list(Level).index) is level
    told = "\n".join(f"{one.text}\n{one.advice}" for one in found)
    assert all(word in told for word in words), told


def test_names_are_compared_as_pip_compares_them(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(PINNED)
    assert read_pinned(requirements)["scikit-image"] == "0.26.0"


def test_this_environment_is_the_pinned_one() -> None:
    assert not [one for one in look() if one.level is Level.PROBLEM]
