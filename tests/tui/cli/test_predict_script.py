"""The predict.py of a model with named inputs reads samples from a .npz file, that of a model of vectors tables too."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dltui.core.contract import Input
from dltui.core.errors import UsageError
from dltui.core.inputs import given, headings
from dltui.core.lifecycle.trust import AS_NAMED
from dltui.core.numbers import output
from dltui.core.rundir import log
from dltui.core.rundir.directory import RunDirectory
from dltui.tui.cli.commands.export import write_models
from dltui.tui.cli.templates import own_source
from dltui.tui.cli.templates import vector_script as vectors
from dltui.tui.cli.templates.predict_script import named_script, script
from dltui.tui.cli.templates.vector_script import vector_script
from tests.helpers.sample_run import make_sample_run

NAMED = [
    {"name": "steps", "shape": [4, 2], "dtype": "float32", "padded": True},
    {"name": "ward", "shape": [], "dtype": "int32", "padded": False, "vocabulary": [3]},
    {"name": "photo", "shape": [1, 1, 1], "dtype": "uint8", "padded": False},
]
OPTIONS = """
import numpy as np

class SessionOptions:
    log_severity_level = 2
"""
# A session that gives for each sample the sum of what its mask shows, and the ward. As Keras does, it takes images as
# float32; as exports of PyTorch do, it takes whole numbers as int64.
RUNTIME = """
KINDS = {"steps": "float32", "steps_mask": "bool", "ward": "int64", "photo": "float32"}

class Given:
    def __init__(self, name, kind):
        self.name, self.type = name, f"tensor({kind})".replace("float32", "float")

class InferenceSession:
    def __init__(self, file, options, providers):
        assert options.log_severity_level == 3
    def get_inputs(self):
        return [Given(*pair) for pair in KINDS.items()]
    def run(self, wanted, given):
        assert {name: x.dtype.name for name, x in given.items()} == KINDS
        shown = given["steps"].sum(axis=2) * given["steps_mask"]
        return [np.stack([shown.sum(axis=1), given["ward"]], axis=1).astype(np.float32)]
"""
# A session whose outputs are the samples.
ECHO = """
class InferenceSession:
    def __init__(self, file, options, providers):
        assert options.log_severity_level == 3
    def run(self, wanted, given):
        assert given["samples"].dtype == np.float32
        return [given["samples"]]
