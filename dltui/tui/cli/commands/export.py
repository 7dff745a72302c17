"""`dltui export`: the figures and tables of runs, written again, elsewhere, in other formats, or as a tar on stdout."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from dltui.core import fs, paths
from dltui.core.contract.inputs import Input, table_of
from dltui.core.errors import DltuiError, RunError, UsageError
from dltui.core.hosts import mirror
from dltui.core.reading.reader import RunReader
from dltui.core.rundir import checkpoint, place
from dltui.core.text import clean_line
from dltui.core.worker.figures import FORMATS, FORMATS_TEXT, Look, check_formats, draw, millimeters
from dltui.tui.cli import completion
from dltui.tui.cli.follow.closing import exported_files, take_home
from dltui.tui.cli.follow.sending import each_once, found_run
from dltui.tui.cli.options import code, code_options
from dltui.tui.cli.output import losing, say, say_json, warn
from dltui.tui.cli.templates.predict_script import named_script, script
from dltui.tui.cli.templates.vector_script import vector_script

if TYPE_CHECKING:
    from dltui.core.lifecycle.trust import Code
    from dltui.core.rundir.directory import RunDirectory

    Written = dict[str, Any]

SUFFIXES = {"onnx": "onnx", "safetensors": "safetensors", "keras": "keras", "torch": "pt2"}
MODEL_FORMATS_TEXT = ", ".join(SUFFIXES)


@click.command()
@click.argument("runs", nargs=-1, metavar="RUN...", shell_complete=completion.runs)
@click.option("--to", metavar="DIR", help="write to DIR/<run id>; - streams a tar to standard output")
@click.option(
    "--format",
    "formats",
    metavar="F,F",
    help=f"{FORMATS_TEXT} [as the run was started]; or the model: {MODEL_FORMATS_TEXT}",
)
@click.option(
    "--receipt", "receipts", is_flag=True, help="receipt.json alone: all that `dltui verify` repeats a run by"
)
@click.option(
    "--explain",
    "explain",
    is_flag=True,
    help="also explain.svg, what in test images speaks for an answer, and embeddings.svg, how the model sorts them",
)
@click.option("--no-title", is_flag=True, help="figures without a heading, for a caption of your own")
@click.option("--width", metavar="W", help="width of the figures, as 85mm (a column) or 175mm (a page) [183mm]")
@click.option("--dpi", type=click.IntRange(30, 2400), metavar="N", help="pixels an inch of PNGs [200]")
@click.option("--text", type=click.Choice(["paths", "live"]), help="text in SVGs as outlines, or as text [paths]")
@code_options
@click.option("--json", "as_json", is_flag=True, help="one JSON array of objects")
def export(
    runs: tuple[str, ...],
    to: str | None,
    formats: str | None,
    receipts: bool,
    explain: bool,
    no_title: bool,
    width: str | None,
    dpi: int | None,
    text: str | None,
    plugins: tuple[str, ...],
    trust: bool,
    as_json: bool,
) -> int:
    """Write the figures and tables of runs (the latest run by default), finished or not.

    Those of another user's run go to ./exports/<run id>, and its plugins draw nothing without --trust or --plugin.
    """
    chosen = check_formats(formats.split(","), (*FORMATS, *SUFFIXES)) if formats else None
    look = Look(not no_title, millimeters(width) if width else None, dpi, text)
    _check(chosen, to, receipts, explain, look)
    found = each_once(found_run(text) for text in runs or (None,))
    asked = _Asked(to, chosen, receipts, explain, code(plugins, trust), look, quiet=as_json)
    if to == "-":
        return _stream(found, asked)
    written, status = [], 0
    for run in found:
        try:
            written.append(_one(run, asked))
        except DltuiError as error:
            if len(found) == 1:
                raise
            # The others are written all the same.
            warn(f"dltui: {error}")
            status = error.exit_code
    if as_json:
        say_json(written)
    return status


class _Asked(NamedTuple):
    """What to write of each run. `quiet` reports nothing of it."""

    to: str | None
    formats: list[str] | None
    receipts: bool
    explain: bool
    code: Code
    look: Look
    quiet: bool


def _one(run: RunDirectory, asked: _Asked) -> Written:
    if mirror.origin(run) is not None:
        more = asked.explain or asked.receipts or bool(asked.code) or asked.look != Look()
        return _fetch(run, asked.to, asked.formats, more, asked.quiet)
    if asked.explain:
        _look_inside(run, asked.code)
    if asked.receipts:
        return _write_receipt(run, asked.to, asked.quiet)
    return _write(run, asked)


def _check(chosen: Sequence[str] | None, to: str | None, receipts: bool, explain: bool, look: Look) -> None:
    """Raise UsageError for options that do not go together."""
    models = [form for form in chosen or () if form in SUFFIXES]
    if models and len(models) != len(chosen or ()):
        raise UsageError(f"--format takes figures ({FORMATS_TEXT}) or models ({MODEL_FORMATS_TEXT}), not both")
    if receipts and (chosen or to == "-"):
        raise UsageError("--receipt writes receipt.json alone, to a folder: leave out --format and --to -")
    if explain and (models or receipts):
        raise UsageError("--explain draws figures: leave out --receipt and the formats of models")
    if look != Look() and (models or receipts):
        raise UsageError("--no-title, --width, --dpi and --text are about figures: leave them out here")
    if to == "-" and models:
        raise UsageError("--to - streams figures; a model is written with --to DIR")


def _write(run: RunDirectory, asked: _Asked) -> Written:
    """Write the figures or the model of a run, and report it unless `quiet`."""
    to, formats, code = asked.to, asked.formats, asked.code
    wanted = paths.expanded(to).absolute() / run.id if to else None
    folder = place.free(wanted, run) if wanted else place.exports_folder(run)
    lines = [f"{wanted} holds the figures of another run"] if wanted and folder != wanted else []
    if formats and formats[0] in SUFFIXES:
        files = [str(path) for path in write_models(run, folder, formats, code)]
        lines += [f"wrote {file}" for file in files]
    else:
        draw(run, folder, formats, [*code.words(), *asked.look.words()])
        files = [str(path) for path in exported_files(folder)]
        lines += take_home(folder)
    for line in () if asked.quiet else lines:
        say(line)
    return {"id": run.id, "exports": str(folder), "files": files}


def _fetch(run: RunDirectory, to: str | None, formats: list[str] | None, more: bool, quiet: bool) -> Written:
    """Draw the figures of a run on its host, fetch them, and report it unless `quiet`."""
    from dltui.tui.cli.hosts import near

    host, _, name = run.id.partition(":")
    if more or any(form in SUFFIXES for form in formats or ()):
        raise UsageError(
            f"{run.id}: only figures are fetched; the rest is made there: ssh {host} dltui export {name} ..."
        )
    folder, files = near.export(run, to, formats)
    if not quiet:
        say(f"figures and tables of {run.id} in {folder}: {', '.join(path.name for path in files)}")
    return {"id": run.id, "exports": str(folder), "files": [str(path) for path in files]}


def _look_inside(run: RunDirectory, code: Code) -> None:
    """Make what explain.svg and embeddings.svg are drawn from, and tell what there is not."""
    from dltui.core.lifecycle.trained_model import ask

    warn(f"{run.id}: looking at its test samples, in a process with its framework")
    for line in ask(run, {"look": ["heat-maps", "embeddings"]}, code)["lines"]:
        warn(line)


def _write_receipt(run: RunDirectory, to: str | None, quiet: bool) -> Written:
    """Write the receipt of a run, and report it unless `quiet`."""
    from dltui.core.lifecycle.proof.receipt import NAME, receipt

    wanted = paths.expanded(to).absolute() / run.id if to else None
    folder = place.free(wanted, run) if wanted else place.exports_folder(run)
    reader = RunReader(run)
    reader.refresh()
    content = (json.dumps(receipt(reader), indent=2, allow_nan=False) + "\n").encode()
    with _writing(folder):
        fs.write_atomic(folder / NAME, content)
    if not quiet:
        say(f"wrote {folder / NAME}")
    return {"id": run.id, "exports": str(folder), "files": [str(folder / NAME)]}


def _stream(runs: list[RunDirectory], asked: _Asked) -> int:
    """Write a tar with a folder per run to stdout, complete before its first byte is sent."""
    import tarfile

    if asked.quiet:
        raise UsageError("--to - writes a tar to standard output: leave out --json, or name a folder")
    for run in runs:
        if mirror.origin(run) is not None:
            raise UsageError(f"{run.id} is on another host: leave out --to -, and its figures are fetched")
    if sys.stdout.isatty():
        raise UsageError("--to - writes a tar: send it somewhere, e.g. dltui export RUN --to - > figures.tar")
    for run in runs if asked.explain else ():
        _look_inside(run, asked.code)
    with tempfile.TemporaryDirectory(prefix="dltui-export-") as temporary:
        folders = []
        for run in runs:
            folders.append(place.free(Path(temporary) / run.id, run))
            draw(run, folders[-1], asked.formats, [*asked.code.words(), *asked.look.words()])
        with losing():
            with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as tar:
                for folder in folders:
                    tar.add(folder, arcname=folder.name)
            sys.stdout.buffer.flush()
    return 0


def write_models(run: RunDirectory, folder: Path, formats: list[str], code: Code) -> list[Path]:
    """Write model.SUFFIX for each format, its description model.json, and predict.py for formats that run without
    dltui.

    Raises RunError when the run has no checkpoint yet, or its framework does not know a format.
    """
    written = []
    for form in formats:
        target = folder / f"model.{SUFFIXES[form]}"
        if form == "safetensors":
            _put(target, _weights(run))
        else:
            _convert(run, form, target, code)
        written.append(target)
    about = _about(run)
    texts = {"model.json": json.dumps(about, indent=1) + "\n"}
    runnable = [form for form in formats if form != "safetensors"]
    if runnable:
        texts["predict.py"] = _script(about, runnable[0])
    for name, text in texts.items():
        _put(folder / name, text.encode())
        written.append(folder / name)
    return written


def _convert(run: RunDirectory, form: str, target: Path, code: Code) -> None:
    """Let a process with the framework of the run write its model. Raises DltuiError."""
    from dltui.core.lifecycle.trained_model import ask

    with _writing(target.parent):
        # Before the framework is loaded, which takes a while.
        tempfile.TemporaryFile(dir=target.parent).close()
    ask(run, {"convert": form, "to": str(target)}, code)


def _put(target: Path, content: bytes) -> None:
    """Write a file, complete or not at all, readable for whom the user lets read new files. Raises UsageError."""
    draft = fs.temp_name(target)
    with _writing(target.parent):
        try:
            draft.write_bytes(content)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Write into a folder, which is made. Raises UsageError where that cannot be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        where, why = clean_line(folder), clean_line(error.strerror or error)
        raise UsageError(f"cannot write to {where}: {why}; choose another with --to DIR") from None


def _script(about: Mapping[str, Any], form: str) -> str:
    """The text of predict.py for a model with this description."""
    suffix, names = SUFFIXES[form], [one["name"] for one in about["named_inputs"]]
    if names:
        return named_script(form, suffix, names)
    return script(form, suffix) if about["image"] else vector_script(form, suffix)


def _weights(run: RunDirectory) -> bytes:
    """The best weights of the run, as they are at this moment. Raises RunError without a checkpoint."""
    found = checkpoint.dump_weights(run)
    if found is None:
        raise RunError(f"{run.id} has no checkpoint yet")
    return found


def _about(run: RunDirectory) -> dict[str, Any]:
    """The description for users of the model: its inputs and outputs."""
    from dltui.core.lifecycle.trained_model import image_reading

    reader = RunReader(run)
    reader.refresh()
    asked, attempt = run.run(), reader.history.attempt
    dataset = attempt.dataset if attempt else {}
    about = {name: dataset.get(name) for name in ("task", "input_shape", "classes", "mean", "std")}
    reading = image_reading(asked, dataset, dataset.get("input_shape") or ())
    table = table_of(dataset)
    return {
        "model": asked["model"],
        "dataset": asked["dataset"],
        **about,
        "targets": dataset.get("targets") or [],
        "image": reading or None,
        "named_inputs": dataset.get("named_inputs") or [],
        "features": [name for one in table for name in _features(one)],
        "table": [asdict(one) for one in table],
    }


def _features(one: Input) -> list[str]:
    """The names of the features that these columns become: a category is one for each text that training knew."""
    if one.dtype == "float32":
        return list(one.places)
    return [f"{name} = {text}" for name, texts in zip(one.places, one.texts, strict=True) for text in texts[1:]]
