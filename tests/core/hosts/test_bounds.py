"""What mirrors take of the disk has a bound."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import pytest

from dltui.core.hosts import bounds
from dltui.core.rundir import claim

DAY = 86_400.0


def made(folder: Path, name: str, days: float, size: int = 100) -> Path:
    """A mirror that was last used some days ago; `name` is HOST/RUN."""
    found = folder / name
    (found / "predictions").mkdir(parents=True)
    (found / "predictions" / "test.npz").write_bytes(b"x" * size)
    (found / claim.TOLD).write_text("")
    os.utime(found / claim.TOLD, (0, time.time() - days * DAY))
    return found


@pytest.fixture(autouse=True)
def few_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_BYTES", 250)


def left(folder: Path) -> list[str]:
    return sorted(f"{path.parent.name}/{path.name}" for path in folder.glob("*/*"))


def test_the_oldest_go_until_the_rest_fits(tmp_path: Path) -> None:
    for number, name in enumerate(("gpu01/a", "gpu02/b", "gpu01/c", "gpu02/d"), start=1):
        made(tmp_path, name, number)
    bounds.clean(tmp_path, tmp_path / "gpu01" / "own")
    assert left(tmp_path) == ["gpu01/a", "gpu02/b"]


def test_one_that_is_too_large_goes_and_the_older_small_ones_stay(tmp_path: Path) -> None:
    made(tmp_path, "gpu01/large", 1, 10_000)
    made(tmp_path, "gpu01/small", 2)
    bounds.clean(tmp_path, tmp_path / "gpu01" / "own")
    assert left(tmp_path) == ["gpu01/small"]


def test_what_fits_stays_a_month(tmp_path: Path) -> None:
    made(tmp_path, "gpu01/a", 29)
    made(tmp_path, "gpu01/b", 31, 1)
    (tmp_path / "gpu01" / "begun").mkdir()
    os.utime(tmp_path / "gpu01" / "begun", (0, 0))
    bounds.clean(tmp_path, tmp_path / "gpu01" / "own")
    assert left(tmp_path) == ["gpu01/a"]


def test_none_that_is_kept_or_was_used_just_now_goes(tmp_path: Path) -> None:
    own, kept = made(tmp_path, "gpu01/own", 3, 1_000), made(tmp_path, "gpu01/kept", 40, 1_000)
    made(tmp_path, "gpu02/now", 0, 1_000)
    made(tmp_path, "gpu02/old", 2)
    fd = os.open(kept / bounds.LOCK, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        bounds.clean(tmp_path, own)
    finally:
        os.close(fd)
    assert left(tmp_path) == ["gpu01/kept", "gpu01/own", "gpu02/now"]


def test_no_link_is_followed(tmp_path: Path) -> None:
    outside = made(tmp_path / "outside", "gpu01/a", 90)
    mirrors = tmp_path / "mirrors"
    mirrors.mkdir()
    (mirrors / "gpu01").symlink_to(outside.parent)
    bounds.clean(mirrors, mirrors / "own")
    assert outside.exists()
