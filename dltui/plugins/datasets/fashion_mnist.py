"""Fashion-MNIST and other datasets of its form: four files with fixed names, identified by their checksums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dltui.core.contract import Arrays, Dataset, PreparationContext
from dltui.core.contract.config import DatasetOptions
from dltui.plugins.datasets.downloads.expected_file import KnownFile
from dltui.plugins.datasets.downloads.obtain import find, obtain

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
    """A dataset of the family. `sizes` (bytes) and `sha256` are in the order of NAMES; mirrors in order of trust."""

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
        "gray images of clothes, 28x28, ten kinds",
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
    # Sizes and SHA-256 as tensorflow_datasets lists them (url_checksums/mnist.txt and kmnist.txt).
    Member(
        "mnist",
        "gray images of handwritten digits, 28x28",
        tuple("0123456789"),
        (9_912_422, 28_881, 1_648_877, 4_542),
        (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            "https://storage.googleapis.com/cvdf-datasets/mnist",
        ),
        "http://yann.lecun.com/exdb/mnist",
    ),
    Member(
        "kmnist",
        "gray images of cursive Japanese characters, 28x28, ten kinds",
        ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        (18_165_135, 29_497, 3_041_136, 5_120),
        (
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        ),
        ("http://codh.rois.ac.jp/kmnist/dataset/kmnist",),
        "https://github.com/rois-codh/kmnist",
    ),
)


def dataset(member: Member) -> Dataset:
    """The dataset plugin for a member of the family."""
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
        file_sizes=member.sizes,
        # The smallest file, for the answer may be read whole.
        urls=tuple(f"{mirror}/{NAMES[-1]}" for mirror in member.mirrors),
    )


def _sources(member: Member, options: DatasetOptions, folders: Sequence[Path]) -> list[Path] | None:
    return find(member.files, folders)


def _prepare(member: Member, options: DatasetOptions, context: PreparationContext) -> Arrays:
    from dltui.plugins.datasets.downloads.idx import read_idx

    paths = obtain(member.name, member.files, member.mirrors, context)
    context.progress(f"decoding {member.name}")
    train_x, train_y, test_x, test_y = (read_idx(path) for path in paths)
    return Arrays((train_x, train_y), (test_x, test_y), member.classes)


DATASETS = tuple(dataset(member) for member in FAMILY)
