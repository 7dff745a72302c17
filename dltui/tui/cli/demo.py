"""`dltui demo`: the CNN on real images, whatever this machine can have, from one command to figures."""

from __future__ import annotations

import shlex
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dltui.core.errors import UsageError
from dltui.tui.cli.terminal import is_terminal, say

if TYPE_CHECKING:
    from dltui.core.catalog import Catalog, ModelEntry
    from dltui.core.rundir import RunDirectory

WANTED = "fashion-mnist"
EMBEDDED = "digits"
FRAMEWORKS = ("torch", "tensorflow")
FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
FIRST_BYTE_SECONDS = 3.0
# The smallest file of the set, from the place where its authors keep it.
PROBE_URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/t10k-labels-idx1-ubyte.gz"


@dataclass(frozen=True)
class Choice:
    dataset: str
    reason: str


@click.command()
@click.option("--device", default="auto", show_default=True, metavar="DEV", help="auto, cpu, cuda, cuda:N or mps")
@click.option("--exports", default="exports", show_default=True, metavar="DIR", help="figures go to DIR/<run id>")
@click.option("--plain", is_flag=True, help="plain lines, also on a terminal")
@click.option("--json", "as_json", is_flag=True, help="one event per line")
def demo(device: str, exports: str, plain: bool, as_json: bool) -> int:
    """Train a convolutional network on Fashion-MNIST, or on embedded digits where that cannot be had."""
    from dltui.core.catalog import load_catalog
    from dltui.tui.cli import start

    catalog = load_catalog()
    model = choose_model(catalog)
    choice = choose_dataset(find_here, reachable)
    if not as_json:
        say(f"demo: {model.id} on {choice.dataset}: {choice.reason}")
    command = ["dltui", "train", model.id, "--dataset", choice.dataset]
    command += ["--device", device] if device != "auto" else []
    options = start.Options(
        command=tuple(command),
        dataset=choice.dataset,
        device=device,
        exports=exports,
        plain=plain,
        as_json=as_json,
    )
    run = start.create(catalog, model, {}, options)
    if is_terminal() and not plain and not as_json:
        return _full_screen(run)
    if not as_json:
        say(f"the same by hand: {shlex.join(command)}")
    return start.carry_out(run, options)


def choose_model(catalog: Catalog) -> ModelEntry:
    """The CNN of the first framework that is installed. Raises UsageError with what to install."""
    entries = [catalog.models[name] for fw in FRAMEWORKS if (name := f"cnn-{fw}") in catalog.models]
    for entry in entries:
        if entry.available:
            return entry
    hint = " or ".join(catalog.backends[fw].install for fw in FRAMEWORKS if fw in catalog.backends)
    raise UsageError(f"the demo needs PyTorch or TensorFlow; install one: {hint or 'pip install torch'}")


def choose_dataset(find: Callable[[], Path | None], reach: Callable[[], bool]) -> Choice:
    """Fashion-MNIST when it is here or can be downloaded, else the digits; with the reason."""
    folder = find()
    if folder is not None:
        return Choice(WANTED, f"its files are in {folder}")
    if reach():
        return Choice(WANTED, "not here yet, but it can be downloaded (31 MB)")
    return Choice(EMBEDDED, f"{WANTED} is not on this machine and not reachable; these images come with scikit-learn")


def find_here() -> Path | None:
    """The first folder of the search path that holds all four files, packed or not."""
    from dltui.core.paths import data_dirs

    for folder in data_dirs(None, WANTED):
        if all((folder / name).is_file() or (folder / f"{name}.gz").is_file() for name in FILES):
            return folder
    return None


def reachable(url: str = PROBE_URL, seconds: float = FIRST_BYTE_SECONDS) -> bool:
    """Whether the first byte arrives in time; a name server that hangs counts as no."""
    arrived = threading.Event()

    def fetch() -> None:
        try:
            with urllib.request.urlopen(url, timeout=seconds) as answer:
                if answer.status == 200 and answer.read(1):
                    arrived.set()
        except (OSError, ValueError):
            pass
        finally:
            done.set()

    done = threading.Event()
    threading.Thread(target=fetch, daemon=True).start()
    done.wait(seconds)
    return arrived.is_set()


def _full_screen(run: RunDirectory) -> int:
    """The run in the full screen; after it, the files, or how to come back."""
    from dltui.core.launch import spawn_worker
    from dltui.core.reader import RunReader
    from dltui.tui.app import run_app
    from dltui.tui.cli import closing

    spawn_worker(run)
    code = run_app(open_run=str(run.path))
    reader = RunReader(run)
    reader.refresh()
    status = reader.status()
    if status.name in closing.EXIT_CODES:
        lines = [closing.outcome(reader.history, status.name, status.why)]
        lines += [*closing.next_step(reader, status.name), *closing.take_home(Path(reader.run["exports"]))]
    else:
        lines = [*closing.come_back(reader), f"figures will be in {reader.run['exports']}"]
    for line in lines:
        say(line)
    return code
