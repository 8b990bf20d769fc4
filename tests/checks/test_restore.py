"""Which drills prove a restore, and for how long."""

from __future__ import annotations

from datetime import timedelta

import pytest

from drcheck.estate.schema import Estate
from drcheck.model import Depth, Drill, Finding, Outcome, Source
from tests.checks.conftest import Ask
from tests.policy.rig import Slot, drill, estate, facts, put, seen, unseen

DAY = timedelta(days=1)


def restored(ask: Ask, *drills: Drill, parameters: str = "{}", place: Estate | None = None) -> Finding:
    where = place or estate()
    some = put(facts(where), {Slot("", "drills"): seen(tuple(drills), Source.DECLARED)})
    return ask("restore.tested", parameters, place=where, some=some)


def test_a_recent_success_passes_as_far_as_the_record_is_believed(ask: Ask) -> None:
    finding = restored(ask, drill(10 * DAY))
    assert (finding.outcome, finding.assurance, finding.depth) == (Outcome.PASS, Source.DECLARED, Depth.RESTORED)
    assert "from bucket on 2026-02-19" in finding.message


def test_no_record_at_all_is_a_failure_and_no_file_is_unknown(ask: Ask) -> None:
    assert restored(ask).outcome is Outcome.FAIL
    assert restored(ask, drill(system="ris")).outcome is Outcome.FAIL
    some = put(facts(estate()), {Slot("", "drills"): unseen()})
    assert ask("restore.tested", some=some).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("parameters", "change", "days", "outcome"),
    [
        ("{}", {}, 365, "pass"),
        ("{}", {}, 366, "fail"),
        ('{ max_age = "92d" }', {}, 93, "fail"),
        ("{}", {"systems.pas.restore_test_interval": "31d"}, 32, "fail"),
        ('{ max_age = "30d" }', {"systems.pas.restore_test_interval": "90d"}, 32, "fail"),
        ("{ third_of_retention = true }", {}, 30, "pass"),
        ("{ third_of_retention = true }", {}, 31, "fail"),
        ("{ third_of_retention = true }", {"systems.pas.retention": None}, 31, "pass"),
    ],
)
def test_the_smallest_limit_holds(ask: Ask, parameters: str, change: dict[str, str], days: int, outcome: str) -> None:
    assert restored(ask, drill(days * DAY), parameters=parameters, place=estate(change)).outcome == outcome


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (drill(-DAY), "is dated after now"),
        (drill(success=False, problems="no key"), "did not succeed: no key"),
        (drill(target="gone"), "a copy that is not declared"),
        (drill(started=drill().ended + DAY), "ended before it began"),
    ],
)
def test_what_proves_nothing_is_named(ask: Ask, one: Drill, says: str) -> None:
    finding = restored(ask, one)
    assert finding.outcome is Outcome.FAIL
    assert says in finding.message
    assert restored(ask, one, drill(20 * DAY, target="nas")).outcome is Outcome.PASS


def test_a_later_failure_from_the_same_copy_takes_the_proof_back(ask: Ask) -> None:
    finding = restored(ask, drill(20 * DAY), drill(10 * DAY, success=False))
    assert finding.outcome is Outcome.FAIL
    assert "was followed by one from the same copy that did not succeed" in finding.message
    assert restored(ask, drill(20 * DAY), drill(10 * DAY, success=False, target="nas")).outcome is Outcome.PASS
    assert restored(ask, drill(20 * DAY), drill(30 * DAY, success=False)).outcome is Outcome.PASS


def test_a_copy_may_be_named_in_full(ask: Ask) -> None:
    assert restored(ask, drill(target="pas@bucket")).outcome is Outcome.PASS


def test_the_time_it_took_is_compared_with_the_objective(ask: Ask) -> None:
    judge_rto = "{ judge_rto = true }"
    slow = drill(started=drill().ended - timedelta(hours=5))
    assert restored(ask, drill(), parameters=judge_rto).outcome is Outcome.PASS
    late = restored(ask, slow, parameters=judge_rto)
    assert late.outcome is Outcome.FAIL
    assert "it took 5h, the RTO is 4h" in late.message
    assert restored(ask, slow).outcome is Outcome.PASS
    assert restored(ask, drill(), parameters=judge_rto, place=estate({"systems.pas.rto": None})).outcome is Outcome.UNKNOWN
