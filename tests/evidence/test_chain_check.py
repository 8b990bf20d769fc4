"""Chains held against each other: gaps, forks, rewrites, lost heads and missed nights, and nothing where all is well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drcheck.chain import Link
from drcheck.evidence.chain_check import Chain, FaultKind, faults, read_chain

START = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def link(number: int, previous: str = "", **fields: object) -> Link:
    """The link of a numbered night."""
    at = START + DAY * number
    made = Link(
        "north",
        number,
        f"run-{number}",
        at,
        at,
        False,
        0,
        (("record.json", f"sha256:{'00' * 32}"),),
        (("record.json", f"sha256:{'11' * 32}"),),
        previous,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def chained(count: int, **fields: object) -> list[Link]:
    """A chain without a fault."""
    made: list[Link] = []
    for number in range(1, count + 1):
        made.append(link(number, made[-1].digest if made else "", **fields))
    return made


def kinds(*chains: Sequence[Link], heads: Sequence[str] = (), every: timedelta | None = None) -> list[FaultKind]:
    """The kinds of faults of these chains."""
    return [fault.kind for fault in faults([Chain(f"place {index}", tuple(each)) for index, each in enumerate(chains)], heads, every)]


@given(st.integers(0, 12), st.lists(st.integers(0, 12), max_size=3))
def test_beginnings_of_one_chain_have_no_fault(count: int, lengths: list[int]) -> None:
    links = chained(count)
    assert kinds(links, *(links[:length] for length in lengths), every=DAY, heads=[each.digest for each in links]) == []


@given(st.integers(2, 10), st.data())
def test_a_night_that_is_missing_or_altered_anywhere_is_a_fault(count: int, data: st.DataObject) -> None:
    links = chained(count)
    place = data.draw(st.integers(0, count - 2))  # of the last one only a head that somebody knows can tell
    assert FaultKind.BROKEN in kinds(links[:place] + links[place + 1 :])
    assert FaultKind.BROKEN in kinds([*links[:place], replace(links[place], exit_code=10), *links[place + 1 :]])
    swapped = [*links[:place], links[place + 1], links[place], *links[place + 2 :]]
    assert FaultKind.BROKEN in kinds(swapped)


def test_the_last_night_is_missed_only_by_who_knew_of_it() -> None:
    links = chained(4)
    assert kinds(links[:3]) == []
    assert kinds(links[:3], heads=[links[3].digest]) == [FaultKind.HEAD]
    assert kinds(links[:3], links) == []


def test_two_chains_that_went_apart_are_a_fork() -> None:
    links = chained(6)
    other = links[:3]
    for number in range(4, 7):
        other.append(link(number, other[-1].digest, run=f"other-{number}"))
    assert kinds(links, other) == [FaultKind.FORK]
    text = str(faults([Chain("the store", tuple(links)), Chain("pack.zip", tuple(other))])[0])
    assert "number 4 is run-4 with sha256:" in text
    assert "in the store and other-4" in text
    assert "in pack.zip, and so on" in text


def test_a_chain_that_was_made_anew_shows_beside_one_that_was_handed_out() -> None:
    links = chained(4)
    anew: list[Link] = []
    for each in links:
        anew.append(replace(each, exit_code=0 if each.number != 2 else 10, previous=anew[-1].digest if anew else ""))
    assert kinds(anew) == []
    assert set(kinds(links, anew)) == {FaultKind.REWRITTEN}
    assert kinds(anew, heads=[links[-1].digest]) == [FaultKind.HEAD]


def test_missed_nights_are_told_where_a_rhythm_is_given() -> None:
    links: list[Link] = []
    for number, at in enumerate((0, 1, 2.2, 4, 5, 9), start=1):
        links.append(link(number, links[-1].digest if links else "", started=START + DAY * at))
    assert kinds(links) == []
    found = faults([Chain("x", tuple(links))], every=DAY)
    assert [fault.kind for fault in found] == [FaultKind.LATE, FaultKind.LATE]
    assert "1d 19h went by between number 3" in found[0].text
    as_of = [replace(each, as_of=each.number == 4) for each in links]
    assert kinds(_again(as_of), every=4 * DAY) == []
    assert len(kinds(_again(as_of), every=DAY)) == 2


def _again(links: Sequence[Link]) -> list[Link]:
    made: list[Link] = []
    for each in links:
        made.append(replace(each, previous=made[-1].digest if made else ""))
    return made


def test_organisations_have_chains_of_their_own() -> None:
    south = _again([replace(each, organisation="south") for each in chained(3)])
    assert kinds(chained(3), south) == []
    assert kinds([*chained(2), link(3, chained(2)[-1].digest, organisation="south")]) == [FaultKind.BROKEN]


LINES = b"".join(each.canonical() + b"\n" for each in chained(3))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda content: content[:-1], "does not end with a line end"),
        (lambda content: b"", "does not end with a line end"),
        (lambda content: b"\n" + content, "line 1: is not JSON"),
        (lambda content: content.replace(b'"number":2', b'"number":2.0'), "line 2: is not in its one canonical form"),
        (lambda content: content.replace(b'"number":2', b'"number": 2'), "line 2: is not in its one canonical form"),
        (lambda content: content.replace(b'"number":2', b'"more":1,"number":2'), "line 2: is not in its one canonical form"),
        (lambda content: content.replace(b"drcheck.link/1", b"drcheck.link/2", 1), "line 1: is no link of the schema"),
        (lambda content: content.replace(b"\n", b"\r\n"), "line 1: is not in its one canonical form"),
        (lambda content: content.replace(b"run-3", b"run-\xff"), "line 3: "),
    ],
)
def test_a_chain_has_one_form(change: Callable[[bytes], bytes], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_chain(change(LINES), "x")
    assert read_chain(LINES, "x").links == tuple(chained(3))
