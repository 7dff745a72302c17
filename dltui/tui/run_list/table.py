"""The rows of the list of runs and of the pane about the selected run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from dltui.core.numbers import age, duration, percent
from dltui.core.text import plural
from dltui.core.text import width as cells_of
from dltui.tui.draw.printed import pieces
from dltui.tui.draw.styled_text import Row, bar, cells, cut, fit, left, on, right, rule
from dltui.tui.draw.wording import STATUS_STYLES, buckets, framework, spark
from dltui.tui.run_list.columns import STATE, columns, state_width, trend_room

if TYPE_CHECKING:
    from dltui.tui.base.summary import Summary

WHOLE_DETAIL = 6
"""The rows of the whole pane about the selected run."""
LEAST_TREND = 8
INDENT = "  "
# Names that a narrow column would cut.
SHORT = {"fashion-mnist": "fashion", "linear-regression": "linear"}


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
    inside: Collection[str] = (),
) -> list[Row]:
    """The visible runs; the selected run with an arrow, those whose ids are in `marked` with a star, those of `inside`,
    which stand below their group, indented. `hosts` is true where other hosts are shown.
    """
    rows = []
    for number, run in enumerate(runs[first : first + height], start=first):
        indent = INDENT if run.id in inside else ""
        row = _row(run, width, now, host, number == selected, ascii_only, hosts, indent)
        ids = [member.id for member in run.members or (run,)]
        star = "*" if all(one in marked for one in ids) else " "
        row = [(row[0][0][0], row[0][1]), (star, "accent bold"), *row[1:]]
        rows.append(on(row, "selected") if number == selected else row)
    return rows


def _row(
    run: Summary, width: int, now: float, host: str, marked: bool, ascii_only: bool, hosts: bool, indent: str
) -> Row:
    sizes = columns(width, hosts)
    # Where the run is, with its machine when that is not this one.
    where = run.device if run.host in ("", host) else f"{run.host}:{run.device.removeprefix('cuda:')}"
    dim = "" if run.is_live else "dim"
    row: Row = [
        ("› " if marked else "  ", "accent bold"),
        (left(indent + _name(run, sizes["name"] - 1), sizes["name"] - 1) + " ", "bold" if run.is_live else ""),
    ]
    texts = {
        "model": _short(run.model, sizes.get("model", 0)),
        "framework": framework(run.framework),
        "data": _short(run.dataset, sizes.get("data", 0)),
        "where": where,
    }
    row += [(left(text, sizes[key] - 1) + " ", dim) for key, text in texts.items() if key in sizes]
    row += _result(run, sizes, ascii_only)
    row.append((_trend(run, trend_room(width), ascii_only), "validation" if run.is_live else "faint"))
    state = _state(run, now, state_width(width))
    return fit([*fit(row, width - cells(state)), *state], width)


def _result(run: Summary, sizes: Mapping[str, int], ascii_only: bool) -> Row:
    """How far it is, and its best value; in a column for both, of a live run how far it is."""
    if "done" not in sizes and run.is_live:
        return _done(run, sizes["best"])
    best = (left(_best(run, sizes["best"] - 1, ascii_only), sizes["best"]), "" if run.best else "dim")
    return [*(_done(run, sizes["done"]) if "done" in sizes else []), best]


def _state(run: Summary, now: float, room: int) -> Row:
    """The state and its time; in a narrow column the time of a short state."""
    word, style, time = "drawing" if run.draws else run.status, STATUS_STYLES.get(run.status, ""), _time(run, now)
    if room > STATE + 3:
        # Between a long state and its time the margin on the right is the space.
        margin = "" if len(word) + len(time) == room - 1 else " "
        return [(left(word, STATE), style), (right(time, room - STATE - len(margin)) + margin, "dim")]
    rest = room - 1 - len(word)
    return [(word, style), (right(time if len(time) < rest else "", rest) + " ", "dim")]


def _trend(run: Summary, room: int, ascii_only: bool) -> str:
    """The trend of the whole run as small bars."""
    return spark(buckets(run.trend, room), room, ascii_only) if room > 0 else ""


def _name(run: Summary, room: int) -> str:
    """The name of a run or group; that of a group is cut before the number of its runs."""
    if not run.members or cells_of(run.name) <= room:
        return run.name
    count = f" ({len(run.members)})"
    return cut(run.group, room - len(count)) + count


def _short(name: str, room: int) -> str:
    """A short name of a dataset: of the user's own data, `folder:pets`, the name alone."""
    return SHORT.get(name, name.partition(":")[2] or name) if cells_of(name) >= room else name


