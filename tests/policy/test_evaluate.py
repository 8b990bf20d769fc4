"""Every control × subject has exactly one finding, whatever a check does; waivers never change an outcome."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from drcheck.checks.base import Case, Verdict
from drcheck.errors import ConfigError
from drcheck.model import Finding, Outcome, Reason, Source, Waiver
from drcheck.policy import Pack, judge, load_pack, load_waivers
from tests.policy.rig import NOW, PACKS, Slot, estate, exit_code, facts, judged, pack_of, put, unseen


def with_judge(pack: Pack, check: str, judge_: Callable[[Case], Verdict]) -> Pack:
    """The pack, where one check judges in another way."""
    controls = tuple(replace(one, check=replace(one.check, judge=judge_)) if one.check.id == check else one for one in pack.controls)
    return replace(pack, controls=controls)


def test_findings_come_in_the_order_of_packs_controls_and_estate() -> None:
    place = estate(tape=True)
    packs = [load_pack(name) for name in PACKS]
    findings, _ = judge(place, packs, facts(place), now=NOW)
    again, _ = judge(place, packs, facts(place), now=NOW)
    assert findings == again
    order = [(finding.policy, finding.control) for finding in findings]
    assert list(dict.fromkeys(order)) == [(pack.id, control.id) for pack in packs for control in pack.controls]
    recent = [finding.subject.id for finding in findings if finding.control == "CAF4-B5.c.current"]
    assert recent == ["pas@nas", "pas@archive", "pas@bucket", "pas@tape"]


def test_a_check_that_crashes_is_an_error_and_the_others_stand(caplog: pytest.LogCaptureFixture) -> None:
    def crash(_: Case) -> Verdict:
        raise KeyError("a bug\x1b[0m")

    caplog.set_level(logging.CRITICAL, "drcheck.policy")
    place, pack = estate(), load_pack("uk-caf-b5")
    before, after = (judged(place, [one], facts(place)) for one in (pack, with_judge(pack, "copies.offsite", crash)))
    wrong = after["uk-caf-b5", "CAF4-B5.c.secondary", "pas"]
    assert wrong.outcome is Outcome.ERROR
    assert "copies.offsite crashed, which is a bug: KeyError" in wrong.message
    assert "\x1b" not in wrong.message
    assert {key for key in after if after[key] != before[key]} == {("uk-caf-b5", "CAF4-B5.c.secondary", "pas")}
    assert exit_code(after.values(), facts(place)) == 11


@pytest.mark.parametrize("returned", [None, True, "pass", Outcome.PASS, Verdict(Outcome.PASS, "because I say so")])
def test_a_pass_that_rests_on_nothing_is_an_error(caplog: pytest.LogCaptureFixture, returned: object) -> None:
    caplog.set_level(logging.CRITICAL, "drcheck.policy")
    place = estate()
    pack = with_judge(load_pack("uk-caf-b5"), "copies.offsite", lambda _: returned)  # type: ignore[arg-type,return-value]
    assert judged(place, [pack], facts(place))["uk-caf-b5", "CAF4-B5.c.secondary", "pas"].outcome is Outcome.ERROR


def test_a_check_is_not_asked_where_a_fact_that_it_needs_is_missing() -> None:
    def never(_: Case) -> Verdict:
        raise AssertionError("it was asked")

    place = estate()
    pack = with_judge(load_pack("uk-caf-b5"), "restore.tested", never)
    some = put(facts(place), {Slot("", "drills"): unseen(Reason.MALFORMED, "line 3\nof drills.toml")})
    finding = judged(place, [pack], some)["uk-caf-b5", "CAF4-B5.c.tested", "pas"]
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.message == "drills not known: malformed: line 3\\x0aof drills.toml"
    assert (finding.assurance, finding.facts[0].reason) == (None, Reason.MALFORMED)
    assert finding.remediation


def test_a_control_for_other_tiers_is_not_applicable(tmp_path: Path) -> None:
    pack = pack_of(tmp_path, {"copies.count": "{}", "backup.recency": "{}", "declared.matches.observed": "{}"})
    only = replace(pack, controls=tuple(replace(one, written=one.written.model_copy(update={"tiers": ("critical",)})) for one in pack.controls))
    assert {finding.outcome for finding in judged(estate(), [only], facts(estate())).values()} == {Outcome.PASS}
    place = estate({"systems.pas.tier": "routine"})
    findings = judged(place, [only], facts(place))
    assert {finding.outcome for finding in findings.values()} == {Outcome.NOT_APPLICABLE}
    assert {finding.message for finding in findings.values()} == {"asked of critical systems only"}
    assert exit_code(findings.values(), facts(place)) == 11, "nothing was judged"


def test_nothing_to_judge_is_an_error_of_configuration(tmp_path: Path) -> None:
    place = estate({"copies": []})
    pack = pack_of(tmp_path, {"backup.recency": "{}"})
    with pytest.raises(ConfigError, match="there is nothing to judge: no control of every-check has a subject"):
        judge(place, [pack], replace(facts(place), copies=()), now=NOW)
    with pytest.raises(ConfigError, match="there is nothing to judge"):
        judge(place, [], facts(place), now=NOW)
    with pytest.raises(ConfigError, match="a pack is given twice"):
        judge(estate(), [pack, pack], facts(estate()), now=NOW)


def test_the_assurance_is_the_weakest_source_that_the_finding_rests_on() -> None:
    place = estate()
    findings = judged(place, [load_pack("uk-nhse-backup-policy")], facts(place))
    found = {key[1]: finding.assurance for key, finding in findings.items() if "@" not in key[2]}
    assert found["NHSE-BP-1.copies"] is Source.OBSERVED, "three copies were seen, so production was not needed"
    assert found["NHSE-BP-1.isolated"] is Source.DECLARED, "where a site is, is declared"
    assert found["NHSE-BP-3.rto"] is Source.DECLARED


def waived(subject: str = "pas@nas", control: str = "CAF4-B5.c.current", until: date = date(2026, 3, 1), policy: str = "uk-caf-b5") -> Waiver:
    return Waiver(policy, control, subject, "CIO", "replaced in April", until)


def stale() -> tuple[Finding, ...]:
    place = estate()
    some = put(facts(place), {Slot("nas", "points"): unseen()})
    return judge(place, [load_pack("uk-caf-b5")], some, now=NOW)[0]


@pytest.mark.parametrize(
    ("waiver", "at", "holds", "note"),
    [
        (waived(), NOW, True, ""),
        (waived(), datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC), True, ""),
        (waived(), datetime(2026, 3, 2, tzinfo=UTC), False, "ended on 2026-03-01 and no longer holds"),
        (waived(subject="pas@archive"), NOW, False, "has nothing to accept: there is nothing wrong"),
        (waived(subject="pas@gone"), NOW, False, "is for nothing that was judged"),
        (waived(policy="uk-caf-b6"), NOW, False, "is for nothing that was judged"),
    ],
)
def test_a_waiver_holds_to_its_last_day_and_never_changes_the_outcome(waiver: Waiver, at: datetime, holds: bool, note: str) -> None:
    place = estate()
    some = put(facts(place), {Slot("nas", "points"): unseen()})
    findings, notes = judge(place, [load_pack("uk-caf-b5")], some, now=at, waivers=[waiver])
    found = {(finding.control, finding.subject.id): finding for finding in findings}
    finding = found["CAF4-B5.c.current", "pas@nas"]
    assert finding.outcome is Outcome.UNKNOWN
    assert finding.waived is holds
    assert sum(one.waived for one in findings) == holds
    assert len(notes) == bool(note)
    assert note in "".join(notes)


def test_a_waiver_that_has_ended_and_is_for_nothing_is_noted_twice() -> None:
    place = estate()
    _, notes = judge(place, [load_pack("uk-caf-b5")], facts(place), now=NOW + timedelta(days=400), waivers=[waived(subject="x")])
    assert len(notes) == 2


def test_waivers_are_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "waivers.toml"
    entry = '[[waivers]]\npolicy = "p"\ncontrol = "c"\nsubject = "s"\nowner = "o"\nreason = "r"\nuntil = 2026-03-01\n'
    path.write_text('schema = "drcheck.waivers/1"\n' + entry, encoding="utf-8")
    assert load_waivers(path) == (Waiver("p", "c", "s", "o", "r", date(2026, 3, 1)),)
    path.write_text('schema = "drcheck.waivers/1"\n', encoding="utf-8")
    assert load_waivers(path) == ()
    wrong = entry.replace('owner = "o"', 'owner = ""').replace('reason = "r"\n', "").replace("2026-03-01", "2026-03-01T00:00:00Z")
    path.write_text('schema = "drcheck.waivers/1"\n' + entry + entry + wrong + 'extra = "x"\n', encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_waivers(path)
    said = str(caught.value)
    for part in (
        "the same is already waived by waivers[0]",
        "waivers[2].owner",
        "waivers[2].reason: is missing",
        "waivers[2].until",
        "waivers[2].extra",
    ):
        assert part in said
    with pytest.raises(ConfigError, match="there is no such file; expected a file of waivers"):
        load_waivers(tmp_path / "none.toml")
