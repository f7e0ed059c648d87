"""The installed packages against those that are pinned and what these ask of each other, and two OpenCVs at once."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from vos_core.doctor.interpreter import ENVIRONMENT, REPOSITORY
from vos_core.doctor.report import Finding, Level, Topic
from vos_core.torch_builds import TORCH_AT_LEAST

# Each brings its own folder cv2 and overwrites the others'.
OPENCV = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
TORCH = ("torch", "torchvision")


def look(requirements: Path = REPOSITORY / "requirements.txt", path: list[str] | None = None) -> Iterator[Finding]:
    """One finding for all that is right, one for each that is not. `path`: folders of packages, this Python's."""
    pinned = read_pinned(requirements)
    there = installed(path)
    missing = [name for name in pinned if name not in there]
    if missing:
        listed = ", ".join(missing[:6]) + (f" and {len(missing) - 6} more" if missing[6:] else "")
        text = f"{len(missing)} of {len(pinned)} packages are missing: {listed}"
        yield Finding(Topic.PACKAGES, Level.PROBLEM, text, _install())
    others = {name: version for name, version in pinned.items() if there.get(name, version) != version}
    for name in TORCH:
        others.pop(name, None)
    for name, version in others.items():
        text = f"{name} is {there[name]}, and {version} is what VOS Lab is tested with"
        yield Finding(Topic.PACKAGES, Level.WARNING, text, _pip(f"install {name}=={version}"))
    if "torch" in pinned and "torch" in there:
        yield from _torch(there["torch"], pinned["torch"])
    yield from _conflicts(pinned, there, path)
    twice = [name for name in OPENCV if name in there]
    if len(twice) > 1:
        kept = f"opencv-python-headless=={pinned.get('opencv-python-headless', '')}".removesuffix("==")
        text = f"{' and '.join(twice)} overwrite each other's files"
        advice = "\n".join([_pip(f"uninstall {' '.join(twice)}"), _pip(f"install {kept}")])
        yield Finding(Topic.PACKAGES, Level.PROBLEM, text, advice)
    if not missing and not others:
        yield Finding(Topic.PACKAGES, Level.OK, f"{len(pinned)} packages are those of {requirements.name}")


def read_pinned(requirements: Path) -> dict[str, str]:
    """Name -> version of the lines `name==version`."""
    lines = re.finditer(r"^([A-Za-z0-9._-]+)==([^\s#]+)", requirements.read_text(), re.MULTILINE)
    return {_canonical(line[1]): line[2] for line in lines}


def installed(path: list[str] | None = None) -> dict[str, str]:
    """Name -> version of everything that is installed; of what lies on the path twice, the one that is imported."""
    found: dict[str, str] = {}
    for one in metadata.distributions(path=sys.path if path is None else path):
        name = one.metadata["Name"]  # None: the rest of an interrupted installation
        if name:
            found.setdefault(_canonical(name), one.version)
    return found


def _torch(there: str, pinned: str) -> Iterator[Finding]:
    plain = there.partition("+")[0]
    numbers = tuple(int(part) for part in re.findall(r"\d+", plain)[:3])
    if numbers < TORCH_AT_LEAST:
        least = ".".join(map(str, TORCH_AT_LEAST))
        yield Finding(Topic.PACKAGES, Level.PROBLEM, f"torch is {there}, and sam2 needs {least} or newer", _install())
    elif plain != pinned.partition("+")[0]:
        text = (
            f"torch is {there}: it should do (sam2 needs 2.5.1 or newer), and {pinned} is what VOS Lab is tested with"
        )
        yield Finding(Topic.PACKAGES, Level.NOTE, text)


def _conflicts(pinned: Mapping[str, str], there: Mapping[str, str], path: list[str] | None) -> Iterator[Finding]:
    """What a pinned package asks of another one that is there, and does not get (`pip check`, for these only)."""
    if "packaging" not in there:  # streamlit brings it
        return
    from packaging.requirements import InvalidRequirement, Requirement

    for one in metadata.distributions(path=sys.path if path is None else path):
        name = _canonical(one.metadata["Name"] or "")
        if name not in pinned or there.get(name) != one.version:
            continue
        for line in one.requires or []:
            try:
                wanted = Requirement(line)
            except InvalidRequirement:
                continue
            version = there.get(_canonical(wanted.name))
            if version is None or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
                continue
            if not wanted.specifier.contains(version, prereleases=True):
                text = f"{name} {one.version} asks for {wanted.name}{wanted.specifier}, and {version} is installed"
                # torchvision is never imported: it is there because sam2 declares it.
                level = Level.NOTE if name == "torchvision" else Level.WARNING
                yield Finding(Topic.PACKAGES, level, text, _install() if level is Level.WARNING else "")


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _install() -> str:
    """What installs all of it into the environment that this Python is of."""
    if sys.prefix == sys.base_prefix or Path(sys.prefix).resolve() == ENVIRONMENT.resolve():
        return f"cd {REPOSITORY} && make install"
    return f"cd {REPOSITORY} && make install (or into this environment: docs/install.md)"


def _pip(words: str) -> str:
    return f"{sys.executable} -m pip {words}"
