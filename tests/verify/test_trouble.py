"""Places that fail while they are read: each object keeps its own result, and a run that is cut short keeps what it did."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from drcheck import connectors
from drcheck.clock import Deadline
from drcheck.errors import AccessDenied, ConnectorError, InProgress, Malformed, NoCredentials, TimedOut, Unreachable, Unsupported, Untrusted
from drcheck.estate.schema import Estate
from drcheck.model import Depth, ObjectResult, Observed, Reason, Unobserved
from drcheck.verify import verify
from tests.verify.places import NOW, Told, copy_of, counts, estate_of, fill, look, problems, seen, sums, verified
from tests.verify.troubled import CONNECTOR, TroubledConnector

FILES = {f"{letter}.img": letter.encode() * 1000 for letter in "abcdef"}


@pytest.fixture(autouse=True)
def _troubled(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, place in CONNECTOR.items():
        monkeypatch.setitem(connectors.BUILTIN, name, place)
    for name in ("before", "halfway", "listing"):
        monkeypatch.setattr(TroubledConnector, name, staticmethod(lambda key: None))
    monkeypatch.setattr(TroubledConnector, "archived", frozenset())
    monkeypatch.setattr(TroubledConnector, "reads", [])


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    fill(tmp_path / "nas", {**FILES, "SHA256SUMS": sums(FILES)})
    return estate_of(copy_of({"name": "SHA256SUMS"}), base=tmp_path, connector="troubled", options={"root": str(tmp_path / "nas")})


def on(key: str, error: Exception) -> staticmethod[[str], None]:
    def act(asked: str) -> None:
        if asked == key:
            raise error

    return staticmethod(act)


def from_on(key: str, error: Exception) -> staticmethod[[str], None]:
    def act(asked: str) -> None:
        if asked >= key:
            raise error

    return staticmethod(act)


@pytest.mark.parametrize("moment", ["before", "halfway"])
@pytest.mark.parametrize(
    ("error", "result"),
    [
        (AccessDenied("c.img: may not be read"), "unreadable"),
        (Malformed("c.img: ended early"), "unreadable"),
        (Unsupported("c.img: in GLACIER"), "not-read"),
        (InProgress("c.img: changed"), "unreadable"),
        (Unreachable("no answer"), "unreadable"),
        (TimedOut("no answer"), "unreadable"),
        (OSError("a bug in the connector"), "unreadable"),
    ],
)
def test_one_object_that_cannot_be_read_costs_itself(estate: Estate, moment: str, error: Exception, result: str) -> None:
    setattr(TroubledConnector, moment, on("c.img", error))
    found = verified(estate)
    assert counts(found) == {"match": 5, result: 1}
    (problem,) = found.problems
    assert str(error) in problem.detail
    assert (problem.key, found.stopped, found.objects_read, found.bytes_read) == ("c.img", None, 5, 5000)


@pytest.mark.parametrize("error", [Unreachable("closed"), TimedOut("no answer"), Untrusted("another key"), NoCredentials("expired")])
def test_a_connection_lost_half_way_stops_and_keeps_what_was_done(estate: Estate, error: ConnectorError) -> None:
    TroubledConnector.before = from_on("c.img", error)
    found = verified(estate)
    assert counts(found) == {"match": 2, "not-read": 4}
    assert found.stopped == Unobserved(Reason(error.reason), str(error))
    assert TroubledConnector.reads == ["SHA256SUMS", "a.img", "b.img", "c.img", "d.img"]


def test_a_connection_lost_at_the_last_object_is_no_fault_of_that_object(estate: Estate) -> None:
    TroubledConnector.before = from_on("f.img", Unreachable("closed"))
    found = verified(estate)
    assert counts(found) == {"match": 5, "not-read": 1}
    assert found.stopped is not None


def test_an_object_that_changes_once_while_it_is_read_is_read_again(estate: Estate, tmp_path: Path) -> None:
    path = tmp_path / "nas" / "c.img"

    def touch(key: str) -> None:
        if key == "c.img" and TroubledConnector.reads.count(key) == 1:
            os.utime(path)

    TroubledConnector.halfway = staticmethod(touch)
    assert counts(verified(estate)) == {"match": 6}
    assert TroubledConnector.reads.count("c.img") == 2


def test_an_object_that_keeps_changing_is_unreadable(estate: Estate, tmp_path: Path) -> None:
    path = tmp_path / "nas" / "c.img"

    def grow(key: str) -> None:
        if key == "c.img":
            with path.open("ab") as file:
                file.write(b"more")

    TroubledConnector.halfway = staticmethod(grow)
    found = verified(estate)
    assert counts(found) == {"match": 5, "unreadable": 1}
    assert "kept changing while it was read" in found.problems[0].detail


def test_an_object_that_vanishes_after_it_was_listed_is_missing(estate: Estate, tmp_path: Path) -> None:
    def vanish(key: str) -> None:
        (tmp_path / "nas" / "c.img").unlink(missing_ok=True)

    TroubledConnector.before = staticmethod(vanish)
    found = verified(estate)
    assert counts(found) == {"match": 5, "missing": 1}
    assert problems(found, ObjectResult.MISSING) == ["c.img"]


def test_archived_objects_are_never_read(estate: Estate) -> None:
    TroubledConnector.archived = frozenset({"b.img", "c.img"})
    found = verified(estate)
    assert counts(found) == {"match": 4, "not-read": 2}
    assert {"b.img", "c.img"}.isdisjoint(TroubledConnector.reads)
    assert found.stopped is None


def test_an_archived_manifest_is_unusable(estate: Estate) -> None:
    TroubledConnector.archived = frozenset({"SHA256SUMS"})
    found = verified(estate)
    assert (counts(found), TroubledConnector.reads) == ({"not-read": 6}, [])


@pytest.mark.parametrize(("error", "counted"), [(AccessDenied("no"), {"not-read": 6}), (InProgress("changed"), {"not-read": 6})])
def test_a_manifest_that_cannot_be_read_is_unusable(estate: Estate, error: ConnectorError, counted: dict[str, int]) -> None:
    TroubledConnector.before = on("SHA256SUMS", error)
    found = verified(estate)
    assert counts(found) == counted
    assert str(error) in found.unusable_manifests[0]


def test_a_listing_that_fails_leaves_nothing_to_compare(estate: Estate) -> None:
    copies = seen(estate)
    TroubledConnector.listing = on("d.img", AccessDenied("d.img: may not be listed"))
    (copy,) = verify(estate, copies, now=NOW, workers=1, run=Deadline(30))
    assert copy.verification == Unobserved(Reason.ACCESS_DENIED, "d.img: may not be listed")


def test_a_connection_lost_while_manifests_are_read_leaves_nothing_to_compare(tmp_path: Path) -> None:
    for day in (1, 2, 3):
        fill(tmp_path / f"nas/2026-03-0{day}", {"a": b"a", "SUMS": sums({"a": b"a"})})
    declared = copy_of({"name": "SUMS"}, "dated", options={"pattern": "%Y-%m-%d"})
    estate = estate_of(declared, base=tmp_path, connector="troubled", options={"root": str(tmp_path / "nas")})
    TroubledConnector.before = from_on("2026-03-02", Unreachable("closed"))
    (fact,) = look(estate).values()
    assert fact == Unobserved(Reason.UNREACHABLE, "closed")


def test_time_that_runs_out_half_way_keeps_what_was_done(estate: Estate) -> None:
    TroubledConnector.halfway = staticmethod(lambda key: time.sleep(0.4 if key == "c.img" else 0))
    copies = seen(estate)
    (copy,) = verify(estate, copies, now=NOW, workers=1, run=Deadline(0.35))
    assert isinstance(copy.verification, Observed)
    found = copy.verification.value
    assert found.count(ObjectResult.MATCH) in (2, 3)
    assert found.count(ObjectResult.MATCH) + found.count(ObjectResult.NOT_READ) == 6
    assert found.stopped is not None
    assert found.stopped.reason is Reason.TIMED_OUT


def test_a_target_that_hangs_costs_nobody_else_and_keeps_what_it_did(tmp_path: Path) -> None:
    for name in ("hangs", "well"):
        fill(tmp_path / "nas" / name, {**FILES, "SHA256SUMS": sums(FILES)})
    declared = [copy_of({"name": "SHA256SUMS"}, path=name, target=name) for name in ("hangs", "well")]
    estate = estate_of(*declared, base=tmp_path, connector="troubled", options={"root": str(tmp_path / "nas")})
    copies = seen(estate)
    gate = threading.Event()

    def hang(key: str) -> None:
        if key == "hangs/d.img":
            gate.wait(30)

    TroubledConnector.halfway = staticmethod(hang)
    told = Told()
    begun = time.monotonic()
    hangs, well = (copy.verification for copy in verify(estate, copies, now=NOW, workers=2, run=Deadline(1), results=told))
    assert time.monotonic() - begun < 5
    assert isinstance(well, Observed)
    assert counts(well.value) == {"match": 6}
    assert isinstance(hangs, Observed)
    assert counts(hangs.value) == {"match": 3, "not-read": 3}
    assert (hangs.value.depth, hangs.value.bytes_read) == (Depth.READ, 3000)
    assert hangs.value.stopped is not None
    before = len(told.verdicts)
    gate.set()
    time.sleep(0.3)
    assert len(told.verdicts) == before == 9


def test_targets_whose_turn_never_comes_are_timed_out(estate: Estate) -> None:
    (copy,) = verify(estate, seen(estate), now=NOW, workers=1, run=Deadline(0))
    assert isinstance(copy.verification, Unobserved)
    assert copy.verification.reason is Reason.TIMED_OUT


def test_every_result_is_told_as_it_is_made_and_an_interrupt_loses_none(estate: Estate) -> None:
    reached: list[int] = []
    told = Told(lambda verdict: reached.append(len(TroubledConnector.reads)))
    look(estate, results=told)
    assert [(copy, verdict.key) for copy, verdict in told.verdicts] == [("imaging@nas", name) for name in FILES]
    assert reached == [2, 3, 4, 5, 6, 7]


def test_a_sink_that_fails_ends_the_copy_and_is_no_match(estate: Estate) -> None:
    def fail(_: object) -> None:
        raise OSError("the disk is full")

    (fact,) = look(estate, results=Told(fail)).values()
    assert isinstance(fact, Observed)
    assert counts(fact.value) == {"not-read": 6}
    assert fact.value.stopped == Unobserved(Reason.INTERNAL, "OSError: the disk is full")


def test_no_temporary_file_stays_behind(estate: Estate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    there: list[int] = []
    look(estate, results=Told(lambda _: there.append(sum(1 for _ in (tmp_path / "temporary").glob("drcheck-*/*.sqlite")))))
    assert there == [1] * 6
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_point_that_came_after_inspection_is_left_aside(tmp_path: Path) -> None:
    fill(tmp_path / "nas/2026-03-01", {"a": b"a", "SUMS": sums({"a": b"a"})})
    estate = estate_of(copy_of({"name": "SUMS"}, "dated", options={"pattern": "%Y-%m-%d"}), base=tmp_path)
    copies = seen(estate)
    fill(tmp_path / "nas/2026-03-02", {"a": b"half"})
    (copy,) = verify(estate, copies, now=NOW, workers=1, run=Deadline(30))
    assert isinstance(copy.verification, Observed)
    assert counts(copy.verification.value) == {"match": 1}


def test_points_from_after_the_reference_time_are_left_aside(tmp_path: Path) -> None:
    fill(tmp_path / "nas/2026-03-01", {"a": b"a", "SUMS": sums({"a": b"a"})})
    fill(tmp_path / "nas/2026-03-05", {"a": b"a", "SUMS": sums({"a": b"b"})})
    estate = estate_of(copy_of({"name": "SUMS"}, "dated", options={"pattern": "%Y-%m-%d"}), base=tmp_path)
    (copy,) = verify(estate, seen(estate), now=NOW.replace(day=3), workers=1, run=Deadline(30))
    assert isinstance(copy.verification, Observed)
    assert counts(copy.verification.value) == {"match": 1}


def test_a_copy_that_was_not_seen_keeps_its_reason(estate: Estate) -> None:
    refused = Unobserved(Reason.ACCESS_DENIED, "may not be listed")
    copies = tuple(replace(copy, points=refused) for copy in seen(estate))
    (copy,) = verify(estate, copies, now=NOW, workers=1, run=Deadline(30))
    assert copy.verification == refused
    assert TroubledConnector.reads == []


def test_objects_that_are_never_answered_stop_the_copy(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = TroubledConnector.digests
    lost = ("c.img", "e.img")
    monkeypatch.setattr(TroubledConnector, "digests", lambda self, wanted: (each for each in digests(self, wanted) if each[0].key not in lost))
    found = verified(estate)
    assert counts(found) == {"match": 4, "not-read": 2}
    assert found.stopped == Unobserved(Reason.INTERNAL, "2 objects were to be read and were never answered")
