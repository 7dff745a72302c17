"""Runs all checks on a plugin, framework code in separate processes, and says what to fix."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core.checks.conformance import exporting, pieces
from dltui.core.checks.conformance.check_process import NO_IMAGES, PACKAGES, REFUSES
from dltui.core.errors import UsageError
from dltui.core.machine import sandbox
from dltui.core.paths import absolute
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.catalog.entries import Catalog, ModelEntry

CHECKS = {
    "import": "it loads, and starts no framework",
    "schema": "hyperparameters are described and bounded",
    "build": "builds for several shapes and class counts",
    "learn": "the loss falls on a tiny set",
    "state": "save and load are equal",
    "resume": "stop and resume give the same weights",
    "obey": "pause and stop are obeyed within a chunk",
    "telemetry": "telemetry costs little",
    "quiet": "prints nothing",
    "export": "figures and tables open",
}
"""All checks of a model, in the order of the report."""
PIECES = {
    "data": "its data is prepared",
    "draw": "it is drawn and opens",
    "log": "it follows a run",
    "launch": "it starts, tells of and ends a run",
}
"""The checks of a dataset, an exporter, a logger and a launcher."""
SECONDS = 300.0
LOADING_SECONDS = 60.0


@dataclass(frozen=True)
class Finding:
    """The result of a check: `subject` is the name of a model, dataset, exporter, logger, launcher or the plugin;
    `text` is a measurement, or what to fix.
    """

    check: str
    subject: str
    ok: bool
    text: str


def check(name: str, files: Sequence[Path] = ()) -> Iterator[Finding]:
    """Yield each finding as soon as it is known. `name` is a plugin, a .py file, a model or a member of
    a family.

    Raises UsageError when there is no such thing.
    """
    from dltui.core.catalog.assemble import load_catalog

    given = name if name.endswith(".py") and Path(name).is_file() else ""
    if os.sep in name and not given:
        raise UsageError(f"no file {clean_line(name, 200)}")
    files = [*files, Path(given)] if given else files
    catalog = load_catalog(files, refresh=True)
    name = _name_of(given, catalog) if given else name
    models = _models(name, catalog)
    source = next((s.to_json() for s in catalog.sources if s.name == name), None) or dict(models[0].source)
    refused = [reason for where, reason in catalog.problems if where == source["name"]]
    yield _import(source) if not refused else Finding("import", name, False, clean_line("; ".join(refused), 400))
    drawn: set[str] = set()
    for model in models:
        if not model.available:
            yield Finding("build", model.id, False, f"cannot be checked here: {model.reason}")
            continue
        tried = yield from _all_of(model, files, catalog)
        drawn |= {model.task} if tried.drawn else set()
    if any(entry.name == source["name"] for entry in catalog.sources) and not _is_model(name, catalog):
        for found in pieces.check(catalog, source["name"], files, drawn):
            yield Finding(*found)


def _name_of(file: str, catalog: Catalog) -> str:
    """The name of a file's source: its path where another file of this name comes first."""
    path = absolute(file)
    return next((source.name for source in catalog.sources if source.path == path), Path(file).name)


def _all_of(model: ModelEntry, files: Sequence[Path], catalog: Catalog) -> Generator[Finding, None, exporting.Tried]:
    """The findings about one model. Returns what became of its short run."""
    images, refused = True, ""
    for finding in _once(_model(model, catalog)):
        if finding.text == NO_IMAGES:
            images = False
        elif finding.text.startswith(REFUSES):
            refused = finding.text.removeprefix(REFUSES)
        else:
            yield finding
    tried = exporting.export(model, files, images, _beside(model, catalog), refused)
    yield Finding("export", model.id, tried.ok, tried.text)
    return tried


def _once(findings: Iterator[Finding]) -> Iterator[Finding]:
    """The findings; of several failures with the same reason only the first has it in full."""
    said: dict[str, str] = {}
    for finding in findings:
        if finding.ok:
            yield finding
        elif finding.text not in said:
            said[finding.text] = finding.check
            yield finding
        else:
            yield replace(finding, text=f'for the same reason as "{CHECKS[said[finding.text]]}"')


def _beside(model: ModelEntry, catalog: Catalog) -> str:
    """The first dataset of the model's own plugin that it can be trained on without a path; "" without one."""
    names = pieces.names(catalog, str(model.source.get("name")))["datasets"]
    entries = (catalog.datasets[name] for name in names)
    return next((entry.name for entry in entries if entry.suits(model) and not entry.needs_path), "")


