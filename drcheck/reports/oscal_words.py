"""Text in the datatypes of OSCAL (pages.nist.gov/OSCAL/reference/datatypes): tokens, plain strings, and lines of Markdown."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from drcheck.clock import format_moment
from drcheck.model import printable
from drcheck.reports.markdown import escape

NAMESPACE = "urn:drcheck:oscal:1"
"""Of the properties that are drcheck's own."""
_MARKUP = re.compile(r"[\\`*_{}\[\]|~$<>&]|://|www\.|mailto:|@[^ ]*\.|^[-+=#]|^\d+[.)]", re.IGNORECASE)
"""What any Markdown reader makes more of than text; the rest need not be looked at word by word."""
_KEPT = 100_000
"""Texts that are kept: names of policies and checks, and many messages, come again and again."""
_YEARS = range(1900, 3000)
"""Those that the datatype date-time-with-timezone has."""


@lru_cache(_KEPT)
def token(text: str) -> str:
    """The text as a token: letters, digits, `.`, `-` and `_` are kept, whatever else is in it is `_`, and so is what it may not begin with."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", text)
    return safe if re.match(r"[A-Za-z_]", safe) else f"_{safe}"


@lru_cache(_KEPT)
def string(text: str) -> str:
    """The text as a string: printable, without space at its ends, and `-` where nothing is left."""
    return printable(text).strip() or "-"


@lru_cache(_KEPT)
def line(text: str) -> str:
    """The text as a line of Markdown that shows it and never obeys it; `-` where it is empty."""
    safe = string(text)
    return escape(safe) if _MARKUP.search(safe) else safe


def properties(**values: str) -> list[dict[str, str]]:
    """Properties of drcheck's own, in the order given; those without a value are left out."""
    return [{"name": name.replace("_", "-"), "ns": NAMESPACE, "value": string(value)} for name, value in values.items() if value]


def moment(value: datetime) -> str | None:
    """The moment in the form of the datatype; None outside the years that it has."""
    return format_moment(value) if value.year in _YEARS else None


def end_of(day: date) -> str | None:
    """The last second of a day in UTC; None outside the years that the datatype has."""
    return f"{day.isoformat()}T23:59:59Z" if day.year in _YEARS else None


def present(**fields: Any) -> dict[str, Any]:
    """The fields that have a value, for OSCAL knows neither nulls nor empty lists."""
    return {name.replace("_", "-"): value for name, value in fields.items() if value}
