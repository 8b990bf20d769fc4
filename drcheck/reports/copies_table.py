"""The declared copies in a terminal: how fresh, how many points, how much of each was read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from drcheck.model import NO_STORE, Assessment, Unobserved
from drcheck.reports.base import ReportOptions
from drcheck.reports.rows import CopyRow, copy_rows
from drcheck.reports.terminal import copy_name, in_columns, name_text, text_lines, widest
from drcheck.reports.wording import freshness, point_count, verified, verified_briefly, where
from drcheck.reports.wrapping import columns

_NARROWEST_NAME = 12
_OTHER_COLUMNS = 52
"""What the columns beside the name take at most, in all but odd cases."""
_BRIEF_HEADER = ("newest usable", "points", "read and compared")


def copies_table(assessment: Assessment, options: ReportOptions) -> list[str]:
    """Every declared copy, on one line where there is room; when `wide` with moments, bytes, and why something is not known."""
    rows = copy_rows(assessment)
    if not rows:
        return []
    header, cells = _in_full(rows, options) if options.wide else _on_one_line(rows, options)
    if not options.wide and sum(_widths(header, cells)) + 2 * (len(header) - 1) > options.width:
        header, cells = _with_the_site_below(rows, options)
    lines = ["Copies", *in_columns(header, _widths(header, cells), cells)]
    if options.wide:
        lines += [line for row in rows for reason in _why_unknown(row) for line in text_lines(reason, options, options.width)]
    return lines


def _widths(header: Sequence[str], cells: Sequence[Sequence[str]]) -> list[int]:
    return [widest(column) for column in zip(header, *cells, strict=True)]


def _on_one_line(rows: Sequence[CopyRow], options: ReportOptions) -> tuple[list[str], list[list[str]]]:
    width = _name_width(options)
    cells = [
        [name_text(row.id, width, options), " ".join(_site(row, width, options)), *(", ".join(parts) for parts in _briefly(row))] for row in rows
    ]
    return ["copy", "site", *_BRIEF_HEADER], cells


def _with_the_site_below(rows: Sequence[CopyRow], options: ReportOptions) -> tuple[list[str], list[list[str]]]:
    width = max(options.width - _OTHER_COLUMNS, _NARROWEST_NAME)
    cells = []
    for row in rows:
        site, where_ = _site(row, width, options)
        below = [f"{site} {where_}"] if columns(f"{site} {where_}") <= width else [site, where_]
        cells.append(["\n".join([*copy_name(row.id, width, options), *below]), *("\n".join(parts) for parts in _briefly(row))])
    return ["copy, site", *_BRIEF_HEADER], cells


def _briefly(row: CopyRow) -> tuple[tuple[str, ...], ...]:
    newest = freshness(row)
    return newest if isinstance(row.points, Unobserved) else newest[:1], point_count(row)[:1], verified_briefly(row)


def _in_full(rows: Sequence[CopyRow], options: ReportOptions) -> tuple[list[str], list[list[str]]]:
    width = _name_width(options)
    cells = [
        [
            "\n".join(lines)
            for lines in (copy_name(row.id, width, options), _site(row, width, options), freshness(row), point_count(row), verified(row))
        ]
        for row in rows
    ]
    return ["copy", "site", "newest usable", "usable points", "read and compared"], cells


def _site(row: CopyRow, width: int, options: ReportOptions) -> list[str]:
    return [name_text(part, width, options) for part in where(row)]


def _name_width(options: ReportOptions) -> int:
    return max(options.width // 4, _NARROWEST_NAME)


def _why_unknown(row: CopyRow) -> Iterator[str]:
    if isinstance(row.points, Unobserved):
        yield f"{row.id}: recovery points not known, {row.points}"
    if isinstance(row.verification, Unobserved):
        yield f"{row.id}: not read, {row.verification}"
    elif row.verification.value.stopped is not None:
        yield f"{row.id}: reading stopped early, {row.verification.value.stopped}"
    if isinstance(row.changes, Unobserved) and row.changes not in (NO_STORE, row.points):
        yield f"{row.id}: changes not known, {row.changes}"
