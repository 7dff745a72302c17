"""The settings file: read only from the user's own place, and wrong content is one line."""

import os
import sys
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from dltui.core import settings
from dltui.core.errors import UsageError


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_CONFIG", str(tmp_path / "own" / "config.toml"))
    (tmp_path / "own").mkdir()
    return tmp_path / "own" / "config.toml"


def test_without_a_file_everything_is_the_default() -> None:
    assert settings.load_settings().interpreter("torch") == sys.executable
    assert settings.load_settings().tables == {}


def test_an_interpreter_for_each_framework(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    file.write_text('[frameworks.tensorflow]\npython = "~/tf/bin/python"\n[frameworks.torch]\n[other]\nx = 1\n')
    assert settings.load_settings().interpreter("tensorflow") == "/home/somebody/tf/bin/python"
    assert settings.load_settings().interpreter("torch") == sys.executable
    assert settings.load_settings().tables["other"] == {"x": 1}


def test_the_link_of_a_virtual_environment_is_kept(file: Path, tmp_path: Path) -> None:
    (tmp_path / "python").symlink_to(sys.executable)
    file.write_text(f'[frameworks.torch]\npython = "{tmp_path}/python"\n')
    assert settings.load_settings().interpreter("torch") == str(tmp_path / "python")


def test_the_working_directory_is_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("dltui.toml", "config.toml"):
        (tmp_path / name).write_text('[frameworks.torch]\npython = "/evil"\n')
    monkeypatch.chdir(tmp_path)
    assert settings.load_settings().interpreter("torch") == sys.executable


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[frameworks.torch\n", "is not valid TOML: .*line 1"),
        (b"\xff\xfe", "is not valid TOML"),
        (b"a = 1\na = 2\n", "is not valid TOML"),
        (b"a = " + b"[" * 100_000, "is not valid TOML"),
        (b"frameworks = 3\n", "frameworks must be tables like"),
        (b"[frameworks]\ntorch = 3\n", r"\[frameworks.'torch'\] needs python"),
        (b"[frameworks.torch]\npython = 3\n", r"\[frameworks.'torch'\] needs python"),
        (b'[frameworks."\\u001b[2J"]\npython = ""\n', "needs python"),
    ],
)
def test_wrong_content_is_one_line(file: Path, content: bytes, words: str) -> None:
    file.write_bytes(content)
    with pytest.raises(UsageError, match=words) as caught:
        settings.load_settings()
    assert str(caught.value).isprintable()


def test_an_unreadable_file_is_one_line(file: Path) -> None:
    file.mkdir()
    with pytest.raises(UsageError, match=r"cannot read .*config\.toml: Is a directory"):
        settings.load_settings()
    if os.geteuid():
        file.rmdir()
        file.touch(0)
        with pytest.raises(UsageError, match="Permission denied"):
            settings.load_settings()


NAMES = st.text("abcxyz0123456789.-_", min_size=1, max_size=8)
VALUES = st.text(st.characters(exclude_categories=["Cs"])) | st.integers(-(2**63), 2**63 - 1) | st.booleans()
TABLES = st.dictionaries(NAMES, VALUES | st.floats(allow_nan=False, allow_infinity=False) | st.lists(st.integers(0, 9)))


@hypothesis.settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(NAMES, TABLES, max_size=4), NAMES, TABLES)
def test_what_is_written_is_read_back_equal(
    file: Path, before: dict[str, Any], name: str, table: dict[str, Any]
) -> None:
    """Whatever a path has in its name."""
    file.unlink(missing_ok=True)
    for known, values in before.items():
        settings.change_tables(file, lambda document, pair=(known, values): document.update([pair]))  # type: ignore[misc]
    settings.change_tables(file, lambda document: document.update({name: table}))
    assert settings.read_tables(file) == {**before, name: table}
    settings.change_tables(file, lambda document: document.pop(name))
    before.pop(name, None)
    assert settings.read_tables(file) == before
