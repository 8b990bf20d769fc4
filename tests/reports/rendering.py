"""A report as tests ask for it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from drcheck.model import Assessment
from drcheck.reports import BUILTIN, ReportOptions, render_text

TEXTS = sorted(set(BUILTIN) - {"pdf"})
"""The formats that are text."""


def text_of(assessment: Assessment, format_: str, *, only: Collection[str] = (), **options: Any) -> str:
    """The assessment in a format that is text; the options are those of `ReportOptions`."""
    return render_text(assessment, format_, ReportOptions(only=frozenset(only), **options))
