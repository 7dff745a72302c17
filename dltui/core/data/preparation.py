"""The worker's side of data preparation: a child process that decodes the dataset into memory-mapped arrays."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from dltui.core.errors import RunError

if TYPE_CHECKING:
    from dltui.core.contract import Data


class Preparation:
    """A running preparation. It starts at once, while the framework is being imported; `data` waits for it."""

    def __init__(self, asked: Mapping[str, Any], python: str = sys.executable, stderr: int | None = None) -> None:
        """Start the child. `asked` is run.json; the child's other output goes to `stderr`."""
        with tempfile.TemporaryFile() as question:
            question.write(json.dumps(asked).encode())
            question.seek(0)
            self._child = _start(python, question, stderr)
        self._has_log = stderr != subprocess.DEVNULL
        self.folder: Path | None = None
        """The folder of the prepared data, once it is there."""

    @classmethod
    def before_run(cls, asked: Mapping[str, Any], python: str) -> Preparation:
        """Start a preparation of the data that run.json would describe as `asked`; the child's other output is not
        shown.
        """
        return cls(asked, python, subprocess.DEVNULL)

    def cancel(self) -> None:
        """End the child; it leaves nothing half-written."""
        self._child.terminate()

    def wait(self) -> None:
        """Wait for the end of the child."""
        self._child.wait()

    def data(self, tell: Callable[[str], None]) -> Data:
        """Wait for the child, passing its progress to `tell`. Raises RunError with its one line when it fails."""
        from dltui.core.data.prepared import load_prepared

        answer: dict[str, object] = {}
        assert self._child.stdout is not None
        for line in self._child.stdout:
            try:
                answer = json.loads(line)
            except ValueError:
                continue
            if "progress" in answer:
                fraction = answer.get("fraction")
                percent = f" {100 * fraction:.0f} %" if isinstance(fraction, (int, float)) else ""
                tell(f"{answer['progress']}{percent}")
        code = self._child.wait()
        if "prepared" in answer and code == 0:
            self.folder = Path(str(answer["prepared"]))
            return load_prepared(self.folder)
        log = "; see worker.log" if self._has_log else ""
        problem = answer.get("error") or f"data preparation ended with code {code}{log}"
        remedy = answer.get("remedy")
        raise RunError(str(problem), remedy if isinstance(remedy, dict) else None)


def _start(python: str, stdin: IO[bytes], stderr: int | None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [python, "-P", "-m", "dltui.core.data.prepare_process", "-"],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        encoding="utf-8",
        errors="backslashreplace",
    )
