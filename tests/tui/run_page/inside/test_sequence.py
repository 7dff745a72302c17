"""The chart of a sequence: its axis counts steps, also where only some of them are kept."""

from __future__ import annotations

import numpy as np

from dltui.tui.run_page.inside.sequence import sequence_chart


def test_the_axis_counts_the_steps_of_the_sequence() -> None:
    lines = np.array([[1.0, 2.0, 3.0, np.nan]])
    thinned = sequence_chart(lines, (0.0, 10.0, 20.0, 30.0))
    assert list(thinned.series[0].x) == [0, 10, 20]
    assert thinned.end == 20
    whole = sequence_chart(lines)
    assert list(whole.series[0].x) == [0, 1, 2]
    assert whole.end == 2
    # The steps of another file say nothing.
    assert sequence_chart(lines, (0.0, 9.0)).end == 2
