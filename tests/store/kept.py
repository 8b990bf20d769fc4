"""Stores with nights in them: small assessments with papers of their own and papers that they share."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from drcheck.chain import RECORD, Link, Paper
from drcheck.model import Assessment, Night, Outcome
from drcheck.record import assessment_to_record
from drcheck.store import Store, open_store
from tests.nights.making import assessment_of, key_of, letter, night, number

PACK = Paper("policies/pack.toml", b"the same for every night")
ESTATE = "estate.json"


@cache
def empty() -> bytes:
    """The file of a store without a night: to copy it takes less time than to make each anew."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "store.db"
        open_store(file).close()
        return file.read_bytes()


def keep(
    store: Store, index: int, letters: dict[str, str] | None = None, *, organisation: str = "north", as_of: bool = False, at: datetime | None = None
) -> Night:
    """Record the numbered night, with these findings."""
    found = {key_of(name): letter(text) for name, text in (letters or {"a ehr": "P"}).items()}
    one = night(index, at=at, as_of=as_of, organisation=organisation)
    assessment = assessment_of(one, found)
    return store.record(assessment, papers(assessment, index))


def papers(assessment: Assessment, index: int) -> list[Paper]:
    """The record, one that stays the same for three nights, and one that is always the same; names are hashed in the record."""
    record = assessment_to_record(assessment)
    return [Paper(RECORD, record, record + b" "), Paper(ESTATE, b"estate %d" % (index // 3)), PACK]


def fill(store: Store, nights: int, *, organisation: str = "north", fails: tuple[int, ...] = ()) -> list[Night]:
    """So many nights, one after the other."""
    return [keep(store, index, {"a ehr": "F" if index in fails else "P"}, organisation=organisation) for index in range(1, nights + 1)]


def follow(links: list[Link]) -> None:
    """Assert that every link follows the one before it."""
    previous = ""
    for index, link in enumerate(links, 1):
        assert (link.number, link.previous) == (index, previous)
        previous = link.digest


def after(nights: int) -> datetime:
    """A moment just after so many nights."""
    return number(nights) + timedelta(hours=5)


def standing(store: Store, organisation: str = "north") -> list[tuple[Outcome, datetime, datetime]]:
    """The stretches of the one finding."""
    return [(one.outcome, one.since, one.until) for one in store.intervals(organisation)]
