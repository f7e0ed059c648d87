"""J, F and their statistics: pure arrays in, numbers out; knows nothing of files, videos or runs."""

from vos_core.metrics.boundary import boundary_f, boundary_map, boundary_radius
from vos_core.metrics.jaccard import jaccard
from vos_core.metrics.label_maps import score_labels
from vos_core.metrics.statistics import Statistics

__all__ = ["Statistics", "boundary_f", "boundary_map", "boundary_radius", "jaccard", "score_labels"]
