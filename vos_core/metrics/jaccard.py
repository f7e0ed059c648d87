"""J: region similarity, the Jaccard index of two binary masks."""

from __future__ import annotations

import numpy as np


def jaccard(annotation: np.ndarray, prediction: np.ndarray) -> float:
    """Intersection over union of two masks (H, W), any type (non-zero is inside); 1.0 where both are empty.

    Raises ValueError when the shapes differ. Source: DAVIS (Perazzi et al. 2016), section 4.1.

    >>> jaccard(np.array([[1, 1, 0]]), np.array([[0, 1, 1]]))
    0.3333333333333333
    """
    if annotation.shape != prediction.shape or annotation.ndim != 2:
        raise ValueError(f"masks of shape {annotation.shape} and {prediction.shape} cannot be compared")
    inside, found = annotation.astype(bool), prediction.astype(bool)
    union = np.count_nonzero(inside | found)
    return np.count_nonzero(inside & found) / union if union else 1.0
