"""Inspect: all targets at once, each under its own deadline, whatever they do."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from drcheck import connectors
from drcheck.clock import Deadline
from drcheck.estate.schema import Estate
from drcheck.inspect import inspect
from drcheck.model import CopyFacts, Observed, PointState, Reason, Source, TargetFacts, Unobserved
from tests.busy import BUSY
from tests.formats.memory import PLACES

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _places(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, place in PLACES.items():
        monkeypatch.setitem(connectors.BUILTIN, name, place)


def estate(targets: Mapping[str, Mapping[str, Any]], *, copies: bool = True, **more: Any) -> Estate:
    """An estate with one system, these targets, and a copy at each (under `lab`)."""
    return Estate.model_validate(
        {
            "schema": "drcheck.estate/1",
            "organisation": {"id": "trust", "name": "Trust", "country": "GB"},
            "sites": [{"id": "here", "name": "Here"}],
            "systems": [{"id": "lab", "name": "Laboratory", "tier": "critical", "owner": "IT", "production": {"site": "here"}, "rpo": "24h"}],
            "targets": [{"id": name, "site": "here", **target} for name, target in targets.items()],
            "copies": [
                {"system": "lab", "target": name, "path": "lab", "format": "dated", "options": {"pattern": "%Y-%m-%d"}} for name in targets if copies
            ],
            "policies": ["any"],
            **more,
        }
    )


def looked(wanted: Estate, *, seconds: float = 5, workers: int = 8, run: float = 20) -> tuple[dict[str, TargetFacts], dict[str, CopyFacts]]:
    """What inspect saw, by target."""
    targets, copies = inspect(wanted, now=NOW, seconds=seconds, workers=workers, run=Deadline(run))
    assert [facts.target for facts in targets] == [target.id for target in wanted.targets]
    assert [facts.id for facts in copies] == [copy.id for copy in wanted.copies]
    return {facts.target: facts for facts in targets}, {facts.target: facts for facts in copies}


def aspects(facts: TargetFacts) -> dict[str, object]:
    """Every aspect of a target by its name."""
    names = ("identity", "protection", "encryption", "versions", "permissions", "clock_skew")
    return {name: getattr(facts, name) for name in names}


def value(fact: object) -> Any:
    """The value of a fact that must be known."""
    assert isinstance(fact, Observed), fact
    return fact.value


def reason(fact: object) -> Reason:
    """Why a fact is not known, which it must not be."""
    assert isinstance(fact, Unobserved), fact
    return fact.reason


def test_a_good_target_is_known_with_the_source_of_each_fact() -> None:
    targets, copies = looked(estate({"vault": {"connector": "memory-good"}}))
    facts, copy = targets["vault"], copies["vault"]
    assert value(facts.identity).device == "memory:0"
    assert [fact.source for fact in aspects(facts).values() if isinstance(fact, Observed)] == [Source.OBSERVED, Source.CONFIGURED]
    assert [reason(facts.encryption), reason(facts.versions), reason(facts.permissions), reason(facts.clock_skew)] == [Reason.UNSUPPORTED] * 4
    assert value(copy.points).count(PointState.FINISHED) == 5
    assert isinstance(copy.points, Observed)
    assert copy.points.source is Source.OBSERVED
    assert value(copy.lock).detail == "lab/2026-03-05/archive", "the lock is the newest usable point's own, not the place's default"
    assert isinstance(copy.lock, Observed)
    assert copy.lock.source is Source.OBSERVED
    assert reason(copy.verification) is Reason.NOT_ATTEMPTED
    assert dict(facts.calls) == {"memory:list": 1, "memory:open": 1}
    assert 0 < facts.seconds < 5


def test_a_real_folder(tmp_path: Path) -> None:
    for day in (3, 4, 5):
        file = tmp_path / f"lab/2026-03-0{day}/results.db"
        file.parent.mkdir(parents=True)
        file.write_bytes(b"results")
        os.utime(file, (NOW.timestamp() - 86_400, NOW.timestamp() - 86_400))
    targets, copies = looked(estate({"disk": {"connector": "local", "options": {"root": str(tmp_path)}}}))
    assert value(targets["disk"].identity).device
    assert [point.id for point in value(copies["disk"].points).newest] == ["2026-03-05", "2026-03-04", "2026-03-03"]


@pytest.mark.parametrize(
    ("connector", "expected"),
    [("memory-closed", Reason.UNREACHABLE), ("memory-hungatonce", Reason.TIMED_OUT)],
)
def test_where_a_target_cannot_be_opened_everything_is_unknown_and_says_which(connector: str, expected: Reason) -> None:
    targets, copies = looked(estate({"good": {"connector": "memory-good"}, "vault": {"connector": connector, "timeout": "0.2s"}}))
    for fact in (*aspects(targets["vault"]).values(), copies["vault"].points, copies["vault"].lock):
        assert reason(fact) is expected
        assert "the target vault" in str(fact)
    assert isinstance(copies["good"].points, Observed)


def test_one_refused_aspect_leaves_the_others() -> None:
    targets, copies = looked(estate({"vault": {"connector": "memory-denied"}}))
    assert isinstance(targets["vault"].identity, Observed)
    assert reason(copies["vault"].points) is Reason.ACCESS_DENIED
    assert reason(copies["vault"].lock) is Reason.ACCESS_DENIED


def test_what_was_learnt_before_the_deadline_is_kept() -> None:
    targets, copies = looked(estate({"vault": {"connector": "memory-hung"}}), seconds=0.2)
    assert isinstance(targets["vault"].identity, Observed)
    assert isinstance(targets["vault"].protection, Observed)
    assert reason(copies["vault"].points) is Reason.TIMED_OUT
    assert "did not answer within 0.2 s" in str(copies["vault"].points)
    assert dict(targets["vault"].calls) == {"memory:open": 1}


def test_a_bug_in_a_connector_is_internal_and_leaves_what_was_learnt(caplog: pytest.LogCaptureFixture) -> None:
    targets, copies = looked(estate({"vault": {"connector": "memory-broken"}, "none": {"connector": "no-such-connector"}}))
    assert isinstance(copies["vault"].points, Observed)
    assert reason(targets["none"].identity) is Reason.INTERNAL
    assert "no-such-connector" in str(targets["none"].identity)
    assert "ZeroDivisionError" in caplog.text


def test_a_hung_target_costs_its_own_deadline_and_delays_nobody() -> None:
    began = time.monotonic()
    hung = {f"hung{number}": {"connector": "memory-hungatonce", "timeout": "3s"} for number in range(3)}
    targets, copies = looked(estate({**hung, "good": {"connector": "memory-good"}}), workers=4)
    assert time.monotonic() - began < 3 + BUSY, "one after the other would take 9 s"
    assert targets["good"].seconds < 2.5
    assert isinstance(copies["good"].points, Observed)


def test_with_one_worker_a_hung_target_gives_its_slot_to_the_next() -> None:
    hung = {"connector": "memory-hungatonce", "timeout": "0.2s"}
    _, copies = looked(estate({"hung": hung, "good": {"connector": "memory-good"}}), workers=1)
    assert isinstance(copies["good"].points, Observed)


def test_a_target_has_its_own_timeout() -> None:
    began = time.monotonic()
    targets, _ = looked(estate({"slow": {"connector": "memory-slow", "timeout": "0.1s"}, "good": {"connector": "memory-good"}}), seconds=15)
    assert time.monotonic() - began < BUSY
    assert isinstance(targets["good"].identity, Observed)


def test_a_listing_that_keeps_its_deadline_says_so_itself() -> None:
    _, copies = looked(estate({"slow": {"connector": "memory-slow"}}), seconds=0.2)
    assert str(copies["slow"].points) == "timed-out: not finished within its deadline of 0.2 s"


def test_when_the_run_is_over_the_rest_is_not_asked() -> None:
    wanted = estate({"hung": {"connector": "memory-hungatonce"}, "good": {"connector": "memory-good"}})
    targets, copies = looked(wanted, seconds=10, workers=1, run=0.2)
    assert reason(targets["hung"].identity) is Reason.TIMED_OUT
    assert str(copies["good"].points) == "timed-out: the target good was not asked: the time for the whole run was over"
    assert targets["good"].seconds == 0


def test_a_target_declared_offline_is_tried_and_the_reason_says_that_it_is() -> None:
    offline = {"offline": {"rotation": "7d", "last_connected": "2026-03-01"}}
    targets, copies = looked(estate({"tape": {"connector": "memory-closed", **offline}, "disk": {"connector": "memory-good", **offline}}))
    assert reason(targets["tape"].identity) is Reason.UNREACHABLE
    assert "declared offline" in str(copies["tape"].points)
    assert isinstance(targets["disk"].identity, Observed), "declared offline, observed connected"


def test_an_offline_target_is_tried_only_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drcheck.inspect.OFFLINE_SECONDS", 0.1)
    offline = {"rotation": "7d", "last_connected": "2026-03-01"}
    began = time.monotonic()
    targets, _ = looked(estate({"tape": {"connector": "memory-hungatonce", "offline": offline, "timeout": "15s"}}), seconds=15)
    assert time.monotonic() - began < BUSY
    assert "declared offline" in str(targets["tape"].identity)


def test_a_target_without_copies_is_looked_at_too() -> None:
    targets, copies = looked(estate({"spare": {"connector": "memory-good"}}, copies=False))
    assert isinstance(targets["spare"].identity, Observed)
    assert copies == {}


def test_in_a_rehearsal_the_device_is_known_by_declaration_only() -> None:
    targets, _ = looked(estate({"vault": {"connector": "memory-good"}}, rehearsal=True))
    assert value(targets["vault"].identity).device == ""
    assert value(targets["vault"].identity).trait("host") == "here"


def test_without_a_usable_point_there_is_no_lock_to_look_at() -> None:
    wanted = estate({"vault": {"connector": "memory-good"}})
    _, copies = inspect(wanted, now=datetime(2025, 1, 1, tzinfo=UTC), seconds=5, workers=1, run=Deadline(20))
    assert value(copies[0].points).count(PointState.FUTURE) == 5
    assert reason(copies[0].lock) is Reason.NOT_ATTEMPTED


def test_every_call_is_told_to_the_sink() -> None:
    seen: list[tuple[str, str, str]] = []
    lock = threading.Lock()

    def sink(at: datetime, target: str, call: str, subject: str, times: int) -> None:
        with lock:
            seen.extend([(target, call, subject)] * times)

    inspect(estate({"vault": {"connector": "memory-good"}}), now=NOW, seconds=5, workers=1, run=Deadline(20), sink=sink)
    assert seen == [("vault", "memory:open", ""), ("vault", "memory:list", "lab")]


SCRIPT = """
from drcheck import connectors
from drcheck.clock import Deadline
from drcheck.inspect import inspect
from tests.formats.memory import PLACES
from tests.test_inspect import NOW, estate

connectors.BUILTIN.update(PLACES)
wanted = estate({"hung": {"connector": "memory-hungatonce", "timeout": "0.3s"}, "good": {"connector": "memory-good"}})
targets, copies = inspect(wanted, now=NOW, seconds=5, workers=2, run=Deadline(20))
print(targets[0].identity)
"""


def test_the_process_ends_though_a_thread_hangs() -> None:
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=root, capture_output=True, text=True, timeout=30, check=True)
    # A thread that is waited for would have made this run into its time limit.
    assert done.stdout == "timed-out: the target hung did not answer within 0.3 s\n"
