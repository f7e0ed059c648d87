"""Peak memory: counted anew from each call."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vos_core.provenance import peak_host_bytes

MEBIBYTE = 2**20


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="this system keeps no resettable peak")
def test_peak_counts_from_the_last_call() -> None:
    peak_host_bytes()
    before = peak_host_bytes()
    assert before is not None and before > 10 * MEBIBYTE
    block = np.ones(150 * MEBIBYTE, np.uint8)
    high = peak_host_bytes()
    del block
    peak_host_bytes()
    after = peak_host_bytes()
    assert high is not None and after is not None
    assert high - before > 140 * MEBIBYTE
    assert high - after > 140 * MEBIBYTE
