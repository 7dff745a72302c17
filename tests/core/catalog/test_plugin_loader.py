"""Plugins load one by one in this process: what is broken has a reason, what a run names is found beside it."""

import importlib
import os
import py_compile
import sys
from pathlib import Path

import pytest

from dltui.core.catalog import plugin_loader
from dltui.core.catalog.sources import Source
from dltui.core.contract import Dataset
from dltui.core.contract.config import DatasetOptions
from dltui.core.errors import PluginError
from tests.helpers.installations import MODEL

FAKE = Path(__file__).parents[2] / "fakes" / "fake_plugin.py"


def source(path: Path) -> Source:
    return Source("file", path.name, path=str(path))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """A distribution with a good, a broken and a dangerous entry point."""
    names = {
        "manager_good": MODEL.format(id="good", framework="numpy"),
        "manager_bad": "raise ValueError('no')",
        "manager_exit": "import sys; sys.exit(1)",
        "manager_object": "class Plugins:\n    pass\n\nclass Holder:\n    plugin = Plugins()\n",
    }
    for name, code in names.items():
        (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    points = (("bad", "manager_bad"), ("exit", "manager_exit"), ("good", "manager_good"))
    return Source("distribution", "some-plugin", "1.0", points)


def test_a_whole_plugin() -> None:
    loaded = plugin_loader.load(source(FAKE))
    assert [model.id for model in loaded.models] == ["softmax-numpy", "linear-regression-numpy"]
    assert [backend.framework for backend in loaded.backends] == ["numpy"]
    assert [dataset.name for dataset in loaded.datasets] == ["blobs", "slope"]
    assert loaded.errors == []


def test_broken_entry_points_leave_the_others(package: Source) -> None:
    loaded = plugin_loader.load(package)
    assert [model.id for model in loaded.models] == ["good"]
    assert [(failure.where, failure.reason) for failure in loaded.errors] == [
        ("bad", "ValueError: no (manager_bad.py line 1)"),
        ("exit", "called sys.exit(1) while loading"),
    ]


def test_a_run_finds_its_model_beside_broken_ones(package: Source) -> None:
    assert plugin_loader.load_model(package.to_json(), "good").id == "good"
    with pytest.raises(PluginError, match=r"^plugin some-plugin does not give the model other: bad: ValueError: no"):
        plugin_loader.load_model(package.to_json(), "other")


def test_backends_and_datasets_by_name() -> None:
    record = source(FAKE).to_json()
    assert plugin_loader.load_backend(record, "numpy").title == "NumPy"
    assert plugin_loader.load_dataset(record, "blobs").classes == 3
    with pytest.raises(PluginError, match=r"does not give the backend torch$"):
        plugin_loader.load_backend(record, "torch")
    with pytest.raises(PluginError, match="does not give the dataset nothing"):
        plugin_loader.load_dataset(record, "nothing")


def test_a_file_is_imported_once() -> None:
    first = plugin_loader.load_model(source(FAKE).to_json(), "softmax-numpy")
    assert plugin_loader.load_model(source(FAKE).to_json(), "softmax-numpy").config is first.config


def test_a_file_that_failed_is_no_module(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text("raise ValueError")
    assert plugin_loader.load(source(file)).errors
    file.write_text(MODEL.format(id="late", framework="numpy"))
    assert plugin_loader.load(source(file)).models[0].id == "late"


def test_a_file_with_postponed_annotations(tmp_path: Path) -> None:
    """pydantic looks names up in the module, which therefore must be where modules are."""
    file = tmp_path / "net.py"
    code = MODEL.format(id="late", framework="numpy").replace("    pass", '    way: Literal["a", "b"] = "a"')
    file.write_text("from __future__ import annotations\nfrom typing import Literal\n" + code)
    (model,) = plugin_loader.load(source(file)).models
    assert model.config.model_validate({"way": "b"}).model_dump()["way"] == "b"


def test_missing_attribute_of_an_entry_point(package: Source) -> None:
    points = (("a", "manager_object:Holder.nothing"), ("b", "manager_object:Holder.plugin"))
    loaded = plugin_loader.load(Source("distribution", "x", entry_points=points))
    assert [failure.reason.split(";")[0] for failure in loaded.errors] == [
        "AttributeError: type object 'Holder' has no attribute 'nothing'",
        "has no hook",
    ]


def test_a_missing_module_is_named() -> None:
    loaded = plugin_loader.load(Source("distribution", "x", entry_points=(("a", "no_such_framework.inside"),)))
    (failure,) = loaded.errors
    assert failure.missing == "no_such_framework"
    assert failure.reason == "needs the module no_such_framework, which is not installed"


def load_text(tmp_path: Path, text: str, name: str = "net.py") -> plugin_loader.Loaded:
    (tmp_path / name).write_text(text)
    return plugin_loader.load(source(tmp_path / name))


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("from dltui.core.dataset_options import DatasetOptions", "No module named 'dltui.core.dataset_options'"),
        ("from dltui.core.contract import Nothing", "cannot import name 'Nothing' from 'dltui.core.contract'"),
    ],
)
def test_inner_modules_that_moved_are_named(tmp_path: Path, line: str, what: str) -> None:
    (failure,) = load_text(tmp_path, f"{line}\n", "moved.py").errors
    assert failure.reason == (
        f"{what} (moved.py line 1); what a plugin needs comes from dltui itself: from dltui import ..."
    )
    assert failure.missing == ""


def test_a_hook_without_a_return_is_named(tmp_path: Path) -> None:
    text = "from dltui import hookimpl\n@hookimpl\ndef dltui_models():\n    []\n"
    assert [failure.reason for failure in load_text(tmp_path, text).errors] == [
        "dltui_models returned None; end it with return [...]"
    ]


