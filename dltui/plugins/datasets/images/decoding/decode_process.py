"""Reads images into rows in a process of its own: batches come as lines of JSON on stdin, answers go to stdout.

It ends when stdin does, so that nothing is left of a preparation that was killed.
"""

from __future__ import annotations

import json
import signal
import sys
import warnings
from dataclasses import asdict

from dltui.core.errors import RunError
from dltui.plugins.datasets.images.decoding.rows import Batch, write


def main() -> int:
    # A Ctrl+C of the terminal is for the process that gives the work.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        try:
            answer = asdict(write(Batch.from_json(json.loads(line))))
        except RunError as error:
            answer = {"error": str(error)}
        except OSError as error:
            answer = {"errno": error.errno, "strerror": error.strerror, "filename": error.filename}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
