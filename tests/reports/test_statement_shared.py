"""The statement of what takes several places at once: no shared thing is passed over, and none is said not to be shared that nobody declared."""

from __future__ import annotations

import html
import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from drcheck.assess import assess
from drcheck.canonical import canonical_json
from drcheck.model import Assessment, Identity, OtherDomains, Outcome, printable
from drcheck.policy import load_pack
from drcheck.record import assessment_from_record, assessment_to_record
from drcheck.reports.statement import MOST_FAILURES, Statement, Together
from drcheck.reports.statement_loss import Fate, Places, losses
from drcheck.reports.statement_shared import Failure, Shared
from drcheck.reports.statement_table import Case
from tests.policy import rig
from tests.policy.rig import NOW, Slot
from tests.reports import sample
from tests.reports.afternoon import PLANT, hot_afternoon
from tests.reports.rendering import text_of
from tests.reports.sample import standing


def words(assessment: Assessment) -> str:
    """The page as a reader sees it."""
    body = re.sub(r"<style>.*?</style>", "", text_of(assessment, "statement"), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"</?bdi>", "", re.sub(r"<(?!/?bdi)[^>]*>", " ", body))).split())


def told(assessment: Assessment) -> list[Together]:
    """Every failure that takes several places, as the page would tell it."""
    statement = Statement(assessment)
    return statement.together(statement.places())


def with_domains(assessment: Assessment, **of: OtherDomains) -> Assessment:
    """The assessment in which these sites, systems and targets stand in these domains, named by ids with _ for -."""
    sites = tuple(replace(one, domains=of.get(one.id.replace("-", "_"), one.domains)) for one in assessment.sites)
    systems = tuple(replace(one, domains=of.get(one.id.replace("-", "_"), one.domains)) for one in assessment.systems)
    targets = tuple(replace(one, domains=of.get(one.target.replace("-", "_"), one.domains)) for one in assessment.targets)
    return replace(assessment, sites=sites, systems=systems, targets=targets)


def test_the_hot_afternoon() -> None:
    (one,) = told(hot_afternoon())
    assert (one.failing, one.sharing) == (("cooling: chiller-plant-1",), ("North data centre", "South data centre"))
    assert (one.stops, one.takes) == ("3 systems", ("North data centre (north-disk)", "South data centre (south-disk)"))
    assert one.undeclared == ("cooling of County archive",)
    assert [(line.system.id, line.case) for line in one.table.lines] == [("patient-record", Case.GONE), ("pathology", Case.UNSAID)]
    assert one.table.lines[1].unsaid == ("Whether the copy at County archive (archive) would be left: its cooling is not declared.",)
    assert one.same == ("Imaging (PACS)",), "the cloud says that it has another plant"
    text = words(hot_afternoon())
    assert "If cooling: chiller-plant-1, which North data centre and South data centre share, failed tonight" in text
    assert "1 would be lost altogether 1 may be lost altogether, nobody can say 1 would lose no more work than was agreed" in text
    assert "Not declared: cooling of County archive." in text
    assert "whether more is shared" not in text, "what lacks was told with the failure"


def test_what_the_third_site_says_of_its_cooling_decides() -> None:
    given_ = hot_afternoon()
    other = with_domains(given_, county_archive=standing("county"))
    assert told(other)[0].same == ("Imaging (PACS)", "Pathology laboratory")
    assert told(other)[0].undeclared == ()
    same = with_domains(given_, county_archive=(PLANT,))
    assert [line.case for line in told(same)[0].table.lines] == [Case.GONE, Case.GONE]
    by_target = with_domains(given_, archive=(PLANT,))
    assert [line.case for line in told(by_target)[0].table.lines] == [Case.GONE, Case.GONE]
    assert told(by_target)[0].sharing[-1] == "County archive (archive)"


def test_live_systems_that_may_stop_too_are_named() -> None:
    given_ = hot_afternoon()
    elsewhere = replace(given_, systems=tuple(replace(one, site="county-archive") if one.id == "pathology" else one for one in given_.systems))
    (one,) = told(elsewhere)
    assert one.unsure == ("Pathology laboratory",)
    assert "Nobody can say whether Pathology laboratory would stop too." in words(elsewhere)


