"""Page: a whole run on a self-contained HTML page that makes no network requests."""

from __future__ import annotations

import math
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import fs
from dltui.core.analysis import cost
from dltui.core.analysis.evaluation import latest
from dltui.core.numbers import duration, exact
from dltui.core.rundir import confidential
from dltui.core.tasks.registry import phrase, task_of
from dltui.core.text import plural
from dltui.exports import dltui_exporters
from dltui.exports.look import USUAL, looking
from dltui.exports.report import drawn
from dltui.exports.report.html_pieces import block, folded, section, table, text
from dltui.exports.report.svg_inline import inline_svg
from dltui.exports.tables.summary import summary
from dltui.exports.wording import decimal_percent, number

if TYPE_CHECKING:
    from dltui.core.contract import Exporter
    from dltui.core.reading.history import EpochRecord
    from dltui.core.reading.reader import RunReader

CAPTIONS = {
    "training_metrics": "Loss and metrics of each epoch on the train and validation splits; a ring marks the best.",
    "confusion_matrix": "Which classes the model confuses: rows are true classes, columns predicted classes.",
    "mislabeled": "Samples misclassified by the model, the most confident mistakes first.",
    "reliability": "How often the model is right, by how confident it is.",
    "precision_recall": "Precision and recall of each label at all thresholds.",
    "class_iou": "How well each class is found: the intersection over union of its pixels.",
    "worst_masks": "The images with the worst masks: true, predicted, and the pixels in which they differ.",
    "regression": "Measured points, predictions and residuals.",
    "explain": "What in an image speaks for the answer that was given, and for the right one (Grad-CAM).",
    "embeddings": "How the model sorts the samples: those that are close together look alike to it.",
    "structure": "The network's layers in forward order, with output shapes and parameters.",
}
# Scripts, fonts, pictures: a browser that respects this fetches nothing, whatever a name on the page says.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
Table = dict[str, Any]


def page(reader: RunReader) -> str:
    """The complete HTML document."""
    run, found = reader.run, summary(reader)
    heading = f"{text(run.get('model'), 100)} on {text(run.get('dataset'), 200)}"
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{heading}</title>\n<style>\n{style}</style>\n</head>\n<body>",
            f"<header><h1>{heading}</h1>\n<p class='muted'>{_lead(reader, found)}</p></header>",
            _note(reader),
            _numbers(reader, found),
            section("Reproduce", block(shlex.join(confidential.mask_command(run.get("command") or [])))),
            section("Figures", *_figures(reader)) if drawn.wanted() else "",
            section("Classes", _classes(reader)),
            section("Targets", _targets(found)),
            section("Settings", _settings(run), _learning_rates(reader)),
            section("Epochs", _epochs(reader)),
            section("Environment", _circumstances(reader, found)),
            "</body>\n</html>\n",
        ]
    )


def _lead(reader: RunReader, found: Table) -> str:
    parts = [
        f"run {reader.labels['name']}",
        str(found["status"]),
        plural(found["epochs"], "epoch"),
        f"seed {found['seed']}",
    ]
    device = (reader.run.get("device") or {}).get("title") or found["device"]
    return text(", ".join([*parts, *([str(device)] if device else [])]))


def _note(reader: RunReader) -> str:
    note = reader.labels["note"]
    return block(note) if note else ""


def _numbers(reader: RunReader, found: Table) -> str:
    """The key figures of the run as HTML; "" without any."""
    task = task_of(reader.run.get("task"))
    known = {
        **{
            f"{split} {phrase(metric.name)}": _shown(metric.name, found.get(f"{split}_{metric.name}"))
            for split in ("test", "validation")
            for metric in task.metrics[1:]
        },
        "best epoch": found["best_epoch"],
        "parameters": None if found["parameters"] is None else f"{found['parameters']:,}",
        "training time": duration(found["train_seconds"]) if found["train_seconds"] else None,
        "samples/s": None if not found["samples_per_second"] else f"{found['samples_per_second']:,.0f}",
        "energy and cost": cost.line(cost.cost(reader.history, reader.live(), cost.own_prices())),
    }
    cells = [f"<div><dt>{text(k)}</dt><dd>{text(v)}</dd></div>" for k, v in known.items() if v not in (None, "")]
    return '<dl class="numbers">' + "".join(cells) + "</dl>" if cells else ""


def _figures(reader: RunReader) -> Iterator[str]:
    """The HTML of every built-in figure of the run; a figure that cannot be drawn is left out."""
    with tempfile.TemporaryDirectory(prefix="dltui-report-") as folder:
        for exporter in dltui_exporters():
            target = Path(folder) / f"{exporter.name}.svg"
            if exporter.kind != "figure" or exporter.task not in (None, reader.run.get("task")):
                continue
            try:
                svg = drawn.known(exporter.name) or _drawn_now(exporter, reader, target)
                picture = inline_svg(svg, f"{exporter.name}-") if svg else ""
            except Exception:
                # The file of its own, which fails as well, is what the export tells of.
                continue
            if picture:
                caption = CAPTIONS.get(exporter.name, exporter.name)
                yield f'<figure id="{text(exporter.name)}">{picture}\n<figcaption>{text(caption)}</figcaption></figure>'


def _drawn_now(exporter: Exporter, reader: RunReader, target: Path) -> bytes:
    """The figure drawn as SVG, as it usually looks; "" where there is nothing to draw."""
    with looking(USUAL):
        exporter.draw(reader, target)
    return target.read_bytes() if target.exists() else b""


