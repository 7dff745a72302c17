"""The rows of the list of runs and of the pane about the selected run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from dltui.core.numbers import age, duration
from dltui.core.text import plural
from dltui.tui.draw.printed import pieces
from dltui.tui.draw.styled_text import Row, bar, cells, cut, ends, fit, left, on, right, rule
from dltui.tui.draw.wording import STATUS_STYLES, buckets, framework, spark

if TYPE_CHECKING:
    from dltui.tui.base.summary import Summary

STATE = 11
# Names that a narrow column would cut.
SHORT = {"fashion-mnist": "fashion", "linear-regression": "linear"}


def columns(width: int, hosts: bool = False) -> dict[str, int]:
    """The width of each column; the space beyond 80 goes to names, a progress bar, the best value and the trend. With
    other `hosts` WHERE has their names too.
    """
    more = max(width - 80, 0)
    wider = 4 if hosts else 0
    return {
        "name": 15 - wider // 2 + min(more // 6, 22),
        "model": 10 - wider // 4 + min(more // 10, 10),
        "framework": 3,
        "data": 9 - wider // 4 + min(more // 12, 8),
        "where": 9 + wider + min(more // 12, 10),
        "done": 6 + (min(more // 4 - 2, 30) if more >= 32 else 0),
        "best": 11 + min(more // 20, 6),
    }


def header(width: int, hosts: bool = False) -> Row:
    sizes = columns(width, hosts)
    titles = {"name": "NAME", "model": "MODEL", "framework": "FW", "data": "DATA", "where": "WHERE", "done": "DONE"}
    text = "  " + "".join(left(titles[key], sizes[key]) for key in titles) + left("BEST", sizes["best"])
    text += "TREND" if _trend_room(width) else ""
    return ends([(text, "dim")], [(left("STATE", STATE + 4), "dim")], width)


def _trend_room(width: int) -> int:
    """The width in cells of the validation trend on a wide screen; 0 where there is no room."""
    left_over = width - 2 - sum(columns(width).values()) - STATE - 4
    return min(left_over - 2, 40) if left_over >= 14 else 0


def table(
    runs: Sequence[Summary],
    selected: int,
    first: int,
    width: int,
    height: int,
    now: float,
    host: str,
    ascii_only: bool,
    marked: Collection[str] = (),
    hosts: bool = False,
) -> list[Row]:
    """The visible runs; the selected run with an arrow, those whose ids are in `marked` with a star. `hosts` is true
    where other hosts are shown.
    """
    rows = []
    for number, run in enumerate(runs[first : first + height], start=first):
        row = _row(run, width, now, host, number == selected, ascii_only, hosts)
        ids = [member.id for member in run.members or (run,)]
        star = "*" if all(one in marked for one in ids) else " "
        row = [(row[0][0][0], row[0][1]), (star, "accent bold"), *row[1:]]
        rows.append(on(row, "selected") if number == selected else row)
    return rows


def _row(run: Summary, width: int, now: float, host: str, marked: bool, ascii_only: bool, hosts: bool) -> Row:
    sizes = columns(width, hosts)
    # Where the run is, with its machine when that is not this one.
    where = run.device if run.host in ("", host) else f"{run.host}:{run.device.removeprefix('cuda:')}"
    dim = "" if run.is_live else "dim"
    row: Row = [
        ("› " if marked else "  ", "accent bold"),
        (left(_name(run, sizes["name"] - 1), sizes["name"] - 1) + " ", "bold" if run.is_live else ""),
    ]
    row += [
        (left(_short(run.model, sizes["model"]), sizes["model"] - 1) + " ", dim),
        (left(framework(run.framework), sizes["framework"]), dim),
        (left(_short(run.dataset, sizes["data"]), sizes["data"] - 1) + " ", dim),
        (left(where, sizes["where"] - 1) + " ", dim),
        *_done(run, sizes["done"]),
        (left(_best(run, sizes["best"] - 1, ascii_only), sizes["best"]), "" if run.best else "dim"),
        (_trend(run, _trend_room(width), ascii_only), "validation" if run.is_live else "faint"),
    ]
    state: Row = [
        (left("drawing" if run.draws else run.status, STATE), STATUS_STYLES.get(run.status, "")),
        (right(_time(run, now), 3) + " ", "dim"),
    ]
    return fit([*fit(row, width - cells(state)), *state], width)


def _trend(run: Summary, room: int, ascii_only: bool) -> str:
    """The trend of the whole run as small bars."""
    return spark(buckets(run.trend, room), room, ascii_only) if room > 0 else ""


def _name(run: Summary, room: int) -> str:
    """The name of a run or group; that of a group is cut before the number of its runs."""
    if not run.members or len(run.name) <= room:
        return run.name
    count = f" ({len(run.members)})"
    return cut(run.group, room - len(count)) + count


def _short(name: str, room: int) -> str:
    """A short name of a dataset: of the user's own data, `folder:pets`, the name alone."""
    return SHORT.get(name, name.partition(":")[2] or name) if len(name) >= room else name


