"""`dltui datasets check`: tables, JSON, and the rows that it adds to a review."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dltui.core.analysis import label_errors
from dltui.core.analysis.label_errors import Candidate, LabelErrors
from dltui.core.data.findings import ask, check
from dltui.core.data.findings.ask import Looked
from dltui.core.data.findings.review import Opinion, read_file, save_opinions
from dltui.core.errors import UsageError
from dltui.tui.cli import main
from dltui.tui.cli.commands import datasets_check
from tests.core.data.findings.planted import planted
from tests.helpers.known_catalog import Fill
from tests.helpers.sample_run import make_sample_run

SUSPECTS = LabelErrors("r", ("a", "b", "c"), 160, (Candidate("test", 3, 0, 1, 0.01, 0.9, 4.5, "x.png"),))


@pytest.fixture(autouse=True)
def looked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, know_catalog: Fill) -> None:
    data = planted().data
    found = Looked("digits", data, check.check(data))
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path))
    know_catalog(tmp_path)
    monkeypatch.setattr(ask, "find", lambda *_: found)
    monkeypatch.setattr(label_errors, "of_run", lambda reader: SUSPECTS)
    make_sample_run(tmp_path / "runs", run_id="r", epochs=1, image=False)


def call(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main.run(["datasets", "check", "fashion-mnist", *words]) == 0
    return capsys.readouterr().out


def test_tables(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    said = call(capsys, "--run", "r")
    assert said.startswith("data of planted: 1 exact and 1 near duplicates between splits (leakage)")
    assert re.search(r"exact +train 1020 +test 5", said)
    assert re.search(r"test 8 +all black", said)
    assert re.search(r"test 3 x.png +a +b +90.0 %", said)
    monkeypatch.setattr(datasets_check, "MOST", 2)
    assert "and 4 more pairs: --json has all" in call(capsys)


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    found: dict[str, Any] = json.loads(call(capsys, "--json", "--run", "r"))
    assert found["line"].startswith("data of planted")
    assert found["pair_counts"]["exact: train, test"] == 1
    assert {pair["kind"] for pair in found["pairs"]} == {"exact", "near"}
    assert found["per_class"]["test"] == [33, 34, 33]
    assert found["label_errors"]["candidates"][0]["proposed"] == 1
    assert "label_errors" not in json.loads(call(capsys, "--json"))


def test_rows_of_a_review(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    save_opinions(path, [Opinion("test", 3, "a", "b", 0.9, "keep")])
    said = call(capsys, "--write", str(path), "--run", "r")
    rows = read_file(path)
    assert f"{path} marks {len(rows) - 1} samples to leave out: --data drop={path}" in said
    assert rows["test", 3].mark == "keep", "what a person has judged stays"
    assert rows["train", 1020].of == "test 5"
    assert {row.mark for row in rows.values()} == {"keep", "duplicate", "broken"}


def test_a_run_on_other_data_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["datasets", "check", "digits", "--run", "r"]) == 2
    assert capsys.readouterr().err == "dltui: r was trained on fashion-mnist, not on digits\n"


def test_a_home_is_a_home_whatever_the_shell_leaves_of_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It expands `~` at the beginning of a word only."""
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.chdir(tmp_path)
    call(capsys, "--write=~/mine.csv")
    assert read_file(tmp_path / "me" / "mine.csv")
    assert not (tmp_path / "~").exists()


def test_data_is_looked_at_as_a_model_or_a_run_has_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known, asked = ask.find(None, {}), []  # type: ignore[arg-type]

    def find(*given: Any) -> Looked:
        asked.append(given[4])
        return known

    monkeypatch.setattr(ask, "find", find)
    call(capsys)
    call(capsys, "--run", "r")
    call(capsys, "--model", "softmax")
    assert asked == [None, ("classification", ("single",)), ("classification", ("single",))]
    assert main.run(["datasets", "check", "fashion-mnist", "--model", "linear-regression"]) == 2
    assert "linear-regression-torch does not train on fashion-mnist" in capsys.readouterr().err


def test_a_run_of_numbers_has_no_suspects_and_a_run_needs_no_model(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def of_run(reader: object) -> LabelErrors:
        raise UsageError("r has no predictions of classes yet")

    monkeypatch.setattr(label_errors, "of_run", of_run)
    record = tmp_path / "runs" / "r" / "run.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"task": "regression"}))
    assert "label_errors" not in json.loads(call(capsys, "--json", "--run", "r"))
    assert main.run(["datasets", "check", "fashion-mnist", "--run", "r", "--model", "softmax"]) == 2
    assert "--run says which model it is; leave out --model" in capsys.readouterr().err


def test_a_review_of_data_that_was_divided_otherwise_is_not_written_to(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "mine.csv"
    save_opinions(path, [Opinion("test", 3, "a", "b", 0.9, "suspect", "y.png")])
    before = path.read_bytes()
    assert main.run(["datasets", "check", "fashion-mnist", "--run", "r", "--write", str(path)]) == 2
    told = "mine.csv holds y.png as test 3, which is x.png here: files were added or removed, or the data was divided o"
    assert told in capsys.readouterr().err
    assert path.read_bytes() == before


def test_a_file_is_known_by_its_name_where_others_were_added_or_removed() -> None:
    """Its id is another then; lines of a table are not known so."""
    held = ((4, "y.png"), (5, "x.png"), (7, "line 9"))
    known = {("test", at): Opinion("test", at, "a", "b", 0.9, "keep", name) for at, name in held}
    at_4 = Opinion("test", 4, "a", "b", 0.9, "suspect", "x.png")
    new = [Opinion("test", at, "a", "b", 0.9, "suspect", name) for at, name in ((6, "z.png"), (8, "line 9"))]
    assert datasets_check._new([at_4, *new], known, Path("mine.csv")) == new


def test_of_a_file_that_a_table_names_twice_each_sample_is_known_by_its_id() -> None:
    one, two, three = (Opinion("test", at, "a", "b", 0.9, "suspect", "x.png") for at in (3, 5, 7))
    assert datasets_check._new([one, two], {one.key: one}, Path("mine.csv")) == [two]
    assert datasets_check._new([three], {one.key: one, two.key: two}, Path("mine.csv")) == [three]