def _settings(run: Mapping[str, Any]) -> str:
    """The settings that differ from the defaults as HTML; all others folded away."""
    config, defaults = run.get("config") or {}, run.get("defaults") or {}
    changed = [(name, exact(value), exact(defaults.get(name))) for name, value in config.items()
               if name not in defaults or defaults[name] != value]  # fmt: skip
    options = [(f"dataset: {name}", exact(value), "") for name, value in (run.get("dataset_options") or {}).items()]
    rows = [*changed, *options]
    shown = table(("setting", "value", "default"), rows) if rows else "<p>All settings have the model's defaults.</p>"
    return shown + folded("all settings", table(("setting", "value"), [(k, exact(v)) for k, v in config.items()]))


def _learning_rates(reader: RunReader) -> str:
    changes = reader.history.lr_changes
    rows = [(f"{step:,}", exact(lr)) for step, lr in changes]
    told = "<p>Learning rates set while it ran:</p>" + table(("from step", "learning rate"), rows) if rows else ""
    return _rate_curve(reader) + told


def _rate_curve(reader: RunReader) -> str:
    """The learning rate over the epochs as a picture; "" where it cannot be drawn."""
    if not drawn.wanted():
        return ""
    # Matplotlib takes longer to import than all tables take to be written.
    from dltui.exports.report.rate_curve import draw

    try:
        svg = draw(reader)
        picture = inline_svg(svg, "rate-") if svg else ""
    except Exception:
        # What is wrong with drawing is told of the figures.
        return ""
    caption = "<figcaption>The learning rate of each step, warmup and changes included.</figcaption>"
    return f'<figure id="learning_rate">{picture}\n{caption}</figure>' if picture else ""


def _classes(reader: RunReader) -> str:
    """The scores of each class; "" for tasks without a confusion matrix."""
    found = latest(reader)
    matrix = found.matrix if found else None
    if matrix is None:
        return ""
    masks = matrix.unit != "samples"
    head = ["class", "precision", "recall", "F1", *(["IoU"] if masks else []), matrix.unit, "predicted"]
    rows = [
        [
            score.name,
            *(_share(value) for value in (score.precision, score.recall, score.f1, *([score.iou] if masks else []))),
            f"{score.true:,}",
            f"{score.said:,}",
        ]
        for score in matrix.scores()
    ]
    split = "the test split" if matrix.split == "test" else f"the validation split after epoch {matrix.epoch}"
    return table(head, rows, frozenset(range(1, len(head)))) + f"<p class='muted'>Of {split}.</p>"


def _targets(found: Table) -> str:
    """The errors of each target of a regression; "" where it has no name and no others beside it."""
    names = ("mse", "mae", "r2")
    targets = (found.get("targets") or {}).items()
    rows = [(title, *(_shown(name, errors[name]) or "–" for name in names)) for title, errors in targets]
    units = "<p class='muted'>In the units of each target; other errors on this page are on the scale of training.</p>"
    return table(("target", *map(phrase, names)), rows, frozenset((1, 2, 3))) + units if rows else ""


def _share(value: float | None) -> str:
    return "–" if value is None else decimal_percent(value, 1)


def _epochs(reader: RunReader) -> str:
    history = reader.history
    records = [history.epochs[key] for key in sorted(history.epochs)]
    if not records:
        return "<p>No epoch has ended.</p>"
    columns = [
        (split, name)
        for split in ("train", "validation")
        for name in dict.fromkeys(name for record in records for name in getattr(record, split))
        if name != "mse" or history.own_loss or all("loss" not in getattr(record, split) for record in records)
    ]
    best = records.index(history.best) if history.best in records else None
    head = ["epoch", *(f"{split} {name}" for split, name in columns), "learning rate", "seconds", "samples/s"]
    rows = [_epoch(record, columns) for record in records]
    return table(head, rows, frozenset(range(len(head))), best) + _test(reader)


def _epoch(record: EpochRecord, columns: list[tuple[str, str]]) -> list[str]:
    values = [_shown(name, getattr(record, split).get(name)) or "" for split, name in columns]
    lr = "" if math.isnan(record.lr) else f"{record.lr:.4g}"
    speed = "" if math.isnan(record.samples_per_second) else f"{record.samples_per_second:,.0f}"
    return [str(record.epoch), *values, lr, f"{record.seconds:.1f}", speed]


def _test(reader: RunReader) -> str:
    test = reader.history.test
    if not test:
        return ""
    values = ", ".join(f"{name} {_shown(name, value)}" for name, value in {**test["metrics"], **test["more"]}.items())
    return f"<p>Test split, with the weights of epoch {text(test['epoch'])}: {text(values)}.</p>"


def _circumstances(reader: RunReader, found: Table) -> str:
    attempt = reader.history.attempt
    dataset = attempt.dataset if attempt else {}
    sizes = ", ".join(f"{name} {size:,}" for name, size in (dataset.get("sizes") or {}).items())
    rows = [
        ("run", found["run_id"]),
        ("forked from", f"{found['parent']}, step {found['parent_step']}" if found["parent"] else None),
        ("dataset", f"{found['dataset']} ({sizes})" if sizes else found["dataset"]),
        ("dataset fingerprint", dataset.get("fingerprint")),
        ("weights (SHA-256)", found["weights_sha256"]),
        *((name, version) for name, version in sorted((found["versions"] or {}).items())),
        ("threads", attempt.threads if attempt else None),
        ("attempts", reader.history.attempts if reader.history.attempts > 1 else None),
    ]
    return table(("what", "value"), [row for row in rows if row[1] not in (None, "")])


def _shown(name: str, value: float | None) -> str | None:
    if value is None:
        return None
    return decimal_percent(value) if name.endswith("accuracy") else number(value)


def export(reader: RunReader, target: Path) -> None:
    fs.write_atomic(target, page(reader).encode("utf-8", "backslashreplace"))
