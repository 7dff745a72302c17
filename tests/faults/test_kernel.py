"""The faults of the lab with the real kernel, behind a flag: `pytest tests/faults/test_kernel.py --kernel -s`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def kernel(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "tests.faults.kernel", *arguments], check=False).returncode


@pytest.fixture(autouse=True)
def asked(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--kernel"):
        pytest.skip("takes strace, root and minutes: --kernel")


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize("fault", ["SIGKILL", "ENOSPC", "EIO", "EROFS"])
def test_each_system_call_in_turn(fault: str) -> None:
    assert kernel("calls", "--fault", fault) == 0


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mkfs.ext4"), reason="needs root and mkfs.ext4")
@pytest.mark.parametrize("mount", ["", "noauto_da_alloc,commit=1000"])
def test_power_cuts(mount: str) -> None:
    assert kernel("cuts", "--cuts", "500", "--mount", mount) == 0


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mkfs.ext4"), reason="needs root and mkfs.ext4")
def test_a_power_cut_finds_a_file_that_was_not_synced() -> None:
    assert kernel("cuts", "--cuts", "300", "--mount", "noauto_da_alloc,commit=1000", "--bug", BUG) == 1


BUG = "checkpoint renamed before its files are synced"
