"""Anything at all in any file that dltui reads: a DltuiError in one line or a sane answer, and no file elsewhere."""

from __future__ import annotations

import gzip
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dltui.core import paths
from dltui.core.catalog.fields import check_values
from dltui.core.catalog.schema import field_specs
from dltui.core.contract.config import TrainConfig
from dltui.core.errors import DltuiError
from dltui.core.reading.reader import RunReader
from dltui.core.reading.summary import summary_row
from dltui.core.rundir import checkpoint, commands
from dltui.core.rundir.checksum import sealed
from dltui.core.rundir.directory import RunDirectory
from dltui.core.rundir.heartbeat import Live, read_live
from dltui.core.rundir.log import encode
from dltui.core.settings import read_tables
from dltui.plugins.datasets.downloads.idx import read_idx
from tests.helpers.sample_run import make_sample_run

fuzz = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], database=None)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([10**400, -(10**4000), 1e308, -0.0, "1e999", "\x1b[2J", "\ud800", "a" * 10_000])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = field_specs(TrainConfig)
NAMES = [spec.name for spec in FIELDS]


def mutate(whole: bytes, changes: list[tuple[int, bytes]], size: int | None) -> bytes:
    """Some places overwritten, the end cut off."""
    found = bytearray(whole)
    for place, piece in changes:
        at = place % (len(found) + 1)
        found[at : at + len(piece)] = piece
    return bytes(found if size is None else found[: size % (len(found) + 1)])


changes = st.lists(st.tuples(st.integers(0, 1 << 20), st.binary(min_size=1, max_size=8)), max_size=6)
sizes = st.none() | st.integers(0, 1 << 20)


def one_line(action: Callable[[], Any]) -> Any:
    """What the action gives, or None when it refuses as it should."""
    try:
        return action()
    except DltuiError as error:
        text = str(error)
        assert text
        assert not set(text) & set("\n\r\x1b"), text
        assert "Traceback" not in text
        return None


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    run = make_sample_run(tmp_path_factory.mktemp("sample"), epochs=2)
    shutil.rmtree(run.control_dir)
    run.control_dir.mkdir()
    return run


@given(st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=10), values, max_size=5))
@fuzz
def test_configs(given_values: dict[str, Any]) -> None:
    found = one_line(lambda: check_values(FIELDS, given_values, "model m"))
    if found is not None:
        # What the flags let through the model accepts.
        TrainConfig.model_validate(found)


