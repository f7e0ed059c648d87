"""What the first visitor would wait for, done while the server starts: imports of the pages, a query, scripts."""

from __future__ import annotations

import ast
import importlib
import logging
from pathlib import Path

from db import queries
from ui import shell
from ui.navigation import ROOT
from ui.store import home

# What Streamlit imports when a page first draws a component, an icon, a chart: a second and more of a first visit.
LATE = ("pandas", "pyarrow", "streamlit.material_icon_names", "plotly.graph_objects", "plotly.io")
_log = logging.getLogger(__name__)


def warm_up() -> None:
    """Import what the pages import, open the database, compress scripts. What fails here fails again on its page."""
    pages = sorted((ROOT / "pages").glob("*.py"))
    for module in (*(module for page in pages for module in imported(page)), *LATE):
        try:
            importlib.import_module(module)
        except Exception as error:
            _log.warning("%s cannot be imported: %s", module, error)
    shell.warm()
    try:
        database = home().database
        queries.runs(database, [])
        queries.ablations(database)
    except Exception as error:
        _log.warning("The database cannot be read (yet): %s", error)


def imported(script: Path) -> list[str]:
    """Modules that a script imports, read from its source: running it is its page's business."""
    found = []
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append(node.module)
        elif isinstance(node, ast.Import):
            found += [name.name for name in node.names]
    return found
