"""Ways in which an object could seem to be verified that is not: none of them works."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from drcheck import connectors
from drcheck.connectors.base import Computed, Connector, Entry, Stored
from drcheck.errors import InProgress, Unsupported
from drcheck.estate.schema import Estate
from drcheck.formats.base import StoredObject
from drcheck.formats.mirror import MirrorFormat
from drcheck.model import ObjectResult, ObjectVerdict
from drcheck.model.stored import Span, StoredChecksum
from drcheck.store import Store, open_store
from drcheck.verify.budget import Budget
from drcheck.verify.terms import Asked
from tests.verify.nights import DAY, Nights, rotation, seen
from tests.verify.places import NOW, copy_of, counts, estate_of, fill, problems, sums
from tests.verify.troubled import CONNECTOR, TroubledConnector

FILES = {f"f{number:02}.img": f"content of {number:02}".encode() for number in range(20)}
SIZE = len(FILES["f00.img"])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An open store."""
    with open_store(tmp_path / "state" / "drcheck.db") as opened:
        yield opened


class Troubled(Nights):
    """Nights over a place that fails on purpose."""

    def estate(self, **more: Any) -> Estate:
        declared = copy_of({"path": str(self.base / "SHA256SUMS")}, **more)
        return estate_of(declared, base=self.base, connector="troubled", options={"root": str(self.root)})


