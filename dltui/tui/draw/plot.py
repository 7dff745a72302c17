"""Draws the area inside a chart's axes: layers of dots and signs, later layers over earlier layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dltui.tui.draw import raster
from dltui.tui.draw.styled_text import Row

if TYPE_CHECKING:
    from dltui.tui.draw.chart_data import Chart, Series
    from dltui.tui.draw.raster import Array
    from dltui.tui.draw.scale import Scale
    from dltui.tui.draw.styled_text import Look

# A letter shows two columns of four dots.
ACROSS, DOWN = 2, 4
SPACE = ord(" ")


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

    def rows(self, ruled: set[int]) -> list[Row]:
        """The rows; rows in `ruled` have a faint dotted line where nothing is drawn."""
        for series in self.chart.series:
            self._series(series)
        if self.chart.best is not None:
            self._sign(*self.chart.best, "★", "best bold")
        if self.chart.cursor is not None:
            self._cursor(self.chart.cursor)
        if not self.look.ascii:
            self._grid(sorted(ruled))
        return self._spans()

    def _spans(self) -> list[Row]:
        """The rows with neighboring cells of the same style joined. A space takes the style before it, because each
        change of style is sent to the terminal.
        """
        import numpy as np

        # The place of each cell, of a space that of the letter before it in its row.
        places = np.arange(self.letters.size).reshape(self.letters.shape)
        latest = np.maximum.accumulate(np.where(self.letters != SPACE, places, places[:, :1]), axis=1)
        numbers = self.numbers.ravel()[latest]
        text = self.letters.tobytes().decode("utf-32")
        # A span begins with each row, and where the style changes.
        begins = np.ones(numbers.shape, dtype=bool)
        begins[:, 1:] = numbers[:, 1:] != numbers[:, :-1]
        starts = np.flatnonzero(begins)
        rows: list[Row] = [[] for _ in range(self.height)]
        ends = [*starts[1:].tolist(), len(text)]
        for start, end, number in zip(starts.tolist(), ends, numbers.flat[starts].tolist(), strict=True):
            rows[start // self.width].append((text[start:end], self.styles[number]))
        return rows

    def _cursor(self, x: float) -> None:
        """Draw a vertical line where nothing else is drawn."""
        at = (x - self.chart.start) / (self.chart.end - self.chart.start)
        if 0 <= at <= 1 + 1e-9:
            column = min(int(at * self.width), self.width - 1)
            empty = self.letters[:, column] == SPACE
            self.letters[empty, column] = ord("│")
            self.numbers[empty, column] = self._number("accent")

    def _grid(self, ruled: list[int]) -> None:
        import numpy as np

        empty = np.zeros(self.letters.shape, dtype=bool)
        empty[ruled, 2::3] = self.letters[ruled, 2::3] == SPACE
        self.letters[empty] = ord("·")
        self.numbers[empty] = self._number("rule")

    def _series(self, series: Series) -> None:
        import numpy as np

        y = np.asarray(series.y, dtype=np.float64)
        if series.form == "dots":
            x = (np.asarray(series.x, dtype=np.float64) - self.chart.start) / (self.chart.end - self.chart.start)
            dots = raster.points(x, self._share(y), self.width * ACROSS, self.height * DOWN)
            self._put(dots, series.style, self.look.mark(series.mark))
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
            self._put(self._band(average), series.style, mark)
            if smoothing:
                self._put(self._alone(raster.outliers(columns, average)), series.style, mark)
            return
        self._put(self._band(columns), f"{series.style}-faint", mark)
        self._put(self._band(raster.smooth(columns, smoothing)), series.style, mark)

    def _alone(self, columns: raster.Columns) -> Array:
        """Each column by itself: nothing bridges those that are left out."""
        import numpy as np

        dots = np.zeros((self.height * DOWN, self.width * ACROSS), dtype=bool)
        for number in range(len(columns.at)):
            one = slice(number, number + 1)
            dots |= self._band(raster.part(columns, one))
        return dots

    def _crosses(self, columns: raster.Columns) -> None:
        """Draw a cross at the bottom for each NaN."""
        if len(columns.gaps):
            self.letters[-1][columns.gaps // ACROSS] = ord("×")
            self.numbers[-1][columns.gaps // ACROSS] = self._number("bad bold")

    def _line(self, series: Series, columns: raster.Columns) -> None:
        marked = series.form == "line" and self._count(series) * 3 <= self.width
        if not (marked and (self.look.ascii or self.look.mono)):
            self._put(self._band(columns), series.style, self.look.mark(series.mark))
        if marked:
            for x, y in zip(series.x, series.y, strict=True):
                self._sign(x, y, self.look.mark(series.mark), series.style)

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

    def _band(self, columns: raster.Columns) -> Array:
        low = self._share(columns.low)
        # A line has one value in each column.
        high, mean = (low if values is columns.low else self._share(values) for values in (columns.high, columns.mean))
        return raster.band(columns, (low, high, mean), self.width * ACROSS, self.height * DOWN)

    def _number(self, style: str) -> int:
        if style not in self.styles:
            self.styles.append(style)
        return self.styles.index(style)

    def _put(self, dots: Array, style: str, mark: str) -> None:
        import numpy as np

        letters = raster.braille(dots)
        drawn = letters > raster.EMPTY
        np.copyto(self.letters, ord(mark) if self.look.ascii else letters, where=drawn)
        np.copyto(self.numbers, self._number(style), where=drawn)

    def _sign(self, x: float, y: float, letter: str, style: str) -> None:
        at = (x - self.chart.start) / (self.chart.end - self.chart.start)
        share = self.scale.share(y) if y == y else -1.0
        if 0 <= at <= 1 + 1e-9 and -0.02 <= share <= 1.02:
            column = min(int(at * self.width), self.width - 1)
            row = row_of(self.scale, y, self.height)
            self.letters[row, column] = ord(letter)
            self.numbers[row, column] = self._number(style)