def _done(run: Summary, room: int) -> Row:
    text = f"{run.epochs_done}/{run.epochs}" if run.epochs else "-"
    each = {one.epochs_done for one in run.members}
    if len(each) == 1 and not run.is_live:
        # A product, since the sum of epochs says nothing of how long each was trained.
        text = f"{len(run.members)}x{each.pop()}"
    if room < 14:
        return [(left(text, room), "" if run.is_live else "dim")]
    size = room - 9
    style = "good" if run.is_live else "faint"
    return [*bar(run.fraction if run.epochs else 0.0, size, style), (" " + left(text, 8), "" if run.is_live else "dim")]


def _best(run: Summary, room: int, ascii_only: bool) -> str:
    if run.members:
        return _spread(run.best, room, "+/-" if ascii_only else "±") or "-"
    if not run.best or run.best_name.endswith("accuracy") or run.best_value is None:
        return run.best or "-"
    # Three digits, so that the name has room beside them.
    text = f"{run.best_name} {run.best_value:.3g}"
    return text if len(text) <= room else run.best


def _spread(text: str, room: int, sign: str) -> str:
    """A mean with its deviation, `91.44±0.80 %`: closer, or of shares with fewer digits, where the room is short; at
    last the mean alone.
    """
    mean, _, around = text.removesuffix(" %").partition(" ±")
    unit = " %" if text.endswith(" %") else ""
    if not around:
        return text
    ways = [f"{mean}{sign}{around}{unit}"]
    if unit:
        ways.append(f"{mean}{sign}{around.removeprefix('0')}%")
        ways.append(f"{float(mean):.1f}{sign}{f'{float(around):.1f}'.removeprefix('0')}%")
    return next((way for way in ways if len(way) <= room), f"{mean}{unit}")


def _time(run: Summary, now: float) -> str:
    """The time to show: left (running), place (queued), so far (starting, paused, silent), age (ended)."""
    if run.status == "queued":
        return run.why.partition(" ")[0] if run.why[:1].isdigit() else ""
    if run.status == "running":
        return age(run.left) if run.left is not None else ""
    return age(max(now - (run.since if run.is_live else run.ended or run.created), 0.0))


def detail(
    run: Summary, width: int, height: int, now: float, clock: Callable[[float], str], ascii_only: bool
) -> list[Row]:
    """The pane about the selected run: its status, its course, its settings, the folder of its figures."""
    title = "  ".join(part for part in (run.name, " ".join(f"#{tag}" for tag in run.tags), run.note) if part)
    rows: list[Row] = [rule(width, cut(title, width - 6)), *_wrapped([(" ", ""), *_sentence(run, now, clock)], width)]
    if run.members:
        return [fit(row, width) for row in [*rows, *_seeds(run)][:height]]
    if run.trend:
        name = f"validation {run.best_name}"
        best: Row = [(f"  best {run.best}", "bold"), (f" (epoch {run.best_epoch})", "dim")]
        best += [("   test ", "dim"), (run.test, "bold")] if run.test else []
        signs = _trend(run, max(width - cells(best) - len(name) - 4, 8), ascii_only)
        rows.append([(f" {name}  ", "dim"), (signs, "validation"), *best])
    elif run.is_live:
        rows.append([(" no evaluation yet", "dim")])
    differs: Row = [(" differs from default  ", "dim")]
    for key, value, default in run.differs:
        differs += [(f"{key.replace('_', ' ')} {value}", ""), (f" ({default})   ", "dim")]
    rows.append(differs if run.differs else [(" all hyperparameters at their defaults", "dim")])
    when = "" if not run.is_live else "  when it ends"
    # A long reason takes the place of what comes last.
    if len(rows) < height - 1 and (run.is_live or run.epochs_done):
        rows.append([(" figures  ", "dim"), (run.exports, ""), (when, "dim")])
    rows.append([(" $ ", "faint"), (cut(run.command, width - 4), "dim")])
    return [fit(row, width) for row in rows[:height]]


