"""The shape of the code: no import circles, folders that a reader can take in, and a sentence in front of each.

Who may import whom is import-linter's (`lint-imports`, pyproject.toml); it knows floors, not circles inside of one."""

from __future__ import annotations

import ast
import graphlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import grimp

import dltui

ROOT = Path(dltui.__file__).parent
LARGEST_FOLDER = 14


def circle(imports: Mapping[str, set[str]]) -> list[str]:
    """Modules that import one another in a circle; [] when there are none."""
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = grimp.build_graph("dltui", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(imports) > 300
    assert circle(imports) == []
    assert circle({**imports, "dltui.core.fs": {"dltui.tui.app"}}), "a wrong import is found"


def test_a_folder_has_few_modules() -> None:
    sizes = Counter(path.parent for path in ROOT.rglob("*.py") if path.name != "__init__.py")
    # One module a subcommand: who looks for a command knows its name.
    del sizes[ROOT / "tui" / "cli" / "commands"]
    assert {str(folder): size for folder, size in sizes.items() if size > LARGEST_FOLDER} == {}


def test_every_module_and_folder_opens_with_a_sentence() -> None:
    silent = [path for path in ROOT.rglob("*.py") if not opens_with_a_sentence(path.read_text())]
    assert [str(path) for path in silent] == []
    assert not opens_with_a_sentence("import os")


def opens_with_a_sentence(source: str) -> bool:
    words = ast.get_docstring(ast.parse(source)) or ""
    return words.split("\n\n")[0].rstrip().endswith((".", ":", "`"))