def test_what_takes_the_same_is_one_section_and_what_a_building_takes_is_none() -> None:
    sites = {"main": (PLANT, ("power", ("feed-a",))), "annexe": (PLANT, ("power", ("feed-a",)))}
    known = standing("county")
    both = with_domains(hot_afternoon(), **sites, cloud_london=known, county_archive=known)
    (one,) = told(both)
    assert one.failing == ("power: feed-a", "cooling: chiller-plant-1")
    assert "If power: feed-a or cooling: chiller-plant-1, which" in words(both)
    together = replace(both, sites=tuple(replace(site, buildings=("block",)) if site.id in sites else site for site in both.sites))
    assert [len(loss.sites) for loss in losses(together)] == [2]
    assert told(together) == []
    apart = with_domains(both, annexe=standing("south"))
    assert told(apart) == []


def test_what_takes_just_what_a_place_does_is_told_where_somebody_may_share_it_too() -> None:
    """The loss of the building says that the copy in the archive is left; the failure of its power says that nobody knows."""
    given_ = hot_afternoon()
    targets = tuple(replace(one, device="san-1") if one.target == "south-disk" else one for one in given_.targets)
    feed: OtherDomains = (("power", ("feed-a",)),)
    base = replace(given_, targets=targets, systems=given_.systems[:2])
    known = with_domains(base, main=feed, south_disk=feed, annexe=standing("x"), cloud_london=standing("y"), county_archive=standing("z"))
    assert [one.failing for one in told(known)] == [("storage array: san-1",)], "the building takes what lies on san-1 too"
    unknown = with_domains(known, cloud_london=standing("y", without="power"))
    assert ("power: feed-a",) in [one.failing for one in told(unknown)]


def test_an_account_that_was_not_seen_may_be_the_one() -> None:
    given_ = hot_afternoon()
    account: OtherDomains = (("account", ("backup",)),)
    cloudy = with_domains(given_, patient_record=account, north_disk=account, south_disk=account, bucket=(("account", ("other",)),))
    facts = tuple(sample.silent(one.target) if one.target == "bucket" else one for one in cloudy.facts.targets)
    unseen = replace(cloudy, facts=replace(cloudy.facts, targets=facts))
    failure = _failure(unseen, ("account", "backup"))
    assert failure is not None
    assert failure.perhaps["bucket"] == "its account was not seen (unreachable)"
    assert failure.perhaps["archive"] == "its account is not declared"
    seen = _failure(cloudy, ("account", "backup"))
    assert seen is not None
    assert "bucket" not in seen.perhaps


def test_what_lies_on_a_lost_device_is_lost_wherever_it_is_declared_to_stand() -> None:
    given_ = hot_afternoon()
    targets = tuple(replace(one, device="san-2") if one.target == "bucket" else one for one in given_.targets)
    (one,) = [one for one in told(replace(given_, targets=targets)) if one.failing[0].startswith("cooling")]
    assert [line.case for line in one.table.lines if line.system.id == "imaging"] == [Case.GONE]
    assert "Cloud, London (bucket)" in one.takes


def test_floods_do_not_fail_and_a_place_that_declares_nothing_is_told() -> None:
    flooded = with_domains(hot_afternoon(), main=(("flood-zone", ("valley",)),), annexe=(("flood-zone", ("valley",)),))
    assert "If flood zone: valley, which North data centre and South data centre share, flooded tonight" in words(flooded)
    text = words(with_domains(hot_afternoon(), main=(), annexe=(), cloud_london=(), county_archive=()))
    assert (
        "Nobody can say whether more is shared than is told here, as these are not declared: "
        "power, cooling, network, administration of North data centre, South data centre, Cloud, London, County archive." in text
    )
    assert "failed tonight" not in text


