"""
The seeds of a run's sampling: secret until the run is over, and committed to before it.

A run chooses what it reads by its seed, and its assessment publishes the digest of the next run's. So nobody can know beforehand what will be read,
and anybody can see afterwards that the choice was not made to suit.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from sqlalchemy import Connection, insert, select, update

from drcheck.clock import now
from drcheck.store.packing import Damaged
from drcheck.store.schema import organisations, seeds

LENGTH = 32
"""Bytes of a seed: as many as of its SHA-256."""


@dataclass(frozen=True, slots=True)
class Seeds:
    """The seeds of one organisation, 32 random bytes each. Neither is shown with it."""

    seed: bytes = field(repr=False)
    """Of this run; told when it is over."""
    next_seed: bytes = field(repr=False)
    """Of the run after it; only its digest is told before that."""


def find_seeds(connection: Connection, organisation: str) -> Seeds | None:
    """The organisation's seeds; None where it has none yet."""
    wanted = select(seeds.c.seed, seeds.c.next_seed).join(organisations, seeds.c.organisation == organisations.c.id)
    row = connection.execute(wanted.where(organisations.c.name == organisation)).first()
    return None if row is None else _whole(row.seed, row.next_seed)


def make_seeds(connection: Connection, organisation: int) -> Seeds:
    """The organisation's seeds, made where it has none. The caller has locked the organisation, so nobody else makes them meanwhile."""
    row = connection.execute(select(seeds.c.seed, seeds.c.next_seed).where(seeds.c.organisation == organisation)).first()
    if row is not None:
        return _whole(row.seed, row.next_seed)
    made = Seeds(secrets.token_bytes(LENGTH), secrets.token_bytes(LENGTH))
    connection.execute(insert(seeds).values(organisation=organisation, seed=made.seed, next_seed=made.next_seed, made=now()))
    return made


def rotate(connection: Connection, organisation: str, used: bytes) -> None:
    """Let the next seed be this run's, and make another one after it; nothing changes where `used` is not this run's any more."""
    number = select(organisations.c.id).where(organisations.c.name == organisation).scalar_subquery()
    values = {"seed": seeds.c.next_seed, "next_seed": secrets.token_bytes(LENGTH), "made": now()}
    connection.execute(update(seeds).where(seeds.c.organisation == number, seeds.c.seed == used).values(values))


def _whole(seed: bytes, next_seed: bytes) -> Seeds:
    if not len(seed) == len(next_seed) == LENGTH:
        raise Damaged("a seed is not as long as it was made")
    return Seeds(seed, next_seed)
