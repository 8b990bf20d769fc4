"""Hypothesis strategies of facts, findings and assessments, for whoever has to hold for all of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from drcheck.estate.schema import DOMAIN_KINDS
from drcheck.model import (
    Assessment,
    Breach,
    BrokenObject,
    Changes,
    ControlUsed,
    CopyFacts,
    CopyPlace,
    Depth,
    Drill,
    Encryption,
    EstateUsed,
    Fact,
    Facts,
    FactUsed,
    Finding,
    Identity,
    ManifestRead,
    ObjectResult,
    ObjectVerdict,
    Observed,
    Outcome,
    Permissions,
    Points,
    PointState,
    PolicyUsed,
    Protection,
    Reason,
    RecoveryPoint,
    Rotation,
    Run,
    Sampling,
    Severity,
    SiteUsed,
    Source,
    StoreKept,
    Subject,
    SubjectKind,
    SystemUsed,
    TargetFacts,
    TargetPlace,
    Unobserved,
    Verification,
    Versions,
    Waiver,
)

_TEXTS = ("=1+1", "@sum", "-2", "`", "|", "<b>", "[x](y)", "http://x.example")
_CHARACTERS = ("\ufeff", "\u202e", "\x1b[31m", "a\nb", "\r\n", "\udcff", "\0", "\u2028")

names = st.one_of(
    st.sampled_from((*_TEXTS, *_CHARACTERS)),
    st.text(st.one_of(st.characters(), st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF, categories=["Cs"])), max_size=12),
)
"""Names from outside, with bytes that were not UTF-8 as Python's surrogate escapes."""
ids = st.from_regex(r"[a-z][a-z0-9-]{0,6}", fullmatch=True)
moments = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2200, 1, 1), timezones=st.just(UTC))
counts = st.integers(0, 2**60)
flags = st.booleans()
maybe_flags = st.one_of(st.none(), flags)
fractions = st.floats(-1e9, 1e9, allow_nan=False)
sources = st.sampled_from(Source)
depths = st.sampled_from(Depth)
unobserved = st.builds(Unobserved, reason=st.sampled_from(Reason), detail=names)


def fact_of(values: st.SearchStrategy[object]) -> st.SearchStrategy[Fact[object]]:
    """A fact that holds one of `values`, or none."""
    return st.one_of(st.builds(Observed, value=values, at=moments, source=sources), unobserved)


def tuples_of(values: st.SearchStrategy[object], most: int = 3) -> st.SearchStrategy[tuple[object, ...]]:
    """At most `most` of the values."""
    return st.lists(values, max_size=most).map(tuple)


pairs = tuples_of(st.tuples(names, names))
identities = st.builds(Identity, principal=names, device=names, traits=pairs)
protections = st.builds(Protection, mode=names, until=st.one_of(st.none(), moments), days=st.one_of(st.none(), counts), detail=names)
encryptions = st.builds(Encryption, at_rest=names, in_transit=names, key=names)
versions = st.builds(Versions, enabled=flags, noncurrent_days=st.one_of(st.none(), counts), detail=names)
permissions = st.builds(Permissions, can_list=maybe_flags, can_read=maybe_flags, can_write=maybe_flags, can_delete=maybe_flags, how=names)
recovery_points = st.builds(
    RecoveryPoint,
    id=names,
    time=moments,
    time_from=st.sampled_from(["name", "stamp", "modified"]),
    size=counts,
    objects=counts,
    state=st.sampled_from(PointState),
    detail=names,
    sample=names,
)
points = st.builds(
    Points,
    total=counts,
    by_state=st.dictionaries(st.sampled_from(PointState), counts).map(lambda found: tuple(found.items())),
    newest=tuples_of(recovery_points),
    oldest=st.one_of(st.none(), recovery_points),
    future=tuples_of(recovery_points),
    objects=counts,
    bytes=counts,
    unrecognised=counts,
    unrecognised_sample=tuples_of(names),
)
verdicts = st.builds(
    ObjectVerdict,
    key=names,
    result=st.sampled_from(ObjectResult),
    size=counts,
    algorithm=names,
    promised=names,
    found=names,
    manifest=names,
    detail=names,
    there=flags,
)
manifests = st.builds(ManifestRead, name=names, kind=names, beside=flags, algorithms=tuples_of(names), promises=counts)
rotations = st.builds(
    Rotation,
    cycle=st.timedeltas(timedelta(0), timedelta(days=10_000)),
    verified=counts,
    oldest_read=st.one_of(st.none(), moments),
    due=counts,
    left=counts,
    unverified=counts,
    drawn=counts,
    drawn_bad=counts,
    ends=st.one_of(st.none(), moments),
    unread=counts,
)
verifications = st.builds(
    Verification,
    counts=st.dictionaries(st.sampled_from(ObjectResult), counts).map(lambda found: tuple(found.items())),
    objects_total=counts,
    objects_read=counts,
    bytes_read=counts,
    problems=tuples_of(verdicts),
    manifests=tuples_of(manifests),
    unusable_manifests=tuples_of(names),
    weak_only=counts,
    started=moments,
    finished=moments,
    depth=depths,
    stopped=st.one_of(st.none(), unobserved),
    faults=tuples_of(names),
    hashed_there=counts,
    rotation=st.one_of(st.none(), rotations),
)
broken_objects = st.builds(BrokenObject, key=names, breach=st.sampled_from(Breach), detail=names)
changes = st.builds(
    Changes,
    since=st.one_of(st.none(), moments),
    new=counts,
    changed=counts,
    gone=counts,
    unchanged=counts,
    breaches=st.dictionaries(st.sampled_from(Breach), counts).map(lambda found: tuple(found.items())),
    broken=tuples_of(broken_objects),
)
samplings = st.builds(Sampling, seed=names, committed=names)
drills = st.builds(
    Drill,
    system=names,
    target=names,
    recovery_point=names,
    started=moments,
    ended=moments,
    success=flags,
    verified_by=names,
    data_loss=st.one_of(st.none(), st.timedeltas(timedelta(0), timedelta(days=10_000))),
    problems=names,
    lessons=names,
    evidence=names,
    record=names,
)
target_facts = st.builds(
    TargetFacts,
    target=ids,
    identity=fact_of(identities),
    protection=fact_of(protections),
    encryption=fact_of(encryptions),
    versions=fact_of(versions),
    permissions=fact_of(permissions),
    clock_skew=fact_of(fractions),
    calls=tuples_of(st.tuples(names, counts)),
    seconds=st.floats(0, 1e6, allow_nan=False),
)
copy_facts = st.builds(
    CopyFacts,
    system=ids,
    target=ids,
    points=fact_of(points),
    lock=fact_of(protections),
    verification=fact_of(verifications),
    changes=fact_of(changes),
)
facts = st.builds(
    Facts,
    at=moments,
    targets=tuples_of(target_facts),
    copies=tuples_of(copy_facts),
    drills=fact_of(tuples_of(drills)),
    sampling=st.one_of(st.none(), samplings),
    store=fact_of(st.builds(StoreKept, kind=names, place=names, nights=counts, first=st.one_of(st.none(), moments))),
)

