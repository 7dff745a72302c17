"""The catalog's answers about the plugins in the box, so that tests about something else do not ask for them again."""

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dltui.core.catalog.assemble import load_catalog

FAKE = Path(__file__).parents[1] / "fakes" / "fake_plugin.py"
Fill = Callable[[Path], None]


def fill(answers: Path, home: Path) -> None:
    """Make a home in which they are known; all else in it is new."""
    cache = home / "cache"
    cache.mkdir(mode=0o700, parents=True)
    home.chmod(0o700)
    shutil.copytree(answers, cache / "catalog")


def ask(folder: Path) -> Path:
    """Ask once, about the fake plugin, too. Returns the folder of the answers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLTUI_HOME", str(folder))
        for name in ("DLTUI_CACHE", "DLTUI_CONFIG"):
            patch.delenv(name, raising=False)
        load_catalog([FAKE])
    return folder / "cache" / "catalog"


def ask_once(folder: Path) -> Path:
    """As `ask`, for all the workers that share a folder: the first of them asks, and the others wait for it."""
    with (folder / "known.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "known").exists():
            (folder / "asked").mkdir(exist_ok=True)
            ask(folder / "asked").rename(folder / "known")
    return folder / "known"
