"""docs/formats.md names every option, with its default, and every state and field."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from drcheck.clock import format_duration
from drcheck.formats import BUILTIN, format_class
from drcheck.formats.collect import RETAINED
from drcheck.formats.dump import SCATTERED
from drcheck.formats.growth import LOOKS
from drcheck.formats.pattern import _FIELDS
from drcheck.model import PointState

PAGE = (Path(__file__).parents[2] / "docs/formats.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The part of the page under one heading."""
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("kind", BUILTIN)
def test_every_option_is_there_with_its_default(kind: str) -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", section(kind), re.MULTILINE))
    fields = format_class(kind).options_class.model_fields
    assert sorted(rows) == sorted(fields)
    for name, field in fields.items():
        if field.is_required():
            shown = "required"
        elif name == "settle":
            shown = f"`{format_duration(field.default)}`"
        elif isinstance(field.default, tuple):
            shown = " ".join(f"`{ending}`" for ending in field.default) if kind == "dated" else "as for `dated`"
        else:
            shown = f"`{field.default}`" if field.default else "none"
        assert rows[name] == shown


def test_every_state_field_and_limit_is_there() -> None:
    assert set(re.findall(r"^\| \d \| `([a-z-]+)` \|", section("States"), re.MULTILINE)) == {state.value for state in PointState}
    assert {f"`%{field}`" for field in _FIELDS} <= set(re.findall(r"`%\w`", section("Patterns")))
    assert f"{RETAINED:,}" in section("States")
    assert f"newest {LOOKS}" in section("States")
    assert f"{SCATTERED:,}" in section("dump")
