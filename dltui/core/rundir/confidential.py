"""Keeps the options of `--log`, which hold addresses and tokens, in one file of the run for its owner alone. In
`run.json` and all that is made of it they are masked. An option that names a variable or a file is kept nowhere."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltui.core import fs, paths
from dltui.core.errors import RunError, UsageError
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.rundir.directory import RunDirectory

FILE = "secrets.json"
MASK = "***"
FLAG = "--log"
_LEAST = 6
"""Letters of a word that can be told from others where it is hidden."""
_MOST_BYTES = 1 << 20
_WORD = re.compile(r"[A-Za-z0-9_.~-]+")
# Options of these are folders, or addresses in which only what follows the host is masked.
_PLACES = ("tensorboard", "mlflow", "wandb", "trackio")


def masked(name: str, option: str) -> str:
    """The part of a logger's option that may be shown: where it goes, never the key to it."""
    if not option or _is_reference(option) or option.startswith("file://"):
        return option
    if re.match(r"[a-z][a-z0-9+.-]*://", option, re.IGNORECASE):
        return _masked_address(option)
    first, _, rest = option.partition(" ")
    if name == "command" and "=" not in first:
        return f"{first} {MASK}" if rest else option
    return option if name in _PLACES else MASK


def _masked_address(option: str) -> str:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(option)
        host = parts.hostname or ""
        shown = f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return MASK
    plain = parts.path in ("", "/") and not (parts.query or parts.fragment or parts.username or parts.password)
    return option if plain else f"{shown}/{MASK}"


def mask_command(words: Sequence[object]) -> list[str]:
    """A command line whose `--log` options are masked."""
    shown, after = [], False
    for word in map(str, words):
        if after:
            shown.append(_masked_word(word))
        elif word.startswith(f"{FLAG}="):
            shown.append(f"{FLAG}={_masked_word(word.removeprefix(f'{FLAG}='))}")
        else:
            shown.append(word)
        after = word == FLAG and not after
    return shown


def _masked_word(word: str) -> str:
    name, equals, option = word.partition("=")
    return name + equals + masked(name, option)


def checked(name: str, option: str) -> str:
    """The option as the run keeps it: a file by its absolute path. Raises UsageError for what is masked or missing."""
    if MASK in option:
        hint = "dltui masks what it shows; say the whole, or env:NAME, or file:PATH"
        raise UsageError(f"{FLAG} {clean_line(name, 40)}: {hint}")
    if not _is_reference(option):
        return option
    kind, _, what = option.partition(":")
    option = f"file:{paths.absolute(what)}" if kind == "file" else option
    try:
        resolved(name, option)
    except RunError as error:
        raise UsageError(str(error)) from None
    return option


def resolved(name: str, option: str) -> str:
    """The option itself, where it names a variable or a file. Raises RunError, also when it is only known
    masked."""
    if MASK in option:
        raise RunError(f"{FLAG} {name}: only its owner may read {FILE}, which has its option")
    if not _is_reference(option):
        return option
    kind, _, what = option.partition(":")
    try:
        value = os.environ[what] if kind == "env" else fs.read_limited(Path(what), _MOST_BYTES).decode().strip()
    except KeyError:
        raise RunError(f"{FLAG} {name}: the variable {clean_line(what, 80)} is not set") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise RunError(f"{FLAG} {name}: cannot read {clean_line(what)}: {reason}") from None
    return value


def _is_reference(option: str) -> bool:
    return option.startswith("env:") or (option.startswith("file:") and not option.startswith("file://"))


def write(run_dir: Path, loggers: Sequence[Mapping[str, Any]]) -> None:
    """Keep the options that are masked, for the owner alone, also in a shared run. Raises OSError."""
    options = [str(one["option"]) for one in loggers]
    if options != [masked(str(one["name"]), str(one["option"])) for one in loggers]:
        with fs.use(fs.FileSystem()):
            fs.write_new(run_dir / FILE, json.dumps({"loggers": options}).encode())


def unmasked(run: RunDirectory, loggers: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The loggers of a run with their options as they were given, where this user may read them."""
    try:
        options = json.loads(fs.read_limited(run.path / FILE, _MOST_BYTES))["loggers"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        options = []
    if not isinstance(options, list) or len(options) != len(loggers):
        return [dict(one) for one in loggers]
    return [{**one, "option": str(option)} for one, option in zip(loggers, options, strict=True)]


def hide(text: str, name: str, option: str) -> str:
    """The text without an option that is masked, and without any word of it that could be a key."""
    shown = masked(name, option)
    if shown == option:
        return text
    words = [word for word in _WORD.findall(option) if len(word) >= _LEAST and word not in _WORD.findall(shown)]
    for word in sorted({option, *words}, key=len, reverse=True):
        text = text.replace(word, MASK)
    return text
