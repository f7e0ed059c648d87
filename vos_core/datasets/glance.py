"""How a split is annotated, told by the files' names of a few videos: no file is opened."""

from __future__ import annotations

from vos_core.datasets.findings import Annotated, how_over_all, in_words
from vos_core.datasets.layout import Dataset
from vos_core.datasets.video_files import list_files
from vos_core.datasets.video_survey import rhythm
from vos_core.errors import InputError

LOOKED_AT = 3  # videos, the first of the split


def annotated_like(dataset: Dataset, split: str) -> str:
    """`every frame`, `first frames only`, `every 5th frame`, ...; empty where the split cannot be read.

    Uneven annotations may be there to prompt objects that appear: only a survey knows.
    """
    try:
        names = dataset.video_names(split)[:LOOKED_AT]
    except InputError:
        return ""
    ways = []
    for name in names:
        files = list_files(name, *dataset.folders_of(name))
        stems = set(files.annotations).union(*files.objects.values())
        ways.append(rhythm([i for i, path in enumerate(files.frames) if path.stem in stems], len(files.frames)))
    how, stride = how_over_all(ways)
    return "some frames" if how is Annotated.UNEVEN else in_words(how, stride)
