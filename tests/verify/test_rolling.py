"""What earlier nights read stands until its cycle is over, and no night reads nothing while something is due."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drcheck.connectors.base import Connector, Entry
from drcheck.formats.base import StoredObject
from drcheck.formats.mirror import MirrorFormat
from drcheck.model import ObjectResult
from drcheck.store import Store
from drcheck.verify.budget import Budget
from tests.store.conftest import postgres, store, where  # noqa: F401 - fixtures
from tests.verify.nights import DAY, Nights, changes, rotation, seen
from tests.verify.places import NOW, counts, problems

FILES = {f"f{number:02}.img": f"content of {number}".encode() for number in range(20)}


@pytest.fixture
def nights(tmp_path: Path, store: Store) -> Nights:  # noqa: F811 - the fixture
    """Twenty files, none read yet."""
    made = Nights(tmp_path, store)
    made.write(FILES)
    return made


def test_without_a_budget_the_first_night_reads_everything_and_the_next_a_part(nights: Nights) -> None:
    first = seen(nights.night(0))
    assert (counts(first), first.objects_read) == ({"match": 20}, 20)
    second = nights.night(1)
    assert counts(seen(second)) == {"match": 20}
    assert seen(second).objects_read < 20  # those that have their turn by chance, five on average
    assert rotation(second).verified == 20
    assert rotation(second).oldest_read == NOW


def test_whatever_is_read_each_night_nothing_grows_older_than_the_cycle(nights: Nights) -> None:
    for number in range(10):
        facts = nights.night(number)
        assert counts(seen(facts)) == {"match": 20}, number
        oldest = rotation(facts).oldest_read
        assert oldest is not None
        assert NOW + number * DAY - oldest <= nights.cycle
        assert rotation(facts).left == 0


def test_after_an_outage_what_expired_is_due_and_is_read(nights: Nights) -> None:
    nights.night(0)
    late = nights.night(9)
    assert rotation(late).due == 20
    assert (counts(seen(late)), seen(late).objects_read) == ({"match": 20}, 20)


def test_a_budget_is_kept_and_what_is_left_is_not_read(nights: Nights) -> None:
    budget = Budget(bytes=sum(map(len, FILES.values())) // 4)
    first = nights.night(0, budget)
    assert seen(first).count(ObjectResult.MATCH) + seen(first).count(ObjectResult.NOT_READ) == 20
    assert 0 < seen(first).bytes_read <= (budget.bytes or 0)
    assert rotation(first).ends is not None
    assert rotation(first).unverified == 20
    assert 0 < rotation(first).drawn <= seen(first).objects_read
    found = first
    for number in range(1, 6):
        found = nights.night(number, budget)
    assert rotation(found).verified == 20


def test_an_object_larger_than_the_budget_has_its_night(nights: Nights) -> None:
    nights.write({"huge.img": b"x" * 10_000})
    read = []
    for number in range(6):
        facts = nights.night(number, Budget(bytes=100))
        assert seen(facts).objects_read >= 1
        read.append(seen(facts).bytes_read)
    assert any(size >= 10_000 for size in read)


def test_damage_is_found_within_the_cycle_and_stands_until_it_is_mended(nights: Nights) -> None:
    nights.night(0)
    nights.damage("f07.img")  # its time of change in the inode is another, so it is read at once
    found = nights.night(1)
    assert problems(seen(found), ObjectResult.MISMATCH) == ["f07.img"]
    assert problems(seen(nights.night(2)), ObjectResult.MISMATCH) == ["f07.img"]
    nights.write({"f07.img": FILES["f07.img"]})
    assert counts(seen(nights.night(3))) == {"match": 20}


def test_a_bad_object_that_the_budget_leaves_out_is_still_bad(nights: Nights) -> None:
    nights.write({"g.img": b"x" * 5_000})
    nights.damage("g.img")
    assert problems(seen(nights.night(0)), ObjectResult.MISMATCH) == ["g.img"]
    poor = nights.night(1, Budget(bytes=10))
    assert problems(seen(poor), ObjectResult.MISMATCH) == ["g.img"]


def test_rot_that_no_listing_shows_is_found_by_the_rotation_and_its_neighbours_are_read_at_once(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = MirrorFormat.objects

    def as_it_was(layout: MirrorFormat, connector: Connector, path: str) -> Iterator[StoredObject]:
        for stored in listed(layout, connector, path):
            yield StoredObject(Entry(stored.entry.key, stored.entry.size, None, "as it was"), stored.point, stored.auxiliary)

    monkeypatch.setattr(MirrorFormat, "objects", as_it_was)
    nights.night(0)
    rotten = {"f09.img", "f10.img", "f11.img"}
    for name in rotten:
        nights.damage(name)
    found: list[set[str]] = []
    for number in range(1, 5):
        facts = nights.night(number)
        assert changes(facts).changed == 0
        found.append(set(problems(seen(facts), ObjectResult.MISMATCH)))
    assert found[-1] == rotten
    assert all(each in (set(), rotten) for each in found), "one of three neighbours was found without the others"


def test_a_manifest_that_is_rewritten_is_held_against_what_was_read(nights: Nights) -> None:
    nights.night(0)
    nights.files["f03.img"] = b"something else"
    nights.promise()
    assert problems(seen(nights.night(1)), ObjectResult.MISMATCH) == ["f03.img"]


def test_new_and_changed_objects_are_read_the_night_they_appear(nights: Nights) -> None:
    nights.night(0)
    nights.write({"new.img": b"new", "f00.img": b"another content"})
    facts = nights.night(1)
    assert counts(seen(facts)) == {"match": 21}
    found = changes(facts)
    assert (found.new, found.changed, found.gone, found.unchanged) == (1, 1, 0, 19)
    assert found.since == NOW


def test_full_reads_everything_again(nights: Nights) -> None:
    nights.night(0)
    again = nights.night(1, full=True)
    assert (counts(seen(again)), seen(again).objects_read) == ({"match": 20}, 20)
    assert rotation(again).verified == 20


def test_an_object_without_a_promise_is_told_once_and_never_verified(nights: Nights) -> None:
    nights.write({"extra.img": b"e"}, promise=False)
    for number in range(3):
        facts = nights.night(number)
        assert problems(seen(facts), ObjectResult.EXTRA) == ["extra.img"]
        assert rotation(facts).verified == 20


def test_files_that_snapshots_share_by_hard_links_are_not_new_with_each_snapshot(nights: Nights) -> None:
    for name in FILES:
        (nights.base / "another snapshot").mkdir(exist_ok=True)
        (nights.base / "another snapshot" / name).hardlink_to(nights.root / name)
    nights.night(0)
    for name in FILES:
        (nights.base / name).hardlink_to(nights.root / name)
    second = nights.night(1)
    assert (changes(second).changed, rotation(second).verified) == (0, 20)
    (nights.base / "f00.img").unlink()
    (nights.base / "another snapshot" / "f00.img").unlink()
    assert changes(nights.night(2)).changed == 1, "with one name left its time of change counts again"
