"""dltui as it is given away: wheel and source archive are built, and the wheel alone, without a framework, is installed
into fresh environments by pip, in the way of pipx, and by `uv tool install`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pexpect
import pytest

from dltui.core.version import __version__
from tests.helpers.sample_run import make_sample_run

ROOT = Path(__file__).parents[2]
NETWORK = (
    "Temporary failure in name resolution", "Name or service not known", "NameResolutionError", "NewConnectionError",
    "ConnectTimeoutError", "ProxyError", "Connection refused", "Network is unreachable", "dns error",
    "error sending request", "dial tcp",
)  # fmt: skip
"""What pip, uv and docker say where there is no network. What they say of a requirement that does not exist, they say
there, too, and is no sign of it.
"""

pytestmark = [pytest.mark.long, pytest.mark.slow(20), pytest.mark.timeout(1200)]


def carry_out(*words: str | Path, environment: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """Run a command that may fetch packages; the test is skipped where these cannot be had."""
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    if done.returncode and any(sign in said for sign in NETWORK):
        pytest.skip(f"packages cannot be fetched: {said.strip().splitlines()[-1][:200]}")
    assert done.returncode == 0, said
    return done.stdout


@pytest.mark.parametrize(
    ("told", "end"),
    [
        ("WARNING: Retrying after connection broken by 'NewConnectionError()'\nNo matching distribution", "Skipped"),
        ("ERROR: No matching distribution found for platformdirz>=4", "AssertionError"),
        ("the resolver: Could not find a version that satisfies the requirement torch>=99", "AssertionError"),
    ],
)
def test_a_requirement_that_does_not_exist_is_a_failure(told: str, end: str) -> None:
    with pytest.raises((AssertionError, pytest.skip.Exception)) as caught:
        carry_out(sys.executable, "-c", "import sys; sys.exit(sys.argv[1])", told)
    assert caught.typename == end


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    carry_out(sys.executable, "-m", "build", "--outdir", folder, ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


def environment(home: Path, **more: str) -> dict[str, str]:
    hidden = ("DLTUI_", "PYTHONPATH", "VIRTUAL_ENV")
    # CI means plain lines, and this is what a person does.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden) and name != "CI"}
    return kept | {"DLTUI_HOME": str(home), "TERM": "xterm-256color", "LANG": "C.UTF-8", **more}


def works(program: Path, folder: Path) -> None:
    """The screen, `runs`, `attach` and `doctor`, from a folder that has nothing to do with where it is installed."""
    home = folder / "home"
    home.mkdir(mode=0o700)
    make_sample_run(home / "runs", epochs=3)
    there = environment(home)

    def ask(*words: str, codes: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(
            [str(program), *words], cwd=folder, env=there, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode in codes, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        return done.stdout

    assert ask("--version") == f"dltui {__version__}\n"
    assert [row["id"] for row in json.loads(ask("runs", "--json"))] == ["brisk-otter"]
    assert "epoch 3/3" in ask("attach", "brisk-otter", "--plain")
    told = ask("doctor", codes=(0, 1))
    assert "PyTorch: not installed" in told
    assert "TensorFlow: not installed" in told
    assert "not installed" in ask("frameworks")
    screen = pexpect.spawn(str(program), [], cwd=str(folder), env=there, dimensions=(24, 80), timeout=60)
    screen.expect("brisk-otter")
    screen.send("q")
    screen.wait()
    assert screen.exitstatus == 0


def test_what_is_in_them(built: Path, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert f"dltui-{__version__}.data/data/share/man/man1/dltui.1" in names
    assert {"dltui/exports/report/report.css", f"dltui-{__version__}.dist-info/entry_points.txt"} <= names
    assert not any(name.startswith(("tests/", "docs/")) for name in names)
    (archive_path,) = built.glob("*.tar.gz")
    with tarfile.open(archive_path) as source:
        inside = {name.partition("/")[2] for name in source.getnames()}
    assert {"docs/dltui.1", "tests/conftest.py", "LICENSE", "CHANGELOG.md"} <= inside


@pytest.mark.longest
@pytest.mark.slow(180)
def test_pip(wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "venv"
    carry_out(sys.executable, "-m", "venv", place)
    carry_out(place / "bin" / "python", "-m", "pip", "install", "--quiet", wheel)
    assert (place / "share" / "man" / "man1" / "dltui.1").is_file()
    works(place / "bin" / "dltui", tmp_path)


@pytest.mark.longest
@pytest.mark.slow(180)
def test_the_way_of_pipx(wheel: Path, tmp_path: Path) -> None:
    """An environment without pip of its own, and a link to its program in another folder."""
    place, programs = tmp_path / "pipx" / "venvs" / "dltui", tmp_path / "bin"
    carry_out(sys.executable, "-m", "venv", "--without-pip", place)
    carry_out(sys.executable, "-m", "pip", "--python", place / "bin" / "python", "install", "--quiet", wheel)
    programs.mkdir()
    (programs / "dltui").symlink_to(place / "bin" / "dltui")
    works(programs / "dltui", tmp_path)


@pytest.mark.longest
@pytest.mark.slow(180)
def test_uv_tool_install(wheel: Path, tmp_path: Path) -> None:
    carry_out(sys.executable, "-m", "venv", tmp_path / "uv")
    carry_out(tmp_path / "uv" / "bin" / "python", "-m", "pip", "install", "--quiet", "uv")
    places = {name: str(tmp_path / name.lower()) for name in ("UV_TOOL_DIR", "UV_TOOL_BIN_DIR", "UV_CACHE_DIR")}
    there = environment(tmp_path, **places, UV_PYTHON=sys.executable, UV_PYTHON_DOWNLOADS="never")
    carry_out(tmp_path / "uv" / "bin" / "uv", "tool", "install", wheel, environment=there)
    works(tmp_path / "uv_tool_bin_dir" / "dltui", tmp_path)
    once = tmp_path / "uv" / "bin" / "uvx"
    runs = carry_out(once, "--from", wheel, "dltui", "runs", "--json", environment=there, cwd=tmp_path)
    assert [row["id"] for row in json.loads(runs)] == []


def test_what_the_dockerfile_copies_is_enough(tmp_path: Path) -> None:
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY"):
            *names, target = line.split()[1:]
            folder = tmp_path / target.lstrip("/")
            for name in names:
                if (ROOT / name).is_dir():
                    shutil.copytree(ROOT / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    folder.mkdir(parents=True, exist_ok=True)
                    shutil.copy(ROOT / name, folder)
    carry_out(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, tmp_path / "source")
    (wheel,) = tmp_path.glob("*.whl")
    assert "dltui/core/version.py" in zipfile.ZipFile(wheel).namelist()


@pytest.mark.longest
@pytest.mark.slow(180)
def test_the_image_is_built_and_works(tmp_path: Path) -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "info"], capture_output=True, check=False).returncode:
        pytest.skip("there is no docker")
    carry_out(docker, "build", "--tag", "dltui-test", "--build-arg", "EXTRAS=", ROOT)
    try:
        assert __version__ in carry_out(docker, "run", "--rm", "dltui-test", "--version")
        assert json.loads(carry_out(docker, "run", "--rm", "dltui-test", "runs", "--json")) == []
    finally:
        carry_out(docker, "image", "rm", "dltui-test")
