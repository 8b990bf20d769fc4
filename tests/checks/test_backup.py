"""How old the newest recovery point is, whether attempts were finished, and how far back a system can be taken."""

from __future__ import annotations

from datetime import timedelta

import pytest

from drcheck.model import Depth, Outcome, Points, PointState, RecoveryPoint, Source, Versions
from tests.checks.conftest import Ask
from tests.policy.rig import NOW, Slot, estate, facts, healthy, point, points, put, seen, unseen

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def holding(held: Points, target: str = "nas") -> dict[Slot, object]:
    return {Slot(target, "points"): seen(held)}


def test_the_age_is_compared_with_the_schedule_or_the_objective(ask: Ask) -> None:
    some = put(facts(estate()), holding(points(point(30 * HOUR))))
    late = ask("backup.recency", some=some, subject="pas@nas")
    assert late.outcome is Outcome.FAIL
    assert "1d 6h old" in late.message
    assert "1d (the system's RPO)" in late.message
    assert (late.assurance, late.depth) == (Source.OBSERVED, Depth.LISTED)
    weekly = estate({"copies.nas.every": "7d"})
    assert ask("backup.recency", place=weekly, some=some, subject="pas@nas").outcome is Outcome.PASS
    assert ask("backup.recency", '{ max_age = "29h" }', place=weekly, some=some, subject="pas@nas").outcome is Outcome.FAIL
    assert ask("backup.recency", '{ max_age = "30h" }', place=weekly, some=some, subject="pas@nas").outcome is Outcome.PASS


def test_grace_is_added_and_never_more_than_a_quarter(ask: Ask) -> None:
    for hours, grace, outcome in ((25, "2h", "pass"), (27, "2h", "fail"), (30, "48h", "pass"), (31, "48h", "fail")):
        some = put(facts(estate()), holding(points(point(hours * HOUR))))
        assert ask("backup.recency", f'{{ grace = "{grace}" }}', some=some, subject="pas@nas").outcome == outcome


def test_under_the_rpo_a_rarer_copy_is_not_asked_while_another_is_to_meet_it(ask: Ask) -> None:
    rpo = '{ objective = "rpo" }'
    one = estate({"copies.archive.every": "7d"})
    assert ask("backup.recency", rpo, place=one, subject="pas@archive").outcome is Outcome.NOT_APPLICABLE
    assert ask("backup.recency", rpo, place=one, subject="pas@nas").outcome is Outcome.PASS
    nobody = estate({f"copies.{target}.every": "7d" for target in ("nas", "archive", "bucket")})
    finding = ask("backup.recency", rpo, place=nobody, subject="pas@nas")
    assert finding.outcome is Outcome.FAIL
    assert "no copy of pas is made as often" in finding.message


@pytest.mark.parametrize(
    ("held", "says"),
    [
        (points(), "nothing there"),
        (points(point(HOUR, PointState.IN_PROGRESS)), "1 in-progress"),
        (points(point(-2 * DAY, PointState.FUTURE)), "1 future"),
        (points(point(HOUR, PointState.EMPTY), point(9 * DAY)), "9d old"),
        (points(point(-2 * DAY, PointState.FUTURE), point(9 * DAY)), "1 dated in the future (2026-03-03T0900.dump)"),
    ],
)
def test_what_cannot_be_restored_is_never_the_newest(ask: Ask, held: Points, says: str) -> None:
    finding = ask("backup.recency", some=put(facts(estate()), holding(held)), subject="pas@nas")
    assert finding.outcome is Outcome.FAIL
    assert says in finding.message


def test_a_future_point_is_reported_even_where_the_copy_is_fresh(ask: Ask) -> None:
    some = put(facts(estate()), holding(points(point(HOUR), point(-2 * DAY, PointState.FUTURE))))
    finding = ask("backup.recency", some=some, subject="pas@nas")
    assert finding.outcome is Outcome.PASS
    assert "1 dated in the future" in finding.message
    assert ask("backup.completeness", some=some, subject="pas@nas").outcome is Outcome.FAIL


def test_a_weak_date_and_a_hostile_name_are_shown_for_what_they_are(ask: Ask) -> None:
    some = put(facts(estate()), holding(points(point(HOUR, id="a\x1b]0;pwned\x07", time_from="modified"))))
    finding = ask("backup.recency", some=some, subject="pas@nas")
    assert "last modified, which is weak" in finding.message
    assert "\x1b" not in finding.message
    assert all("\x1b" not in fact.value for fact in finding.facts)


