"""Draws the area inside a chart's axes: layers of dots and signs, later layers over earlier layers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from dltui.tui.draw import raster
from dltui.tui.draw.styled_text import Row

if TYPE_CHECKING:
    from dltui.tui.draw.chart_data import Chart, Series
    from dltui.tui.draw.raster import Array
    from dltui.tui.draw.scale import Scale
    from dltui.tui.draw.styled_text import Look

# A letter shows two columns of four dots.
ACROSS, DOWN = 2, raster.DOTS
SPACE = ord(" ")
# The letters from one sign on a line to the next, where no color tells the lines apart.
APART = 8


def row_of(scale: Scale, value: float, rows: int) -> int:
    """The row of letters that contains the dot of this value."""
    dots = DOWN * rows - 1
    return min(max(dots - round(scale.share(value) * dots), 0), dots) // DOWN


def thinned(chart: Chart, series: Series, width: int) -> raster.Columns:
    """A series as columns of dots of a plot that is `width` letters wide."""
    import numpy as np

    x, y = np.asarray(series.x, dtype=np.float64), np.asarray(series.y, dtype=np.float64)
    low = y if series.low is None else np.asarray(series.low, dtype=np.float64)
    high = y if series.high is None else np.asarray(series.high, dtype=np.float64)
    return raster.thin(x, low, high, y, (chart.start, chart.end), width * ACROSS)


class Plot:
    """Draws the series of a chart into `width` x `height` letters."""

    def __init__(self, chart: Chart, scale: Scale, width: int, height: int, look: Look) -> None:
        import numpy as np

        self.chart, self.scale, self.look = chart, scale, look
        self.width, self.height = width, height
        self.letters: Array = np.full((height, width), SPACE, dtype=np.uint32)
        self.numbers: Array = np.zeros((height, width), dtype=np.uint16)
        self.styles = [""]
        self._lines: list[tuple[Series, raster.Columns]] = []
        """The lines that have no sign at each of their points."""

    def rows(self, ruled: Sequence[int]) -> list[Row]:
        """The rows; rows in `ruled` have a faint dotted line where nothing is drawn, as has the cursor."""
        if not self.look.ascii:
            self.letters[ruled, 2::3] = ord("·")
            self.numbers[ruled, 2::3] = self._number("rule")
        if self.chart.cursor is not None:
            self._cursor(self.chart.cursor)
        for series in self.chart.series:
            self._series(series)
        if self.look.mono and not self.look.ascii and len(self._lines) > 1:
            for number, (series, columns) in enumerate(self._lines):
                self._signs(series, columns, number * APART // len(self._lines))
        if self.chart.best is not None:
            self._sign(*self.chart.best, "★", "best bold")
        return self._spans()

    def _spans(self) -> list[Row]:
        """The rows with neighboring cells of the same style joined."""
        text, numbers, styles = self.letters.tobytes().decode("utf-32"), self.numbers.tobytes(), tuple(self.styles)
        across, size = self.width, self.numbers.itemsize * self.width
        rows = range(self.height)
        return [_spans(text[y * across : (y + 1) * across], numbers[y * size : (y + 1) * size], styles) for y in rows]

    def _cursor(self, x: float) -> None:
        """Draw a vertical line."""
        at = (x - self.chart.start) / self.chart.span
        if 0 <= at <= 1 + 1e-9:
            column = min(int(at * self.width), self.width - 1)
            self.letters[:, column] = ord("│")
            self.numbers[:, column] = self._number("accent")

    def _series(self, series: Series) -> None:
        import numpy as np

        y = np.asarray(series.y, dtype=np.float64)
        if series.form == "dots":
            x = (np.asarray(series.x, dtype=np.float64) - self.chart.start) / self.chart.span
            dots = raster.points(x, self._share(y), self.width * ACROSS, self.height * DOWN)
            self._put(0, raster.braille(dots), series.style, self.look.mark(series.mark))
            return
        columns = thinned(self.chart, series, self.width)
        if series.form == "raw":
            self._raw(series, columns)
        else:
            self._line(series, columns)
        if series.gaps:
            self._crosses(columns)

    def _raw(self, series: Series, columns: raster.Columns) -> None:
        """Draw the raw values faintly below their moving average."""
        mark, smoothing = self.look.mark(series.mark), self.chart.smoothing
        if self.look.ascii or self.look.mono or not smoothing:
            # One style for both: then the average is worth more than the noise around it, but for what sticks out.
            average = raster.smooth(columns, smoothing) if smoothing else columns
            self._band(average, series.style, mark)
            if smoothing:
                # Nothing bridges those that are left out.
                self._band(raster.outliers(columns, average), series.style, mark, joined=False)
            self._lines.append((series, average))
            return
        self._band(columns, f"{series.style}-faint", mark)
        self._band(raster.smooth(columns, smoothing), series.style, mark)

    def _crosses(self, columns: raster.Columns) -> None:
        """Draw a cross at the bottom for each NaN."""
        if len(columns.gaps):
            self.letters[-1][columns.gaps // ACROSS] = ord("×")
            self.numbers[-1][columns.gaps // ACROSS] = self._number("bad bold")

    def _line(self, series: Series, columns: raster.Columns) -> None:
        marked = series.form == "line" and self._count(series) * 3 <= self.width
        if not (marked and (self.look.ascii or self.look.mono)):
            self._band(columns, series.style, self.look.mark(series.mark))
        if marked:
            for x, y in zip(series.x, series.y, strict=True):
                self._sign(x, y, self.look.mark(series.mark), series.style)
        else:
            self._lines.append((series, columns))

    def _signs(self, series: Series, columns: raster.Columns, first: int) -> None:
        """Draw the mark of a series onto its line, from the letter `first` on, and at its end."""
        import numpy as np

        places = np.searchsorted(columns.at, ACROSS * np.arange(first, self.width, APART))
        for place in {*places.tolist(), len(columns.at) - 1}:
            if 0 <= place < len(columns.at):
                letter = self.look.mark(series.mark)
                self._letter(int(columns.at[place]) // ACROSS, float(columns.mean[place]), letter, series.style)

    def _count(self, series: Series) -> int:
        """The number of points between the ends of the chart."""
        import numpy as np

        first, last = np.searchsorted(np.asarray(series.x, dtype=np.float64), (self.chart.start, self.chart.end))
        return int(last - first)

    def _share(self, values: Array) -> Array:
        import numpy as np

        low, high = self.scale.bounds()
        if self.scale.log:
            values = np.log10(np.maximum(values, 1e-300))
        return (values - low) / (high - low)

    def _band(self, columns: raster.Columns, style: str, mark: str, joined: bool = True) -> None:
        low = self._share(columns.low)
        # A line has one value in each column.
        high, mean = (low if values is columns.low else self._share(values) for values in (columns.high, columns.mean))
        band = raster.band(columns, (low, high, mean), self.height * DOWN, joined)
        self._put(*raster.braille_band(band, self.height), style, mark)

    def _number(self, style: str) -> int:
        if style not in self.styles:
            self.styles.append(style)
        return self.styles.index(style)

    def _put(self, first: int, letters: Array, style: str, mark: str) -> None:
        """Draw letters from a column on, where they have dots."""
        import numpy as np

        drawn, last = letters > raster.EMPTY, first + letters.shape[1]
        np.copyto(self.letters[:, first:last], ord(mark) if self.look.ascii else letters, where=drawn)
        np.copyto(self.numbers[:, first:last], self._number(style), where=drawn)

    def _sign(self, x: float, y: float, letter: str, style: str) -> None:
        at = (x - self.chart.start) / self.chart.span
        if 0 <= at <= 1 + 1e-9:
            self._letter(min(int(at * self.width), self.width - 1), y, letter, style)

    def _letter(self, column: int, y: float, letter: str, style: str) -> None:
        """Draw a letter where a value is in a column, unless it is outside of the plot."""
        share = self.scale.share(y) if y == y else -1.0
        if -0.02 <= share <= 1.02:
            row = row_of(self.scale, y, self.height)
            self.letters[row, column] = ord(letter)
            self.numbers[row, column] = self._number(style)


@lru_cache(maxsize=512)
def _spans(letters: str, numbers: bytes, styles: tuple[str, ...]) -> Row:
    """A row of cells, whose styles are given by number, as spans; most rows are those of the chart before. A space
    takes the style before it, because each change of style is sent to the terminal.
    """
    row: Row = []
    start = now = 0
    for at, (letter, number) in enumerate(zip(letters, memoryview(numbers).cast("H"), strict=True)):
        if letter != " " and number != now:
            if at:
                row.append((letters[start:at], styles[now]))
            start, now = at, number
    return [*row, (letters[start:], styles[now])]
