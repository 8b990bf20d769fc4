"""What a store says of itself, and of who runs."""

from __future__ import annotations

import os

from drcheck.store import Store, open_store
from tests.nights.making import number
from tests.store.kept import fill, keep


def test_it_says_what_it_is_and_how_many_nights_of_an_organisation_it_holds(store: Store, where: str) -> None:
    kind = "postgresql" if "://" in where else "sqlite"
    empty = store.kept("north")
    assert (empty.kind, empty.nights, empty.first) == (kind, 0, None)
    fill(store, 3)
    keep(store, 4, organisation="south")
    store.prune(number(3), really=True)
    found = store.kept("north")
    assert (found.kind, found.nights, found.first) == (kind, 3, number(1))
    assert found.place == store.place
    assert "s3cret" not in found.place


def test_a_run_that_goes_on_is_named_and_one_that_ended_is_not(store: Store, where: str) -> None:
    assert store.running("north") is None
    with store.run_lock("north", "drcheck check"), open_store(where) as other:
        running = other.running("north")
        assert running is not None
        assert (running.pid, running.command) == (os.getpid(), "drcheck check")
        assert other.running("south") is None
    assert store.running("north") is None
