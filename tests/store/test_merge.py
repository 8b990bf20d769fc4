"""Merging a listing with what is known, against a model of dictionaries, over many nights with trouble in them."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from drcheck.connectors.base import Entry
from drcheck.errors import Malformed, StoreError, Unreachable
from drcheck.model import Depth, ObjectResult
from drcheck.store import Change, Digest, Known, Merged, Reading, Store, journal, open_store, runs
from tests.store.model import EPOCH, Model, night

KEYS = st.one_of(
    st.integers(0, 60).map("imaging/{:03d}".format),
    st.text("ab/é\udc80\udcff\U0001f600\0\n", min_size=1, max_size=4),
    st.sampled_from(["long/" + "x" * 1_200, "long/" + "x" * 1_200 + "y", "long/" + "x" * 3_000]),
)
VERSIONS = st.sampled_from(["", "v1", "v2", '"9b2c-3"'])
LISTINGS = st.dictionaries(KEYS, st.tuples(st.integers(0, 3), VERSIONS), max_size=40)
DIGESTS = st.sampled_from([(), (Digest("sha256", "ab" * 32, "ab" * 32),), (Digest("sha256", "ab" * 32, "cd" * 32),), (Digest("md5", "ab" * 16),)])


def entries_of(listing: dict[str, tuple[int, str]]) -> list[Entry]:
    """A listing in key order."""
    in_order = sorted(listing.items(), key=lambda item: item[0].encode("utf-8", "surrogateescape"))
    return [Entry(key, size, None, version) for key, (size, version) in in_order]


def broken_after(entries: list[Entry], number: int) -> Iterator[Entry]:
    """A listing that ends in an error."""
    yield from entries[:number]
    raise Unreachable("the line went dead")


@cache
def empty_store() -> bytes:
    """The file of a store with nothing in it: making one anew takes longer than a night."""
    with tempfile.TemporaryDirectory() as folder:
        open_store(Path(folder) / "drcheck.db").close()
        return (Path(folder) / "drcheck.db").read_bytes()


class Nights(RuleBasedStateMachine):
    """Nights on which objects appear, change, vanish and are read, and some of which end badly."""

    listing: dict[str, tuple[int, str]]

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.file = Path(self.folder.name) / "drcheck.db"
        self.file.write_bytes(empty_store())
        self.store = open_store(self.file)
        self.objects = self.store.objects("trust", "ehr@vault")
        self.model = Model()
        self.listing = {}
        self.number = 0

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.store.close()
        self.folder.cleanup()

    @rule(changes=LISTINGS, gone=st.sets(KEYS, max_size=30), days=st.sampled_from([1, 1, 1, 40]))
    def a_night_passes(self, changes: dict[str, tuple[int, str]], gone: set[str], days: int) -> None:
        """Objects appear, change and vanish."""
        self.listing = {key: value for key, value in {**self.listing, **changes}.items() if key not in gone}
        self.number += days

    @rule()
    def it_is_listed(self) -> None:
        """A whole listing is merged."""
        entries = entries_of(self.listing)
        merged = list(self.objects.merge(iter(entries), night(self.number)))
        assert {name_of(one): one.change for one in merged} == self.model.merge(entries, night(self.number), whole=True)
        assert [one.entry for one in merged if one.entry is not None] == entries
        self.number += 1

    @rule(data=st.data())
    def the_listing_breaks_off(self, data: st.DataObject) -> None:
        """Nothing of it counts."""
        entries = entries_of(self.listing)
        number = data.draw(st.integers(0, len(entries)))
        with pytest.raises(Unreachable):
            list(self.objects.merge(broken_after(entries, number), night(self.number)))

    @rule(data=st.data())
    def the_merge_is_left(self, data: st.DataObject) -> None:
        """By its caller, or by the process's death: the generator is simply never run again."""
        entries = entries_of(self.listing)
        list(islice(self.objects.merge(iter(entries), night(self.number)), data.draw(st.integers(0, len(entries)))))

    @rule()
    def the_process_is_killed(self) -> None:
        """And another opens the store."""
        self.store.close()
        self.store = open_store(self.file)
        self.objects = self.store.objects("trust", "ehr@vault")

    @rule(data=st.data(), unlisted=st.sets(KEYS, max_size=2), with_version=st.booleans())
    def some_are_read(self, data: st.DataObject, unlisted: set[str], with_version: bool) -> None:
        """Results of any kind are recorded, of objects that are listed and of some that are not."""
        keys = sorted({*unlisted, *(data.draw(st.sets(st.sampled_from(sorted(self.listing)), max_size=10)) if self.listing else ())})
        readings = []
        for second, key in enumerate(keys):
            size, version = self.listing.get(key, (0, ""))
            result, depth = data.draw(st.sampled_from(ObjectResult)), data.draw(st.sampled_from(Depth))
            digests = data.draw(DIGESTS)
            readings.append(Reading(key, result, night(self.number, second), depth, size, digests, version if with_version else ""))
        self.objects.record(readings)
        for reading in readings:
            self.model.record(reading)

    @invariant()
    def the_store_knows_what_the_model_knows(self) -> None:
        """At every moment."""
        self.model.agrees(self.objects)


