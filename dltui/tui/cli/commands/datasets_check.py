"""`dltui datasets check`: what is wrong with a dataset, before it is trained on and after."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dltui.core import paths
from dltui.core.catalog.fields import key_values
from dltui.core.errors import UsageError
from dltui.core.text import clean_line, plural, shorten
from dltui.tui.cli import completion
from dltui.tui.cli.output import say, say_json, say_table

if TYPE_CHECKING:
    from dltui.core.analysis.label_errors import LabelErrors
    from dltui.core.catalog.entries import DatasetEntry
    from dltui.core.data.findings.record import Findings, Sample
    from dltui.core.data.findings.review import Opinion
    from dltui.core.reading.reader import RunReader

MOST = 20
"""The rows of a table; --json has all."""
BAR = 20


@click.command()
@click.argument("dataset", shell_complete=completion.datasets)
@click.option("--data", multiple=True, metavar="KEY=VALUE", help="an option of the dataset; repeatable")
@click.option("--data-dir", metavar="DIR", help="folder that holds the dataset's files")
@click.option(
    "--model",
    metavar="MODEL",
    help="look at a table or sequences as this model reads them",
    shell_complete=completion.models,
)
@click.option("--plugin", "plugins", multiple=True, metavar="FILE", help="a .py file with plugins; repeatable")
@click.option("--run", metavar="RUN", help="also labels that are probably wrong, by this run's predictions")
@click.option("--write", type=Path, metavar="FILE", help="add what was found to a review.csv")
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
def check(
    dataset: str,
    data: tuple[str, ...],
    data_dir: str | None,
    model: str | None,
    plugins: tuple[str, ...],
    run: str | None,
    write: Path | None,
    as_json: bool,
) -> int:
    """Look for duplicates within and between the splits of a dataset, blank or odd samples, and uneven classes; with
    --run also for labels that are probably wrong. How a table or sequences are read and divided depends on the model:
    name it with --model, unless --run tells it.

    --write adds a row for each to a review.csv: duplicates and broken samples, which
    `dltui train MODEL --dataset DATASET --data drop=FILE` leaves out, and suspects of wrong labels, which stay until
    you change their mark to "wrong label".
    """
    from dltui.core.catalog.assemble import load_catalog
    from dltui.core.data.findings import ask
    from dltui.tui.cli.launch import data_progress

    if run and model:
        raise UsageError("--run says which model it is; leave out --model")
    catalog = load_catalog(plugins)
    entry = catalog.dataset(dataset)
    options = key_values(data, entry.fields, f"dataset {entry.name}")
    reader = _run_on(run, entry, options) if run else None
    suspects = _suspects(reader) if reader else None
    wanted = ask.of_run(reader.run) if reader else None
    wanted = ask.of_model(entry, catalog.model(model)) if model else wanted
    found = ask.find(entry, options, data_dir, data_progress.teller(), wanted).findings
    if as_json:
        say_json(as_object(found, suspects))
    else:
        _say(found, suspects)
    said = _written(paths.expanded(write), _rows(found, suspects)) if write is not None else ""
    if said and not as_json:
        say(said)
    return 0


def _suspects(reader: RunReader) -> LabelErrors | None:
    """The labels that are probably wrong by a run; None for a run without a class for each sample."""
    from dltui.core.analysis import label_errors
    from dltui.core.tasks.registry import task_of

    return label_errors.of_run(reader) if task_of(reader.run.get("task")).targets == "class" else None


def _say(found: Findings, suspects: LabelErrors | None) -> None:
    for line in lines(found):
        say(line) if isinstance(line, str) else say_table(line, right=frozenset({3}))
    if suspects is not None:
        _say_suspects(suspects)


def _written(path: Path, rows: list[Opinion]) -> str:
    """Add rows to a review. Returns a line about what it leaves out. Raises UsageError."""
    from dltui.core.data.findings import review

    kept = review.save_opinions(path, _new(rows, review.read_file(path), path))
    out = sum(one.mark in review.LEFT_OUT for one in kept.values())
    return f"{path} marks {plural(out, 'sample')} to leave out: --data drop={shlex.quote(str(path))}"


def _run_on(run: str, entry: DatasetEntry, options: Mapping[str, Any]) -> RunReader:
    """A run, which must have been trained on the dataset. Raises UsageError."""
    from dltui.tui.cli.follow.sending import open_run

    reader = open_run(run)
    asked = reader.run
    trained_on = (asked.get("dataset_plugin") or asked["dataset"], (asked.get("dataset_options") or {}).get("path"))
    if trained_on != (entry.plugin or entry.name, {**entry.given, **options}.get("path")):
        raise UsageError(f"{reader.directory.id} was trained on {asked['dataset']}, not on {entry.reference}")
    return reader


def as_object(found: Findings, suspects: LabelErrors | None) -> dict[str, Any]:
    """The object of `--json`."""
    from dltui.core.data.findings.record import line

    labels = {"label_errors": asdict(suspects)} if suspects is not None else {}
    return {"line": line(found), **found.to_json(), **labels}


def lines(found: Findings) -> Iterator[str | list[list[str]]]:
    """The findings as lines and tables."""
    from dltui.core.data.findings import record
    from dltui.core.data.findings.proposals import class_name

    yield record.line(found)
    if found.pairs:
        yield ""
        rows = [["", "LEAVE OUT", "KEEP", "DIFFERENCE", "CLASS"]]
        for pair in found.pairs[:MOST]:
            classes = [class_name(sample, found.classes) for sample in (pair.other, pair.kept)]
            label = f"{classes[0] or '-'}, and {classes[1] or '-'}" if pair.contradicts else classes[0]
            rows.append([pair.kind, place(pair.other), place(pair.kept), f"{100 * pair.residue:.1f} %", label])
        yield rows
        yield from _more(sum(found.pair_counts.values()), "pair")
    if found.odd:
        yield ""
        rows = [["LOOKS BROKEN", "", "CLASS"]]
        rows += [[place(odd.sample), odd.why, class_name(odd.sample, found.classes)] for odd in found.odd[:MOST]]
        yield rows
        yield from _more(sum(found.odd_counts.values()), "sample")
    if found.per_class:
        yield ""
        yield balance(found)


def balance(found: Findings) -> list[list[str]]:
    """The samples of each class in each split, with a bar for the train split."""
    most = max(found.per_class.get("train") or (1,)) or 1
    rows = [["CLASS", "", *(split.upper() for split in found.per_class)]]
    for number, name in enumerate(found.classes):
        counts = [counts[number] for counts in found.per_class.values()]
        bar = "#" * max(round(BAR * counts[0] / most), 1 if counts[0] else 0)
        rows.append([shorten(name, 30), bar, *(f"{count:,}" for count in counts)])
    return rows


def place(sample: Sample) -> str:
    """A sample by split and id, and by its file where it has one."""
    return f"{sample.split} {sample.id}" + (f" {shorten(sample.name, 40)}" if sample.name else "")


def _more(total: int, what: str) -> Iterator[str]:
    if total > MOST:
        yield f"and {plural(total - MOST, f'more {what}')}: --json has all"


def _say_suspects(found: LabelErrors) -> None:
    say()
    say(f"labels of {found.samples:,} samples, the likeliest to be wrong first, by the predictions of {found.run}")
    rows = [["SAMPLE", "LABEL", "MORE LIKELY", "PROBABILITY"]]
    for one in found.candidates[:MOST]:
        name = f"{one.split} {one.id}" + (f" {shorten(one.name, 40)}" if one.name else "")
        label, proposed = (found.classes[number] for number in (one.label, one.proposed))
        rows.append([name, label, proposed, f"{100 * one.probability:.1f} %"])
    say_table(rows, right=frozenset({3}))
    for line in _more(len(found.candidates), "label"):
        say(line)


def _rows(found: Findings, suspects: LabelErrors | None) -> list[Opinion]:
    from dltui.core.analysis import label_errors
    from dltui.core.data.findings import proposals

    return [*proposals.rows(found), *(label_errors.rows(suspects) if suspects is not None else ())]


def _new(rows: list[Opinion], known: dict[tuple[str, int], Opinion], path: Path) -> list[Opinion]:
    """The rows of samples that nobody has judged yet; of a sample the first one. A file is known by its name: with
    other files beside it, its id is another. Where a table names one more than once, its samples are known by their
    ids. Raises UsageError for a review in which the same ids are those of other samples.
    """
    files = _of_one_sample(known.values()) & _of_one_sample(rows)
    found: dict[tuple[str, int], Opinion] = {}
    for row in rows:
        if row.name in files:
            continue
        judged = known.get(row.key)
        if judged is not None and judged.name and row.name and judged.name != row.name:
            told = f"holds {clean_line(judged.name, 200)} as {row.split} {row.id}, which is {row.name} here"
            why = "files were added or removed, or the data was divided otherwise"
            raise UsageError(f"{clean_line(path)} {told}: {why}; write another file")
        if judged is None:
            found.setdefault(row.key, row)
    return list(found.values())


def _of_one_sample(rows: Iterable[Opinion]) -> set[str]:
    """The names of files that only one of these samples has."""
    from dltui.core.data.findings.dropped import OF_LINE

    counts = Counter(name for _, name in {(row.key, row.name) for row in rows})
    return {name for name, count in counts.items() if count == 1 and name and not OF_LINE.fullmatch(name)}
