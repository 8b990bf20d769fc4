"""
The report for Prometheus: a file for the textfile collector of node_exporter, written whole each night, so that what is gone vanishes.

Every series has the label `organisation`. Nothing has a label whose values grow without end: no run, no recovery point, no object. What is not known
has no series, and a series beside it that says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from drcheck.model import Assessment, Drill, Finding, Observed, Outcome, Severity, Subject, SubjectKind, Verification
from drcheck.reports.base import ReportOptions
from drcheck.reports.exposition import Family
from drcheck.reports.rows import CopyRow, accepted, copy_rows, silent_targets

MOST_PAIRS = 5_000
"""Up to so many pairs of subject and policy each outcome has a series, 0 or 1; above it only the one that holds has."""
ENDING = (7, 30)
"""Days within which ending waivers are counted."""
WAIVED = "waived"
STATES = ("fail", "error", "unknown", WAIVED, "pass", "not-applicable")
"""Worst first: what a subject is under a policy is the worst of its findings."""
_DAY = 86_400
_EPOCH_DAY = date(1970, 1, 1).toordinal()


def prometheus(assessment: Assessment, _: ReportOptions) -> str:
    """The assessment as metrics. No option leaves anything out."""
    families = [*_run(assessment), *_findings(assessment), *_states(assessment), *_waivers(assessment), *_places(assessment), *_restores(assessment)]
    return "".join(f"{line}\n" for family in families for line in family.lines())


def _run(assessment: Assessment) -> Iterator[Family]:
    run, estate = assessment.run, assessment.estate
    build = Family("drcheck_build_info", "The drcheck that wrote this.", "organisation", "version")
    build.add(1, estate.organisation, run.version)
    yield build
    values = (
        ("drcheck_run_timestamp_seconds", "When the run ended.", _seconds(run.finished)),
        # Of a run that judges another moment it is that moment: to a dead-man's switch such a run is no night, however lately it looked.
        ("drcheck_facts_timestamp_seconds", "When the targets were looked at; with --as-of, the moment judged.", _seconds(assessment.facts.at)),
        ("drcheck_judged_timestamp_seconds", "The moment that everything was judged against.", _seconds(run.reference)),
        ("drcheck_run_duration_seconds", "How long the run took.", _length(run.finished - run.started)),
        ("drcheck_run_as_of", "1 where another moment than the present was judged.", int(run.as_of)),
        ("drcheck_estate_rehearsal", "1 where folders on one machine stand in for places.", int(estate.rehearsal)),
        ("drcheck_exit_code", "The exit code: 0 good, 10 something failed, 11 something is unknown.", assessment.exit_code),
    )
    for name, meaning, value in values:
        family = Family(name, meaning, "organisation")
        family.add(value, estate.organisation)
        yield family


def _findings(assessment: Assessment) -> Iterator[Family]:
    organisation = assessment.estate.organisation
    counted = Counter((finding.outcome, finding.severity, accepted(finding.outcome, finding.waiver)) for finding in assessment.findings)
    all_ = Family("drcheck_findings", "Findings: one control on one subject each.", "organisation", "outcome", "severity", "waived")
    for outcome in Outcome:
        for severity in Severity:
            for waived in (False, True):
                all_.add(counted[outcome, severity, waived], organisation, outcome, severity, _flag(waived))
    yield all_
    by_policy = Counter((finding.policy, _state(finding)) for finding in assessment.findings)
    family = Family("drcheck_policy_findings", "Findings of one policy; waived ones are counted as such.", "organisation", "policy", "outcome")
    for policy in dict.fromkeys([*(policy.id for policy in assessment.policies), *sorted(policy for policy, _ in by_policy)]):
        for state in STATES:
            family.add(by_policy[policy, state], organisation, policy, state)
    yield family


def _states(assessment: Assessment) -> Iterator[Family]:
    """What each system and target, and the estate, is under each policy."""
    organisation = assessment.estate.organisation
    systems = {f"{copy.system}@{copy.target}": copy.system for copy in assessment.copies}
    worst: dict[tuple[SubjectKind, str, str], int] = {}
    for finding in assessment.findings:
        kind, name = _owner(finding.subject, systems)
        key = kind, name, finding.policy
        worst[key] = min(worst.get(key, len(STATES)), STATES.index(_state(finding)))
    every = len(worst) <= MOST_PAIRS
    families = {
        SubjectKind.ESTATE: Family("drcheck_estate_outcome", "1 for the worst outcome of the estate itself.", "organisation", "policy", "outcome"),
        SubjectKind.SYSTEM: Family(
            "drcheck_system_outcome",
            "1 for the worst outcome of a system and its copies under a policy.",
            "organisation",
            "system",
            "policy",
            "outcome",
        ),
        SubjectKind.TARGET: Family(
            "drcheck_target_outcome", "1 for the worst outcome of a target under a policy.", "organisation", "target", "policy", "outcome"
        ),
    }
    for (kind, name, policy), place in sorted(worst.items()):
        named = () if kind is SubjectKind.ESTATE else (name,)
        for index, state in enumerate(STATES):
            if every or index == place:
                families[kind].add(int(index == place), organisation, *named, policy, state)
    yield from families.values()


def _owner(subject: Subject, systems: dict[str, str]) -> tuple[SubjectKind, str]:
    """Whom a finding is counted for: a copy's are its system's."""
    match subject.kind:
        case SubjectKind.COPY:
            return SubjectKind.SYSTEM, systems.get(subject.id) or subject.id.partition("@")[0]
        case SubjectKind.ESTATE:
            return SubjectKind.ESTATE, ""
        case _:
            return subject.kind, subject.id


def _state(finding: Finding) -> str:
    return WAIVED if accepted(finding.outcome, finding.waiver) else str(finding.outcome)


def _waivers(assessment: Assessment) -> Iterator[Family]:
    organisation = assessment.estate.organisation
    waived = [finding for finding in assessment.findings if accepted(finding.outcome, finding.waiver)]
    # In whole days since 1970: the last day of the calendar has no day after it.
    ends = sorted((finding.waiver.until.toordinal() - _EPOCH_DAY + 1) * _DAY for finding in waived if finding.waiver is not None)
    ending = Family("drcheck_waivers_ending", "Waived findings whose waiver ends within so many days.", "organisation", "days")
    now = _seconds(assessment.run.reference)
    for days in ENDING:
        ending.add(sum(end <= now + days * _DAY for end in ends), organisation, str(days))
    yield ending
    first = Family("drcheck_waiver_first_end_timestamp_seconds", "When the first of the waivers in use ends.", "organisation")
    first.add(ends[0] if ends else None, organisation)
    yield first


def _places(assessment: Assessment) -> Iterator[Family]:
    organisation = assessment.estate.organisation
    silent = {target.place.target for target in silent_targets(assessment)}
    answered = Family("drcheck_target_answered", "1 where a target answered anything.", "organisation", "target")
    for place in assessment.targets:
        answered.add(int(place.target not in silent), organisation, place.target)
    yield answered
    rpo = Family("drcheck_system_rpo_seconds", "Recovery point objective: the most data, in time, that may be lost.", "organisation", "system")
    rto = Family("drcheck_system_rto_seconds", "Recovery time objective: how long recovery may take.", "organisation", "system")
    for system in assessment.systems:
        rpo.add(_length(system.rpo), organisation, system.id)
        rto.add(_length(system.rto), organisation, system.id)
    yield from (rpo, rto)
    yield from _copies(assessment, copy_rows(assessment))


def _copies(assessment: Assessment, rows: list[CopyRow]) -> Iterator[Family]:
    organisation = assessment.estate.organisation
    labels = ("organisation", "system", "target")
    info = Family("drcheck_copy_info", "A declared copy, where it is and what it is for.", *labels, "site", "role", "offsite")
    for row in rows:
        info.add(1, organisation, row.place.system, row.place.target, row.place.site, row.place.role, _flag(row.place.offsite))
    yield info
    locks = {(copy.system, copy.target): copy.lock.value.until for copy in assessment.facts.copies if isinstance(copy.lock, Observed)}
    measures: dict[str, tuple[str, list[float | None]]] = {
        "drcheck_copy_listed": ("1 where the recovery points of a copy could be listed.", [int(isinstance(row.points, Observed)) for row in rows]),
        "drcheck_copy_newest_timestamp_seconds": (
            "The moment of the newest usable recovery point.",
            [_moment(row.newest.time if row.newest else None) for row in rows],
        ),
        "drcheck_copy_newest_age_seconds": ("How old that was when it was judged.", [_length(row.age) for row in rows]),
        "drcheck_copy_recovery_points": ("Recovery points that can be restored from.", [row.finished for row in rows]),
        "drcheck_copy_size_bytes": (
            "The size of all recovery points.",
            [row.points.value.bytes if isinstance(row.points, Observed) else None for row in rows],
        ),
        "drcheck_copy_protected_until_timestamp_seconds": (
            "Until when the newest recovery point cannot be deleted or changed.",
            [_moment(locks.get((row.place.system, row.place.target))) for row in rows],
        ),
        **_verifications(assessment, rows),
    }
    for name, (meaning, values) in measures.items():
        family = Family(name, meaning, *labels)
        for row, value in zip(rows, values, strict=True):
            family.add(value, organisation, row.place.system, row.place.target)
        yield family


def _verifications(assessment: Assessment, rows: list[CopyRow]) -> dict[str, tuple[str, list[float | None]]]:
    known = [row.verification.value if isinstance(row.verification, Observed) else None for row in rows]
    now = assessment.run.reference
    return {
        "drcheck_copy_read": ("1 where it is known what reading the copy showed.", [int(one is not None) for one in known]),
        "drcheck_copy_verified_ratio": (
            "The share of the objects with a promise that were read and compared, and whose reading stands.",
            [one.share_done(now) if one else None for one in known],
        ),
        "drcheck_copy_bad_objects": ("Objects that are known not to be what was promised.", [one.bad if one else None for one in known]),
        "drcheck_copy_read_bytes": ("Bytes read in this run.", [one.bytes_read if one else None for one in known]),
        "drcheck_copy_late_objects": (
            "Objects whose turn to be read had come and that were not read.",
            [one.rotation.left if one and one.rotation else None for one in known],
        ),
        "drcheck_copy_oldest_read_timestamp_seconds": (
            "The earliest reading that this rests on.",
            [_moment(_oldest_read(one)) if one else None for one in known],
        ),
    }


def _oldest_read(verification: Verification) -> datetime | None:
    if verification.rotation is not None:
        return verification.rotation.oldest_read
    return verification.started if verification.objects_read else None


def _restores(assessment: Assessment) -> Iterator[Family]:
    organisation, drills = assessment.estate.organisation, assessment.facts.drills
    last: dict[str, Drill] = {}
    for drill in drills.value if isinstance(drills, Observed) else ():
        if drill.success and (drill.system not in last or drill.ended > last[drill.system].ended):
            last[drill.system] = drill
    known = Family("drcheck_drills_known", "1 where the recorded restore drills could be read.", "organisation")
    known.add(int(isinstance(drills, Observed)), organisation)
    yield known
    when = Family("drcheck_restore_last_success_timestamp_seconds", "When a restore of a system last succeeded.", "organisation", "system")
    took = Family("drcheck_restore_last_duration_seconds", "How long that restore took.", "organisation", "system")
    for system, drill in sorted(last.items()):
        when.add(_seconds(drill.ended), organisation, system)
        took.add(_length(drill.took), organisation, system)
    yield from (when, took)


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _moment(moment: datetime | None) -> int | None:
    return None if moment is None else _seconds(moment)


def _length(length: timedelta | None) -> float | None:
    return None if length is None else max(0.0, length.total_seconds())


def _flag(value: bool) -> str:
    return "true" if value else "false"
