"""The findings about a dataset, as they are kept and shown; a screen reads them without NumPy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from dltui.core import fs, paths
from dltui.core.text import clean_line, plural

FORMAT = 2
FOLDER = "findings"
LINES = "lines.json"
SPLITS = ("train", "validation", "test")
UNEVEN = 3.0
"""So many times as many samples in the largest class as in the smallest are told in the line."""

Kind = Literal["exact", "near"]
KINDS: tuple[Kind, ...] = ("exact", "near")


@dataclass(frozen=True)
class Sample:
    """A sample by its split, its row there and its id in the dataset's own order; `label` is the number of its class,
    -1 for data without one class a sample, `labels` are the numbers of the labels that apply. `name` is the dataset's
    name for it, such as its file.
    """

    split: str
    row: int
    id: int
    label: int = -1
    name: str = ""
    labels: tuple[int, ...] = ()

    def is_labeled_as(self, other: Sample) -> bool:
        """True if both have the same class or labels, or there are none."""
        return (self.label, self.labels) == (other.label, other.labels)


@dataclass(frozen=True)
class Pair:
    """Two samples that are equal or nearly so. `other` is the one to leave out: of a pair across splits the one that is
    trained on, else the later one. `residue` is how much they differ, 0 for equal ones.
    """

    kind: Kind
    kept: Sample
    other: Sample
    residue: float = 0.0

    @property
    def splits(self) -> str:
        """The splits of the two: "train", or "train, test" where they differ."""
        both = sorted({self.kept.split, self.other.split}, key=SPLITS.index)
        return ", ".join(both)

    @property
    def leaks(self) -> bool:
        """True if the two are in different splits."""
        return self.kept.split != self.other.split

    @property
    def contradicts(self) -> bool:
        """True if the two have different labels."""
        return not self.kept.is_labeled_as(self.other)


@dataclass(frozen=True)
class Odd:
    """A sample that looks broken, and the reason."""

    sample: Sample
    why: str


@dataclass(frozen=True)
class Findings:
    """The findings about prepared data with a fingerprint. `pairs` and `odd` hold the first thousands, the counts tell
    of all: of pairs by kind and splits, of odd samples by reason. `skipped` says what was not looked for, and why.
    """

    fingerprint: str
    dataset: str
    classes: tuple[str, ...]
    sizes: Mapping[str, int]
    per_class: Mapping[str, tuple[int, ...]]
    """The samples of each class in each split; empty for data without classes."""
    pairs: tuple[Pair, ...] = ()
    pair_counts: Mapping[str, int] = field(default_factory=dict)
    """"exact: train, test" -> pairs."""
    contradictions: int = 0
    """Pairs whose two samples have different labels."""
    odd: tuple[Odd, ...] = ()
    odd_counts: Mapping[str, int] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    seconds: float = 0.0
    is_short: bool = False
    """Not all was looked at before a run: the data is large, or the headers of its files were left alone."""

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Findings:
        """Findings that `to_json` wrote. Raises KeyError, TypeError or ValueError for others."""
        known = {name: record[name] for name in cls.__dataclass_fields__}
        known["classes"] = tuple(map(clean_line, known["classes"]))
        known["per_class"] = {split: tuple(counts) for split, counts in known["per_class"].items()}
        known["pairs"] = tuple(
            Pair(one["kind"], _sample(one["kept"]), _sample(one["other"]), float(one["residue"]))
            for one in known["pairs"]
        )
        known["odd"] = tuple(Odd(_sample(one["sample"]), clean_line(one["why"])) for one in known["odd"])
        known["skipped"] = tuple(map(clean_line, known["skipped"]))
        return cls(**known)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def count(self, kind: Kind, leaking: bool | None = None) -> int:
        """The number of pairs of a kind: all, those across splits, or those within one."""
        found = [(key.partition(": ")[2], number) for key, number in self.pair_counts.items() if key.startswith(kind)]
        return sum(number for splits, number in found if leaking is None or (", " in splits) == leaking)

    @property
    def is_clean(self) -> bool:
        return not self.pair_counts and not self.odd_counts

    @property
    def balance(self) -> tuple[int, int] | None:
        """The class with the fewest and that with the most train samples; None without classes."""
        counts = self.per_class.get("train") or ()
        if len(counts) < 2:
            return None
        return counts.index(min(counts)), counts.index(max(counts))


def _sample(record: Mapping[str, Any]) -> Sample:
    split, row, number, label = (record[name] for name in ("split", "row", "id", "label"))
    if split not in SPLITS:
        raise ValueError(f"no split {split}")
    labels = tuple(map(int, record["labels"]))
    return Sample(str(split), int(row), int(number), int(label), clean_line(record["name"]), labels)


def name_of(stored: bytes) -> str:
    """The name of a sample as prepared data has it."""
    return clean_line(bytes(stored).decode(errors="replace"), 200)


def line(found: Findings) -> str:
    """The findings in one line, such as for the log of a run."""
    looked = not any(what.startswith("duplicates") for what in found.skipped)
    told = list(_phrases(found)) or (["no duplicates, no blank samples"] if looked else [])
    told += [f"not looked for: {what}" for what in found.skipped]
    return clean_line(f"data of {found.dataset}: {'; '.join(told)}", 400)


def _phrases(found: Findings) -> Iterator[str]:
    for leaking, where in ((True, "between splits (leakage)"), (False, "within a split")):
        numbers = [(kind, found.count(kind, leaking)) for kind in KINDS]
        counts = [f"{number:,} {kind}" for kind, number in numbers if number]
        if counts:
            total = sum(number for _, number in numbers)
            yield f"{' and '.join(counts)} {'duplicate' if total == 1 else 'duplicates'} {where}"
    if found.contradictions:
        yield f"{plural(found.contradictions, 'pair')} of them with different labels"
    for why, number in found.odd_counts.items():
        yield f"{number:,} {why}"
    samples = found.per_class.get("train") or ()
    if found.balance and samples[found.balance[1]] >= UNEVEN * max(samples[found.balance[0]], 1):
        least, most = (f"{samples[number]:,} of {found.classes[number]}" for number in found.balance)
        yield f"classes from {least} to {most}"


def folder() -> Path:
    """The folder of kept findings, by fingerprint."""
    return paths.cache_dir() / FOLDER


def read(fingerprint: str) -> Findings | None:
    """The kept findings about data; None where there are none that can be read."""
    try:
        record = json.loads((folder() / f"{fingerprint}.json").read_text(encoding="utf-8"))
        found = Findings.from_json(record["findings"]) if record["format"] == FORMAT else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return found if found is not None and found.fingerprint == fingerprint else None


def keep(found: Findings, dataset: str) -> None:
    """Write findings into the cache, and their line under the name of the dataset as a run has it."""
    paths.ensure_private_dir(folder())
    record = {"format": FORMAT, "findings": found.to_json()}
    fs.write_atomic(folder() / f"{found.fingerprint}.json", json.dumps(record).encode())
    name(found, dataset)


def name(found: Findings, dataset: str) -> None:
    """Write the line of findings under the name of a dataset, unless it is there."""
    known = lines()
    if known.get(dataset) != line(found):
        fs.write_atomic(folder() / LINES, json.dumps({**known, dataset: line(found)}).encode())


def lines() -> dict[str, str]:
    """What was last found about each dataset in a line, by its name in a run."""
    try:
        known = json.loads((folder() / LINES).read_text(encoding="utf-8"))
        return {str(name): clean_line(text, 400) for name, text in known.items()}
    except (OSError, ValueError, AttributeError):
        return {}
