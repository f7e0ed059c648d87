"""Loading a registered model in a worker: the only way from a run's settings to a `Segmenter`."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from vos_core.home import Home
from vos_core.models.base import Segmenter
from vos_core.models.registry import find_model
from vos_core.runs import RunSettings


def load_model(settings: RunSettings, home: Home) -> Segmenter:
    """Load the model of `settings` in this process. Raises InputError when its checkpoint cannot be used."""
    module, _, function = find_model(settings.model).loader.partition(":")
    loader: Callable[[RunSettings, Home], Segmenter] = getattr(importlib.import_module(module), function)
    return loader(settings, home)
