"""Environments that dltui makes for a framework: an interpreter of its own with dltui and the framework, for those
who have installed dltui alone. They lie in the folder of its data, and `[frameworks.NAME] python` names them.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dltui.core import fs, paths
from dltui.core.errors import RunError, UsageError
from dltui.core.machine import process
from dltui.core.settings import change_tables, load_settings
from dltui.core.text import clean_line

Build = Literal["cpu", "cuda"]
Users = Callable[[Path], Sequence[str]]
"""Tells which runs use the environment in a folder."""

DISTRIBUTION = "dltui"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
"""PyTorch's own index of builds without CUDA, which are a tenth of the size."""
_FILES = ("METADATA", "WHEEL", "entry_points.txt")


@dataclass(frozen=True)
class Recipe:
    """The way to install a framework: `extra` of dltui and further requirements of each build, what is installed before
    them from another index, and about how many bytes each takes.
    """

    title: str
    extra: str
    requirements: dict[Build, tuple[str, ...]]
    first: dict[Build, tuple[str, ...]]
    needs_bytes: dict[Build, int]


RECIPES = {
    "torch": Recipe(
        "PyTorch",
        "torch",
        {"cpu": (), "cuda": ()},
        {"cpu": ("--index-url", CPU_INDEX, "torch") if sys.platform == "linux" else (), "cuda": ()},
        {"cpu": 2 << 30, "cuda": 8 << 30},
    ),
    "tensorflow": Recipe(
        "TensorFlow",
        "tensorflow",
        {"cpu": (), "cuda": ("tensorflow[and-cuda]",)},
        {"cpu": (), "cuda": ()},
        {"cpu": 3 << 30, "cuda": 8 << 30},
    ),
}


def folder() -> Path:
    """The folder of all environments."""
    return paths.data_dir() / "frameworks"


def usual_build() -> tuple[Build, str]:
    """The build for this machine, with the reason."""
    from dltui.core.machine.devices import list_devices

    gpu = next((device for device in list_devices() if device.kind == "cuda"), None)
    return ("cuda", f"for {gpu.title}") if gpu is not None else ("cpu", "no NVIDIA GPU is here")


def _nobody(place: Path) -> Sequence[str]:
    return ()


def install(
    framework: str, build: Build, again: bool = False, show: bool = False, users: Users = _nobody
) -> tuple[str, str]:
    """Make the environment of a framework and name it in the settings; with `again` also where they name one, which
    stays as long as it has `users`. Returns its interpreter and the framework's version. Raises UsageError before,
    RunError after the first download; either way nothing is left behind.
    """
    recipe = RECIPES[framework]
    known = load_settings().interpreters.get(framework)
    if known and not again:
        raise UsageError(f"{recipe.title} has an interpreter already, {known}; a new one: --again")
    paths.ensure_private_dir(folder())
    _sweep(users)
    _check_room(recipe, build)
    place = folder() / _new_name(framework)
    try:
        version = _fill(place, framework, build, show)
        change_tables(paths.config_file(), lambda document: _name(document, framework, str(_python(place))))
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    if known and not users(_place(known)):
        _remove_own(known)
    return str(_python(place)), version


def left_for(users: Users) -> dict[Path, Sequence[str]]:
    """The environments that the settings do not name any more, with the runs that still use them."""
    named = {_place(python).name for python in load_settings().interpreters.values()}
    found = {place: users(place) for place in folder().iterdir() if place.name not in named}
    return {place: runs for place, runs in found.items() if runs}


def remove(framework: str, users: Users = _nobody) -> str:
    """Delete the environment that was made for a framework, and its setting. Returns its interpreter. Raises
    UsageError, also where it has `users`.
    """
    known = load_settings().interpreters.get(framework)
    title = RECIPES[framework].title
    if known is None:
        raise UsageError(f"the settings name no interpreter for {title}")
    if not _is_own(known):
        raise UsageError(f"{known} was not made by dltui; take it out of {paths.config_file()}")
    runs = users(_place(known))
    if runs:
        raise UsageError(f"{title}'s environment is used by {', '.join(runs)}: dltui stop {runs[0]} first")
    change_tables(paths.config_file(), lambda document: _unname(document, framework))
    _remove_own(known)
    return known


def _name(document: object, framework: str, python: str) -> None:
    tables = document.setdefault("frameworks", {})  # type: ignore[attr-defined]
    tables[framework] = {"python": python}


def _unname(document: object, framework: str) -> None:
    document["frameworks"].pop(framework, None)  # type: ignore[index]


def _python(place: Path) -> Path:
    return place / "bin" / "python"


def _place(python: str) -> Path:
    """The folder of the environment of an interpreter."""
    return Path(python).parent.parent


def _is_own(python: str) -> bool:
    return _place(python).parent == folder()


def _remove_own(python: str) -> None:
    if _is_own(python):
        shutil.rmtree(_place(python), ignore_errors=True)


def _new_name(framework: str) -> str:
    """The name of a new environment, which tells the process that makes it."""
    pid = os.getpid()
    return f"{framework}-{pid}-{process.start_ticks(pid) or 0}-{secrets.token_hex(3)}-{_host()}"


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", process.this_host())


