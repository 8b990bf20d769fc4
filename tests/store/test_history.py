"""Assessments are kept whole, in a chain, and what is read off them is right."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drcheck.chain import Paper
from drcheck.errors import StoreError
from drcheck.model import (
    Assessment,
    CopyFacts,
    Depth,
    Drill,
    EstateUsed,
    Facts,
    Finding,
    Observed,
    Outcome,
    Points,
    PointState,
    Reason,
    RecoveryPoint,
    Run,
    Severity,
    Source,
    Subject,
    SubjectKind,
    TargetFacts,
    Unobserved,
    Waiver,
)
from drcheck.store import Store, open_store
from tests.store.model import night
from tests.strategies import assessments

NAME = "assessment.json"
NOT_LOOKED = Unobserved(Reason.NOT_ATTEMPTED, "")


def finding(control: str, outcome: Outcome, *, waived: bool = False) -> Finding:
    """One finding about the estate's copy."""
    subject = Subject(SubjectKind.COPY, "ehr@vault")
    waiver = Waiver("pack", control, subject.id, "me", "because", night(9).date()) if waived else None
    return Finding("pack", control, "1.1", "check", subject, outcome, Severity.HIGH, Source.OBSERVED, Depth.LISTED, "", (), waiver, "")


def point(identity: str, at: datetime, state: PointState = PointState.FINISHED) -> RecoveryPoint:
    """One recovery point of seven bytes."""
    return RecoveryPoint(identity, at, "name", 7, 1, state)


def assessment(
    number: int,
    *findings: Finding,
    organisation: str = "trust",
    points: tuple[RecoveryPoint, ...] = (),
    drills: tuple[Drill, ...] = (),
    as_of: bool = False,
) -> Assessment:
    """The assessment of a numbered night."""
    at = night(number)
    seen = Points(len(points), (), points, points[-1] if points else None, (), 1, 7)
    target = TargetFacts("vault", NOT_LOOKED, NOT_LOOKED, NOT_LOOKED, NOT_LOOKED, NOT_LOOKED, NOT_LOOKED, (("sftp:open", 2), ("sftp:stat", number)))
    facts = Facts(
        at,
        (target,),
        (CopyFacts("ehr", "vault", Observed(seen, at, Source.OBSERVED) if points else NOT_LOOKED, NOT_LOOKED, NOT_LOOKED),),
        Observed(drills, at, Source.DECLARED),
    )
    run = Run(f"run-{organisation}-{number}", at, as_of, "", at, at + timedelta(minutes=1), "0.1.0")
    return Assessment(run, EstateUsed("estate.toml", "sha256:e", organisation, "Name", "GB", "", False), (), (), (), facts, findings)


def test_an_assessment_comes_back(store: Store) -> None:
    recorded = store.record(assessment(1, finding("a", Outcome.FAIL)), [Paper(NAME, b'{"night":1}')])
    assert store.paper("run-trust-1", NAME) == b'{"night":1}'
    assert store.latest("trust") == recorded
    assert (recorded.organisation, recorded.reference, recorded.exit_code, recorded.estate_digest) == ("trust", night(1), 10, "sha256:e")
    assert dict(recorded.counts) == {**dict.fromkeys(Outcome, 0), Outcome.FAIL: 1}
    assert store.calls("run-trust-1") == [("vault", "sftp:open", 2), ("vault", "sftp:stat", 1)]


def test_each_names_the_digest_of_the_one_before(store: Store) -> None:
    one = store.record(assessment(1), [Paper(NAME, b"one")])
    other = store.record(assessment(1, organisation="other"), [Paper(NAME, b"other")])
    two = store.record(assessment(2), [Paper(NAME, b"two")])
    first, second = store.links("trust")
    assert first.papers == ((NAME, f"sha256:{hashlib.sha256(b'one').hexdigest()}"),)
    assert (first.number, first.previous, second.number, second.previous) == (1, "", 2, first.digest)
    assert (one.link, two.link) == (first.digest, second.digest)
    assert [(link.number, link.previous, link.digest) for link in store.links("other")] == [(1, "", other.link)]
    assert [recorded.run for recorded in store.assessments()] == ["run-trust-2", "run-other-1", "run-trust-1"]
    assert store.assessments("trust", since=night(2)) == [two]
    assert store.assessments("trust", until=night(1)) == [one]
    assert store.assessments("trust", limit=1) == [two]
    assert store.latest("nobody") is None


def test_findings_are_kept_as_intervals(store: Store) -> None:
    for number, outcomes in enumerate(["PP", "PF", "PF", "FF", "F", "FP"], 1):
        found = [finding(control, Outcome.PASS if letter == "P" else Outcome.FAIL) for control, letter in zip("ab", outcomes, strict=False)]
        store.record(assessment(number, *found), [Paper(NAME, b"")])
    store.record(assessment(6, finding("a", Outcome.PASS), organisation="other"), [Paper(NAME, b"")])
    intervals = [(one.control, one.outcome, one.since, one.until) for one in store.intervals("trust")]
    assert intervals == [
        ("a", Outcome.PASS, night(1), night(3)),
        ("b", Outcome.PASS, night(1), night(1)),
        ("b", Outcome.FAIL, night(2), night(4)),
        ("a", Outcome.FAIL, night(4), night(6)),
        ("b", Outcome.PASS, night(6), night(6)),
    ]


