"""`dltui plugins new`: a ready package, nothing overwritten, names checked; and what it writes installs and trains."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from dltui.core.catalog.sources import own
from tests.helpers.command import Run, runner
from tests.helpers.environments import environment_without, program
from tests.helpers.known_catalog import Fill
from tests.helpers.marks import few

FRAMEWORKS = ("torch", "tensorflow")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, know_catalog: Fill) -> Path:
    """The answers of the plugins in the box and of the fake one."""
    folder = tmp_path_factory.mktemp("known") / "home"
    know_catalog(folder)
    return folder / "cache"


@pytest.fixture
def dltui(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DLTUI_CACHE", str(cache))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    return runner(capsys)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_package_is_complete(dltui: Run, framework: str) -> None:
    code, out, err = dltui("plugins", "new", "my-net", "--framework", framework)
    assert (code, err) == (0, "")
    assert out.endswith(f"train it: pip install -e my-net && dltui train my-net-{framework}\n")
    project = tomllib.loads(Path("my-net/pyproject.toml").read_text())["project"]
    assert project["name"] == "my-net"
    assert project["entry-points"]["dltui"] == {"my-net": "my_net.model"}
    assert project["dependencies"] == [f"dltui[{framework}]"]
    assert {"README.md", "pyproject.toml", "my_net", "tests", ".gitignore"} == {
        p.name for p in Path("my-net").iterdir()
    }
    texts = [path.read_text() for path in Path("my-net").rglob("*") if path.is_file()]
    assert len(texts) == 6
    assert not [text for text in texts if "$" in text]


def test_it_is_installed_beside_its_framework(dltui: Run, tmp_path: Path) -> None:
    """Else a second copy of the framework would come with it."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text('[frameworks.torch]\npython = "/no such/python"\n')
    _, out, _ = dltui("plugins", "new", "my-net", "--framework", "torch")
    assert out.endswith("train it: '/no such/python' -m pip install -e my-net && dltui train my-net-torch\n")


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_code_is_as_clean_as_our_own(dltui: Run, framework: str) -> None:
    dltui("plugins", "new", "a-rather-long-name", "--framework", framework)
    ruff = [sys.executable, "-m", "ruff"]
    rules = ["--isolated", "--line-length", "120"]
    subprocess.run([*ruff, "check", *rules, "--no-cache", "--select", "E,F,W,I,B,UP,SIM", "."], check=True)
    subprocess.run([*ruff, "format", *rules, "--no-cache", "--check", "."], check=True)


@pytest.mark.longest
def test_the_model_is_listed_without_its_framework(dltui: Run) -> None:
    dltui("plugins", "new", "my-net", "--framework", "tensorflow")
    code, out, _ = dltui("models", "my-net-tensorflow", "--plugin", "my-net/my_net/model.py")
    assert code == 0
    assert "--hidden" in out


def test_a_name_that_says_its_framework_stays(dltui: Run) -> None:
    dltui("plugins", "new", "deep-torch", "--framework", "torch", "--to", "a/b")
    text = Path("a/b/deep-torch/deep_torch/model.py").read_text()
    assert 'id="deep-torch"' in text
    assert 'name="deep"' in text


def test_nothing_is_overwritten(dltui: Run) -> None:
    Path("my-net").mkdir()
    Path("my-net/thesis.txt").write_text("years of work")
    code, out, err = dltui("plugins", "new", "my-net", "--framework", "torch")
    assert (code, out) == (2, "")
    assert err == "dltui: my-net exists already; nothing was written\n"
    assert [path.name for path in Path("my-net").iterdir()] == ["thesis.txt"]


def test_a_failure_leaves_nothing(dltui: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    code, _, err = dltui("plugins", "new", "my-net", "--framework", "torch")
    assert (code, err) == (2, "dltui: cannot write to my-net: no space left on device\n")
    assert not Path("my-net").exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("My_Net", "is not a name for a plugin"),
        ("../up", "is not a name for a plugin"),
        ("a--b", "is not a name for a plugin"),
        ("9lives", "is not a name for a plugin"),
        ("n" * 41, "up to 40 of a-z"),
        ("x\x1b[2J", "is not a name for a plugin"),
        ("class", "Python or dltui uses it"),
        ("json", "Python or dltui uses it"),
        ("dltui", "Python or dltui uses it"),
        ("numpy", "a module numpy is installed already"),
        ("cnn", "there is a model cnn-torch already, from dltui"),
    ],
)
def test_names_are_checked(dltui: Run, name: str, words: str) -> None:
    code, out, err = dltui("plugins", "new", "--framework", "torch", "--", name)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1
    assert "\x1b" not in err
    assert list(Path().iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_line(dltui: Run) -> None:
    Path("file").write_text("")
    code, _, err = dltui("plugins", "new", "my-net", "--framework", "torch", "--to", "file")
    assert (code, err) == (2, "dltui: cannot make file/my-net: not a directory\n")


@pytest.mark.slow
@pytest.mark.longest
@pytest.mark.parametrize("framework", few(FRAMEWORKS, 1, long=0))
def test_the_package_installs_and_its_test_passes(tmp_path: Path, framework: str) -> None:
    if own().version(framework) is None:
        pytest.skip(f"{framework} is not installed")
    place = environment_without(tmp_path / "venv", ())
    for arguments in (
        (*program(place), "plugins", "new", "my-net", "--framework", framework),
        (str(place.python), "-m", "pip", "install", "--quiet", "--no-build-isolation", "--no-deps", "-e", "my-net"),
        (str(place.python), "-m", "pytest", "-p", "no:cacheprovider", "-q", "my-net"),
    ):
        environment = place.environment(tmp_path / "home")
        done = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert not shutil.which("my-net", path=os.defpath)


def test_the_home_of_nobody_is_a_folder_of_that_name(dltui: Run) -> None:
    code, _, err = dltui("plugins", "new", "my-net", "--framework", "torch", "--to", "~nobody-has-this/x")
    assert (code, err) == (0, "")
    assert Path("~nobody-has-this/x/my-net/pyproject.toml").is_file()
