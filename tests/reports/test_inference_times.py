"""The inference_times CSV: the user's columns, and models in the user's words."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from vos_core.reports import inference_times, model_word


@dataclass(frozen=True)
class Timed:
    """A run's own values."""

    name: str
    dataset: str
    model: str
    memory_size: int | None
    active_s: float = 1.0
    gpus: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("name", "model", "size", "word"),
    [
        ("DAVIS_sam2_hiera_base_plus_memsize7", "sam2_hiera_base_plus", 7, "base_plus"),
        ("MOSE_sam2_hiera_large_memsize0", "sam2_hiera_large", 0, "large"),
        ("DAVIS_sam2.1_hiera_large_memsize3", "sam2.1_hiera_large", 3, "2.1_large"),
        (
            "DAVIS_sam2_hiera_tiny_memsize3_position_preserving",
            "sam2_hiera_tiny",
            3,
            "tiny_position_preserving",
        ),
        ("demo_propagation_memsize5_split-train", "propagation", 5, "propagation_split-train"),
        ("demo_static", "static", None, "static"),
    ],
)
def test_models_in_the_users_words(name: str, model: str, size: int | None, word: str) -> None:
    assert model_word(Timed(name, "DAVIS", model, size)) == word


def test_table() -> None:
    eight = ("NVIDIA L4",) * 8
    runs = [
        Timed("DAVIS_sam2_hiera_base_plus_memsize7", "DAVIS", "sam2_hiera_base_plus", 7, 63.004, eight),
        Timed("DAVIS_sam2_hiera_large_memsize0", "DAVIS", "sam2_hiera_large", 0, 104.0, ("NVIDIA L4", "NVIDIA L40")),
        Timed("DAVIS_static", "DAVIS", "static", None, 2.5),
    ]
    assert inference_times(runs) == (
        "Dataset,Model,MemSize,NumGPUs,GPU_Names,InferenceTime_s\n"
        "DAVIS,base_plus,7,8,NVIDIA L4,63.00\n"
        "DAVIS,large,0,2,NVIDIA L4; NVIDIA L40,104.00\n"
        "DAVIS,static,,0,,2.50\n"
    )
