"""csv:PATH: what becomes of somebody's own table, and what is said of one that is no good."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dltui.core.contract import Data, Input, Spec
from dltui.core.data.findings.review import Opinion, save_opinions
from dltui.core.errors import RunError, UsageError
from dltui.core.inputs.given import read as read_samples
from dltui.core.inputs.given import read_rows
from dltui.core.inputs.kinds import kind_of
from dltui.plugins.datasets.tables.dataset import preview
from dltui.plugins.datasets.tables.options import CsvOptions
from dltui.plugins.datasets.tables.table import look_through
from tests.helpers.marks import examples
from tests.helpers.own_data import left_in_cache, make_table, prepared

PLANTS = [
    "height,soil,kind",
    *(f"{number}.5,{('clay', 'sand')[number % 2]},{('oak', 'elm')[number % 2]}" for number in range(40)),
]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DLTUI_CACHE", raising=False)
    return tmp_path / "home"


def table(tmp_path: Path, lines: list[str]) -> str:
    return str(make_table(tmp_path / "table.csv", lines))


def test_classes_with_numbers_and_categories(tmp_path: Path) -> None:
    data = prepared("csv", path=table(tmp_path, PLANTS))
    assert data.spec.classes == ("elm", "oak")
    assert data.spec.input_shape == (3,)
    assert [asdict(column) for column in data.spec.columns] == [
        {"name": "height", "kind": "number", "first": 0, "width": 1},
        {"name": "soil", "kind": "category", "first": 1, "width": 2},
    ]
    assert Spec.from_json(json.loads(json.dumps(asdict(data.spec)))) == data.spec
    assert (len(data.train), len(data.validation), len(data.test)) == (28, 4, 8)
    assert np.bincount(data.test.y).tolist() == [4, 4]
    # The one-hot columns tell the soil, which goes with the kind.
    assert set(map(tuple, data.train.x[:, 1:].tolist())) == {(1.0, 0.0), (0.0, 1.0)}


def test_numbers_are_scaled_by_the_training_rows_alone(tmp_path: Path) -> None:
    data = prepared("csv", path=table(tmp_path, PLANTS))
    assert data.spec.mean[0] == pytest.approx(float(data.train.x[:, 0].mean()), abs=1e-5)
    assert data.spec.std[0] == pytest.approx(float(data.train.x[:, 0].std()), rel=1e-5)
    assert data.spec.mean[1:] == (0.0, 0.0)
    assert prepared("csv", path=table(tmp_path, PLANTS), scale=False).spec.mean == (0.0, 0.0, 0.0)


def test_regression_predicts_the_number_itself(tmp_path: Path) -> None:
    lines = ["x;price", *(f"{number};{3 * number}" for number in range(30))]
    data = prepared("csv", "regression", path=table(tmp_path, lines))
    assert data.spec.task == "regression"
    assert np.allclose(data.train.y[:, 0], 3 * data.train.x[:, 0])


def test_the_same_file_serves_both_tasks(tmp_path: Path) -> None:
    path = table(tmp_path, ["x,grade", *(f"{number},{number % 3}" for number in range(30))])
    assert prepared("csv", "regression", path=path).train.y.dtype == np.float32
    assert prepared("csv", "classification", path=path).spec.classes == ("0", "1", "2")


def test_gaps_are_filled_with_the_training_median_and_told(tmp_path: Path) -> None:
    lines = [
        "x,soil,kind",
        *(f"{number if number % 5 else 'NA'},{'' if number % 7 == 0 else 'clay'},{number % 2}" for number in range(50)),
    ]
    data = prepared("csv", path=table(tmp_path, lines))
    assert data.notes == ("filled with the median of the train split: 10 missing numbers",)
    full = np.concatenate([data.train.x, data.validation.x, data.test.x])
    assert np.isfinite(full).all()
    dropped = prepared("csv", path=table(tmp_path, lines), missing="drop")
    assert len(dropped.train) + len(dropped.validation) + len(dropped.test) < 50
    assert "left out because of gaps: " in dropped.notes[0]


def test_names_and_prose_are_left_out_and_told(tmp_path: Path) -> None:
    lines = ["name,x,y", *(f"person {number},{number},{number % 2}" for number in range(40))]
    data = prepared("csv", path=table(tmp_path, lines))
    assert data.spec.input_shape == (1,)
    told = "too many different texts; tabular reads one with --data text=COLUMN"
    assert data.notes == (f"column 'name' is left out: {told}",)


def test_columns_can_be_chosen(tmp_path: Path) -> None:
    data = prepared("csv", path=table(tmp_path, PLANTS), target="soil", drop="kind")
    assert data.spec.classes == ("clay", "sand")
    assert data.spec.input_shape == (1,)


def test_classes_that_are_numbers_are_in_their_order(tmp_path: Path) -> None:
    lines = ["x,digit", *(f"{number},{number % 11}" for number in range(110))]
    assert prepared("csv", path=table(tmp_path, lines)).spec.classes == tuple(map(str, range(11)))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_every_usual_separator(tmp_path: Path, separator: str) -> None:
    lines = [line.replace(",", separator) for line in PLANTS]
    assert prepared("csv", path=table(tmp_path, lines)).spec.input_shape == (3,)


def test_a_file_without_a_header_is_recognized(tmp_path: Path) -> None:
    lines = [f"{number}.1,{number}.2,{('oak', 'elm')[number % 2]}" for number in range(30)]
    data = prepared("csv", path=table(tmp_path, lines))
    assert len(data.train) + len(data.validation) + len(data.test) == 30
    assert look_through(table(tmp_path, lines), "auto").columns[2].name == "column 3"


def test_quoted_separators_newlines_and_a_byte_order_mark(tmp_path: Path) -> None:
    rows = "".join(f'{number},"a, b\nc",{number % 2}\n' for number in range(30))
    (tmp_path / "table.csv").write_bytes(b"\xef\xbb\xbf" + f"x,text,kind\n{rows}".encode())
    found = look_through(str(tmp_path / "table.csv"), "auto")
    assert [column.name for column in found.columns] == ["x", "text", "kind"]
    assert list(found.columns[1].values) == ["a, b\nc"]


@pytest.mark.parametrize(
    ("lines", "task", "options", "words"),
    [
        ([""], "classification", {}, "is empty"),
        (["x,y"], "classification", {}, "has a header and no rows"),
        (["x", "1", "2"], "classification", {}, "has one column"),
        ([*PLANTS, "1,clay"], "classification", {}, "line 42 has 2 columns, the first has 3"),
        ([*PLANTS, "1,clay,"], "classification", {}, "line 42 has no 'kind', the target"),
        (PLANTS, "classification", {"target": "kinds"}, "no column 'kinds'; did you mean kind"),
        (PLANTS, "classification", {"drop": "color"}, "no column 'color'; there are height, soil, kind"),
        (PLANTS, "classification", {"drop": "kind"}, "'kind' is the target and cannot be left out"),
        (PLANTS, "classification", {"drop": "height,soil"}, "no column of numbers or categories"),
        (PLANTS, "regression", {}, "the target 'kind' is text, and regression needs numbers"),
        (["x,y", *(f"{n},{n}" for n in range(200))], "classification", {}, "different numbers, which are no classes"),
        (["x,y", *(f"{n},1" for n in range(50))], "classification", {}, "has one class, '1'; two are needed"),
        (["x,y", *(f"{n},NaN" for n in range(50))], "regression", {}, "the target 'y' is empty in every row"),
        (["x,y", "1,2", "2,NaN", "3,1"], "regression", {}, "line 3 has no 'y', the target"),
        (["x,y", "1,2", "2,1"], "regression", {}, "too few rows for a (test|validation) part: 2 in all"),
        (["x,x,y", "1,2,3"], "regression", {}, "two columns called 'x'"),
        (["x,y", f"{'9' * 17_000_000},1"], "regression", {}, "line 2 has a cell of more than 16,777,216 characters"),
        (["x,y", *(f"{n},{n}" for n in range(50)), '1,"2', "3,4"], "regression", {}, "line 52 opens a quotation mark"),
    ],
)
def test_bad_tables_are_one_line_and_leave_nothing(
    tmp_path: Path, home: Path, lines: list[str], task: str, options: dict[str, str], words: str
) -> None:
    with pytest.raises(RunError, match=words) as caught:
        prepared("csv", task, path=table(tmp_path, lines), **options)
    assert "\n" not in str(caught.value)
    assert left_in_cache(home) == []


def test_what_is_no_text_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"a,b\n\xff\xfe,1\n")
    with pytest.raises(RunError, match="is not UTF-8 text"):
        prepared("csv", path=str(tmp_path / "x.csv"))


def test_the_preview_tells_the_schema(tmp_path: Path) -> None:
    found = preview(CsvOptions(path=table(tmp_path, [*PLANTS, "NA,clay,oak"])))
    facts = dict(found.facts)
    assert facts["target"] == "kind: category, 2: oak, elm"
    assert facts["train"] == "mlp or softmax (classes)"
    assert facts["height"] == "number, 0.5 to 39.5, 1 missing"
    assert facts["soil"] == "category, 2: clay, sand"
    assert found.columns == ("height", "soil", "kind")
    assert found.rows[0] == ("0.5", "clay", "oak")
    assert dict(found.classes) == {"oak": 21, "elm": 20}
    assert (found.train, found.image) == (30, ())
    assert preview(CsvOptions(path=table(tmp_path, PLANTS), missing="drop")).train == 0


CELLS = st.one_of(
    st.text(max_size=6),
    st.sampled_from(["", "NA", "nan", "inf", "1e400", "1_0", '"', "a,b", "\x00", "-0", "1", "2.5", "x"]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(150))
@given(
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=40),
    task=st.sampled_from(["classification", "regression"]),
)
def test_any_table_ends_in_finite_numbers_or_in_one_line(tmp_path: Path, rows: list[list[str]], task: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes("\n".join(",".join(row) for row in rows).encode("utf-8", "replace"))
    with contextlib.suppress(RunError):
        data = prepared("csv", task, path=str(path))
        assert np.isfinite(data.train.x).all()
        assert np.isfinite(data.train.y).all()


def test_a_review_leaves_out_rows_beside_columns(tmp_path: Path) -> None:
    whole = prepared("csv", path=table(tmp_path, PLANTS), target="soil", drop="kind")
    review = tmp_path / "review.csv"
    row = int(whole.test.ids[0])
    save_opinions(review, [Opinion("test", row, whole.spec.classes[whole.test.y[0]], "", 1.0, "broken")])
    data = prepared("csv", path=table(tmp_path, PLANTS), target="soil", drop=f"kind,{review}")
    assert [column.name for column in data.spec.columns] == [column.name for column in whole.spec.columns]
    assert data.test.ids.tolist() == whole.test.ids[1:].tolist()
    assert any(note.startswith("left out by review.csv") for note in data.notes)


def test_a_model_for_tables_gets_numbers_and_numbers_of_categories(tmp_path: Path) -> None:
    data = prepared("csv", takes=("table",), path=table(tmp_path, PLANTS))
    numbers, categories = data.spec.named_inputs
    assert (numbers.name, numbers.shape, numbers.places) == ("numbers", (1,), ("height",))
    assert numbers.std[0] == pytest.approx(float(data.train.x["numbers"].std()), rel=1e-5)
    assert (categories.vocabulary, categories.places, categories.texts) == ((3,), ("soil",), (("", "clay", "sand"),))
    assert data.train.x["categories"].tolist() == [[2 - name] for name in data.train.y.tolist()]
    assert data.spec.input_shape == ()


def test_predict_reads_a_table_as_training_did(tmp_path: Path) -> None:
    """Of the same cells the same numbers: with offsets, gaps, and decimal commas."""
    lines = ["time;size;soil;kind"]
    for number in range(60):
        size = "NA" if number % 9 == 4 else f"1.{number + 100},5"
        soil = "n/a" if number % 7 == 3 else ("clay", "sand")[number % 2]
        lines.append(f"{1_700_000_000 + 37 * (number * 7 % 60)};{size};{soil};{('oak', 'elm')[number % 2]}")
    path = table(tmp_path, lines)
    data = prepared("csv", takes=("table",), path=path)
    assert data.spec.named_inputs[0].offsets[0] > 1_600_000_000
    x, _ = read_samples(path, data.spec.named_inputs)
    parts = np.concatenate([part.x for part in (data.train, data.validation, data.test)])
    assert sorted(map(str, x.tolist())) == sorted(map(str, parts.tolist()))
    single = prepared("csv", path=path)
    columns = [Input.from_json(one) for one in json.loads(json.dumps(single.inputs))["table"]["inputs"]]
    x, _ = read_rows(path, columns)
    parts = np.concatenate([part.x for part in (single.train, single.validation, single.test)])
    assert x.dtype == parts.dtype
    assert sorted(x.tolist()) == sorted(parts.tolist())
    dropped = prepared("csv", takes=("table",), path=path, missing="drop")
    with pytest.raises(UsageError, match="line 6 has no 'size', and this model knows no gaps; fill it in"):
        read_samples(path, dropped.spec.named_inputs)


def test_a_category_that_the_train_rows_lack_has_a_number_of_its_own(tmp_path: Path) -> None:
    rows = [f"{number}.5,{'rock' if number == 0 else 'sand'},{('oak', 'elm')[number % 2]}" for number in range(60)]
    for seed in range(20):
        data = prepared("csv", takes=("table",), path=table(tmp_path, ["height,soil,kind", *rows]), split_seed=seed)
        texts = data.spec.named_inputs[1].texts[0]
        if "rock" not in texts:
            found = [part.x["categories"].min() for part in (data.train, data.validation, data.test)]
            assert texts == ("", "sand")
            assert found[0] == 1
            assert min(found) == 0
            return
    raise AssertionError("no seed left the category out of the train rows")


REVIEWS = [
    "review,stars",
    *(f"the {('good', 'bad')[number % 2]} film no {number},{number % 2}" for number in range(40)),
]


def test_a_column_of_texts_becomes_words(tmp_path: Path) -> None:
    data = prepared("csv", takes=("sequence",), path=table(tmp_path, [*REVIEWS, "'',1"]), length=3)
    one = data.spec.named_inputs[0]
    assert (one.name, one.shape, one.tokens, one.padded) == ("text", (3,), "word", True)
    assert one.texts[0][:3] == ("film", "no", "the")
    assert one.vocabulary == (len(one.texts[0]) + 2,)
    assert {row[1] for row in data.train.x["text"].tolist()} <= {0, *range(2, one.vocabulary[0])}
    assert any("texts are cut after 3 words" in note for note in data.notes)


def test_a_text_as_bytes_chosen_by_name(tmp_path: Path) -> None:
    lines = ["stars,note,review", *(f"{n % 2},some note {n},text {n}" for n in range(40)), "1,,"]
    data = prepared(
        "csv", takes=("sequence",), path=table(tmp_path, lines), text="review", target="stars", tokens="byte"
    )
    one = data.spec.named_inputs[0]
    assert (one.shape, one.vocabulary) == ((7,), (258,))
    assert "empty texts, each taken as one unknown token: 1" in data.notes
    assert "only the column 'review' is read; left out: note" in data.notes


@pytest.mark.parametrize(
    ("lines", "options", "line"),
    [
        (PLANTS, {}, "has no column of texts that are all different; set --data text=COLUMN"),
        (REVIEWS, {"text": "revue"}, "has no column 'revue'; did you mean review"),
        (REVIEWS, {"text": "review", "target": "review"}, "'review' is the text and cannot be the target"),
        (
            ["note,stars", *(f",{n % 2}" for n in range(40))],
            {"text": "note"},
            "the texts of the train split have no words; set --data text=COLUMN",
        ),
        ([*REVIEWS, "more,"], {}, "line 42 has no 'stars', the target"),
        (
            ["a,b,c", *(f"x {n},y {n},{n % 2}" for n in range(30))],
            {},
            "has the text columns 'a', 'b'; set --data text=",
        ),
    ],
)
def test_wrong_texts_are_told_in_one_line(tmp_path: Path, lines: list[str], options: dict[str, str], line: str) -> None:
    with pytest.raises(RunError, match=line):
        prepared("csv", takes=("sequence",), path=table(tmp_path, lines), **options)


def test_a_line_with_too_many_cells_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="line 42 has 4 columns, the first has 3; write a text with ',' in it as"):
        prepared("csv", path=table(tmp_path, [*PLANTS, "1,clay,oak,elm"]))


NOTES = [
    "size,city,note,kind",
    *(f"{n}.5,{('Rome', 'Oslo')[n % 2]},word{n % 5} and no {n},{('oak', 'elm')[n % 2]}" for n in range(60)),
]


@pytest.mark.parametrize("takes", ["table", "named"])
def test_a_text_is_read_beside_numbers_and_categories(tmp_path: Path, takes: str) -> None:
    path = table(tmp_path, [*NOTES, ",Rome,,oak"])
    data = prepared("csv", takes=(takes,), path=path, text="note")
    numbers, categories, text = data.spec.named_inputs
    assert (numbers.places, categories.places, text.places) == (("size",), ("city",), ("note",))
    assert (text.shape, text.padded, text.tokens) == ((4,), True, "word")
    assert kind_of(data.spec.named_inputs) == "table"
    assert "empty texts, each taken as one unknown token: 1" in data.notes
    x, _ = read_samples(path, data.spec.named_inputs)
    parts = np.concatenate([part.x for part in (data.train, data.validation, data.test)])
    assert sorted(map(str, x.tolist())) == sorted(map(str, parts.tolist()))
    whole = prepared("csv", takes=(takes,), path=path, text="note", missing="drop")
    assert sum(len(part.x) for part in (whole.train, whole.validation, whole.test)) == 60


@pytest.mark.parametrize(
    ("takes", "options", "line"),
    [
        ("single", {"text": "note"}, "text=note is for tabular, lstm and transformer, this model reads no texts"),
        ("table", {"tokens": "byte"}, "tokens=byte is for a column of texts; name it with --data text=COLUMN"),
        ("table", {"text": "kind"}, "'kind' is the text and cannot be the target; set --data target=COLUMN"),
        ("table", {"text": "note", "drop": "size,city"}, "has no column of numbers or categories beside the text: tra"),
        (
            "table",
            {"text": "size"},
            "the column 'size' of .* holds numbers, 0.5 to 59.5, and no texts; leave out ",
        ),
    ],
)
def test_texts_that_are_not_read_are_refused(tmp_path: Path, takes: str, options: dict[str, str], line: str) -> None:
    with pytest.raises(RunError, match=line):
        prepared("csv", takes=(takes,), path=table(tmp_path, NOTES), **options)


@pytest.mark.parametrize("tokens", ["word", "byte"])
def test_numbers_below_zero_are_no_tokens(tmp_path: Path, tokens: str) -> None:
    lines = ["code,kind", *(f"{n - 20},{'ab'[n % 2]}" for n in range(60))]
    with pytest.raises(RunError, match=r"the column 'code' of .* holds numbers, -20 to 39, and no texts; leave out"):
        prepared("csv", takes=("sequence",), path=table(tmp_path, lines), text="code", tokens=tokens)


def test_digits_of_codes_are_read_as_bytes(tmp_path: Path) -> None:
    lines = ["code,kind", *(f"{n * 7919 % 10_000},{'ab'[n % 2]}" for n in range(60))]
    one = prepared("csv", takes=("sequence",), path=table(tmp_path, lines), text="code", tokens="byte").spec
    assert one.named_inputs[0].shape == (4,)


def test_the_preview_of_a_text_beside_others(tmp_path: Path) -> None:
    found = preview(CsvOptions(path=table(tmp_path, NOTES), text="note"))
    assert ("note", "the text that is read") in found.facts
    assert ("city", "category, 2: Rome, Oslo") in found.facts
    assert ("train", "tabular, or lstm or transformer (the text alone)") in found.facts


def test_the_preview_of_a_chosen_text_beside_another(tmp_path: Path) -> None:
    lines = ["a,b,c", *(f"x {n},y {n},{n % 2}" for n in range(30))]
    found = preview(CsvOptions(path=table(tmp_path, lines), text="b"))
    assert ("b", "the text that is read") in found.facts
    assert ("train", "lstm or transformer (texts)") in found.facts


def test_the_preview_of_a_text_in_the_last_of_two_columns(tmp_path: Path) -> None:
    lines = ["a,b", *(f"{n % 2},y {n}" for n in range(30))]
    assert ("target", "a") in preview(CsvOptions(path=table(tmp_path, lines), text="b")).facts


def test_the_preview_of_a_table_with_texts_alone(tmp_path: Path) -> None:
    found = preview(CsvOptions(path=table(tmp_path, REVIEWS)))
    assert ("review", "the text that is read") in found.facts
    assert ("train", "lstm or transformer (texts)") in found.facts
    assert dict(found.classes) == {"0": 20, "1": 20}


@pytest.mark.parametrize("takes", ["table", "single"])
def test_a_category_called_missing_is_no_gap(tmp_path: Path, takes: str) -> None:
    """In training and in `dltui predict`."""
    soils = ("missing", "", "sand", "clay")
    lines = ["height,soil,kind", *(f"{n}.5,{soils[n % 4]},{('oak', 'elm')[n % 2]}" for n in range(80))]
    path = table(tmp_path, lines)
    data = prepared("csv", takes=(takes,), path=path)
    named = data.spec.named_inputs or tuple(map(Input.from_json, data.inputs["table"]["inputs"]))  # type: ignore[call-overload,index]
    assert sorted(named[1].texts[0]) == ["", "(missing)", "clay", "missing", "sand"]
    assert named[1].texts[0][named[1].gaps[0]] == "(missing)"
    read = read_samples if data.spec.named_inputs else read_rows
    x, _ = read(path, named)
    parts = np.concatenate([part.x for part in (data.train, data.validation, data.test)])
    assert sorted(map(str, x.tolist())) == sorted(map(str, parts.tolist()))


@pytest.mark.parametrize("takes", ["table", "single"])
def test_what_a_review_leaves_out_counts_in_no_statistic(tmp_path: Path, takes: str) -> None:
    lines = ["height,soil,kind", *(f"{number}.5,{('clay', 'sand')[number % 2]},{number % 2}" for number in range(40))]
    lines[7] = "1000000.5,lava,1"
    path, review = table(tmp_path, lines), tmp_path / "review.csv"
    row = next(
        int(data.train.ids[place])
        for data in [prepared("csv", path=path)]
        for place in range(len(data.train))
        if data.train.x[place, 0] > 1000
    )
    save_opinions(review, [Opinion("train", row, "1", "", 1.0, "broken")])
    spec = prepared("csv", takes=(takes,), path=path, drop=str(review)).spec
    numbers = spec.named("numbers")
    assert (numbers.mean if numbers else spec.mean)[0] < 40
    assert (numbers.std if numbers else spec.std)[0] < 40
    categories = spec.named("categories")
    assert categories.texts == (("", "clay", "sand"),) if categories else spec.input_shape == (3,)  # type: ignore[union-attr]


def every(data: Data, name: str = "") -> list[float]:
    """The first numbers of all samples, in order."""
    parts = [part.x[name] if name else part.x for part in (data.train, data.validation, data.test)]
    return sorted(float(value) for part in parts for value in part.reshape(len(part), -1)[:, 0])


@pytest.mark.parametrize("takes", ["single", "table"])
@pytest.mark.parametrize("options", [{"split_seed": 3}, {"test": 0.4}, {}])
def test_a_review_knows_rows_by_their_lines(tmp_path: Path, takes: str, options: dict[str, float]) -> None:
    """However they are divided, by the data or by the options."""
    lines = ["x,price", *(f"{number},{3 * number}" for number in range(40))]
    data = prepared("csv", "regression", (takes,), path=table(tmp_path, lines))
    row = len(data.train) // 2
    x = float((data.train.x["numbers"] if takes == "table" else data.train.x)[row, 0])
    name = data.train.names[row].decode()
    assert name == f"line {int(x) + 2}"
    save_opinions(tmp_path / "review.csv", [Opinion("train", int(data.train.ids[row]), "", "", 1.0, "broken", name)])
    path = table(tmp_path, [*lines, "40,120"])
    left = prepared("csv", "regression", (takes,), path=path, drop=str(tmp_path / "review.csv"), **options)
    assert every(left, "numbers" if takes == "table" else "") == [float(n) for n in range(41) if n != x]


def test_a_review_of_a_line_of_another_class_is_refused(tmp_path: Path) -> None:
    save_opinions(tmp_path / "review.csv", [Opinion("train", 0, "oak", "", 1.0, "broken", "line 3")])
    with pytest.raises(RunError, match=r"review.csv is of other data: .* of class oak, which is elm here"):
        prepared("csv", path=table(tmp_path, PLANTS), drop=str(tmp_path / "review.csv"))
    prepared("csv", path=table(tmp_path, [PLANTS[0], *PLANTS[2:], PLANTS[1]]), drop=str(tmp_path / "review.csv"))


def test_lines_of_texts_are_known_and_those_of_rows_with_gaps_stay_right(tmp_path: Path) -> None:
    data = prepared("csv", takes=("sequence",), path=table(tmp_path, REVIEWS))
    at = [int(name.decode().removeprefix("line ")) - 2 for name in data.train.names]
    assert [number % 2 for number in at] == data.train.y.tolist()
    lines = ["x,price", *(f"{number if number % 5 else ''},{3 * number}" for number in range(40))]
    data = prepared("csv", "regression", path=table(tmp_path, lines), missing="drop")
    assert [f"line {int(x) + 2}" for x in data.train.x[:, 0]] == [name.decode() for name in data.train.names]


def test_the_longest_text_counts_wherever_it_is(tmp_path: Path) -> None:
    texts = [f"the {('good', 'bad')[number % 2]} film no {number}" for number in range(40)]
    for place in range(40):
        longer = [f"{text} and more of it" if at == place else text for at, text in enumerate(texts)]
        lines = ["review,stars", *(f"{text},{number % 2}" for number, text in enumerate(longer))]
        data = prepared("csv", takes=("sequence",), path=table(tmp_path, lines), length=1000)
        if f"line {place + 2}".encode() not in data.train.names.tolist():
            assert data.spec.named_inputs[0].shape == (9,)
            assert not any("are cut after" in note for note in data.notes)
            return
    raise AssertionError("every row is one of the train split")


@pytest.mark.parametrize("takes", ["single", "table"])
def test_categories_that_differ_in_white_space_are_one(tmp_path: Path, takes: str) -> None:
    """In training and in `dltui predict`."""
    cities = ("New York", "New  York", '"New\nYork"', "Oslo")
    lines = ["size,city,kind", *(f"{n}.5,{cities[n % 4]},{('oak', 'elm')[n % 2]}" for n in range(80))]
    path = table(tmp_path, lines)
    data = prepared("csv", takes=(takes,), path=path)
    named = data.spec.named_inputs or tuple(map(Input.from_json, data.inputs["table"]["inputs"]))  # type: ignore[call-overload,index]
    assert named[1].texts == (("", "New York", "Oslo"),)
    read = read_samples if data.spec.named_inputs else read_rows
    parts = np.concatenate([part.x for part in (data.train, data.validation, data.test)])
    assert sorted(map(str, read(path, named)[0].tolist())) == sorted(map(str, parts.tolist()))
