"""The commit protocol: whatever call fails or kills, a file is old or new, and the order of calls is the safe one."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from dltui.core import fs
from tests.helpers.faulty import FaultyFileSystem


def test_write_atomic_follows_the_protocol(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with fs.use(FaultyFileSystem()) as system:
        fs.write_atomic(path, b"content")
    assert isinstance(system, FaultyFileSystem)
    names = [name for name, _ in system.trace]
    assert names == ["open", "write", "fsync", "rename", "fsync"]
    assert path.read_bytes() == b"content"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
@pytest.mark.parametrize("torn", [False, True])
def test_a_failing_call_leaves_the_old_file_or_the_new(tmp_path: Path, code: int, torn: bool) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    codes = []
    for number in range(20):
        with fs.use(FaultyFileSystem(number, code, torn)):
            try:
                fs.write_atomic(path, b"the new content")
                break
            except OSError as error:
                codes.append(error.errno)
        assert path.read_bytes() in (b"old", b"the new content")
        assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
        path.write_bytes(b"old")
    assert codes == [code] * 5


def test_short_writes_are_continued(tmp_path: Path) -> None:
    class Slow(fs.FileSystem):
        def write(self, fd: int, data: bytes | memoryview) -> int:
            return super().write(fd, bytes(data[:3]))

    with fs.use(Slow()):
        fs.write_atomic(tmp_path / "file", bytes(range(100)))
    assert (tmp_path / "file").read_bytes() == bytes(range(100))


def test_a_folder_is_synced_before_it_gets_its_name(tmp_path: Path) -> None:
    temp, final = tmp_path / ".temp", tmp_path / "final"
    temp.mkdir()
    for name in "ab":
        (temp / name).write_bytes(name.encode())
    with fs.use(FaultyFileSystem()) as system:
        fs.commit_dir(temp, final)
    assert isinstance(system, FaultyFileSystem)
    names = [name for name, _ in system.trace]
    assert names == ["open", "fsync", "open", "fsync", "fsync", "rename", "fsync"]
    assert sorted(entry.name for entry in final.iterdir()) == ["a", "b"]


def test_removing_a_folder_does_not_follow_links(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    gone = tmp_path / "gone"
    (gone / "inner").mkdir(parents=True)
    (gone / "inner" / "file").touch()
    (gone / "link").symlink_to(kept)
    fs.remove_dir(gone)
    assert not gone.exists()
    assert (kept / "file").exists()


def test_the_file_system_comes_back_after_use() -> None:
    before = fs.FS
    with pytest.raises(RuntimeError), fs.use(FaultyFileSystem()):
        raise RuntimeError
    assert fs.FS is before


def test_what_counts_as_a_full_disk(tmp_path: Path) -> None:
    assert all(fs.is_disk_full(OSError(code, "")) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
    assert not fs.is_disk_full(OSError(errno.EIO, ""))
    assert not fs.is_disk_full(ValueError())
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(OSError) as caught:
        fs.append_all(full.fileno(), b"x")
    assert fs.is_disk_full(caught.value)
    assert fs.free_bytes(tmp_path) > 0
    assert fs.is_temp(fs.temp_name(tmp_path / "x").name)
    assert not fs.is_temp("x")
    assert os.fspath(fs.temp_name(tmp_path / "x").parent) == str(tmp_path)


def test_a_disk_that_tells_of_no_size_is_not_taken_for_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 <= fs.free_bytes(tmp_path) < fs.NO_LIMIT
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_blocks=0, f_bavail=0, f_frsize=512))
    assert fs.free_bytes(tmp_path) == fs.NO_LIMIT


def test_a_folder_changes_with_all_that_is_below_it(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "file").touch()
    for path, when in ((inner / "file", 300), (inner, 200), (inner.parent, 200), (tmp_path, 100)):
        os.utime(path, (when, when))
    assert fs.changed(tmp_path) == 300
