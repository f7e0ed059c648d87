"""Which videos, frames and annotations exist: DAVIS, MOSE, any DAVIS-layout folder, the built-in demo set."""

from vos_core.datasets.catalogue import dataset_at, find_dataset, find_datasets, stored_dataset
from vos_core.datasets.layout import Dataset, Video, open_dataset

__all__ = ["Dataset", "Video", "dataset_at", "find_dataset", "find_datasets", "open_dataset", "stored_dataset"]
