"""The house: which way imports go, and what the UI process must never load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("app", "pages", "ui", "vos_core", "db")


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


SOURCES = {
    module_name(path): path
    for room in ROOMS
    for path in [ROOT / f"{room}.py", *sorted((ROOT / room).rglob("*.py"))]
    if path.is_file()
}


def imports_of(path: Path, top_level_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def may_import(importer: str, imported: str) -> bool:
    """The arrows of README's architecture section."""
    room, target = importer.split(".")[0], imported.split(".")[0]
    if target not in ROOMS or target == room:
        return not (importer.startswith(("vos_core.metrics", "vos_core.masks", "vos_core.overlays"))) or (
            imported.startswith(
                ("vos_core.metrics", "vos_core.masks", "vos_core.errors", "vos_core.regular_files", "vos_core.overlays")
            )
            or target not in ROOMS
            or imported == "vos_core"
        )
    if room == "db":
        return imported.startswith(("vos_core.errors", "vos_core.home")) or imported == "vos_core"
    if room == "vos_core":
        return target == "db" and importer.startswith(("vos_core.execution", "vos_core.cli"))
    if room == "ui":
        return target in ("db", "vos_core") or imported.startswith("pages")
    return target in ("ui", "db", "vos_core")


@pytest.mark.parametrize("importer", sorted(SOURCES))
def test_arrows_point_one_way(importer: str) -> None:
    wrong = [name for name in imports_of(SOURCES[importer]) if not may_import(importer, name)]
    assert not wrong, f"{importer} must not import {wrong}"


@pytest.mark.parametrize("importer", sorted(name for name in SOURCES if name.startswith(("vos_core", "db"))))
def test_only_screens_know_streamlit(importer: str) -> None:
    assert not {name for name in imports_of(SOURCES[importer]) if name.split(".")[0] == "streamlit"}


def test_the_ui_process_loads_no_torch() -> None:
    """Everything that pages and ui import at their top, in one fresh process."""
    wanted = sorted(
        name
        for module, path in SOURCES.items()
        if module.split(".")[0] in ("ui", "pages")
        for name in imports_of(path, top_level_only=True)
        if name.split(".")[0] in ("db", "vos_core") and name in SOURCES
    )
    assert wanted
    code = "import sys, importlib\n" + "".join(f"importlib.import_module({name!r})\n" for name in wanted)
    code += "print([m for m in ('torch', 'cv2', 'sam2') if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
