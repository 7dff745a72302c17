"""Other runs laid over one: read once, the same values while nothing changes, gone ones left out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dltui.core.rundir.directory import RunDirectory
from dltui.tui.base.overlays import Overlays
from tests.helpers.sample_run import BEGAN, make_sample_run


@pytest.fixture
def overlays(tmp_path: Path) -> Overlays:
    for number, name in enumerate(("first", "second")):
        make_sample_run(tmp_path, run_id=name, epochs=2, seed=number)
    make_sample_run(tmp_path, run_id="young", status="starting")
    return Overlays(lambda text: RunDirectory(tmp_path / str(text)), lambda: BEGAN)


def names(overlays: Overlays, *wanted: str) -> list[str]:
    overlays.wanted = wanted
    return [one.name for one in overlays.look()]


def test_in_the_order_in_which_they_were_laid(overlays: Overlays) -> None:
    assert names(overlays) == []
    assert names(overlays, "second", "first") == ["second", "first"]
    assert names(overlays, "first") == ["first"]


def test_the_very_same_while_nothing_changes(overlays: Overlays) -> None:
    overlays.wanted = ("first", "second")
    seen = overlays.look()
    assert overlays.look() is seen
    overlays.wanted = ("second", "first")
    turned = overlays.look()
    assert turned[0] is seen[1], "what was read is not read again"
    assert turned is not seen


def test_of_a_run_that_is_no_longer_wanted_nothing_is_kept(overlays: Overlays) -> None:
    names(overlays, "first")
    names(overlays, "second")
    assert list(overlays._readers) == ["second"]


def test_a_run_that_goes_on_is_read_on(overlays: Overlays, tmp_path: Path) -> None:
    overlays.wanted = ("first",)
    log = RunDirectory(tmp_path / "first").events_path
    whole = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(whole[: len(whole) // 2]))
    (half,) = overlays.look()
    log.write_bytes(b"".join(whole))
    (after,) = overlays.look()
    assert len(after.history.points) > len(half.history.points) > 0
    assert after != half, "what is drawn of the one is not of the other"


def test_what_cannot_be_read_is_left_out(overlays: Overlays, tmp_path: Path) -> None:
    assert names(overlays, "first", "no-such", "second") == ["first", "second"]
    (tmp_path / "broken").mkdir()
    assert names(overlays, "broken") == []
    shutil.rmtree(tmp_path / "second")
    assert names(overlays, "first", "second")[0] == "first"


def test_a_run_without_an_attempt_has_nothing_to_draw(overlays: Overlays) -> None:
    overlays.wanted = ("young",)
    assert [one.history.attempt for one in overlays.look()] == [None]


def test_a_hostile_name_is_cleaned(overlays: Overlays, tmp_path: Path) -> None:
    RunDirectory(tmp_path / "first").set_labels(name="a\x1b[2Jb")
    (name,) = names(overlays, "first")
    assert name.isprintable()
