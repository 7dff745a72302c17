"""Preparation: made once, found again at once, the same whoever makes it, and never left half-made."""

from __future__ import annotations

import errno
import importlib
import os
import shutil
import sys
import threading
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dltui.core import fs, paths
from dltui.core.catalog import plugin_loader
from dltui.core.contract import Arrays, Dataset, PreparationContext
from dltui.core.contract.config import DatasetOptions
from dltui.core.data import image_file, prepare_process, prepared
from dltui.core.data.exclusive import unused
from dltui.core.data.prepare_process import prepare
from dltui.core.data.prepared import is_intact, load_prepared
from dltui.core.errors import DltuiError, RunError


class Made:
    """A dataset plugin that counts how often it is asked."""

    def __init__(self, sources: list[Path] | None = None) -> None:
        self.files = sources
        self.calls = 0
        self.arrays = Arrays(
            (np.random.default_rng(0).integers(0, 256, (100, 4, 4)).astype(np.uint8), np.arange(100) % 2),
            (np.zeros((20, 4, 4), np.uint8), np.arange(20) % 2),
            ("cat", "dog"),
        )

    def prepare(self, options: DatasetOptions, context: PreparationContext) -> Arrays:
        self.calls += 1
        return self.arrays

    def sources(self, options: DatasetOptions, folders: object) -> list[Path] | None:
        return self.files

    @property
    def dataset(self) -> Dataset:
        return Dataset("made", "classification", "", DatasetOptions, self.prepare, self.sources)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Made:
    plugin = Made()
    monkeypatch.setenv("DLTUI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(plugin_loader, "load_dataset", lambda source, name: plugin.dataset)
    return plugin


def ask(**options: Any) -> dict[str, Any]:
    return {"dataset": "made", "dataset_source": {}, "dataset_options": options, "data_dirs": []}


def silent(text: str, fraction: float | None = None) -> None:
    pass


def cached() -> list[str]:
    """Names in the cache of prepared data, but for the locks."""
    return sorted(path.name for path in (paths.cache_dir() / "datasets").iterdir() if path.suffix != ".lock")


def test_rows_and_ids_belong_together(made: Made) -> None:
    found = load_prepared(prepare(ask(validation=0.2), silent))
    assert (len(found.train), len(found.validation), len(found.test)) == (80, 20, 20)
    x, y = made.arrays.train
    for split in (found.train, found.validation):
        assert np.array_equal(split.x[..., 0], x[split.ids])
        assert np.array_equal(split.y, y[split.ids])
    assert sorted([*found.train.ids, *found.validation.ids]) == list(range(100))
    assert found.test.ids.tolist() == list(range(20))
    assert found.spec.classes == ("cat", "dog")
    assert found.spec.mean == pytest.approx((x[found.train.ids].mean(),))
    assert isinstance(found.train.x, np.memmap)
    assert not found.train.x.flags.writeable


def test_what_is_prepared_is_found_again(made: Made) -> None:
    first = prepare(ask(), silent)
    assert prepare(ask(), silent) == first
    assert made.calls == 1
    assert cached() == [first.name]
    assert {path.stat().st_mode & 0o077 for path in (first, *first.iterdir())} == {0}


def test_other_options_or_files_are_other_data(made: Made, tmp_path: Path) -> None:
    first = prepare(ask(), silent)
    other = prepare(ask(split_seed=1), silent)
    assert other != first
    assert load_prepared(other).fingerprint != load_prepared(first).fingerprint
    source = tmp_path / "source"
    source.write_bytes(b"1")
    made.files = [source]
    with_file = prepare(ask(), silent)
    os.utime(source, ns=(0, 0))
    assert len({first, other, with_file, prepare(ask(), silent)}) == 4


def test_a_file_that_can_be_read_at_last_is_other_data(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its permission or its decoder came, and the file is the same."""
    photo = tmp_path / "photo.heic"
    photo.write_bytes(b"1")
    made.files = [photo]
    found = []
    for may, formats in ((False, ("PNG",)), (True, ("PNG",)), (True, ("PNG", "HEIF"))):
        with monkeypatch.context() as patch:
            photo.chmod(0o600 if may else 0)
            patch.setattr(image_file, "formats", lambda formats=formats: formats)
            found.append(prepare(ask(), silent))
    assert len(set(found)) == made.calls == 3


def test_a_corrected_file_beside_the_code_is_other_data(tmp_path: Path) -> None:
    (tmp_path / "rows_beside.py").write_text("SIZE = 3\n")
    (tmp_path / "data.py").write_text("import rows_beside\ndef prepare(options, context): ...\n")
    names: dict[str, Any] = {}
    exec(compile((tmp_path / "data.py").read_text().split("\n", 1)[1], str(tmp_path / "data.py"), "exec"), names)
    dataset = Dataset("mine", "classification", "", DatasetOptions, names["prepare"], lambda options, folders: None)
    before = prepare_process._code(dataset, {})
    assert prepare_process._code(dataset, {}) == before != ""
    (tmp_path / "rows_beside.py").write_text("SIZE = 4\n")
    assert prepare_process._code(dataset, {}) != before


RINGS = """
from functools import lru_cache, partial
from tests.core.data.test_prepare import elsewhere
from ..common import draw

def prepare(options, context): ...

class Rings:
    def __call__(self, options, context): ...

WAYS = {
    "function": prepare,
    "partial": partial(prepare, 3),
    "kept": lru_cache(prepare),
    "decorated": elsewhere(prepare),
    "object": Rings(),
    "partial of an object": partial(Rings(), 3),
}
"""


def elsewhere(function: Any) -> Any:
    """A decorator that is defined in another file than what it decorates."""

    @wraps(function)
    def wrapped(*given: Any) -> Any:
        return function(*given)

    return wrapped


@pytest.mark.parametrize("way", ["function", "partial", "kept", "decorated", "object", "partial of an object"])
def test_a_corrected_file_of_the_package_is_other_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """However `prepare` is made, and wherever in the package the file is."""
    package = tmp_path / "ringed"
    (package / "datasets").mkdir(parents=True)
    texts = {"__init__.py": "", "datasets/__init__.py": "", "datasets/rings.py": RINGS, "common.py": "draw = 1\n"}
    for name, text in texts.items():
        (package / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("ringed", "ringed.common", "ringed.datasets", "ringed.datasets.rings"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    ways = importlib.import_module("ringed.datasets.rings").WAYS
    dataset = Dataset("mine", "classification", "", DatasetOptions, ways[way], lambda options, folders: None)
    seen = {prepare_process._code(dataset, {"name": "ringed"})}
    for name in ("datasets/rings.py", "common.py"):
        (package / name).write_text(texts[name] + "# corrected\n")
        seen.add(prepare_process._code(dataset, {"name": "ringed"}))
    assert "" not in seen
    assert len(seen) == 3
    (package / "unused.py").write_text("")
    assert prepare_process._code(dataset, {"name": "ringed"}) in seen


def test_another_version_of_a_plugin_is_other_data(made: Made) -> None:
    """Of dltui's own datasets the version counts anyway, and nothing of it twice."""
    found = {}
    for name, version in (("mine", "1.0"), ("mine", "1.1"), ("dltui", "1.0"), ("dltui", "1.1")):
        found[name, version] = prepare({**ask(), "dataset_source": {"name": name, "version": version}}, silent)
    assert found["mine", "1.0"] != found["mine", "1.1"]
    assert found["dltui", "1.0"] == found["dltui", "1.1"]


def test_the_fingerprint_is_of_the_content_alone(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_prepared(prepare(ask(), silent)).fingerprint
    made.files = []
    second = load_prepared(prepare(ask(), silent))
    assert second.fingerprint == first == prepared.fingerprint(second)
    made.files = None
    made.arrays = Arrays(made.arrays.train, made.arrays.test, ("cat", "cow"))
    monkeypatch.setenv("DLTUI_CACHE", str(paths.cache_dir() / "other"))
    assert load_prepared(prepare(ask(), silent)).fingerprint != first


def test_chunks_do_not_change_the_data(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_prepared(prepare(ask(), silent)).fingerprint
    monkeypatch.setenv("DLTUI_CACHE", str(paths.cache_dir() / "other"))
    monkeypatch.setattr("dltui.core.tasks.numbers.CHUNK_BYTES", 40)
    fractions: list[float | None] = []
    found = load_prepared(prepare(ask(), lambda text, fraction=None: fractions.append(fraction)))
    assert found.fingerprint == first
    assert len(fractions) > 30
    assert fractions[-1] == 1.0


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "meta", "file"])
def test_damaged_data_is_made_again(made: Made, damage: str) -> None:
    path = prepare(ask(), silent)
    whole = load_prepared(path).fingerprint
    array = path / "train_x.npy"
    if damage == "flip":
        content = bytearray(array.read_bytes())
        content[-3] ^= 1
        array.write_bytes(content)
    elif damage == "truncate":
        os.truncate(array, 500)
    elif damage == "remove":
        array.unlink()
    elif damage == "meta":
        (path / "meta.json").write_text("{")
    else:
        path.rename(path.with_name("aside"))
        path.write_text("not a folder")
    assert not is_intact(path)
    assert prepare(ask(), silent) == path
    assert load_prepared(path).fingerprint == whole
    assert made.calls == 2


def test_loading_damaged_data_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is damaged") as caught:
        load_prepared(tmp_path)
    assert "\n" not in str(caught.value)


def test_runs_that_start_together_prepare_once(made: Made) -> None:
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(prepare(ask(), silent))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert made.calls == 1
    assert is_intact(found[0])


def test_without_locks_who_comes_second_takes_what_is_there(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare_process, "PATIENCE", -1.0)
    real = made.prepare

    def slow(options: DatasetOptions, context: PreparationContext) -> Arrays:
        # Another run prepares the same while this one is at it.
        if made.calls == 0:
            made.calls += 1
            made.prepare = real  # type: ignore[method-assign]
            winner.append(prepare(ask(), silent))
        return real(options, context)

    winner: list[Path] = []
    monkeypatch.setattr(prepare_process, "_code", lambda dataset, plugin: "")
    made.prepare = slow  # type: ignore[method-assign]
    assert prepare(ask(), silent) == winner[0]
    assert cached() == [winner[0].name]
    assert is_intact(winner[0])


def test_leftovers_of_a_killed_preparation_are_cleared(made: Made) -> None:
    path = prepare(ask(), silent)
    leftover = path.with_name(f".{path.name}-killed")
    path.rename(leftover)
    # Its lock, which nobody holds any more.
    path.with_name(f".{path.name}{prepare_process.LOCK}").touch()
    assert prepare(ask(), silent) == path
    assert cached() == [path.name]


def test_the_folder_of_a_preparation_at_work_is_no_leftover(made: Made) -> None:
    """Who has waited long enough works without the lock, while its holder finishes."""
    path = prepare(ask(), silent)
    working = path.with_name(f".{path.name}-working")
    path.rename(working)
    with unused(working):
        prepare(ask(), silent)
        assert working.is_dir()
    path.with_name(f".{path.name}{prepare_process.LOCK}").touch()
    prepare(ask(validation=0.2), silent)
    assert not working.exists()


def test_a_preparation_holds_its_folder(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    real, free = made.arrays, []

    def making(options: DatasetOptions, context: PreparationContext) -> Arrays:
        with unused(context.scratch.parent) as found:
            free.append(found)
        return real

    monkeypatch.setattr(made, "prepare", making)
    prepare(ask(), silent)
    assert free == [False]


def test_the_reader_of_images_is_part_of_the_key(made: Made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = prepare(ask(), silent)
    (tmp_path / "image_file.py").write_text("corrected = True")
    monkeypatch.setattr(prepared, "__file__", str(tmp_path / "prepared.py"))
    assert prepare(ask(), silent) != before


def test_a_full_disk_leaves_nothing(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = fs.append_all, []

    def full(fd: int, content: bytes) -> None:
        calls.append(fd)
        if len(calls) > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(fd, content)

    leftover = prepare(ask(), silent)
    # Of two preparations that were killed, of this data and of other data.
    for name in (leftover.name, "other-abc"):
        shutil.copytree(leftover, leftover.with_name(f".{name}-killed"))
        leftover.with_name(f".{name}{prepare_process.LOCK}").touch()
    shutil.rmtree(leftover)
    monkeypatch.setattr(fs, "append_all", full)
    with pytest.raises(OSError, match="No space left") as caught:
        prepare(ask(), silent)
    assert prepare_process._explain(caught.value, {}).startswith("disk full while preparing data in ")
    assert cached() == []


def test_cancel_leaves_nothing(made: Made) -> None:
    def cancel(text: str, fraction: float | None = None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(ask(), cancel)
    assert cached() == []


@pytest.mark.parametrize(
    ("options", "words"),
    [({"validation": 1.5}, "validation must be"), ({"color": "red"}, "there is no option 'color'")],
)
def test_wrong_options_are_one_line(made: Made, options: dict[str, Any], words: str) -> None:
    with pytest.raises(DltuiError, match=f"dataset made: {words}"):
        prepare(ask(**options), silent)


def test_wrong_data_names_the_dataset(made: Made) -> None:
    made.arrays = Arrays(made.arrays.train, made.arrays.test, ("cat",))
    with pytest.raises(RunError, match=r"^dataset made: classification needs at least two classes"):
        prepare(ask(), silent)
    assert cached() == []


def test_only_an_explicit_folder_is_looked_in_when_there_is_one(made: Made, tmp_path: Path) -> None:
    inside, elsewhere = tmp_path / "given" / "made", tmp_path / "elsewhere"
    asked = {**ask(), "data_dirs": [str(inside), str(tmp_path / "given"), str(elsewhere)]}
    context = prepare_process._context({**asked, "data_dir": str(tmp_path / "given")}, silent)
    assert context.data_dirs == (inside, tmp_path / "given")
    assert context.data_dir == tmp_path / "given"
    context = prepare_process._context(asked, silent)
    assert context.data_dir is None
    assert context.data_dirs[:3] == (inside, tmp_path / "given", elsewhere)
    assert context.data_dirs[-1] == context.downloads / "made"
