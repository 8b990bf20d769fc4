"""The seeds of sampling: made once, kept until a run that used one is recorded, and then the next one's turn."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from drcheck.chain import Paper
from drcheck.errors import StoreError
from drcheck.store import Store, open_store
from drcheck.store.schema import seeds
from tests.store.test_history import assessment

KILLED = """
import os, signal, sys
from drcheck.store import open_store
with open_store(sys.argv[1]) as store:
    print(store.sampling("trust").seed.hex(), flush=True)
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
"""


def test_seeds_are_made_once_and_differ(where: str) -> None:
    with open_store(where) as store:
        made = store.sampling("trust")
        other = store.sampling("other")
        assert store.sampling("trust") == made
    with open_store(where) as store:
        assert store.sampling("trust") == made
    every = {made.seed, made.next_seed, other.seed, other.next_seed}
    assert [len(seed) for seed in every] == [32] * 4


def test_a_run_that_used_its_seed_hands_on_to_the_next(store: Store) -> None:
    first = store.sampling("trust")
    other = store.sampling("other")
    store.record(assessment(1), [Paper("assessment.json", b"1")], used_seed=first.seed)
    second = store.sampling("trust")
    assert second.seed == first.next_seed
    assert second.next_seed not in (first.seed, first.next_seed)
    store.record(assessment(2), [Paper("assessment.json", b"2")], used_seed=second.seed)
    assert store.sampling("trust").seed == second.next_seed
    assert store.sampling("other") == other


def test_what_used_no_seed_changes_none(store: Store) -> None:
    made = store.sampling("trust")
    store.record(assessment(1), [Paper("assessment.json", b"1")])
    store.record(assessment(2, as_of=True), [Paper("assessment.json", b"2")], used_seed=made.seed)
    store.record(assessment(3), [Paper("assessment.json", b"3")], used_seed=b"x" * 32)
    store.record(assessment(4), [Paper("assessment.json", b"4")], used_seed=made.next_seed)
    store.record(assessment(1, organisation="other"), [Paper("assessment.json", b"5")], used_seed=made.seed)
    assert store.sampling("trust") == made


def test_a_seed_has_one_turn(store: Store) -> None:
    made = store.sampling("trust")
    store.record(assessment(1), [Paper("assessment.json", b"1")], used_seed=made.seed)
    after = store.sampling("trust")
    store.record(assessment(2), [Paper("assessment.json", b"2")], used_seed=made.seed)
    assert store.sampling("trust") == after


def test_an_assessment_that_is_not_kept_uses_no_seed(store: Store) -> None:
    made = store.sampling("trust")
    store.record(assessment(1), [Paper("assessment.json", b"1")])
    with pytest.raises(StoreError, match="has the run run-trust-1 already"):
        store.record(assessment(1), [Paper("assessment.json", b"1")], used_seed=made.seed)
    assert store.sampling("trust") == made


def test_a_run_that_is_killed_leaves_its_seed_to_the_next(where: str) -> None:
    said = [subprocess.run([sys.executable, "-c", KILLED, where], capture_output=True, text=True, check=False).stdout for _ in range(2)]
    with open_store(where) as store:
        assert said == [store.sampling("trust").seed.hex() + "\n"] * 2


def test_several_that_ask_first_get_the_same(where: str) -> None:
    stores = [open_store(where) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        assert len({(found.seed, found.next_seed) for found in pool.map(lambda number: stores[number % 4].sampling("trust"), range(16))}) == 1
    for store in stores:
        store.close()


def test_seeds_are_not_shown_with_what_holds_them(store: Store) -> None:
    made = store.sampling("trust")
    shown = f"{made!r} {made}"
    assert all(part not in shown for seed in (made.seed, made.next_seed) for part in (repr(seed), seed.hex()))


def test_a_seed_that_is_cut_short_is_damage(store: Store) -> None:
    store.sampling("trust")
    with store._database.writing() as connection:
        connection.execute(update(seeds).values(seed=b"short"))
    with pytest.raises(StoreError, match=r"is damaged \(a seed is not as long as it was made\)"):
        store.sampling("trust")
