"""Names of objects leave the house as tokens only, wherever a name can stand, and nothing else is changed."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drcheck.assess import assess
from drcheck.chain import Paper
from drcheck.evidence.names import WITHHELD, Tokens, hash_facts, hash_names, token
from drcheck.evidence.papers import declared_texts, estate_paper, papers_of
from drcheck.model import (
    Assessment,
    Breach,
    BrokenObject,
    CopyFacts,
    Facts,
    ManifestRead,
    ObjectResult,
    ObjectVerdict,
    Observed,
    Outcome,
    PointState,
    Protection,
    Reason,
    TargetFacts,
    Unobserved,
    Waiver,
    printable,
)
from drcheck.policy import Pack, load_pack
from drcheck.record import assessment_from_record
from tests.policy import rig

KEY = bytes(range(32))
ESTATE = rig.estate(tape=True)
PACKS = tuple(load_pack(name) for name in rig.PACKS)
BASE = rig.facts(ESTATE)
NAMES_OF_A_KIND = (
    "Ангелина Ковалёва",
    "Qvxzjk Wyrmbolt 9434765919",
    "zqjx\x1bwvkp",
    "\udcffqzwvx\udcfe",
    "q\"z|w'vxj,k",
    "qzwvxj\nkyfpb",
    "1980-01-01 qzwvxj",
)
SENTENCES = (
    "{}: changed while it was being read",
    'reading "{}": it was replaced while it was read',
    "its marker {} is missing",
    "{}: line 3: the digest 'x' is not one of sha256",
    "{}",
    "the dump that {} says is finished",
    "listing of \u201c{}\u201d: [Errno 5] Input/output error: b'{}'",
)


def canaries() -> st.SearchStrategy[list[str]]:
    """Names that no text of drcheck's holds a part of."""
    letters = st.text(st.sampled_from("жщюёφψΔ漢字🐤\u202e"), min_size=6, max_size=20)
    odd = st.builds(lambda name, tail: f"scans/{name}-{tail}.dcm", st.sampled_from(NAMES_OF_A_KIND), st.integers(0, 99))
    return st.lists(st.one_of(letters, odd), min_size=3, max_size=12)


def filled(facts: Facts, names: list[str], sentences: list[str]) -> tuple[Facts, set[str]]:
    """The facts with a name in every field of a copy that can hold one, and a sentence about one in every text; and the names that were used."""
    used: set[str] = set()
    number = 0

    def next_name() -> str:
        nonlocal number
        number += 1
        name = names[number % len(names)]
        used.add(name)
        return name

    def sentence() -> str:
        name = next_name()
        return sentences[number % len(sentences)].replace("{}", name if number % 2 else printable(name))

    def with_names(point: Any) -> Any:
        return replace(point, id=next_name(), sample=next_name(), detail=sentence())

    def copy(one: CopyFacts) -> CopyFacts:
        if not isinstance(one.points, Observed):
            missing = Unobserved(Reason.MALFORMED, sentence())
            return replace(one, points=missing, lock=missing, verification=missing, changes=missing)
        unfinished = rig.point(timedelta(minutes=9), PointState.INCOMPLETE)
        kept = rig.points(unfinished, *one.points.value.newest[:4])
        points = replace(
            kept,
            newest=tuple(map(with_names, kept.newest)),
            oldest=None if kept.oldest is None else with_names(kept.oldest),
            future=(with_names(rig.point(-timedelta(days=9), PointState.FUTURE)),),
            unrecognised=2,
            unrecognised_sample=(next_name(), next_name()),
        )
        verdicts = tuple(
            ObjectVerdict(next_name(), result, 5, "sha256", "00", "11", manifest=next_name(), detail=sentence()) for result in ObjectResult
        )
        verification = rig.verification(
            counts=dict.fromkeys(ObjectResult, 2),
            problems=verdicts,
            manifests=(ManifestRead(next_name(), "gnu", True, ("sha256",), 3),),
            unusable_manifests=(sentence(), sentence()),
            faults=(sentence(),),
            stopped=Unobserved(Reason.TIMED_OUT, sentence()),
        )
        changes = rig.changes(breaches=((Breach.ALTERED, 1),), broken=(BrokenObject(next_name(), Breach.ALTERED, sentence()),))
        lock = Protection("none", detail=sentence())
        return CopyFacts(one.system, one.target, rig.seen(points), rig.seen(lock), rig.seen(verification), rig.seen(changes))

    def target(one: TargetFacts) -> TargetFacts:
        return replace(one, protection=Unobserved(Reason.ACCESS_DENIED, sentence()), versions=Unobserved(Reason.INTERNAL, sentence()))

    copies = tuple(copy(one) for one in facts.copies)
    drill = rig.drill(recovery_point=next_name(), problems=f"could not open {names[0]} at first")
    used.add(names[0])
    return replace(facts, copies=copies, targets=tuple(map(target, facts.targets)), drills=rig.seen((drill,))), used


