"""Rows of the list of runs, once launchers have said what has become of runs that tell nothing of themselves."""

from __future__ import annotations

from dltui.core.lifecycle.launch import launching
from dltui.core.reading.rows import Row, all_rows
from dltui.core.reading.status import OVER, Status
from dltui.core.rundir.directory import RunDirectory


def asked_rows() -> list[Row]:
    """The rows of `all_rows`, read again where a launcher was asked."""
    found = all_rows()
    unsure = [row for row in found if row["status"] not in OVER or row["status"] in launching.ASKED]
    asked = launching.refresh_all(
        (RunDirectory(str(row["path"])), Status(row["status"])) for row in unsure if "path" in row
    )
    return all_rows() if asked else found
