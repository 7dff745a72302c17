"""What is said of a dry run."""

from __future__ import annotations

from typing import Any

import pytest

from dltui.core.catalog.entries import Catalog
from dltui.tui.cli.launch import start


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (0, "all of it works; nothing was kept"),
        (1, "it does not work; see above"),
        (75, "ended before its end; nothing was kept"),
        (130, "it does not work; see above"),
    ],
)
def test_a_dry_run_works_where_it_has_finished(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], code: int, said: str
) -> None:
    monkeypatch.setattr(start, "create", lambda *given: None)
    monkeypatch.setattr(start, "carry_out", lambda run, options: code)
    model: Any = None
    assert start._dry_run(Catalog(), model, {}, start.Options(command=())) == code
    assert capsys.readouterr().out == f"dry run: {said}\n"
