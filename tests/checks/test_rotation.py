"""What reading a part each night shows: of what was read, of what was not, and for how long."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from drcheck.model import Depth, Finding, ManifestRead, ObjectResult, ObjectVerdict, Outcome, Reason, Verification
from tests.checks.conftest import Ask
from tests.policy.rig import NOW, Slot, estate, facts, put, rolling, rotation, seen, unseen, verification

MATCH, NOT_READ, EXTRA = ObjectResult.MATCH, ObjectResult.NOT_READ, ObjectResult.EXTRA
DAY = timedelta(days=1)


def judged(ask: Ask, value: Verification, parameters: str = "{}") -> Finding:
    some = put(facts(estate()), {Slot("nas", "verification"): seen(value)})
    return ask("integrity.checksums", parameters, some=some, subject="pas@nas")


def test_the_issue_s_night_is_told_in_the_issue_s_words(ask: Ask) -> None:
    oldest, ends = NOW.replace(year=2026, month=2, day=2), NOW.replace(month=12, day=14)
    night = rolling(33_000, 299, 47_905, oldest_read=oldest, ends=ends)
    finding = judged(ask, night)
    assert (finding.outcome, finding.depth) == (Outcome.UNKNOWN, Depth.SAMPLED)
    assert finding.message.startswith(
        "299 of 81,204 objects read tonight, none bad: with 95 % confidence fewer than 0.60 % are bad; 41 % of the 30d cycle done; "
        "oldest last read on 2026-02-02; all will have been read by 2026-12-14; its promises lie beside the data"
    )
    first = judged(ask, rolling(0, 299, 80_905))
    assert (
        "299 of 81,204 objects read tonight, none bad: with 95 % confidence fewer than 1.0 % are bad; 0.36 % of the 30d cycle done" in first.message
    )


def test_everything_read_within_the_cycle_is_a_pass_even_if_nothing_was_read_tonight(ask: Ask) -> None:
    for tonight in (0, 20, 100):
        finding = judged(ask, rolling(100 - tonight, tonight))
        assert (finding.outcome, finding.depth) == (Outcome.PASS, Depth.READ)
        assert f"100 by a reading within the 30d cycle, the oldest read on 2026-02-08, {tonight} objects" in finding.message
    assert judged(ask, verification(rotation=rotation(), objects_read=0, bytes_read=0)).outcome is Outcome.PASS


def test_one_object_that_nobody_read_yet_makes_it_unknown(ask: Ask) -> None:
    finding = judged(ask, rolling(79, 20, 1))
    assert finding.outcome is Outcome.UNKNOWN
    assert "99 % of the 30d cycle done" in finding.message


def test_a_reading_stands_until_its_cycle_is_over_and_then_it_is_not_known(ask: Ask) -> None:
    assert judged(ask, rolling(oldest_read=NOW - 30 * DAY)).outcome is Outcome.PASS
    finding = judged(ask, rolling(oldest_read=NOW - 30 * DAY - timedelta(hours=3)))
    assert finding.outcome is Outcome.UNKNOWN
    assert "since 2026-03-01T06:00:00Z not every reading stands: the oldest is of 2026-01-30T06:00:00Z, and the cycle is 30d" in finding.message
    assert "since 2026-03-01T06:00:00Z not every reading stands" in judged(ask, rolling(not_read=1, oldest_read=NOW - 30.125 * DAY)).message
    there: dict[str, Any] = {"verified": 0, "oldest_read": None, "hashed_there": 100, "objects_read": 0, "depth": Depth.ATTRIBUTES}
    assert judged(ask, rolling(**there), "{ server_hash_counts = true }").outcome is Outcome.PASS
    old = NOW - 31 * DAY
    assert judged(ask, rolling(**there, finished=old), "{ server_hash_counts = true }").outcome is Outcome.UNKNOWN


def test_the_oldest_reading_is_what_a_largest_age_is_measured_from(ask: Ask) -> None:
    finding = judged(ask, rolling(), '{ max_age = "20d" }')
    assert finding.outcome is Outcome.FAIL
    assert "the oldest reading was 21d ago; allowed are 20d" in finding.message
    assert judged(ask, rolling(), '{ max_age = "21d" }').outcome is Outcome.PASS
    assert judged(ask, rolling(oldest_read=NOW - 40 * DAY), '{ max_age = "35d" }').outcome is Outcome.FAIL, "a failure, though it expired"
    assert judged(ask, rolling(oldest_read=NOW - 40 * DAY), '{ max_age = "45d" }').outcome is Outcome.UNKNOWN
    assert judged(ask, rolling(not_read=1), '{ max_age = "20d" }').outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("result", [ObjectResult.MISMATCH, ObjectResult.MISSING])
def test_what_is_known_to_be_bad_since_an_earlier_night_is_a_failure(ask: Ask, result: ObjectResult) -> None:
    old = ObjectVerdict("pas/x.dump", result, 10, detail="read on 2026-02-08")
    value = rolling(counts={MATCH: 20, result: 1, NOT_READ: 79}, problems=(old,), verified=20, oldest_read=NOW - 60 * DAY, left=5)
    for parameters in ("{}", "{ max_bad_rate = 0.5 }"):
        finding = judged(ask, value, parameters)
        assert finding.outcome is Outcome.FAIL
        assert f"pas/x.dump ({result}: read on 2026-02-08)" in finding.message


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"verified": 0, "oldest_read": None}, "nothing was read within the cycle of 30d"),
        ({"counts": {EXTRA: 100}}, "nothing that was read has a promised checksum"),
        ({"verified": 99}, "of 100 matches, 99 rest on a reading within the cycle"),
        ({"oldest_read": None}, "when the oldest object was read is not known"),
        ({"counts": {MATCH: 99, ObjectResult.UNREADABLE: 1}, "verified": 99}, "1 object could not be read whole"),
        ({"counts": {MATCH: 99}, "verified": 99}, "some have no result"),
        ({"counts": {MATCH: 99, EXTRA: 1}, "verified": 99}, "nothing was promised for 1 object"),
        ({"stopped": unseen(Reason.TIMED_OUT, "60 s")}, "it stopped early: timed-out: 60 s"),
        ({"weak_only": 3}, "3 objects are promised by a weak algorithm only"),
        ({"unusable_manifests": ("SHA256SUMS: line 3",)}, "not every manifest could be used"),
        ({"hashed_there": 1, "verified": 99}, "1 object was hashed by the server itself, not read here"),
        ({"depth": Depth.LISTED}, "only listed: not every byte was read"),
    ],
)
def test_whatever_does_not_stand_makes_it_unknown(ask: Ask, fields: dict[str, Any], says: str) -> None:
    for parameters in ("{}", "{ max_bad_rate = 0.99 }"):
        finding = judged(ask, rolling(**fields), parameters)
        assert finding.outcome is Outcome.UNKNOWN
        assert says in finding.message


def test_other_parameters_keep_their_meaning(ask: Ask) -> None:
    extra = rolling(counts={MATCH: 99, EXTRA: 1}, verified=99)
    assert judged(ask, extra, "{ extra_allowed = true }").outcome is Outcome.PASS
    assert judged(ask, rolling(weak_only=100), "{ weak_allowed = true }").outcome is Outcome.PASS
    there = rolling(verified=60, hashed_there=40, depth=Depth.ATTRIBUTES)
    assert judged(ask, there, "{ server_hash_counts = true }").outcome is Outcome.PASS
    assert judged(ask, rolling(), "{ away_required = true }").outcome is Outcome.UNKNOWN
    away = ManifestRead("/srv/manifests/pas", "gnu", False, ("sha256",), 100)
    assert judged(ask, rolling(manifests=(away,)), "{ away_required = true }").outcome is Outcome.PASS


def test_a_budget_that_is_too_small_is_said_with_what_to_do(ask: Ask) -> None:
    says = "3 objects that were due were not read, for the budget is too small for the cycle: give more time or bytes a night, or a longer cycle"
    unknown, known = judged(ask, rolling(60, 20, 20, left=3)), judged(ask, rolling(left=3))
    assert (unknown.outcome, known.outcome) == (Outcome.UNKNOWN, Outcome.PASS)
    assert says in unknown.message
    assert says in known.message, "everything stands tonight, and will not tomorrow"
    assert "1 object that was due was not read" in judged(ask, rolling(60, 20, 20, left=1)).message


def test_an_end_that_cannot_be_told_is_not_promised(ask: Ask) -> None:
    assert "when all will have been read cannot be told from tonight" in judged(ask, rolling(10, 0, 90, ends=None)).message
    assert "0 of 100 objects read tonight, none of them drawn at random: as much as 90 % may be bad" in judged(ask, rolling(10, 0, 90)).message
    assert "0 of 100 objects read tonight: any number of them may be bad" in judged(ask, rolling(0, 0, 100, oldest_read=None)).message


def test_what_waits_for_more_than_its_turn_is_named(ask: Ask) -> None:
    archived = ObjectVerdict("pas/\x1b[2J.tar", NOT_READ, 10, detail="in an archived storage class, which is never read")
    assert (
        "not read: pas/\\x1b[2J.tar (in an archived storage class, which is never read)"
        in judged(ask, rolling(80, 19, 1, problems=(archived,))).message
    )
    assert "archived" not in judged(ask, rolling(60, 20, 20, problems=(archived,))).message


@pytest.mark.parametrize(("allowed", "outcome"), [("0.02", Outcome.PASS), ("0.009", Outcome.UNKNOWN), ("0", Outcome.UNKNOWN)])
def test_a_rate_that_may_be_bad_lets_an_incomplete_cycle_pass_as_a_sample(ask: Ask, allowed: str, outcome: Outcome) -> None:
    finding = judged(ask, rolling(0, 299, 80_905), f"{{ max_bad_rate = {allowed} }}")
    assert (finding.outcome, finding.depth) == (outcome, Depth.SAMPLED)
    assert "with 95 % confidence fewer than 1.0 % are bad; allowed are " in finding.message


def test_a_rate_that_may_be_bad_asks_nothing_of_a_cycle_that_is_complete(ask: Ask) -> None:
    finding = judged(ask, rolling(), "{ max_bad_rate = 0 }")
    assert (finding.outcome, finding.depth) == (Outcome.PASS, Depth.READ)


def test_a_rate_that_may_be_bad_is_never_met_by_nothing_read_or_by_what_expired(ask: Ask) -> None:
    for value in (
        rolling(0, 0, 100, oldest_read=None),
        rolling(0, 0, 0, counts={}, objects_total=0, oldest_read=None),
        rolling(80, 10, 10, oldest_read=NOW - 31 * DAY),
        rolling(80, 10, 10, drawn=0, unread=0),
        verification(counts={MATCH: 99, NOT_READ: 1}, objects_read=99),
        rolling(90, 9, 1, depth=Depth.LISTED),
        rolling(90, 9, 1, depth=Depth.STRUCTURE),
    ):
        assert judged(ask, value, "{ max_bad_rate = 0.05 }").outcome is Outcome.UNKNOWN
