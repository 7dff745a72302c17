"""Names of other hosts, of their runs (HOST:RUN), and the command by which each host is reached."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dltui.core import paths
from dltui.core.errors import UsageError
from dltui.core.rundir.directory import is_run
from dltui.core.settings import load_settings
from dltui.core.text import clean_line

TABLE = "hosts"
KEYS = ("ssh", "dltui", "command")
PROGRAM = "DLTUI_SSH"
"""The environment variable with another ssh and its options."""
SERVE = "serve-stdio"
OPTIONS = ("-T", "-a", "-x", "-o", "BatchMode=yes", "-o", "ClearAllForwardings=yes", "-o", "ControlMaster=no")
"""No terminal and nothing that asks: a password would be asked for in the middle of the screen. The far side gets
neither the user's keys nor his display, and the ports that a host's settings forward stay free for his own logins. A
connection that the user shares is used; this one is not shared, because it ends with the screen.
"""
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}", re.ASCII)
SEPARATOR = ":"
KINDS = ("cpu", "cuda", "mps")
"""The beginnings of the devices of this host: `cuda:0` is none of a host cuda."""


@dataclass(frozen=True)
class Host:
    """Another host. `command` is started here; its standard streams lead to a `dltui serve-stdio` there."""

    name: str
    command: tuple[str, ...]


def check_host(text: str) -> str:
    """The name itself, if it may name a host. Raises UsageError."""
    if _HOST.fullmatch(text):
        return text
    hint = "a name of your ~/.ssh/config, or user@machine; a port belongs in ~/.ssh/config"
    raise UsageError(f'no host "{clean_line(text, 60)}": {hint}')


def joined(host: str, run: str) -> str:
    """The name of a run of another host, unique among the runs of all hosts."""
    return f"{host}{SEPARATOR}{run}"


def split(text: str | None) -> tuple[str, str] | None:
    """The host and the run of a name like `gpu01:brisk-otter`; None for the name of a run of this host. The run is ""
    for the latest.
    """
    if text is None or os.sep in text or SEPARATOR not in text:
        return None
    host, _, run = text.partition(SEPARATOR)
    return (host, run) if _HOST.fullmatch(host) else None


def elsewhere(text: str | None) -> tuple[str, str] | None:
    """The host and the run of a name like `gpu01:brisk-otter`, as `split`; None also where a run of this host has
    exactly this name: names may have colons.
    """
    far = split(text)
    return None if far is None or text is None or is_run(text) else far


def delete_there(host: str, run: str) -> str:
    """The line for who wants to delete a run of another host from here."""
    return f"delete it there: ssh {host} dltui rm {clean_line(run, 80) or 'RUN'}"


def of_device(text: str) -> tuple[str, str] | None:
    """The host and the device of a word like `gpu01:cuda:0`; None for a device of this host."""
    host, _, device = text.partition(SEPARATOR)
    return (host, device) if device and host not in KINDS and _HOST.fullmatch(host) else None


def chosen(names: Sequence[str] = ()) -> list[Host]:
    """The named hosts; without names all in the settings. Raises UsageError."""
    tables = _tables()
    wanted = dict.fromkeys(map(check_host, names)) if names else tables
    return [_host(name, tables.get(name, {})) for name in wanted]


def _tables() -> dict[str, Any]:
    """The tables of the hosts in the settings, by name. Raises UsageError."""
    found = load_settings().tables.get(TABLE, {})
    if not isinstance(found, dict) or not all(isinstance(table, dict) for table in found.values()):
        raise UsageError(f'{paths.config_file()}: hosts must be tables like [hosts.gpu01] dltui = "~/env/bin/dltui"')
    for name, table in found.items():
        where = f"{paths.config_file()}: [hosts.{clean_line(name, 60)}]"
        try:
            check_host(name)
        except UsageError as error:
            raise UsageError(f"{where}: {error}") from None
        if unknown := [key for key in table if key not in KEYS]:
            raise UsageError(f"{where} has {clean_line(unknown[0], 40)}; there is {', '.join(KEYS)}")
        if not all(isinstance(value, str) and value.strip() for value in table.values()):
            raise UsageError(f"{where} takes texts: {', '.join(KEYS)}")
    return found


def _host(name: str, table: Mapping[str, str]) -> Host:
    try:
        if "command" in table:
            return Host(name, _words(table["command"]))
        program = _words(os.environ.get(PROGRAM) or "ssh")
    except ValueError as error:
        raise UsageError(f"{PROGRAM}, or the command of host {name}: {error}") from None
    destination = table.get("ssh", name)
    if destination.startswith("-"):
        raise UsageError(f"{paths.config_file()}: [hosts.{name}] ssh is a destination, not an option")
    there = f"{table.get('dltui', 'dltui')} {SERVE}"
    return Host(name, (*program, *OPTIONS, destination, there))


def _words(command: str) -> tuple[str, ...]:
    """The words of a command line, with the home in place of the `~` of its program, which no shell replaces. Raises
    ValueError.
    """
    program, *rest = shlex.split(command) or [""]
    return (os.path.expanduser(program), *rest)  # noqa: PTH111 - a word, of which no path may be made