def test_what_was_not_judged_in_between_begins_anew(store: Store) -> None:
    for number, findings in enumerate([[finding("a", Outcome.FAIL)], [], [finding("a", Outcome.FAIL)]], 1):
        store.record(assessment(number, *findings), [Paper(NAME, b"")])
    assert [(one.first, one.last) for one in store.intervals("trust")] == [(1, 1), (3, 3)]


def test_a_waiver_begins_an_interval(store: Store) -> None:
    store.record(assessment(1, finding("a", Outcome.FAIL)), [Paper(NAME, b"")])
    store.record(assessment(2, finding("a", Outcome.FAIL, waived=True)), [Paper(NAME, b"")])
    assert [(one.waived, one.first, one.last) for one in store.intervals("trust")] == [(False, 1, 1), (True, 2, 2)]


def test_another_moment_s_assessment_is_kept_beside_the_course_of_things(store: Store) -> None:
    last = store.record(assessment(1, finding("a", Outcome.FAIL), points=(point("p", night(0)),)), [Paper(NAME, b"")])
    aside = store.record(assessment(9, finding("a", Outcome.PASS), points=(point("q", night(8)),), as_of=True), [Paper(NAME, b"as of")])
    assert store.latest("trust") == last
    assert [one.outcome for one in store.intervals("trust")] == [Outcome.FAIL]
    assert [one.id for one in store.recovery_points("trust", "ehr@vault")] == ["p"]
    assert store.paper(aside.run, NAME) == b"as of"


def test_recovery_points_are_remembered_when_they_are_gone(store: Store) -> None:
    odd = "\udcff\0\\" + "x" * 4_000
    store.record(assessment(1, points=(point("new", night(1), PointState.IN_PROGRESS), point(odd, night(0)))), [Paper(NAME, b"")])
    store.record(assessment(2, points=(point("new", night(1)),)), [Paper(NAME, b"")])
    store.record(assessment(3), [Paper(NAME, b"")])
    new, old = store.recovery_points("trust", "ehr@vault")
    assert (new.id, new.state, new.first_seen, new.last_seen) == ("new", PointState.FINISHED, night(1), night(2))
    assert (old.id, old.size, old.first_seen, old.last_seen) == (odd, 7, night(1), night(1))


def test_a_run_is_recorded_once_and_whole(store: Store) -> None:
    first = store.record(assessment(1, finding("a", Outcome.PASS)), [Paper(NAME, b"one")])
    with pytest.raises(StoreError, match="has the run run-trust-1 already"):
        store.record(assessment(1, finding("a", Outcome.FAIL), points=(point("p", night(0)),)), [Paper(NAME, b"two")])
    assert store.paper("run-trust-1", NAME) == b"one"
    assert store.assessments() == [first]
    assert [one.outcome for one in store.intervals("trust")] == [Outcome.PASS]
    assert store.recovery_points("trust", "ehr@vault") == []


def test_a_failure_in_the_middle_leaves_nothing(store: Store) -> None:
    twice = assessment(1, finding("a", Outcome.PASS))
    broken = replace(twice, facts=replace(twice.facts, targets=twice.facts.targets * 2))
    with pytest.raises(StoreError):
        store.record(broken, [Paper(NAME, b"one")])
    assert store.assessments() == []
    assert store.intervals("trust") == []
    assert store.record(twice, [Paper(NAME, b"one")]).number >= 1


def test_drills_are_kept_once(store: Store) -> None:
    drill = Drill("ehr", "vault", "p", night(0), night(0, 60), True, "me", None, problems="\udcff two\nlines")
    for number in (1, 2):
        store.record(assessment(number, drills=(drill, drill)), [Paper(NAME, b"")])
    store.record(assessment(3, drills=(drill, replace(drill, success=False))), [Paper(NAME, b"")])
    assert [(one.recovery_point, one.success, one.first_seen, one.last_seen) for one in store.drills("trust")] == [
        ("p", True, night(1), night(3)),
        ("p", False, night(3), night(3)),
    ]


def test_an_unknown_run_is_told(store: Store) -> None:
    with pytest.raises(StoreError, match="has no run nine"):
        store.paper("nine", NAME)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_assessment_can_be_recorded(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    with open_store(tmp_path_factory.mktemp("any") / "drcheck.db") as store:
        drawn = [data.draw(assessments()) for _ in range(2)]
        for number, one in enumerate(drawn):
            estate = replace(one.estate, organisation=drawn[0].estate.organisation)
            given_one = replace(one, run=replace(one.run, id=f"{number}{one.run.id}"), estate=estate)
            recorded = store.record(given_one, [Paper(NAME, b"document")])
            assert (recorded.run, recorded.organisation, recorded.started) == (given_one.run.id, estate.organisation, one.run.started.astimezone(UTC))
            assert recorded.exit_code == one.exit_code
            assert dict(recorded.counts) == one.counts()
        latest = store.intervals(drawn[0].estate.organisation)
        assert {(one.control, one.subject, one.outcome) for one in latest if one.last == 2} <= {
            (one.control, one.subject, one.outcome) for one in drawn[1].findings
        }


def test_the_file_is_this_user_s_alone(tmp_path: Path) -> None:
    file = tmp_path / "state" / "drcheck" / "drcheck.db"
    with open_store(file) as store:
        store.record(assessment(1), [Paper(NAME, b"")])
        assert {path.stat().st_mode & 0o777 for path in file.parent.iterdir()} == {0o600}
        assert file.parent.stat().st_mode & 0o777 == 0o700
