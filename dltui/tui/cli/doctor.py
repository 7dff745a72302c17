"""`dltui doctor`: what works here, what does not, and what to do about it."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import click

from dltui import __version__
from dltui.core.errors import DltuiError
from dltui.tui.cli.terminal import say, say_json


@click.command()
@click.option("--json", "as_json", is_flag=True, help="one JSON array of objects")
def doctor(as_json: bool) -> int:
    """Check interpreters, frameworks, plugins, devices and folders."""
    checks = [_versions(), *_folders(), *_frameworks(), *_devices()]
    if as_json:
        say_json(checks)
    else:
        for check in checks:
            say(f"{'ok  ' if check['ok'] else 'BAD '} {check['what']}: {check['text']}")
    return 0 if all(check["ok"] for check in checks) else 1


def _check(what: str, ok: bool, text: str) -> dict[str, object]:
    return {"what": what, "ok": ok, "text": text}


def _versions() -> dict[str, object]:
    return _check("dltui", True, f"{__version__}, Python {platform.python_version()} ({sys.executable})")


def _folders() -> list[dict[str, object]]:
    from dltui.core import fs, paths
    from dltui.tui.cli import numbers

    checks = []
    for what, folder in (("runs", paths.runs_dir()), ("cache", paths.cache_dir())):
        try:
            paths.ensure_private_dir(folder)
            checks.append(_check(what, True, f"{folder}, {numbers.size(fs.free_bytes(Path(folder)))} free"))
        except (DltuiError, OSError) as error:
            checks.append(_check(what, False, str(error)))
    return checks


def _frameworks() -> list[dict[str, object]]:
    from dltui.core.catalog import load_catalog

    catalog = load_catalog(refresh=True)
    checks = [_check(f"plugin {name}", False, reason) for name, reason in catalog.problems]
    for backend in catalog.backends.values():
        ok = backend.version is not None and not backend.problem
        text = f"{backend.version} ({backend.python})" if ok else backend.problem or f"not installed: {backend.install}"
        checks.append(_check(backend.title, ok, text))
    return checks


def _devices() -> list[dict[str, object]]:
    from dltui.core.devices import list_devices

    return [_check(d.name, not d.problem, d.problem or d.title) for d in list_devices()]
