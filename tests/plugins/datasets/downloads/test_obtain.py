"""Downloads against mirrors that are cut, wrong, slow, away or interrupted: nothing half-written ever stays."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dltui.core.data import network
from dltui.core.errors import RunError
from dltui.plugins.datasets.downloads.obtain import obtain
from dltui.plugins.datasets.fashion_mnist import NAMES
from tests.helpers.mirror import Mirror, serve
from tests.helpers.small_family import Told, make_files, make_member

IMAGES = NAMES[0]


@pytest.fixture(autouse=True)
def _directly(monkeypatch: pytest.MonkeyPatch) -> None:
    # A mirror in this process answers late on a busy machine.
    monkeypatch.setattr(network, "SECONDS", 30.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def files() -> dict[str, bytes]:
    return make_files()


@pytest.fixture
def good(files: dict[str, bytes]) -> Iterator[Mirror]:
    with serve(Mirror(files)) as mirror:
        yield mirror


@pytest.fixture
def bad(files: dict[str, bytes]) -> Iterator[Mirror]:
    """A mirror for the test to spoil."""
    with serve(Mirror(dict(files))) as mirror:
        yield mirror


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(None, (), tmp_path / "downloads")


def get(files: dict[str, bytes], told: Told, *mirrors: Mirror | str) -> list[Path]:
    urls = [mirror if isinstance(mirror, str) else mirror.url for mirror in mirrors]
    member = make_member(files, *urls)
    return obtain(member.name, member.files, member.mirrors, told)


def kept(told: Told) -> dict[str, bytes]:
    """All files under the downloads folder, whatever their name, but for the lock."""
    found = [path for path in told.downloads.rglob("*") if path.is_file() and path.name != ".lock"]
    return {path.name: path.read_bytes() for path in found}


def test_all_files_arrive_and_progress_goes_up_to_the_end(files: dict[str, bytes], good: Mirror, told: Told) -> None:
    paths = get(files, told, good)
    assert [path.name for path in paths] == list(NAMES)
    assert kept(told) == files
    fractions = [fraction for _, fraction in told.lines if fraction is not None]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert all(path.stat().st_mode & 0o077 == 0 for path in paths)


def test_what_is_there_is_not_fetched_again(files: dict[str, bytes], good: Mirror, told: Told) -> None:
    get(files, told, good)
    (told.downloads / "small-mnist" / IMAGES).write_bytes(b"damaged")
    good.fetched.clear()
    get(files, told, good)
    assert good.fetched == [IMAGES]
    assert kept(told) == files


def test_a_cut_line_leads_to_the_next_mirror(files: dict[str, bytes], good: Mirror, bad: Mirror, told: Told) -> None:
    bad.cut[IMAGES] = 70_000
    get(files, told, bad, good)
    assert IMAGES in bad.fetched
    assert IMAGES in good.fetched
    assert kept(told) == files


@pytest.mark.parametrize("cut", [0, 1, 70_000])
def test_cut_everywhere_is_one_line_and_leaves_nothing_half(
    files: dict[str, bytes], bad: Mirror, told: Told, cut: int
) -> None:
    bad.cut = dict.fromkeys(NAMES, cut)
    with pytest.raises(RunError, match=r"^small-mnist is not on this machine .*\(connection cut\)") as caught:
        get(files, told, bad)
    assert "\n" not in str(caught.value)
    assert kept(told) == {}


def test_wrong_content_is_refused(files: dict[str, bytes], good: Mirror, bad: Mirror, told: Told) -> None:
    bad.files[IMAGES] = bytes(len(files[IMAGES]))
    with pytest.raises(RunError, match="SHA-256 differs"):
        get(files, told, bad)
    assert kept(told) == {}
    get(files, told, bad, good)
    assert kept(told) == files


def test_a_silent_mirror_is_passed_over(
    files: dict[str, bytes], good: Mirror, bad: Mirror, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad.silent = True
    monkeypatch.setattr(network, "SECONDS", 3.0)
    with pytest.raises(RunError, match=r"no answer within 3 s|timed out"):
        get(files, told, bad)
    get(files, told, bad, good)
    assert bad.fetched == []
    assert kept(told) == files


def test_a_mirror_without_the_files_is_passed_over(files: dict[str, bytes], bad: Mirror, told: Told) -> None:
    bad.files.clear()
    with pytest.raises(RunError, match="HTTP 404"):
        get(files, told, bad)


def test_no_network_names_the_hosts_and_both_ways_out(files: dict[str, bytes], told: Told) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        away = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(RunError) as caught:
            get(files, told, f"http://{away}", f"http://{away}/data")
    line = str(caught.value)
    assert line.count(f"{away} (connection refused)") == 2
    assert "--data-dir" in line
    assert line.endswith("or train on the embedded digits: --dataset digits")
    assert kept(told) == {}


def test_cancel_leaves_nothing_half_written(files: dict[str, bytes], good: Mirror, told: Told) -> None:
    told.cancel_at = 0.3
    with pytest.raises(KeyboardInterrupt):
        get(files, told, good)
    assert kept(told) == {}
    told.cancel_at = 2.0
    get(files, told, good)
    assert kept(told) == files


def test_leftovers_of_a_killed_download_are_cleared(files: dict[str, bytes], good: Mirror, told: Told) -> None:
    leftover = told.downloads / "small-mnist" / ".tmp-killed"
    leftover.mkdir(parents=True)
    (leftover / "part").write_bytes(b"half")
    get(files, told, good)
    assert kept(told) == files
    assert not leftover.exists()


def test_two_runs_download_once(files: dict[str, bytes], good: Mirror, tmp_path: Path) -> None:
    both = [Told(None, (), tmp_path / "downloads") for _ in range(2)]
    threads = [threading.Thread(target=get, args=(files, told, good)) for told in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(good.fetched) == sorted(NAMES)
    assert kept(both[0]) == files


def test_reachable_tells_whether_any_mirror_answers(good: Mirror, bad: Mirror) -> None:
    bad.silent = True
    assert not network.reachable([f"{bad.url}/{IMAGES}"], 0.2)
    assert network.reachable([f"{bad.url}/{IMAGES}", f"{good.url}/{IMAGES}"], 3.0)
    assert not network.reachable([f"{good.url}/none"], 10.0)
    assert network.answered(f"{good.url}/none", 10.0)


def test_a_folder_that_the_system_does_not_look_into_has_nothing(
    files: dict[str, bytes], good: Mirror, tmp_path: Path
) -> None:
    """A name that is too long stands for a folder that cannot be entered."""
    away = Path("/" + "a" * 300)
    told = Told(None, (away,), tmp_path / "downloads")
    get(files, told, good)
    assert kept(told) == files
    with pytest.raises(RunError, match=r"--data-dir /a+ is not a folder; put the official files"):
        get(files, Told(away, (away,), tmp_path / "downloads"), good)
