"""The confusion matrix and the mistakes as they were after each epoch of a run, from what its worker kept of them."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dltui.core.analysis.confusion import Matrix, class_names
from dltui.core.analysis.evaluation import damage_as_error
from dltui.core.analysis.mistakes import Mistake, Mistakes
from dltui.core.errors import RunError
from dltui.core.rundir import notes
from dltui.core.rundir.log import LogTail

if TYPE_CHECKING:
    from dltui.core.contract.types import Array
    from dltui.core.reading.history import History
    from dltui.core.reading.reader import RunReader

MOST_CLASSES = 128
MOST_PIXELS = 64 * 64 * 4
SPLIT = "validation"


@dataclass(frozen=True)
class PastEpoch:
    """An epoch as it was seen when it ended."""

    matrix: Matrix
    mistakes: Mistakes


@dataclass(frozen=True, eq=False)
class Past:
    """The records by epoch, and the packed images by the id of their sample."""

    records: Mapping[int, Mapping[str, Any]]
    images: Mapping[int, str]
    _last: dict[int, PastEpoch | None] = field(default_factory=dict, repr=False)

    def of(self, history: History) -> PastEpoch | None:
        """The last epoch of a history, or the one before it that was kept; None where nothing was kept."""
        known = [
            epoch
            for epoch, record in history.epochs.items()
            if self.records.get(epoch, {}).get("step") == record.step and record.validation
        ]
        if not known:
            return None
        epoch = max(known)
        if epoch not in self._last:
            self._last.clear()
            classes = history.attempt.dataset.get("classes") or () if history.attempt else ()
            self._last[epoch] = self._read(epoch, classes)
        return self._last[epoch]

    def _read(self, epoch: int, classes: Any) -> PastEpoch | None:
        try:
            with damage_as_error():
                return _epoch(self.records[epoch], self.images, epoch, classes)
        except RunError:
            return None


def _epoch(record: Mapping[str, Any], packed: Mapping[int, str], epoch: int, classes: Any) -> PastEpoch:
    """The epoch of a record. Raises ValueError, KeyError, IndexError or TypeError for a damaged one."""
    import numpy as np

    mistakes = [
        Mistake(int(identity), int(true), tuple(zip(map(int, top), map(float, chances), strict=True)), number)
        for number, (identity, true, top, chances) in enumerate(record["mistakes"])
    ]
    largest = max([int(record["size"]) - 1, *(number for one in mistakes for number, _ in one.top)])
    size = max(len(classes), largest + 1)
    if not 0 < int(record["size"]) <= size <= MOST_CLASSES:
        raise ValueError("a matrix of too many classes")
    cells, counts = (np.asarray(record[name], dtype=np.int64) for name in ("cells", "counts"))
    matrix = np.zeros((size, size), dtype=np.int64)
    matrix[cells // int(record["size"]), cells % int(record["size"])] = counts
    names, rows = class_names(classes, size), tuple(map(tuple, matrix.tolist()))
    right, total = int(matrix.trace()), int(matrix.sum())
    found = Matrix(SPLIT, epoch, names, rows)
    told = record.get("images")
    images = _images(told if isinstance(told, Mapping) else {}, packed, [one.id for one in mistakes])
    return PastEpoch(found, Mistakes(SPLIT, epoch, names, tuple(mistakes), total, total - right, images))


def _images(told: Mapping[str, Any], packed: Mapping[int, str], ids: list[int]) -> Array:
    """The images of the samples, uint8 (n, h, w, c); none where one of them is missing."""
    import numpy as np

    none = np.zeros((0, 0, 0, 0), dtype=np.uint8)
    shape = tuple(map(int, told.get("shape") or ()))
    if len(shape) != 3 or not 0 < shape[0] * shape[1] * shape[2] <= MOST_PIXELS or not ids:
        return none
    if any(identity not in packed for identity in ids):
        return none
    return np.stack([_unpacked(packed[identity], shape) for identity in ids])


def _unpacked(text: str, shape: tuple[int, ...]) -> Array:
    import numpy as np

    size = shape[0] * shape[1] * shape[2]
    try:
        data = zlib.decompressobj().decompress(base64.b64decode(text), size + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)


class LatestPast:
    """What was kept of the epochs of a running run; the same object as long as nothing is added."""

    def __init__(self, reader: RunReader) -> None:
        self._tail = LogTail(reader.directory.predictions_dir / notes.EPOCHS)
        self._records: dict[int, Mapping[str, Any]] = {}
        self._images: dict[int, str] = {}
        self._latest = Past({}, {})

    def look(self) -> Past:
        records = self._tail.read()
        if self._tail.restarted:
            self._records, self._images = {}, {}
        for record in records:
            if record.get("type") == notes.EPOCH:
                self._take(record)
        if records or self._tail.restarted:
            self._latest = Past(dict(self._records), dict(self._images))
        return self._latest

    def _take(self, record: dict[str, Any]) -> None:
        self._records[record["seq"]] = record
        told = record.get("images")
        new = told.get("new") if isinstance(told, dict) else None
        for identity, text in new.items() if isinstance(new, dict) else ():
            if isinstance(text, str) and str(identity).lstrip("-").isdecimal():
                self._images[int(identity)] = text
