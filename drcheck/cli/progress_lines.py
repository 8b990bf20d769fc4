"""The words of progress: a table for a terminal, a sentence for a log. What others named is made safe here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from drcheck.cli.rates import Rates, Speed, share
from drcheck.model import printable
from drcheck.reports.wrapping import ELLIPSIS, columns, shorten
from drcheck.sizes import format_size
from drcheck.verify.progress import Stage, TargetProgress

_MOST_NAMED = 8
_GAP = 2
_NAME = 24
"""The columns that a name is given at most."""
_SHORT_NAME = 14
"""The columns that a name is given before another column is."""
_USUAL = {"share": 4, "size": 10, "rate": 12, "left": 9}
"""The columns that these numbers take most of the time, so that nothing moves to and fro while they change."""
_WORDY = "name", "what", "share", "size", "rate", "left", "end"
_LAYOUTS = (
    _WORDY,
    ("name", "what", "share", "size", "rate", "left"),
    ("name", "what", "share", "rate", "left"),
    ("name", "what", "rate", "left"),
    ("name", "what", "left"),
    ("name", "brief", "left"),
    ("name", "brief"),
)
"""What is shown, from wide terminals to narrow ones."""
_LEFT = ("name", "what", "brief")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, in cells."""

    cells: dict[str, str]
    stage: Stage | None
    """None for the total."""


def rows(targets: Sequence[TargetProgress], rates: Rates, now: datetime) -> list[Row]:
    """A row a target, and the total where there are several. `now` is in UTC, as the moments in the rows."""
    found = [_row(printable(target.target), target, rates.of(target), now) for target in targets]
    if len(targets) > 1:
        speed = rates.of_all(targets)
        objects, planned = sum(target.objects for target in targets), sum(target.planned for target in targets)
        cells = {
            "name": "total",
            "what": _of(objects, planned) if planned else "",
            "brief": _share(targets),
            "share": _share(targets),
            "size": format_size(sum(target.size for target in targets)) if planned else "",
        }
        found.append(Row(cells | _speed(speed, now), None))
    return found


def table(found: Sequence[Row], width: int, height: int, encoding: str) -> list[tuple[str, Stage | None]]:
    """
    The rows as lines of at most `width` columns, and at most `height` of them: where there are more targets, those that are being read come first and
    the others are counted. Characters that `encoding` lacks are escaped.
    """
    mark = ELLIPSIS.encode(encoding, "replace").decode(encoding).replace("?", "~")
    shown = _most_telling(found, height)
    cells = [{name: value.encode(encoding, "backslashreplace").decode(encoding) for name, value in row.cells.items()} for row in shown]
    widths = {column: max((columns(each.get(column, "")) for each in cells), default=0) for column in (*_WORDY, "brief")}
    widths |= {column: max(widths[column], usual) for column, usual in _USUAL.items() if widths[column]}
    layout, room = _layout(widths, width)
    widths["name"] = min(widths["name"], _NAME, room)
    lines = []
    for row, each in zip(shown, cells, strict=True):
        parts = []
        for column in (column for column in layout if widths[column]):
            value = shorten(each.get(column, ""), widths[column])
            space = " " * (widths[column] - columns(value))
            parts.append(value + space if column in _LEFT else space + value)
        line = shorten((" " * _GAP).join(parts).rstrip(), width)
        lines.append((line.replace(ELLIPSIS, mark), row.stage))
    return lines


def _layout(widths: dict[str, int], width: int) -> tuple[tuple[str, ...], int]:
    """The columns that have room, and the room that they leave to names."""
    for layout in _LAYOUTS:
        room = width - sum(widths[column] + _GAP for column in layout if column != "name" and widths[column])
        if room >= min(widths["name"], _SHORT_NAME):
            break
    return layout, max(1, room)


