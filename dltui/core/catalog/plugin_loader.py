"""Loads plugins into this process, each entry point separately: a failure becomes a reason, the others stay."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, ExtensionFileLoader, FileFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pluggy

from dltui.core import ownership
from dltui.core.catalog.sources import Source, imported_beside
from dltui.core.contract.hooks import HOOKS, PROJECT, Hooks
from dltui.core.errors import DltuiError, PluginError
from dltui.core.text import clean_line

if TYPE_CHECKING:
    from dltui.core.contract import Backend, Dataset, Exporter, Logger, Model
    from dltui.core.contract.families import Family
    from dltui.core.contract.launchers import Launcher


PACKAGES = {"site-packages", "dist-packages"}
"""Names of folders with installed packages."""


@dataclass(frozen=True)
class Failure:
    """The reason why an entry point, or one of its items, cannot be used. `missing` is the absent package, if any."""

    where: str
    reason: str
    missing: str = ""


@dataclass
class Loaded:
    """The items of a source, and its errors."""

    models: list[Model] = field(default_factory=list)
    families: list[Family] = field(default_factory=list)
    backends: list[Backend] = field(default_factory=list)
    datasets: list[Dataset] = field(default_factory=list)
    exporters: list[Exporter] = field(default_factory=list)
    loggers: list[Logger] = field(default_factory=list)
    launchers: list[Launcher] = field(default_factory=list)
    errors: list[Failure] = field(default_factory=list)


def load(source: Source | Mapping[str, Any]) -> Loaded:
    """Import a source and call its hooks. Whatever it raises, even SystemExit, becomes an error entry."""
    source = source if isinstance(source, Source) else Source.from_json(source)
    # Not as the user has set Keras up for other work: a file may import it before its backend can say so.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    loaded = Loaded()
    for name, get in _parts(source):
        try:
            hooks = _register(name, get())
        except BaseException as error:
            loaded.errors.append(explain(name, error))
            continue
        for hook in HOOKS:
            _call(hooks, hook, name, loaded)
    return loaded


def load_model(source: Mapping[str, Any], model_id: str) -> Model:
    """The model of this source, or the member FAMILY:NAME of a family. Raises PluginError when the source does not give
    it (any more).
    """
    family, colon, name = model_id.partition(":")
    if colon:
        return load_family(source, family).model(name)
    model: Model = _find(source, "model", model_id, lambda loaded: loaded.models, lambda model: model.id)
    return model


def load_family(source: Mapping[str, Any], name: str) -> Family:
    """The family of this source. Raises PluginError when the source does not give it (any more)."""
    family: Family = _find(source, "family", name, lambda loaded: loaded.families, lambda family: family.name)
    return family


def load_backend(source: Mapping[str, Any], framework: str) -> Backend:
    """The backend of this source. Raises PluginError when the source does not give it (any more)."""
    found: Backend = _find(source, "backend", framework, lambda loaded: loaded.backends, lambda item: item.framework)
    return found


def load_dataset(source: Mapping[str, Any], name: str) -> Dataset:
    """The dataset of this source. Raises PluginError when the source does not give it (any more)."""
    dataset: Dataset = _find(source, "dataset", name, lambda loaded: loaded.datasets, lambda dataset: dataset.name)
    return dataset


def sources_of(dataset: Dataset, options: Any, folders: Sequence[Path]) -> list[Path] | None:
    """The files that a dataset would read, as it names them. Raises PluginError for anything but paths."""
    found = dataset.sources(options, tuple(folders))
    if found is None:
        return None
    paths = list(found) if isinstance(found, Iterable) and not isinstance(found, (str, bytes)) else [None]
    if not all(isinstance(path, (str, Path)) for path in paths):
        told = f"sources of dataset {dataset.name} returned {clean_line(repr(found), 100)}"
        raise PluginError(f"{told}; return a list of paths, [] where there are none, None for data without files")
    return [Path(path) for path in paths]


def load_logger(source: Mapping[str, Any], name: str) -> Logger:
    """The logger of this source. Raises PluginError when the source does not give it (any more)."""
    logger: Logger = _find(source, "logger", name, lambda loaded: loaded.loggers, lambda logger: logger.name)
    return logger


def load_launcher(source: Mapping[str, Any], name: str) -> Launcher:
    """The launcher of this source. Raises PluginError when the source does not give it (any more)."""
    found: Launcher = _find(source, "launcher", name, lambda loaded: loaded.launchers, lambda launcher: launcher.name)
    return found


def explain(where: str, error: BaseException) -> Failure:
    """A one-line failure for an exception of a plugin, with the line of the plugin's own code that raised it."""
    missing = ""
    if isinstance(error, DltuiError):
        text = str(error) + (_line(error) if isinstance(error, ImportError) else "")
    elif isinstance(error, SyntaxError):
        place = f" in {_file(error.filename)} line {error.lineno}" if error.filename else ""
        text = f"syntax error{place}: {error.msg}"
    elif isinstance(error, SystemExit):
        text = f"called sys.exit({'' if error.code is None else repr(error.code)[:40]}) while loading"
    elif isinstance(error, ImportError) and str(error.name).startswith(f"{PROJECT}."):
        what = _first_line(error).split(" (")[0]
        text = f"{what}{_line(error)}; what a plugin needs comes from dltui itself: from dltui import ..."
    elif isinstance(error, ModuleNotFoundError) and error.name:
        missing = error.name.split(".")[0]
        text = f"needs the module {error.name}, which is not installed{_line(error)}"
    else:
        text = f"{type(error).__name__}: {_first_line(error)}".rstrip(": ") + _line(error)
    return Failure(clean_line(where, 100), clean_line(text, 300), clean_line(missing, 100))


