"""Images of the Hugging Face hub: hf:NAME, by the library `datasets` and its own cache."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.contract import Arrays, Dataset, PreparationContext
from dltui.core.data import network
from dltui.core.errors import RunError
from dltui.core.text import clean_line
from dltui.plugins.datasets.images.items import Part
from dltui.plugins.datasets.images.listing import SPLIT_NAMES, Labeled, Listing, listing_of
from dltui.plugins.datasets.images.options import HuggingFaceOptions

if TYPE_CHECKING:
    from dltui.plugins.datasets.images.items import Source

INSTALL = "pip install 'dltui[hf]'"
HUB = "https://huggingface.co"
LABEL = "label"


def list_dataset(options: HuggingFaceOptions, context: PreparationContext) -> Listing:
    """The images of a dataset; those that lie inside of its tables are copied into one file. Raises RunError."""
    name = clean_line(options.path, 100)
    splits = _load(options)
    image, target = _columns(splits, options)
    context.progress(f"reading {name}")
    with (context.scratch / "hub").open("wb") as file:
        rows = [row for split, table in splits.items() for row in _rows(split, table, image, target, file)]
    notes = [f"columns of {name}: {clean_line(image)}, {clean_line(target)}"]
    left = [split for split in splits if _part(split) is None]
    if left:
        notes.append(f"left out, as no train, validation or test part: {', '.join(map(clean_line, left))}")
    return listing_of(rows, name, notes)


def _load(options: HuggingFaceOptions) -> dict[str, Any]:
    """The splits of a dataset, as the library gives them. Raises RunError."""
    if not options.path:
        raise RunError("which dataset? choose it as hf:NAME")
    _be_offline_where_there_is_no_network(options.path)
    try:
        import datasets
    except ImportError:
        raise RunError(f"hf:{clean_line(options.path, 100)} needs the library datasets: {INSTALL}") from None
    datasets.disable_progress_bars()
    try:
        found = datasets.load_dataset(options.path, options.config or None, revision=options.revision or None)
    except Exception as error:
        # The library raises anything: of its own, of the hub's, of the network's.
        raise RunError(f"hf:{clean_line(options.path, 100)} cannot be loaded: {_reason(error)}") from None
    return dict(found)


def _be_offline_where_there_is_no_network(path: str) -> None:
    """Let the library use its cache at once: it would ask for half a minute. It reads this when it is imported."""
    if not Path(path).exists() and not network.reachable([os.environ.get("HF_ENDPOINT") or HUB]):
        os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1")


def _reason(error: Exception) -> str:
    words = network.reason(error)
    offline = isinstance(error, (ConnectionError, OSError)) or words != type(error).__name__
    if offline or "offline" in str(error).lower() or "Connection" in type(error).__name__:
        return "the hub cannot be reached, and it is not in the cache (HF_HOME); try again with a network"
    return clean_line(str(error).strip().split("\n", 1)[0], 200) or type(error).__name__


def _columns(splits: dict[str, Any], options: HuggingFaceOptions) -> tuple[str, str]:
    """The names of the columns of images and classes. Raises RunError."""
    features = next(iter(splits.values())).features
    kinds = {name: type(kind).__name__ for name, kind in features.items()}
    image = options.image or next((name for name, kind in kinds.items() if kind == "Image"), "")
    target = options.target or next((name for name, kind in kinds.items() if kind == "ClassLabel"), LABEL)
    for what, name in (("image", image), ("target", target)):
        if name not in kinds:
            known = ", ".join(clean_line(name, 40) for name in kinds)
            raise RunError(
                f"hf:{clean_line(options.path, 100)} has no column {clean_line(repr(name), 40)} of "
                f"{'images' if what == 'image' else 'classes'}; name one by --data {what}=COLUMN, it has {known}"
            )
    return image, target


def _rows(split: str, table: Any, image: str, target: str, file: Any) -> Iterator[Labeled]:
    import datasets

    part = _part(split)
    if part is None:
        return
    names = getattr(table.features[target], "names", None)
    raw = table.cast_column(image, datasets.Image(decode=False))
    for number, row in enumerate(raw):
        place = f"row {number:,} of {clean_line(split)}"
        label = row[target]
        if label is None or row[image] is None or (names and label < 0):
            raise RunError(f"{place} has no {'image' if row[image] is None else 'class'}")
        source = _source(row[image], f"{split}/{number}", file)
        yield Labeled(source, names[label] if names else str(label), part, place)


def _source(image: dict[str, Any], name: str, file: Any) -> Source:
    content = image.get("bytes")
    if content is None:
        return str(image["path"])
    place = Part(file.name, file.tell(), len(content), name)
    file.write(content)
    return place


def _part(split: str) -> str | None:
    return next((part for part, words in SPLIT_NAMES.items() if split.lower() in words), None)


def prepare(options: HuggingFaceOptions, context: PreparationContext) -> Arrays:
    from dltui.plugins.datasets.images.prepare import arrays

    return arrays(list_dataset(options, context), options, context)


def sources(options: HuggingFaceOptions, folders: Sequence[Path]) -> None:
    return None


DATASET = Dataset(
    name="hf",
    task="classification",
    summary="images of the Hugging Face hub: hf:NAME",
    options=HuggingFaceOptions,
    prepare=prepare,
    sources=sources,
    takes="name",
)
