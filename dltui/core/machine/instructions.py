"""The instructions of the processor that decide about the speed of a precision."""

from __future__ import annotations

from functools import cache
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
BF16 = frozenset(("amx_bf16", "avx512_bf16", "bf16"))
"""The flags of Intel's, AMD's and ARM's processors for products of bfloat16 numbers."""
NO_BF16 = "this processor has no bf16 arithmetic (AMX, AVX512-BF16): bf16 is slower here than fp32"


@cache
def has_bf16(cpuinfo: Path = CPUINFO) -> bool:
    """True if the processor multiplies bfloat16 numbers, or if it does not tell."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return True
    flags = {word for line in lines if line.startswith(("flags", "Features")) for word in line.split()}
    return bool(BF16 & flags) or not flags
