"""Peak memory: counted anew from each call. Code version: of a checkout, of an image."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vos_core import __version__
from vos_core.provenance import code_version

# In a process of its own: in one that has freed much, a new array may cost no further memory.
PROGRAM = """
import numpy as np
from vos_core.provenance import peak_host_bytes
peak_host_bytes()
before = peak_host_bytes()
block = np.ones(150 * 2**20, np.uint8)
high = peak_host_bytes()
del block
peak_host_bytes()
print(before, high, peak_host_bytes())
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="this system keeps no resettable peak")
def test_peak_counts_from_the_last_call() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    before, high, after = (int(word) / 2**20 for word in done.stdout.split())
    assert before > 10
    assert high - before > 140
    assert high - after > 140


@pytest.mark.parametrize(
    ("git", "variable", "expected"),
    [
        (True, "", r"[0-9a-f]{7,}(-dirty)?|.+-g[0-9a-f]{7,}(-dirty)?"),
        (True, "v9", r"(?!v9$).+"),  # a checkout knows better than its environment
        (False, "v9-3-g1234567", "v9-3-g1234567"),
        (False, "", re.escape(__version__)),
    ],
)
def test_code_version_of_a_checkout_and_of_an_image(
    git: bool, variable: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if git and shutil.which("git") is None:
        pytest.skip("no git")
    if not git:
        monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("VOSLAB_CODE_VERSION", variable)
    code_version.cache_clear()
    try:
        assert re.fullmatch(expected, code_version())
    finally:
        code_version.cache_clear()
