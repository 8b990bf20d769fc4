"""
Reports: an assessment as text, or as bytes where a format is none. Each format is one module and one line here.

A report is a pure function `(Assessment, ReportOptions) -> str | bytes`: equal input gives an equal report, on any machine at any time, and no format
changes the exit code, which is `Assessment.exit_code`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from drcheck import plugins
from drcheck.errors import ConfigError
from drcheck.reports.base import ReportOptions

if TYPE_CHECKING:
    from drcheck.model import Assessment
    from drcheck.reports.base import Report

__all__ = ["BUILTIN", "GROUP", "IN_PARTS", "WITH_PAST", "ReportOptions", "render", "render_parts", "render_text", "report", "report_known"]

_PLAIN = ReportOptions()
BUILTIN = {
    "csv": "drcheck.reports.csv_lines:csv_lines",
    "html": "drcheck.reports.html:html",
    "json": "drcheck.reports.json_document:json_document",
    "junit": "drcheck.reports.junit:junit",
    "markdown": "drcheck.reports.markdown:markdown",
    "nagios": "drcheck.reports.nagios:nagios",
    "ocsf": "drcheck.reports.ocsf:ocsf",
    "oscal": "drcheck.reports.oscal:oscal",
    "pdf": "drcheck.reports.pdf:pdf",
    "prometheus": "drcheck.reports.prometheus:prometheus",
    "sarif": "drcheck.reports.sarif:sarif",
    "statement": "drcheck.reports.statement:statement",
    "table": "drcheck.reports.table:table",
}
IN_PARTS = {
    "json": "drcheck.reports.json_document:json_parts",
    "ocsf": "drcheck.reports.ocsf:ocsf_parts",
    "oscal": "drcheck.reports.oscal:oscal_parts",
    "sarif": "drcheck.reports.sarif:sarif_parts",
}
"""Formats that can come to gigabytes, and what yields each of them part by part; the parts are the report."""
GROUP = "drcheck.reports"
WITH_PAST = frozenset({"html", "ocsf", "pdf", "sarif"})
"""Formats that show what earlier nights say beside the assessment."""


def report(format_: str, trusted: Collection[str] = ()) -> Report:
    """The report called `format_`. Raises ConfigError where nobody provides it."""
    found: Report = plugins.load(format_, BUILTIN, GROUP, trusted)
    return found


def report_known(format_: str, trusted: Collection[str] = ()) -> None:
    """Return where `format_` can be rendered, before anything is looked at. Raises ConfigError where nobody provides it."""
    report(format_, trusted)


def render(assessment: Assessment, format_: str, options: ReportOptions = _PLAIN, trusted: Collection[str] = ()) -> str | bytes:
    """
    The assessment in one format: text that ends with a line end, or bytes where the format is none.

    Raises:
        ConfigError: nobody provides the format.
    """
    return report(format_, trusted)(assessment, options)


def render_parts(assessment: Assessment, format_: str, options: ReportOptions = _PLAIN, trusted: Collection[str] = ()) -> str | bytes | Iterator[str]:
    """
    As `render`, but text that can be too large for memory in parts that follow each other.

    Raises:
        ConfigError: nobody provides the format.
    """
    if format_ not in IN_PARTS:
        return render(assessment, format_, options, trusted)
    parts: Iterator[str] = plugins.load(format_, IN_PARTS, GROUP)(assessment, options)
    return parts


def render_text(assessment: Assessment, format_: str, options: ReportOptions = _PLAIN, trusted: Collection[str] = ()) -> str:
    """
    The assessment in a format that is text.

    Raises:
        ConfigError: nobody provides the format, or it is no text.
    """
    text = render(assessment, format_, options, trusted)
    if not isinstance(text, str):
        raise ConfigError(f"the format {format_!r} is no text")
    return text
