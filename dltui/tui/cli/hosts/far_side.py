"""Serves this host's runs to the screen of another host over standard input and output."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from dltui.core.hosts.serve import Server
from dltui.tui.base.services import Services
from dltui.tui.cli.hosts.answers import SLOW, Answers


def serve(read_only: bool) -> NoReturn:
    """Answer until the other side has gone, and end this process."""
    read, write = os.dup(0), os.dup(1)
    # Nothing that is printed by accident may come between the answers, nor any child read the questions.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout.flush()
    services = Services(read_only)
    Server(Answers(services, read_only).operations(), SLOW, read_only).serve(read, write)
    # A thread that still works on an answer has nobody to give it to.
    os._exit(0)
