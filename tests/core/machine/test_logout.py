"""A machine that ends processes at logout is warned of, by what its own loginctl says."""

from __future__ import annotations

from pathlib import Path

import pytest

from dltui.core.machine import logout


@pytest.fixture
def loginctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A loginctl of our own, on a machine with systemd."""
    monkeypatch.setattr(logout, "_BOOTED", tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(logout, "_SECONDS", 0.5)
    return tmp_path / "loginctl"


def say(loginctl: Path, kill: str, linger: str) -> None:
    loginctl.write_text(
        f'#!/bin/sh\ncase "$1" in show) echo KillUserProcesses={kill};; show-user) echo Linger={linger};; esac\n'
    )
    loginctl.chmod(0o700)


@pytest.mark.parametrize(
    ("kill", "linger", "warned"), [("yes", "no", True), ("yes", "yes", False), ("no", "no", False), ("", "", False)]
)
def test_it_is_said_only_where_runs_would_die(loginctl: Path, kill: str, linger: str, warned: bool) -> None:
    say(loginctl, kill, linger)
    assert ("loginctl enable-linger" in logout.warning("anna")) is warned


def test_a_machine_that_does_not_answer_is_not_waited_for(loginctl: Path) -> None:
    loginctl.write_text("#!/bin/sh\nexec sleep 30\n")
    loginctl.chmod(0o700)
    assert logout.warning("anna") == ""
    loginctl.unlink()
    assert logout.warning("anna") == ""


def test_without_systemd_nothing_is_asked(loginctl: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    say(loginctl, "yes", "no")
    monkeypatch.setattr(logout, "_BOOTED", tmp_path / "no")
    assert logout.warning("anna") == ""