def _parts(source: Source) -> Iterable[tuple[str, Callable[[], object]]]:
    if source.kind == "file":
        path = Path(source.path or "")
        return [(source.name, partial(_import_file, path))]
    return [(name, partial(_import_entry, value)) for name, value in source.entry_points]


def _import_entry(value: str) -> object:
    module, _, attribute = value.partition(":")
    found: Any = importlib.import_module(module)
    for name in filter(None, attribute.split(".")):
        found = getattr(found, name)
    return found


class _AsItIs(SourceFileLoader):
    """Compiles a file anew each time: kept bytecode holds for another content of the same size that was written within
    the same second.
    """

    def path_stats(self, path: Any) -> Mapping[str, Any]:
        raise OSError


def _import_file(path: Path) -> ModuleType:
    """Import a file as a module with a unique name, registered in `sys.modules`, where pydantic looks up
    annotations.
    """
    name = f"dltui_plugin_{hashlib.sha256(str(path).encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    problem = ownership.code_refusal(path)
    if problem:
        raise PluginError(problem)
    if path.suffix not in SOURCE_SUFFIXES:
        raise PluginError(f"{path} is not a Python file")
    spec = importlib.util.spec_from_file_location(name, path, loader=_AsItIs(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    # Files beside it can be imported. Last, so that none of them hides a module of Python or of a package.
    folder = str(path.parent)
    if folder not in sys.path and not ownership.keeps_others_out(path.parent):
        sys.path.append(folder)
        modules = FileFinder(folder, (ExtensionFileLoader, EXTENSION_SUFFIXES), (_AsItIs, SOURCE_SUFFIXES))
        sys.path_importer_cache[folder] = modules
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _register(name: str, plugin: object) -> pluggy.PluginManager:
    """A plugin manager with this plugin alone, because pluggy stops at the first that raises."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    manager.register(plugin, name)
    try:
        # Without this a misspelled hook would stay silent.
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(f"{_first_line(error).split(' in plugin')[0]}; hooks are {', '.join(HOOKS)}") from None
    if not any(getattr(manager.hook, hook).get_hookimpls() for hook in HOOKS):
        raise PluginError(f"has no hook; mark one of {', '.join(HOOKS)} with @hookimpl")
    return manager


def _call(manager: pluggy.PluginManager, hook: str, where: str, loaded: Loaded) -> None:
    """Call a hook of a plugin and keep the valid items."""
    caller = getattr(manager.hook, hook)
    if not caller.get_hookimpls():
        return
    kind = hook.removeprefix(f"{PROJECT}_")
    try:
        # One by one: pluggy itself leaves out what returns None.
        for implementation in caller.get_hookimpls():
            given = implementation.function()
            if given is None:
                raise PluginError(f"{hook} returned None; end it with return [...]")
            if not isinstance(given, (list, tuple)):
                raise PluginError(f"{hook} must return a list, it returned {type(given).__name__}")
            for item in given:
                problem = _misfit(kind, item)
                if problem:
                    loaded.errors.append(Failure(clean_line(where, 100), clean_line(f"{hook}: {problem}", 300)))
                else:
                    getattr(loaded, kind).append(item)
    except BaseException as error:
        loaded.errors.append(explain(where, error))


def _misfit(kind: str, item: object) -> str:
    """The error of an item that is not of its kind; "" when it is valid."""
    from dltui.core.contract import Dataset, Exporter, Logger, Model
    from dltui.core.contract.families import Family
    from dltui.core.contract.launchers import Launcher

    kinds: dict[str, type] = {"models": Model, "families": Family, "datasets": Dataset, "exporters": Exporter}
    wanted = (kinds | {"loggers": Logger, "launchers": Launcher}).get(kind)
    if wanted and not isinstance(item, wanted):
        return f"a {type(item).__name__} in the list is no {wanted.__name__}"
    if kind == "backends":
        texts = [name for name in ("framework", "title", "package", "install") if not _is_text(item, name)]
        methods = [name for name in ("trainable", "layers", "devices") if not callable(getattr(item, name, None))]
        if inspect.isclass(item):
            return f"the class {item.__name__} in the list must be an object of it"
        if texts or methods:
            return f"a backend needs {', '.join(texts + methods)}"
    return ""


def _is_text(item: object, name: str) -> bool:
    value = getattr(item, name, None)
    return isinstance(value, str) and bool(value)


def _find(
    source: Mapping[str, Any],
    kind: str,
    name: str,
    items: Callable[[Loaded], list[Any]],
    key: Callable[[Any], object],
) -> Any:
    """Load one entry point after the other until one gives the item, so that a broken neighbor does no harm."""
    whole = Source.from_json(source)
    points = whole.entry_points or ((whole.name, ""),)
    failures: list[Failure] = []
    for point in points:
        loaded = load({**whole.to_json(), "entry_points": [point]})
        for item in items(loaded):
            if key(item) == name:
                return item
        failures += loaded.errors
    reason = f": {failures[0].where}: {failures[0].reason}" if failures else ""
    raise PluginError(f"plugin {clean_line(whole.name, 80)} does not give the {kind} {name}{reason}")


def _first_line(error: BaseException) -> str:
    try:
        return str(error).strip().split("\n", 1)[0]
    except BaseException:
        # A plugin's __str__ may raise.
        return "(no text)"


def line_of(function: Callable[..., Any] | None) -> str:
    """The place of a plugin's function, ` (net.py line 3)`; "" where it is not known."""
    code = getattr(getattr(function, "func", function), "__code__", None)
    return f" ({clean_line(Path(code.co_filename).name, 60)} line {code.co_firstlineno})" if code else ""


def line_in_plugin(error: BaseException, source: Mapping[str, Any]) -> str:
    """` (net.py line 3)`: the innermost line of a plugin's own code; "" where none is in the traceback."""
    roots = _roots(source)
    seen: BaseException | None = error
    while seen is not None:
        for frame in reversed(traceback.extract_tb(seen.__traceback__, limit=-200)):
            if frame.filename.startswith(roots):
                return f" ({_file(frame.filename)} line {frame.lineno})"
        seen = seen.__cause__ or seen.__context__
    return ""


def is_raised_by(error: BaseException, source: Mapping[str, Any]) -> bool:
    """True if a plugin's own code raised the error, and not code that it called."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and frames[-1].filename.startswith(_roots(source))


def _roots(source: Mapping[str, Any]) -> tuple[str, ...]:
    """The path prefixes of a plugin's code: its file and those beside it, or its packages and modules."""
    if source.get("path"):
        path = Path(str(source["path"]))
        # Of folders only packages that it imports: not what a virtual environment beside it has.
        return tuple(str(file) for file in (*path.parent.glob("*.py"), *imported_beside(path)))
    names = {str(value).split(":")[0] for _, value in source.get("entry_points") or ()}
    return tuple(root for name in sorted(names) if (root := _root(name)))


def _root(name: str) -> str:
    """The path prefix of the code of a module's outermost package, of a module outside packages its file; "" where it
    is not loaded. A namespace package has code of others beside it, and is passed over.
    """
    parts = name.split(".")
    loaded = (sys.modules.get(".".join(parts[:count])) for count in range(1, len(parts) + 1))
    file = next((file for module in loaded if (file := getattr(module, "__file__", None))), "")
    return f"{Path(file).parent}{os.sep}" if Path(file).name == "__init__.py" else file


def _line(error: BaseException) -> str:
    """` (net.py line 3)`: the innermost line outside Python and dltui, of no installed package where there is one."""
    own = (str(Path(__file__).parents[1]), str(Path(traceback.__file__).parent), str(Path(pluggy.__file__).parent))
    frames = traceback.extract_tb(error.__traceback__, limit=-50)
    there = [frame for frame in reversed(frames) if not frame.filename.startswith((*own, "<frozen"))]
    nearest = next((frame for frame in there if not PACKAGES.intersection(Path(frame.filename).parts)), None)
    frame = nearest or next(iter(there), None)
    return f" ({_file(frame.filename)} line {frame.lineno})" if frame else ""


def _file(path: str | None) -> str:
    return Path(path or "?").name
