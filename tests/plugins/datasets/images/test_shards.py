"""shards:PATTERN: images in tar archives, read where they lie."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dltui.core.data.image_file import UnreadableError
from dltui.core.errors import RunError
from dltui.plugins.datasets.images import items
from dltui.plugins.datasets.images.options import ShardOptions
from dltui.plugins.datasets.images.shards import find, list_shards, preview
from tests.helpers.own_data import left_in_cache, prepared


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLTUI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DLTUI_CACHE", raising=False)
    return tmp_path / "home"


def image(seed: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()


def write(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def samples(numbers: range, kind: str = "cls") -> dict[str, bytes]:
    files = {}
    for number in numbers:
        files[f"x/{number:04d}.png"] = image(number)
        label = str(number % 2) if kind == "cls" else json.dumps({"label": "ab"[number % 2]})
        files[f"x/{number:04d}.{kind}"] = label.encode()
    return files


@pytest.mark.parametrize("kind", ["cls", "json"])
def test_archives_are_divided_like_folders(tmp_path: Path, kind: str) -> None:
    for shard in range(2):
        write(tmp_path / "s" / f"{shard:03d}.tar", samples(range(10 * shard, 10 * shard + 10), kind))
    data = prepared("shards", path=str(tmp_path / "s"))
    assert data.spec.classes == (("0", "1") if kind == "cls" else ("a", "b"))
    assert [len(data.train), len(data.validation), len(data.test)] == [14, 2, 4]
    assert data.train.names is not None
    for name, x, y in zip(data.train.names, data.train.x, data.train.y, strict=True):
        number = int(name.decode()[-8:-4])
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(image(number)))), x)
        assert y == number % 2
    assert data.notes == ("images of 2 archives",)
    assert dict(preview(ShardOptions(path=str(tmp_path / "s"))).classes) == dict.fromkeys(data.spec.classes, 10)


def test_parts_are_known_by_their_names(tmp_path: Path) -> None:
    write(tmp_path / "train-000.tar", samples(range(8)))
    write(tmp_path / "val" / "0.tar", samples(range(8, 12)))
    write(tmp_path / "test-0.tar", samples(range(12, 14)))
    found = list_shards(str(tmp_path))
    assert {split: len(rows) for split, rows in found.splits.items()} == {"train": 8, "validation": 4, "test": 2}


def test_patterns(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / f"a-{number:02d}.tar", samples(range(2)))
    assert len(find(str(tmp_path / "a-{00..02}.tar"))) == 3
    assert len(find(str(tmp_path / "*-0[01].tar"))) == 2
    with pytest.raises(RunError, match=r"a-03.tar is not there \(2 of 5 archives are missing\)"):
        find(str(tmp_path / "a-{00..04}.tar"))
    with pytest.raises(RunError, match="nothing is there of this name"):
        find(str(tmp_path / "b*.tar"))
    (tmp_path / "none").mkdir()
    with pytest.raises(RunError, match=r"it has no .tar files"):
        find(str(tmp_path / "none"))


def test_what_lacks_a_part_is_counted(tmp_path: Path) -> None:
    files = samples(range(8))
    del files["x/0003.cls"], files["x/0004.png"], files["x/0005.png"]
    files |= {"x/0006.cls": b"", "readme.txt": b"x", "x/0000.txt": b"a caption"}
    write(tmp_path / "a.tar", files)
    found = list_shards(str(tmp_path))
    assert len(found.samples) == 4
    (_, note) = found.notes
    assert note == "samples left out: 2 without a class, 3 without an image; the first is a.tar: x/0003"


def test_one_number_in_two_writings_is_one_class(tmp_path: Path) -> None:
    kinds = (b"1", b"1.0", b" 1\n", b"01", b"12345678901234567", b"12345678901234568")
    files = samples(range(12)) | {f"x/{number:04d}.cls": kinds[number % 6] for number in range(12)}
    write(tmp_path / "a.tar", files | {"x/0000.cls": b"nan"})
    found = list_shards(str(tmp_path))
    assert found.classes == ("01", "1", "12345678901234567", "12345678901234568")
    assert found.notes[1] == "samples left out: 1 without a class; the first is a.tar: x/0000"


def test_archives_that_systems_and_programs_keep_are_none(tmp_path: Path) -> None:
    write(tmp_path / "s" / "a.tar", samples(range(8)))
    for hidden in ("__MACOSX/a.tar", ".cache/a.tar", "._a.tar"):
        write(tmp_path / "s" / hidden, {"1.png": image(1)})
    assert find(str(tmp_path / "s")) == [str(tmp_path / "s" / "a.tar")]


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.tar", samples(range(20)) | {"x/0003.png": b"no image"})
    data = prepared("shards", path=str(tmp_path))
    assert data.notes[1:] == ("unreadable and left out: 1 of 20 images", "a.tar/x/0003.png: not an image")


def test_archives_that_cannot_be_read(tmp_path: Path) -> None:
    whole = write(tmp_path / "a" / "a.tar", samples(range(8)))
    whole.write_bytes(whole.read_bytes()[:3_000])
    write(tmp_path / "b" / "a.tar", samples(range(8)), "w:gz")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "a.tar").write_bytes(b"no archive" * 100)
    write(tmp_path / "d" / "train.tar", samples(range(8)))
    write(tmp_path / "d" / "test.tar", {"1.png": image(1), "1.cls": b"7"})
    for folder, words in {
        "a": r"a.tar is cut off in x/\d+|a.tar cannot be read: unexpected end of data",
        "b": "a.tar is compressed; unpack it first",
        "c": "a.tar cannot be read: ",
        "d": "test.tar: 1: '7' in the test part is a class that the train part does not have",
    }.items():
        with pytest.raises(RunError, match=words):
            prepared("shards", path=str(tmp_path / folder))
    assert left_in_cache(tmp_path / "home") == []


def test_an_archive_that_is_damaged_in_its_middle_is_not_read_short(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tar", samples(range(8)))
    with tarfile.open(path) as archive:
        place = archive.getmember("x/0004.png").offset
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"\xff" * 512)
    with pytest.raises(RunError, match=r"a.tar is damaged after x/0003.cls; make or copy it again"):
        list_shards(str(path))


def test_the_plain_image_of_a_key_is_taken(tmp_path: Path) -> None:
    files: dict[str, bytes] = {}
    for number in range(8):
        files[f"{number}.mask.png"] = image(100)
        files |= {f"{number}.png": image(number), f"{number}.json": json.dumps({"label": number % 2}).encode()}
    path = write(tmp_path / "a.tar", files | {"8.png": image(8), "8.json": b"[" * 100_000})
    found = list_shards(str(path))
    assert {source.name for source, _ in found.samples if not isinstance(source, str)} == {
        f"a.tar/{number}.png" for number in range(8)
    }
    assert found.notes[1].startswith("samples left out: 8 beside another image, 1 without a class; the first is")


def test_a_part_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    with pytest.raises(UnreadableError, match="larger than 1 GiB"):
        items.opened(items.Part(str(tmp_path / "x"), 0, (1 << 30) + 1, "x"))
