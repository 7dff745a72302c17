"""Turns the columns of a table into features and a target; all statistics come from the train split's rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import compress
from typing import TYPE_CHECKING, Any

from dltui.core.contract import Arrays, Column, Input, Target
from dltui.core.data import digits
from dltui.core.data.findings import dropped
from dltui.core.errors import RunError
from dltui.core.inputs import headings
from dltui.core.inputs.numerals import is_missing
from dltui.core.tasks.registry import TASKS
from dltui.core.text import clean_line, plural
from dltui.plugins.datasets.tables import roles
from dltui.plugins.datasets.tables.labels import Labels, rarest
from dltui.plugins.datasets.tables.tokenized import tokenized

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from dltui.core.contract.types import Array, SplitName, Task
    from dltui.core.tasks.definition import TaskDefinition
    from dltui.plugins.datasets.tables.options import CsvOptions
    from dltui.plugins.datasets.tables.roles import Choice

MOST_FEATURES = 10_000


@dataclass(frozen=True)
class Values:
    """The values of a table. `numbers` float64 (n, k), NaN where missing; `categories` int64 (n, c), -1 where missing;
    `target` int64 class numbers, float64, float64 (n, targets), or uint8 0 or 1 (n, labels). `lines` are the numbers of
    the rows' lines (n,), `texts` those of the column of texts (n,), () without one.
    """

    choice: Choice
    numbers: Array
    categories: Array
    target: Array
    classes: tuple[str, ...]
    lines: tuple[int, ...]
    texts: tuple[str, ...] = ()


def read(choice: Choice, task: Task) -> Values:
    """Read the values in a second pass over the file. Raises RunError naming the line without a target."""
    import numpy as np

    table, target = choice.table, target_of(choice, task)
    numbers = np.full((table.rows, len(choice.numbers)), np.nan)
    categories = np.full((table.rows, len(choice.categories)), -1, dtype=np.int64)
    wanted = target.empty(table.rows)
    codes = [_codes(table.columns[place].values) for place in choice.categories]
    readers = [(at, table.columns[at].numerals) for at in choice.numbers]
    lines, texts = [], []
    for row, (line, cells) in enumerate(table.cells()):
        wanted[row] = target.value(line, cells)
        lines.append(line)
        texts += [cells[choice.text]] if choice.text >= 0 else []
        for place, (at, numerals) in enumerate(readers):
            text = cells[at].strip()
            number = None if is_missing(text) else numerals.value(text)
            if number is not None:
                numbers[row, place] = number
        for place, at in enumerate(choice.categories):
            categories[row, place] = codes[place].get(cells[at].strip(), -1)
    return Values(choice, numbers, categories, wanted, target.classes, tuple(lines), tuple(texts))


def _codes(texts: Iterable[str]) -> dict[str, int]:
    """The number of each text of a category, the same for those that differ in white space alone."""
    first: dict[str, int] = {}
    return {text: first.setdefault(clean_line(text), code) for code, text in enumerate(texts)}


class _Single:
    """A target of one column: a class or a number."""

    def __init__(self, choice: Choice, task: Task) -> None:
        self._table, self._place = choice.table, choice.target
        self._column = choice.table.columns[choice.target]
        roles.check_target(self._column, task)
        self._labels = roles.classes_of(self._column) if TASKS[task].has_classes else {}
        self.classes = tuple(dict.fromkeys(sorted(self._labels.values(), key=roles.order)))
        self._numbers = {name: number for number, name in enumerate(self.classes)}

    def empty(self, rows: int) -> Array:
        import numpy as np

        return np.zeros(rows, dtype=np.int64 if self.classes else np.float64)

    def value(self, line: int, cells: Sequence[str]) -> float:
        text, name = cells[self._place].strip(), self._column.name
        known = text in self._labels
        if self._labels and not known and not is_missing(text):
            raise self._table.changed()
        value = self._numbers[self._labels[text]] if known else self._column.numerals.value(text)
        if is_missing(text) or value is None:
            problem = f"has no {name!r}, the target" if is_missing(text) else (
                f"has {clean_line(repr(text), 60)} as {name!r}, the target, which is no number")  # fmt: skip
            raise RunError(f"{clean_line(self._table.path)} line {line} {problem}: fill it in or remove it")
        return value


class _Several:
    """A target of labels, each of which applies or not."""

    def __init__(self, choice: Choice) -> None:
        self._labels = Labels(choice.table, choice.labels)
        self.classes = self._labels.names

    def empty(self, rows: int) -> Array:
        import numpy as np

        return np.zeros((rows, len(self.classes)), dtype=np.uint8)

    def value(self, line: int, cells: Sequence[str]) -> list[int]:
        return self._labels.row(line, cells)


class Numbers:
    """Several targets, each a column of numbers."""

    classes: tuple[str, ...] = ()

    def __init__(self, choice: Choice) -> None:
        self._columns = [_Single(replace(choice, target=place), "regression") for place in choice.targets]

    def empty(self, rows: int) -> Array:
        import numpy as np

        return np.zeros((rows, len(self._columns)))

    def value(self, line: int, cells: Sequence[str]) -> list[float]:
        return [column.value(line, cells) for column in self._columns]


def target_of(choice: Choice, task: Task) -> _Single | _Several | Numbers:
    """The reader of the target of a task."""
    if TASKS[task].targets == "labels":
        return _Several(choice)
    return Numbers(choice) if choice.targets else _Single(choice, task)


def encode(
    values: Values, options: CsvOptions, task: Task, named: bool = False, left_out: Mapping[str, Any] | None = None
) -> Arrays:
    """The float32 features: numbers with their gaps filled, then a column for each text of a category; `named` gives
    the numbers and the numbers of the categories instead. What is `left_out` later, as a review says, does not count in
    what is measured.
    """
    import numpy as np

    notes = list(values.choice.notes)
    values = _complete(values, notes) if options.missing == "drop" else values
    divisions = divided(values.target, options, TASKS[task])
    names = named_by_line(values.lines, divisions)
    train = measured(divisions[0], dropped.rows_of(left_out, "train", names))
    numbers, offsets = _shifted(_filled(values.numbers, train, notes), train, values.choice, notes)
    target = targets_of(values.target, TASKS[task])
    known = [np.unique(column) for column in values.categories[train].T]
    inputs = _inputs(values.choice, numbers[train], offsets, known, options)
    table = roles.described(values.choice)
    if named:
        x: Any = _numbered(values, numbers, known)
        if values.texts:
            column = values.choice.table.columns[values.choice.text].name
            text, x["text"] = tokenized(values.texts, train.tolist(), column, options, notes)
            inputs = (*inputs, text)
        about: dict[str, Any] = {"named_inputs": inputs}
    else:
        x, about = _features(values, numbers, train, options)
        table["inputs"] = [asdict(one) for one in inputs]
    parts = [(_some(x, rows), target[rows]) for rows in divisions]
    return Arrays(
        parts[0], parts[1], values.classes, validation=parts[2], notes=tuple(notes), inputs={"table": table},
        names=names, targets=scaled_targets(target_names(values.choice), target[train]), **about,
    )  # fmt: skip


def _some(x: Any, rows: Array) -> Any:
    """These rows of an array, of a list, or of each input by its name."""
    if isinstance(x, dict):
        return {name: _some(values, rows) for name, values in x.items()}
    return [x[row] for row in rows.tolist()] if isinstance(x, list) else x[rows]


def measured(train: Array, left_out: Collection[int]) -> Array:
    """The train rows without those whose place among them is left out; all where too few would be left, which core
    refuses.
    """
    import numpy as np

    kept: Array = train[~np.isin(np.arange(len(train)), sorted(left_out))]
    return kept if len(kept) > 1 else train


def named_by_line(lines: Sequence[int], divisions: Sequence[Array]) -> dict[SplitName, list[str]]:
    """The names of the rows of the train, test and validation parts, by which a review knows them however the rows are
    divided.
    """
    train, test, validation = ([f"{dropped.LINE}{lines[row]}" for row in rows.tolist()] for rows in divisions)
    return {"train": train, "test": test, "validation": validation}


def divided(target: Array, options: CsvOptions, task: TaskDefinition) -> list[Array]:
    """The rows of the train, test and validation parts. Raises RunError where one would be empty."""
    from dltui.core.data.arrays import stratified_rows

    labels = _divided_by(target, task)
    shares = [options.test, options.validation * (1 - options.test)]
    test, validation, train = stratified_rows(labels, shares, options.split_seed)
    for name, rows in (("test", test), ("validation", validation)):
        if not len(rows):
            raise RunError(f"too few rows for a {name} part: {len(labels)} in all")
    return [train, test, validation]


def targets_of(target: Array, task: TaskDefinition) -> Array:
    """The targets with the numbers of a row in a row, float64: core makes float32 of them."""
    return target if task.has_classes else target.reshape(len(target), -1)


def _features(values: Values, numbers: Array, train: Array, options: CsvOptions) -> tuple[Any, dict[str, Any]]:
    """The rows of a single input, and what `Arrays` says about it."""
    import numpy as np

    coded, widths = _one_hot(values.categories, train)
    features = np.hstack([numbers, coded]).astype(np.float32)
    count = features.shape[1]
    if count > MOST_FEATURES:
        raise RunError(f"{count:,} features are more than {MOST_FEATURES:,}; leave columns out with drop=")
    mean, std = _scale(numbers, train, count) if options.scale else ((0.0,) * count, (1.0,) * count)
    return features, {"mean": mean, "std": std, "columns": _columns(values.choice, widths)}


def _numbered(values: Values, numbers: Array, known: Sequence[Array]) -> dict[str, Array]:
    """The numbers, and the numbers of the categories: 0 is one that the train rows do not have."""
    import numpy as np

    x: dict[str, Array] = {}
    if numbers.shape[1]:
        x["numbers"] = numbers.astype(np.float32)
    if known:
        found = [_places(column, texts) for column, texts in zip(values.categories.T, known, strict=True)]
        x["categories"] = np.stack(found, axis=1).astype(np.int32)
    return x


def _inputs(
    choice: Choice, numbers: Array, offsets: Array, known: Sequence[Array], options: CsvOptions
) -> tuple[Input, ...]:
    """The numbers and the categories of the train rows, as `dltui predict` reads them from a file as well."""
    found = [_input_of_numbers(numbers, offsets, choice, options)] if numbers.shape[1] else []
    if known:
        found.append(
            Input(
                "categories",
                (len(known),),
                "int32",
                tuple(len(texts) + 1 for texts in known),
                places=_names(choice, choice.categories),
                texts=tuple(_texts(choice, *pair) for pair in zip(choice.categories, known, strict=True)),
                # A gap is the least of the codes.
                gaps=tuple(int(len(texts) > 0 and texts[0] < 0) for texts in known),
            )
        )
    return tuple(found)


def _input_of_numbers(train: Array, offsets: Array, choice: Choice, options: CsvOptions) -> Input:
    """The input of these numbers of the train rows, from which `offsets` were taken."""
    import numpy as np

    count = train.shape[1]
    mean, std = _scale(train, slice(None), count) if options.scale else ((0.0,) * count, (1.0,) * count)
    return Input(
        "numbers",
        (count,),
        mean=mean,
        std=std,
        places=_names(choice, choice.numbers),
        offsets=tuple(offsets.tolist()) if offsets.any() else (),
        # Of gaps that are filled already the median is the same.
        fills=tuple(np.median(train, axis=0).tolist()) if options.missing == "fill" else (),
        styles=tuple(choice.table.columns[place].numerals.style for place in choice.numbers),
    )


def _places(column: Array, known: Array) -> Array:
    """The places from 1 on of values among known ones in order; 0 for others."""
    import numpy as np

    places = np.minimum(np.searchsorted(known, column), len(known) - 1)
    found: Array = np.where(known[places] == column, places + 1, 0)
    return found


def _texts(choice: Choice, place: int, known: Array) -> tuple[str, ...]:
    """The texts of a category's numbers; "" for one that the train rows do not have."""
    every = [clean_line(text) for text in choice.table.columns[place].values]
    different = list(dict.fromkeys(every))
    names = dict(zip(different, headings.categories(different), strict=True))
    texts = [names[text] for text in every]
    gap = "missing" if "missing" not in texts else "(missing)"
    return ("", *(texts[code] if code >= 0 else gap for code in known.tolist()))


