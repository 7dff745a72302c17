"""Runs several modules of checks in one process, as importing a framework takes longer than most of them:
`python -m tests.plugins.one_process MODULE CHECK... , MODULE CHECK...`.
"""

import runpy
import sys
from itertools import groupby

if __name__ == "__main__":
    words = sys.argv[1:]
    for is_comma, group in groupby(words, ",".__eq__):
        if not is_comma:
            module, *checks = group
            sys.argv[1:] = checks
            runpy.run_module(module, run_name="__main__", alter_sys=True)
