"""What a night had to look at: a monitor hears of a success only where all of it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from drcheck.estate.load import load_estate
from drcheck.estate.schema import Estate
from drcheck.model import (
    Assessment,
    CopyFacts,
    Depth,
    Observed,
    Outcome,
    Points,
    Reason,
    Source,
    Subject,
    SubjectKind,
    Unobserved,
    Verification,
)
from drcheck.notices.legs import COULD_NOT_LOOK, unexamined
from tests.estate.examples import GOOD, options_of
from tests.notices.nights import Found, assessment, at, waiver

NO_READING = Unobserved(Reason.NOT_ATTEMPTED, "")
SEEN = Observed(Points(0, (), (), None, (), 0, 0), at(0), Source.OBSERVED)
READ = Verification((), 0, 0, 0, (), (), (), 0, at(0), at(0), Depth.READ)


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    """Two targets; the vault may be declared offline."""
    file = tmp_path / "estate.toml"
    file.write_text(GOOD)
    return load_estate(file, options_of)


def night(points: object = SEEN, reading: object = NO_READING, found: Outcome = Outcome.PASS, *, waived: bool = False) -> Assessment:
    """A night of one copy, epr@vault, that was seen like this."""
    one = assessment(0, {"a": Found(found)}, (waiver("a", at(9).date()),) if waived else ())
    copy = CopyFacts("epr", "vault", points, NO_READING, reading)  # type: ignore[arg-type]
    return replace(one, facts=replace(one.facts, copies=(copy,)))


def silent(reason: Reason) -> Unobserved:
    """Nothing seen, for a reason."""
    return Unobserved(reason, "scans/Smith.dcm")


def offline(folder: Path, last: date) -> Estate:
    """The estate with its vault declared offline, last connected then, weekly."""
    file = folder / "estate.toml"
    vault = 'id = "vault"\n'
    file.write_text(GOOD.replace(vault, f'{vault}offline = {{ rotation = "7d", last_connected = {last} }}\n'))
    return load_estate(file, options_of)


@pytest.mark.parametrize("outcome", Outcome)
def test_whatever_was_found_what_was_looked_at_was_looked_at(estate: Estate, outcome: Outcome) -> None:
    missing = unexamined(night(found=outcome), estate)
    wrong = {Outcome.ERROR: ("1 checks ended in an error, which is a bug in drcheck",), Outcome.NOT_APPLICABLE: ("nothing was judged",)}
    assert missing == wrong.get(outcome, ())


@pytest.mark.parametrize("reason", Reason)
def test_a_copy_that_could_not_be_listed_is_missing_whatever_the_reason(estate: Estate, reason: Reason) -> None:
    assert unexamined(night(silent(reason)), estate) == (f"epr@vault: {reason}",)


@pytest.mark.parametrize("reason", Reason)
def test_reading_that_failed_is_missing_and_reading_that_was_not_wanted_is_not(estate: Estate, reason: Reason) -> None:
    expected = (f"epr@vault: {reason}",) if reason in COULD_NOT_LOOK else ()
    assert unexamined(night(reading=silent(reason)), estate) == expected
    stopped = replace(READ, stopped=silent(reason))
    assert unexamined(night(reading=Observed(stopped, at(0), Source.OBSERVED)), estate) == expected
    assert unexamined(night(reading=Observed(READ, at(0), Source.OBSERVED)), estate) == ()


def test_a_medium_in_the_safe_is_not_asked_for_until_it_is_overdue(tmp_path: Path) -> None:
    resting, overdue = offline(tmp_path, at(-3).date()), offline(tmp_path, at(-9).date())
    for reason in (Reason.UNREACHABLE, Reason.TIMED_OUT):
        assert unexamined(night(silent(reason)), resting) == ()
        assert unexamined(night(silent(reason)), overdue) == (f"epr@vault: {reason}",)
    assert unexamined(night(silent(Reason.UNTRUSTED)), resting) == ("epr@vault: untrusted",)


def test_what_somebody_waived_is_not_asked_for(estate: Estate) -> None:
    down = silent(Reason.UNREACHABLE)
    assert unexamined(night(down, found=Outcome.UNKNOWN, waived=True), estate) == ()
    assert unexamined(night(down, found=Outcome.FAIL, waived=True), estate) == ("epr@vault: unreachable",), "the waiver is of something else"


def test_a_waiver_of_the_target_alone_accepts_no_silence(estate: Estate) -> None:
    one = night(silent(Reason.UNREACHABLE), found=Outcome.UNKNOWN, waived=True)
    accepted = one.findings[0]
    target = replace(accepted, subject=Subject(SubjectKind.TARGET, "vault"))
    system = replace(accepted, subject=Subject(SubjectKind.SYSTEM, "epr"))
    open_ = replace(system, waiver=None)
    missing = ("epr@vault: unreachable",)
    assert unexamined(replace(one, findings=(target,)), estate) == missing, "no control asks anything of the copy"
    assert unexamined(replace(one, findings=(target, open_)), estate) == missing, "its system is unknown, and nobody accepted that"
    assert unexamined(replace(one, findings=(target, system)), estate) == ()
    assert unexamined(replace(one, findings=(replace(target, waiver=None), accepted)), estate) == missing
    namesake = replace(accepted, subject=Subject(SubjectKind.SYSTEM, "vault"))
    assert unexamined(replace(one, findings=(namesake,)), estate) == missing, "another thing of the same name"


def test_a_night_without_anything_is_none(estate: Estate) -> None:
    one = night()
    assert unexamined(replace(one, findings=()), estate) == ("nothing was judged",)
    assert unexamined(replace(one, facts=replace(one.facts, copies=())), estate) == ("nothing was judged",)