def test_the_worst_have_sections_and_the_others_are_counted() -> None:
    given_ = hot_afternoon()
    names = ["main", "annexe", "cloud-london", "county-archive"]
    subsets = [some for size in (2, 3, 4) for some in itertools.combinations(names, size) if {"main", "annexe"} & {*some}]
    feeds = {name: tuple(f"feed-{place}" for place, some in enumerate(subsets) if name in some) for name in names}
    many = with_domains(given_, **{name.replace("-", "_"): (("power", feed),) for name, feed in feeds.items()})
    found = told(many)
    assert len(found) == len(subsets) == 10
    assert [one.table.worst for one in found] == sorted(one.table.worst for one in found)
    text = words(many)
    assert text.count("failed tonight") == MOST_FAILURES
    hidden = re.search(r"Beyond these, 4 more failures would take several places at once: (.*?)\. ", text)
    assert hidden is not None
    assert sum(int(number) for number in re.findall(r"in ([0-9]+) ", hidden[1])) == 4


def test_old_records_read_the_same_and_say_that_they_hold_no_domains() -> None:
    given_ = hot_afternoon()
    document = json.loads(assessment_to_record(given_))
    for place in (*document["sites"], *document["systems"], *document["targets"]):
        assert place.pop("domains") is not None
    old = canonical_json(document)
    again = assessment_from_record(old, "a run")
    assert assessment_to_record(again) == old
    text = words(again)
    assert "cannot be said: the record of this assessment does not hold it" in text
    assert "failed tonight" not in text
    new = assessment_from_record(assessment_to_record(given_), "a run")
    assert (new.sites, new.systems, new.targets) == (given_.sites, given_.systems, given_.targets)


def test_a_check_records_every_domain() -> None:
    place = rig.estate({"targets.bucket.domains": {"account": ["a", "b"], "building": "x"}, **OPTIONS})
    found = assess(place, (load_pack(rig.PACKS[0]),), rig.facts(place), reference=NOW, started=NOW)
    bucket = next(target for target in found.targets if target.target == "bucket")
    assert (bucket.buildings, bucket.domains) == (("x",), (("account", ("a", "b")),))
    assert (found.sites[0].buildings, found.sites[0].domains) == (("building-main",), (("power", ("power-main",)), ("cooling", ("cooling-main",))))
    assert found.systems[0].domains == ()


def test_hostile_names_are_shown_short_and_as_text() -> None:
    hostile = sample.HOSTILE * 30
    given_ = hot_afternoon()
    nasty = replace(
        with_domains(given_, main=((hostile, (hostile,)), PLANT), annexe=((hostile, (hostile,)), PLANT)),
        sites=tuple(
            replace(site, name=hostile, domains=((hostile, (hostile,)), PLANT) if site.id in ("main", "annexe") else ()) for site in given_.sites
        ),
        systems=tuple(replace(system, name=hostile) for system in given_.systems),
    )
    text = text_of(nasty, "statement")
    assert "<script" not in text
    assert printable(text.replace("\n", "")) == text.replace("\n", "")
    head = re.search(r'<h2 id="shared-1">(.*?)</h2>', text)
    assert head is not None
    assert len(html.unescape(re.sub(r"<[^>]*>", "", head[1]))) < 450
    assert "\\x1b" in head[1]


OPTIONS = {
    "targets.nas.options": {"root": "/srv/nas"},
    "targets.archive.options": {"host": "archive.example", "user": "drcheck", "root": "/b", "host_key_sha256": "SHA256:x"},
    "targets.bucket.options": {"bucket": "b", "region": "eu-west-2"},
}
COOLING: dict[str, dict[str, str]] = {"same": {"cooling": "cooling-main"}, "other": {"cooling": "another"}, "own": {"cooling": "own"}, "unsaid": {}}
POINTS = {"good": rig.seen(rig.healthy()), "empty": rig.seen(rig.points()), "unseen": rig.unseen()}


