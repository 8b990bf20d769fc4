"""Assessments of large organisations, made by hand: most passes, some failures with a text each, one target that is silent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from drcheck.model import (
    Assessment,
    ControlUsed,
    CopyFacts,
    CopyPlace,
    Depth,
    Facts,
    FactUsed,
    Finding,
    Outcome,
    PolicyUsed,
    Protection,
    Severity,
    SiteUsed,
    Source,
    Subject,
    SubjectKind,
    SystemUsed,
    TargetPlace,
)
from tests.reports.sample import AT, DOWN, hospital, points, seen, silent, target_facts, verification

_CHECKS = (("backup.recency", SubjectKind.COPY), ("integrity.checksums", SubjectKind.COPY), ("copies.offsite", SubjectKind.SYSTEM))
_SITES = 12
_FACT = FactUsed("points", "30 recovery points", Source.OBSERVED, AT)
_MISSING = FactUsed("points", "", None, None, DOWN.reason, DOWN.detail)


def large(systems: int, copies: int = 3, packs: int = 3, controls: int = 10, *, failing: int = 20) -> Assessment:
    """
    So many systems with so many copies each, judged by so many packs of so many controls.

    One subject in `failing` fails each control, with a text of its own; the copies at the last target are unknown, for that did not answer.
    """
    given = hospital()
    targets = [f"target-{number}" for number in range(copies + 2)]
    names = [f"system-{number:05}" for number in range(systems)]
    places = [
        CopyPlace(name, targets[(number + copy) % len(targets)], f"site-{copy}", name, "dump", "primary", offsite=copy > 0)
        for number, name in enumerate(names)
        for copy in range(copies)
    ]
    good_points, good_reading, lock = seen(points(timedelta(hours=4), 30)), seen(verification(12)), seen(Protection("none"))
    down = targets[-1]
    policies = tuple(_pack(number, controls) for number in range(packs))
    return replace(
        given,
        policies=policies,
        targets=tuple(TargetPlace(target, "sftp", f"site-{number % _SITES}", f"sftp://{target}/") for number, target in enumerate(targets)),
        copies=tuple(places),
        facts=Facts(
            at=AT,
            targets=tuple(silent(target) if target == down else target_facts(target, f"device-{target}") for target in targets),
            copies=tuple(
                CopyFacts(place.system, place.target, DOWN, DOWN, DOWN)
                if place.target == down
                else CopyFacts(place.system, place.target, good_points, lock, good_reading)
                for place in places
            ),
            drills=given.facts.drills,
        ),
        findings=tuple(finding for policy in policies for finding in _findings(policy, names, places, down, failing)),
        notes=(),
        sites=tuple(SiteUsed(f"site-{number}", f"Site {number}", (f"building-{number}",)) for number in range(_SITES)),
        systems=tuple(
            SystemUsed(name, f"System {number}", "critical", "IT", f"site-{number % _SITES}", "", (), timedelta(hours=24), timedelta(hours=4))
            for number, name in enumerate(names)
        ),
    )


def _pack(number: int, controls: int) -> PolicyUsed:
    used = [
        ControlUsed(f"P{number}-{place}", f"clause {place}", f"Control {place}", _check(place)[0], Severity.HIGH, "verified", (), ())
        for place in range(controls)
    ]
    return PolicyUsed(f"pack-{number}", "1", f"Pack {number}", "Issuer", "Document", "1", "", "sha256:0", tuple(used))


def _check(place: int) -> tuple[str, SubjectKind]:
    return _CHECKS[place % len(_CHECKS)]


def _findings(policy: PolicyUsed, names: list[str], places: list[CopyPlace], down: str, failing: int) -> Iterator[Finding]:
    for place, control in enumerate(policy.controls):
        kind = _check(place)[1]
        copies = [(f"{copy.system}@{copy.target}", copy.target == down) for copy in places]
        for number, (name, unseen) in enumerate(copies if kind is SubjectKind.COPY else [(name, False) for name in names]):
            yield _finding(policy, control, Subject(kind, name), number, unseen=unseen, fails=(number + place) % failing == 0)


def _finding(policy: PolicyUsed, control: ControlUsed, subject: Subject, number: int, *, unseen: bool, fails: bool) -> Finding:
    outcome, message, facts, advice = Outcome.PASS, "the newest usable recovery point is 4h old; allowed is 1d", (_FACT,), ""
    if unseen:
        outcome, message, facts, advice = Outcome.UNKNOWN, "points not known: did not answer: unreachable", (_MISSING,), "Make it reachable."
    elif fails:
        outcome, message, advice = Outcome.FAIL, f"the newest usable recovery point is {number}h old; allowed is 1d", "Run the backup job."
    return Finding(
        policy=policy.id,
        control=control.id,
        clause=control.clause,
        check=control.check,
        subject=subject,
        outcome=outcome,
        severity=control.severity,
        assurance=None if unseen else Source.OBSERVED,
        depth=Depth.NONE if unseen else Depth.LISTED,
        message=message,
        facts=facts,
        waiver=None,
        remediation=advice,
    )
