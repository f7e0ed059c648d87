"""Peak memory: counted anew from each call."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
