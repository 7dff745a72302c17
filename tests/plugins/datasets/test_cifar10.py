"""CIFAR-10's archive: downloaded from a local server, read without unpacking, refused when anything in it is odd."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dltui.core.contract.config import DatasetOptions
from dltui.core.data import network
from dltui.core.data.arrays import checked
from dltui.core.errors import RunError
from dltui.plugins.datasets.cifar10 import DATASET, FOLDER, OFFICIAL, RECORD, TEST, TRAIN, Archive, dataset
from dltui.plugins.datasets.downloads.archive import read_files
from dltui.plugins.datasets.downloads.expected_file import KnownFile
from tests.helpers.marks import examples
from tests.helpers.mirror import Mirror, serve
from tests.helpers.small_family import Told

BATCH = 12
NAME = OFFICIAL.file.name
SIZES = dict.fromkeys((*TRAIN, TEST), BATCH * RECORD)


def batch(seed: int) -> bytes:
    records = np.random.default_rng(seed).integers(0, 256, (BATCH, RECORD), dtype=np.uint8)
    records[:, 0] = np.arange(BATCH) % 10
    return records.tobytes()


def entry(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.size, found.type, found.linkname = len(content), kind, link
    return found


def pack(*more: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """A small archive in the form of the official one, and what else a test puts into it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as archive:
        archive.addfile(entry(FOLDER, kind=tarfile.DIRTYPE))
        for seed, name in enumerate((*TRAIN, TEST)):
            archive.addfile(entry(name, batch(seed)), io.BytesIO(batch(seed)))
        for info, content in more:
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def known(content: bytes) -> KnownFile:
    return KnownFile(NAME, len(content), hashlib.sha256(content).hexdigest())


def written(folder: Path, content: bytes) -> Path:
    (folder / NAME).write_bytes(content)
    return folder / NAME


def test_it_is_downloaded_and_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "SECONDS", 0.5)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    content = pack()
    told = Told(None, (tmp_path / "downloads" / "cifar10",), tmp_path / "downloads")
    with serve(Mirror({NAME: content})) as mirror:
        small = dataset(Archive(known(content), (mirror.url,), BATCH))
        assert small.sources(DatasetOptions(), told.data_dirs) == []
        found = checked("classification", small.prepare(DatasetOptions(), told))
        assert small.sources(DatasetOptions(), told.data_dirs) == [tmp_path / "downloads" / "cifar10" / NAME]
        small.prepare(DatasetOptions(), told)
    assert mirror.fetched == [NAME]
    assert found.train[0].shape == (5 * BATCH, 32, 32, 3)
    assert found.test[1].tolist() == [number % 10 for number in range(BATCH)]
    # Red comes first in the file, and is the first channel.
    first = np.frombuffer(batch(0), dtype=np.uint8)[1:RECORD]
    assert found.train[0][0, :, :, 0].tobytes() == first[:1024].tobytes()
    assert found.train[0][0, :, :, 2].tobytes() == first[2048:].tobytes()


def test_another_content_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "SECONDS", 0.5)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    told = Told(None, (), tmp_path / "downloads")
    content = pack()
    with serve(Mirror({NAME: bytes(len(content))})) as mirror, pytest.raises(RunError, match="SHA-256 differs"):
        dataset(Archive(known(content), (mirror.url,), BATCH)).prepare(DatasetOptions(), told)
    assert [path.name for path in (tmp_path / "downloads" / "cifar10").iterdir()] == []


def test_the_catalog_entry_is_that_of_the_official_file() -> None:
    assert DATASET.train_size == 50_000
    assert DATASET.test_size == 10_000
    assert DATASET.urls == ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",)


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (entry(f"{FOLDER}/link", kind=tarfile.SYMTYPE, link="/etc/passwd"), "is a link"),
        (entry(f"{FOLDER}/link", kind=tarfile.LNKTYPE, link=TEST), "is a link"),
        (entry("../outside"), "leads out of it"),
        (entry(f"{FOLDER}/../../outside"), "leads out of it"),
        (entry("/etc/passwd"), "leads out of it"),
        (entry(f"{FOLDER}/device", kind=tarfile.CHRTYPE), "is not a regular file"),
        (entry(f"{FOLDER}/pipe", kind=tarfile.FIFOTYPE), "is not a regular file"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_one_odd_member_refuses_the_whole_archive(tmp_path: Path, info: tarfile.TarInfo, words: str) -> None:
    path = written(tmp_path, pack((info, b"")))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(RunError, match=f"is refused: .* {words}"):
        read_files(path, SIZES)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_archive_that_swells_is_refused(tmp_path: Path) -> None:
    zeros = bytes(16 << 20)
    path = written(tmp_path, pack((entry(f"{FOLDER}/zeros", zeros), zeros)))
    with pytest.raises(RunError, match="zeros in it is too large"):
        read_files(path, SIZES)


def test_a_header_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    info = entry(f"{FOLDER}/lie")
    info.size = 8 << 30
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        archive.addfile(info)
    with pytest.raises(RunError, match=r"is refused|cannot be unpacked"):
        read_files(written(tmp_path, out.getvalue()), SIZES)


@pytest.mark.parametrize("missing", [TEST, TRAIN[2]])
def test_a_missing_batch_is_named(tmp_path: Path, missing: str) -> None:
    path = written(tmp_path, pack())
    with pytest.raises(RunError, match="has no other"):
        read_files(path, {"other": 5})
    with pytest.raises(RunError, match=f"has no {missing} of 7 bytes"):
        read_files(path, {**SIZES, missing: 7})


PLAIN = gzip.decompress(pack())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(150))
@given(
    changes=st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), max_size=12),
    kept=st.integers(0, 60_000),
    packed=st.booleans(),
)
def test_any_bytes_are_read_or_refused(tmp_path: Path, changes: list[tuple[int, int]], kept: int, packed: bool) -> None:
    content = bytearray(PLAIN[:kept] if kept < 50_000 else PLAIN)
    for place, value in changes:
        if place < len(content):
            content[place] = value
    path = written(tmp_path, gzip.compress(content, 1) if packed else bytes(content))
    with contextlib.suppress(RunError):
        assert set(read_files(path, SIZES)) == set(SIZES)
    assert [found.name for found in tmp_path.iterdir()] == [NAME]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(100))
@given(st.binary(max_size=2_000))
def test_noise_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(RunError):
        read_files(written(tmp_path, content), SIZES)
