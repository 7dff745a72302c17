"""Environments for tests: all that this interpreter has, or all but some frameworks, in folders of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# How everything that belongs to a framework begins, in a site-packages folder.
BELONGS = {
    "torch": ("torch", "functorch", "triton"),
    "tensorflow": ("tensorflow", "keras", "tf_", "tensorboard"),
}
SCRIPTS = {
    "dltui": '-m dltui "$@"',
    "pytest": '-m pytest -p no:cacheprovider "$@"',
    # Nothing is fetched: what a package needs is here.
    "pip": '-m pip "$@" --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation',
}


@dataclass(frozen=True)
class Place:
    """A virtual environment; `python` is its interpreter."""

    folder: Path
    python: Path

    def environment(self, home: Path) -> dict[str, str]:
        """For processes that see this environment, this checkout of dltui, and a home of their own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DLTUI_")}
        path = os.pathsep.join([str(self.folder / "bin"), os.environ.get("PATH", os.defpath)])
        return kept | {"PATH": path, "PYTHONPATH": str(ROOT), "DLTUI_HOME": str(home), "NO_COLOR": "1"}


def environment_without(folder: Path, frameworks: Iterable[str]) -> Place:
    """An interpreter with links to all packages of this one, except those of the frameworks. Costs about a second."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    hidden = tuple(start for name in frameworks for start in BELONGS[name])
    site = next(folder.glob("lib/python*/site-packages"))
    for entry in _packages():
        if not entry.name.lower().startswith(hidden or ("\0",)) and not (site / entry.name).exists():
            (site / entry.name).symlink_to(entry)
    place = Place(folder, folder / "bin" / "python")
    for name, rest in SCRIPTS.items():
        script = folder / "bin" / name
        script.write_text(f'#!/bin/sh\nexec "{place.python}" -P {rest}\n')
        script.chmod(0o755)
    return place


def program(place: Place) -> Sequence[str]:
    """`dltui` of this checkout in that environment."""
    return (str(place.python), "-P", "-m", "dltui")


def _packages() -> list[Path]:
    folders = dict.fromkeys(Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib"))
    return [entry for folder in folders for entry in sorted(folder.iterdir()) if entry.name != "__pycache__"]
