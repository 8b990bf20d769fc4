"""
Every report as it was last looked at by a person.

After a wanted change: `DRCHECK_UPDATE_GOLDEN=1 python -m pytest tests/reports/test_golden.py`, then read the difference before it is committed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drcheck.model import Assessment
from tests.reports import sample
from tests.reports.afternoon import hot_afternoon
from tests.reports.rendering import TEXTS, text_of

GOLDEN = Path(__file__).parent / "golden"
UPDATE = os.environ.get("DRCHECK_UPDATE_GOLDEN") == "1"

CASES: list[tuple[str, Callable[[], Assessment], str, dict[str, Any]]] = [
    ("hospital.table.txt", sample.hospital, "table", {}),
    ("hospital-wide.table.txt", sample.hospital, "table", {"wide": True, "width": 140}),
    ("hospital-narrow.table.txt", sample.hospital, "table", {"width": 60}),
    ("hospital-only.table.txt", sample.hospital, "table", {"only": frozenset({"unknown", "not-applicable"})}),
    ("hospital-colour.table.txt", sample.hospital, "table", {"colour": True}),
    ("rehearsal.table.txt", sample.rehearsal, "table", {}),
    ("good.table.txt", sample.good, "table", {}),
    ("nothing.table.txt", sample.nothing, "table", {}),
    ("hospital.json", sample.hospital, "json", {}),
    ("rehearsal.json", sample.rehearsal, "json", {}),
    ("hospital.md", sample.hospital, "markdown", {}),
    ("hospital-wide.md", sample.hospital, "markdown", {"wide": True}),
    ("rehearsal.md", sample.rehearsal, "markdown", {}),
    ("nothing.md", sample.nothing, "markdown", {}),
    ("hospital.csv", sample.hospital, "csv", {}),
    ("hospital.html", sample.hospital, "html", {"past": sample.past_of_hospital()}),
    ("rehearsal.html", sample.rehearsal, "html", {}),
    ("nothing.html", sample.nothing, "html", {}),
    ("hospital.statement.html", sample.hospital, "statement", {}),
    ("rehearsal.statement.html", sample.rehearsal, "statement", {}),
    ("hot-afternoon.statement.html", hot_afternoon, "statement", {}),
    ("nothing.statement.html", sample.nothing, "statement", {}),
    ("hospital.oscal.json", sample.hospital, "oscal", {}),
    ("hospital.ocsf.json", sample.hospital, "ocsf", {}),
    ("hospital-past.ocsf.json", sample.hospital, "ocsf", {"past": sample.past_of_hospital()}),
    ("hospital-past.sarif", sample.hospital, "sarif", {"past": sample.past_of_hospital()}),
    ("nothing.sarif", sample.nothing, "sarif", {}),
    ("hospital.junit.xml", sample.hospital, "junit", {}),
    ("nothing.junit.xml", sample.nothing, "junit", {}),
    ("hospital.prom", sample.hospital, "prometheus", {}),
    ("hospital.nagios.txt", sample.hospital, "nagios", {}),
    ("rehearsal.nagios.txt", sample.rehearsal, "nagios", {}),
    ("good.nagios.txt", sample.good, "nagios", {}),
    ("nothing.nagios.txt", sample.nothing, "nagios", {}),
]


@pytest.mark.parametrize(("name", "make", "format_", "options"), CASES, ids=[case[0] for case in CASES])
def test_a_report_is_what_it_was(name: str, make: Callable[[], Assessment], format_: str, options: dict[str, Any]) -> None:
    path = GOLDEN / name
    rendered = text_of(make(), format_, **options).encode()
    if UPDATE:
        path.write_bytes(rendered)
    assert rendered.decode() == path.read_bytes().decode()


def test_every_format_has_a_golden_file_and_every_golden_file_a_format() -> None:
    assert {case[2] for case in CASES} == set(TEXTS)
    assert {path.name for path in GOLDEN.iterdir()} == {case[0] for case in CASES}
