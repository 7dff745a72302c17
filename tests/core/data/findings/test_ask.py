"""Any kind of input that a dataset gives can be asked for what is wrong with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dltui.core.catalog.assemble import load_catalog
from dltui.core.data.findings import ask, check
from dltui.core.errors import UsageError
from tests.core.data.findings.planted import planted
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


@pytest.fixture
def wine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, know_catalog: Fill) -> Path:
    """A table whose target can be a class and a number."""
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    know_catalog(tmp_path / "home")
    rows = [f"{number}.5,wine {number} is good,{number % 3}" for number in range(60)]
    return make_table(tmp_path / "wine.csv", ["acid,note,quality", *rows, rows[7]])


def test_a_table_is_divided_as_for_the_model(wine: Path) -> None:
    catalog = load_catalog()
    entry = catalog.dataset(f"csv:{wine}")
    found = {}
    for name in ("softmax", "linear-regression"):
        looked = ask.find(entry, entry.given, wanted=ask.of_model(entry, catalog.model(name)))
        found[name] = looked.data
    assert [data.spec.task for data in found.values()] == ["classification", "regression"]
    assert found["softmax"].train.names.tolist() != found["linear-regression"].train.names.tolist()
    texts = ask.find(entry, {**entry.given, "text": "note"}, wanted=ask.of_model(entry, catalog.model("lstm")))
    assert [one.name for one in texts.data.spec.named_inputs] == ["text"]
    as_run = ask.find(entry, entry.given, wanted=ask.of_run({"task": "regression"}))
    assert as_run.data.fingerprint == found["linear-regression"].fingerprint
    with pytest.raises(UsageError, match=r"unet-torch does not train on csv:.*; name a model that does"):
        ask.of_model(entry, catalog.model("unet-torch"))


def test_of_what_was_tried_the_line_that_is_wrong_is_told(tmp_path: Path, wine: Path) -> None:
    rows = [f"{number},{number}.25" for number in range(150)]
    rows[55] = "55,"
    entry = load_catalog().dataset(f"csv:{make_table(tmp_path / 'numbers.csv', ['x,y', *rows])}")
    with pytest.raises(UsageError, match="line 57 has no 'y', the target"):
        ask.find(entry, entry.given)


def test_findings_have_the_names_that_the_files_have(tmp_path: Path) -> None:
    data = planted().data
    found = check.check(data)
    assert {pair.other.name for pair in found.pairs} == {""}
    train = replace(data.train, names=np.array([f"{row}.png".encode() for row in range(len(data.train))]))
    named = ask._named(found, replace(data, train=train))
    for sample in (*(pair.other for pair in named.pairs), *(one.sample for one in named.odd)):
        assert sample.name == (f"{sample.row}.png" if sample.split == "train" else "")