"""
QUESTION = "How much do you agree with each of these statements about the last four weeks, in general: "
SLEEP, EAT = QUESTION + "[I sleep well]", QUESTION + "[I eat\u200b well]"
CITIES = ("", *headings.categories([SLEEP, EAT, "ice"]), "missing")
TABLE = (
    Input(
        "numbers",
        (2,),
        places=tuple(headings.short_names([EAT, SLEEP])),
        offsets=(1.7e9, 0.0),
        fills=(7.5, -2.0),
        styles=("point", "comma"),
    ),
    Input("categories", (2,), "int32", (5, 2), places=("says", "kind"), texts=(CITIES, ("", "oak"))),
)


def ran(place: Path, runtime: str, script: str, *files: str, **about: object) -> tuple[int, str]:
    """The exit status and all that predict.py says of files, with a runtime in place of onnxruntime."""
    (place / "onnxruntime.py").write_text(OPTIONS + runtime)
    (place / "model.json").write_text(json.dumps(about))
    (place / "predict.py").write_text(script, encoding="utf-8")
    words = [sys.executable, "predict.py", *files]
    # What an output can show at least.
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(words, cwd=place, capture_output=True, text=True, check=False, env=ascii_only)
    return done.returncode, done.stdout + done.stderr


def said(place: Path, task: str, **arrays: object) -> tuple[int, str]:
    np.savez(place / "x.npz", **arrays)  # type: ignore[arg-type]
    script = named_script("onnx", "onnx", [str(one["name"]) for one in NAMED])
    classes = [] if task == "regression" else ["a", "b"]
    return ran(place, RUNTIME, script, "x.npz", classes=classes, task=task, named_inputs=NAMED)


def of_vectors(place: Path, file: str, table: Sequence[Input] = TABLE, size: int = 7) -> tuple[int, str]:
    about = {"classes": [], "task": "regression", "input_shape": [size], "table": [asdict(one) for one in table]}
    return ran(place, ECHO, vector_script("onnx", "onnx"), file, **about)


def test_a_table_of_one_column_has_names_of_rows(tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text('"speed"\n"1",10\n"2",20\n')
    speed = (Input("numbers", (1,), places=("speed",), styles=("comma",)),)
    assert of_vectors(tmp_path, "new.csv", speed, 1) == (0, "new.csv line 2  10\nnew.csv line 3  20\n")


@pytest.mark.parametrize(
    ("task", "told"),
    [
        ("regression", ["x.npz 0  6  0", "x.npz 1  2  1"]),
        ("classification", ["x.npz 0  a 99.75%  b 0.25%", "x.npz 1  a 73.11%  b 26.89%"]),
        ("multilabel", ["x.npz 0  a 99.75%  b 50.00%", "x.npz 1  a 88.08%  b 73.11%"]),
    ],
)
def test_samples_are_padded_masked_and_told(tmp_path: Path, task: str, told: list[str]) -> None:
    photo = np.full((2, 1, 1, 1), 255, np.uint8)
    arrays = {"steps": np.ones((2, 3, 2)), "steps_length": [3, 1], "ward": [0, 1], "photo": photo}
    assert said(tmp_path, task, **arrays) == (0, "\n".join([*told, ""]))


STEPS, PHOTO = np.ones((2, 3, 2)), np.zeros((2, 1, 1, 1))


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"steps": STEPS}, "x.npz has no array 'ward'; it needs steps, ward, photo"),
        (
            {"steps": np.ones((2, 3, 1)), "ward": [0]},
            "x.npz: steps has samples of shape (4, 1), the model takes (4, 2)",
        ),
        ({"steps": np.array([[1], None], dtype=object), "ward": [0]}, "x.npz is no .npz file of arrays (ValueError)"),
        ({"steps": STEPS, "ward": ["a", "b"]}, "x.npz: ward is an array of <U1, not of numbers"),
        (
            {"steps": STEPS, "ward": [0, 3]},
            "x.npz: ward has numbers that the model does not know; it knows 0 to 2",
        ),
        (
            {"steps": STEPS, "ward": 0, "photo": PHOTO},
            "x.npz: its arrays have different numbers of samples; each needs the same",
        ),
    ],
)
def test_what_does_not_fit_is_one_line(tmp_path: Path, arrays: dict[str, object], told: str) -> None:
    assert said(tmp_path, "regression", **arrays) == (1, f"{told}\n")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"text"])
def test_a_file_of_no_arrays_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    for text in (named_script("onnx", "onnx", ["steps"]), vector_script("onnx", "onnx")):
        status, told = ran(tmp_path, ECHO, text, "x.npz", named_inputs=NAMED, input_shape=[2])
        assert (status, told.count("\n"), told[:12]) == (1, 1, "x.npz is no ")


def test_a_table_is_read_as_predict_reads_it(tmp_path: Path) -> None:
    """Of the same cells the same numbers: with offsets, gaps, decimal commas, units, and texts that are cut."""
    rows = [
        f'1700000012;"1.234,5";"{SLEEP}";oak',
        f'n/a;"12,5 kg";"  {EAT}";elm',
        ";-;ice;",
        "1700000000.25;0;nothing known;oak",
        f'1700000003;" 7 ";;"{QUESTION}"',
    ]
    text = "\n".join([f'kind of thing;"{EAT}";"{SLEEP}";says;kind', *(f"x;{row}" for row in rows), ""])
    (tmp_path / "new.csv").write_text("\ufeff" + text, encoding="utf-8")
    x, lines = given.read_rows(str(tmp_path / "new.csv"), TABLE)
    assert x[:, :2].tolist() == [[12, 1234.5], [7.5, 12.5], [7.5, -2], [0.25, 0], [3, 7]]
    assert x[:, 2:].argmax(axis=1).tolist() == [0, 1, 2, 4, 3]
    told = "".join(
        f"new.csv line {line}  {'  '.join(f'{value:.6g}' for value in row)}\n"
        for line, row in zip(lines, x, strict=True)
    )
    assert of_vectors(tmp_path, "new.csv") == (0, told)


@pytest.mark.parametrize(
    "text",
    [
        "a,b,c\n1,2,red\n",
        "a,b,kind\n1,2\n",
        "a,b,kind\n1,x\x1b,oak\n",
        "a,b,kind\n1,,oak\n",
        "a,b,kind\n1,1e99,oak\n",
        "a,a,kind,b\n1,2,oak,3\n",
        'a,b,kind\n1,2,"oak\n3,4,oak\n',
        '{"a": 1, "b": 2}\n',
        "a,b,kind\n",
        "",
    ],
)
def test_a_table_that_does_not_fit_is_the_line_of_predict(tmp_path: Path, text: str) -> None:
    kind = Input("categories", (1,), "int32", (2,), places=("kind",), texts=(("", "oak"),))
    table = (Input("numbers", (2,), places=("a", "b")), kind)
    (tmp_path / "new.csv").write_text(text)
    with pytest.raises(UsageError) as told:
        given.read_rows(str(tmp_path / "new.csv"), table)
    line = str(told.value).replace(str(tmp_path / "new.csv"), "new.csv")
    assert of_vectors(tmp_path, "new.csv", table, 3) == (1, f"{line}\n")


def test_arrays_of_features_are_read(tmp_path: Path) -> None:
    x = np.array([[1_700_000_001, 2.5], [1_700_000_003, 4]])
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "x.npz", anything=x)
    for name in ("x.npy", "x.npz"):
        assert of_vectors(tmp_path, name, size=2) == (0, f"{name} 0  1  2.5\n{name} 1  3  4\n")
    assert of_vectors(tmp_path, "x.npy") == (1, "x.npy has an array of shape (2, 2); the model takes (n, 7)\n")
    np.save(tmp_path / "x.npy", [[1, np.nan]])
    told = "x.npy has values that are not finite float32 numbers; correct or remove them\n"
    assert of_vectors(tmp_path, "x.npy", size=2) == (1, told)
    told = "x.csv is no .npy or .npz file, and this model knows no table; numpy.save writes one\n"
    assert of_vectors(tmp_path, "x.csv", ()) == (1, told)
    assert of_vectors(tmp_path, "x.csv") == (1, "x.csv cannot be read: no such file or directory\n")


def test_an_export_tells_its_script_the_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a model of vectors; runs of older versions and other data have none."""
    monkeypatch.setattr("dltui.core.lifecycle.trained_model.ask", lambda *_: {})
    run = make_sample_run(tmp_path, task="regression", epochs=1)
    (tmp_path / "x.csv").write_text("says\nice\n")
    assert exported(run, tmp_path, "x.csv")[1].startswith("x.csv is no .npy or .npz file")
    started = log.decode(run.events_path.read_bytes().splitlines()[0])
    assert started is not None
    started["dataset"]["inputs"] = {"table": {"inputs": [asdict(TABLE[1])]}}
    run.events_path.write_bytes(log.encode(started))
    assert exported(run, tmp_path, "x.csv") == (1, "x.csv has no column 'kind'; its first line names the columns\n")
    about = json.loads((tmp_path / "model.json").read_text())
    assert about["features"] == [*(f"says = {text}" for text in CITIES[1:]), "kind = oak"]


