"""The room itself: pages import all of it, so it must load nothing heavy and know no database."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_importing_all_of_analysis_loads_nothing_heavy() -> None:
    names = sorted(f"vos_core.analysis.{path.stem}" for path in (ROOT / "vos_core" / "analysis").glob("[a-z]*.py"))
    assert len(names) >= 7
    heavy = ("scipy", "torch", "cv2", "pandas", "PIL", "sqlalchemy", "streamlit", "db")
    code = f"import sys, {', '.join(names)}; print([name for name in {heavy!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
