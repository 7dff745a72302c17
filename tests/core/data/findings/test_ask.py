"""Any kind of input that a dataset gives can be asked for what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dltui.core.catalog.assemble import load_catalog
from dltui.core.data.findings import ask
from tests.helpers.known_catalog import Fill
from tests.helpers.own_data import make_table


def test_a_table_of_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, know_catalog: Fill) -> None:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    know_catalog(tmp_path / "home")
    texts = [f"film {number} is {('good', 'bad')[number % 2]},{number % 2}" for number in range(40)]
    path = make_table(tmp_path / "reviews.csv", ["review,stars", *texts, "film 1 is bad,1"])
    entry = load_catalog().dataset(f"csv:{path}")
    found = ask.find(entry, {**entry.given, "target": "stars", "tokens": "byte"})
    assert [one.name for one in found.data.spec.named_inputs] == ["text"]
    assert [pair.kind for pair in found.findings.pairs] == ["exact"]
