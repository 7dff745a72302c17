"""Names of hosts, and how they are reached."""

from __future__ import annotations

from pathlib import Path

import pytest

from dltui.core.errors import UsageError
from dltui.core.hosts import address, mirror
from dltui.core.hosts.link import HostError, Link
from tests.helpers.sample_run import make_sample_run


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    monkeypatch.delenv("DLTUI_SSH", raising=False)
    return tmp_path / "config.toml"


@pytest.mark.parametrize("name", ["-oProxyCommand=x", "", "a b", "a:22", "a;b", "../x", "a/b", "ä", "x" * 200, "$(x)"])
def test_what_ssh_could_take_for_something_else_is_no_host(name: str, config: Path) -> None:
    with pytest.raises(UsageError, match="no host"):
        address.chosen([name])


def test_a_host_is_reached_by_the_users_ssh_that_asks_for_nothing(config: Path) -> None:
    (host,) = address.chosen(["ann@gpu01.lab"])
    assert host.command == ("ssh", *address.OPTIONS, "ann@gpu01.lab", "dltui serve-stdio")
    options = " ".join(address.OPTIONS)
    for word in ("-T -a -x", "BatchMode=yes", "ClearAllForwardings=yes", "ControlMaster=no"):
        assert word in options


def test_the_settings_say_more(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text(
        '[hosts.a]\ndltui = "~/env/bin/dltui"\nssh = "u@b"\n[hosts.c]\ncommand = "docker exec -i c dltui serve-stdio"\n'
    )
    monkeypatch.setenv("DLTUI_SSH", "/usr/bin/ssh -F 'my conf'")
    first, second = address.chosen()
    assert first.command[:3] == ("/usr/bin/ssh", "-F", "my conf")
    assert first.command[-2:] == ("u@b", "~/env/bin/dltui serve-stdio")
    assert second.command == ("docker", "exec", "-i", "c", "dltui", "serve-stdio")
    assert [host.name for host in address.chosen(["c"])] == ["c"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hosts = 3", "hosts must be tables"),
        ("[hosts]\ngpu01 = 'x'", "hosts must be tables"),
        ("[hosts.a]\nport = 3", "has port; there is ssh, dltui, command"),
        ("[hosts.a]\nssh = 3", "takes texts"),
        ("[hosts.a]\nssh = '-oX=y'", "is a destination, not an option"),
        ("[hosts.a]\ncommand = 'a \"b'", "No closing quotation"),
        ('[hosts."-x"]\n', "no host"),
    ],
)
def test_settings_that_make_no_sense_are_said_in_a_line(config: Path, text: str, said: str) -> None:
    config.write_text(text)
    with pytest.raises(UsageError, match=said):
        address.chosen()


def test_the_name_of_a_run_has_its_host(config: Path) -> None:
    assert address.split("gpu01:brisk-otter") == ("gpu01", "brisk-otter")
    assert address.split("gpu01:") == ("gpu01", "")
    assert address.split("brisk-otter") is None
    assert address.split(None) is None
    assert address.split("/tmp/a:b") is None
    assert address.split("-x:y") is None
    assert mirror.origin(mirror.directory("gpu01", "a")) == ("gpu01", "a")
    for name in ("../x", "a/b", ""):
        with pytest.raises(UsageError):
            mirror.directory("gpu01", name)


def test_a_device_may_be_of_a_host() -> None:
    assert address.of_device("gpu01:cuda:0") == ("gpu01", "cuda:0")
    for here in ("cuda:0", "cpu", "mps", "cpu:2", "cuda:0,cuda:1", "auto", "cuda:all", "gpu01:"):
        assert address.of_device(here) is None


def test_the_home_stands_for_the_tilde_of_a_program(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setenv("DLTUI_SSH", "~/bin/ssh -F x")
    config.write_text('[hosts.a]\n[hosts.b]\ncommand = "~/bin/x ~/y"\n')
    first, second = address.chosen()
    assert first.command[0] == "/home/ann/bin/ssh"
    assert second.command == ("/home/ann/bin/x", "~/y")


def test_a_run_of_this_host_may_have_a_name_with_a_colon(config: Path, tmp_path: Path) -> None:
    run = make_sample_run(tmp_path / "runs", status="starting", run_id="brisk-otter")
    run.set_labels(name="lr:0.1")
    assert address.elsewhere("lr:0.1") is None
    assert address.elsewhere("lr:0") == ("lr", "0")
    assert address.elsewhere("brisk-otter") is None


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("ssh",), "gpu01 does not answer: ssh is not installed here"),
        (("nossh", "-T"), r"nossh cannot be started here \(no such file or directory\): DLTUI_SSH, or \[hosts.gpu01\]"),
    ],
)
def test_a_program_that_is_missing_is_named(
    command: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    link = Link(address.Host("gpu01", command))
    link.start()
    with pytest.raises(HostError, match=said):
        link.wait()
    link.close()
