"""Whether a dataset is here, said without opening a file or importing anything heavy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dltui.core.data.search import Presence, is_named, presence


@dataclass(frozen=True)
class Entry:
    name: str = "fashion-mnist"
    files: tuple[str, ...] = ("a.gz", "b.gz")
    download_bytes: int = 30_878_645
    embedded: bool = False
    takes: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)
    file_sizes: tuple[int, ...] = ()


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HOME", "DLTUI_CACHE", "KERAS_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.delenv("DLTUI_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


def put(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_nothing_here_is_a_download() -> None:
    assert presence(Entry()) == Presence(False, "31 MB download")


def test_what_needs_no_files_is_always_there() -> None:
    assert presence(Entry("digits", (), 0, embedded=True)) == Presence(True, "embedded")
    assert presence(Entry("mine", (), 0)) == Presence(True, "from its plugin")


def test_unnamed_files_are_a_download() -> None:
    assert presence(Entry("mine", ())) == Presence(False, "31 MB download")


def test_a_folder_counts_when_it_has_all_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = put(tmp_path / "data1" / "fashion-mnist", "a.gz")
    monkeypatch.setenv("DLTUI_DATA", str(tmp_path / "data1"))
    assert not presence(Entry()).here
    (folder / "b.gz").touch()
    assert presence(Entry()) == Presence(True, "here", folder)


def test_files_of_another_size_are_another_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = put(tmp_path / "data1", "a.gz", "b.gz")
    monkeypatch.setenv("DLTUI_DATA", str(tmp_path / "data1"))
    entry = Entry(file_sizes=(0, 3))
    assert not presence(entry).here
    assert is_named(entry, str(tmp_path / "data1"))
    (folder / "b.gz").write_bytes(b"abc")
    assert presence(entry) == Presence(True, "here", folder)


@pytest.mark.parametrize("place", ["data/FashionMNIST/raw", "KERAS_HOME/datasets/fashion-mnist", "HOME/data"])
def test_the_habits_of_other_tools_are_known(tmp_path: Path, place: str) -> None:
    assert presence(Entry()).here is False
    folder = put(tmp_path / place, "a.gz", "b.gz")
    assert presence(Entry()) == Presence(True, "here", folder)


def test_with_an_explicit_folder_nothing_else_counts(tmp_path: Path) -> None:
    put(tmp_path / "data", "a.gz", "b.gz")
    given = tmp_path / "given"
    assert presence(Entry(), str(given)) == Presence(False, "not in this folder")
    put(given, "a.gz", "b.gz")
    assert presence(Entry(), str(given)) == Presence(True, "here", given)


def test_a_pattern_is_looked_up_when_it_is_used(tmp_path: Path) -> None:
    assert presence(Entry("shards", takes="folder", given={"path": str(tmp_path / "{00..02}.tar")})).here
    assert not presence(Entry("folder", takes="folder", given={"path": str(tmp_path / "gone")})).here


def test_where_the_system_does_not_look_nothing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is too long stands for a folder that cannot be entered, and for a disk that is away."""
    nowhere = "/" + "a" * 300
    assert presence(Entry("folder", takes="folder", given={"path": nowhere})) == Presence(False, "not there")
    assert not is_named(Entry(), nowhere)
    monkeypatch.setenv("DLTUI_DATA", nowhere)
    assert presence(Entry()) == Presence(False, "31 MB download")


def test_it_is_light() -> None:
    heavy = "{'numpy', 'pydantic', 'pluggy', 'requests', 'pooch'}"
    code = f"import sys, dltui.core.data.search, dltui.core.data.network; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