def _sweep(users: Users) -> None:
    """Remove what a killed process of this host left half-made, and what was left for runs that have ended; the folder
    may lie on a disk that several share.
    """
    # By their names: the path of the same folder may be another one today.
    used = {_place(python).name for python in load_settings().interpreters.values()}
    for place in folder().iterdir():
        _, pid, ticks, _, host = (*place.name.split("-", 4), *[""] * 5)[:5]
        if place.name in used or host != _host() or not pid.isdigit():
            continue
        if str(process.start_ticks(int(pid)) or 0) != ticks and not users(place):
            shutil.rmtree(place, ignore_errors=True)


def _check_room(recipe: Recipe, build: Build) -> None:
    needs, free = recipe.needs_bytes[build], fs.free_bytes(folder())
    if free < needs:
        raise UsageError(
            f"{recipe.title} needs about {needs / 1e9:.0f} GB, {free / 1e9:.1f} GB are free in {folder()}; "
            "DLTUI_HOME may name a folder on another disk"
        )


def _fill(place: Path, framework: str, build: Build, show: bool) -> str:
    """Make the environment, and return the version of the framework that it imports. Raises RunError."""
    from dltui.core.catalog import questions

    recipe = RECIPES[framework]
    make, add = _tools(place)
    _run(make, "cannot make an environment", show=False)
    with tempfile.TemporaryDirectory() as temporary:
        wheel = own_wheel(Path(temporary))
        wanted = [f"{DISTRIBUTION}[{recipe.extra}] @ {wheel.as_uri()}", *recipe.requirements[build]]
        for words in filter(None, (recipe.first[build], wanted)):
            _run([*add, *words], f"cannot install {recipe.title}", show)
    try:
        questions.importing(str(_python(place)), DISTRIBUTION)
        return questions.importing(str(_python(place)), framework)["version"]
    except UsageError as error:
        raise RunError(f"{recipe.title} was installed and does not work: {error}") from None


def _tools(place: Path) -> tuple[list[str], list[str]]:
    """The commands that make an environment and that install into it. Raises UsageError where there are none."""
    uv = shutil.which("uv")
    if importlib.util.find_spec("ensurepip") is not None and importlib.util.find_spec("venv") is not None:
        pip = [str(_python(place)), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
        return [sys.executable, "-m", "venv", str(place)], pip
    if uv:
        return [uv, "venv", "--python", sys.executable, str(place)], [
            uv,
            "pip",
            "install",
            "--python",
            str(_python(place)),
        ]
    version = ".".join(map(str, sys.version_info[:2]))
    raise UsageError(
        f"this Python has no module venv to make an environment with: apt install python{version}-venv, or install uv"
    )


def _run(command: Sequence[str], failed: str, show: bool) -> None:
    """Run a command; with `show` what it prints is seen. Raises RunError with the last thing that it said was wrong."""
    # Variables of an environment that is active here must not lead there.
    kept = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    }
    output = None if show else subprocess.DEVNULL
    with tempfile.TemporaryFile() as errors:
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, env=kept, check=False
            )
        except OSError as error:
            raise RunError(f"{failed}: {command[0]}: {error.strerror}") from error
        if done.returncode:
            errors.seek(0)
            raise RunError(f"{failed}: {_reason(errors.read().decode('utf-8', 'replace'), done.returncode)}")


def _reason(said: str, code: int) -> str:
    """The reason in what an installer said, in one line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    signs = ("No space left", "Disk quota", "Name or service not known", "Temporary failure in name resolution")
    network = "the package index cannot be reached: is there a network?"
    for sign in signs:
        if any(sign in line for line in lines):
            return "the disk is full" if sign.startswith(("No space", "Disk")) else network
    if any("Failed to establish a new connection" in line or "error sending request" in line for line in lines):
        return network
    wrong = [line for line in lines if line.lower().startswith(("error", "×", "caused by"))]
    return clean_line((wrong or lines or [f"exit code {code}"])[-1], 300)


def own_wheel(into: Path) -> Path:
    """This installation of dltui as a wheel, whatever it was installed from."""
    distribution = importlib.metadata.distribution(DISTRIBUTION)
    name = f"{DISTRIBUTION}-{distribution.version}"
    wheel = into / f"{name}-py3-none-any.whl"
    lines = []
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for inside, content in _contents(distribution, f"{name}.dist-info"):
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            lines.append(f"{inside},sha256={digest},{len(content)}")
            archive.writestr(inside, content)
        record = f"{name}.dist-info/RECORD"
        archive.writestr(record, "\n".join([*lines, f"{record},,", ""]))
    return wheel


def _contents(distribution: importlib.metadata.Distribution, metadata: str) -> Iterator[tuple[str, bytes]]:
    """The files of dltui and of its metadata."""
    package = Path(__file__).parents[2]
    for file in sorted(package.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            yield f"{DISTRIBUTION}/{file.relative_to(package).as_posix()}", file.read_bytes()
    for name in _FILES:
        yield f"{metadata}/{name}", (distribution.read_text(name) or "").encode()
