"""`dltui plugins`: the plugins with their items and problems; and the creation of a new plugin."""

from __future__ import annotations

from textwrap import wrap
from typing import Any

import click

from dltui.core.text import plural
from dltui.tui.cli.group import check_early, unknown
from dltui.tui.cli.output import say, say_json

KINDS = ("models", "families", "datasets", "backends", "exporters", "loggers", "launchers")


class PluginsGroup(click.Group):
    """A group that answers a misspelled subcommand with a suggestion."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            raise click.UsageError(unknown("plugins command", args[0], list(self.commands)), ctx)
        return super().resolve_command(ctx, args)


files_option = click.option(
    "--plugin", "files", multiple=True, metavar="FILE", help="a .py file with a plugin; repeatable"
)
json_option = click.option("--json", "as_json", is_flag=True, help="one JSON array of objects")


@click.group(cls=PluginsGroup, invoke_without_command=True)
@files_option
@json_option
@click.pass_context
def plugins(context: click.Context, files: tuple[str, ...], as_json: bool) -> int | None:
    """List the plugins, or start a new one."""
    check_early(context)
    return _list(files, as_json) if context.invoked_subcommand is None else None


@plugins.command("list")
@files_option
@json_option
def list_plugins(files: tuple[str, ...], as_json: bool) -> int:
    """List the plugins with their version, origin and contents, or the reason why one cannot be used."""
    return _list(files, as_json)


def _list(files: tuple[str, ...], as_json: bool) -> int:
    from pathlib import Path

    from dltui.core.catalog.assemble import load_catalog

    catalog = load_catalog(plugins=[Path(path) for path in files])
    found = plugin_objects(catalog)
    if as_json:
        say_json(found)
        return 0
    for entry in found:
        say(f"{entry['name']} {entry['version'] or ''}".rstrip() + f"  ({entry['from']})")
        for kind in KINDS:
            for position, line in enumerate(wrap(", ".join(entry[kind]), width=80, break_on_hyphens=False)):
                say(f"  {'' if position else kind:<10} {line}")
        for problem in entry["problems"]:
            say(f"  problem    {problem}")
        if entry["disabled"]:
            say(f"  left out   {entry['disabled']}")
    return 0


@plugins.command("disable")
@click.argument("name")
def disable_plugin(name: str) -> int:
    """Leave a plugin out from now on: nothing of it is loaded or listed."""
    return _switch(name, disable=True)


@plugins.command("enable")
@click.argument("name")
def enable_plugin(name: str) -> int:
    """Let a disabled plugin count again."""
    return _switch(name, disable=False)


def _switch(name: str, disable: bool) -> int:
    from dltui.core.catalog import disabled
    from dltui.core.catalog.assemble import load_catalog
    from dltui.core.errors import UsageError
    from dltui.core.text import suggest

    catalog = load_catalog(kept_only=True)
    known = [*(source.name for source in catalog.sources), *(source.name for source, _ in catalog.disabled)]
    if name not in known and name not in disabled.names():
        hint = suggest(name, known) or "dltui plugins list says what there is"
        raise UsageError(f'no plugin "{name[:60]}"; {hint}')
    word = "disabled" if disable else "enabled"
    say(f"{name} is {word}" + ("" if disabled.change(name, disable) else " already"))
    return 0


@plugins.command("folder")
def plugins_folder() -> int:
    """Print the folder whose *.py files are plugins."""
    from dltui.core.paths import plugins_dir

    say(str(plugins_dir()))
    return 0


@plugins.command("new")
@click.argument("name")
@click.option("--framework", type=click.Choice(["torch", "tensorflow"]), required=True, help="of the model")
@click.option("--to", "parent", default=".", show_default=True, metavar="DIR", help="where the folder NAME is made")
def new_plugin(name: str, framework: str, parent: str) -> int:
    """Write a package with a model that trains, its test and a README; the model is called NAME-FRAMEWORK."""
    import shlex
    import sys
    from pathlib import Path

    from dltui.core.catalog.assemble import load_catalog
    from dltui.tui.cli.templates import plugin_package

    catalog = load_catalog()
    plugin_package.check_name(name, framework, catalog)
    folder, files = plugin_package.write(name, framework, Path(parent))
    for file in files:
        say(f"wrote {file}")
    backend = catalog.backends.get(framework)
    # Beside its framework, which it would bring along; what only another interpreter has is found there.
    pip = f"{shlex.quote(backend.python)} -m pip" if backend and backend.python != sys.executable else "pip"
    model = plugin_package.model_id(name, framework)
    say(f"train it: {pip} install -e {shlex.quote(str(folder))} && dltui train {model}")
    return 0


def plugin_objects(catalog: Any) -> list[dict[str, Any]]:
    """An object for each distribution or file: its items and its problems."""
    objects = []
    for source in catalog.sources:
        own = {
            kind: [name for name, entry in getattr(catalog, kind).items() if _source(entry).get("name") == source.name]
            for kind in KINDS
        }
        problems = [reason for name, reason in catalog.problems if name == source.name]
        origin = source.path or "installed package"
        objects.append(
            {"name": source.name, "version": source.version, "from": str(origin), **own, "problems": problems}
            | {"disabled": ""}
        )
    return objects + [_left_out(source, reason) for source, reason in catalog.disabled]


def _left_out(source: Any, reason: str) -> dict[str, Any]:
    nothing: dict[str, Any] = {kind: [] for kind in KINDS}
    origin = source.path or "installed package"
    about = {"name": source.name, "version": source.version, "from": str(origin)}
    return about | nothing | {"problems": [], "disabled": reason}


def _source(entry: Any) -> Any:
    """The source of an entry of the catalog; a logger's entry is its source, a family's is that of its models."""
    entry = getattr(entry, "model", entry)
    return getattr(entry, "source", entry)


@click.command("check")
@click.argument("name")
@files_option
@json_option
def check_plugin(name: str, files: tuple[str, ...], as_json: bool) -> int:
    """Try out whether a plugin (or a .py file, one model, or FAMILY:NAME) keeps the contract; exit code 1 when it does
    not.
    """
    from dataclasses import asdict
    from pathlib import Path

    from dltui.core.checks.conformance.report import CHECKS, PIECES, Finding, check

    found: list[Finding] = []
    titles, subject = CHECKS | PIECES, ""
    for finding in check(name, [Path(file) for file in files]):
        found.append(finding)
        if as_json:
            continue
        if finding.subject != subject:
            subject = finding.subject
            say(subject)
        sign, text = ("ok  ", finding.text) if finding.ok else ("FAIL", "")
        say(f"  {sign} {titles[finding.check]:<43} {text}".rstrip())
        if not finding.ok:
            say(f"       {finding.text}")
    wrong = [finding for finding in found if not finding.ok]
    if as_json:
        say_json([asdict(finding) for finding in found])
    else:
        checks = plural(len(found), "check")
        fails = "fails" if len(wrong) == 1 else "fail"
        say(f"{name}: {len(wrong)} of {checks} {fails}" if wrong else f"{name} passes: {checks}")
    return 1 if wrong else 0


plugins.add_command(check_plugin)