facts_used = st.builds(
    FactUsed,
    name=names,
    value=names,
    source=st.one_of(st.none(), sources),
    at=st.one_of(st.none(), moments),
    reason=st.one_of(st.none(), st.sampled_from(Reason)),
    detail=names,
)
waivers = st.builds(Waiver, policy=names, control=names, subject=names, owner=names, reason=names, until=st.dates())
findings = st.builds(
    Finding,
    policy=names,
    control=names,
    clause=names,
    check=names,
    subject=st.builds(Subject, kind=st.sampled_from(SubjectKind), id=names),
    outcome=st.sampled_from(Outcome),
    severity=st.sampled_from(Severity),
    assurance=st.one_of(st.none(), sources),
    depth=depths,
    message=names,
    facts=tuples_of(facts_used),
    waiver=st.one_of(st.none(), waivers),
    remediation=names,
)
controls = st.builds(
    ControlUsed,
    id=names,
    clause=names,
    title=names,
    check=names,
    severity=st.sampled_from(Severity),
    sure=names,
    issuer_parameters=pairs,
    our_parameters=pairs,
)
policies = st.builds(
    PolicyUsed,
    id=names,
    version=names,
    title=names,
    issuer=names,
    document=names,
    document_version=names,
    url=names,
    digest=names,
    controls=st.lists(controls, max_size=3, unique_by=lambda control: control.id).map(tuple),  # two controls of one id are refused
)
runs = st.builds(Run, id=names, reference=moments, as_of=flags, facts_from=names, started=moments, finished=moments, version=names, plugins=pairs)
estates_used = st.builds(EstateUsed, file=names, digest=names, organisation=names, name=names, country=names, code=names, rehearsal=flags)
domains = st.one_of(st.none(), tuples_of(st.tuples(st.one_of(st.sampled_from(DOMAIN_KINDS), names), tuples_of(names))))
"""Declared domains, of kinds that are known and not; none in an old record."""
target_places = st.builds(
    TargetPlace, target=ids, connector=names, site=names, address=names, device=names, buildings=tuples_of(names), offline=flags, domains=domains
)
spans = st.timedeltas(timedelta(0), timedelta(days=10_000))
sites_used = st.builds(SiteUsed, id=ids, name=names, buildings=tuples_of(names), domains=domains)
systems_used = st.builds(
    SystemUsed,
    id=ids,
    name=names,
    tier=names,
    owner=names,
    site=ids,
    device=names,
    buildings=tuples_of(names),
    rpo=spans,
    rto=st.one_of(st.none(), spans),
    domains=domains,
)
copy_places = st.builds(CopyPlace, system=ids, target=ids, site=names, path=names, format=names, role=names, offsite=flags)


@st.composite
def assessments(draw: st.DrawFn) -> Assessment:
    """Assessments whose declared targets and copies are mostly, and not always, those that there are facts about."""
    seen = draw(facts)
    targets = [TargetPlace(target.target, draw(names), draw(names), draw(names)) for target in seen.targets]
    copies = [CopyPlace(copy.system, copy.target, draw(names), draw(names), draw(names), draw(names), draw(flags)) for copy in seen.copies]
    return Assessment(
        run=draw(runs),
        estate=draw(estates_used),
        policies=tuple(draw(st.lists(policies, max_size=2, unique_by=lambda policy: policy.id))),  # two packs of one id are refused
        targets=(*targets, *draw(tuples_of(target_places, most=1))),  # type: ignore[arg-type]
        copies=(*copies, *draw(tuples_of(copy_places, most=1))),  # type: ignore[arg-type]
        facts=seen,
        findings=draw(tuples_of(findings, most=5)),  # type: ignore[arg-type]
        notes=draw(tuples_of(names)),  # type: ignore[arg-type]
        sites=draw(tuples_of(sites_used)),  # type: ignore[arg-type]
        systems=draw(tuples_of(systems_used)),  # type: ignore[arg-type]
    )
