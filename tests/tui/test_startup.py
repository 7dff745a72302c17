"""What the screen's process carries, told by a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "textual.command",
    "numpy",
    "pydantic",
    "torch",
    "tensorflow",
    "keras",
    "matplotlib",
    "dltui.plugins",
    "dltui.exports",
    "sklearn",
)
CHECK = """
import asyncio, sys
from pathlib import Path
from dltui.tui.app import make_app
from dltui.tui.base.services import Services
from dltui.tui.base.services.runs import Runs
from dltui.tui.terminal.capabilities import Terminal

HEAVY = sys.argv[2:]
seen = []

class Slow(Runs):
    def folder(self):
        seen.append(sorted(name for name in HEAVY if name in sys.modules))
        return super().folder()

async def main():
    services = Services()
    services.runs = Slow()
    app = make_app(services, Terminal())
    async with app.run_test(size=(80, 24)) as pilot:
        while not app.screen.state.read:
            await asyncio.sleep(0.02)
        app.screen.state.selected = "bold-wren"
        await pilot.press("enter" if sys.argv[1] == "run" else "n")
        loaded = {"run": lambda page: page.view, "new": lambda page: page.state.loaded}[sys.argv[1]]
        while type(app.screen).__name__ == "RunsPage" or loaded(app.screen) is None:
            await asyncio.sleep(0.02)
        await pilot.pause()
        await pilot.press("2")
        await asyncio.sleep(0.5)
    after = [name for name in HEAVY if name in sys.modules]
    print(seen[0], after)

asyncio.run(main())
"""


def check(home: Path, page: str) -> str:
    environment = {**os.environ, "DLTUI_HOME": str(home)}
    command = [sys.executable, "-P", "-c", CHECK, page, *HEAVY]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_run_needs_numpy_for_its_curves_and_nothing_else(tmp_path: Path, full_home: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "runs").symlink_to(full_home)
    assert check(home, "run") == "[] ['numpy']"


def test_who_needs_what_was_left_out_gets_it() -> None:
    lines = (
        "import dltui.tui.app, sys; assert 'textual.command' not in sys.modules",
        "from textual.command import CommandPalette; from textual.screen import Screen",
        "assert issubclass(CommandPalette, Screen)",
    )
    subprocess.run([sys.executable, "-P", "-c", "\n".join(lines)], check=True, timeout=120)


def test_the_form_imports_no_plugin(tmp_path: Path) -> None:
    before, _, after = check(tmp_path / "home", "new").partition("] ")
    assert before == "["
    assert not {"torch", "tensorflow", "keras", "matplotlib", "sklearn"} & set(after.strip("[]").split("'"))
    assert "dltui.plugins" not in after


@pytest.mark.parametrize(
    ("command", "more"), [("serve-stdio", ("click", "psutil", "pynvml", "dltui.core.catalog.probe")), ("runs", ())]
)
def test_lines_and_the_far_side_import_what_they_need(tmp_path: Path, command: str, more: tuple[str, ...]) -> None:
    """Each costs milliseconds on every start, which somebody waits for."""
    words = [sys.executable, "-P", "-X", "importtime", "-m", "dltui", command]
    done = subprocess.run(
        words,
        env={**os.environ, "DLTUI_HOME": str(tmp_path / "home")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert {"dltui.core.reading.reader", "dltui.core.rundir.directory"} <= imported
    for name in (*HEAVY, "textual", "rich", "dltui.core.contract", "concurrent.futures", "statistics", *more):
        assert not any(one == name or one.startswith(f"{name}.") for one in imported), name