def _names(choice: Choice, places: Sequence[int]) -> tuple[str, ...]:
    return tuple(clean_line(choice.table.columns[place].name, 100) for place in places)


def target_names(choice: Choice) -> tuple[str, ...]:
    """The names of several targets, () of one."""
    return tuple(clean_line(choice.table.columns[place].name, 200) for place in choice.targets)


def scaled_targets(names: Sequence[str], train: Array) -> tuple[Target, ...]:
    """The mean and deviation of each of several targets on the train rows, float64; a constant one keeps its units."""
    columns = zip(names, train.T, strict=True) if names else ()
    return tuple(Target(name, float(column.mean()), digits.spread(column) or 1.0) for name, column in columns)


def _divided_by(target: Array, task: TaskDefinition) -> Array:
    """The class of each row, by which train, validation and test are divided alike."""
    import numpy as np

    if task.targets == "labels":
        return rarest(target)
    return target if task.has_classes else np.zeros(len(target), dtype=np.int64)


def _columns(choice: Choice, widths: Sequence[int]) -> tuple[Column, ...]:
    """The columns of the features: the numbers, then the categories with these widths."""
    names = [choice.table.columns[place].name for place in (*choice.numbers, *choice.categories)]
    count, first, found = len(choice.numbers), 0, []
    for place, (name, width) in enumerate(zip(names, (*(1 for _ in range(count)), *widths), strict=True)):
        found.append(Column(clean_line(name), "number" if place < count else "category", first, width))
        first += width
    return tuple(found)


