"""Makes the pictures of the README from a real session: `python docs/animation.py [FOLDER]`.

The screen watches a run of `cnn-torch` while it trains and looks at its mistakes. `session.svg` is a moving picture:
frames are Textual's own pictures of the screen, one behind the other in one file that shows each for a moment.
`screens/` has four pages. Fashion-MNIST has to be at hand (DLTUI_DATA).
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dltui.tui.base.effects.screen_picture import alone

HERE = Path(__file__).parent
FRAME_SECONDS = 1.2
SIZE = (100, 30)
WITH_PREVIEW = (120, 36)
"""A terminal in which the list of runs has room for curves and mistakes."""
LIVE_FRAMES = 9
"""Frames of the training, evenly over its time."""
COMMON = ("--dataset", "fashion-mnist", "--seed", "1", "--device", "cpu")
BEFORE = (("softmax-torch", "--epochs", "4", "--name", "softmax"), ("mlp-torch", "--epochs", "3", "--name", "mlp"))
"""Runs that lie in the list."""
TRAIN = ("cnn-torch", "--epochs", "5", "--name", "cnn")
KEYS = (
    # What is pressed, and the frames that are taken afterwards.
    ("2", 1), ("3", 1), ("right", 1), ("5", 1), ("1", 2),
)  # fmt: skip
SCREENS = {
    # A page, the run that is open on it, what is pressed, and the size of the terminal.
    "runs": ("", (), WITH_PREVIEW),
    "new-run": ("", ("n",), SIZE),
    "confusion": ("cnn", ("2",), SIZE),
    "mistakes": ("cnn", ("3",), SIZE),
}


def join(frames: list[str], seconds: float = FRAME_SECONDS) -> str:
    """One SVG that shows each of these for some seconds, forever."""
    box = re.search(r'viewBox="([^"]+)"', frames[0])
    assert box is not None
    total = seconds * len(frames)
    share = 100 / len(frames)
    style = (
        f".frame {{ visibility: hidden; animation: show {total:g}s step-end infinite; }}\n"
        # What does not move, and who wants nothing to move, sees the last one.
        ".last { visibility: visible; }\n"
        "@media (prefers-reduced-motion: reduce) { .frame { animation: none; } }\n"
        f"@keyframes show {{ 0% {{ visibility: visible; }} {share:.4f}%, 100% {{ visibility: hidden; }} }}\n"
    )
    parts = []
    for number, frame in enumerate(frames):
        body = re.sub(r"^.*?<svg ", "<svg ", alone(frame), count=1, flags=re.DOTALL)
        kind, delay = "frame last" if number == len(frames) - 1 else "frame", number * seconds - total
        parts.append(f'<g class="{kind}" style="animation-delay: {delay:g}s">\n{_unlike(body, number)}\n</g>')
    head = f'<svg viewBox="{box.group(1)}" xmlns="http://www.w3.org/2000/svg">\n<style>\n{style}</style>\n'
    return head + "\n".join(parts) + "\n</svg>\n"


def _unlike(frame: str, number: int) -> str:
    """The same with ids and classes that no other frame has."""
    return re.sub(r"terminal-\d+", f"t{number}", frame)


async def record(run: str) -> list[str]:
    """Open the run as `dltui attach RUN` does in full color, watch it to its end, press keys, and take pictures."""
    from dltui.core.reading.reader import RunReader
    from dltui.core.rundir.directory import find_run
    from dltui.tui.app import make_app
    from dltui.tui.terminal.capabilities import Terminal

    reader = RunReader(find_run(run))
    app = make_app(terminal=Terminal(), open_run=find_run(run))
    live, frames = [], []
    async with app.run_test(size=SIZE) as pilot:
        await asyncio.sleep(2)
        while not reader.history.ended:
            live.append(app.export_screenshot(title="dltui"))
            await asyncio.sleep(2)
            reader.refresh()
        await asyncio.sleep(4)
        live.append(app.export_screenshot(title="dltui"))
        for key, pictures in KEYS:
            await pilot.press(key)
            for _ in range(pictures):
                await asyncio.sleep(1.5)
                frames.append(app.export_screenshot(title="dltui"))
    return [*evenly(live), *frames]


def evenly(frames: Sequence[str], most: int = LIVE_FRAMES) -> list[str]:
    """At most so many of the frames, the first and the last among them."""
    last = len(frames) - 1
    return [frames[place] for place in sorted({round(at * last / (most - 1)) for at in range(most)})]


async def screen(run: str, keys: Sequence[str], size: tuple[int, int]) -> str:
    """A picture of the list of runs, or of a run, after some keys."""
    from dltui.core.rundir.directory import find_run
    from dltui.tui.app import make_app
    from dltui.tui.terminal.capabilities import Terminal

    app = make_app(terminal=Terminal(), open_run=find_run(run) if run else None)
    async with app.run_test(size=size) as pilot:
        await asyncio.sleep(4)
        for key in keys:
            await pilot.press(key)
            await asyncio.sleep(3)
        return app.export_screenshot(title="dltui")


def main(arguments: list[str]) -> None:
    target = Path(arguments[0]) if arguments else HERE
    with tempfile.TemporaryDirectory() as home:
        os.environ["DLTUI_HOME"] = home
        # What is shown belongs to nobody.
        os.chdir(home)
        os.environ.pop("DLTUI_FORMAT", None)
        for words in BEFORE:
            asyncio.run(train(*words, "--plain"))
        asyncio.run(train(*TRAIN, "--detach"))
        frames = asyncio.run(record("cnn"))
        write(target / "session.svg", join(frames), home)
        for name, (run, keys, size) in SCREENS.items():
            write(target / "screens" / f"{name}.svg", alone(asyncio.run(screen(run, keys, size))), home)


def write(file: Path, svg: str, home: str) -> None:
    svg = nobodys(svg, home)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(svg, encoding="utf-8")
    print(f"{file}: {len(svg) / 1e3:,.0f} kB")


def nobodys(svg: str, home: str) -> str:
    """The picture with a user, a machine and a folder that are not those of this session, each as long as before."""
    from dltui.core.machine import process

    host, user = process.this_host(), process.user_at_host()
    svg = svg.replace(home, "/home/ada/thesis/runs/of/2026".ljust(len(home), "-")[: len(home)])
    svg = svg.replace(user, "ada@gpu01.example.org".ljust(len(user))[: len(user)])
    return svg.replace(f"&#160;{host}&#160;", f"&#160;{'pc-of-ada'.ljust(len(host))[: len(host)]}&#160;")


async def train(*words: str) -> None:
    command = [sys.executable, "-P", "-m", "dltui", "train", words[0], *COMMON, *words[1:]]
    process = await asyncio.create_subprocess_exec(*command)
    if await process.wait():
        raise SystemExit("a run could not be started")


if __name__ == "__main__":
    main(sys.argv[1:])
