"""Pieces of a report for a terminal: what came from outside is printable here, and fits the columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tabulate import SEPARATING_LINE, tabulate

from drcheck.model import Outcome, printable
from drcheck.reports.base import ReportOptions
from drcheck.reports.wrapping import columns, shorten, shorten_words, wrap

LONGEST_WORD = 64
LONGEST_TEXT = 600
LABELS = {Outcome.FAIL: "FAIL", Outcome.ERROR: "ERROR", Outcome.UNKNOWN: "UNKNOWN", Outcome.PASS: "pass", Outcome.NOT_APPLICABLE: "n/a"}
COLOURS = {Outcome.FAIL: "1;31", Outcome.ERROR: "1;35", Outcome.UNKNOWN: "1;33", Outcome.PASS: "32", Outcome.NOT_APPLICABLE: "2"}
WAIVED_COLOUR = "36"
BOLD, DIM = "1", "2"
LINE = SEPARATING_LINE
"""A row of a table that is an empty line."""


def text_lines(text: str, options: ReportOptions, width: int, lead: str = "", whole: bool = False) -> list[str]:
    """Text from outside in lines of `width` columns, the first after `lead` and the others indented as far; shortened unless `wide` or `whole`."""
    safe = printable(text)
    if not (options.wide or whole):
        safe = shorten(shorten_words(safe, LONGEST_WORD), LONGEST_TEXT)
    lines = wrap(safe, width - columns(lead))
    return [(" " * columns(lead) if index else lead) + line for index, line in enumerate(lines)]


def name_text(name: str, width: int, options: ReportOptions) -> str:
    """A name from outside, in at most `width` columns unless `wide`."""
    safe = printable(name)
    return safe if options.wide else shorten(safe, width)


def copy_name(name: str, width: int, options: ReportOptions) -> list[str]:
    """A name in lines of `width` columns; a copy's is parted before its target."""
    safe = printable(name)
    if columns(safe) <= width:
        return [safe]
    system, at, target = safe.rpartition("@")
    parts = [system, at + target] if at else [safe]
    return [line for part in parts for line in (wrap(part, width) if options.wide else [shorten(part, width)])]


def in_columns(header: Sequence[str], widths: Sequence[int], cells: Sequence[Sequence[str] | str]) -> Iterator[str]:
    """
    The cells in columns below an underlined header; a row that is `LINE` is empty.

    Header and underline are rows like the others, so that a column's width does not depend on whether tabulate finds wcwidth on this machine.
    """
    rows = [list(header), ["-" * width for width in widths], *cells]
    for line in tabulate(rows, tablefmt="plain", disable_numparse=True).splitlines():
        yield line.rstrip()


def widest(cells: Iterable[str]) -> int:
    """The columns that the widest line of these cells takes."""
    return max(columns(line) for cell in cells for line in cell.split("\n"))


def painted(text: str, code: str, options: ReportOptions) -> str:
    """The text in a colour, where colours may be used."""
    return f"\x1b[{code}m{text}\x1b[0m" if options.colour else text
