"""What was told is kept once, and what each channel has accepted."""

from __future__ import annotations

import pytest

from drcheck.errors import StoreError
from drcheck.model import Outcome, Severity, Subject, SubjectKind
from drcheck.model.notices import Delivery, DeliveryState, Notice, NoticeKind, Told
from drcheck.store import Store
from tests.store.model import night

COPY = Subject(SubjectKind.COPY, "ehr@vault\udcff")
FAILED = Notice(NoticeKind.FAILED, "pack", "a\\b", COPY, Outcome.FAIL, Severity.HIGH)
SILENCE = Notice(NoticeKind.SILENCE, about="2026-03-01T02:30:00Z")


def test_notices_come_back_in_their_order(store: Store) -> None:
    book = store.notices("trust")
    assert (book.told(), book.deliveries()) == ([], [])
    book.add("run-1", night(1), [FAILED, SILENCE], [])
    book.add("run-2", night(2), [SILENCE], ["smtp:it@example.org"])
    store.notices("other").add("run-3", night(1), [FAILED], ["env:URL"])
    assert book.told() == [Told(FAILED, "run-1", night(1)), Told(SILENCE, "run-1", night(1)), Told(SILENCE, "run-2", night(2))]
    assert [told.run for told in book.told(since=night(2))] == ["run-2"]
    assert [told.notice for told in book.told(run="run-1")] == [FAILED, SILENCE]
    assert [each.channel for each in book.deliveries()] == ["smtp:it@example.org"]


def test_each_channel_goes_its_own_way(store: Store) -> None:
    book = store.notices("trust")
    book.add("run-1", night(1), [FAILED], ["mail", "chat"])
    book.settle("mail", ["run-1"], night(1), "")
    book.settle("chat", ["run-1"], night(1), "it did not answer")
    waiting = Delivery("run-1", "chat", night(1), DeliveryState.WAITING, night(1), "it did not answer")
    assert book.deliveries() == [Delivery("run-1", "mail", night(1), DeliveryState.ACCEPTED, night(1), ""), waiting]
    book.add("run-2", night(2), [], ["mail", "chat"])
    assert len(book.deliveries()) == 2, "a night without notices has nothing to deliver"
    book.add("run-3", night(3), [SILENCE], ["mail"])
    states = {(each.run, each.channel): each.state for each in book.deliveries()}
    assert states == {
        ("run-1", "mail"): DeliveryState.ACCEPTED,
        ("run-1", "chat"): DeliveryState.DROPPED,
        ("run-3", "mail"): DeliveryState.WAITING,
    }


def test_a_night_is_told_once(store: Store) -> None:
    book = store.notices("trust")
    book.add("run-1", night(1), [FAILED], ["mail"])
    with pytest.raises(StoreError):
        book.add("run-1", night(1), [SILENCE], ["mail"])
    assert len(book.told()) == 1