@pytest.fixture
def nights(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> Troubled:
    """Twenty files, none read yet."""
    for name, place in CONNECTOR.items():
        monkeypatch.setitem(connectors.BUILTIN, name, place)
    for name in ("before", "halfway", "listing"):
        monkeypatch.setattr(TroubledConnector, name, staticmethod(lambda key: None))
    monkeypatch.setattr(TroubledConnector, "archived", frozenset())
    monkeypatch.setattr(TroubledConnector, "reads", [])
    monkeypatch.setattr(TroubledConnector, "digests", Connector.digests)  # one after the other, through `read`
    made = Troubled(tmp_path, store)
    made.write(FILES)
    return made


@pytest.fixture
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """What listings show never changes, whatever becomes of the bytes."""
    listed = MirrorFormat.objects

    def objects(layout: MirrorFormat, connector: Connector, path: str) -> Iterator[StoredObject]:
        for stored in listed(layout, connector, path):
            yield StoredObject(stored.entry._replace(modified=None, version="as it was"), stored.point, stored.auxiliary)

    monkeypatch.setattr(MirrorFormat, "objects", objects)


def adds_up(nights: Nights, found: Any) -> None:
    """Every object has one result."""
    assert all(number > 0 for number in counts(found).values()), counts(found)
    assert sum(counts(found).values()) == len(nights.files) == found.objects_total


def troubled(estate: Estate, base: Path) -> Estate:
    """The estate with every target behind a connection that fails on purpose."""
    declared = estate.model_dump(exclude_unset=True, by_alias=True)
    for target in declared["targets"]:
        target["connector"] = "troubled"
    return Estate.model_validate(declared, context={"base": base})


def refusing(*keys: str) -> staticmethod[[str], None]:
    """A place that refuses to give these objects."""

    def act(key: str) -> None:
        if key in keys:
            raise Unsupported("it is in an archived storage class, which no listing shows")

    return staticmethod(act)


def test_what_is_archived_now_is_not_read_as_the_neighbour_of_what_is_bad(nights: Troubled, monkeypatch: pytest.MonkeyPatch) -> None:
    nights.night(0)
    nights.damage("f07.img")
    monkeypatch.setattr(TroubledConnector, "archived", frozenset({"f08.img"}))
    TroubledConnector.reads.clear()
    found = seen(nights.night(1))
    assert "f08.img" not in TroubledConnector.reads
    adds_up(nights, found)
    assert counts(found) == {"match": 18, "mismatch": 1, "not-read": 1}


def test_what_expired_and_was_read_is_not_read_and_counted_again_for_its_likes(nights: Troubled, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted twice it would hide an object that was not read."""
    monkeypatch.setattr(TroubledConnector, "archived", frozenset({"f19.img"}))
    manifest = {"path": str(nights.base / "SHA256SUMS")}
    fill(nights.base / "vault", FILES)
    estate = troubled(estate_of(copy_of(manifest), copy_of(manifest, target="vault"), base=nights.base), nights.base)
    for facts in nights.look(estate, NOW, Asked(nights.cycle)):
        assert counts(seen(facts)) == {"match": 19, "not-read": 1}
    nights.damage("f07.img")
    bad, good = (seen(facts) for facts in nights.look(estate, NOW + 9 * DAY, Asked(nights.cycle)))
    assert counts(bad) == {"match": 18, "mismatch": 1, "not-read": 1}
    assert counts(good) == {"match": 19, "not-read": 1}
    assert good.objects_read == 19


@pytest.mark.parametrize(
    "budget",
    [
        Budget(seconds=0.0),
        Budget(bytes=SIZE),
        Budget(bytes=SIZE, seconds=0.0),
    ],
    ids=str,
)
def test_what_is_known_to_be_bad_is_bad_though_the_night_ended_before_its_turn(nights: Troubled, budget: Budget) -> None:
    nights.damage("f19.img")
    assert problems(seen(nights.night(0)), ObjectResult.MISMATCH) == ["f19.img"]
    nights.write({"f18.img": b"new content 18"})
    found = seen(nights.night(9, budget))
    assert problems(found, ObjectResult.MISMATCH) == ["f19.img"]
    adds_up(nights, found)


@pytest.mark.usefixtures("as_it_was")
def test_neighbours_of_what_is_bad_are_read_though_the_time_is_over(nights: Troubled) -> None:
    nights.night(0)
    for name in FILES:
        nights.damage(name)
    found = seen(nights.night(9, Budget(seconds=0.0)))
    assert found.count(ObjectResult.MISMATCH) >= 5
    adds_up(nights, found)


@pytest.mark.usefixtures("as_it_was")
def test_what_the_place_was_asked_about_is_not_counted_again_for_its_likes(nights: Troubled, monkeypatch: pytest.MonkeyPatch) -> None:
    def stored(_: TroubledConnector, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Stored]]:
        for entry in entries:
            digest = hashlib.sha256(FILES[entry.key]).hexdigest()
            yield entry, Stored((), (Computed(StoredChecksum("sha256", digest, Span.FULL), NOW),))

    monkeypatch.setattr(TroubledConnector, "keeps_checksums", True)
    monkeypatch.setattr(TroubledConnector, "stored", stored)
    fill(nights.base / "vault", FILES)
    manifest = {"path": str(nights.base / "SHA256SUMS")}
    estate = troubled(estate_of(copy_of(manifest), copy_of(manifest, target="vault"), base=nights.base), nights.base)
    nights.look(estate, NOW, Asked(nights.cycle))
    for name in FILES:
        nights.damage(name)
    for facts in nights.look(estate, NOW + 9 * DAY, Asked(nights.cycle, Budget(bytes=4 * SIZE))):
        adds_up(nights, seen(facts))
    assert counts(seen(facts)) == {"match": 20}


@pytest.mark.usefixtures("as_it_was")
def test_what_was_read_of_another_state_does_not_count_for_the_one_that_was_listed(nights: Troubled, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was replaced after the listing, read so, and put back before the next one."""
    good = FILES["f05.img"]
    nights.write({"f05.img": b"something els"}, promise=False)
    state = ["listed"]

    def replaced(key: str) -> None:
        if key == "f05.img" and state == ["listed"]:
            state[:] = ["replaced"]
            nights.write({"f05.img": good}, promise=False)
            raise InProgress("it is no longer as it was listed")

    monkeypatch.setattr(TroubledConnector, "before", staticmethod(replaced))
    stat = TroubledConnector.stat
    monkeypatch.setattr(TroubledConnector, "stat", lambda self, key: stat(self, key)._replace(version="replaced"))
    assert counts(seen(nights.night(0))) == {"match": 20}
    nights.write({"f05.img": b"something els"}, promise=False)
    assert problems(seen(nights.night(1)), ObjectResult.MISMATCH) == ["f05.img"]


def test_what_the_place_refuses_takes_its_turn_and_nobody_else_s(nights: Troubled, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = sorted(FILES)[:15]
    nights.cycle = 90 * DAY
    monkeypatch.setattr(TroubledConnector, "before", refusing(*refused))
    for number in range(20):
        facts = nights.night(number, Budget(bytes=2 * SIZE))
        adds_up(nights, seen(facts))
    assert (seen(facts).count(ObjectResult.MATCH), rotation(facts).verified) == (5, 5)


def test_an_object_that_stood_and_cannot_be_read_stands_no_longer(nights: Troubled, monkeypatch: pytest.MonkeyPatch) -> None:
    nights.night(0)
    monkeypatch.setattr(TroubledConnector, "before", refusing("f03.img"))
    found = seen(nights.night(1, full=True))
    assert counts(found) == {"match": 19, "not-read": 1}
    monkeypatch.setattr(TroubledConnector, "before", staticmethod(lambda key: None))
    TroubledConnector.reads.clear()
    again = nights.night(2)
    assert counts(seen(again)) == {"match": 20}
    assert "f03.img" in TroubledConnector.reads
    assert rotation(again).verified == 20


def test_two_promises_for_one_object_must_both_hold_by_what_was_read(nights: Troubled) -> None:
    nights.night(0)
    nights.write({"MD5SUMS": sums(FILES, "md5").replace(b"f04", b"f4x").replace(b"f05", b"f04")}, promise=False)
    both = estate_of(copy_of({"path": str(nights.base / "SHA256SUMS"), "name": "MD5SUMS"}), base=nights.base)
    TroubledConnector.reads.clear()
    (facts,) = nights.look(both, NOW + DAY, Asked(nights.cycle))
    assert problems(seen(facts), ObjectResult.MISMATCH) == ["f04.img"]


def test_a_copy_that_is_renamed_begins_anew(nights: Troubled) -> None:
    nights.night(0)
    (facts,) = nights.look(nights.estate(system="pacs"), NOW + DAY, Asked(nights.cycle, Budget(bytes=SIZE)))
    assert counts(seen(facts)) == {"match": 1, "not-read": 19}


def test_organisations_do_not_share_what_they_read(nights: Troubled) -> None:
    nights.night(0)
    declared = nights.estate().model_dump(exclude_unset=True, by_alias=True)
    declared["organisation"]["id"] = "south"
    estate = Estate.model_validate(declared, context={"base": nights.base})
    (facts,) = nights.look(estate, NOW + DAY, Asked(nights.cycle, Budget(bytes=SIZE)))
    assert counts(seen(facts)) == {"match": 1, "not-read": 19}


def test_systems_that_share_a_path_each_read_it(nights: Troubled) -> None:
    manifest = {"path": str(nights.base / "SHA256SUMS")}
    estate = estate_of(copy_of(manifest), copy_of(manifest, system="pacs"), base=nights.base)
    for number in range(3):
        for facts in nights.look(estate, NOW + number * DAY, Asked(30 * DAY)):
            assert counts(seen(facts)) == {"match": 20}
            assert number or seen(facts).objects_read == 20


@pytest.mark.usefixtures("as_it_was")
def test_what_was_read_at_one_place_does_not_stand_for_another(nights: Troubled) -> None:
    """The backups moved to another server with their times, and what arrived there is not what was sent."""
    nights.cycle = 900 * DAY
    nights.night(0)
    moved = nights.base / "moved"
    fill(moved, {name: content[:-1] + b"?" for name, content in FILES.items()})
    declared = copy_of({"path": str(nights.base / "SHA256SUMS")})
    estate = estate_of(declared, base=nights.base, connector="troubled", options={"root": str(moved)})
    (facts,) = nights.look(estate, NOW + DAY, Asked(nights.cycle))
    assert counts(seen(facts)) == {"mismatch": 20}


@pytest.mark.usefixtures("as_it_was")
def test_what_was_read_below_one_path_does_not_stand_for_another(nights: Troubled) -> None:
    nights.cycle = 900 * DAY
    fill(nights.root / "a", FILES)
    fill(nights.root / "b", {name: content[::-1] for name, content in FILES.items()})
    look = [nights.look(nights.estate(path=path), NOW + number * DAY, Asked(nights.cycle))[0] for number, path in enumerate("ab")]
    assert [counts(seen(facts)) for facts in look] == [{"match": 20}, {"mismatch": 20}]


def test_what_was_read_too_long_ago_does_not_make_the_place_s_word_a_reading(nights: Troubled) -> None:
    """The bytes were read once, and since their cycle was over only the place itself said what they are."""
    nights.night(0)
    entries = {stored.key: stored for stored in nights.store.objects("north", "imaging@nas").known()}
    with nights.store.recorder("north", clock=lambda: NOW + 8 * DAY) as recorder:
        for name, content in nights.files.items():
            digest = hashlib.sha256(content).hexdigest()
            entry = Entry(name, entries[name].size, None, entries[name].version)
            told = ObjectVerdict(name, ObjectResult.MATCH, len(content), "sha256", digest, digest, there=True)
            recorder.record("imaging@nas", told, entry, [("sha256", digest, digest)])
    found = seen(nights.night(9))
    assert (counts(found), found.objects_read, found.hashed_there) == ({"match": 20}, 0, 20)
    assert rotation(nights.night(9)).verified == 0
