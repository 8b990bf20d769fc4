"""Failure domains, and the largest set of copies that no single failure takes together."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from drcheck.independence import EXACT, Domain, Standing, Standings, compare
from drcheck.model import Identity, Outcome, Source
from tests.checks.conftest import Ask
from tests.policy.rig import Slot, estate, facts, put, seen, unseen

POWER_AND_COOLING = '{ minimum = 3, domains = ["power", "cooling"] }'


def test_two_sites_on_one_cooling_plant_are_one_place(ask: Ask) -> None:
    place = estate({"sites.archive.domains": {"building": "b", "power": "p", "cooling": "cooling-main"}})
    finding = ask("copies.independent", "{ minimum = 3 }", place=place)
    assert finding.outcome is Outcome.FAIL
    assert "nas and archive share cooling: cooling-main" in finding.message
    assert (finding.assurance, ask("copies.independent", "{ minimum = 3 }").outcome) == (Source.DECLARED, Outcome.PASS)


def test_what_is_not_declared_is_not_known_to_be_independent(ask: Ask) -> None:
    place = estate({"sites.archive.domains": {"building": "b", "power": "p"}})
    finding = ask("copies.independent", "{ minimum = 3 }", place=place)
    assert finding.outcome is Outcome.UNKNOWN
    assert "cooling of archive is not declared" in finding.message
    assert ask("copies.independent", "{ minimum = 2 }", place=place).outcome is Outcome.PASS


def test_one_site_is_one_building_named_or_not(ask: Ask) -> None:
    place = estate({"targets.archive.site": "cloud", "sites.cloud.domains": {}})
    finding = ask("copies.independent", '{ minimum = 3, domains = ["building"] }', place=place)
    assert finding.outcome is Outcome.FAIL
    assert "archive and bucket share site: cloud" in finding.message


def test_what_was_seen_is_shared_whatever_is_declared(ask: Ask) -> None:
    both = {Slot(target, "identity"): seen(Identity("me", target, (("account", "12345"),))) for target in ("archive", "bucket")}
    place = estate({f"targets.{target}.domains": {"account": target} for target in ("nas", "archive", "bucket")})
    one = ask("copies.independent", '{ minimum = 3, domains = ["account"] }', place=place, some=put(facts(place), both))
    assert one.outcome is Outcome.FAIL
    assert "archive and bucket share account: 12345" in one.message
    unknown = put(facts(place), {Slot("archive", "identity"): unseen()})
    finding = ask("copies.independent", '{ minimum = 3, domains = ["account"] }', place=place, some=unknown)
    assert finding.outcome is Outcome.UNKNOWN
    assert "account of archive was not seen (unreachable)" in finding.message
    other_kinds = ask("copies.independent", POWER_AND_COOLING, place=place, some=unknown)
    assert other_kinds.outcome is Outcome.UNKNOWN
    assert "device of archive was not seen (unreachable)" in other_kinds.message


def test_two_copies_on_one_device_fail_together_whatever_else_is_declared(ask: Ask) -> None:
    one = {Slot(target, "identity"): seen(Identity("me", "the same disk")) for target in ("nas", "archive", "bucket")}
    finding = ask("copies.independent", '{ minimum = 2, domains = ["building"] }', place=estate(), some=put(facts(estate()), one))
    assert finding.outcome is Outcome.FAIL
    assert "nas, archive and bucket share device: the same disk" in finding.message


def test_a_device_that_was_seen_twice_is_one_array(ask: Ask) -> None:
    both = {Slot(target, "identity"): seen(Identity("me", "disk-1")) for target in ("nas", "archive")}
    assert ask("copies.independent", '{ minimum = 3, domains = ["array"] }', some=put(facts(estate()), both)).outcome is Outcome.FAIL
    rehearsal = estate({"rehearsal": True, "targets.bucket.device": "bucket-1"})
    some = put(facts(rehearsal), both)
    assert ask("copies.independent", '{ minimum = 3, domains = ["array"] }', place=rehearsal, some=some).outcome is Outcome.PASS


def test_production_stands_somewhere_too(ask: Ask) -> None:
    counted = "{ minimum = 4, production_counts = true }"
    finding = ask("copies.independent", counted)
    assert finding.outcome is Outcome.FAIL
    assert "live production and nas share building: building-main, power: power-main, cooling: cooling-main" in finding.message
    assert ask("copies.independent", "{ minimum = 3, production_counts = true }").outcome is Outcome.PASS


KINDS = ("power", "cooling")
standing = st.builds(
    lambda power, cooling, blind: (power, cooling, blind),
    st.sampled_from(["", "p1", "p2", "p3", "p4"]),
    st.sampled_from(["", "c1", "c2", "c3", "c4"]),
    st.sampled_from([False, False, False, True]),
)


def members(some: list[tuple[str, str, bool]]) -> tuple[Standing, ...]:
    return tuple(
        Standing(
            str(number),
            f"site-{number}",
            tuple(Domain(kind, name, Source.DECLARED) for kind, name in zip(KINDS, (power, cooling), strict=True) if name),
            (("power", "unreachable"),) if blind else (),
        )
        for number, (power, cooling, blind) in enumerate(some)
    )


def largest_by_trying(these: tuple[Standing, ...], *, doubtful: bool) -> int:
    """Every subset, largest first."""
    for size in range(len(these), 0, -1):
        for subset in combinations(these, size):
            pairs = [compare(first, second, KINDS) for first, second in combinations(subset, 2)]
            if all(not pair.shared if doubtful else pair.independent for pair in pairs):
                return size
    return 0


@given(st.lists(standing, max_size=7), st.data())
def test_the_largest_set_is_what_trying_every_subset_finds(some: list[tuple[str, str, bool]], data: st.DataObject) -> None:
    everyone = members(some)
    sure = {member.name for member in everyone if data.draw(st.booleans())}
    rest = {member.name for member in everyone} - sure
    group = Standings(everyone).largest(KINDS, sure, rest)
    assert len(group.confirmed) == largest_by_trying(tuple(member for member in everyone if member.name in sure), doubtful=False)
    assert group.possible == largest_by_trying(everyone, doubtful=True)
    assert set(group.confirmed) <= sure
    chosen = [member for member in everyone if member.name in group.confirmed]
    assert all(compare(first, second, KINDS).independent for first, second in combinations(chosen, 2))


def test_with_very_many_copies_the_bounds_still_hold() -> None:
    everyone = members([(f"p{number // 3}", f"c{number}", False) for number in range(EXACT * 3)])
    names = [member.name for member in everyone]
    group = Standings(everyone).largest(KINDS, names, [])
    assert len(group.confirmed) == EXACT
    assert len(group.confirmed) <= group.possible <= EXACT * 3


def test_twenty_copies_in_the_worst_arrangement_take_no_time() -> None:
    everyone = members([(f"p{number % 7}", f"c{number % 3}", False) for number in range(EXACT)])
    group = Standings(everyone).largest(KINDS, [member.name for member in everyone], [])
    assert len(group.confirmed) == 3