def assessment_of(facts: Facts, waivers: tuple[Waiver, ...] = (), packs: tuple[Pack, ...] = PACKS) -> Assessment:
    """The facts judged."""
    return assess(ESTATE, packs, facts, reference=rig.NOW, started=rig.NOW, waivers=waivers)


def parts(name: str) -> Iterator[str]:
    """Every part of six characters of a name, in the forms in which it can be written."""
    for form in {name, printable(name), json.dumps(name)[1:-1], json.dumps(name, ensure_ascii=False)[1:-1]}:
        yield from (form[place : place + 6] for place in range(max(1, len(form) - 5)))


def record_of(papers: tuple[Paper, ...]) -> bytes:
    """What leaves the house."""
    (record,) = (paper for paper in papers if paper.name == "record.json")
    assert record.hashed is not None
    return record.hashed


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(canaries(), st.lists(st.sampled_from(SENTENCES), min_size=1))
def test_no_part_of_a_name_is_in_what_leaves_the_house(names: list[str], sentences: list[str]) -> None:
    facts, used = filled(BASE, names, sentences)
    waiver = Waiver("uk-caf-b5", "nothing", "pas@nas", "somebody", f"{names[0]} is known", rig.NOW.date())
    assessment = assessment_of(facts, (waiver,))
    plain = papers_of(assessment, ESTATE, PACKS, KEY)
    leaving = b"\n".join(paper.content if paper.hashed is None else paper.hashed for paper in plain).decode()
    usual = papers_of(assessment_of(BASE), ESTATE, PACKS, KEY)
    known = b"\n".join(paper.content for paper in usual).decode() + "scans/" + "".join(sentences) + "1980-01-01"
    for name in used:
        for part in parts(name):
            assert part in known or part not in leaving, (name, part)


def test_what_is_judged_stays_as_it_was_judged() -> None:
    facts, _ = filled(BASE, ["scans/Smith.dcm", "scans/Jones.dcm"], list(SENTENCES))
    assessment = assessment_of(facts)
    hashed = assessment_from_record(record_of(papers_of(assessment, ESTATE, PACKS, KEY)), "record.json")
    assert (hashed.counts(), hashed.exit_code) == (assessment.counts(), assessment.exit_code)
    assert [replace(finding, message="", facts=()) for finding in hashed.findings] == [
        replace(finding, message="", facts=()) for finding in assessment.findings
    ]
    assert not any(finding.message == WITHHELD for finding in hashed.findings)
    assert len({finding.outcome for finding in hashed.findings}) >= 3


@pytest.mark.parametrize("name", ["a", "1", "-", " ", "e", "of", "name-", "unknown", "nas"])
def test_a_short_name_garbles_no_text(name: str) -> None:
    facts, _ = filled(BASE, [name], ["{}"])
    other, _ = filled(BASE, ["scans/Smith.dcm"], ["{}"])
    tokens = (token(KEY, name), token(KEY, "scans/Smith.dcm"))
    findings, others = (
        assessment_from_record(record_of(papers_of(assessment_of(each), ESTATE, PACKS, KEY)), "record.json").findings for each in (facts, other)
    )
    for finding, beside in zip(findings, others, strict=True):
        words = finding.message.replace(tokens[0], "X")
        if name not in ("1", "-", " ", "nas"):  # which stay in texts: short numbers, marks and what is declared
            assert words == beside.message.replace(tokens[1], "X")
        assert words.count("name-") == 0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("scans/x.dcm: changed while it was being read", "{scans/x.dcm}: changed while it was being read"),
        ('reading "scans/x.dcm": it was replaced while it was read', 'reading "{scans/x.dcm}": it was replaced while it was read'),
        (
            "x: ended after 12 of 4567 bytes: it was cut short while it was being read",
            "{x}: ended after 12 of 4567 bytes: it was cut short while it was being read",
        ),
        ("9434765919: Permission denied", "{9434765919}: Permission denied"),
        ("the dump that 9434765919 says is finished", "the dump that {9434765919} says is finished"),
        ("/media/tape: is not there, or is not a folder", "/media/tape: is not there, or is not a folder"),
        ("Small, May 1999.pdf: changed while it was being read", "{Small, May 1999.pdf}: changed while it was being read"),
        ("something that a plug-in says of Smith", "{something that a plug-in says of Smith}"),
        ("", ""),
    ],
)
def test_of_a_text_only_our_own_words_and_what_is_declared_stay(text: str, shown: str) -> None:
    tokens = Tokens(KEY, declared_texts(estate_paper(ESTATE)), keep=True)
    found = tokens.text(text)
    for given_out, name in tokens.names.items():
        found = found.replace(given_out, f"{{{name}}}")
    assert found == shown


