"""What a night would read and what it read, in words and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from drcheck.model import CopyFacts, Depth, Facts, ObjectResult, ObjectVerdict, Observed, Reason, Rotation, Source, Unobserved, Verification
from drcheck.model.seen import NO_STORE
from drcheck.verify import nights_overview as overview
from drcheck.verify.budget import Cost
from drcheck.verify.plan import Forecast, Night

NOW = datetime(2026, 3, 10, tzinfo=UTC)
DAY = timedelta(days=1)
NOTHING = Unobserved(Reason.UNREACHABLE, "the target nas did not answer")


def night(**more: object) -> Night:
    given: dict[str, object] = {
        "cycle": 30 * DAY,
        "objects": 100,
        "standing": 60,
        "due": 5,
        "suspect": 1,
        "fresh": 34,
        "chosen": 12,
        "bytes": 3 << 20,
    }
    return Night(**{**given, **more})  # type: ignore[arg-type]


def verification(*counts: tuple[ObjectResult, int], verified: int = 0, problems: tuple[ObjectVerdict, ...] = (), **more: object) -> Verification:
    rotation = Rotation(30 * DAY, verified, NOW - 3 * DAY if verified else None, 0, 0, 0, 0, 0, None)
    total = sum(count for _, count in counts)
    given: dict[str, object] = {"stopped": None, "rotation": rotation, **more}
    return Verification(counts, total, verified, verified * 10, problems, (), (), 0, NOW, NOW, Depth.READ, **given)  # type: ignore[arg-type]


def facts(*verifications: Verification | Unobserved) -> Facts:
    copies = tuple(
        CopyFacts("ehr", f"nas-{number}", NOTHING, NOTHING, each if isinstance(each, Unobserved) else Observed(each, NOW, Source.OBSERVED))
        for number, each in enumerate(verifications)
    )
    return Facts(NOW, (), copies, NO_STORE)


def test_a_plan_says_what_why_how_much_and_until_when() -> None:
    cost = Cost(12, 3 << 20, Counter({"get": 12}), Decimal("0.125"))
    text = overview.forecast_as_text([Forecast("ehr@nas", night(left=3, ends=NOW + 9 * DAY), cost)], "GBP")
    assert "12, 3.0 MiB" in text
    assert "5 due, 1 suspect, 34 new" in text
    assert "3 LATE" in text
    assert "2026-03-19" in text
    assert "In all 12 objects, 3.0 MiB, 12 get requests, 0.12 GBP. No backup was read." in text
    assert "the budget is too small for the cycle" in text
    document = json.loads(overview.forecast_as_json([Forecast("ehr@nas", night(left=3, ends=NOW + 9 * DAY), cost)], "GBP"))
    assert document["schema"] == "drcheck.plan/1"
    (copy,) = document["copies"]
    assert copy["cost"] == document["cost"] == {"objects": 12, "bytes": 3 << 20, "requests": {"get": 12}, "money": "0.125"}
    assert copy["night"]["ends"] == "2026-03-19T00:00:00Z"
    assert (copy["night"]["due"], copy["night"]["left"]) == (5, 3)


def test_without_a_tariff_the_cost_is_not_known() -> None:
    forecast = Forecast("ehr@nas", night(), Cost(12, 3 << 20))
    assert json.loads(overview.forecast_as_json([forecast], ""))["cost"]["money"] is None
    assert "GBP" not in overview.forecast_as_text([forecast], "")


def test_a_copy_that_cannot_be_planned_for_is_told_and_is_no_success() -> None:
    forecasts = [Forecast("ehr@nas", night(), Cost()), Forecast("ehr@\x1b[2Jtape", None, Cost(), why=NOTHING)]
    text = overview.forecast_as_text(forecasts, "")
    assert "did not answer" in text
    assert "\x1b" not in text
    assert (overview.forecast_exit_code(forecasts), overview.forecast_exit_code(forecasts[:1])) == (11, 0)


def test_an_object_beyond_the_budget_and_a_budget_of_time_are_said() -> None:
    text = overview.forecast_as_text([Forecast("ehr@nas", night(), Cost(), overdrawn=True)], "", timed=True)
    assert "larger than the budget" in text
    assert "A budget of time holds as well" in text


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        ((verification((ObjectResult.MATCH, 9), verified=9),), 0),
        ((verification((ObjectResult.MATCH, 8), (ObjectResult.NOT_READ, 1), verified=8),), 11),
        ((verification((ObjectResult.MATCH, 8), (ObjectResult.MISMATCH, 1), verified=8), NOTHING), 10),
        ((verification((ObjectResult.MATCH, 9), verified=9), NOTHING), 11),
        ((verification((ObjectResult.MATCH, 9), verified=9, stopped=NOTHING),), 11),
        ((), 11),
    ],
)
def test_the_exit_code_is_that_of_the_worst(seen: tuple[Verification | Unobserved, ...], code: int) -> None:
    assert overview.night_exit_code(facts(*seen)) == code
    assert json.loads(overview.night_as_json(facts(*seen)))["exit_code"] == code


def test_what_was_read_is_told_with_what_stands_and_what_is_wrong() -> None:
    problems = tuple(ObjectVerdict(f"a/{number}\n\x07", ObjectResult.MISMATCH, 10, detail="flipped") for number in range(25))
    seen = verification((ObjectResult.MATCH, 75), (ObjectResult.MISMATCH, 25), verified=75, problems=problems)
    text = overview.night_as_text(facts(seen, NOTHING))
    assert "75 of 100, 100% of 30d" in text, "what is bad was read too"
    assert "25 BAD" in text
    assert "2026-03-07" in text
    assert "… and 5 more" in text
    assert "ehr@nas-1: not read: unreachable" in text
    assert "\x07" not in text
    document = json.loads(overview.night_as_json(facts(seen, NOTHING)))
    assert document["schema"] == "drcheck.verification/1"
    first, second = document["copies"]
    assert (first["verified"], first["oldest_read"], first["counts"]) == (75, "2026-03-07T00:00:00Z", {"match": 75, "mismatch": 25})
    assert len(first["problems"]) == 25
    assert second["unobserved"]["reason"] == "unreachable"
