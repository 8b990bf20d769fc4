"""How many copies a system has, on how many devices and kinds of medium, and how many are off-site."""

from __future__ import annotations

from drcheck.checks.base import TO_SEE, Case, Check, Parameter, ParameterKind, Verdict, listed, used
from drcheck.checks.counting import Counts, Tally, both, explained, held, once_per_place, three_valued, verdict
from drcheck.checks.seen import PRODUCTION, CopySeen, SystemCopies, same_device
from drcheck.model import Depth, FactUsed, Severity, Source, SubjectKind, Unobserved, number_of

PRODUCTION_COUNTS = Parameter(
    "production_counts", ParameterKind.BOOLEAN, False, "Whether the live data is one of them. Guidance often leaves this open; the finding says which"
)

_MOST_SHARED = 5


def minimum_of(default: int) -> Parameter:
    """The parameter `minimum` of the checks that count."""
    return Parameter("minimum", ParameterKind.INTEGER, default, "How many are wanted, at the least", least=1)


def production_words(counted: bool) -> str:
    """The part of a message that says whether production was one of those counted."""
    return "production was counted" if counted else "production was not counted"


def production_fact(seen: SystemCopies) -> FactUsed:
    """That there is a live system, as the estate declares it."""
    return FactUsed("production", f"the live system at {seen.system.production.site}", Source.DECLARED, None)


def _count(case: Case) -> Verdict:
    """
    Copies whose points were observed and hold a usable one are counted; those that could not be looked at are possible and never counted.

    The production copy counts only where the parameter says so, and then by declaration.
    """
    seen = case.fact("copies", SystemCopies).value
    tallies, repeated = once_per_place(seen.copies, [held(copy, case.now) for copy in seen.copies])
    counted = case.flag("production_counts")
    production = Tally(PRODUCTION, Counts.YES, "", (production_fact(seen),)) if counted else None
    return verdict(tallies, case.integer("minimum"), "copy", "copies", besides=[*repeated, production_words(counted)], production=production)


def _devices(case: Case) -> Verdict:
    """
    The largest set of copies that lie on devices different from each other.

    Two targets are one device where the same device was seen behind both, or where the same device is declared for both (by default a target
    is its own). A target whose identity was not seen cannot be told apart from the others.
    """
    seen = case.fact("copies", SystemCopies).value
    return separated(case, seen, ("device",), "on different devices", [_device_fact(copy, rehearsal=seen.rehearsal) for copy in seen.copies])


def separated(case: Case, seen: SystemCopies, kinds: tuple[str, ...], noun: str, grounds: list[FactUsed]) -> Verdict:
    """The verdict of "at least `minimum` copies stand apart in these kinds"; `grounds` holds one more fact for each copy, in order."""
    tallies = [held(copy, case.now) for copy in seen.copies]
    counted = case.flag("production_counts")
    confirmed = {tally.name for tally in tallies if tally.counts is Counts.YES} | ({PRODUCTION} if counted else set())
    possible = {tally.name for tally in tallies if tally.counts is Counts.PERHAPS}
    group = seen.separation.largest(kinds, confirmed, possible)
    minimum = case.integer("minimum")
    outcome = three_valued(len(group.confirmed), group.possible, minimum)
    among = set(group.confirmed) if outcome == "pass" else confirmed | possible
    doubtful = [tally for tally in tallies if tally.counts is Counts.PERHAPS]
    refused = [tally for tally in tallies if tally.counts is Counts.NO]
    parts = [f"{number_of(len(group.confirmed), 'copy', 'copies')} {noun} ({listed(group.confirmed) or 'none'}), at least {minimum} wanted"]
    parts += [*group.shared[:_MOST_SHARED], *([f"{more} more share a domain"] if (more := len(group.shared) - _MOST_SHARED) > 0 else [])]
    parts += [listed(group.unknown)] if group.unknown else []
    parts += [f"not known: {explained(doubtful)}"] if doubtful else []
    parts += [f"not counted: {explained(refused)}"] if refused else []
    parts.append(production_words(counted))
    facts = [fact for tally, ground in zip(tallies, grounds, strict=True) if tally.name in among for fact in (*tally.facts, ground)]
    facts += [production_fact(seen)] if PRODUCTION in among else []
    facts += [FactUsed("separation", f"{listed(group.confirmed)} stand apart", group.source, None)] if len(group.confirmed) > 1 else []
    return Verdict(outcome, "; ".join(parts), tuple(facts), Depth.LISTED if confirmed - {PRODUCTION} else Depth.NONE)


def _device_fact(copy: CopySeen, *, rehearsal: bool) -> FactUsed:
    return copy.place.once((_device_told, rehearsal), lambda: _device_told(copy, rehearsal=rehearsal))


def _device_told(copy: CopySeen, *, rehearsal: bool) -> FactUsed:
    name = f"device of {copy.name}"
    identity = copy.place.identity
    if isinstance(identity, Unobserved) and not rehearsal:
        return used(name, identity)
    seen = "" if rehearsal or isinstance(identity, Unobserved) else identity.value.device
    if not seen:
        why = "a rehearsal" if rehearsal else "it cannot be seen there"
        return FactUsed(name, f"{copy.place.target.device or copy.name} (declared; {why})", Source.DECLARED, None)
    return used(name, identity, seen)


