"""
The report for compliance platforms: OSCAL assessment results (NIST, version 1.2.1, JSON).

Facts are observations, whose method tells what was observed from what was only declared; findings are findings; accepted failures are risks besides.
OSCAL has no word for "unknown": such a finding is not satisfied, for the reason `other`, and says `unknown` in a property.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

from drcheck.model import Assessment, Depth, FactUsed, Finding, Observed, Outcome, PolicyUsed, Source, Subject, SubjectKind, Waiver, printable
from drcheck.reports.base import ReportOptions
from drcheck.reports.one_a_line import json_parts
from drcheck.reports.oscal_subjects import Subjects
from drcheck.reports.oscal_words import end_of, line, moment, present, properties, string, token
from drcheck.reports.rows import accepted, worst_first
from drcheck.reports.stable_ids import finding_key, run_id
from drcheck.reports.wording import caution, document_words, seen_at, subject_name, waiver_text

VERSION = "1.2.1"
_LEVELS = 5
"""From the document down to each observation, risk and finding."""
_STATES = {
    Outcome.PASS: ("satisfied", "pass"),
    Outcome.FAIL: ("not-satisfied", "fail"),
    Outcome.UNKNOWN: ("not-satisfied", "other"),
    Outcome.ERROR: ("not-satisfied", "other"),
    Outcome.NOT_APPLICABLE: ("satisfied", "other"),
}
_READ = frozenset({Depth.SAMPLED, Depth.READ, Depth.RESTORED, Depth.PROVEN})
_METHODS = {Source.OBSERVED: "EXAMINE", Source.CONFIGURED: "EXAMINE", Source.ATTESTED: "EXAMINE", Source.DECLARED: "INTERVIEW"}
_SHA256 = re.compile(r"sha256:([0-9a-f]{64})")
_WEB = re.compile(r"https?://[!#$%&'()*+,/:;=?@A-Za-z0-9._~-]+")
_FactKey = tuple[Subject, FactUsed, str]


def oscal(assessment: Assessment, options: ReportOptions) -> str:
    """The whole assessment as one OSCAL document; no option leaves anything out."""
    return "".join(oscal_parts(assessment, options))


def oscal_parts(assessment: Assessment, _: ReportOptions) -> Iterator[str]:
    """The same, part by part."""
    return json_parts({"assessment-results": _document(assessment)}, _LEVELS)


def _document(assessment: Assessment) -> dict[str, Any]:
    estate, run = assessment.estate, assessment.run
    subjects = Subjects(assessment)
    return {
        "uuid": run_id(assessment, "assessment-results"),
        "metadata": {
            "title": line(f"Backups of {estate.name}"),
            "last-modified": moment(run.finished),
            "version": string(run.id),
            "oscal-version": VERSION,
            "parties": [{"uuid": subjects.party, "type": "organization", "name": string(estate.name), "short-name": string(estate.organisation)}],
        },
        "import-ap": {"href": f"#{_estate_id(assessment)}", "remarks": "There is no assessment plan; the estate file says what is assessed."},
        "results": [_result(assessment, subjects)],
        "back-matter": {"resources": [_estate_file(assessment), *_packs(assessment)]},
    }


def _result(assessment: Assessment, subjects: Subjects) -> dict[str, Any]:
    run, findings = assessment.run, worst_first(assessment.findings, ())
    observed = _observed(assessment, findings)
    told = [caution(assessment), *assessment.notes, "" if findings else "Nothing was judged."]
    counts = {str(outcome).replace("-", "_"): str(count) for outcome, count in assessment.counts().items()}
    result = present(
        uuid=run_id(assessment, "result"),
        title=line(f"drcheck run {run.id}"),
        description=line(f"What {run.version} of drcheck saw of the backups of {assessment.estate.name}, and how it was judged."),
        start=moment(run.started),
        end=moment(run.finished),
        props=properties(
            judged_at=moment(run.reference) or "",
            as_of="yes" if run.as_of else "no",
            rehearsal="yes" if assessment.estate.rehearsal else "no",
            exit_code=str(assessment.exit_code),
            **counts,
        ),
        local_definitions=subjects.definitions(),
        reviewed_controls={"control-selections": _selections(assessment)},
        remarks="\n\n".join(line(text) for text in told if text),
    )
    if observed:
        expiries = _expiries(assessment)
        result["observations"] = (_observation(assessment, key, uuid, subjects, expiries) for key, uuid in observed.items())
    if any(accepted(finding.outcome, finding.waiver) for finding in findings):
        result["risks"] = _risks(assessment, findings, subjects)
    if findings:
        result["findings"] = (_finding(assessment, finding, subjects, observed) for finding in findings)
    return result


def _selections(assessment: Assessment) -> list[dict[str, Any]]:
    """The controls of each policy, or, where there are none, all that there are."""
    found = []
    for place, policy in enumerate(assessment.policies):
        if policy.controls:
            controls = dict.fromkeys(token(control.id) for control in policy.controls)
            found.append(
                {
                    "description": line(policy.title),
                    "links": [{"href": f"#{_pack_id(assessment, place)}", "rel": "reference"}],
                    "include-controls": [{"control-id": control} for control in controls],
                }
            )
    return found or [{"include-all": {}}]


def _observed(assessment: Assessment, findings: list[Finding]) -> dict[_FactKey, str]:
    """The facts that findings rest on, each once for a subject however many findings it serves, with the identifiers of their observations."""
    found: dict[_FactKey, str] = {}
    for finding in findings:
        for fact in finding.facts:
            key = finding.subject, fact, _method(fact, finding.depth)
            if key not in found:
                found[key] = _observation_id(assessment, *key)
    return found


def _observation(assessment: Assessment, key: _FactKey, uuid: str, subjects: Subjects, expiries: dict[str, datetime]) -> dict[str, Any]:
    subject, fact, method = key
    declared = fact.source is Source.DECLARED
    value = fact.value if fact.reason is None else f"not known, {fact.reason}"
    expires = expiries.get(_copy_verified(subject, fact))
    return present(
        uuid=uuid,
        description=line(f"{subject_name(subject)}: {fact.name}: {value}" + (f"; {fact.detail}" if fact.detail else "")),
        props=properties(fact=fact.name, source=fact.source or "", missing=fact.reason or ""),
        methods=[method],
        types=["control-objective"],
        origins=[{"actors": [{"type": "party" if declared else "tool", "actor-uuid": subjects.party if declared else subjects.tool}]}],
        subjects=[subjects.reference(subject)],
        collected=(moment(fact.at) if fact.at is not None else None) or moment(seen_at(assessment)),
        expires=moment(expires) if expires is not None else None,
    )


def _observation_id(assessment: Assessment, subject: Subject, fact: FactUsed, method: str) -> str:
    at = fact.at.isoformat() if fact.at is not None else ""
    return run_id(
        assessment, "observation", subject.kind, subject.id, fact.name, fact.value, fact.source or "", at, fact.reason or "", fact.detail, method
    )


def _method(fact: FactUsed, depth: Depth) -> str:
    """
    How a fact was learnt, in the words of NIST SP 800-53A: TEST where bytes were read or restored, EXAMINE where a place or a record was looked at,
    INTERVIEW where somebody says so, UNKNOWN where it was not learnt.
    """
    if fact.source is None or fact.reason is not None:
        return "UNKNOWN"
    return "TEST" if fact.source is Source.OBSERVED and depth in _READ else _METHODS[fact.source]


def _expiries(assessment: Assessment) -> dict[str, datetime]:
    """By copy, when the oldest reading that stands is over its cycle."""
    found = {}
    for copy in assessment.facts.copies:
        rotation = copy.verification.value.rotation if isinstance(copy.verification, Observed) else None
        if rotation is not None and rotation.oldest_read is not None:
            found[f"{copy.system}@{copy.target}"] = rotation.oldest_read + rotation.cycle
    return found


def _copy_verified(subject: Subject, fact: FactUsed) -> str:
    """The copy whose verification a fact is; empty where it is another fact."""
    name, _, copy = fact.name.partition(" of ")
    if name != "verification" or fact.reason is not None:
        return ""
    return subject.id if subject.kind is SubjectKind.COPY else copy


def _risks(assessment: Assessment, findings: list[Finding], subjects: Subjects) -> Iterator[dict[str, Any]]:
    for finding in findings:
        if finding.waiver is not None and accepted(finding.outcome, finding.waiver):
            yield _risk(assessment, finding, finding.waiver, subjects)


def _risk(assessment: Assessment, finding: Finding, waiver: Waiver, subjects: Subjects) -> dict[str, Any]:
    return present(
        uuid=_risk_id(assessment, finding),
        title=line(f"Accepted: {finding.control}, {subject_name(finding.subject)}"),
        description=line(finding.message),
        statement=line(waiver_text(waiver)),
        props=properties(owner=waiver.owner, until=waiver.until.isoformat(), severity=finding.severity),
        status="deviation-approved",
        origins=[{"actors": [{"type": "party", "actor-uuid": subjects.party}]}],
        deadline=end_of(waiver.until),
    )


def _risk_id(assessment: Assessment, finding: Finding) -> str:
    return run_id(assessment, "risk", *finding_key(finding))


def _finding(assessment: Assessment, finding: Finding, subjects: Subjects, observed: dict[_FactKey, str]) -> dict[str, Any]:
    state, reason = _STATES[finding.outcome]
    waived = accepted(finding.outcome, finding.waiver)
    keys = dict.fromkeys((finding.subject, fact, _method(fact, finding.depth)) for fact in finding.facts)
    subject = subjects.reference(finding.subject)
    return present(
        uuid=run_id(assessment, "finding", *finding_key(finding)),
        title=line(f"{finding.control}: {subject_name(finding.subject)}"),
        description=line(finding.message),
        props=properties(
            outcome=finding.outcome,
            severity=finding.severity,
            waived="yes" if waived else "",
            check=finding.check,
            policy=finding.policy,
            clause=finding.clause,
            assurance=finding.assurance or "not known",
            depth=finding.depth,
            subject=subject["subject-uuid"],
        ),
        target={
            "type": "objective-id",
            "target-id": token(finding.control),
            "status": {"state": state, "reason": reason} | ({} if reason != "other" else {"remarks": line(finding.outcome)}),
        },
        related_observations=[{"observation-uuid": observed[key]} for key in keys],
        related_risks=[{"risk-uuid": _risk_id(assessment, finding)}] if waived else None,
        remarks=line(finding.remediation) if finding.remediation else None,
    )


def _estate_id(assessment: Assessment) -> str:
    return run_id(assessment, "estate-file")


def _estate_file(assessment: Assessment) -> dict[str, Any]:
    estate = assessment.estate
    digest = _SHA256.fullmatch(estate.digest)
    link = present(href=quote(printable(estate.file), safe="/") or "-", hashes=_hashes(digest))
    return {"uuid": _estate_id(assessment), "title": "The estate file", "rlinks": [link]}


def _packs(assessment: Assessment) -> Iterator[dict[str, Any]]:
    for place, policy in enumerate(assessment.policies):
        yield present(
            uuid=_pack_id(assessment, place),
            title=line(f"{policy.id} {policy.version}: {policy.title}"),
            citation={"text": line(_cited(policy))},
            rlinks=_pack_links(policy),
        )


def _pack_id(assessment: Assessment, place: int) -> str:
    return run_id(assessment, "pack", str(place))


def _cited(policy: PolicyUsed) -> str:
    return f"{policy.issuer}, {document_words(policy)[1]}"


def _pack_links(policy: PolicyUsed) -> list[dict[str, Any]]:
    own = present(href=f"policies/{quote(printable(policy.id), safe='')}.toml", hashes=_hashes(_SHA256.fullmatch(policy.digest)))
    return [own, *([{"href": policy.url}] if _WEB.fullmatch(policy.url) else [])]


def _hashes(digest: re.Match[str] | None) -> list[dict[str, str]]:
    return [{"algorithm": "SHA-256", "value": digest.group(1)}] if digest else []