def sentence(targets: Sequence[TargetProgress], rates: Rates) -> str:
    """How far the run has got, in a line for a log."""
    objects, planned = sum(target.objects for target in targets), sum(target.planned for target in targets)
    parts = [f"reading: {_of(objects, planned)} objects" if planned else "reading: not begun"]
    speed = rates.of_all(targets)
    if planned:
        parts.append(format_size(sum(target.size for target in targets)))
    if speed.rate is not None:
        parts.append(_rate(speed.rate))
    if speed.left is not None and _telling(speed):
        parts.append(f"{'at least' if speed.at_least else 'about'} {format_left(speed.left)} left")
    named = [target for target in targets if target.stage not in (Stage.DONE, Stage.WAITING)]
    if len(targets) == 1 and planned:
        return ", ".join(parts)
    places = [f"{printable(target.target)} {_what(target)}" for target in named[:_MOST_NAMED]]
    if len(named) > _MOST_NAMED:
        places.append(f"{len(named) - _MOST_NAMED} more")
    for stage in (Stage.WAITING, Stage.DONE):
        count = sum(target.stage is stage for target in targets)
        if count:
            places.append(f"{count} {stage}")
    return f"{', '.join(parts)}; {', '.join(places)}"


def format_left(seconds: float) -> str:
    """A time that is guessed, no more exactly than that: `50 s`, `14 min`, `5 h 20 min`, `3 days`."""
    if seconds < 90:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60 // 10 * 10} min"
    return f"{round(minutes / (24 * 60))} days"


def _row(name: str, target: TargetProgress, speed: Speed, now: datetime) -> Row:
    cells = {"name": name, "what": _what(target), "brief": str(target.stage)}
    if target.stage is Stage.READING:
        cells |= {"share": _share([target]), "brief": _share([target])} | _speed(speed, now)
    if target.planned:
        cells["size"] = format_size(target.size)
    return Row(cells, target.stage)


def _speed(speed: Speed, now: datetime) -> dict[str, str]:
    cells = {}
    if speed.rate is not None:
        cells["rate"] = _rate(speed.rate)
    if speed.left is not None and _telling(speed):
        cells["left"] = ("over " if speed.at_least else "") + format_left(speed.left)
        if not speed.at_least and speed.left < 5_000_000:
            cells["end"] = _end(now + timedelta(seconds=speed.left), now)
    return cells


def _telling(speed: Speed) -> bool:
    """Whether the time left is more than that something is left."""
    return not speed.at_least or (speed.left or 0) >= 1


def _end(end: datetime, now: datetime) -> str:
    return f"{end:%H:%M}Z" if end - now < timedelta(hours=20) else f"{end:%d} {_MONTHS[end.month - 1]} {end:%H:%M}Z"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # the locale has others


def _what(target: TargetProgress) -> str:
    if target.stage is Stage.READING:
        return _of(target.objects, target.planned)
    if target.stage is Stage.STOPPED and target.planned:
        return f"stopped at {_of(target.objects, target.planned)}"
    if target.stage is Stage.DONE:
        return f"done, {target.objects:,}"
    return str(target.stage)


def _of(objects: int, planned: int) -> str:
    return f"{objects:,} of {planned:,}"


def _share(targets: Sequence[TargetProgress]) -> str:
    done = share(targets)
    return "" if done is None else f"{math.floor(100 * done)} %"


def _rate(rate: float) -> str:
    return f"{format_size(round(rate))}/s"


_ORDER = (Stage.READING, Stage.MANIFESTS, Stage.LISTING, Stage.STOPPED, Stage.WAITING, Stage.DONE)


def _most_telling(found: Sequence[Row], height: int) -> list[Row]:
    if len(found) <= max(1, height):
        return list(found)
    *targets, total = found
    if height < 3:
        return [total]
    kept = sorted(range(len(targets)), key=lambda number: _ORDER.index(targets[number].stage or Stage.DONE))[: height - 2]
    others = [row for number, row in enumerate(targets) if number not in kept]
    counted = [f"{count} {stage}" for stage in _ORDER if (count := sum(row.stage is stage for row in others))]
    more = Row({"name": f"{len(others)} more", "what": ", ".join(counted)}, Stage.WAITING)
    return [*(targets[number] for number in sorted(kept)), more, total]
