"""Unknown is never a pass: every reason × every check × every policy, for each fact by itself, for all of one kind, and for random facts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drcheck.checks import BUILTIN
from drcheck.estate.schema import Estate
from drcheck.model import (
    Breach,
    Depth,
    Facts,
    Identity,
    ObjectResult,
    Outcome,
    Permissions,
    PointState,
    Protection,
    Reason,
    Rotation,
    Source,
    Unobserved,
    Verification,
    Versions,
    Waiver,
)
from drcheck.policy import Pack, load_pack
from tests.policy.rig import (
    COPY_FACTS,
    NOW,
    PACKS,
    RUN_FACTS,
    TARGET_FACTS,
    TIGHT,
    Slot,
    changes,
    drill,
    estate,
    exit_code,
    facts,
    healthy,
    judged,
    known,
    outcomes,
    pack_of,
    point,
    points,
    put,
    rolling,
    seen,
    slots,
    store_kept,
    unseen,
    verification,
)

EVERY = "every-check"
ALL_PACKS = (*PACKS, EVERY)
SILENCE = {Reason.UNREACHABLE, Reason.TIMED_OUT}


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pack]:
    """Every pack that ships, and one with every check and no slack."""
    assert set(TIGHT) == set(BUILTIN)
    return {name: load_pack(name) for name in PACKS} | {EVERY: pack_of(tmp_path_factory.mktemp("packs"), TIGHT)}


def setting(pack: str) -> tuple[Estate, Facts, list[Waiver]]:
    """An estate and facts with which the pack's exit code is 0. Rule 1 of the NCSC needs a silent tape, of which the rest is waived."""
    if pack != "uk-ncsc-offline-backups":
        place = estate()
        return place, facts(place), []
    place = estate(tape=True)
    blind = ("NCSC-OFF-4.recent", "NCSC-OFF-4.finished")
    return place, facts(place, silent=["tape"]), [Waiver(pack, control, "pas@tape", "me", "in the safe", NOW.date()) for control in blind]


@pytest.mark.parametrize("name", ALL_PACKS)
def test_everything_passes_before_anything_is_taken_away(packs: dict[str, Pack], name: str) -> None:
    place, some, waivers = setting(name)
    findings = judged(place, [packs[name]], some, waivers=waivers)
    left = {key: finding.message for key, finding in findings.items() if finding.outcome is not Outcome.PASS and not finding.waived}
    asked_of_some = ("nothing is declared of it", "is not declared immutable")
    assert {key: text for key, text in left.items() if not any(words in text for words in asked_of_some)} == {}
    assert exit_code(findings.values(), some) == 0
    assert {finding.check for finding in findings.values()} == {control.check.id for control in packs[name].controls}


EXPECTED: dict[str, set[str]] = {
    "drills": {"restore.tested pas"},
    "store": {"store.backed_up north"},
    "points of nas": {"copies.count pas", "copies.devices pas", "copies.media pas", "copies.independent pas", "backup.recency pas@nas"},
    "points of archive": {
        "copies.count pas",
        "copies.devices pas",
        "copies.media pas",
        "copies.offsite pas",
        "copies.independent pas",
        "backup.recency pas@archive",
        "store.backed_up north",
    },
    "points of bucket": {
        "copies.count pas",
        "copies.devices pas",
        "copies.media pas",
        "copies.offsite pas",
        "copies.offline pas",
        "copies.independent pas",
        "backup.recency pas@bucket",
        "store.backed_up north",
    },
    "lock of bucket": {"copies.offline pas", "declared.matches.observed bucket"},
    "verification of nas": {"integrity.checksums pas@nas"},
    "verification of archive": {"integrity.checksums pas@archive"},
    "verification of bucket": {"integrity.checksums pas@bucket"},
    "changes of nas": {"integrity.unchanged pas@nas"},
    "changes of archive": {"integrity.unchanged pas@archive"},
    "changes of bucket": {"integrity.unchanged pas@bucket"},
    "identity of nas": {"copies.devices pas", "copies.independent pas", "declared.matches.observed nas"},
    "identity of archive": {
        "copies.devices pas",
        "copies.offsite pas",
        "copies.independent pas",
        "declared.matches.observed archive",
        "store.backed_up north",
    },
    "identity of bucket": {
        "copies.devices pas",
        "copies.offsite pas",
        "copies.offline pas",
        "copies.independent pas",
        "declared.matches.observed bucket",
        "store.backed_up north",
    },
}