def _is_model(name: str, catalog: Catalog) -> bool:
    """True for the name of one model, or of a member of a family, and not of a plugin."""
    return name in catalog.models or name.partition(":")[0] in catalog.families


def _models(name: str, catalog: Catalog) -> list[ModelEntry]:
    if any(source.name == name for source in catalog.sources):
        return [model for model in catalog.models.values() if model.source.get("name") == name]
    if name in catalog.models:
        return [catalog.models[name]]
    if name.partition(":")[0] in catalog.families:
        return [catalog.model(name)]
    from dltui.core.text import suggest

    names = [*(source.name for source in catalog.sources), *catalog.models]
    hint = suggest(name, names) or "dltui plugins list says what there is"
    raise UsageError(f'no plugin or model "{clean_line(name, 60)}"; {hint}')


def _import(source: Mapping[str, Any]) -> Finding:
    """Check the imports: a package must not import any framework when loaded; a single file may import its own."""
    outcome = _run(source, {"source": source}, LOADING_SECONDS)
    name = clean_line(source["name"], 80)
    found = next(iter(_answers(outcome)), None)
    if found is None:
        return Finding("import", name, False, _crash(outcome))
    if found["errors"]:
        return Finding("import", name, False, clean_line("; ".join(found["errors"]), 400))
    own = {module for name in found["own"] for module in PACKAGES.get(name, (name,))}
    modules = [m for m in found["modules"] if source["kind"] != "file" or m not in own]
    if modules:
        told = f"imports {', '.join(modules)} while it is loaded; import it inside the functions that use it"
        return Finding("import", name, False, f"{told} (build, draw, prepare, ...)")
    if found["said"].strip():
        return Finding("quiet", name, False, f"prints while it is loaded: {_last(found['said'])}")
    used = own.intersection(found["modules"])
    told = f"imports {', '.join(sorted(used))} alone, as a single file may" if used else "no framework is imported"
    return Finding("import", name, True, told)


def _model(model: ModelEntry, catalog: Catalog) -> Iterator[Finding]:
    backend = catalog.backends[model.framework]
    asked = {
        "model": model.id,
        "model_source": model.source,
        "backend_source": backend.source,
        "usual": exporting.usual_shape(model, catalog),
    }
    outcome = _run(model.source, asked, SECONDS * len(model.tasks))
    begun = ""
    for answer in _answers(outcome):
        if "ok" in answer:
            yield Finding(answer["check"], model.id, bool(answer["ok"]), str(answer["text"]))
        begun = "" if "ok" in answer else answer["check"]
    if outcome.reason or outcome.code:
        yield Finding(begun or "import", model.id, False, _crash(outcome))
    said = _said(outcome)
    ok = not said
    text = (
        "nothing on standard output" if ok else f"prints while it trains: {said}; dltui shows what people need to see"
    )
    yield Finding("quiet", model.id, ok, text)


def _run(source: Mapping[str, Any], asked: Mapping[str, Any], seconds: float) -> sandbox.Outcome:
    # What libraries say on stderr is theirs; on stdout is what a plugin prints.
    shell = 'exec "$0" -P -m dltui.core.checks.conformance.check_process "$1" 2>/dev/null'
    if "source" in asked:
        shell = shell.removesuffix(" 2>/dev/null")
    command = ["/bin/sh", "-c", shell, str(source["python"]), "{fd}"]
    environment = {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    job = sandbox.Job(command, json.dumps(asked).encode(), seconds, memory=8_000_000_000, environment=environment)
    return sandbox.run(job)


def _answers(outcome: sandbox.Outcome) -> list[dict[str, Any]]:
    found = []
    for line in outcome.answer.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return [answer for answer in found if isinstance(answer, dict)]


def _crash(outcome: sandbox.Outcome) -> str:
    if outcome.slow and outcome.reason.startswith("timed out"):
        return (
            f"{outcome.reason}; the machine is busy, or the defaults make a network that is too slow for small checks"
        )
    return (
        f"its process {outcome.reason or f'ended with exit code {outcome.code}'}: {_said(outcome) or 'it said nothing'}"
    )


def _said(outcome: sandbox.Outcome) -> str:
    return _last(outcome.output)


def _last(output: str) -> str:
    return clean_line((output.strip().splitlines() or [""])[-1], 120)
