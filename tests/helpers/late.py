"""Libraries that few tests compare with: imported by the first of these, and not by each worker that collects tests."""

from __future__ import annotations

import importlib
from typing import Any


class Late:
    """Stands for a module until something of it is needed."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self._module), name)


sk = Late("sklearn.metrics")
stats = Late("scipy.stats")