@pytest.mark.parametrize("reason", Reason)
def test_a_missing_fact_makes_exactly_the_findings_that_needed_it_unknown(packs: dict[str, Pack], reason: Reason) -> None:
    place, some, _ = setting(EVERY)
    before = judged(place, [packs[EVERY]], some)
    for slot in slots(some):
        after = judged(place, [packs[EVERY]], put(some, {slot: unseen(reason, "taken away")}))
        changed = {
            f"{control} {subject}" for (_, control, subject), finding in after.items() if finding.outcome != before[EVERY, control, subject].outcome
        }
        expected = set(EXPECTED.get(str(slot), ()))
        expected |= {"backup.completeness" + one.removeprefix("backup.recency") for one in expected if one.startswith("backup.recency")}
        assert changed == expected, f"{slot}: {reason}"
        for key, finding in after.items():
            if finding.outcome is not before[key].outcome:
                assert finding.outcome is Outcome.UNKNOWN
                assert reason in [fact.reason for fact in finding.facts]
                assert str(reason) in finding.message


@pytest.mark.parametrize("name", ALL_PACKS)
@pytest.mark.parametrize("reason", Reason)
def test_no_missing_fact_makes_anything_better(packs: dict[str, Pack], name: str, reason: Reason) -> None:
    place, some, waivers = setting(name)
    before = judged(place, [packs[name]], some, waivers=waivers)
    for slot in slots(some):
        if not known(some, slot):
            continue
        after = judged(place, [packs[name]], put(some, {slot: unseen(reason)}), waivers=waivers)
        better = {key for key, finding in after.items() if finding.outcome is Outcome.PASS and before[key].outcome is not Outcome.PASS}
        assert not better, f"{slot}: {reason}"
        for (_, _, subject), finding in after.items():
            needs_it = slot.fact in _needs(packs[name], finding.control) and slot.owner in ("", subject, subject.partition("@")[2])
            assert not (needs_it and finding.outcome is Outcome.PASS), f"{finding.control} of {subject} passes without {slot}"


def _needs(pack: Pack, control: str) -> tuple[str, ...]:
    return next(one for one in pack.controls if one.id == control).check.needs


GONE = {
    "points": {"coverage.systems", "copies.count", "copies.devices", "copies.media", "copies.offsite", "copies.independent", "retention.depth"}
    | {"backup.recency", "backup.completeness", "store.backed_up"},
    "identity": {"copies.devices", "copies.offsite", "store.backed_up"},
    "lock": set(),
    "verification": {"integrity.checksums"},
    "changes": {"integrity.unchanged"},
    "drills": {"restore.tested"},
    "store": {"store.backed_up"},
}


@pytest.mark.parametrize("name", ALL_PACKS)
@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("fact", GONE)
def test_without_any_fact_of_a_kind_nothing_that_needs_it_passes(packs: dict[str, Pack], name: str, reason: Reason, fact: str) -> None:
    place, some, waivers = setting(name)
    without = put(some, {slot: unseen(reason) for slot in slots(some) if slot.fact == fact and known(some, slot)})
    findings = judged(place, [packs[name]], without, waivers=waivers)
    passed = {finding.check for finding in findings.values() if finding.outcome is Outcome.PASS}
    assert not passed & GONE[fact]
    used = {control.check.id for control in packs[name].controls}
    if used & GONE[fact]:
        assert exit_code(findings.values(), without) != 0


@pytest.mark.parametrize("name", ALL_PACKS)
@pytest.mark.parametrize("reason", Reason)
def test_without_any_fact_nothing_passes(packs: dict[str, Pack], name: str, reason: Reason) -> None:
    place, some, _ = setting(name)
    nothing = put(some, {slot: unseen(reason) for slot in slots(some) if slot.owner != "tape"})
    findings = judged(place, [packs[name]], nothing)
    passed = {(finding.check, finding.subject.id) for finding in findings.values() if finding.outcome is Outcome.PASS}
    # The tape's silence is what was declared of it; nothing else may stand.
    assert passed <= {("copies.offline", "pas"), ("declared.matches.observed", "tape")}
    assert exit_code(findings.values(), nothing) != 0


@pytest.mark.parametrize("name", ALL_PACKS)
def test_facts_that_have_no_such_target_or_copy_are_missing_facts(packs: dict[str, Pack], name: str) -> None:
    place, some, _ = setting(name)
    empty = Facts(NOW, (), (), unseen(Reason.NOT_ATTEMPTED))
    findings = judged(place, [packs[name]], empty)
    assert Outcome.PASS not in outcomes(findings).values()
    assert Outcome.ERROR not in outcomes(findings).values()
    assert exit_code(findings.values(), some) != 0


