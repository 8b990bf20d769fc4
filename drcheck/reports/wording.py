"""Sentences that every report for people says alike. What came from outside is in them as it came: a format makes it safe in its own way."""

from __future__ import annotations

from datetime import datetime

from drcheck.clock import format_duration, format_moment
from drcheck.model import (
    Assessment,
    ControlUsed,
    Depth,
    FactUsed,
    Outcome,
    PolicyUsed,
    Source,
    Subject,
    SubjectKind,
    Unobserved,
    Verification,
    Waiver,
    number_of,
)
from drcheck.model.bounds import percent_at_least
from drcheck.reports.rows import CopyRow, FindingRow, accepted
from drcheck.sizes import format_size


def caution(assessment: Assessment) -> str:
    """What the very first line of a report must say of an assessment that is not of the present or not of real places; empty otherwise."""
    parts = []
    if assessment.run.as_of:
        parts.append(f"Judged as of {format_moment(assessment.run.reference)}, not now.")
    if assessment.estate.rehearsal:
        parts.append("REHEARSAL: folders on this machine stand in for places, so devices and distances are known by declaration only.")
    return " ".join(parts)


def heading(assessment: Assessment) -> list[str]:
    """Who was judged and at which moment (UTC); and from which file, where this run did not look for itself."""
    estate, run = assessment.estate, assessment.run
    codes = ", ".join(part for part in (estate.organisation, estate.code, estate.country) if part)
    lines = [f"Backups of {estate.name} ({codes}), judged at {format_moment(run.reference)}"]
    if run.facts_from:
        lines.append(f"Facts were read from {run.facts_from}, seen at {format_moment(seen_at(assessment))}; this run looked at no target itself")
    return lines


def seen_at(assessment: Assessment) -> datetime:
    """When the targets were looked at (UTC): the moment that is judged, unless this run looked for itself and was told to judge another one."""
    run = assessment.run
    return run.started if run.as_of and not run.facts_from else assessment.facts.at


def provenance(assessment: Assessment) -> list[str]:
    """Which program judged which file in which run."""
    estate, run = assessment.estate, assessment.run
    lines = [f"drcheck {run.version}, run {run.id}, estate {estate.file} ({estate.digest or 'no digest'})"]
    if run.plugins:
        lines.append("Plugins trusted: " + ", ".join(f"{name} {version}" for name, version in run.plugins))
    return lines


def sampling_lines(assessment: Assessment) -> list[str]:
    """What chose the objects that were read, for whoever wants to see that nobody chose them; empty where no store is kept."""
    sampling = assessment.facts.sampling
    if sampling is None:
        return []
    return [f"Objects were drawn with the seed {sampling.seed}; the next run's has the SHA-256 {sampling.committed}"]


def counts(assessment: Assessment) -> str:
    """All five counts, and how many of them were accepted for now."""
    found = assessment.counts()
    order = (Outcome.FAIL, Outcome.ERROR, Outcome.UNKNOWN, Outcome.PASS, Outcome.NOT_APPLICABLE)
    return "Findings: " + ", ".join(f"{found[outcome]} {outcome}" for outcome in order) + f"; {waived(assessment)} of them waived"


def waived(assessment: Assessment) -> int:
    """How many findings are no pass and were accepted."""
    return sum(accepted(finding.outcome, finding.waiver) for finding in assessment.findings)


def subject_name(subject: Subject) -> str:
    """A subject with its kind; a copy says what it is by itself."""
    return subject.id if subject.kind is SubjectKind.COPY else f"{subject.kind} {subject.id}"


def known_by(assurance: Source | None, depth: Depth) -> tuple[str, str]:
    """How a finding is known and how hard was looked, in a word each."""
    return str(assurance) if assurance else "not known", "not looked" if depth is Depth.NONE else str(depth)


def asked_by(row: FindingRow) -> list[str]:
    """Each control that asked, with its clause, and with its severity where that is not the row's."""
    return [
        f"{finding.policy} {finding.control}"
        + (f" ({finding.clause})" if finding.clause else "")
        + ("" if finding.severity is row.severity else f", {finding.severity}")
        for finding in row.asked_by
    ]


def waiver_text(waiver: Waiver) -> str:
    """Who accepted it, until when and why."""
    return f"waived by {waiver.owner} until {waiver.until.isoformat()}: {waiver.reason}"


def fact_text(fact: FactUsed) -> str:
    """A fact that a finding rests on, with how and when it was learnt, or why it is missing."""
    if fact.reason is not None:
        return f"{fact.name}: not known, {fact.reason}" + (f": {fact.detail}" if fact.detail else "")
    origin = ", ".join(part for part in (str(fact.source or ""), format_moment(fact.at) if fact.at else "") if part)
    return f"{fact.name}: {fact.value}" + (f" ({origin})" if origin else "") + (f"; {fact.detail}" if fact.detail else "")


def where(row: CopyRow) -> tuple[str, str]:
    """The site of a copy, and whether that is another than production's."""
    return row.place.site, "OFF-SITE" if row.place.offsite else "on-site"