def _wrapped(row: Row, width: int) -> list[Row]:
    """A row whose last span continues below where it is too long."""
    before, (text, style) = row[:-1], row[-1]
    if cells(row) <= width:
        return [row]
    start, *rest = pieces(" " * cells(before) + text, width - 1, 1)
    return [[*before, (start[cells(before) :], style)], *([(line, style)] for line in rest)]


def _seeds(group: Summary) -> list[Row]:
    """The mean and standard deviation over the seeds, and each value."""
    rows: list[Row] = []
    if group.best:
        rows.append([(f" validation {group.best_name}  ", "dim"), (group.best, "bold")])
        if group.test:
            rows[0] += [("  test ", "dim"), (group.test, "bold")]
    each: Row = [(" seeds  ", "dim")]
    for member in group.members:
        each += [(f"{member.seed} ", "dim"), (f"{member.best or member.status}   ", "")]
    return [
        *rows,
        each,
        [(" Enter ", "key bold"), ("shows its runs one by one, or hides them; above: mean ± sd", "dim")],
    ]


def _sentence(run: Summary, now: float, clock: Callable[[float], str]) -> Row:
    place = f" on {run.host} {run.device}" if run.host else f" on {run.device}" if run.device else ""
    word = f"{run.status}, drawing figures" if run.draws else run.status
    row: Row = [(word, f"{STATUS_STYLES.get(run.status, '')} bold".strip())]
    if run.status == "running":
        text = f"{place}, epoch {min(run.epochs_done + 1, run.epochs)} of {run.epochs}"
        text += f", done in about {duration(run.left)}" if run.left is not None else ""
        return [*row, (text, "")]
    if run.status == "starting":
        return [*row, (f"{place}: {run.phase or 'the worker starts'} {duration(max(now - run.since, 0))}", "")]
    end = f" at {clock(run.ended)}" if run.ended and not run.is_live else ""
    return [*row, (f"{place}{end}" + (f": {run.why}" if run.why else ""), "")]


def empty(width: int, height: int, look_first: bool) -> list[Row]:
    """The rows of an empty list: what to do."""
    lines: list[Row] = [
        [("No runs yet.", "bold")],
        [],
        [("n", "key bold"), ("  starts one: pick a model, a dataset, a device, Enter", "")],
        [("?", "key bold"), ("  shows every key", "")],
        [],
        [("or, in a shell, ", "dim"), ("dltui demo", "bold"), (" trains a small network on real images", "dim")],
    ]
    if look_first:
        lines = [[("reading the runs ...", "dim")]]
    top = max(0, (height - len(lines)) // 2 - 1)
    margin = max(2, (width - 58) // 2)
    return [fit([], width)] * top + [fit([(" " * margin, ""), *line], width) for line in lines]


def none_match(width: int, height: int, unknown: str) -> list[Row]:
    """The rows of a list that the filter leaves empty: why, and what to do."""
    text = unknown or "All conditions must hold; a minus before a condition negates it."
    lines: list[Row] = [
        [("No run matches.", "bold"), ("  " + text, "dim")],
        [("/", "key bold"), ("  changes the filter, ", ""), ("Esc", "key bold"), ("  shows all runs", "")],
    ]
    return [[], *(fit([("  ", ""), *line], width) for line in lines)][:height]


def headline(count: int, live: int) -> str:
    """The headline: `8 runs, 3 live`."""
    text = plural(count, "run")
    return f"{text}, {live} live" if live else text
