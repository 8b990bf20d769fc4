"""What drcheck really exports, for whoever names metrics and labels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from drcheck.model import SystemUsed
from tests.reports import sample
from tests.reports.rendering import text_of

CONTRIB = Path(__file__).parents[2] / "contrib"
_SELECTOR = re.compile(r"\b(drcheck_\w+)(?:\{([^}]*)\})?")


@cache
def exported() -> dict[str, frozenset[str]]:
    """Every metric that drcheck can export, with its labels."""
    systems = (SystemUsed("imaging", "Imaging", "critical", "A. Person", "main", "", (), timedelta(hours=24), timedelta(hours=4)),)
    text = text_of(replace(sample.hospital(), systems=systems), "prometheus")
    return {family.name: frozenset(family.samples[0].labels) for family in text_string_to_metric_families(text)}


def selectors(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Each of drcheck's metrics in a query, with the labels that it is selected by."""
    for found in _SELECTOR.finditer(expression):
        yield found[1], set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", found[2] or ""))


def check_query(expression: str) -> None:
    """Fails where a query names a metric or label that drcheck does not export."""
    found = list(selectors(expression))
    assert found, f"no metric of drcheck in {expression}"
    for metric, labels in found:
        assert metric in exported(), f"{metric} is not exported"
        assert labels <= exported()[metric], f"{metric} has not all of {labels}"