def name_of(merged: Merged) -> str:
    """The key of one object of a merge."""
    if merged.entry is not None:
        return merged.entry.key
    assert merged.known is not None
    return merged.known.key


@pytest.mark.parametrize(("length", "examples"), [(4, 10), (1_024, 3)])
def test_many_nights_agree_with_the_model(length: int, examples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With runs of four objects, so that splitting and joining them happens all the time, and of the usual length."""
    monkeypatch.setattr(runs, "LENGTH", length)
    monkeypatch.setattr(runs, "_SMALL", max(1, length // 4))
    monkeypatch.setattr(runs, "_PAGE", 2 if length == 4 else 8)
    config = settings(max_examples=examples, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Nights, settings=config)


LISTED = [Entry("a", 1, None, "v1"), Entry("b", 2, None, "v1"), Entry("c", 3, None, "v1")]
MATCH = (Digest("sha256", "ab" * 32, "ab" * 32),)


def changes(merged: Iterator[Merged]) -> list[tuple[str, str]]:
    """Keys and what became of them."""
    return [(name_of(one), one.change.value) for one in merged]


def test_each_change_is_told_with_what_is_known(store: Store) -> None:
    objects = store.objects("trust", "ehr@vault")
    assert changes(objects.merge(iter(LISTED), night(0))) == [("a", "new"), ("b", "new"), ("c", "new")]
    objects.record([Reading(key, ObjectResult.MATCH, night(0, 9), Depth.READ, 1, MATCH) for key in "abc"])
    second = [LISTED[0], Entry("b", 2, None, "v2"), Entry("d", 4, None, "v1")]
    merged = list(objects.merge(iter(second), night(1)))
    assert changes(iter(merged)) == [("a", "unchanged"), ("b", "changed"), ("c", "gone"), ("d", "new")]
    same, changed, gone, new = [one.known for one in merged]
    assert isinstance(same, Known)
    assert (same.last_read, same.digests, same.first_seen, same.last_seen) == (night(0, 9), MATCH, night(0), night(0))
    assert isinstance(changed, Known)
    assert (changed.version, changed.digests, changed.result) == ("v1", MATCH, ObjectResult.MATCH)
    assert isinstance(gone, Known)
    assert (gone.gone, gone.last_seen, gone.last_read) == (night(1), night(0), night(0, 9))
    assert new is None
    known = {one.key: one for one in objects.known()}
    assert known["b"].last_read is None, "another content was never read"
    assert known["b"].digests == ()
    assert (known["b"].first_seen, known["b"].changed, known["b"].last_seen) == (night(0), night(1), night(1))
    assert [(one.key, one.gone) for one in objects.absent()] == [("c", night(1))]


def test_what_is_gone_is_forgotten_in_time(store: Store) -> None:
    objects = store.objects("trust", "ehr@vault")
    list(objects.merge(iter(LISTED), night(0)))
    list(objects.merge(iter(LISTED[:1]), night(1)))
    list(objects.merge(iter(LISTED[:1]), night(3), remember=timedelta(days=3)))
    assert [one.key for one in objects.absent()] == ["b", "c"]
    list(objects.merge(iter(LISTED[:1]), night(4), remember=timedelta(days=3)))
    assert list(objects.absent()) == []


def test_an_object_that_comes_back_is_new_and_its_past_is_told(store: Store) -> None:
    objects = store.objects("trust", "ehr@vault")
    list(objects.merge(iter(LISTED), night(0)))
    objects.record([Reading("b", ObjectResult.MATCH, night(0, 9), Depth.READ, 2, MATCH)])
    list(objects.merge(iter(LISTED[:1]), night(1)))
    (back,) = [one for one in objects.merge(iter(LISTED[:2]), night(2)) if one.change is Change.NEW]
    assert back.known is not None
    assert back.known.gone == night(1)
    (known,) = [one for one in objects.known() if one.key == "b"]
    assert (known.first_seen, known.last_read) == (night(2), None)


@pytest.mark.parametrize(
    ("listing", "told"),
    [
        (["a", "c", "b"], "lists it after c"),
        (["a", "a"], "lists it twice"),
        (["\U0001f600", "\udc80"], "lists it after"),
    ],
)
def test_a_listing_out_of_order_counts_for_nothing(store: Store, listing: list[str], told: str) -> None:
    objects = store.objects("trust", "ehr@vault")
    list(objects.merge(iter(LISTED), night(0)))
    with pytest.raises(Malformed, match=told):
        list(objects.merge((Entry(key, 1, None) for key in listing), night(1)))
    assert [known.key for known in objects.known()] == ["a", "b", "c"]
    assert objects.listed == night(0)


def test_a_size_below_nothing_counts_for_nothing(store: Store) -> None:
    with pytest.raises(Malformed, match="has -1 bytes"):
        list(store.objects("trust", "ehr@vault").merge(iter([Entry("a", -1, None)]), night(0)))


def test_an_empty_listing_that_ended_is_a_whole_one(store: Store) -> None:
    objects = store.objects("trust", "ehr@vault")
    list(objects.merge(iter(LISTED), night(0)))
    assert changes(objects.merge(iter([]), night(1))) == [("a", "gone"), ("b", "gone"), ("c", "gone")]
    assert objects.summary().objects == 0
    assert objects.listed == night(1)


def test_what_was_read_in_a_night_that_was_killed_is_not_read_again(store: Store) -> None:
    """The first listing never came to its end, and what it showed was read already."""
    objects = store.objects("trust", "ehr@vault")
    list(islice(objects.merge(iter(LISTED), night(0)), 2))
    objects.record([Reading("a", ObjectResult.MATCH, night(0, 9), Depth.READ, 1, MATCH, "v1")])
    objects.record([Reading("b", ObjectResult.MATCH, night(0, 9), Depth.READ, 2, MATCH, "v0")])
    merged = {name_of(one): one for one in objects.merge(iter(LISTED), night(1))}
    assert {key: one.change for key, one in merged.items()} == dict.fromkeys("abc", Change.NEW)
    assert {known.key: known.last_read for known in objects.known()} == {"a": night(0, 9), "b": None, "c": None}
    assert merged["a"].known is not None
    assert merged["a"].known.last_read == night(0, 9)


def test_a_glance_undoes_no_reading_and_bad_news_stands(store: Store) -> None:
    objects = store.objects("trust", "ehr@vault")
    list(objects.merge(iter(LISTED), night(0)))
    objects.record([Reading(key, ObjectResult.MATCH, night(0, 1), Depth.READ, 1, MATCH) for key in "abc"])
    objects.record(
        [
            Reading("a", ObjectResult.MATCH, night(0, 2), Depth.ATTRIBUTES, 1),
            Reading("b", ObjectResult.MISMATCH, night(0, 2), Depth.ATTRIBUTES, 1),
            Reading("c", ObjectResult.UNREADABLE, night(0, 2), Depth.READ, 1),
        ]
    )
    assert [(known.result, known.depth, known.last_tried, known.last_read) for known in objects.known()] == [
        (ObjectResult.MATCH, Depth.READ, night(0, 2), night(0, 1)),
        (ObjectResult.MISMATCH, Depth.ATTRIBUTES, night(0, 1), night(0, 1)),
        (ObjectResult.UNREADABLE, Depth.READ, night(0, 2), night(0, 1)),
    ]


def test_copies_and_organisations_are_kept_apart(store: Store) -> None:
    for organisation, copy in (("trust", "ehr@vault"), ("trust", "ehr@tape"), ("other", "ehr@vault")):
        list(store.objects(organisation, copy).merge(iter([Entry(f"{organisation}-{copy}", 1, None)]), night(0)))
    assert [known.key for known in store.objects("other", "ehr@vault").known()] == ["other-ehr@vault"]
    assert store.copies("trust") == ["ehr@tape", "ehr@vault"]


def test_what_is_known_of_one_place_is_not_of_another(store: Store) -> None:
    old, new = (store.objects("trust", "ehr@vault", place) for place in ("sftp old", "sftp new"))
    list(old.merge(iter(LISTED), night(0)))
    old.record([Reading(key, ObjectResult.MATCH, night(0, 1), Depth.READ, 1, MATCH) for key in "ab"])
    assert (old.listed, new.listed) == (night(0), None)
    for keep in (False, True):
        assert [(one.change, one.known) for one in new.merge(iter(LISTED[:2]), night(1), keep=keep)] == [(Change.NEW, None)] * 2
    assert (old.listed, new.listed) == (None, night(1))
    assert [(known.key, known.first_seen, known.last_read) for known in new.known()] == [("a", night(1), None), ("b", night(1), None)]
    assert list(new.absent()) == []
    assert [one.change for one in new.merge(iter(LISTED[:2]), night(2))] == [Change.UNCHANGED] * 2


def test_a_place_that_nobody_told_is_any(store: Store) -> None:
    told, untold = store.objects("trust", "ehr@vault", "sftp old"), store.objects("trust", "ehr@vault")
    list(untold.merge(iter(LISTED), night(0)))
    assert [one.change for one in told.merge(iter(LISTED), night(1))] == [Change.UNCHANGED] * 3
    assert [one.change for one in untold.merge(iter(LISTED), night(2))] == [Change.UNCHANGED] * 3
    assert store.objects("trust", "ehr@vault", "sftp new").listed is None


def test_nothing_is_written_where_nothing_changed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = store.objects("trust", "ehr@vault")
    entries = [Entry(f"{number:05d}", number, None, "v1") for number in range(5_000)]
    list(objects.merge(iter(entries), night(0)))
    packed: list[Any] = []
    monkeypatch.setattr(runs, "pack", packed.append)
    assert {one.change for one in objects.merge(iter(entries), night(1))} == {Change.UNCHANGED}
    assert packed == []
    assert objects.listed == night(1)


def test_the_room_of_the_journal_is_given_back(tmp_path: Path) -> None:
    file = tmp_path / "drcheck.db"
    entries = [Entry(f"{number:05d}", number, None, "v1") for number in range(20_000)]
    digests = [random.Random(number).randbytes(32).hex() for number in range(20_000)]
    sizes = []
    for at in (1, 2):
        with open_store(file) as store:
            objects = store.objects("trust", "ehr@vault")
            list(objects.merge(iter(entries), night(at)))
            objects.record(
                Reading(entry.key, ObjectResult.MATCH, night(at, 1), Depth.READ, 1, (Digest("sha256", digest, digest),))
                for entry, digest in zip(entries, digests, strict=True)
            )
        sizes.append(file.stat().st_size)
        with open_store(file) as store:
            list(store.objects("trust", "ehr@vault").merge(iter(entries), night(at, 2)))
        sizes.append(file.stat().st_size)
    assert sizes[1] < sizes[0] * 1.1, "digests are there once, in the runs"
    assert sizes[1] < sizes[2] - 500_000, "and twice while the journal has them too"
    assert sizes[3] == pytest.approx(sizes[1], rel=0.05), "and once again"


def test_two_merges_of_one_copy_end_in_an_error_and_not_in_a_mixture(store: Store) -> None:
    objects = store.objects("trust", "ehr@vault")
    first = objects.merge(iter(LISTED), night(0))
    next(first)
    assert len(list(objects.merge(iter(LISTED[:2]), night(1)))) == 2
    with pytest.raises(StoreError, match="one run at a time"):
        list(first)
    assert [known.key for known in objects.known()] == ["a", "b"]


def test_reading_on_after_a_merge_is_an_error_and_not_a_mixture(store: Store) -> None:
    objects = store.objects("trust", "ehr@vault")
    entries = [Entry(f"{number:06d}", number, None, "v1") for number in range(20_000)]
    list(objects.merge(iter(entries), night(0)))
    known = objects.known()
    next(known)
    list(objects.merge(iter(entries[:10]), night(1)))
    with pytest.raises(StoreError, match="merged the same copy meanwhile"):
        list(known)


@pytest.mark.parametrize("at", [EPOCH.replace(tzinfo=None), EPOCH.replace(year=1969), EPOCH.replace(year=2200)])
def test_a_clock_that_is_wrong_is_refused(store: Store, at: datetime) -> None:
    with pytest.raises(ValueError, match=r"zone|not between"):
        list(store.objects("trust", "ehr@vault").merge(iter([]), at))


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 3)), max_size=400))
def test_a_journal_larger_than_memory_is_folded_in_order(many: list[tuple[int, int]]) -> None:
    """Portions of seven readings, so that there are many of them; of two readings of one object the later counts."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch, open_store(Path(folder) / "drcheck.db") as store:
        patch.setattr(journal, "PORTION", 7)
        patch.setattr(journal, "_BLOCK", 3)
        objects = store.objects("trust", "ehr@vault")
        entries = [Entry(f"{number:03d}", 1, None, "v1") for number in range(501)]
        list(objects.merge(iter(entries), night(0)))
        results = [ObjectResult.MATCH, *ObjectResult]
        readings = [Reading(f"{key:03d}", results[kind], night(0, at), Depth.READ, 1, MATCH) for at, (key, kind) in enumerate(many)]
        for start in range(0, len(readings), 5):
            objects.record(readings[start : start + 5])
        expected = {reading.key: (reading.result, reading.at) for reading in readings}
        for _ in ("in the journal", "folded"):
            assert {known.key: (known.result, known.result_at) for known in objects.known() if known.result} == expected
            list(objects.merge(iter(entries), night(1)))
