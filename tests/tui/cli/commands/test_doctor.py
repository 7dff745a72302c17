"""`dltui doctor`: a summary at the end, and what the terminal can show."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from dltui.core.checks import doctor
from dltui.core.checks.doctor import Check
from dltui.tui.cli import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main.run(["doctor", *arguments])
    return code, capsys.readouterr().out


@pytest.mark.parametrize("broken", [False, True])
def test_the_last_line_sums_up(
    broken: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def checks() -> Iterator[Check]:
        yield Check("runs", "ok", "here")
        yield Check("torch", "bad" if broken else "absent", "not installed")

    monkeypatch.setattr(doctor, "checks", checks)
    monkeypatch.setenv("TERM", "tmux-256color")
    monkeypatch.setenv("TMUX", "/tmp/tmux-0/default,1,0")
    for name in ("COLORTERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    code, out = run(capsys)
    lines = out.splitlines()
    assert code == int(broken)
    assert lines[-1] == ("1 of 3 checks failed: torch" if broken else "3 checks, all is well")
    assert "terminal: TERM=tmux-256color, 256 colors" in lines[-2]
    assert "allow-passthrough" in lines[-2]
    assert [check["what"] for check in json.loads(run(capsys, "--json")[1])] == ["runs", "torch", "terminal"]
