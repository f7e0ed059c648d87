"""The UI process must stay light: torch would take a CUDA context and a gigabyte."""

from __future__ import annotations

import subprocess
import sys

from ui.navigation import ROOT

PROBE = """
import importlib, pathlib, sys
for path in sorted(pathlib.Path("ui").rglob("*.py")):
    if path.stem not in ("__init__", "main"):
        importlib.import_module(".".join(path.with_suffix("").parts))
import vos_core.execution.submit, vos_core.launch, vos_core.datasets, db.queries
import vos_core.models.checkpoints, vos_core.models.sam2_settings
heavy = [name for name in ("torch", "cv2", "sam2", "torchvision") if name in sys.modules]
print(",".join(heavy))
"""


def test_nothing_that_the_ui_imports_imports_torch_or_cv2() -> None:
    result = subprocess.run([sys.executable, "-c", PROBE], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == ""
