"""Leaves out the samples that a `review.csv` marks: `--data drop=review.csv`.

The run records the rows themselves beside the file's hash, so that it resumes with the same data whatever becomes of
the file. A split is drawn before samples are left out: all others stay where they are.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from dltui.core import paths
from dltui.core.data.findings import review
from dltui.core.data.findings.record import SPLITS
from dltui.core.errors import RunError, UsageError
from dltui.core.inputs.numerals import as_number
from dltui.core.numbers import output
from dltui.core.tasks.registry import TASKS
from dltui.core.text import clean_line, plural, safe

if TYPE_CHECKING:
    from dltui.core.contract import Arrays
    from dltui.core.contract.types import Array, SplitName, Task

    Parts = dict[SplitName, tuple[Array, Array, Array]]

OPTION = "drop"
FIELD = "dropped"
"""The field of run.json."""


UNIT = "file"
"""The unit of the option where it can only be a review; a table's option may name columns too."""
ENDING = ".csv"
LINE = "line "
"""What the name of a row of a table begins with; the number of its line follows."""
OF_LINE = re.compile(rf"{LINE}\d+")
"""The name of a row of a table."""
ROUNDED = 0.05
"""The part by which a target in a review, less the offset, may differ from that of the sample."""
DIGITS = 1e-12
"""The part by which numbers of float64 may differ that are the same."""


def review_of(text: str) -> str:
    """The review file in the text of the option: all of it, or what follows the last comma; "" without one."""
    if not text.lower().endswith(ENDING):
        return ""
    return text if Path(paths.absolute(text)).is_file() else text.rpartition(",")[2].strip()


def without_review(text: str) -> str:
    """The text of the option without the review: columns of a table."""
    return text[: len(text) - len(review_of(text))].rstrip(", ") if review_of(text) else text


class Row(NamedTuple):
    """A sample to be left out, as the review names it."""

    split: str
    id: int
    true: str
    name: str


def record(text: str) -> dict[str, Any] | None:
    """The field of run.json for the text of the option: the absolute path of the review, its SHA-256, the rows that are
    left out, and how many have a mark and cannot be read; None without a review. Raises UsageError.
    """
    file = review_of(text)
    if not file:
        return None
    path = Path(paths.absolute(file))
    try:
        content = path.read_bytes()
        found, skipped = review.parse_counted(content.decode("utf-8"))
    except (OSError, UnicodeDecodeError, UsageError) as error:
        reason = clean_line(getattr(error, "strerror", None) or error, 200)
        raise UsageError(f"cannot read {clean_line(path)}: {reason}; {OPTION} names a review.csv") from None
    marked = [one for _, one in sorted(found.items()) if one.mark in review.LEFT_OUT]
    if not marked:
        raise UsageError(
            f"{clean_line(path)} marks no sample to leave out; these marks do: {', '.join(review.LEFT_OUT)}"
        )
    rows = [Row(one.split, one.id, one.true, one.name) for one in marked]
    digest = hashlib.sha256(content).hexdigest()
    kept = {"file": str(path), "sha256": digest, "count": len(rows), "rows": [list(row) for row in rows]}
    return {**kept, "skipped": skipped} if skipped else kept


def placed(text: str, left_out: Mapping[str, Any]) -> str:
    """The text of the option with the absolute path of the review."""
    columns = without_review(text)
    return f"{columns},{left_out['file']}" if columns else str(left_out["file"])


