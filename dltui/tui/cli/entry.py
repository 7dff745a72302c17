"""The entry point of `dltui`: the full screen, and the far side of one, open before the command line's own modules are
imported. What is made while a program starts stays: looking through it for garbage would only take time.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import NoReturn

from dltui.tui.cli.output import is_terminal, prepare_streams, warn

SERVE, READ_ONLY = "serve-stdio", "--read-only"


def main() -> NoReturn:
    """Entry point of the `dltui` script and of `python -m dltui`."""
    words = sys.argv[1:]
    if not words and is_terminal():
        _run(_screen)
    if words[:1] == [SERVE] and words[1:] in ([], [READ_ONLY]):
        _run(lambda: _far_side(len(words) > 1))
    from dltui.tui.cli.main import main as command_line

    command_line()


def _screen() -> int:
    # Until the first frame.
    gc.disable()
    from dltui.tui.full_screen import run_app

    return run_app()


def _far_side(read_only: bool) -> NoReturn:
    gc.disable()
    from dltui.tui.cli.hosts.far_side import serve

    gc.freeze()
    gc.enable()
    serve(read_only)


def _run(work: Callable[[], int]) -> NoReturn:
    """Be a process that does this, whose errors are lines."""
    from dltui.core.errors import DltuiError

    prepare_streams()
    try:
        code = work()
    except DltuiError as error:
        warn(f"dltui: {error}")
        code = error.exit_code
    except KeyboardInterrupt:
        code = 130
    except Exception as error:
        from dltui.tui.cli.main import internal_error

        code = internal_error(error)
    sys.exit(code)
