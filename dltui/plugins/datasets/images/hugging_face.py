"""Images of the Hugging Face hub: hf:NAME, by the library `datasets` and its own cache."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import fs
from dltui.core.contract import Arrays, Dataset, PreparationContext
from dltui.core.data import network
from dltui.core.errors import RunError
from dltui.core.text import clean_line
from dltui.plugins.datasets.images.items import Part
from dltui.plugins.datasets.images.listing import SPLIT_NAMES, Labeled, Listing, listing_of, named
from dltui.plugins.datasets.images.options import HuggingFaceOptions

if TYPE_CHECKING:
    from dltui.plugins.datasets.images.items import Source

INSTALL = "pip install 'dltui[hf]'"
HUB = "https://huggingface.co"
LABEL = "label"
OFFLINE = {"ConnectionError", "Timeout", "TimeoutError", "TransportError", "LocalEntryNotFoundError"}
"""The names of errors that mean that the hub cannot be reached."""


def list_dataset(options: HuggingFaceOptions, context: PreparationContext) -> Listing:
    """The images of a dataset; those that lie inside of its tables are copied into one file. Raises RunError."""
    name = clean_line(options.path, 100)
    splits = _load(options)
    image, target = _columns(splits, options)
    context.progress(f"reading {name}")
    notes = [f"columns of {name}: {clean_line(image)}, {clean_line(target)}"]
    parts = {split: part for split in splits if (part := _part(split))}
    others = [split for split in splits if split not in parts]
    if others:
        notes.append(f"left out, as no train, validation or test part: {named(others)}")
    hidden = [split for split, part in parts.items() if part != "train" and _is_unlabeled(splits[split], target)]
    if hidden:
        notes.append(f"left out, as its rows have no classes: {named(hidden)}")
    rows: list[Labeled] = []
    with (context.scratch / "hub").open("wb") as file:
        for split, part in parts.items():
            if split not in hidden:
                rows += _rows(splits[split], (image, target), split, part, file)
    return listing_of(rows, name, notes, _names(next(iter(splits.values())), target))


def _names(table: Any, target: str) -> list[str]:
    """The names of the classes, in their order; none where the column holds the names themselves."""
    return list(getattr(table.features[target], "names", None) or ())


def _is_unlabeled(table: Any, target: str) -> bool:
    """True for a part whose classes are kept secret, as those of competitions are."""
    labels = [row[target] for row in table.select_columns([target])] if _names(table, target) else []
    return bool(labels) and all(label is None or label < 0 for label in labels)


def _load(options: HuggingFaceOptions) -> dict[str, Any]:
    """The splits of a dataset, as the library gives them. Raises RunError."""
    if not options.path:
        raise RunError("which dataset? choose it as hf:NAME")
    if options.path.startswith((".", "/", "~")) or os.path.exists(options.path):  # noqa: PTH110
        path = clean_line(options.path, 100)
        raise RunError(f"hf:{path} is a path on this machine; use folder:{path}, or hf:USER/NAME of the hub")
    _be_offline_where_there_is_no_network()
    try:
        import datasets
    except ImportError:
        raise RunError(f"hf:{clean_line(options.path, 100)} needs the library datasets: {INSTALL}") from None
    datasets.disable_progress_bars()
    try:
        found = datasets.load_dataset(options.path, options.config or None, revision=options.revision or None)
    except Exception as error:
        for each in (error, error.__cause__):
            if isinstance(each, OSError) and fs.is_disk_full(each):
                raise each from None
        # The library raises anything: of its own, of the hub's, of the network's.
        raise RunError(f"hf:{clean_line(options.path, 100)} cannot be loaded: {_reason(error)}") from None
    return dict(found)


def _be_offline_where_there_is_no_network() -> None:
    """Let the library use its cache at once: it would ask for half a minute. It reads this when it is imported."""
    if not network.answered(os.environ.get("HF_ENDPOINT") or HUB):
        os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1")


def _reason(error: Exception) -> str:
    # By name, as each library has its own; an OSError alone may be a dataset that is not there or for others.
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & OFFLINE or "offline" in str(error).lower():
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


def _rows(table: Any, columns: tuple[str, str], split: str, part: str, file: Any) -> Iterator[Labeled]:
    import datasets

    image, target = columns
    names = _names(table, target)
    # Other columns may hold images, too, that would be decoded.
    raw = table.select_columns([image, target]).cast_column(image, datasets.Image(decode=False))
    for number, row in enumerate(raw):
        place = f"row {number:,} of {clean_line(split)}"
        label = row[target]
        # A number that is missing in a table is not equal to itself.
        if label is None or label != label or row[image] is None or (names and label < 0):
            missing, other = ("image", "image") if row[image] is None else ("class", "target")
            raise RunError(f"{place} has no {missing}; choose another column by --data {other}=COLUMN")
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
