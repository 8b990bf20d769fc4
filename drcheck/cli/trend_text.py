"""How nights went on, for people: a line for each count, a row for each night, and how long repairs took."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from drcheck.clock import format_duration, format_moment
from drcheck.model import Night, Outcome, number_of, printable
from drcheck.nights import Gap, Repairs, Trend
from drcheck.reports.terminal import in_columns, widest
from drcheck.reports.wrapping import shorten

MARKS = "▁▂▃▄▅▆▇█"
"""From none to the most; a terminal without them gets `drcheck.cli.output`'s marks in their place."""
MISSED = "·"
MOST_NIGHTS, MOST_REPAIRS = 14, 12
_SHOWN = (Outcome.FAIL, Outcome.ERROR, Outcome.UNKNOWN, Outcome.PASS)
_LONGEST_NAME = 48


def trend_text(found: Trend, *, wide: bool, width: int) -> str:
    """The trend as text; without `wide` the last two weeks of nights and the slowest repairs."""
    blocks = [_opening(found), _lines(found, width), _nights(found, wide=wide), _repairs(found, wide=wide)]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _opening(found: Trend) -> list[str]:
    since = f" since {format_moment(found.since)}" if found.since is not None else ""
    share = f" ({100 * found.ran // found.expected} %)" if found.expected else ""
    lines = [f"{printable(found.organisation)}: {found.ran} of {number_of(found.expected, 'night')} ran{share}{since}"]
    good = found.last_good
    if good is None:
        lines.append("There never was a night on which nothing failed and everything was determined")
    else:
        ago = format_duration(max(found.now - good.reference, timedelta(0)))
        lines.append(f"Nothing failed and everything was determined, or waived, last on {format_moment(good.reference)}, {ago} ago")
    return lines


def _lines(found: Trend, width: int) -> list[str]:
    """A line for each count, each night a mark, the oldest first; several nights share one where there is no room."""
    slots = _slots(found)
    if len(found.nights) < 2:
        return []
    rows = []
    for outcome in _SHOWN:
        values = [None if night is None else night.count(outcome) for night in slots]
        known = [value for value in values if value is not None]
        if outcome is not Outcome.ERROR or any(known):
            rows.append((str(outcome), spark(values, max(width - 40, 10)), f"{min(known)} to {max(known)}, last {known[-1]}"))
    return list(in_columns(("", "nights", ""), [widest(column) for column in zip(("", "nights", ""), *rows, strict=True)], rows))


def _slots(found: Trend) -> list[Night | None]:
    """The nights in order, with None for each that was missed."""
    missed = {gap.until.number: gap.missed for gap in found.gaps if gap.until is not None}
    slots: list[Night | None] = []
    for night in found.nights:
        slots += [None] * missed.get(night.number, 0)
        slots.append(night)
    return slots + [None] * sum(gap.missed for gap in found.gaps if gap.until is None)


def spark(values: Sequence[int | None], width: int) -> str:
    """The values as marks of growing height, at most `width` of them: where there are more, each mark is the highest of its share; None is a dot."""
    share = -(-len(values) // width) if values else 1
    highest = [_highest(values[start : start + share]) for start in range(0, len(values), share)]
    top = max((value for value in highest if value is not None), default=0)
    return "".join(MISSED if value is None else _mark(value, top) for value in highest)


def _highest(values: Sequence[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)


def _mark(value: int, top: int) -> str:
    # Any at all is to be told from none, however many there are on another night.
    return MARKS[0] if value == 0 else MARKS[max(1, value * (len(MARKS) - 1) // top)]


def _nights(found: Trend, *, wide: bool) -> list[str]:
    if not found.nights:
        return []
    gaps = {gap.until.number: gap for gap in found.gaps if gap.until is not None}
    header = ("night", *(str(outcome) for outcome in _SHOWN), "exit", "")
    rows: list[tuple[str, ...]] = []
    for night in found.nights if wide else found.nights[-MOST_NIGHTS:]:
        if night.number in gaps:
            rows.append((_gap(gaps[night.number]), *[""] * (len(header) - 1)))
        counts = [str(night.count(outcome)) for outcome in _SHOWN]
        rows.append((format_moment(night.reference), *counts, str(night.exit_code), "pruned" if night.pruned else ""))
    rows += [(_gap(gap), *[""] * (len(header) - 1)) for gap in found.gaps if gap.until is None]
    return list(in_columns(header, [widest(column) for column in zip(header, *rows, strict=True)], rows))


def _gap(gap: Gap) -> str:
    return f"{MISSED} {number_of(gap.missed, 'night')} missed"


def _repairs(found: Trend, *, wide: bool) -> list[str]:
    if not found.repairs:
        return []
    shown = found.repairs if wide else found.repairs[:MOST_REPAIRS]
    header = ("control that failed", "fixed", "mean time to fix", "longest", "going on", "oldest since")
    rows = [_repair(each, wide=wide) for each in shown]
    left = len(found.repairs) - len(shown)
    lines = in_columns(header, [widest(column) for column in zip(header, *rows, strict=True)], rows)
    return [*lines, *([f"and {left} more; --wide shows all"] if left else [])]


def _repair(each: Repairs, *, wide: bool) -> tuple[str, ...]:
    name = printable(f"{each.policy} {each.control}")
    mean, longest = ("" if length is None else format_duration(length) for length in (each.mean, each.longest))
    oldest = "" if each.oldest is None else f"{each.oldest:%Y-%m-%d}"
    return name if wide else shorten(name, _LONGEST_NAME), str(each.fixed), mean, longest, str(each.going_on), oldest