def exported(run: RunDirectory, folder: Path, file: str) -> tuple[int, str]:
    """What the exported script says of a file."""
    write_models(run, folder, ["onnx"], AS_NAMED)
    about = json.loads((folder / "model.json").read_text())
    return ran(folder, ECHO, (folder / "predict.py").read_text(encoding="utf-8"), file, **about)


# A session that gives the mean of each channel of an image.
MEANS = """
class InferenceSession:
    def __init__(self, file, options, providers):
        pass
    def run(self, wanted, given):
        return [given["samples"].mean(axis=(1, 2))]
"""
READING = {"height": 1, "width": 1, "channels": 1, "fit": "stretch", "range": [0, 255]}
HOSTILE = "caf\udce9 \x1b]52;c;aGk=\x07"
SHOWN = r"caf\udce9 \x1b]52;c;aGk=\x07"


def test_names_of_files_are_clean_and_shown_whatever_their_letters(tmp_path: Path) -> None:
    """Those of images, of named inputs and of vectors, in an output that has ASCII alone."""
    Image.new("L", (1, 1), 7).save(tmp_path / f"{HOSTILE}.png")
    told = ran(tmp_path, MEANS, script("onnx", "onnx"), f"{HOSTILE}.png", classes=["\u00e9"], task="", image=READING)
    assert told == (0, f"{SHOWN}.png  \\xe9 100.00%\n")
    np.save(tmp_path / f"{HOSTILE}.npy", [[1.0, 2.0]])
    assert of_vectors(tmp_path, f"{HOSTILE}.npy", (), 2) == (0, f"{SHOWN}.npy 0  1  2\n")
    named = named_script("onnx", "onnx", ["ward"])
    np.savez(tmp_path / f"{HOSTILE}.npz", ward=[1])
    status, told_of_one = ran(
        tmp_path, RUNTIME, named, f"{HOSTILE}.npz", classes=[], task="regression", named_inputs=NAMED
    )
    assert (status, told_of_one) == (1, f"{SHOWN}.npz has no array 'steps'; it needs steps, ward, photo\n")
    for suffix, text in ((".png", script("onnx", "onnx")), (".csv", vector_script("onnx", "onnx")), (".npz", named)):
        status, line = ran(tmp_path, ECHO, text, f"no {HOSTILE}{suffix}", image=READING, table=[], named_inputs=NAMED)
        assert (status, line.count("\n")) == (1, 1)
        assert line.startswith(f"no {SHOWN}{suffix} ")