def test_the_same_name_has_the_same_token_wherever_it_stands_and_another_with_another_secret() -> None:
    tokens = Tokens(KEY, ())
    assert tokens.text("scans/x.dcm: changed while it was being read").startswith(tokens.name("scans/x.dcm"))
    assert token(KEY, "scans/x.dcm") != token(bytes(32), "scans/x.dcm")
    assert tokens.name(".") == "."


def test_what_holds_no_name_is_the_very_same() -> None:
    silent = rig.facts(ESTATE, silent=[target.id for target in ESTATE.targets])
    silent = replace(silent, drills=rig.seen(()), copies=tuple(_without(one) for one in silent.copies), targets=tuple(map(_without, silent.targets)))
    tokens = Tokens(KEY, ())
    assert hash_facts(silent, tokens).copies is silent.copies
    assessment = assessment_of(silent)
    assert hash_names(assessment, ESTATE, PACKS, Tokens(KEY, ())) is assessment
    assert papers_of(assessment, ESTATE, PACKS, KEY)[0].hashed is None


def _without(value: Any) -> Any:
    empty = {
        field.name: Unobserved(Reason.UNREACHABLE, "") for field in dataclasses.fields(value) if isinstance(getattr(value, field.name), Unobserved)
    }
    return replace(value, **empty)


def test_what_a_check_says_only_because_of_a_name_is_withheld() -> None:
    assessment = assessment_of(filled(BASE, ["scans/Smith.dcm"], ["{}"])[0])
    odd = assessment.findings[0]
    other = next(outcome for outcome in (Outcome.PASS, Outcome.FAIL) if outcome is not odd.outcome)
    changed = replace(assessment, findings=(replace(odd, outcome=other, message="Smith may not come last"), *assessment.findings[1:]))
    hashed = hash_names(changed, ESTATE, PACKS, Tokens(KEY, ()))
    assert (hashed.findings[0].outcome, hashed.findings[0].message, hashed.findings[0].facts) == (other, WITHHELD, ())


def test_names_that_people_wrote_down_are_found_there() -> None:
    waivers = 'reason = "scans/Smith.dcm is known to be bad, \xff"\n'.encode("latin-1")
    facts, _ = filled(BASE, ["scans/Smith.dcm"], ["{}"])
    (paper,) = (paper for paper in papers_of(assessment_of(facts), ESTATE, PACKS, KEY, waivers=waivers) if paper.name == "waivers.toml")
    assert (paper.content, paper.hashed) == (waivers, waivers.replace(b"scans/Smith.dcm", token(KEY, "scans/Smith.dcm").encode()))


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("2026-03-01T0200", True),
        ("20260301T020000Z.dump", True),
        ("2026-03-01", True),
        ("1980-01-01", False),
        ("20260301-Smith.dump", False),
        ("20260301T020000Z.zip", False),
        ("9434765919", False),
        ("2026-13-01", False),
    ],
)
def test_a_recovery_point_that_is_called_by_its_time_keeps_its_name(name: str, kept: bool) -> None:
    newest = replace(rig.point(timedelta(hours=7)), id=name, detail=f"the dump that {name} says is finished")
    copy = replace(BASE.copies[0], points=rig.seen(rig.points(newest)))
    tokens = Tokens(KEY, ["pas-%Y%m%dT%H%M%SZ.dump"])
    found = tokens.facts(copy).points
    assert isinstance(found, Observed)
    point = found.value.newest[0]
    shown = name if kept else token(KEY, name)
    assert (point.id, point.detail) == (shown, f"the dump that {shown} says is finished")


@pytest.mark.parametrize(
    ("name", "wrote", "stays"),
    [
        ("scans/Qvxzjk.dcm", "restored Qvxzjk.dcm and looked at it", "and looked at it"),
        ("Qvxz", "restored Qvxz, and Qvxzen is another.", ", and Qvxzen is another."),
        ("scans/Q-7.d", "Q-7.d was cut short", "was cut short"),
        ("scans/nas", "the nas was slow", "the nas was slow"),
        ("Q", "Q is a letter", "Q is a letter"),
    ],
)
def test_names_that_people_wrote_as_people_do_are_replaced(name: str, wrote: str, stays: str) -> None:
    tokens = Tokens(KEY, {"nas"}, [wrote])
    given = tokens.name(name)
    told = tokens.written(wrote)
    assert stays in told
    assert (given in told) == (stays != wrote)
    assert len([word for word in re.split(r"[\s,]+", told) if name.rpartition("/")[2] == word]) == (stays == wrote)
