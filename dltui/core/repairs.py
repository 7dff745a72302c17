"""Recognises broken installations by what they say, and knows the command that repairs them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping

MISMATCH = "torchvision::nms"
"""In "operator torchvision::nms does not exist": torchvision was built for another torch."""


def remedy(text: str, python: str, packages: Mapping[str, str]) -> str:
    """What to do about an error, in one line; "" when it is not known. `packages` are the interpreter's versions."""
    for sign, advise in REPAIRS:
        if re.search(sign, text):
            return advise(f"{shlex.quote(python)} -m pip install", packages)
    return ""


def _match_torchvision(install: str, packages: Mapping[str, str]) -> str:
    """torchvision 0.(n + 15) goes with torch 2.n; with the right numbers the two are different builds."""
    torch, vision = packages.get("torch", ""), packages.get("torchvision", "")
    pair = f"torchvision {vision or '?'} was built for another torch than {torch or 'the one installed'}"
    found = re.match(r"2\.(\d+)", torch)
    wanted = f"0.{int(found.group(1)) + 15}" if found else ""
    if wanted and not vision.startswith(f"{wanted}."):
        return f"{pair}; run: {install} 'torchvision=={wanted}.*'"
    return f"{pair}; run: {install} --upgrade --force-reinstall torch torchvision"


def _newer_numpy(install: str, packages: Mapping[str, str]) -> str:
    return f"a package was built for NumPy 1, NumPy is {packages.get('numpy', 'newer')}; run: {install} 'numpy<2'"


REPAIRS: tuple[tuple[str, Callable[[str, Mapping[str, str]], str]], ...] = (
    (MISMATCH, _match_torchvision),
    (r"_ARRAY_API not found|compiled using NumPy 1|numpy\.core\.multiarray failed", _newer_numpy),
)