@pytest.mark.parametrize("reason", Reason)
def test_silence_lets_a_declared_offline_copy_count_only_as_declared(packs: dict[str, Pack], reason: Reason) -> None:
    place = estate(tape=True)
    some = facts(place)
    tape = {slot: unseen(reason) for slot in slots(some) if slot.owner == "tape"}
    findings = judged(place, [packs["uk-ncsc-offline-backups"]], put(some, tape))
    offline = findings["uk-ncsc-offline-backups", "NCSC-OFF-1", "pas"]
    # The rig's target was never turned to (no seconds): running out of time before asking is not silence.
    assert offline.outcome is (Outcome.PASS if reason is Reason.UNREACHABLE else Outcome.UNKNOWN)
    if offline.outcome is Outcome.PASS:
        assert offline.assurance is Source.DECLARED
    for control in ("NCSC-OFF-4.recent", "NCSC-OFF-4.finished"):
        assert findings["uk-ncsc-offline-backups", control, "pas@tape"].outcome is Outcome.UNKNOWN


def values_for(slot: Slot, connector: str) -> st.SearchStrategy[Any]:
    """What a fact may be: good, bad and odd values."""
    match slot.fact:
        case "identity":
            return st.builds(
                lambda device, account: Identity("me", device and f"{connector}:{device}", (("account", account), ("region", account))),
                st.sampled_from(["", "one", "two"]),
                st.sampled_from(["", "a", "b"]),
            )
        case "protection" | "lock":
            modes = st.sampled_from(["compliance", "governance", "none", "append-only", "legal-hold"])
            ends = st.sampled_from([None, NOW - timedelta(days=1), NOW + timedelta(days=40)])
            return st.builds(Protection, modes, ends)
        case "permissions":
            return st.builds(lambda write, delete: Permissions(True, True, write, delete, "asked"), _MAYBE, _MAYBE)
        case "versions":
            return st.builds(Versions, st.booleans(), st.sampled_from([None, 1, 100]))
        case "points":
            return st.sampled_from(
                [
                    healthy(),
                    points(),
                    points(point(timedelta(hours=1))),
                    points(point(timedelta(days=9))),
                    points(point(timedelta(hours=2)), point(timedelta(hours=1), PointState.INCOMPLETE)),
                    points(point(timedelta(hours=1), PointState.IN_PROGRESS)),
                    points(point(timedelta(days=-3), PointState.FUTURE), point(timedelta(days=200))),
                ]
            )
        case "verification":
            return st.sampled_from(
                [
                    verification(),
                    verification(counts={ObjectResult.MATCH: 99, ObjectResult.MISMATCH: 1}),
                    verification(counts={}, objects_read=0, bytes_read=0, depth=Depth.NONE),
                    verification(weak_only=100),
                    verification(objects_read=0, bytes_read=0, hashed_there=100, depth=Depth.ATTRIBUTES),
                    rolling(),
                    rolling(100, 0),
                    rolling(60, 20, 20),
                    rolling(oldest_read=NOW - timedelta(days=31)),
                    rolling(0, 0, 100, oldest_read=None),
                ]
            )
        case "changes":
            return st.sampled_from([changes(), changes(since=None), changes(breaches=((Breach.TORN_OUT, 2),))])
        case "drills":
            one = st.sampled_from([drill(), drill(timedelta(days=400)), drill(success=False), drill(timedelta(days=3), target="nas")])
            return st.lists(one, max_size=3).map(tuple)
        case "store":
            return st.builds(lambda nights: store_kept(nights=nights, first=None), st.integers(0, 400))
        case _:
            return st.just(0.0)


