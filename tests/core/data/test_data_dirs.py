"""Folders come from the environment, and a folder that cannot be used is one clear line."""

import os
import stat
from pathlib import Path

import pytest

from dltui.core import paths
from dltui.core.data import search
from dltui.core.errors import UsageError


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DLTUI_HOME", "DLTUI_CACHE", "DLTUI_CONFIG", "DLTUI_DATA", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.chdir(tmp_path)


def test_home_moves_everything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "state"))
    assert paths.runs_dir() == tmp_path / "state" / "runs"
    assert paths.cache_dir() == tmp_path / "state" / "cache"
    assert paths.config_file() == tmp_path / "state" / "config.toml"
    assert paths.plugins_dir() == tmp_path / "state" / "plugins"


def test_single_variables_win_over_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("DLTUI_CACHE", "somewhere/cache")
    monkeypatch.setenv("DLTUI_CONFIG", "~/c.toml")
    assert paths.cache_dir() == tmp_path / "somewhere" / "cache"
    assert paths.config_file() == tmp_path / "user" / "c.toml"


def test_defaults_are_below_the_users_home(tmp_path: Path) -> None:
    for path in (paths.home(), paths.cache_dir(), paths.config_file()):
        assert path.is_relative_to(tmp_path / "user")
        assert "dltui" in path.parts
    assert paths.home() != paths.cache_dir()


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    default = paths.home()
    monkeypatch.setenv("DLTUI_HOME", "")
    assert paths.home() == default


def test_data_dirs_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DLTUI_DATA", os.pathsep.join(["one", "", str(tmp_path / "two")]))
    monkeypatch.setenv("DLTUI_CACHE", str(tmp_path / "cache"))
    found = search.data_dirs("mine", "fashion-mnist")
    assert found[:6] == (
        tmp_path / "mine" / "fashion-mnist",
        tmp_path / "mine",
        tmp_path / "one" / "fashion-mnist",
        tmp_path / "one",
        tmp_path / "two" / "fashion-mnist",
        tmp_path / "two",
    )
    assert found[6] == tmp_path / "cache" / "downloads" / "fashion-mnist"
    assert tmp_path / "user" / ".keras" / "datasets" / "fashion-mnist" in found
    assert len(set(found)) == len(found)
    assert all(path.is_absolute() for path in found)


def test_data_dirs_know_how_torchvision_names_folders(tmp_path: Path) -> None:
    raw = tmp_path / "mine" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    (tmp_path / "mine" / "MNIST" / "raw").mkdir(parents=True)
    found = search.data_dirs("mine", "fashion-mnist")
    assert found.index(raw) < found.index(paths.downloads_dir())
    assert tmp_path / "mine" / "MNIST" / "raw" not in found


def test_private_dir_is_private(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "c"
    paths.ensure_private_dir(target)
    paths.ensure_private_dir(target)
    for folder in (target, target.parent, target.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_file_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for target in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UsageError, match=r"cannot write to .*file.*: .*; set DLTUI_HOME") as caught:
            paths.ensure_private_dir(target)
        assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="permission denied"):
        paths.ensure_private_dir(tmp_path)


def test_a_folder_that_the_system_refuses_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UsageError, match="permission denied"):
        paths.ensure_private_dir(tmp_path)
