"""Kills what is around a worker with SIGKILL: its processes, forks, the drawing of figures, a series of runs.

    python -m tests.faults.kills_around torch|tensorflow [--kills N] [--kind KIND ...] [--seed N] [--bugs]

`--kills` are shared by the kinds. Half of them come at a random time, half just before a random call of the file
system. After each the state that is shown must be true; then dltui goes on in the way that it names, and must end as
if nobody had killed anything. PyTorch's workers are forked from this process, TensorFlow's start anew. `--bugs` plants
a bug for each kind.

Exit code 0: nothing was lost. 1: something was. With --bugs: 0 when each bug was found.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest import mock

from tests.faults.around.figures import Figures
from tests.faults.around.fork import Fork
from tests.faults.around.kind import Kind, Table
from tests.faults.around.series import Series
from tests.faults.around.tree import Tree
from tests.faults.planted import AROUND
from tests.faults.scene import Scene

KINDS: tuple[type[Kind], ...] = (Tree, Fork, Figures, Series)


def find_bugs(make: Callable[[], Scene], kinds: Sequence[type[Kind]], kills: int) -> int:
    """Plant a bug for each kind; how many were not found."""
    missed = 0
    for kind in kinds:
        name, plant = AROUND[kind.name]
        there = kind(make())
        with plant():
            table = there.kill(kills, most_faults=1)
        missed += not table.faults
        first = table.faults[0] if table.faults else "NOT FOUND"
        print(f"{name}: {first[:150]} ({table.kills} kills)", flush=True)  # noqa: T201
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("framework", choices=("torch", "tensorflow"))
    parser.add_argument("--kills", type=int, default=240)
    parser.add_argument("--kind", action="append", choices=[kind.name for kind in KINDS])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bugs", action="store_true")
    arguments = parser.parse_args()
    kinds = [kind for kind in KINDS if kind.name in (arguments.kind or kind.name)]
    tables = []
    with tempfile.TemporaryDirectory() as folder:
        places = {"DLTUI_HOME": f"{folder}/home", "DLTUI_CACHE": f"{folder}/cache"}
        with mock.patch.dict(os.environ, {**places, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}):
            scene = Scene(arguments.framework, Path(folder), arguments.seed)
            if arguments.bugs:
                return 1 if find_bugs(lambda: scene, kinds, arguments.kills) else 0
            for number, kind in enumerate(kinds):
                share = (arguments.kills + number) // len(kinds)
                tables.append(kind(scene).kill(share))
                print("\n".join([*tables[-1].faults[:20], f"{tables[-1]}"]), flush=True)  # noqa: T201
    faults = [fault for table in tables for fault in table.faults]
    heading = " ".join(f"{name:>9}" for name in Table.NAMES)
    print("\n".join([heading, *map(str, tables)]), flush=True)  # noqa: T201
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
