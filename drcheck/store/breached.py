"""
Objects that broke what was declared of them, kept with the listing that showed it.

A listing shows a change once: the next one finds the object as it is now. So what it showed is written in the transaction that keeps the listing, and
stands for as long as an object that is gone is remembered, whatever becomes of the run that saw it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from drcheck.model import Breach, BrokenObject
from drcheck.store.known import REMEMBER, key_of, text_of
from drcheck.store.schema import breaches


def keep(connection: Connection, copy: int, broken: Sequence[BrokenObject], seen: datetime) -> None:
    """Add what a listing showed, and drop what is remembered no longer."""
    connection.execute(delete(breaches).where(breaches.c.copy == copy, breaches.c.seen < seen - REMEMBER))
    if broken:
        rows = [{"copy": copy, "key": key_of(each.key), "kind": each.breach.value, "detail": each.detail, "seen": seen} for each in broken]
        connection.execute(insert(breaches), rows)


def since(connection: Connection, copy: int, moment: datetime) -> list[BrokenObject]:
    """What listings from `moment` on showed, in the order in which they did."""
    wanted = select(breaches.c.key, breaches.c.kind, breaches.c.detail).where(breaches.c.copy == copy, breaches.c.seen >= moment)
    return [BrokenObject(text_of(key), Breach(kind), detail) for key, kind, detail in connection.execute(wanted.order_by(breaches.c.id))]
