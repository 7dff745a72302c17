"""Tab completes a path as far as there is no doubt."""

from __future__ import annotations

from pathlib import Path

import pytest

from dltui.tui.base.path_completion import completed


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    for name in ("pets", "petals", ".hidden", "birds"):
        (tmp_path / name).mkdir()
    (tmp_path / "prices.csv").touch()
    (tmp_path / "bad\x1b[2J.csv").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "whole"),
    [
        ("folder:{}/b", "folder:{}/birds/"),
        ("folder:{}/p", "folder:{}/pet"),
        ("folder:{}/pet", "folder:{}/pet"),
        ("folder:{}/pets", "folder:{}/pets/"),
        ("csv:{}/pr", "csv:{}/prices.csv"),
        ("{}/pr", "{}/prices.csv"),
        ("{}/.h", "{}/.hidden/"),
        ("{}/bad", "{}/bad"),
        ("{}/nothing", "{}/nothing"),
        ("/no/such/folder/x", "/no/such/folder/x"),
    ],
)
def test_as_far_as_there_is_no_doubt(lab: Path, typed: str, whole: str) -> None:
    assert completed(typed.format(lab)) == whole.format(lab)


def test_from_home_and_from_here(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(lab))
    monkeypatch.chdir(lab)
    assert completed("folder:~/bi") == "folder:~/birds/"
    assert completed("csv:pri") == "csv:prices.csv"
    assert completed("") == ""
    assert completed("~nobody-of-this-name/x") == "~nobody-of-this-name/x"