def _media(case: Case) -> Verdict:
    """Kinds of medium as declared, among the copies that hold something; a medium that is not declared may be any."""
    seen = case.fact("copies", SystemCopies).value
    counted = case.flag("production_counts")
    members = [(held(copy, case.now), copy.place.target.medium) for copy in seen.copies]
    if counted:
        members.append((Tally(PRODUCTION, Counts.YES, "", (production_fact(seen),)), seen.system.production.medium))
    kinds: dict[str, Tally] = {}
    unsaid = []
    for tally, medium in members:
        if not medium:
            unsaid.append(both(tally, Tally(tally.name, Counts.PERHAPS, "its medium is not declared", ())))
            continue
        named = FactUsed(f"medium of {tally.name}", medium, Source.DECLARED, None)
        kind = Tally(f"{medium} at {tally.name}", tally.counts, tally.why, (*tally.facts, named))
        known = kinds.get(medium.casefold())
        if known is None or kind.counts > known.counts:
            kinds[medium.casefold()] = kind
    return verdict([*kinds.values(), *unsaid], case.integer("minimum"), "kind of medium", "kinds of medium", besides=[production_words(counted)])


def offsite(copy: CopySeen, seen: SystemCopies) -> Tally:
    """
    Whether a copy is off-site: its site is declared to be another than production's, and its device is not that of an on-site target.

    Where it is not known whether the device is that of an on-site target, the copy may be off-site. A target that is declared offline and does
    not answer cannot be the device of one that does, so for it the declared site and device decide.
    """
    return copy.once(_offsite_tally, lambda: _offsite_tally(copy, seen))


def _offsite_tally(copy: CopySeen, seen: SystemCopies) -> Tally:
    home = seen.system.production.site
    target = copy.place.target
    site = FactUsed(f"site of {copy.name}", f"{target.site} (production is at {home})", Source.DECLARED, None)
    if target.site == home:
        return Tally(copy.name, Counts.NO, f"it is at {home}, where production is", (site,))
    declared = [place.target.id for place in seen.places.at(home) if place.target.device == target.device] if target.device else []
    if declared or (target.device and target.device == seen.system.production.device):
        return Tally(copy.name, Counts.NO, f"its device {target.device} is declared on-site ({listed(declared) or PRODUCTION})", (site,))
    if target.offline is not None and copy.silent:
        return Tally(copy.name, Counts.YES, "", (site,))
    onsite = [place for place in seen.places.suspects(copy.place) if place.target.site == home]
    compared = same_device(copy.place, onsite, rehearsal=seen.rehearsal)
    if compared.same:
        return Tally(copy.name, Counts.NO, f"it is the same device as {listed(compared.same)}, which is on-site", (site, _compared(copy, seen)))
    if compared.unknown:
        return Tally(copy.name, Counts.PERHAPS, listed(compared.unknown), (site, _compared(copy, seen)))
    return Tally(copy.name, Counts.YES, "", (site, _compared(copy, seen)))


def _compared(copy: CopySeen, seen: SystemCopies) -> FactUsed:
    return _device_fact(copy, rehearsal=seen.rehearsal)


def _offsite(case: Case) -> Verdict:
    """Copies that hold something and are off-site; what stands where is declared, what is one device is observed."""
    seen = case.fact("copies", SystemCopies).value
    tallies, repeated = once_per_place(seen.copies, [both(held(copy, case.now), offsite(copy, seen)) for copy in seen.copies])
    return verdict(tallies, case.integer("minimum"), "copy off-site", "copies off-site", besides=repeated)


COUNT = Check(
    id="copies.count",
    title="Enough copies",
    passes="At least `minimum` copies of the system were seen to hold a finished recovery point that is not from the future. Copies that could not "
    "be looked at never count; the message says whether production was counted.",
    subject=SubjectKind.SYSTEM,
    needs=("copies",),
    looks_at=("points",),
    severity=Severity.HIGH,
    parameters=(minimum_of(3), PRODUCTION_COUNTS),
    remediation="Add a copy at another target, or repair the job of one that holds nothing usable.",
    judge=_count,
    to_know=TO_SEE,
)

DEVICES = Check(
    id="copies.devices",
    title="Copies on different devices",
    passes="At least `minimum` copies that hold something lie on devices that differ: by what was seen behind the targets where that can be seen, "
    "else by declaration. Two targets on one device count once, whatever is declared.",
    subject=SubjectKind.SYSTEM,
    needs=("copies",),
    looks_at=("points", "identity"),
    severity=Severity.HIGH,
    parameters=(minimum_of(2), PRODUCTION_COUNTS),
    remediation="Keep a copy on storage hardware of its own, and declare `device` for targets where it cannot be seen.",
    judge=_devices,
    to_know=TO_SEE + " Declare `device` where it cannot be seen.",
)

MEDIA = Check(
    id="copies.media",
    title="Copies on different kinds of medium",
    passes="Copies that hold something lie on at least `minimum` kinds of medium, as declared.",
    subject=SubjectKind.SYSTEM,
    needs=("copies",),
    looks_at=("points",),
    severity=Severity.LOW,
    parameters=(minimum_of(2), PRODUCTION_COUNTS),
    remediation="Keep a copy on another kind of medium, such as tape or object storage, and declare `medium` for every target.",
    judge=_media,
    to_know=TO_SEE + " Declare `medium` for every target.",
)

OFFSITE = Check(
    id="copies.offsite",
    title="A copy off-site",
    passes="At least `minimum` copies that hold something are declared at another site than production, and were not seen to be the same device as "
    "an on-site target.",
    subject=SubjectKind.SYSTEM,
    needs=("copies",),
    looks_at=("points", "identity"),
    severity=Severity.CRITICAL,
    parameters=(minimum_of(1),),
    remediation="Send a copy to a target at another site, or repair the one that is there.",
    judge=_offsite,
    to_know=TO_SEE,
)