def freshness(row: CopyRow) -> tuple[str, ...]:
    """The age and moment of the newest usable recovery point, or why there is none."""
    if isinstance(row.points, Unobserved):
        return "unknown", str(row.points.reason)
    if row.newest is None or row.age is None:
        return ("NONE",)
    return f"{format_duration(row.age)} old", format_moment(row.newest.time)


def point_count(row: CopyRow) -> tuple[str, ...]:
    """How many recovery points can be restored from, how many there are besides, and the size of all."""
    if isinstance(row.points, Unobserved) or row.finished is None:
        return ("unknown",)
    besides = f" + {row.unfinished} unusable" if row.unfinished else ""
    return f"{row.finished}{besides}", format_size(row.points.value.bytes)


def verified(row: CopyRow) -> tuple[str, ...]:
    """How much of a copy was read and compared, how deeply, and what came of it; with a rotation how far it has come, and when it ends."""
    if isinstance(row.verification, Unobserved):
        return "unknown", str(row.verification.reason)
    value = row.verification.value
    parts = [f"{value.bad} BAD"] if value.bad else []
    if value.rotation is None:
        parts.append(f"{value.objects_read} of {value.objects_total} objects")
    else:
        parts += [_cycle(value, row.reference), f"{value.objects_read:,} of {value.objects_total:,} objects tonight"]
    parts.append(f"{value.depth}, {format_size(value.bytes_read)}")
    if value.rotation is not None:
        parts += [f"oldest {value.rotation.oldest_read:%Y-%m-%d}"] if value.rotation.oldest_read else []
        parts += [f"all by {value.rotation.ends:%Y-%m-%d}"] if value.rotation.ends else []
        parts += [f"{value.rotation.left:,} LATE"] if value.rotation.left > 0 else []
    return (*parts, f"stopped: {value.stopped.reason}") if value.stopped is not None else tuple(parts)


def verified_briefly(row: CopyRow) -> tuple[str, ...]:
    """The same in a few words. Where not even the points are known, the reason is told with them."""
    if isinstance(row.verification, Unobserved):
        return ("unknown",) if isinstance(row.points, Unobserved) else ("unknown", str(row.verification.reason))
    value = row.verification.value
    parts = [f"{value.bad} BAD"] if value.bad else []
    if value.rotation is None:
        parts.append(f"{value.objects_read} of {value.objects_total} {value.depth}")
    else:
        parts += [_cycle(value, row.reference), f"{value.objects_read:,} of {value.objects_total:,} tonight"]
    return (*parts, f"stopped: {value.stopped.reason}") if value.stopped is not None else tuple(parts)


def _cycle(value: Verification, now: datetime) -> str:
    cycle = f" of {format_duration(value.rotation.cycle)} cycle" if value.rotation else ""
    return percent_at_least(value.share_done(now)) + cycle


def document_words(policy: PolicyUsed) -> tuple[str, str]:
    """A pack by its id and version; and the document and its version that it follows."""
    return f"{policy.id} {policy.version}", ", ".join(part for part in (policy.document, policy.document_version) if part)


def policy_lines(policy: PolicyUsed) -> tuple[str, str]:
    """A pack in a line, and the document that it follows."""
    document = " ".join(part for part in (policy.document, policy.document_version) if part)
    return f"{policy.id} {policy.version}: {policy.title}", f"{policy.issuer}, {document}" + (f", {policy.url}" if policy.url else "")


def control_text(control: ControlUsed) -> str:
    """A control with its clause, what it is bound to, how much it matters and how sure its reading is."""
    clause = f" ({control.clause})" if control.clause else ""
    return f"{control.id}{clause}: {control.title}; {control.check}, {control.severity}, {control.sure}"


def own_choices(policy: PolicyUsed) -> list[str]:
    """The numbers and choices that drcheck or the estate made where the issuer's text makes none, each with the controls that use it."""
    return _choices([(control, name, value) for control in policy.controls for name, value in control.our_parameters])


def own_choices_note(assessment: Assessment) -> str:
    """That some parameters are no document's, for a report that does not list them; empty where there are none."""
    ours = sum(len(control.our_parameters) for policy in assessment.policies for control in policy.controls)
    note = "drcheck's or the estate's choice, not a document's; --wide lists them, with clauses and links."
    return f"{number_of(ours, 'parameter is', 'parameters are')} {note}" if ours else ""


def issuer_choices(policy: PolicyUsed) -> list[str]:
    """The numbers and choices that the issuer's text gives, each with the controls that use it."""
    return _choices([(control, name, value) for control in policy.controls for name, value in control.issuer_parameters])


def _choices(parameters: list[tuple[ControlUsed, str, str]]) -> list[str]:
    users: dict[tuple[str, str], list[str]] = {}
    for control, name, value in parameters:
        users.setdefault((name, value), []).append(control.id)
    return [f"{name} = {value} ({', '.join(ids)})" for (name, value), ids in users.items()]
