"""The script beside an exported model of vectors, which runs it on tables and arrays without dltui."""

from __future__ import annotations

import re

from dltui.tui.cli.templates.own_source import CLEANING, parts
from dltui.tui.cli.templates.predict_script import BEGIN, BODIES, NEEDS, filled, telling

HEAD = '''\
"""Runs the model beside this file on rows of numbers: python predict.py FILE...

A table, .csv or .tsv, needs the columns of training, "table" in model.json, and is read as training read its own. A
.npy file, or a .npz file of one array, holds samples (n, features) in the dataset's own units; "features" in model.json
says what the features of a table are, in their order.

Needs: pip install $needs
"""

from __future__ import annotations

import contextlib
import csv
import functools
import io
import json
import math
import re
import struct
import sys
from collections import Counter
from importlib import import_module
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

HERE = Path(__file__).parent
ABOUT = json.loads((HERE / "model.json").read_text(encoding="utf-8"))


class UsageError(Exception):
    """What is wrong with a file, in one line."""


# The code of dltui that reads a table, as it is: some annotations name types of dltui's.
'''
READ = '''

def read(file):
    """The samples of a file, float32 (n, features), and how to call each. Raises UsageError."""
    if Path(file).suffix.lower() not in (".npy", ".npz"):
        return read_table(file)
    where, size = clean_line(file), ABOUT["input_shape"][0]
    try:
        found = np.load(file, allow_pickle=False)
        if not isinstance(found, np.ndarray):
            (found,) = (found[name] for name in found.files)
        samples = found.astype(np.float64)
    except Exception as error:  # A file that is no such array is told by NumPy in many ways.
        raise UsageError(f"{where} is no file of one array of numbers ({type(error).__name__}); numpy.save writes one")
    if samples.ndim != 2 or samples.shape[1] != size:
        raise UsageError(f"{where} has an array of shape {samples.shape}; the model takes (n, {size})")
    # The numbers of a table come first.
    offsets = next((one["offsets"] for one in ABOUT["table"] if one["offsets"]), [])
    samples[:, : len(offsets)] -= offsets
    with np.errstate(over="ignore"):
        samples = samples.astype(np.float32)
    if not np.isfinite(samples).all():
        raise UsageError(f"{where} has values that are not finite float32 numbers; correct or remove them")
    return samples, range(len(samples))


def read_table(file):
    """The same of a table. A category is a column for each of its texts."""
    where, inputs = clean_line(file), [SimpleNamespace(**one) for one in ABOUT["table"]]
    if not inputs:
        raise UsageError(f"{where} is no .npy or .npz file, and this model knows no table; numpy.save writes one")
    samples, lines = [], []
    for line, cells in _rows(file, [name for one in inputs for name in one.places]):
        sample = []
        for one in inputs:
            for place, name in enumerate(one.places):
                value = _value(one, place, cells[name], f"{where} line {line}")
                is_number = one.dtype == "float32"
                sample += [value] if is_number else [value == n for n in range(1, one.vocabulary[place])]
        samples.append(sample)
        lines.append(f"line {line}")
    return np.array(samples, np.float32), lines


def run(samples):
    """Outputs (n, outputs) of samples (n, features); the model normalizes them itself."""
'''
TAIL = """
for name in sys.argv[1:]:
    try:
        samples, places = read(name)
    except UsageError as error:
        sys.exit(str(error))
    for place, outputs in zip(places, run(samples)):
        print(f"{clean_line(name)} {place}", told(outputs), sep="  ")
"""
HEADINGS = (
    *("LONGEST", "CATEGORY", "BEGINNING"),
    *("headings", "short_names", "names_of", "_where_alike", "_without_middle"),
)
NUMERALS = (
    *("STYLES", "LONGEST_CELL", "MISSING", "PLACEHOLDERS", "_EXPONENT", "_BODIES", "_CURRENCY", "_UNIT", "_PATTERNS"),
    *("is_missing", "is_gap", "as_number", "parse", "value", "looks_like_number"),
)
SEPARATED = (
    *("SEPARATORS", "NONE", "COMMENTS", "LOOKED_AT", "END", "PACKED", "SHEET", "OTHERS", "SHEETS", "JSON", "PAGE"),
    *("BadLine", "Form", "unpacking", "other_format", "no_table", "beginning", "form_of", "rows_of"),
    *("_Lines", "_reader", "_said_separator", "_separator", "_has_names", "_named"),
    *("_is_comment_or_empty", "_cut", "_usual_length", "_fitness"),
)
READING = ("MOST_BYTES", "_text", "_lines", "_rows", "_value", "_number_of", "_fits")


def vector_script(form: str, suffix: str) -> str:
    """The text of predict.py for a model of vectors; it contains the code by which `dltui predict` reads a table."""
    from dltui.core import text
    from dltui.core.inputs import given, headings, numerals, separated

    wanted = ((text, CLEANING), (headings, HEADINGS), (numerals, NUMERALS), (separated, SEPARATED), (given, READING))
    # In one file there are no modules to name.
    code = re.sub(r"\b(?:headings|numerals|separated)\.(?=\w)", "", "\n\n".join(parts(*pair) for pair in wanted))
    whole = HEAD + code + READ + BODIES[form] + telling() + BEGIN + TAIL
    return filled(whole, suffix, NEEDS[form].replace("pillow ", ""), "FILE...")
