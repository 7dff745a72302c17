"""Data is looked at when it is prepared: once, in full only when that is asked for, and at no cost to a run."""

from __future__ import annotations

from typing import Any

import pytest

from dltui.core.data.findings import at_start, check, record
from dltui.core.data.prepare_process import prepare
from dltui.core.data.prepared import load_prepared
from tests.core.data.test_prepare import Made, ask, made, silent

__all__ = ["made"]


def test_once_and_in_full_when_asked(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "QUICK_SAMPLES", 10)
    data = load_prepared(prepare(ask(), silent))
    found = record.read(data.fingerprint)
    assert found is not None
    assert found.is_short
    assert record.lines()["made"] == record.line(found)
    told: list[str] = []

    def tell(text: str, fraction: float | None = None) -> None:
        told.append(text)

    prepare({**ask(), at_start.FULL: True}, tell)
    found = record.read(data.fingerprint)
    assert found is not None
    assert not found.is_short
    # All of its test images are black.
    assert found.odd_counts == {"all black": 20}
    assert found.count("exact") == 19
    assert told == ["checking made"]
    prepare({**ask(), at_start.FULL: True}, tell)
    assert told == ["checking made"]


def test_a_failure_costs_no_run(
    made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*given: Any) -> None:
        raise ValueError("no such thing")

    monkeypatch.setattr(check, "quick", broken)
    data = load_prepared(prepare(ask(), silent))
    assert "no such thing" in capsys.readouterr().err
    assert at_start.told(data, "made") == ([], [])
    monkeypatch.setattr(check, "check", broken)
    with pytest.raises(ValueError, match="no such thing"):
        prepare({**ask(), at_start.FULL: True}, silent)