_MAYBE = st.sampled_from([True, False, None])
PLACES = (
    estate(),
    estate(tape=True),
    estate({"rehearsal": True}),
    estate({"systems.pas.holds_store": False}),
    estate({"targets.nas.connector": "sftp", "targets.bucket.connector": "sftp", "targets.archive.device": None}),
    estate({"targets.archive.site": "main", "targets.nas.immutable": True, "systems.pas.retention": None, "targets.nas.medium": None}),
    estate({"sites.archive.domains": {"building": "b", "power": "p", "cooling": "cooling-main"}, "sites.cloud.domains": {}}, tape=True),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_taking_facts_away_never_turns_anything_into_a_pass(packs: dict[str, Pack], data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(PLACES))
    first = facts(place)
    every = list(slots(first))
    kinds = {target.id: target.connector for target in place.targets}
    values: dict[Slot, Any] = {}
    for slot in every:
        source = Source.DECLARED if slot.fact == "drills" else Source.OBSERVED
        value = data.draw(values_for(slot, kinds.get(slot.owner, "")) | st.just(unseen(Reason.ACCESS_DENIED)))
        values[slot] = value if isinstance(value, Unobserved) else seen(value, source)
    some = put(first, values)
    gone = data.draw(st.lists(st.sampled_from(every), unique=True, min_size=1))
    offline = {target.id for target in place.targets if target.offline}
    reason = data.draw(st.sampled_from(sorted(Reason)))
    # Silence of a target that is declared offline is evidence, not a lack of it: the test before this one is about that.
    taken = {slot: unseen(Reason.MALFORMED if slot.owner in offline and reason in SILENCE else reason) for slot in gone if known(some, slot)}
    chosen = [packs[EVERY], packs[data.draw(st.sampled_from(PACKS))]]
    before, after = judged(place, chosen, some), judged(place, chosen, put(some, taken))
    for key, finding in after.items():
        assert finding.outcome is not Outcome.ERROR, finding.message
        if finding.outcome is Outcome.PASS:
            assert before[key].outcome is Outcome.PASS, (key, before[key].message, finding.message)


WORSE: dict[str, Callable[[Verification, int], Verification]] = {
    "more left": lambda night, by: _turned(night, left=_of(night).left + by),
    "more due": lambda night, by: _turned(night, due=_of(night).due + by),
    "an older reading": lambda night, by: _turned(night, oldest_read=(at := _of(night).oldest_read) and at - timedelta(days=by)),
    "no oldest reading": lambda night, _: _turned(night, oldest_read=None),
    "fewer verified": lambda night, by: _turned(night, verified=max(0, _of(night).verified - by)),
    "fewer drawn": lambda night, by: _turned(night, drawn=max(_of(night).drawn_bad, _of(night).drawn - by)),
    "more of the drawn bad": lambda night, by: _turned(night, drawn_bad=min(_of(night).drawn, _of(night).drawn_bad + by)),
    "a larger group drawn from": lambda night, by: _turned(night, unverified=_of(night).unverified + by),
    "fewer of the unread drawn from": lambda night, by: _turned(night, unread=max(0, _of(night).unread - by)),
    "a shorter cycle": lambda night, by: _turned(night, cycle=_of(night).cycle / (1 + by)),
    "more not read": lambda night, by: replace(_counted(night, ObjectResult.NOT_READ, by), objects_total=night.objects_total + by),
    "more without a promise": lambda night, by: replace(_counted(night, ObjectResult.EXTRA, by), objects_total=night.objects_total + by),
    "more missing": lambda night, by: _counted(night, ObjectResult.MISSING, by),
    "fewer that match": lambda night, by: _counted(night, ObjectResult.MATCH, -min(by, night.count(ObjectResult.MATCH))),
    "the server's word": lambda night, by: replace(night, hashed_there=night.hashed_there + by),
    "stopped": lambda night, _: replace(night, stopped=unseen(Reason.TIMED_OUT)),
}
"""What makes less of a night, by how much."""


def _of(night: Verification) -> Rotation:
    assert night.rotation is not None
    return night.rotation


def _turned(night: Verification, **fields: Any) -> Verification:
    return replace(night, rotation=replace(_of(night), **fields))


def _counted(night: Verification, result: ObjectResult, by: int) -> Verification:
    return replace(night, counts=tuple((dict(night.counts) | {result: night.count(result) + by}).items()))


RATED = ("{}", "{ max_bad_rate = 0.02 }", "{ max_bad_rate = 0.3 }", '{ max_age = "22d" }', "{ max_bad_rate = 0.3, extra_allowed = true }")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_knowing_less_of_a_night_never_turns_anything_into_a_pass(rated: list[Pack], data: st.DataObject) -> None:
    place = estate()
    night = rolling(
        data.draw(st.integers(0, 300)),
        data.draw(st.integers(0, 300)),
        data.draw(st.just(0) | st.integers(0, 300)),
        left=data.draw(st.integers(0, 2)),
        oldest_read=NOW - timedelta(days=data.draw(st.integers(0, 40))),
    )
    worse = night
    for change in data.draw(st.lists(st.sampled_from(sorted(WORSE)), min_size=1, max_size=3)):
        worse = WORSE[change](worse, data.draw(st.integers(1, 100)))
    before, after = (judged(place, rated, put(facts(place), {Slot("nas", "verification"): seen(value)})) for value in (night, worse))
    for key, finding in after.items():
        assert finding.outcome is not Outcome.ERROR, finding.message
        if finding.outcome is Outcome.PASS:
            assert before[key].outcome is Outcome.PASS, (key, before[key].message, finding.message)


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> list[Pack]:
    """Packs that ask for checksums with different parameters."""
    folder = tmp_path_factory.mktemp("rated")
    packs = []
    for number, parameters in enumerate(RATED):
        pack = pack_of(folder, {"integrity.checksums": parameters}, f"{number}.toml")
        packs.append(replace(pack, written=pack.written.model_copy(update={"id": f"rated-{number}"})))
    return packs


def test_the_rig_has_every_fact() -> None:
    assert {slot.fact for slot in slots(facts(estate()))} == {*RUN_FACTS, *TARGET_FACTS, *COPY_FACTS}


def test_a_pack_file_is_where_the_test_says(tmp_path: Path) -> None:
    assert pack_of(tmp_path, {"copies.count": "{}"}).controls[0].parameters["minimum"] == 3