@pytest.mark.parametrize(
    ("attempts", "outcome", "says"),
    [
        ([point(HOUR, PointState.INCOMPLETE, detail="no marker")], "fail", "(incomplete: no marker)"),
        ([point(HOUR, PointState.EMPTY)], "fail", "(empty)"),
        ([point(HOUR, PointState.SMALL)], "fail", "(small)"),
        ([point(3 * DAY, PointState.SMALL)], "fail", "(small)"),
        ([point(8 * DAY + HOUR, PointState.SMALL)], "pass", "every attempt of the last 7d was finished"),
        ([point(HOUR, PointState.IN_PROGRESS)], "pass", "is not finished yet"),
        ([point(2 * HOUR, PointState.IN_PROGRESS), point(HOUR, PointState.IN_PROGRESS)], "fail", "begun and never finished"),
        ([point(3 * DAY + HOUR, PointState.IN_PROGRESS)], "fail", "begun and never finished"),
        ([], "pass", "finished"),
    ],
)
def test_which_attempts_make_a_copy_incomplete(ask: Ask, attempts: list[RecoveryPoint], outcome: str, says: str) -> None:
    held = points(*(point(DAY * day + 7 * HOUR) for day in range(20)), *attempts)
    finding = ask("backup.completeness", some=put(facts(estate()), holding(held)), subject="pas@nas")
    assert finding.outcome == outcome
    assert says in finding.message


def test_an_attempt_that_hangs_longer_than_the_window_is_a_failure(ask: Ask) -> None:
    held = points(point(20 * DAY), point(9 * DAY, PointState.IN_PROGRESS))
    assert ask("backup.completeness", some=put(facts(estate()), holding(held)), subject="pas@nas").outcome is Outcome.FAIL


def test_retention_is_what_the_best_copy_reaches(ask: Ask) -> None:
    assert ask("retention.depth").outcome is Outcome.PASS
    short = {Slot(target, "points"): seen(points(point(HOUR), point(60 * DAY))) for target in ("nas", "archive", "bucket")}
    some = put(facts(estate()), short)
    finding = ask("retention.depth", some=some)
    assert finding.outcome is Outcome.FAIL
    assert "not counted: nas, archive, bucket (only 60d back)" in finding.message
    assert ask("retention.depth", '{ minimum_age = "60d" }', some=some).outcome is Outcome.PASS
    assert ask("retention.depth", '{ minimum_age = "61d" }', some=some).outcome is Outcome.PASS, "one interval of the schedule is let pass"
    assert ask("retention.depth", '{ minimum_age = "62d" }', some=some).outcome is Outcome.FAIL
    one = put(some, holding(healthy(), "bucket"))
    assert ask("retention.depth", some=one).outcome is Outcome.PASS
    assert ask("retention.depth", some=put(some, {Slot("bucket", "points"): unseen()})).outcome is Outcome.UNKNOWN


def test_a_young_copy_need_not_reach_back_further_than_its_begin(ask: Ask) -> None:
    held = {Slot(target, "points"): seen(points(point(HOUR), point(10 * DAY))) for target in ("nas", "archive", "bucket")}
    place = estate({"copies.nas.since": "2026-02-19"})
    finding = ask("retention.depth", place=place, some=put(facts(place), held))
    assert (finding.outcome, finding.assurance) == (Outcome.PASS, Source.DECLARED)
    tomorrow = estate({"copies.nas.since": (NOW + DAY).date().isoformat()})
    assert ask("retention.depth", place=tomorrow, some=put(facts(tomorrow), held)).outcome is Outcome.FAIL


def test_without_a_retention_there_is_nothing_to_ask(ask: Ask) -> None:
    place = estate({"systems.pas.retention": None})
    assert ask("retention.depth", place=place).outcome is Outcome.NOT_APPLICABLE
    assert ask("retention.depth", '{ minimum_age = "30d" }', place=place).outcome is Outcome.PASS


def test_kept_versions_count_where_the_control_says_so(ask: Ask) -> None:
    held: dict[Slot, object] = {Slot(target, "points"): seen(points(point(HOUR))) for target in ("nas", "archive", "bucket")}
    counts = "{ versions_count = true }"
    for versions, outcome in ((Versions(True, 90), "pass"), (Versions(True), "pass"), (Versions(True, 89), "fail"), (Versions(False), "fail")):
        some = put(facts(estate()), held | {Slot("bucket", "versions"): seen(versions, Source.CONFIGURED)})
        assert ask("retention.depth", counts, some=some).outcome == outcome
        assert ask("retention.depth", some=some).outcome is Outcome.FAIL
    some = put(facts(estate()), held | {Slot("bucket", "versions"): unseen()})
    assert ask("retention.depth", counts, some=some).outcome is Outcome.UNKNOWN
