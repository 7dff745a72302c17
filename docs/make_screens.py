"""Writes the pictures of docs/screens.md that show made-up runs, from the snapshots of the tests:
`python docs/make_screens.py`. Those of a real session are made by docs/animation.py.
"""

from __future__ import annotations

from pathlib import Path

from dltui.tui.base.effects.screen_picture import alone

HERE = Path(__file__).parent
SNAPSHOTS = HERE.parent / "tests" / "tui"
MADE = {
    "run": "__snapshots__/test_screens/test_picture[run-dark-120x40].svg",
    "classes": "run_page/inside/__snapshots__/test_tabs/test_picture[classes-dark-120x40].svg",
    "hardware": "run_page/__snapshots__/test_hardware/test_picture[dark-120x40].svg",
    "compare": "pages/__snapshots__/test_compare/test_picture[dltui-dark-120x40].svg",
    "data": "pages/__snapshots__/test_data/test_picture[dark-80x24].svg",
    "sweep": "sweep_page/__snapshots__/test_page/test_colors[dark-80].svg",
    "settings": "pages/__snapshots__/test_settings/test_picture[dark-120x40].svg",
}
"""The snapshot of each picture."""


def pictures() -> dict[str, str]:
    """The pictures by name, as SVG."""
    return {name: alone((SNAPSHOTS / path).read_text(encoding="utf-8")) for name, path in MADE.items()}


def main() -> None:
    for name, svg in pictures().items():
        (HERE / "screens" / f"{name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
