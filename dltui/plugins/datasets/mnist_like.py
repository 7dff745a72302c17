"""Fashion-MNIST and whatever has its form: four files with fixed names, told apart by their checksums alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dltui.core.contract import Arrays, Dataset, PreparationContext
from dltui.core.dataset_options import DatasetOptions
from dltui.plugins.datasets.files import KnownFile, find, obtain

NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
SHAPE = (28, 28, 1)
TRAIN, TEST = 60_000, 10_000


@dataclass(frozen=True)
class Member:
    """One dataset of the family. `sizes` (bytes) and `sha256` are in the order of NAMES; mirrors in order of trust."""

    name: str
    summary: str
    classes: tuple[str, ...]
    sizes: tuple[int, int, int, int]
    sha256: tuple[str, str, str, str]
    mirrors: tuple[str, ...]
    homepage: str

    @property
    def files(self) -> tuple[KnownFile, ...]:
        return tuple(KnownFile(*known) for known in zip(NAMES, self.sizes, self.sha256, strict=True))


FAMILY = (
    Member(
        "fashion-mnist",
        "grey images of clothes, 28x28, ten kinds",
        (
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        (26_421_880, 29_515, 4_422_102, 5_148),
        (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
        ),
        "https://github.com/zalandoresearch/fashion-mnist",
    ),
)


def dataset(member: Member) -> Dataset:
    """The plugin for one member of the family."""
    return Dataset(
        name=member.name,
        task="classification",
        summary=member.summary,
        options=DatasetOptions,
        prepare=partial(_prepare, member),
        sources=partial(_sources, member),
        input_shape=SHAPE,
        classes=len(member.classes),
        train_size=TRAIN,
        test_size=TEST,
        download_bytes=sum(member.sizes),
        homepage=member.homepage,
        files=NAMES,
        # The smallest file, for the answer may be read whole.
        urls=tuple(f"{mirror}/{NAMES[-1]}" for mirror in member.mirrors),
    )


def _sources(member: Member, options: DatasetOptions, folders: Sequence[Path]) -> list[Path] | None:
    return find(member.files, folders)


def _prepare(member: Member, options: DatasetOptions, context: PreparationContext) -> Arrays:
    from dltui.plugins.datasets.idx import read_idx

    paths = obtain(member.name, member.files, member.mirrors, context)
    context.progress(f"decoding {member.name}")
    train_x, train_y, test_x, test_y = (read_idx(path) for path in paths)
    return Arrays((train_x, train_y), (test_x, test_y), member.classes)


DATASETS = tuple(dataset(member) for member in FAMILY)
