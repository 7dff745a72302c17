"""Turns the columns of a table into features and a target; whatever is learned from them comes from training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dltui.core.contract import Arrays
from dltui.core.errors import RunError
from dltui.core.text import clean_line, plural

if TYPE_CHECKING:
    from dltui.core.contract.types import Array, Task
    from dltui.plugins.datasets.tables.options import CsvOptions
    from dltui.plugins.datasets.tables.table import Column, Table

TARGET_NAMES = ("target", "label", "class", "y")
MOST_FEATURES = 10_000
MANY_CLASSES = 100
"""More different numbers in a target are measurements rather than classes."""
MOST_CLASSES = 1_000


@dataclass(frozen=True)
class Choice:
    """Places of columns in a table."""

    table: Table
    target: int
    numbers: tuple[int, ...]
    categories: tuple[int, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Values:
    """`numbers` float64 (n, k), NaN where missing; `categories` int64 (n, c), -1 where missing; `target` int64 class
    numbers or float64; `names` the texts of each category."""

    choice: Choice
    numbers: Array
    categories: Array
    target: Array
    classes: tuple[str, ...]


def choose(table: Table, options: CsvOptions) -> Choice:
    """Raises RunError for columns that are not there, and when no feature is left."""
    target = target_of(table, options.target)
    dropped = {table.column(name.strip()) for name in options.drop.split(",") if name.strip()}
    if target in dropped:
        raise RunError(f"{table.columns[target].name!r} is the target and cannot be left out; set --data target=COLUMN")
    rest = [place for place in range(len(table.columns)) if place != target and place not in dropped]
    kinds: dict[str, list[int]] = {kind: [] for kind in ("number", "category", "text", "empty")}
    for place in rest:
        kinds[table.columns[place].kind].append(place)
    notes = [f"column {table.columns[place].name!r} is left out: too many different texts" for place in kinds["text"]]
    notes += [f"column {table.columns[place].name!r} is left out: it is empty" for place in kinds["empty"]]
    if not kinds["number"] and not kinds["category"]:
        raise RunError(f"{clean_line(table.path)} has no column of numbers or categories beside the target")
    return Choice(table, target, tuple(kinds["number"]), tuple(kinds["category"]), tuple(notes))


def target_of(table: Table, name: str) -> int:
    if name:
        return table.column(name)
    names = [column.name.lower() for column in table.columns]
    return next((names.index(usual) for usual in TARGET_NAMES if usual in names), len(names) - 1)


def check_target(column: Column, task: Task) -> None:
    """Raises RunError when the column cannot be what the model is to predict."""
    name = repr(column.name)
    if column.kind == "empty":
        raise RunError(f"the target {name} is empty in every row")
    if task == "regression" and not column.numeric:
        raise RunError(f"the target {name} is text, and regression needs numbers; for classes take mlp or softmax")
    if task == "classification":
        if column.numeric and len(column.values) > MANY_CLASSES:
            raise RunError(
                f"the target {name} has more than {MANY_CLASSES} different numbers, which are no classes; "
                "for numbers take linear-regression"
            )
        if len(column.values) > MOST_CLASSES:
            raise RunError(f"the target {name} has more than {MOST_CLASSES:,} different texts, which are no classes")
        if len(column.values) < 2:
            raise RunError(f"the target {name} has one class, {next(iter(column.values))!r}; two are needed")


def read(choice: Choice, task: Task) -> Values:
    """The second pass over the file. Raises RunError naming the line without a target."""
    import numpy as np

    table, target = choice.table, choice.table.columns[choice.target]
    check_target(target, task)
    classes = tuple(sorted(target.values, key=_order)) if task == "classification" else ()
    numbers = np.full((table.rows, len(choice.numbers)), np.nan)
    categories = np.full((table.rows, len(choice.categories)), -1, dtype=np.int64)
    wanted = np.zeros(table.rows, dtype=np.int64 if classes else np.float64)
    codes = [{text: code for code, text in enumerate(table.columns[p].values)} for p in choice.categories]
    labels = {text: number for number, text in enumerate(classes)}
    for row, (line, cells) in enumerate(table.cells()):
        text = cells[choice.target].strip()
        if not _present(text):
            raise RunError(
                f"{clean_line(table.path)} line {line} has no {target.name!r}, the target: fill it in or remove it"
            )
        wanted[row] = labels[text] if classes else float(text)
        for place, at in enumerate(choice.numbers):
            text = cells[at].strip()
            if _present(text):
                numbers[row, place] = float(text)
        for place, at in enumerate(choice.categories):
            categories[row, place] = codes[place].get(cells[at].strip(), -1)
    return Values(choice, numbers, categories, wanted, classes)


def encode(values: Values, options: CsvOptions, task: Task) -> Arrays:
    """Float32 features: numbers with their gaps filled, then one column for each text of a category."""
    import numpy as np

    from dltui.core.data.arrays import stratified_rows

    notes = list(values.choice.notes)
    values = _complete(values, notes) if options.missing == "drop" else values
    labels = values.target if values.classes else np.zeros(len(values.target), dtype=np.int64)
    shares = [options.test, options.validation * (1 - options.test)]
    test, validation, train = stratified_rows(labels, shares, options.split_seed)
    for name, rows in (("test", test), ("validation", validation)):
        if not len(rows):
            raise RunError(f"too few rows for a {name} part: {len(labels)} in all")
    numbers = _filled(values.numbers, train, notes)
    features = np.hstack([numbers, _one_hot(values.categories, train)]).astype(np.float32)
    if features.shape[1] > MOST_FEATURES:
        raise RunError(f"{features.shape[1]:,} features are more than {MOST_FEATURES:,}; leave columns out with drop=")
    mean, std = _scale(numbers, train, features.shape[1]) if options.scale else (None, None)
    target = values.target if task == "classification" else values.target.astype(np.float32)[:, np.newaxis]
    parts = [(features[rows], target[rows]) for rows in (train, test, validation)]
    return Arrays(parts[0], parts[1], values.classes, mean, std, parts[2], tuple(notes))


def _complete(values: Values, notes: list[str]) -> Values:
    import numpy as np

    whole: Array = np.logical_and(~np.isnan(values.numbers).any(axis=1), (values.categories >= 0).all(axis=1))
    gone = len(whole) - int(whole.sum())
    if gone:
        notes.append(f"left out because of gaps: {gone:,} of {plural(len(whole), 'row')}")
    return Values(values.choice, values.numbers[whole], values.categories[whole], values.target[whole], values.classes)


def _filled(numbers: Array, train: Array, notes: list[str]) -> Array:
    """Gaps take the median of the training rows."""
    import numpy as np
    from sklearn.impute import SimpleImputer

    gaps = int(np.isnan(numbers).sum())
    if not numbers.size or not gaps:
        return numbers
    notes.append(f"{gaps:,} missing numbers are filled with the median of the train split")
    filler = SimpleImputer(strategy="median", keep_empty_features=True).fit(numbers[train])
    filled: Array = filler.transform(numbers)
    return filled


def _one_hot(categories: Array, train: Array) -> Array:
    """What the training rows do not have is 0 in every column."""
    import numpy as np
    from sklearn.preprocessing import OneHotEncoder

    if not categories.size:
        return np.zeros((len(categories), 0))
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(categories[train])
    found: Array = encoder.transform(categories)
    return found


def _scale(numbers: Array, train: Array, features: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of every feature on the training rows; one-hot columns stay as they are."""
    from sklearn.preprocessing import StandardScaler

    if not numbers.size:
        return (0.0,) * features, (1.0,) * features
    scaler: Any = StandardScaler().fit(numbers[train])
    rest = features - numbers.shape[1]
    return (*scaler.mean_.tolist(), *(0.0,) * rest), (*scaler.scale_.tolist(), *(1.0,) * rest)


def _present(text: str) -> bool:
    from dltui.plugins.datasets.tables.table import MISSING

    return text.lower() not in MISSING


def _order(text: str) -> tuple[int, float, str]:
    """Numbers by their value, before texts."""
    from dltui.plugins.datasets.tables.table import as_number

    number = as_number(text)
    return (0, number, text) if number is not None else (1, 0.0, text)
