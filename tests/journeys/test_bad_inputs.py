"""Each kind of data and weights with something wrong: one line that says what, exit code 2, and nothing left behind."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dltui.tui.cli import main
from tests.helpers.known_catalog import Fill
from tests.helpers.marks import few_rows
from tests.helpers.own_data import left_in_cache, make_folder, make_image, make_table
from tests.journeys.test_models import needs


def table(place: Path) -> list[str]:
    make_folder(place, ("a",))
    return [f"a/{number}.png,{'xy'[number % 2]}" for number in range(10)]


def missing_image(place: Path) -> None:
    make_table(place / "t.csv", ["file,label", *table(place), "a/nope.png,x"])


def strange_class(place: Path) -> None:
    rows = [f"{row},train" for row in table(place)]
    make_table(place / "t.csv", ["file,label,split", *rows, "a/1.png,zebra,test"])


def no_labels(place: Path) -> None:
    table(place)
    make_table(place / "t.csv", ["file,tags", *(f"a/{number}.png,-" for number in range(10))])


def empty_labels(place: Path) -> None:
    table(place)
    make_table(place / "t.csv", ["file,tags", *(f"a/{number}.png,u|v" for number in range(9)), "a/9.png,"])


def cut_parquet(place: Path) -> None:
    (place / "t.parquet").write_bytes(b"PAR1" + bytes(500))


def small_mask(place: Path) -> None:
    for number in range(10):
        make_image(place / "images" / f"{number}.png")
        side = 4 if number == 5 else 8
        (place / "masks").mkdir(exist_ok=True)
        Image.fromarray(np.arange(side * 8, dtype=np.uint8).reshape(side, 8) % 2).save(place / f"masks/{number}.png")


def strange_folder(place: Path) -> None:
    make_folder(place / "train")
    make_folder(place / "test", ("cat", "emu"))


def cut_shard(place: Path) -> None:
    with tarfile.open(place / "whole", "w") as archive:
        for number in range(10):
            make_image(place / "x.png", (32, 32))
            archive.add(place / "x.png", f"{number}.png")
            (place / "x.cls").write_text(str(number % 2))
            archive.add(place / "x.cls", f"{number}.cls")
    (place / "train-0.tar").write_bytes((place / "whole").read_bytes()[:9000])


def no_shard(place: Path) -> None:
    (place / "train-0.tar").write_bytes(b"x" * 5000)


def ragged(place: Path) -> None:
    np.savez(place / "s.npz", x=np.array([[1], [1, 2]], dtype=object), y=[0, 1])


def ragged_steps(place: Path) -> None:
    for name in ("a", "b"):
        (place / name).mkdir()
        for number in range(5):
            (place / name / f"{number}.csv").write_text("1,2\n3,4\n" + "5,6,7\n" * (name == "b" and number == 3))


def cut_weights(place: Path) -> None:
    make_folder(place / "pets")
    (place / "w.pt").write_bytes(b"PK\3\4" + bytes(900))


def cut_safetensors(place: Path) -> None:
    make_folder(place / "pets")
    header = b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}'
    (place / "w.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(20))


WEIGHTS = ("torchvision:resnet18", "folder:pets", "--weights")
CASES: list[tuple[Callable[[Path], None], tuple[str, ...], str]] = [
    (missing_image, ("cnn", "images:t.csv"), "t.csv line 12: there is no image "),
    (
        strange_class,
        ("cnn", "images:t.csv"),
        "line 12: 'zebra' in the test part is a class that the train part",
    ),
    (no_labels, ("cnn", "images:t.csv", "--data", "labels=tags"), "no row has a label in 'tags'; name another"),
    (
        empty_labels,
        ("cnn", "images:t.csv", "--data", "labels=tags"),
        "t.csv line 11 has no 'tags', the labels: write",
    ),
    (
        cut_parquet,
        ("mlp", "csv:t.parquet"),
        "Parquet magic bytes not found in footer; make or copy it again",
    ),
    (small_mask, ("unet", "masks:."), "5.png is 8x4, its image "),
    (strange_folder, ("cnn", "folder:."), "emu is a class that "),
    (cut_shard, ("cnn", "shards:."), "make or copy it again"),
    (no_shard, ("cnn", "shards:."), "train-0.tar cannot be read: invalid header; it is no tar archive or damaged"),
    (ragged, ("lstm", "sequences:s.npz"), "s.npz holds Python objects, which are not loaded; save a padded array"),
    (ragged_steps, ("lstm", "sequences:."), "3.csv line 3 has 3 numbers, others have 2"),
    (cut_weights, (*WEIGHTS, "w.pt"), "w.pt is cut off: it is a torch file without its end; copy it again"),
    (cut_safetensors, (*WEIGHTS, "w.safetensors"), "w.safetensors is cut off: its header tells of more bytes than"),
]


@pytest.mark.parametrize(
    ("make", "words", "told"), few_rows(CASES, 4, long=0), ids=lambda value: getattr(value, "__name__", "")
)
def test_a_fault_is_one_line_and_leaves_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    know_catalog: Fill,
    make: Callable[[Path], None],
    words: tuple[str, ...],
    told: str,
) -> None:
    for module in ("torch", *["torchvision"] * (words[0] in WEIGHTS), *["pyarrow"] * (make is cut_parquet)):
        needs(module)
    home, here = tmp_path / "home", tmp_path / "here"
    know_catalog(home)
    monkeypatch.setenv("DLTUI_HOME", str(home))
    here.mkdir()
    monkeypatch.chdir(here)
    make(here)
    before = sorted(here.rglob("*"))
    model = words[0] if ":" in words[0] else f"{words[0]}-torch"
    code = main.run(["train", model, "--device", "cpu", "--plain", "--dataset", *words[1:]])
    # A slow machine also tells what it is reading.
    said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith(("reading ", "looking at "))]
    assert (code, len(said)) == (2, 1), said
    assert told in said[0]
    assert not list((home / "runs").glob("*"))
    assert not [name for name in left_in_cache(home) if not name.startswith(".")]
    assert sorted(here.rglob("*")) == before
