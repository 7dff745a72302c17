"""Makes a moving picture of a real session: `python docs/animation.py TARGET.svg [COLUMNSxROWS]`.

The screen watches a run of `cnn-torch` while it trains and looks at its mistakes. Frames are Textual's own pictures of
the screen, one behind the other in one SVG file that shows each for a moment.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from pathlib import Path

FRAME_SECONDS = 1.2
TRAIN = ("cnn-torch", "--dataset", "fashion-mnist", "--epochs", "6", "--seed", "1", "--device", "cpu")
KEYS = (
    # What is pressed, and the frames that are taken afterwards.
    ("", 9), ("2", 1), ("3", 1), ("right", 1), ("5", 1), ("1", 2),
)  # fmt: skip


def join(frames: list[str], seconds: float = FRAME_SECONDS) -> str:
    """One SVG that shows each of these for some seconds, forever."""
    box = re.search(r'viewBox="([^"]+)"', frames[0])
    assert box is not None
    total = seconds * len(frames)
    share = 100 / len(frames)
    style = (
        f".frame {{ visibility: hidden; animation: show {total:g}s step-end infinite; }}\n"
        f"@keyframes show {{ 0% {{ visibility: visible; }} {share:.4f}% {{ visibility: hidden; }} }}\n"
    )
    parts = []
    for number, frame in enumerate(frames):
        body = re.sub(r"@font-face \{.*?\n    \}", "", frame, flags=re.DOTALL) if number else frame
        body = re.sub(r"^.*?<svg ", "<svg ", body, count=1, flags=re.DOTALL)
        delay = number * seconds - total
        parts.append(f'<g class="frame" style="animation-delay: {delay:g}s">\n{_unlike(body, number)}\n</g>')
    head = f'<svg viewBox="{box.group(1)}" xmlns="http://www.w3.org/2000/svg">\n<style>\n{style}</style>\n'
    return head + "\n".join(parts) + "\n</svg>\n"


def _unlike(frame: str, number: int) -> str:
    """The same with ids and classes that no other frame has."""
    return re.sub(r"terminal-\d+", f"t{number}", frame)


async def record(run: str, size: tuple[int, int]) -> list[str]:
    """Open the run as `dltui attach RUN` does in full color, press keys, and take pictures."""
    from dltui.core.rundir.directory import find_run
    from dltui.tui.app import make_app
    from dltui.tui.terminal.capabilities import Terminal

    app = make_app(terminal=Terminal(), open_run=find_run(run))
    frames = []
    async with app.run_test(size=size) as pilot:
        await asyncio.sleep(2)
        for key, pictures in KEYS:
            if key:
                await pilot.press(key)
            for _ in range(pictures):
                await asyncio.sleep(3.5 if not key else 1)
                frames.append(app.export_screenshot(title="dltui"))
    return frames


def main(arguments: list[str]) -> None:
    target, *rest = arguments
    columns, rows = rest[0].split("x") if rest else ("100", "30")
    with tempfile.TemporaryDirectory() as home:
        os.environ["DLTUI_HOME"] = home
        command = [sys.executable, "-P", "-m", "dltui", "train", *TRAIN, "--detach", "--name", "cnn"]
        asyncio.run(_start(command))
        frames = asyncio.run(record("cnn", (int(columns), int(rows))))
        Path(target).write_text(join(frames), encoding="utf-8")


async def _start(command: list[str]) -> None:
    process = await asyncio.create_subprocess_exec(*command)
    if await process.wait():
        raise SystemExit("the run could not be started")


if __name__ == "__main__":
    main(sys.argv[1:])
