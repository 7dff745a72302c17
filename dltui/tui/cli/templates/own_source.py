"""Takes constants, functions and classes out of a module of dltui's, as the text that a script alone contains."""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from types import ModuleType

CLEANING = ("ELLIPSIS", "_HIDDEN", "_JOINER", "_SPACE", "clean", "clean_line", "_escape")
"""What `clean_line` of `dltui.core.text` is made of; it needs `re`."""


def parts(module: ModuleType, names: Collection[str]) -> str:
    """The text of these constants, functions and classes of a module, in the order that they have there."""
    source = inspect.getsource(module)
    lines, found = source.split("\n"), ""
    for node in ast.parse(source).body:
        if _name(node) in names:
            is_long = isinstance(node, (ast.FunctionDef, ast.ClassDef))
            first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
            found += "\n\n" * is_long + "\n".join(lines[first - 1 : node.end_lineno]) + "\n"
    return found


def _name(node: ast.stmt) -> str:
    """The name that a statement gives to a constant, a function or a class; "" for any other."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return node.name
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    return target.id if isinstance(target, ast.Name) else ""
