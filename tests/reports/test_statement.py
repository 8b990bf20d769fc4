"""The statement: what the loss of a place would mean, in plain words, without a word that the findings do not bear."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drcheck.assess import assess
from drcheck.estate.schema import Estate
from drcheck.model import Assessment, Drill, Facts, Identity, ObjectResult, Observed, Outcome, Reason, SiteUsed, Source, Unobserved
from drcheck.policy import Pack, load_pack
from drcheck.reports.plain_words import spoken_day, spoken_length, spoken_moment
from drcheck.reports.statement import Statement
from drcheck.reports.statement_loss import losses
from drcheck.reports.statement_table import Case, SystemLine
from tests.policy import rig
from tests.policy.rig import NOW, Slot
from tests.reports import sample
from tests.reports.large import large
from tests.reports.rendering import text_of

OPTIONS = {
    "targets.nas.options": {"root": "/srv/nas"},
    "targets.archive.options": {"host": "archive.example", "user": "drcheck", "root": "/b", "host_key_sha256": "SHA256:x"},
    "targets.bucket.options": {"bucket": "b", "region": "eu-west-2"},
}


@pytest.fixture(scope="module")
def packs() -> tuple[Pack, ...]:
    return tuple(load_pack(name) for name in rig.PACKS)


def assessed(place: Estate, facts: Facts, packs: tuple[Pack, ...]) -> Assessment:
    return assess(place, packs, facts, reference=NOW, started=NOW)


def line(assessment: Assessment) -> SystemLine:
    """What is said of the one system of the rig."""
    ((only,),) = (place.table.lines for place in Statement(assessment).places())
    return only


def words(assessment: Assessment) -> str:
    """The page as a reader sees it."""
    body = re.sub(r"<style>.*?</style>", "", text_of(assessment, "statement"), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


def estate(change: Mapping[str, Any] | None = None, *, tape: bool = False) -> Estate:
    return rig.estate(OPTIONS | dict(change or {}), tape=tape)


def test_everything_well_is_told_with_numbers(packs: tuple[Pack, ...]) -> None:
    place = estate()
    found = line(assessed(place, rig.facts(place), packs))
    assert found.case is Case.AGREED
    assert found.work == "7 hours of work: everything since 02:00 UTC on 1 March 2026."
    assert found.back == "From the copy at Cloud (bucket). All of it was read and is right."
    assert found.time == "3 hours, when last rehearsed on 19 February 2026 from Cloud (bucket)."
    assert found.unsaid == ()


def test_a_copy_that_stands_in_the_same_building_at_another_site_is_lost_too(packs: tuple[Pack, ...]) -> None:
    both = {"targets.archive.domains": {"building": "building-main"}, "targets.bucket.domains": {"building": "building-main"}}
    place = estate(both)
    found = line(assessed(place, rig.facts(place), packs))
    assert found.case is Case.GONE
    assert "which would be lost too" in found.time
    assert found.unsaid == ("How long it takes from a copy that would be left: that was not rehearsed last.",)


def test_sites_in_one_building_are_lost_together() -> None:
    given_ = sample.hospital()
    assert [[site.id for site in loss.sites] for loss in losses(given_)] == [["main", "annexe"]]
    chained = replace(given_, sites=(*given_.sites, SiteUsed("cellar", "Cellar", ("archive-house", "tower"))))
    assert [sorted(site.id for site in loss.sites) for loss in losses(chained)] == [["annexe", "cellar", "county-archive", "main"]]
    apart = replace(given_, sites=tuple(replace(site, buildings=()) for site in given_.sites))
    assert [[site.id for site in loss.sites] for loss in losses(apart)] == [["main"]]


IDENTITIES: dict[str, Callable[[str], Any]] = {
    "own": lambda name: rig.seen(Identity("drcheck", f"device-{name}")),
    "one": lambda name: rig.seen(Identity("drcheck", "device-of-all")),
    "none": lambda name: rig.seen(Identity("drcheck", "")),
    "unseen": lambda name: rig.unseen(),
}
POINTS = {"good": rig.seen(rig.healthy()), "empty": rig.seen(rig.points()), "unseen": rig.unseen()}
CHANGES: dict[str, dict[str, Any]] = {
    "plain": {},
    "all-at-home": {"targets.archive.site": "main", "targets.bucket.site": "main"},
    "declared-one": {"targets.archive.device": "nas-1", "targets.bucket.device": "san-1"},
    "rehearsal": {"rehearsal": True},
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_never_says_more_than_the_check_of_offsite_copies(change: str, tmp_path: Path) -> None:
    """Where no off-site copy was found nothing is left, where that is unknown nobody can say, and where one was found something is left."""
    met = set()
    pack = rig.pack_of(tmp_path, {"copies.offsite": "{ minimum = 1 }"})
    for nas, archive, bucket in itertools.product(IDENTITIES, repeat=3):
        for at_archive, at_bucket in itertools.product(POINTS, repeat=2):
            place = estate(CHANGES[change], tape=True)
            values = {
                **{Slot(name, "identity"): IDENTITIES[kind](name) for name, kind in (("nas", nas), ("archive", archive), ("bucket", bucket))},
                Slot("archive", "points"): POINTS[at_archive],
                Slot("bucket", "points"): POINTS[at_bucket],
                Slot("tape", "points"): POINTS["empty"],
            }
            found = assessed(place, rig.put(rig.facts(place), values), (pack,))
            outcome = found.findings[0].outcome
            case = line(found).case
            expected = {Outcome.FAIL: {Case.GONE}, Outcome.UNKNOWN: {Case.UNSAID}, Outcome.PASS: {Case.MORE, Case.AGREED}}[outcome]
            assert case in expected, (outcome, case, nas, archive, bucket, at_archive, at_bucket)
            met.add(case)
    assert Case.GONE in met


def test_a_tape_that_is_away_is_not_known_and_a_silent_place_neither(packs: tuple[Pack, ...]) -> None:
    place = estate(tape=True)
    found = line(assessed(place, rig.facts(place, silent=["tape", "archive", "bucket"]), packs))
    assert found.case is Case.UNSAID
    assert found.work == "Nobody can say."
    assert any("the copy at Safe (tape) holds: it was not seen (unreachable)" in said for said in found.unsaid)
    one = line(assessed(place, rig.facts(place, silent=["tape"]), packs))
    assert one.case is Case.AGREED
    assert one.work.startswith("At most 7 hours")
    assert len(one.unsaid) == 1


@pytest.mark.parametrize(
    ("verification", "case", "said"),
    [
        (
            rig.verification(counts={ObjectResult.MATCH: 98, ObjectResult.MISMATCH: 1, ObjectResult.MISSING: 1}),
            Case.DAMAGED,
            "2 objects in it are damaged",
        ),
        (rig.rolling(40, 10, 50), Case.UNREAD, "50 % of it was read and is right, the rest was not."),
        (rig.verification(counts={ObjectResult.EXTRA: 100}), Case.UNREAD, "0 % of it was read"),
        (None, Case.UNREAD, "Whether its content is right was not looked at (not-attempted)."),
    ],
)
def test_a_copy_that_was_not_read_whole_is_no_good_news(verification: Any, case: Case, said: str, packs: tuple[Pack, ...]) -> None:
    place = estate()
    fact = rig.seen(verification) if verification else rig.unseen(Reason.NOT_ATTEMPTED, "no manifest")
    facts = rig.put(
        rig.facts(place), {Slot("bucket", "verification"): fact, Slot("archive", "points"): rig.seen(rig.points(rig.point(timedelta(hours=9))))}
    )
    found = line(assessed(place, facts, packs))
    assert found.case is case
    assert said in found.back
    assert found.back.endswith("The one at Archive (archive), 9 hours old, was read whole and is right.")


def test_more_than_agreed_is_told(packs: tuple[Pack, ...]) -> None:
    place = estate()
    old = rig.seen(rig.points(rig.point(timedelta(days=3, hours=5))))
    facts = rig.put(rig.facts(place), {Slot("bucket", "points"): old, Slot("archive", "points"): old})
    found = assessed(place, facts, packs)
    assert line(found).case is Case.MORE
    assert "3 days 5 hours of work" in words(found)
    assert "1 would lose more work than was agreed" in words(found)


@pytest.mark.parametrize(
    ("drills", "said"),
    [
        ((), "Never proved."),
        ((rig.drill(success=False),), "Never proved; 1 rehearsal on record does not count."),
        ((rig.drill(timedelta(days=9)), rig.drill(timedelta(days=3), success=False)), "Never proved; 2 rehearsals on record do not count."),
        ((rig.drill(target="retired"),), "Never proved; 1 rehearsal on record does not count."),
        ((rig.drill(timedelta(days=-1)),), "Never proved; 1 rehearsal on record does not count."),
        ((rig.drill(timedelta(days=30)), rig.drill(timedelta(days=3), target="nas")), "from Main (nas), which would be lost too."),
    ],
)
def test_only_a_restore_that_counts_for_the_check_is_told(drills: tuple[Drill, ...], said: str, packs: tuple[Pack, ...]) -> None:
    place = estate()
    found = line(assessed(place, replace(rig.facts(place), drills=rig.seen(drills, Source.DECLARED)), packs))
    assert found.time.endswith(said)


def test_an_unread_record_of_drills_is_not_known(packs: tuple[Pack, ...]) -> None:
    place = estate()
    found = line(assessed(place, replace(rig.facts(place), drills=rig.unseen(Reason.MALFORMED)), packs))
    assert found.time == "Nobody can say."
    assert "the record of rehearsals could not be read (malformed)" in found.unsaid[0]


def test_the_weakest_point_is_the_worst_finding_about_these_systems_with_who_to_ask() -> None:
    text = words(sample.hospital())
    assert "The weakest point: Imaging (PACS) : 2 of 12 objects are not what was promised" in text
    assert "What to do: Keep the damaged object for the inquiry, restore it from another copy, and find out what changed it." in text
    assert "Ask: Radiology." in text


def test_it_claims_nothing_where_nothing_was_asked_or_recorded() -> None:
    assert "No policy asked anything about these systems" in words(sample.nothing())
    old = replace(sample.hospital(), systems=(), sites=())
    assert "This cannot be said: the record of this assessment does not hold where systems run." in words(old)
    assert "would lose" not in words(old)


def test_a_rehearsal_and_another_moment_are_told_first() -> None:
    text = words(sample.rehearsal())
    assert text.index("Judged as of 2026-03-31T06:00:00Z, not now. REHEARSAL") < text.index("If this building were lost tonight …", 60)
    assert "as seen at 06:00 UTC on 1 March 2026 and judged for 06:00 UTC on 31 March 2026" in text


def test_thousands_of_systems_are_counted_and_the_worst_have_rows() -> None:
    text = text_of(large(1_000), "statement")
    assert len(text) < 2_000_000
    table = Statement(large(1_000)).places()[0].table
    assert len(table.lines) == 60
    assert [found.case for found in table.lines] == sorted(found.case for found in table.lines)
    assert "would lose no more work than was agreed" in table.more


def test_lengths_and_moments_are_spoken() -> None:
    assert [spoken_length(timedelta(seconds=seconds)) for seconds in (-5, 59, 60, 3_600, 90_000, 86_400, 86_460)] == [
        "less than a minute",
        "less than a minute",
        "1 minute",
        "1 hour",
        "1 day 1 hour",
        "1 day",
        "1 day",
    ]
    moment = datetime.fromisoformat("2026-12-31T23:05:00-02:00")
    assert spoken_day(moment) == "1 January 2027"
    assert spoken_moment(moment) == "01:05 UTC on 1 January 2027"


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(Reason), st.sets(st.sampled_from(["identity", "points", "verification"]), min_size=1))
def test_no_missing_fact_makes_it_sound_better(packs: tuple[Pack, ...], reason: Reason, missing: set[str]) -> None:
    place = estate()
    whole = rig.facts(place)
    known = line(assessed(place, whole, packs[:1])).case
    for target in ("nas", "archive", "bucket"):
        values = {Slot(target, name): Unobserved(reason, "x") for name in missing}
        assert line(assessed(place, rig.put(whole, values), packs[:1])).case <= known
    assert isinstance(whole.copies[0].points, Observed)
