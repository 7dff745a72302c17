"""The description in a figure's metadata: the run's model, data, settings and command, identical for identical runs."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from dltui.core.numbers import exact
from dltui.core.rundir import confidential
from dltui.core.text import clean_line, xml_text

if TYPE_CHECKING:
    from dltui.core.reading.reader import RunReader

# Where results go and how they are watched has no part in what they are.
_WITH_VALUE = ("--exports", "--name", "--data-dir", "--format")
_FLAGS = ("--detach", "--plain", "--json", "--debug")
_SIGNS = re.compile(r"([:=,])")
"""What stands before a path in a word or in a list."""
_SCHEME = re.compile(r"(?:^|\s)(?:folder|csv|images|masks|sequences|shards|file)$")
_PATH = re.compile(r"\s*(?:\.{1,2}|~[^/]*)?/")
_PATH_WORD = re.compile(r"""(?<![^\s'"])(?:\.{1,2}|~[^/\s]*)?/\S+""")
"""A path after other words, as in "source /home/me/venv/bin/activate"."""
_FILE = re.compile(r"/[^/]*\.(?:py|csv|tsv|npz|npy|parquet|json|toml|txt|safetensors|pt|pth)$")


@dataclass(frozen=True)
class About:
    """The metadata of a figure: `facts` are lines of "name: value"."""

    title: str
    description: str
    facts: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, title: object, description: object, facts: Mapping[str, object]) -> About:
        """Metadata of any texts and values, made safe in XML and on a terminal."""
        return cls(_safe(title), _safe(description), {_safe(name): _safe(value) for name, value in facts.items()})

    @property
    def text(self) -> str:
        return "\n".join([self.description, *(f"{name}: {value}" for name, value in self.facts.items())])


def about(reader: RunReader, title: str, description: str) -> About:
    """The title, description and facts of a run, all of them safe in XML."""
    return About.of(title, description, facts(reader))


def facts(reader: RunReader) -> dict[str, str]:
    """The facts of a run, identical for two runs of the same command: no run id, time, duration, host or path."""
    run, attempt = reader.run, reader.history.attempt
    dataset = attempt.dataset if attempt else {"name": run.get("dataset"), "options": run.get("dataset_options")}
    found = {
        "model": run.get("model"),
        "framework": run.get("framework"),
        "dataset": neutral(dataset.get("name")),
        "dataset options": _pairs(dataset.get("options")),
        "dataset fingerprint": dataset.get("fingerprint"),
        "config": _pairs(run.get("config")),
        "seed": run.get("seed"),
        "learning rate set": ", ".join(f"{exact(lr)} from step {step}" for step, lr in reader.history.lr_changes),
        "versions": _pairs(attempt.versions if attempt else None),
        "command": command(run.get("command") or []),
    }
    return {name: _safe(value) for name, value in found.items() if value not in (None, "")}


def subject(reader: RunReader) -> str:
    """The model and data of a run: "cnn-torch on fashion-mnist"."""
    attempt = reader.history.attempt
    dataset = (attempt.dataset.get("name") if attempt else None) or reader.run.get("dataset")
    return f"{clean_line(reader.run.get('model'), 100)} on {clean_line(neutral(dataset), 100)}"


def command(argv: Sequence[object]) -> str:
    """A command line without names of places and runs."""
    words = confidential.mask_command(argv)
    kept = [PurePath(words[0]).name] if words else []
    rest = iter(words[1:])
    for word in rest:
        if word in _WITH_VALUE:
            next(rest, None)
        elif word not in _FLAGS and word.split("=", 1)[0] not in _WITH_VALUE:
            kept.append(neutral(word))
    return shlex.join(kept)


def neutral(value: Any) -> Any:
    """The texts with the last parts of paths in place of the paths: "folder:/home/me/pets" -> "folder:pets". What only
    has a slash in it stays: "km/h", "hf:someone/pets".
    """
    if isinstance(value, str):
        return _neutral_text(value) if "/" in value else value
    if isinstance(value, (list, tuple)):
        return [neutral(item) for item in value]
    if isinstance(value, dict):
        return {key: neutral(item) for key, item in value.items()}
    return value


def _neutral_text(text: str) -> str:
    parts = _SIGNS.split(text)
    for number in range(0, len(parts), 2):
        part = parts[number]
        follows_scheme = number > 0 and parts[number - 1] == ":" and _SCHEME.search(parts[number - 2])
        if follows_scheme or _PATH.match(part) or _FILE.search(part):
            before = part[: len(part) - len(part.lstrip())]
            parts[number] = before + _last_piece(part.strip())
        else:
            parts[number] = _PATH_WORD.sub(lambda found: _last_piece(found[0]), part)
    return "".join(parts)


def _last_piece(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _pairs(values: Any) -> str:
    if not isinstance(values, dict):
        return ""
    return ", ".join(f"{key}={_value(neutral(values[key]))}" for key in sorted(values))


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _safe(text: object) -> str:
    return xml_text(clean_line(text))