def test_kept_bytecode_of_a_file_beside_it_does_not_hide_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    beside, plugin = tmp_path / "besides_of_mine.py", tmp_path / "mine.py"
    beside.write_text("value = 1\n")
    at = beside.stat().st_mtime
    py_compile.compile(str(beside))
    beside.write_text("value = 2\n")
    os.utime(beside, (at, at))
    plugin.write_text("import besides_of_mine\n")
    assert plugin_loader._import_file(plugin).besides_of_mine.value == 2


def test_files_beside_a_file_can_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But hide no module of Python's or of a package."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "blocks_beside.py").write_text("SIZE = 3\n")
    (tmp_path / "json.py").write_text("raise ValueError('not this one')\n")
    for name in ("json", "blocks_beside"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    text = "import json\nfrom blocks_beside import SIZE\njson.dumps(SIZE)\n" + MODEL.format(
        id="good", framework="numpy"
    )
    loaded = load_text(tmp_path, text)
    assert loaded.errors == []
    assert [model.id for model in loaded.models] == ["good"]


def test_the_line_is_of_the_plugin_and_not_of_a_package_that_it_calls(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "strict.py"
    package.parent.mkdir()
    package.write_text("def check(text):\n    raise AttributeError(text)\n")
    plugin = tmp_path / "calls.py"
    plugin.write_text(
        f"import sys\nsys.path.insert(0, {str(package.parent)!r})\nimport strict\n"
        "del sys.path[0]\nstrict.check('nope')\n"
    )
    (failure,) = plugin_loader.load(Source("file", "calls.py", path=str(plugin))).errors
    assert failure.reason == "AttributeError: nope (calls.py line 5)"


def test_the_line_of_a_plugin_that_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The innermost one of its own, also in a file beside it and behind an error that dltui made of it."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "helper_lines.py").write_text("import json\n\ndef parse(text):\n    return json.loads(text)\n")
    code = "import helper_lines\n\ndef build(config, spec):\n    return helper_lines.parse('{')\n"
    load_text(tmp_path, code)
    module = next(m for m in sys.modules.values() if getattr(m, "__file__", None) == str(tmp_path / "net.py"))
    try:
        module.build(None, None)
    except ValueError as error:
        caught: Exception = error
    record = source(tmp_path / "net.py").to_json()
    assert plugin_loader.line_in_plugin(caught, record) == " (helper_lines.py line 4)"
    behind = PluginError("of it")
    behind.__cause__ = caught
    assert plugin_loader.line_in_plugin(behind, record) == " (helper_lines.py line 4)"
    assert plugin_loader.line_in_plugin(ValueError("elsewhere"), record) == ""


def test_a_package_beside_a_file_that_it_imports_is_its_own_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But not what a virtual environment beside it has."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("blocks_of_mine", "venv_of_mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("def parse(text):\n    raise ValueError(text)\n")
    load_text(tmp_path, "import blocks_of_mine\n", "packed.py")
    record = source(tmp_path / "packed.py").to_json()
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, line in (("blocks_of_mine", " (__init__.py line 2)"), ("venv_of_mine", "")):
        with pytest.raises(ValueError, match="x") as caught:
            importlib.import_module(name).parse("x")
        # Without the frame of this test.
        error = caught.value.with_traceback(caught.value.__traceback__.tb_next)  # type: ignore[union-attr]
        assert plugin_loader.line_in_plugin(error, record) == line
        assert plugin_loader.is_raised_by(error, record) is bool(line)


def reading(files: object) -> Dataset:
    return Dataset("d", "classification", "", DatasetOptions, lambda *_: None, lambda *_: files)  # type: ignore[arg-type,return-value]


def test_sources_are_paths() -> None:
    assert plugin_loader.sources_of(reading(["/a/b", Path("c")]), None, ()) == [Path("/a/b"), Path("c")]
    assert plugin_loader.sources_of(reading(()), None, ()) == []
    assert plugin_loader.sources_of(reading(None), None, ()) is None
    for wrong in ("/a/b", Path("c"), 3, [None]):
        with pytest.raises(PluginError, match=r"^sources of dataset d returned .*; return a list of paths, "):
            plugin_loader.sources_of(reading(wrong), None, ())


@pytest.mark.parametrize(
    ("files", "point", "line"),
    [
        (
            ("acme_of_mine/nets/__init__.py", "acme_of_mine/nets/model.py"),
            "acme_of_mine.nets.model",
            " (model.py line 2)",
        ),
        (("acme_of_mine/model.py",), "acme_of_mine.model:plugin", " (model.py line 2)"),
        (("module_of_mine.py",), "module_of_mine", " (module_of_mine.py line 2)"),
    ],
)
def test_the_code_of_a_namespace_package_or_a_module_is_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: tuple[str, ...], point: str, line: str
) -> None:
    """But not what another plugin has in the same namespace."""
    code = "def build(config, spec):\n    raise ValueError('x')\n"
    for name in (*files, "acme_of_mine/other.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith(("acme_of_mine", "module_of_mine"))]:
        monkeypatch.delitem(sys.modules, name)
    record = Source("distribution", "acme", entry_points=(("lab", point),)).to_json()
    for module, place in ((point.split(":")[0], line), ("acme_of_mine.other", "")):
        with pytest.raises(ValueError, match="x") as caught:
            importlib.import_module(module).build(None, None)
        error = caught.value.with_traceback(caught.value.__traceback__.tb_next)  # type: ignore[union-attr]
        assert plugin_loader.line_in_plugin(error, record) == place
        assert plugin_loader.is_raised_by(error, record) is bool(place)