def _done(run: Summary, room: int) -> Row:
    text = f"{run.epochs_done}/{run.epochs}" if run.epochs else "-"
    each = {one.epochs_done for one in run.members}
    if len(each) == 1 and not run.is_live:
        # A product, since the sum of epochs says nothing of how long each was trained.
        text = f"{len(run.members)}x{each.pop()}"
    if room < 14:
        if len(text) >= room and run.epochs and not run.members:
            text = percent(run.fraction if run.is_live else run.epochs_done / run.epochs)
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
    if height < WHOLE_DETAIL:
        return brief(run, width, height, now, clock, ascii_only)
    title = "  ".join(part for part in (run.name, " ".join(f"#{tag}" for tag in run.tags), run.note) if part)
    rows: list[Row] = [rule(width, cut(title, width - 6)), *_wrapped([(" ", ""), *_sentence(run, now, clock)], width)]
    if run.members:
        return [fit(row, width) for row in [*rows, *_group(run)][:height]]
    rows += [*_course(run, width, ascii_only), _differs(run)]
    when = "" if not run.is_live else "  when it ends"
    # A long reason takes the place of what comes last.
    if len(rows) < height - 1 and (run.is_live or run.epochs_done):
        rows.append([(" figures  ", "dim"), (run.exports, ""), (when, "dim")])
    rows.append([(" $ ", "faint"), (cut(run.command, width - 4), "dim")])
    return [fit(row, width) for row in rows[:height]]


def brief(
    run: Summary, width: int, height: int, now: float, clock: Callable[[float], str], ascii_only: bool
) -> list[Row]:
    """The status and the course of the selected run on a small screen, where a long reason replaces the course."""
    if run.status == "running" and run.left is not None:
        epochs = f", epoch {min(run.epochs_done + 1, run.epochs)} of {run.epochs}"
        sentence: Row = [("running", "good bold"), (f"{epochs}, {duration(run.left)} left", "")]
    else:
        sentence = _sentence(run, now, clock, place=False)
    rows = _wrapped([(" ", ""), *sentence], width)
    rows += _group(run) if run.members else _course(run, width, ascii_only)
    return [fit(row, width) for row in rows[:height]]


def _differs(run: Summary) -> Row:
    """The hyperparameters of the run that are not at their defaults."""
    differs: Row = [(" differs from default  ", "dim")]
    for key, value, default in run.differs:
        differs += [(f"{key.replace('_', ' ')} {value}", ""), (f" ({default})   ", "dim")]
    return differs if run.differs else [(" all hyperparameters at their defaults", "dim")]


def _course(run: Summary, width: int, ascii_only: bool) -> list[Row]:
    """The trend of the run with its best value and the test result, as much as fits."""
    if not run.trend:
        return [[(" no evaluation yet", "dim")]] if run.is_live else []
    name, tested = run.best_name, [("   test ", "dim"), (run.test, "bold")] if run.test else []
    best: Row = [(f"  best {run.best}", "bold"), (f" (epoch {run.best_epoch})", "dim"), *tested]
    for title in (f" validation {name}  ", f" {name}  ", " "):
        room = width - cells(best) - len(title) - 1
        if room >= LEAST_TREND:
            return [[(title, "dim"), (_trend(run, room, ascii_only), "validation"), *best]]
    test: Row = [("  test ", "dim"), (run.test.removeprefix(f"{name} "), "bold")] if run.test else []
    return [[(f" best {run.best}", "bold"), (f" ({run.best_epoch})", "dim"), *test]]


def _wrapped(row: Row, width: int) -> list[Row]:
    """A row whose last span continues below where it is too long."""
    before, (text, style) = row[:-1], row[-1]
    if cells(row) <= width:
        return [row]
    start, *rest = pieces(" " * cells(before) + text, width - 1, 1)
    return [[*before, (start[cells(before) :], style)], *([(line, style)] for line in rest)]


def _group(group: Summary) -> list[Row]:
    """What is known of a group: of a sweep its best trial, of seeds their mean with its deviation, and each value."""
    rows: list[Row] = []
    if group.best:
        rows.append([(f" validation {group.best_name}  ", "dim"), (group.best, "bold")])
        if group.test:
            rows[0] += [("  test ", "dim"), (group.test, "bold")]
    enter, each = (" Enter ", "key bold"), "shows its runs one by one, or hides them"
    if group.sweep:
        opens = each if group.via else "opens the sweep"
        return [*rows, _differs(group), [enter, (f"{opens}; above: its best trial", "dim")]]
    seeds: Row = [(" seeds  ", "dim")]
    for member in group.members:
        seeds += [(f"{member.seed} ", "dim"), (f"{member.best or member.status}   ", "")]
    return [*rows, seeds, [enter, (f"{each}; above: mean ± sd", "dim")]]


def _sentence(run: Summary, now: float, clock: Callable[[float], str], place: bool = True) -> Row:
    where = f" on {run.host} {run.device}" if run.host else f" on {run.device}" if run.device else ""
    where = where if place else ""
    word = f"{run.status}, drawing figures" if run.draws else run.status
    row: Row = [(word, f"{STATUS_STYLES.get(run.status, '')} bold".strip())]
    if run.status == "running":
        text = f"{where}, epoch {min(run.epochs_done + 1, run.epochs)} of {run.epochs}"
        text += f", done in about {duration(run.left)}" if run.left is not None else ""
        return [*row, (text, "")]
    if run.status == "starting":
        return [*row, (f"{where}: {run.phase or 'the worker starts'} {duration(max(now - run.since, 0))}", "")]
    end = f" at {clock(run.ended)}" if run.ended and place and not run.is_live else ""
    return [*row, (f"{where}{end}" + (f": {run.why}" if run.why else ""), "")]


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
