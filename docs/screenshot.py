"""Draws the README picture from a real run: `python docs/screenshot.py RUN TARGET.svg [COLUMNSxROWS] [KEY...]`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from dltui.core.rundir.directory import find_run
from dltui.tui.app import make_app
from dltui.tui.terminal.capabilities import Terminal

SETTLE_SECONDS = 3.0


async def draw(run: str, target: Path, size: tuple[int, int], keys: list[str]) -> None:
    """Open the run as `dltui attach RUN` does in full color, press the keys, and save what is shown."""
    app = make_app(terminal=Terminal(), open_run=find_run(run))
    async with app.run_test(size=size) as pilot:
        await asyncio.sleep(SETTLE_SECONDS)
        for key in keys:
            await pilot.press(key)
            await asyncio.sleep(1)
        target.write_text(app.export_screenshot(title="dltui"), encoding="utf-8")


def main(arguments: list[str]) -> None:
    run, target, *rest = arguments
    columns, rows = rest[0].split("x") if rest else ("100", "30")
    asyncio.run(draw(run, Path(target), (int(columns), int(rows)), rest[1:]))


if __name__ == "__main__":
    main(sys.argv[1:])
