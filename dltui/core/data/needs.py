"""Checks the parts of a run that need images, before the run is created and again when its data is known."""

from __future__ import annotations

from collections.abc import Mapping

from dltui.core.errors import UsageError
from dltui.core.text import clean_line


def reasons(model: str, needs_images: bool, option: str) -> dict[str, str]:
    """The parts of a run that need images, each with the advice for data without images. `option` is one that only
    images can have, or "".
    """
    found = {f"model {model}": "choose another model"} if needs_images else {}
    return {**found, option: "leave it out"} if option else found


def check_images(needs: Mapping[str, str], dataset: str, there: bool) -> None:
    """Check that the dataset has images if needed: `needs` (of `reasons`) maps each part that needs images to an
    advice. Raises UsageError with the first.
    """
    for what, remedy in needs.items():
        if not there:
            raise UsageError(f"{what} needs images, dataset {clean_line(dataset, 100)} has none; {remedy}")