def test_without_a_file_it_says_what_it_takes(tmp_path: Path) -> None:
    texts = {"IMAGE": script("onnx", "onnx"), "FILE": vector_script("onnx", "onnx")}
    for files, text in {**texts, "SAMPLES.npz": named_script("onnx", "onnx", ["ward"])}.items():
        assert ran(tmp_path, ECHO, text) == (2, f"usage: python predict.py {files}...\n")


@pytest.mark.parametrize("form", ["onnx", "torch", "keras"])
def test_the_script_has_all_that_it_takes_from_dltui(form: str) -> None:
    text = vector_script(form, form)
    names: dict[str, object] = {"ABOUT": {}}
    before, code = text.split("ABOUT = ", 1)
    exec(before.replace("HERE = Path(__file__).parent", ""), names)
    exec(code.split("\n", 1)[1].split("def read(", 1)[0], names)
    wanted = {*own_source.CLEANING, *vectors.HEADINGS, *vectors.NUMERALS, *vectors.SEPARATED, *vectors.READING}
    assert wanted <= set(names)
    compile(text, "predict.py", "exec")


def test_offsets_are_taken_from_arrays_and_added_to_outputs(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", [[1_700_000_012.0, 1.5, 0, 1, 0, 0, 1]])
    assert of_vectors(tmp_path, "x.npy") == (0, "x.npy 0  12  1.5  0  1  0  0  1\n")
    named = [NAMED[0] | {"offsets": [1.7e9, 0.0]}, *NAMED[1:]]
    steps = np.stack([1_700_000_000 + np.arange(6.0).reshape(2, 3), np.ones((2, 3))], axis=2)
    np.savez(tmp_path / "x.npz", steps=steps, steps_length=[3, 1], ward=[0, 1], photo=np.zeros((2, 1, 1, 1)))
    targets = [{"name": "when", "mean": 0.0, "std": 1.0, "offset": 1_699_999_999.25}, {"name": "ward"}]
    about = {"classes": [], "task": "regression", "named_inputs": named}
    script = named_script("onnx", "onnx", ["steps"])
    assert ran(tmp_path, RUNTIME, script, "x.npz", **about) == (0, "x.npz 0  6  0\nx.npz 1  4  1\n")
    told = "x.npz 0  1700000005.25  0\nx.npz 1  1700000003.25  1\n"
    assert ran(tmp_path, RUNTIME, script, "x.npz", **about, targets=targets) == (0, told)


def test_numbers_are_told_as_predict_tells_them(tmp_path: Path) -> None:
    values = [1_234_567.0, 0.1, 1e20, 1e-9, 123.456789]
    np.save(tmp_path / "x.npy", np.array([values], np.float32))
    told = "  ".join(output(float(np.float32(value))) for value in values)
    assert told.startswith("1234567  0.1  ")
    assert of_vectors(tmp_path, "x.npy", (), len(values)) == (0, f"x.npy 0  {told}\n")


def test_labels_of_which_nothing_speaks_for_any_warn_of_nothing(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([[-200.0, 3.0, 200.0]], np.float32))
    about = {"classes": ["a", "b", "c"], "task": "multilabel", "input_shape": [3], "table": []}
    told = ran(tmp_path, ECHO, vector_script("onnx", "onnx"), "x.npy", **about)
    assert told == (0, "x.npy 0  c 100.00%  b 95.26%\n")


@pytest.mark.parametrize(
    "content",
    [
        b"sep=;\r\n# of today\r\n#a;b;kind\r\n1;2;oak\r\n",
        gzip.compress(b"a,b,kind\n1,2,oak\n", mtime=0),
        "a,b,kind\n1,2,Köln\n".encode("latin1"),
        b"PAR1" + bytes(range(99)),
        gzip.compress(b"a,b,kind\n1,2,oak\n", mtime=0)[:-9],
    ],
)
def test_a_file_of_any_kind_is_read_or_named_as_predict_does(tmp_path: Path, content: bytes) -> None:
    kind = Input("categories", (1,), "int32", (2,), places=("kind",), texts=(("", "oak"),))
    table = (Input("numbers", (2,), places=("a", "b")), kind)
    path = tmp_path / "new.csv"
    path.write_bytes(content)
    try:
        x, lines = given.read_rows(str(path), table)
        told = (0, f"new.csv line {lines[0]}  {'  '.join(f'{value:.6g}' for value in x[0])}\n")
    except UsageError as error:
        told = (1, f"{error}\n".replace(str(path), "new.csv"))
    assert of_vectors(tmp_path, "new.csv", table, 3) == told
