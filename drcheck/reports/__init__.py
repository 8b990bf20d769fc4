"""
Reports: an assessment as text. Each format is one module and one line here.

A report is a pure function `(Assessment, ReportOptions) -> str`: equal input gives an equal report, on any machine at any time, and no format
changes the exit code, which is `Assessment.exit_code`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from drcheck import plugins
from drcheck.reports.base import ReportOptions

if TYPE_CHECKING:
    from drcheck.model import Assessment
    from drcheck.reports.base import Report

BUILTIN = {
    "csv": "drcheck.reports.csv_lines:csv_lines",
    "json": "drcheck.reports.json_document:json_document",
    "markdown": "drcheck.reports.markdown:markdown",
    "table": "drcheck.reports.table:table",
}
GROUP = "drcheck.reports"


def report(format_: str, trusted: Collection[str] = ()) -> Report:
    """The report called `format_`. Raises ConfigError where nobody provides it."""
    found: Report = plugins.load(format_, BUILTIN, GROUP, trusted)
    return found


def report_known(format_: str, trusted: Collection[str] = ()) -> None:
    """Return where `format_` can be rendered, before anything is looked at. Raises ConfigError where nobody provides it."""
    report(format_, trusted)


def render(
    assessment: Assessment,
    format_: str,
    *,
    wide: bool = False,
    only: Collection[str] = frozenset(),
    colour: bool = False,
    width: int = 100,
    trusted: Collection[str] = (),
) -> str:
    """
    The assessment as text in one format, ending with a line end. See `ReportOptions` for the options.

    Raises:
        ConfigError: nobody provides the format, or `only` holds what is no outcome.
    """
    return report(format_, trusted)(assessment, ReportOptions(wide=wide, only=frozenset(only), colour=colour, width=width))