def of_run(asked: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What a run leaves out: as run.json (`asked`) has recorded it, else as the file in its options says."""
    return asked.get(FIELD) or record(str((asked.get("dataset_options") or {}).get(OPTION) or ""))


def summary(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The description of what a run leaves out, without the rows; empty when it leaves out nothing."""
    found = asked.get(FIELD)
    return {FIELD: {key: found.get(key) for key in ("file", "sha256", "count")}} if isinstance(found, Mapping) else {}


def digest(dropped: Mapping[str, Any] | None) -> list[str]:
    """The rows as a part of the name of prepared data; empty without any."""
    return [hashlib.sha256(json.dumps(dropped["rows"]).encode()).hexdigest()] if dropped else []


def leave_out(dropped: Mapping[str, Any] | None, task: Task, found: Arrays, parts: Parts) -> tuple[Parts, list[str]]:
    """The parts without the rows that are left out, and a note that says how many of which split. Raises RunError for a
    review of other data, and where too little is left.
    """
    if not dropped:
        return parts, []
    import numpy as np

    file = clean_line(Path(str(dropped["file"])).name, 60)
    gone, missing = _find(dropped, task, found, file)
    left: Parts = {}
    counts = {}
    for split, (x, y, rows) in parts.items():
        # Without a validation part of its own, a dataset's validation split has rows of the train part.
        own = "train" if split == "validation" and found.validation is None else split
        kept = rows[~np.isin(rows, np.array(sorted(gone[own]), dtype=np.int64))]
        left[split], counts[split] = (x, y, kept), len(rows) - len(kept)
        if len(kept) < (2 if split == "train" else 1):
            raise RunError(f"{file} leaves out {'all' if not len(kept) else 'nearly all'} samples of the {split} split")
    said = ", ".join(f"{count:,} of {split}" for split, count in counts.items() if count) or "none"
    notes = [f"left out by {file} ({str(dropped['sha256'])[:12]}): {said}"]
    if counts["test"]:
        tests = len(left["test"][2])
        notes.append(
            f"the test result is of the {tests:,} samples that are left: it compares only with runs that leave out the "
            "same"
        )
    return left, [*notes, *_not_taken(file, missing, int(dropped.get("skipped") or 0))]


def _not_taken(file: str, missing: int, skipped: int) -> Iterator[str]:
    """Lines about samples of a review that are missing, and about its rows that cannot be read."""
    if missing:
        yield f"{plural(missing, 'sample')} that {file} names {'is' if missing == 1 else 'are'} not in the data"
    if skipped:
        told = f"without an id, or with a mark that is none of {', '.join(review.KNOWN)}"
        yield f"{file} has {plural(skipped, 'row')} {told}: nothing is left out by {'it' if skipped == 1 else 'them'}"


def rows_of(
    dropped: Mapping[str, Any] | None, part: SplitName, names: Mapping[SplitName, Sequence[str]] | None = None
) -> set[int]:
    """The rows of a part that are left out of data with parts of its own and these names, as far as they are there: a
    dataset measures its train rows without them.
    """
    placed = _placed(dropped, SPLITS, names) if dropped else ()
    return {row for _, at, rows, _ in placed if at == part for row in rows}


def _find(dropped: Mapping[str, Any], task: Task, found: Arrays, file: str) -> tuple[dict[str, set[int]], int]:
    """The rows of each part that are named, and how many are not there any more."""
    given = {"train": found.train, "test": found.test}
    given |= {} if found.validation is None else {"validation": found.validation}
    gone: dict[str, set[int]] = {part: set() for part in given}
    missing = 0
    for row, part, rows, is_named in _placed(dropped, given, found.names):
        y = given[part][1]
        if not is_named and not 0 <= row.id < len(y):
            raise RunError(f"{_other(row, file)}, and there are {len(y):,}")
        # A file may have another label by now; a line that has another one is that of another row.
        if not is_named or OF_LINE.fullmatch(row.name):
            _check(row, y[sorted(rows)], task, found, file, is_named)
        gone[part] |= rows
        missing += not rows
    return gone, missing


def _placed(
    dropped: Mapping[str, Any], parts: Collection[str], names: Mapping[SplitName, Sequence[str]] | None
) -> Iterator[tuple[Row, str, set[int], bool]]:
    """Each row of a review with the part in which it is, its rows there, none where it is gone, and if it was known by
    its name.
    """
    called = {part: _places((names or {}).get(cast("SplitName", part))) for part in parts}
    for row in (Row(*map(_typed, one)) for one in dropped["rows"]):
        part = row.split if row.split in parts else "train"
        if not (row.name and called[part]):
            yield row, part, {row.id}, False
            continue
        # Files are known by their names: another file more, and ids are others.
        at = next(((one, places[row.name]) for one, places in _first(part, called) if row.name in places), (part, []))
        # A table may name a file more than once: then the row counts, if it is one of them.
        yield row, at[0], {row.id} if row.id in at[1] else set(at[1]), True


def _typed(value: object) -> Any:
    return value if isinstance(value, int) else str(value)


def _first(part: str, called: Mapping[str, Mapping[str, list[int]]]) -> list[tuple[str, Mapping[str, list[int]]]]:
    """The names of all parts, those of one of them first."""
    return sorted(called.items(), key=lambda one: one[0] != part)


def _places(names: Sequence[str] | None) -> dict[str, list[int]]:
    """The rows of each name, as prepared data holds it."""
    from dltui.core.data.prepared import short_name

    found: dict[str, list[int]] = {}
    for row, name in enumerate(names or ()):
        found.setdefault(safe(short_name(str(name)).decode()), []).append(row)
    return found


def _other(row: Row, file: str) -> str:
    return f"{file} is of other data: it names {row.split} sample {row.id:,}"


def _check(row: Row, y: Array, task: Task, found: Arrays, file: str, is_named: bool) -> None:
    """Raise RunError for a row that is not of this data, of which it has these targets."""
    targets = TASKS[task].targets
    if targets == "numbers" and row.true and not is_named:
        number = as_number(row.true)
        if number is None:
            told = "and this run predicts numbers; check the data with --model MODEL"
            raise RunError(f"{_other(row, file)} of class {clean_line(row.true, 40)}, {told}")
        offset = found.targets[0].offset if found.targets else 0.0
        for one in (float(one.item()) for one in y if one.size == 1):
            rounded = max(_half_unit(row.true), ROUNDED * abs(one))
            if not math.isclose(number, one + offset, rel_tol=DIGITS, abs_tol=rounded):
                told = f"{output(number)}, which is {output(one + offset)} here"
                raise RunError(f"{_other(row, file)} with the target {told}")
    for one in y if targets in ("class", "labels") and row.true else ():
        present = [int(one)] if targets == "class" else [number for number, there in enumerate(one) if there]
        label = "|".join(safe(found.classes[number]) for number in present)
        if label != row.true:
            called = clean_line(label, 40) or "of none"
            raise RunError(f"{_other(row, file)} of class {clean_line(row.true, 40)}, which is {called} here")


def _half_unit(text: str) -> float:
    """Half a unit of the last digit of a number in the notation of programs, by which a person may have rounded it."""
    digits, _, exponent = text.strip().lower().partition("e")
    return float(f"5e{int(exponent or 0) - len(digits.partition('.')[2]) - 1}")