def _complete(values: Values, notes: list[str]) -> Values:
    import numpy as np

    whole: Array = np.logical_and(~np.isnan(values.numbers).any(axis=1), (values.categories >= 0).all(axis=1))
    gone = len(whole) - int(whole.sum())
    if gone:
        notes.append(f"left out because of gaps: {gone:,} of {plural(len(whole), 'row')}")
    return Values(
        values.choice, values.numbers[whole], values.categories[whole], values.target[whole], values.classes,
        tuple(compress(values.lines, whole)), tuple(compress(values.texts, whole)),
    )  # fmt: skip


def _filled(numbers: Array, train: Array, notes: list[str]) -> Array:
    """The numbers with gaps filled by the median of the train rows."""
    import numpy as np
    from sklearn.impute import SimpleImputer

    gaps = int(np.isnan(numbers).sum())
    if not numbers.size or not gaps:
        return numbers
    notes.append(f"filled with the median of the train split: {plural(gaps, 'missing number')}")
    filler = SimpleImputer(strategy="median", keep_empty_features=True).fit(numbers[train])
    filled: Array = filler.transform(numbers)
    return filled


def _shifted(numbers: Array, train: Array, choice: Choice, notes: list[str]) -> tuple[Array, Array]:
    """The numbers, with columns that lose too many digits in float32, like seconds since 1970, replaced by the distance
    from the mean of the train rows, and what was taken from each column.
    """
    offsets = digits.offsets(numbers[train])
    for place, taken in enumerate(offsets.tolist()):
        if taken:
            notes.append(digits.note(f"column {choice.table.columns[choice.numbers[place]].name!r}", taken))
    return numbers - offsets, offsets


def _one_hot(categories: Array, train: Array) -> tuple[Array, list[int]]:
    """One-hot columns of the categories, and their number for each category; a category that the train rows do not
    have is 0 in every column.
    """
    import numpy as np
    from sklearn.preprocessing import OneHotEncoder

    if not categories.size:
        return np.zeros((len(categories), 0)), []
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(categories[train])
    found: Array = encoder.transform(categories)
    return found, [len(texts) for texts in encoder.categories_]


def _scale(numbers: Array, train: Array | slice, features: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The mean and deviation of every feature on the train rows; one-hot columns are not scaled."""
    from sklearn.preprocessing import StandardScaler

    if not numbers.size:
        return (0.0,) * features, (1.0,) * features
    scaler: Any = StandardScaler().fit(numbers[train])
    rest = features - numbers.shape[1]
    return (*scaler.mean_.tolist(), *(0.0,) * rest), (*scaler.scale_.tolist(), *(1.0,) * rest)
