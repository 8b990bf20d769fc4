"""SECURITY.md says which test shows what: each of these tests is there, and no line of the design is without one."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
LINES = (
    "names in HTML",
    "names in CSV",
    "names on a terminal",
    "names in manifests",
    "paths in manifests",
    "archives",
    "XML",
    "bytes of any kind",
    "SSH servers",
    "TLS servers",
    "sub-processes",
    "names in exports",
)
"""What section 6 of the design says that an attacker controls; each is a row of the page's table."""


@cache
def named_in(file: str) -> frozenset[str]:
    """The tests of a file: its functions, and the methods of its classes."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test"))


def test_the_page_names_tests() -> None:
    assert len(NAMED) > 30


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[f"{file}::{name}" for file, name in NAMED])
def test_a_test_that_the_page_names_is_there(file: str, name: str) -> None:
    assert name in named_in(file)


@pytest.mark.parametrize("line", LINES)
def test_each_line_of_the_design_has_a_test(line: str) -> None:
    rows = [row for row in PAGE.splitlines() if row.startswith(f"| {line} |")]
    assert len(rows) == 1
    assert "::test_" in rows[0].split("|")[3]


def test_every_row_of_the_table_has_a_test() -> None:
    table = PAGE.split("## Each line of the design")[1].split("\n## ")[0]
    rows = [row.split("|") for row in table.splitlines() if row.startswith("| ")][1:]
    assert len(rows) >= len(LINES)
    assert [row[1].strip() for row in rows if "::test_" not in row[3]] == []


def test_every_actor_has_something_that_is_left() -> None:
    """A threat model in which nothing is left was not thought through."""
    actors = re.split(r"\n\*\*(?=[A-Z])", PAGE.split("## Who, what they can try")[1].split("\n## ")[0])[1:]
    assert len(actors) >= 8
    assert [actor.split("**")[0] for actor in actors if "*Left:*" not in actor] == []


def test_links_lead_somewhere() -> None:
    for place in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / place).exists(), place
