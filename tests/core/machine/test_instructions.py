"""What /proc/cpuinfo tells about the processor."""

from __future__ import annotations

from pathlib import Path

import pytest

from dltui.core.machine.instructions import has_bf16


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("flags\t\t: fpu sse avx512f avx512_bf16 amx_tile\n", True),
        ("processor\t: 0\nflags\t\t: fpu sse avx2\n", False),
        ("Features\t: fp asimd bf16 i8mm\n", True),
        ("Features\t: fp asimd\n", False),
        ("processor\t: 0\n", True),
    ],
)
def test_bf16(tmp_path: Path, text: str, wanted: bool) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(text)
    assert has_bf16(file) is wanted
    assert has_bf16(tmp_path / "none")
