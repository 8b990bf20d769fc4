"""A link of the chain has one form, and says so where it is given another."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drcheck.chain import Link, link_from, unlinked

AT = datetime(2026, 3, 1, 2, tzinfo=UTC)
LINK = Link("trust", 2, "run-2", AT, AT, False, 10, (("record.json", "sha256:1"),), (("record.json", "sha256:2"),), "sha256:0")


def test_a_link_comes_back() -> None:
    assert link_from(LINK.canonical()) == LINK


@pytest.mark.parametrize(
    "change",
    [{"number": 3}, {"organisation": "other"}, {"exit_code": 0}, {"papers": ()}, {"hashed": ()}, {"previous": ""}, {"as_of": True}, {"run": "x"}],
)
def test_whatever_is_changed_changes_the_digest(change: dict[str, Any]) -> None:
    assert replace(LINK, **change).digest != LINK.digest


FIRST = replace(LINK, number=1, previous="")
FOLLOWS = replace(LINK, previous=FIRST.digest)


def test_a_link_follows_the_one_before_it_and_the_first_follows_none() -> None:
    assert unlinked(FIRST, None) == ""
    assert unlinked(FOLLOWS, FIRST) == ""


@pytest.mark.parametrize(
    ("link", "before", "said"),
    [
        (FOLLOWS, None, "is number 2 of its chain, and the nights before it are not there"),
        (replace(FIRST, previous="sha256:0"), None, "is number 1 of its chain, and the nights before it are not there"),
        (replace(FOLLOWS, organisation="o\x1b"), FIRST, "is of o\\x1b, and follows a night of trust"),
        (replace(FOLLOWS, number=4), FIRST, "is number 4 of its chain, and follows number 1"),
        (replace(FOLLOWS, number=1), FIRST, "is number 1 of its chain, and follows number 1"),
        (replace(FOLLOWS, previous=""), FIRST, "does not follow the night before it"),
        (FOLLOWS, replace(FIRST, exit_code=0), "does not follow the night before it"),
        (FIRST, FIRST, "is number 1 of its chain, and follows number 1"),
    ],
)
def test_a_link_that_does_not_follow_says_why(link: Link, before: Link | None, said: str) -> None:
    assert unlinked(link, before).startswith(said)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ({"schema": "drcheck.link/2"}, "is no link of the schema"),
        ({"number": "2"}, "is not in its one canonical form"),
        ({"number": 2.5}, "is not in its one canonical form"),
        ({"as_of": 0}, "is not in its one canonical form"),
        ({"more": 1}, "is not in its one canonical form"),
        ({"papers": {"a": 1}}, "papers is no table of digests"),
        ({"run": None}, "run is no text"),
        ({"started": "yesterday"}, "is not a moment"),
        ({"number": []}, "int()"),
    ],
)
def test_what_is_no_link_is_refused(edit: dict[str, Any], said: str) -> None:
    document = json.loads(LINK.canonical()) | edit
    with pytest.raises(ValueError, match=said.replace("(", r"\(").replace(")", r"\)")):
        link_from(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())


def test_a_missing_key_is_named() -> None:
    document = json.loads(LINK.canonical())
    del document["previous"]
    with pytest.raises(ValueError, match="has no previous"):
        link_from(json.dumps(document).encode())


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_with_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any of its messages
        link_from(content)
