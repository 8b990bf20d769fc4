"""What is different between two nights."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drcheck.errors import ConfigError
from drcheck.model import Assessment, Outcome, PolicyUsed, Severity
from drcheck.nights import Diff, Lack, Side, Turn, WaiverTurn, diff, standings
from drcheck.nights.documents import diff_document
from tests.nights.making import History, history, key_of, letter, night, number, with_counts
from tests.reports import sample

LETTERS = ("P", "F", "F!", "f", "U", "U!", "N", "E")


def between(past: History, before: int = -2, after: int = -1, *, records: bool = True) -> Diff:
    """The difference between two nights, by their places."""
    return diff(side(past, before, records=records), side(past, after, records=records), past.nights)


def side(past: History, index: int, *, records: bool = True, assessment: Assessment | None = None) -> Side:
    one = past.nights[index]
    record = assessment or (past.assessment(index) if records or one.as_of else None)
    return Side(one, standings(one, past.nights, past.intervals(), record), record)


def turns(found: Diff) -> dict[str, Turn]:
    return {f"{control} {subject.id}": each.turn for each in found.turned for _, control, subject in [each.key]}


EXPECTED = {
    "PP": None, "PF": "new-failure", "PU": "became-unknown", "PE": "became-unknown", "PN": "no-longer-applicable",
    "FP": "fixed", "FF": "still-failing", "FU": "became-unknown", "FE": "became-unknown", "FN": "no-longer-applicable",
    "UP": "became-known", "UF": "new-failure", "UU": "still-unknown", "UE": "still-unknown", "UN": "became-known",
    "NP": None, "NF": "new-failure", "NU": "became-unknown", "NN": None,
    " P": "newly-judged", " N": "newly-judged", " F": "new-failure", " U": "became-unknown",
    "P ": "no-longer-judged", "F ": "no-longer-judged", "U ": "no-longer-judged",
}  # fmt: skip
WORSE = {"PF", "UF", "NF", " F", "PU", "PE", "NU"}
UNSURE = {"FU", "FE", " U", "PN", "FN", "UN", "P ", "F ", "U "}


@pytest.mark.parametrize("pair", EXPECTED)
@pytest.mark.parametrize("records", [True, False])
def test_what_became_of_a_finding(pair: str, records: bool) -> None:
    past = history(*({"other ehr": "P"} | ({} if text == " " else {"a ehr": text}) for text in pair))
    found = between(past, records=records)
    expected = EXPECTED[pair]
    assert turns(found) == ({} if expected is None else {"a ehr": expected})
    assert (found.worse, found.unsure) == (pair in WORSE, pair in UNSURE)


def test_a_failure_that_is_unknown_now_or_not_judged_any_more_is_not_fixed() -> None:
    for letters in ("FU", "FE", "FN", "F "):
        past = history(*({"a ehr": text} if text != " " else {"b ehr": "P"} for text in letters))
        assert between(past).of(Turn.FIXED) == []


def test_what_is_accepted_is_not_worse_and_what_is_no_longer_accepted_is() -> None:
    accepted = between(history({"a ehr": "P"}, {"a ehr": "F!"}))
    assert turns(accepted) == {"a ehr": Turn.BROKE}
    assert [each.turn for each in accepted.waivers] == [WaiverTurn.ACCEPTED]
    assert not accepted.worse
    lapsed = between(history({"a ehr": "F!"}, {"a ehr": "F"}))
    assert turns(lapsed) == {"a ehr": Turn.STILL}
    assert [each.turn for each in lapsed.waivers] == [WaiverTurn.LAPSED]
    assert lapsed.worse
    assert between(history({"a ehr": "F!"}, {"a ehr": "P"})).waivers == ()
    assert not between(history({"a ehr": "F!"}, {"a ehr": "F!"})).worse


def test_other_terms_of_a_waiver_are_told() -> None:
    past = history({"a ehr": "F!"}, {"a ehr": "F!"})
    (old, new) = (past.assessment(index) for index in (0, 1))
    waiver = new.findings[0].waiver
    assert waiver is not None
    new = replace(new, findings=(replace(new.findings[0], waiver=replace(waiver, until=date(2027, 1, 1))),))
    found = diff(side(past, 0, assessment=old), side(past, 1, assessment=new), past.nights)
    assert [each.turn for each in found.waivers] == [WaiverTurn.CHANGED]
    assert not found.worse
    assert diff_document(found)["waivers"][0]["after"]["until"] == "2027-01-01"


def test_how_long_something_is_still_so_is_told_over_nights_that_are_not_compared() -> None:
    past = history(*({"a ehr": text} for text in ("P", "F", "F!", "f", "F", "F")))
    found = between(past, 3, 5)
    (still,) = found.of(Turn.STILL)
    assert still.before is not None
    assert still.after is not None
    assert (still.before.since, still.after.since, found.between) == (number(2), number(2), 1)


def test_controls_and_subjects_that_came_and_went_are_named() -> None:
    found = between(history({"a ehr": "P", "b ehr": "F"}, {"a ehr": "P", "a lab": "F", "c ehr": "P"}))
    assert found.added_controls == (("pack", "c"),)
    assert found.removed_controls == (("pack", "b"),)
    assert [subject.id for subject in found.added_subjects] == ["lab"]
    assert found.removed_subjects == ()
    assert turns(found) == {"a lab": Turn.BROKE, "b ehr": Turn.REMOVED, "c ehr": Turn.ADDED}


def test_worst_comes_first() -> None:
    before = dict.fromkeys(("a one", "a two", "a three", "a four"), "P") | {"a five": "F"}
    after = {"a one": "f", "a two": "F!", "a three": "F", "a four": "U", "a five": "P"}
    found = between(history(before, after))
    assert [each.key[2].id for each in found.turned] == ["three", "one", "two", "four", "five"]
    assert [each.severity for each in found.turned][:2] == [Severity.HIGH, Severity.LOW]


@pytest.mark.parametrize("pair", EXPECTED)
def test_what_was_judged_and_is_not_any_more_is_told_however_it_stood(pair: str) -> None:
    past = history(*({"other ehr": "P"} | ({} if text == " " else {"a ehr": text}) for text in pair))
    told = [f"{each.key[1]} {each.key[2].id}" for each in between(past).unjudged]
    assert told == (["a ehr"] if pair[0] in "PFUE" and pair[1] in " N" else [])


def test_why_something_is_not_judged_any_more_is_told_where_the_record_knows() -> None:
    before = history({"a ehr": "F", "b ehr": "U", "a lab": "F!", "a ehr@nas": "P", "a lab@nas": "P", "c ehr": "P", "d ehr": "N"}, {"c ehr": "N"})
    estate = sample.hospital()
    record = before.assessment(1)
    controls = (replace(estate.policies[0].controls[0], id="a"), replace(estate.policies[0].controls[0], id="c"))
    record = replace(
        record,
        policies=(replace(estate.policies[0], id="pack", controls=controls),),
        systems=(replace(estate.systems[0], id="ehr"),),
    )
    found = diff(side(before, 0), side(before, 1, assessment=record), before.nights)
    assert {f"{each.key[1]} {each.key[2].id}": str(each.gone) for each in found.unjudged} == {
        "a ehr": "it is not known why",
        "b ehr": "the pack has no control pack b any more",
        "a lab": "the system lab is gone from the estate",
        "a lab@nas": "the system lab is gone from the estate",
        "a ehr@nas": "the copy ehr@nas is gone from the estate",
        "c ehr": "by what is declared it is not asked any more",
    }
    assert not found.worse
    pruned = diff(side(before, 0), side(before, 1, records=False), before.nights)
    assert {each.gone.lack for each in pruned.unjudged if each.gone is not None} == {Lack.UNTOLD, Lack.NOT_ASKED}
    none = diff(side(before, 0), side(before, 1, assessment=replace(record, findings=(), policies=())), before.nights)
    assert {each.gone.lack for each in none.unjudged if each.gone is not None} == {Lack.PACK, Lack.NOT_ASKED}


def test_what_else_is_another_is_noted() -> None:
    past = history({"a ehr": "P"}, {"a ehr": "P"})
    past.nights[1] = replace(past.nights[1], estate_digest="sha256:f", version="0.2.0")
    notes = between(past, records=False).notes
    assert "the estate file is another" in notes
    assert "drcheck 0.2.0 judged the later night, and 0.1.0 the earlier one" in notes
    assert sum("known by outcome only" in note for note in notes) == 2
    assert "this reads backwards" in between(past, 1, 0).notes[0]


def test_other_packs_are_noted() -> None:
    past = history({"a ehr": "P"}, {"a ehr": "P"})
    packs = {name: PolicyUsed(name, "1", "t", "i", "d", "1", "", f"sha256:{name}", ()) for name in ("gone", "same", "new", "other")}
    one = replace(past.assessment(0), policies=(packs["gone"], packs["same"], packs["other"]))
    two = replace(past.assessment(1), policies=(packs["same"], replace(packs["other"], version="2", digest="sha256:2"), packs["new"]))
    assert diff(side(past, 0, assessment=one), side(past, 1, assessment=two), past.nights).notes == (
        "the pack gone is not judged by any more",
        "the pack other is another (version 1, then 2)",
        "the pack new is newly judged by, with 0 controls",
    )


def test_another_moment_is_compared_by_its_record_and_not_without_it() -> None:
    past = history({"a ehr": "F"}, {"a ehr": "P"}, {"a ehr": "F"})
    past.nights[2] = replace(past.nights[2], as_of=True, reference=number(1), started=number(3))
    found = between(past, 1, 2)
    assert turns(found) == {"a ehr": Turn.BROKE}
    assert found.turned[0].after is not None
    assert found.turned[0].after.since == number(1)
    assert any("was judged as of 2026-03-01T02:00:00Z" in note for note in found.notes)
    with pytest.raises(ConfigError, match="nothing of its findings is left"):
        standings(past.nights[2], past.nights, past.intervals(), None)


FINDINGS = st.dictionaries(st.sampled_from(["a ehr", "a lab", "b ehr", "b lab@nas"]), st.sampled_from(LETTERS))


@settings(max_examples=300, deadline=None)
@given(st.lists(FINDINGS, min_size=2, max_size=5), st.booleans())
def test_every_finding_is_told_once_or_is_as_it_was_and_well(nights: list[dict[str, str]], records: bool) -> None:
    past = history(*nights)
    found = between(past, records=records)
    before, after = ({key_of(name): letter(text) for name, text in each.items()} for each in nights[-2:])
    told = [each.key for each in found.turned]
    assert len(set(told)) == len(told)
    for key in {*before, *after} - set(told):
        assert before[key].outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE)
        assert after[key].outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE)
    for each in found.turned:
        assert (each.before is None) == (each.key not in before)
        assert (each.after is None) == (each.key not in after)
        if each.worse:
            assert after[each.key].outcome in (Outcome.FAIL, Outcome.UNKNOWN, Outcome.ERROR)
            assert not after[each.key].waived
    # Two nights with the same findings differ in nothing.
    again = History([*past.nights, with_counts(night(len(nights) + 1), after)], [*past.found, after])
    assert not between(again, records=records).worse
    assert set(turns(between(again)).values()) <= {Turn.STILL, Turn.UNSURE}
    # What was judged is judged still, or is named with why.
    judged = [{key for key, each in side.items() if each.outcome is not Outcome.NOT_APPLICABLE} for side in (before, after)]
    assert {each.key for each in found.unjudged} == judged[0] - judged[1]
    # What is a pass now and was a failure is fixed, and nothing else is.
    fixed = {key for key in after if after[key].outcome is Outcome.PASS and key in before and before[key].outcome is Outcome.FAIL}
    assert {each.key for each in found.of(Turn.FIXED)} == fixed
    document = diff_document(found)
    assert sum(document["counts"].values()) == len(found.turned)
