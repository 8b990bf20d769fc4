"""
A strict reader of the output of monitoring plugins, by the Monitoring Plugins Development Guidelines (monitoring-plugins.org/doc/guidelines.html).

It refuses whatever a monitoring system might understand in another way.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_RANGE = r"(?:@?(?:~|-?\d+(?:\.\d+)?)?:?(?:-?\d+(?:\.\d+)?)?)"
_MEASURE = re.compile(
    r"(?P<label>'(?:[^'=]|'')+'|[^'= ]+)=(?P<value>-?\d+(?:\.\d+)?|U)(?P<unit>s|us|ms|%|B|KB|MB|GB|TB|c)?"
    rf"(?:;(?P<warn>{_RANGE})?(?:;(?P<crit>{_RANGE})?(?:;(?P<min>-?\d+(?:\.\d+)?)?(?:;(?P<max>-?\d+(?:\.\d+)?)?)?)?)?)?"
)
_FIRST = re.compile(r"(?P<service>[A-Z]+) (?P<state>OK|WARNING|CRITICAL|UNKNOWN) - (?P<summary>[^|]+?)(?: \| (?P<measures>[^|]+))?")


@dataclass(frozen=True)
class Measure:
    """One measure of the performance data."""

    value: float | None
    """None where it is `U`, not known."""
    unit: str
    warn: str
    crit: str


@dataclass(frozen=True)
class Output:
    """What a plugin said."""

    service: str
    state: int
    summary: str
    measures: dict[str, Measure]
    details: tuple[str, ...]


def read(text: str) -> Output:
    """What a plugin said. Raises ValueError where it is not what the guidelines ask for."""
    if not text.endswith("\n") or len(text.encode()) > 4096:
        raise ValueError("the output must end with a line end, and NRPE cuts it at 4 KB")
    first, *details = text[:-1].split("\n")
    found = _FIRST.fullmatch(first)
    if found is None:
        raise ValueError(f"not a status line: {first!r}")
    if any("|" in line for line in details):
        raise ValueError("a bar in the details begins more performance data")
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for line in (first, *details) for character in line):
        raise ValueError("the output holds control characters")
    measures: dict[str, Measure] = {}
    for part in (found["measures"] or "").split():
        measure = _MEASURE.fullmatch(part)
        if measure is None:
            raise ValueError(f"not a measure: {part!r}")
        label = measure["label"].strip("'")
        if label in measures:
            raise ValueError(f"two measures are called {label!r}")
        value = None if measure["value"] == "U" else float(measure["value"])
        measures[label] = Measure(value, measure["unit"] or "", measure["warn"] or "", measure["crit"] or "")
    return Output(found["service"], STATES.index(found["state"]), found["summary"], measures, tuple(details))