def test_it_never_says_more_than_the_check_of_independent_copies(tmp_path: Path) -> None:
    """Where no copy stands apart from production nothing is left, and where that is unknown nobody can say more."""
    pack = rig.pack_of(tmp_path, {"copies.independent": '{ minimum = 2, domains = ["cooling"], production_counts = true }'})
    met = set()
    for archive, bucket in itertools.product(COOLING, repeat=2):
        place = rig.estate(OPTIONS | {"sites.archive.domains": COOLING[archive], "sites.cloud.domains": COOLING[bucket]})
        for at_archive, at_bucket, identity in itertools.product(POINTS, POINTS, (rig.unseen(), rig.seen(Identity("drcheck", "device-bucket")))):
            values: dict[Slot, Any] = {
                Slot("archive", "points"): POINTS[at_archive],
                Slot("bucket", "points"): POINTS[at_bucket],
                Slot("bucket", "identity"): identity,
                Slot("nas", "points"): POINTS["empty"],
            }
            found = assess(place, (pack,), rig.put(rig.facts(place), values), reference=NOW, started=NOW)
            statement = Statement(found)
            statement._losses = []  # so that even what takes one building alone is told
            (one,) = [one for one in statement.together(()) if any(name.startswith("cooling") for name in one.failing)]
            allowed = {Outcome.FAIL: {Case.GONE}, Outcome.UNKNOWN: {Case.GONE, Case.UNSAID}, Outcome.PASS: {Case.UNSAID, Case.AGREED}}
            assert one.table.worst in allowed[found.findings[0].outcome], (archive, bucket, at_archive, at_bucket)
            met.add((found.findings[0].outcome, one.table.worst))
    assert met >= {(Outcome.FAIL, Case.GONE), (Outcome.UNKNOWN, Case.UNSAID), (Outcome.PASS, Case.AGREED)}


KINDS, NAMES = ("cooling", "power", "account"), ("a", "b")
some_domains = st.lists(
    st.tuples(st.sampled_from(KINDS), st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True).map(tuple)), max_size=3,
    unique_by=lambda one: one[0],
).map(tuple)  # fmt: skip
PLACES = (
    "main",
    "annexe",
    "cloud_london",
    "county_archive",
    "patient_record",
    "imaging",
    "pathology",
    "north_disk",
    "south_disk",
    "bucket",
    "archive",
)
PLANT_DOMAIN = (PLANT[0], PLANT[1][0])
ORDER = [Fate.LOST, Fate.PERHAPS, Fate.LEFT]


def _failure(assessment: Assessment, domain: tuple[str, str]) -> Failure | None:
    found = Shared(assessment, Places(assessment)).failures(())
    return next((one for one in found if domain in one.domains), None)


def _fates(assessment: Assessment, failure: Failure) -> Sequence[int]:
    shared = Shared(assessment, Places(assessment))
    return [ORDER.index(shared.fate(copy, failure)[0]) for copy in assessment.copies]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.fixed_dictionaries(dict.fromkeys(PLACES, some_domains)), st.sampled_from(KINDS), st.sampled_from(NAMES), st.sampled_from(PLACES), st.data())
def test_sharing_more_never_makes_a_fate_better(domains: dict[str, OtherDomains], kind: str, name: str, where: str, data: st.DataObject) -> None:
    down = data.draw(st.sets(st.sampled_from(["north-disk", "bucket", "archive"])))
    given_ = with_domains(hot_afternoon(), **domains)
    facts = tuple(sample.silent(one.target) if one.target in down else one for one in given_.facts.targets)
    given_ = replace(given_, facts=replace(given_.facts, targets=facts))
    before = _failure(given_, (kind, name))
    assume(before is not None)
    more = with_domains(given_, **{where: (*domains[where], (kind, (name,)))})
    after = _failure(more, (kind, name))
    assert before is not None
    assert after is not None
    assert all(new <= old for new, old in zip(_fates(more, after), _fates(given_, before), strict=True))
    assert {one.id for one in after.systems} >= {one.id for one in before.systems}
    assert {one.target for one in after.targets} >= {one.target for one in before.targets}


def test_a_device_that_was_not_seen_is_no_better() -> None:
    given_ = hot_afternoon()
    known = _failure(given_, PLANT_DOMAIN)
    assert known is not None
    for target in ("north-disk", "south-disk", "bucket", "archive"):
        facts = tuple(replace(one, identity=sample.DOWN) if one.target == target else one for one in given_.facts.targets)
        less = replace(given_, facts=replace(given_.facts, targets=facts))
        failure = _failure(less, PLANT_DOMAIN)
        assert failure is not None
        assert all(new <= old for new, old in zip(_fates(less, failure), _fates(given_, known), strict=True))
