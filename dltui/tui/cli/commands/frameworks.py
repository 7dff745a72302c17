"""`dltui frameworks`: the frameworks with their interpreters, and environments of their own for them."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from dltui.core.text import plural
from dltui.tui.cli.group import check_early
from dltui.tui.cli.output import is_terminal, say, say_json, say_table

if TYPE_CHECKING:
    from dltui.core.catalog.entries import BackendEntry
    from dltui.core.catalog.environments import Build

NAMES = click.Choice(["torch", "tensorflow"])
HEADER = ["FRAMEWORK", "VERSION", "MODELS", "PYTHON", ""]


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="one JSON array of objects")
@click.pass_context
def frameworks(context: click.Context, as_json: bool) -> int | None:
    """List the frameworks, with their versions and interpreters; `dltui doctor` tries them out."""
    check_early(context)
    if context.invoked_subcommand is not None:
        return None
    from dltui.core.catalog.assemble import load_catalog

    catalog = load_catalog()
    counts = dict.fromkeys(catalog.backends, 0)
    for model in catalog.models.values():
        counts[model.framework] = counts.get(model.framework, 0) + 1
    found = [_Row.of(backend, counts[backend.framework]) for backend in catalog.backends.values()]
    if as_json:
        say_json([vars(row) for row in found])
        return 0
    say_table([HEADER, *(row.cells() for row in found)], yielding=(4, 3))
    return 0


@dataclass(frozen=True)
class _Row:
    framework: str
    title: str
    version: str | None
    models: int
    python: str
    problem: str

    @classmethod
    def of(cls, backend: BackendEntry, models: int) -> _Row:
        missing = f"not installed: {backend.install}" if backend.version is None else ""
        return cls(
            backend.framework, backend.title, backend.version, models, backend.python, backend.problem or missing
        )

    def cells(self) -> list[str]:
        return [self.title, self.version or "-", str(self.models), self.python if self.version else "", self.problem]


@frameworks.command("install")
@click.argument("framework", type=NAMES)
@click.option("--cpu", "build", flag_value="cpu", help="the build without CUDA, which is much smaller")
@click.option("--cuda", "build", flag_value="cuda", help="the build for NVIDIA GPUs")
@click.option(
    "--again",
    is_flag=True,
    help="a new environment in place of the one that the settings name, which stays while runs use it",
)
def install(framework: str, build: Build | None, again: bool) -> int:
    """Install a framework into an environment of its own, for a dltui that was installed alone.

    The environment lies in the folder of dltui's data; the settings name its interpreter, and models of the framework
    run there. Without --cpu or --cuda the machine decides. What fails leaves nothing behind.
    """
    from dltui.core.catalog import environments
    from dltui.core.lifecycle import interpreters

    title = environments.RECIPES[framework].title
    why = ""
    if build is None:
        build, why = environments.usual_build()
    size = environments.RECIPES[framework].needs_bytes[build] / 1e9
    say(f"{title}, the {build} build{f' ({why})' * bool(why)}: some minutes, up to {size:.0f} GB")
    with _ending_cleanly():
        python, version = environments.install(framework, build, again, is_terminal(), interpreters.users)
    say(f"{title} {version} is in {python}")
    for place, runs in environments.left_for(interpreters.users).items():
        say(f"{place} stays for {', '.join(runs)}; the next install removes it when they have ended")
    models = _models(framework)
    say(f"{plural(models, 'model')} can be trained with it now; try: dltui demo")
    return 0


@contextlib.contextmanager
def _ending_cleanly() -> Iterator[None]:
    """Let SIGTERM and a closed terminal do as Ctrl-C does: the installer ends, and what was made is removed. What is
    ignored, as with nohup, stays so.
    """
    signals = (signal.SIGTERM, signal.SIGHUP)
    numbers = [number for number in signals if signal.getsignal(number) is not signal.SIG_IGN]
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@frameworks.command("remove")
@click.argument("framework", type=NAMES)
def remove(framework: str) -> int:
    """Delete an environment that `dltui frameworks install` has made, and its line in the settings."""
    from dltui.core.catalog import environments
    from dltui.core.lifecycle import interpreters

    python = environments.remove(framework, interpreters.users)
    say(f"{python} is gone, and its line in the settings")
    return 0


def _models(framework: str) -> int:
    from dltui.core.catalog.assemble import load_catalog

    return sum(model.framework == framework and model.available for model in load_catalog().models.values())
