"""Finds the samples that a model gets wrong, and filters them by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dltui.core.analysis.confusion import labels_of
from dltui.core.text import safe

if TYPE_CHECKING:
    from dltui.core.contract.types import Array


@dataclass(frozen=True)
class Mistake:
    """A sample: `top` are the likeliest classes with their probabilities; `image` is its place among the images."""

    id: int
    true: int
    top: tuple[tuple[int, float], ...]
    image: int
    name: str = ""
    """The dataset's name for the sample, such as its file."""

    @property
    def said(self) -> int:
        return self.top[0][0]

    @property
    def probability(self) -> float:
        return self.top[0][1]


@dataclass(frozen=True)
class Filter:
    """A filter of mistakes by true class and predicted class (`said`); None matches any class."""

    true: int | None = None
    said: int | None = None

    def keeps(self, mistake: Mistake) -> bool:
        return self.true in (None, mistake.true) and self.said in (None, mistake.said)

    def turned(self, mistake: Mistake) -> Filter:
        """The next filter in the cycle around a mistake: any, its true class, its predicted class, both, any."""
        if self == Filter():
            return Filter(mistake.true, None)
        if self.said is None:
            return Filter(None, mistake.said)
        return Filter(mistake.true, mistake.said) if self.true is None else Filter()


@dataclass(frozen=True)
class Mistakes:
    """The mistakes in a split after `epoch` epochs. `images` are uint8 (n, h, w, c); empty for data without images."""

    split: str
    epoch: int
    classes: tuple[str, ...]
    all: tuple[Mistake, ...]
    total: int
    """The number of samples in the split."""
    wrong: int
    """The number of wrong samples; only the first thousands are kept."""
    images: Any = field(compare=False, repr=False)
    texts: tuple[str, ...] = field(default=(), compare=False, repr=False)
    """The text of each sample, a line a field; () for other data."""
    lines: Any = field(default=(), compare=False, repr=False)
    """The numbers of each sample over time, float32 (n, lines, points), NaN behind its end; () for other data."""
    steps: tuple[float, ...] = field(default=(), compare=False, repr=False)
    """The steps of the points of `lines`; () where they are all."""
    _shown: dict[Filter, tuple[Mistake, ...]] = field(default_factory=dict, compare=False, repr=False)

    def shown(self, which: Filter) -> tuple[Mistake, ...]:
        """The mistakes that the filter keeps."""
        if which not in self._shown:
            self._shown.clear()
            self._shown[which] = tuple(filter(which.keeps, self.all)) if which != Filter() else self.all
        return self._shown[which]

    def name(self, number: int) -> str:
        return self.classes[number] if number < len(self.classes) else str(number)

    @property
    def pictured(self) -> bool:
        return bool(len(self.images))

    @property
    def has_details(self) -> bool:
        """True if samples are shown, as images or otherwise."""
        return self.pictured or bool(self.texts) or bool(len(self.lines))


def find(arrays: dict[str, Array], known: Sequence[object]) -> Mistakes:
    """The mistakes of a predictions file in the order of `wrong`, which is by confidence: only the first thousands keep
    their images in the file. Raises ValueError, KeyError or IndexError for damaged arrays.
    """
    labels, top, classes = labels_of(arrays, known)
    wrong, images = arrays["wrong"], arrays["thumbnails"]
    texts, lines = arrays.get("texts", images[:0]), arrays.get("lines", images[:0])
    steps = arrays.get("steps", images[:0])
    names = [safe(bytes(name).decode(errors="replace")) for name in arrays.get("names", ())]
    found = zip(
        arrays["ids"][wrong].tolist(),
        labels[wrong].tolist(),
        top[wrong].tolist(),
        arrays["probabilities"][wrong].tolist(),
        names if len(names) == len(wrong) else [""] * len(wrong),
        strict=True,
    )
    return Mistakes(
        safe(arrays["split"]),
        int(arrays["epoch"]),
        classes,
        tuple(
            Mistake(identity, true, tuple(zip(said, chances, strict=True)), number, name)
            for number, (identity, true, said, chances, name) in enumerate(found)
        ),
        len(labels),
        int((top[:, 0] != labels).sum()),
        images if len(images) == len(wrong) else images[:0],
        tuple(map(_text, texts)) if len(texts) == len(wrong) else (),
        lines if len(lines) == len(wrong) and lines.ndim == 3 and lines.dtype.kind == "f" else (),
        tuple(map(float, steps)) if steps.ndim == 1 and steps.dtype.kind in "iu" else (),
    )


def _text(text: Any) -> str:
    return "\n".join(map(safe, bytes(text).decode(errors="replace").split("\n")))


def parse(text: str, classes: tuple[str, ...]) -> Filter | None:
    """The filter for `shirt`, `>coat` or `shirt>coat`, classes by the beginning of their names; None when there is no
    such class.
    """
    words = [word.strip().lower() for word in text.replace("›", ">").split(">", 1)]
    numbers: list[int | None] = []
    for word in words:
        if not word or word == "any":
            numbers.append(None)
            continue
        names = [name.lower() for name in classes]
        found = (
            names.index(word)
            if word in names
            else next((number for number, name in enumerate(names) if name.startswith(word)), None)
        )
        if found is None:
            return None
        numbers.append(found)
    return Filter(*numbers)