@given(st.sampled_from(FIELDS), st.text(max_size=30) | st.sampled_from(["1e999", "9" * 5000, "nan", "0x10", "1_0"]))
@fuzz
def test_typed_values(field: Any, text: str) -> None:
    one_line(lambda: field.parse(text))


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@fuzz
def test_settings_files(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "dltui.toml"
    file.write_bytes(content)
    one_line(lambda: read_tables(file))


@given(changes, sizes, st.booleans())
@fuzz
def test_idx_files(tmp_path: Path, changes: list[tuple[int, bytes]], size: int | None, inside: bool) -> None:
    whole = bytes([0, 0, 8, 2, 0, 0, 0, 5, 0, 0, 0, 7]) + bytes(range(35))
    content = gzip.compress(mutate(whole, changes, size)) if inside else mutate(gzip.compress(whole), changes, size)
    path = tmp_path / "images.gz"
    path.write_bytes(content)
    found = one_line(lambda: read_idx(path))
    assert found is None or found.dtype == np.uint8


@given(st.sampled_from([checkpoint.ARRAYS, checkpoint.LOOP_STATE]), st.binary(max_size=64), changes, sizes)
@example(checkpoint.LOOP_STATE, b"[" * 100_000, [], None)
@example(checkpoint.LOOP_STATE, b'{"loop_state": 5}', [], None)
@example(checkpoint.ARRAYS, (1 << 62).to_bytes(8, "little") + b"{}", [], None)
@fuzz
def test_checkpoints_whose_seals_are_right(
    tmp_path: Path, sample: RunDirectory, file: str, new: bytes, changes: list[tuple[int, bytes]], size: int | None
) -> None:
    """Somebody else's files: bytes are checked by the manifest, which anybody can write."""
    source = checkpoint.list_checkpoints(sample)[-1]
    place = tmp_path / source.name
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(source, place)
    content = mutate((source / file).read_bytes(), changes, size) if changes else new
    (place / file).write_bytes(content)
    manifest = json.loads((place / checkpoint.MANIFEST).read_bytes())
    manifest["files"][file] = checkpoint._describe(content)
    (place / checkpoint.MANIFEST).write_text(json.dumps(sealed(manifest)))
    found = one_line(lambda: checkpoint.load(place))
    assert found is None or (isinstance(found[0], dict) and isinstance(found[1], dict))


@given(st.dictionaries(st.sampled_from(["format", "files", "best_step", "step", "best"]), values, max_size=5))
@fuzz
def test_manifests_whose_seals_are_right(tmp_path: Path, manifest: dict[str, Any]) -> None:
    run = RunDirectory(tmp_path / "r")
    place = run.checkpoints_dir / "a01-step-00000001"
    place.mkdir(parents=True, exist_ok=True)
    (place / checkpoint.MANIFEST).write_text(json.dumps(sealed(manifest)))
    for action in (lambda: checkpoint.load(place), lambda: checkpoint.load_best(run), lambda: checkpoint.prune(run)):
        one_line(action)


@st.composite
def records(draw: st.DrawFn, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """A record as the worker writes it, with fields of other kinds or without some."""
    record = dict(draw(st.sampled_from(lines)))
    for name in draw(st.lists(st.sampled_from(sorted(record)), max_size=3)):
        record[name] = draw(values)
    for name in draw(st.lists(st.sampled_from(sorted(record)), max_size=1)):
        del record[name]
    return record


@given(st.data())
@fuzz
def test_event_logs(tmp_path: Path, sample: RunDirectory, data: st.DataObject) -> None:
    lines = [json.loads(line) for line in sample.events_path.read_bytes().splitlines()]
    for line in lines:
        del line["crc"]
    made = data.draw(st.lists(records(lines), max_size=6))
    run = RunDirectory(tmp_path / "r")
    run.path.mkdir(exist_ok=True)
    shutil.copy(sample.run_json, run.run_json)
    content = b"".join(encode(record) for record in made)
    if data.draw(st.booleans()):
        content = mutate(content, data.draw(changes), data.draw(sizes))
    run.events_path.write_bytes(content)
    reader = RunReader(run)
    row = summary_row(reader)
    json.dumps(row, allow_nan=False)
    assert reader.status().name
    _ = reader.history.best, reader.history.train_seconds, reader.history.elapsed, reader.history.lr_changes


@given(st.binary(max_size=100), changes, sizes)
@fuzz
def test_predictions(sample: RunDirectory, new: bytes, changes: list[tuple[int, bytes]], size: int | None) -> None:
    run = RunDirectory(sample.path.with_name("p"))
    run.predictions_dir.mkdir(parents=True, exist_ok=True)
    whole = (sample.predictions_dir / "test.npz").read_bytes()
    (run.predictions_dir / "test.npz").write_bytes(mutate(whole, changes, size) if changes else new)
    one_line(lambda: RunReader(run).predictions("test"))


def test_predictions_that_would_run_code(sample: RunDirectory) -> None:
    run = RunDirectory(sample.path.with_name("evil"))
    run.predictions_dir.mkdir(parents=True)
    buffer = io.BytesIO()
    np.savez(buffer, ids=np.array([print], dtype=object))
    (run.predictions_dir / "test.npz").write_bytes(buffer.getvalue())
    assert one_line(lambda: RunReader(run).predictions("test")) is None


@given(st.dictionaries(st.sampled_from(["format", "id", "config", "created", "device"]), values) | values)
@fuzz
def test_what_was_asked(tmp_path: Path, content: Any) -> None:
    run = RunDirectory(tmp_path / "r")
    run.path.mkdir(exist_ok=True)
    run.run_json.write_text(json.dumps(content))
    one_line(lambda: RunDirectory(run.path).run())
    json.dumps(summary_row(RunReader(RunDirectory(run.path))), allow_nan=False)


@given(st.dictionaries(st.sampled_from(list(Live.__dataclass_fields__)), values) | values, st.booleans())
@fuzz
def test_heartbeats(tmp_path: Path, content: Any, filled: bool) -> None:
    base = {"host": "h", "boot_id": "b", "pid": 1, "start_ticks": 1, "attempt": 1, "phase": "training"}
    base |= {"phase_since": 1.0, "time": 1.0}
    content = base | content if filled and isinstance(content, dict) else content
    (tmp_path / "live.json").write_text(json.dumps(content))
    found = read_live(tmp_path)
    assert found is None or isinstance(found, Live)
    assert RunReader(tmp_path).status().name


@given(st.binary(max_size=100) | values.map(lambda value: json.dumps(value).encode()))
@fuzz
def test_commands(sample: RunDirectory, content: bytes) -> None:
    (sample.control_dir / f"{7:020d}-00000000.json").write_bytes(content)
    for command in commands.take(sample.path):
        commands.done(command)
    for path in sample.control_dir.iterdir():
        path.unlink()


@given(st.text(max_size=80) | st.sampled_from(["../x", "/abs", "", ".", "..", "a\0b", "a/b", "a" * 256, "~", "-x"]))
@fuzz
def test_names_write_nothing_outside_the_home(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    with mock.patch.dict("os.environ", {"DLTUI_HOME": str(home)}):
        run = one_line(lambda: RunDirectory.create(name, {"created": 0.0}))
        assert run is None or run.path.parent == paths.runs_dir()
    assert [entry.name for entry in tmp_path.iterdir()] == ["home"]
    assert {entry.name for entry in home.iterdir()} <= {"runs"}
    shutil.rmtree(home)
