"""Papers are let go of, and everything that says how things went stays."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drcheck.chain import RECORD
from drcheck.errors import StoreError
from drcheck.evidence.chain_check import Chain, chain_faults
from drcheck.model import Outcome
from drcheck.record import assessment_from_record
from drcheck.store import Store, open_store
from tests.nights.making import DAY, number
from tests.store.kept import ESTATE, PACK, empty, fill, follow, keep, standing
from tests.store.model import night as moment_of
from tests.store.postgres import Postgres
from tests.store.test_history import assessment


def test_what_would_go_is_told_and_nothing_goes(store: Store) -> None:
    nights = fill(store, 7)
    found = store.prune(number(5), really=False)
    assert [one.run for one in found.nights] == ["run-1", "run-2", "run-3", "run-4"]
    # Four records, each with and without names, and one estate; the other two and the pack are needed.
    assert (found.kept, found.papers) == (3, 9)
    assert found.bytes > 0
    assert store.assessments() == nights[::-1]
    for one in nights:
        assert store.paper(one.run, RECORD)


def test_papers_go_and_links_and_intervals_stay(store: Store) -> None:
    fill(store, 7, fails=(2, 3))
    links, stretches = store.links("north"), standing(store)
    told, done = (store.prune(number(5), really=really) for really in (False, True))
    assert [one.run for one in done.nights] == [one.run for one in told.nights]
    assert (done.kept, done.papers, done.bytes) == (told.kept, told.papers, told.bytes)
    assert [(one.number, one.pruned) for one in store.assessments()] == [(index, index < 5) for index in range(7, 0, -1)]
    assert store.links("north") == links
    follow(store.links("north"))
    assert standing(store) == stretches
    for hashed in (False, True):
        with pytest.raises(StoreError, match=r"record.json of the run run-4 was pruned; only its place in the chain is left"):
            store.paper("run-4", RECORD, hashed=hashed)
        assert assessment_from_record(store.paper("run-5", RECORD, hashed=hashed), "").run.id == "run-5"
    # What a kept night needs too is kept: the estate of the nights 3 to 5, and the pack of all.
    assert store.paper("run-5", ESTATE) == b"estate 1"
    assert store.paper("run-6", PACK.name) == PACK.content
    with pytest.raises(StoreError, match="was pruned"):
        store.paper("run-1", ESTATE)
    again = store.prune(number(5), really=True)
    assert (again.nights, again.kept, again.papers, again.bytes) == ((), 3, 0, 0)
    assert store.check().problems == ()


def test_the_next_night_follows_a_pruned_one(store: Store) -> None:
    fill(store, 3)
    store.prune(number(90), really=True)
    keep(store, 4, {"a ehr": "F"})
    follow(store.links("north"))
    assert standing(store) == [(Outcome.PASS, number(1), number(3)), (Outcome.FAIL, number(4), number(4))]


def test_the_last_night_of_each_organisation_stays_however_old(store: Store) -> None:
    fill(store, 3)
    keep(store, 4, organisation="south")
    keep(store, 5, as_of=True, at=number(1))
    keep(store, 6, as_of=True, at=number(2))
    store.prune(number(900), really=True)
    assert {one.run for one in store.assessments() if not one.pruned} == {"run-3", "run-4", "run-6"}
    assert store.check().problems == ()


@pytest.mark.parametrize(("keep_last", "left"), [(0, 1), (1, 1), (3, 3), (50, 5)])
def test_so_many_of_the_last_stay(store: Store, keep_last: int, left: int) -> None:
    fill(store, 5)
    assert store.prune(number(900), keep_last, really=True).kept == left
    assert [one.pruned for one in store.assessments()] == [False] * left + [True] * (5 - left)


def test_the_counts_of_calls_of_pruned_nights_go(store: Store) -> None:
    for index in (1, 2):
        store.record(assessment(index), [])
    assert store.calls("run-trust-1")
    store.prune(moment_of(2), really=True)
    assert store.calls("run-trust-1") == []
    assert store.calls("run-trust-2")


def test_the_file_becomes_smaller(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    with open_store(file) as store:
        for index in range(1, 31):
            keep(store, index, {f"control-{one:04d} system-{one:04d}": "P" for one in range(index % 3, 400, 3)})
    before = file.stat().st_size
    with open_store(file) as store:
        found = store.prune(number(29), really=True)
    assert found.bytes > 20_000
    assert file.stat().st_size < before - found.bytes // 2


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    nights=st.lists(st.tuples(st.sampled_from(["north", "south"]), st.booleans()), min_size=1, max_size=8),
    prunings=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), min_size=1, max_size=3),
)
def test_whatever_is_pruned_the_chain_holds_and_what_is_kept_is_whole(
    tmp_path_factory: pytest.TempPathFactory, nights: list[tuple[str, bool]], prunings: list[tuple[int, int]]
) -> None:
    file = tmp_path_factory.mktemp("pruned") / "store.db"
    file.write_bytes(empty())
    with open_store(file) as store:
        made = [
            keep(store, index, organisation=organisation, as_of=as_of and index % 2 == 0) for index, (organisation, as_of) in enumerate(nights, 1)
        ]
        gone: set[str] = set()
        for days, keep_last in prunings:
            before = number(1) + days * DAY - timedelta(hours=1)
            expected = set()
            for organisation in ("north", "south"):
                own = [one for one in made if one.organisation == organisation]
                spared = {one.run for one in own[-1:]} | {one.run for one in [one for one in own if not one.as_of][-max(keep_last, 1) :]}
                expected |= {one.run for one in own if one.started < before and one.run not in spared}
            assert {one.run for one in store.prune(before, keep_last, really=True).nights} == expected - gone
            gone |= expected
        assert {one.run for one in store.assessments() if one.pruned} == gone
        for organisation in ("north", "south"):
            follow(store.links(organisation))
            assert list(chain_faults(Chain("the store", tuple(store.links(organisation))))) == []
        for one in made:
            if one.run not in gone:
                assert assessment_from_record(store.paper(one.run, RECORD), "").run.id == one.run
                assert store.paper(one.run, PACK.name) == PACK.content
        assert store.check().problems == ()


@pytest.mark.program("initdb")
def test_a_night_that_is_being_recorded_loses_no_paper_that_it_counts_on(postgres: Postgres) -> None:
    url = postgres.new_database()
    with open_store(url, wait=0.5) as store:
        fill(store, 3)
        with postgres.connect(url.rpartition("/")[2]) as other:
            other.execute("BEGIN")
            # As whoever records does, and finds a paper there already.
            other.execute("INSERT INTO papers (digest, content) SELECT digest, content FROM papers WHERE id = 1 ON CONFLICT DO NOTHING")
            with pytest.raises(StoreError, match="is locked"):
                store.prune(number(90), really=True)
            assert store.prune(number(90), really=False).kept == 1
            other.execute("COMMIT")
        assert store.prune(number(90), really=True).kept == 1
