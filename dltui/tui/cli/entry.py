"""The entry point of `dltui`: without arguments on a terminal it opens the screen before the command line's own modules
are imported.
"""

from __future__ import annotations

import sys
from typing import NoReturn

from dltui.tui.cli.output import is_terminal, prepare_streams, warn


def main() -> NoReturn:
    """Entry point of the `dltui` script and of `python -m dltui`."""
    if len(sys.argv) == 1 and is_terminal():
        prepare_streams()
        sys.exit(_screen())
    from dltui.tui.cli.main import main as command_line

    command_line()


def _screen() -> int:
    import gc

    from dltui.core.errors import DltuiError

    # What is made until the first frame stays: looking through it for garbage only takes time.
    gc.disable()
    try:
        from dltui.tui.full_screen import run_app

        return run_app()
    except DltuiError as error:
        warn(f"dltui: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        from dltui.tui.cli.main import internal_error

        return internal_error(error)
