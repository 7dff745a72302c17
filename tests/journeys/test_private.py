"""Nothing of a run is open to others: no port, no file that others may read, nothing unpickled."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import dltui
from tests.journeys.program import Program
from tests.journeys.test_detach import SLOW, terminal

PICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
LOADERS = {("torch", "load"), ("keras", "load_model"), ("models", "load_model"), ("saving", "load_model")}


def family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


@pytest.mark.slow
def test_neither_worker_nor_screen_listens(program: Program) -> None:
    screen = terminal(program, "train", "softmax-numpy", *SLOW)
    live = program.wait("r", lambda live: live.step > 5)
    processes = family(screen.pid) + family(live.pid)
    assert len(processes) >= 2
    listening = [found for one in processes for found in one.net_connections("all") if found.status == "LISTEN"]
    sockets = [found for one in processes for found in one.net_connections("inet")]
    assert not listening
    assert not sockets
    program("kill", "r")
    screen.close(force=True)


def loads(path: Path) -> Iterator[str]:
    """Where a file could unpickle something. `torch.load` with weights_only=True takes tensors alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    safe = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call) and _only_weights(node)]
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name.partition(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(node.module or "").partition(".")[0]]
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            if not (isinstance(node.value, ast.Constant) and node.value.value is False):
                yield f"{path}:{node.value.lineno} allow_pickle"
        elif isinstance(node, ast.Attribute) and _loader(node) and node not in safe:
            yield f"{path}:{node.lineno} {ast.unparse(node)}"
        for name in PICKLES.intersection(names):
            yield f"{path}:{node.lineno} {name}"  # type: ignore[attr-defined]


def _only_weights(call: ast.Call) -> bool:
    given = [word.value for word in call.keywords if word.arg == "weights_only"]
    return any(isinstance(value, ast.Constant) and value.value is True for value in given)


def _loader(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and (node.value.id, node.attr) in LOADERS


def test_nothing_is_ever_unpickled(tmp_path: Path) -> None:
    files = list(Path(dltui.__file__).parent.rglob("*.py"))
    assert len(files) > 200
    assert [found for file in files for found in loads(file)] == []
    bad = tmp_path / "bad.py"
    bad.write_text(
        "import pickle\nfrom joblib import load\nimport torch\ntorch.load('x')\nnp.load(f, allow_pickle=x)\n"
    )
    assert len(list(loads(bad))) == 4
