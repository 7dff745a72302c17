"""The files that the documentation's commands name, small: datasets of the box, and a folder to work in."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from tests.helpers.known_catalog import FAKE
from tests.helpers.own_data import make_folder, make_image
from tests.helpers.small_family import NAMES, make_member, pack, put

ROOT = Path(__file__).parents[3]
DATA = "DOCUMENTED_DATA"
"""The variable with the folder of the small Fashion-MNIST and CIFAR-10."""
RECIPE = re.compile(r"<!-- recipe: (\S+) -->\n```python\n(.*?)```", re.DOTALL)
BATCH = 12
TRIALS = 2


def prepare() -> None:
    """In a process that serves others: the datasets of the box are the small ones, and a sweep has few trials."""
    from dltui.core.analysis.trials import plan
    from dltui.plugins.datasets import cifar10, fashion_mnist
    from dltui.plugins.datasets.downloads.expected_file import KnownFile

    folder = Path(os.environ[DATA])
    files = {path.name: path.read_bytes() for path in (folder / "fashion-mnist").iterdir()}
    fashion_mnist.DATASETS = (fashion_mnist.dataset(make_member(files, name="fashion-mnist")),)
    (archive,) = (folder / "cifar10").iterdir()
    content = archive.read_bytes()
    known = KnownFile(archive.name, len(content), hashlib.sha256(content).hexdigest())
    cifar10.DATASET = cifar10.dataset(cifar10.Archive(known, (), BATCH))
    plan.TRIALS = TRIALS


def make_downloads(folder: Path) -> None:
    """Fashion-MNIST and CIFAR-10 of noise, as they are downloaded."""
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (250, 28, 28)), np.arange(250) % 10
    # A sample of the test part is one of the train part, too.
    images[200] = images[0]
    parts = (images[:200], labels[:200], images[200:], labels[200:])
    put(folder / "fashion-mnist", {name: pack(part) for name, part in zip(NAMES, parts, strict=True)})
    (folder / "cifar10").mkdir()
    with tarfile.open(folder / "cifar10" / "cifar-10-binary.tar.gz", "w:gz", compresslevel=1) as archive:
        for number, name in enumerate((*(f"data_batch_{part}" for part in range(1, 6)), "test_batch")):
            records = np.random.default_rng(number).integers(0, 256, (BATCH, 3073), dtype=np.uint8)
            records[:, 0] = np.arange(BATCH) % 10
            _add(archive, f"cifar-10-batches-bin/{name}.bin", records.tobytes())


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def make_work(folder: Path) -> None:
    """The folder in which a reader types: images, tables, sequences and a plugin."""
    make_folder(folder / "pets", each=8, size=(32, 32), ending="jpg")
    make_image(folder / "photo.jpg", (40, 30))
    rows = [{"file": f"pets/{name}/{number}.jpg", "class": name} for name in ("cat", "dog") for number in range(8)]
    _table(folder / "pets.csv", rows)
    _shards(folder)
    _masks(folder / "streets")
    _tables(folder)
    random = np.random.default_rng(1)
    np.savez(folder / "steps.npz", x=random.normal(size=(40, 6, 2)).astype(np.float32), y=np.arange(40) % 2)
    (folder / "net.py").write_text(FAKE.read_text())
    (folder / "my-net.py").write_text(plugin_of_the_readme())
    for name, content in RECIPE.findall((ROOT / "docs" / "plugins.md").read_text()):
        (folder / name).write_text(content)
    for name in ("DIR", "exports"):
        (folder / name).mkdir()


def plugin_of_the_readme() -> str:
    """The model of its own that the README shows."""
    (found,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


def _shards(folder: Path) -> None:
    for number in range(10):
        with tarfile.open(folder / f"train-{number:03d}.tar", "w") as archive:
            for key, name in enumerate(("cat", "dog")):
                _add(archive, f"{number}{key}.jpg", (folder / "pets" / name / f"{number % 8}.jpg").read_bytes())
                _add(archive, f"{number}{key}.cls", name.encode())


def _masks(folder: Path) -> None:
    (folder / "masks").mkdir(parents=True)
    for number in range(10):
        make_image(folder / "images" / f"{number}.png", (32, 32), seed=number)
        mask = np.zeros((32, 32), np.uint8)
        mask[8:24, number : number + 12] = 1
        Image.fromarray(mask).save(folder / "masks" / f"{number}.png")


def _tables(folder: Path) -> None:
    random = np.random.default_rng(0)
    words = "good fine bad dull long short funny sad".split()
    plants = [
        {"height": f"{random.normal(n % 3):.3f}", "width": f"{random.normal():.3f}", "kind": "abc"[n % 3]}
        for n in range(60)
    ]
    for name in ("plants.csv", "iris.csv"):
        _table(folder / name, plants)
    _table(folder / "homes.csv", [{"rooms": str(n % 5), "town": "xyz"[n % 3], "kind": "ab"[n % 2]} for n in range(60)])
    reviews = [{"review": f"{' '.join(random.choice(words, 5))} {n}", "stars": "12"[n % 2]} for n in range(60)]
    _table(folder / "reviews.csv", reviews)
    _table(folder / "new.csv", [{"review": row["review"]} for row in reviews[:3]])
    (folder / "review.txt").write_text("good and funny\n")
    genres = ("drama|comedy", "drama", "-")
    films = [{"length": f"{random.normal():.3f}", "year": str(1990 + n), "genres": genres[n % 3]} for n in range(60)]
    _table(folder / "films.csv", films)
    for row in films:
        row["is_drama"], row["is_comedy"] = str(int("drama" in row["genres"])), str(int("comedy" in row["genres"]))
        del row["genres"]
    _table(folder / "marked.csv", films)


def _table(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)


def make_programs(folder: Path) -> None:
    """An ssh that leads to this machine."""
    script = '#!/bin/sh\nwhile [ "${1#-}" != "$1" ]; do case "$1" in -o) shift;; esac; shift; done\nshift\nexec "$@"\n'
    (folder / "ssh").write_text(script)
    (folder / "ssh").chmod(0o700)


def environment(home: Path, hub: Path, more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a reader: cheap settings, without a network."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("DLTUI_") and key != "CI"}
    return kept | {
        "DLTUI_HOME": str(home), "DLTUI_EPOCHS": "1", "DLTUI_FORMAT": "none", "DLTUI_PRETRAINED": "no",
        "DLTUI_IMAGE_SIZE": "64", "HF_HUB_OFFLINE": "1", "HF_HOME": str(hub), "HOOK": "http://127.0.0.1:9/",
        "NO_COLOR": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8", **more,
    }  # fmt: skip
