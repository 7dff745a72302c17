"""What runs as this user is this user's alone to change; else it is refused with the line that repairs it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dltui.core import ownership, paths
from dltui.core.catalog import plugin_loader
from dltui.core.catalog.assemble import load_catalog
from dltui.core.checks import doctor
from dltui.core.errors import UsageError
from dltui.core.lifecycle import trust
from dltui.core.rundir.directory import RunDirectory
from dltui.core.settings import load_settings
from tests.fakes.hostile import GOOD
from tests.helpers.sample_run import make_sample_run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "plugins").mkdir(parents=True, mode=0o700)
    (tmp_path / "home").chmod(0o700)
    net = tmp_path / "home" / "plugins" / "mine.py"
    net.write_text(GOOD.format(name="mine"))
    net.chmod(0o644)
    return tmp_path / "home"


def test_a_home_that_others_may_write_to(home: Path) -> None:
    assert "mine" in load_catalog().models
    home.chmod(0o777)
    with pytest.raises(UsageError, match=rf"^anybody may write to {home}; repair it: chmod go-w {home}$"):
        load_catalog()
    assert next(check for check in doctor._folders()).text.startswith(f"anybody may write to {home}")


def test_a_plugins_folder_and_a_file_in_it(home: Path) -> None:
    folder = home / "plugins"
    (folder / "mine.py").chmod(0o666)
    catalog = load_catalog()
    assert "mine" not in catalog.models
    mine = f"{folder}/mine.py"
    assert catalog.problems == [("mine.py", f"anybody may write to {mine}; repair it: chmod go-w {mine}")]
    (folder / "mine.py").chmod(0o644)
    assert "mine" in load_catalog().models, "once it is repaired it is there"
    folder.chmod(0o777)
    catalog = load_catalog()
    assert "mine" not in catalog.models
    assert [name for name, _ in catalog.problems] == ["plugins folder"]


def test_a_file_of_the_command_line(home: Path, tmp_path: Path) -> None:
    net = tmp_path / "net.py"
    net.write_text(GOOD.format(name="net"))
    net.chmod(0o646)
    with pytest.raises(UsageError, match="anybody may write to"):
        load_catalog([net])
    loaded = plugin_loader.load({"kind": "file", "name": "net.py", "path": str(net)})
    assert "anybody may write to" in loaded.errors[0].reason, "a worker refuses it too"


def test_a_settings_file(home: Path) -> None:
    file = home / "config.toml"
    file.write_text("")
    file.chmod(0o644)
    load_settings()
    file.chmod(0o622)
    with pytest.raises(UsageError, match=r"may write to .*config\.toml; repair it: chmod"):
        load_settings()


def test_what_a_file_can_import_and_where_it_can_be_replaced(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "nets"
    folder.mkdir(mode=0o700)
    (folder / "blocks.py").write_text("x = 1")
    net = folder / "net.py"
    net.write_text(GOOD.format(name="net") + "import blocks\n")
    assert "net" in load_catalog([net]).models
    (folder / "loop.py").symlink_to("loop.py")
    assert "net" in load_catalog([net], refresh=True).models, "a link to itself is no file"
    (folder / "blocks.py").chmod(0o666)
    with pytest.raises(UsageError, match=r"anybody may write to .*/blocks.py"):
        load_catalog([net])
    (folder / "blocks.py").chmod(0o644)
    folder.chmod(0o777)
    with pytest.raises(UsageError, match=r"anybody may write to .*/nets; repair it"):
        load_catalog([net])
    folder.chmod(0o1777)
    catalog = load_catalog([net], refresh=True)
    missing = "needs the module blocks, which is not installed (net.py line 14)"
    assert catalog.problems == [("net.py", missing)], "as in /tmp"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_belongs_to_another_user(home: Path, tmp_path: Path) -> None:
    os.chown(home / "plugins" / "mine.py", 54_321, -1)
    assert "belongs to user 54321; take it over: sudo chown" in load_catalog().problems[0][1]
    assert ownership.refusal(home / "nowhere") == ""
    folder = tmp_path / "colleague"
    folder.mkdir(mode=0o755)
    net = folder / "net.py"
    net.write_text(GOOD.format(name="net"))
    for path in (folder, net):
        os.chown(path, 54_321, -1)
    with pytest.raises(UsageError, match=rf"belongs to user 54321; take a copy: cp {net} \.$"):
        load_catalog([net])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_trust_takes_the_code_of_another_user(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ownership.TRUSTED, "")
    net = tmp_path / "net.py"
    net.write_text(GOOD.format(name="net"))
    os.chown(net, 54_321, -1)
    away = RunDirectory(make_sample_run(tmp_path / "away", run_id="away").path)
    asked = json.loads(away.run_json.read_text())
    away.run_json.write_text(json.dumps({**asked, "plugins": [str(net)]}))
    assert trust.files(away) == []
    with pytest.raises(UsageError, match="belongs to user 54321"):
        load_catalog([net])
    assert "net" in trust.catalog(away, trust.Code(trust=True)).models


def test_a_read_only_home_names_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UsageError, match=r"^cannot write to .*: permission denied; set DLTUI_HOME"):
        paths.ensure_private_dir(tmp_path)
    monkeypatch.setattr(paths, "is_read_only", lambda path: True)
    with pytest.raises(UsageError, match=r"^cannot write to .*: read-only file system; set DLTUI_HOME"):
        paths.ensure_private_dir(tmp_path)
