"""
The report for security data lakes: OCSF events of the class Compliance Finding (2003), one a finding, as one JSON array.

Written for version 1.5.0 of the schema (schema.ocsf.io), which later versions 1.x accept too. Moments are milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from drcheck.clock import format_moment
from drcheck.model import (
    EXIT_UNKNOWN,
    Assessment,
    ControlUsed,
    FactUsed,
    Finding,
    Interval,
    Outcome,
    Past,
    PolicyUsed,
    Severity,
    SubjectKind,
    printable,
)
from drcheck.reports.base import ReportOptions
from drcheck.reports.one_a_line import json_parts
from drcheck.reports.rows import accepted, worst_first
from drcheck.reports.stable_ids import finding_key, key_parts, run_id, stable_id
from drcheck.reports.wording import caution, subject_name, waiver_text

VERSION = "1.5.0"
CREATE, UPDATE, CLOSE = 1, 2, 3
_ACTIVITIES = {CREATE: "Create", UPDATE: "Update", CLOSE: "Close"}
_CLASS = 2003
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_COMPLIANCE = {
    Outcome.PASS: (1, "Pass"),
    Outcome.FAIL: (3, "Fail"),
    # The schema's "Warning" is "did not yield a result due to missing information".
    Outcome.UNKNOWN: (2, "Warning"),
    Outcome.ERROR: (99, "Error"),
    Outcome.NOT_APPLICABLE: (99, "Not Applicable"),
}
_SEVERITIES = {Severity.LOW: (2, "Low"), Severity.MEDIUM: (3, "Medium"), Severity.HIGH: (4, "High"), Severity.CRITICAL: (5, "Critical")}
_SETTLED = frozenset({Outcome.PASS, Outcome.NOT_APPLICABLE})


def ocsf(assessment: Assessment, options: ReportOptions) -> str:
    """
    One event a finding, worst first. With a past, what was open and is settled now is closed, and so is what is judged no more, and that nothing was
    judged where something is again.

    A finding keeps its `finding_info.uid` from night to night; `metadata.uid` is that of the event.
    """
    return "".join(ocsf_parts(assessment, options))


def ocsf_parts(assessment: Assessment, options: ReportOptions) -> Iterator[str]:
    """The same, part by part."""
    controls = {(policy.id, control.id): (policy, control) for policy in assessment.policies for control in policy.controls}
    return json_parts(_events(assessment, options.past, controls), 1)


def _events(
    assessment: Assessment, past: Past | None, controls: Mapping[tuple[str, str], tuple[PolicyUsed, ControlUsed]]
) -> Iterator[dict[str, Any]]:
    common = _Common(assessment)
    for finding in worst_first(assessment.findings, ()):
        yield _event(common, finding, past, controls.get((finding.policy, finding.control)))
    last = past.nights[-1] if past is not None and past.nights else None
    nothing = _judged_nothing(assessment.exit_code, assessment.counts())
    before = last is not None and _judged_nothing(last.exit_code, dict(last.counts))
    if nothing or before:
        yield _nothing(common, (UPDATE if before else CREATE) if nothing else CLOSE)
    if past is not None:
        judged = {(finding.policy, finding.control, finding.subject) for finding in assessment.findings}
        for then in sorted((then for key, then in past.before.items() if key not in judged), key=lambda one: key_parts(*one.key)):
            yield _closed(common, then)


class _Common:
    """What is the same in every event of an assessment."""

    def __init__(self, assessment: Assessment) -> None:
        run, estate = assessment.run, assessment.estate
        self.assessment = assessment
        self.time = _milliseconds(run.reference)
        self.product = {"name": "drcheck", "vendor_name": "drcheck", "version": printable(run.version)}
        self.run = printable(run.id)
        self.logged = _milliseconds(run.finished)
        self.organisation = printable(estate.organisation)
        self.unmapped: dict[str, Any] = {"run": self.run, "estate_digest": printable(estate.digest)}
        if caution(assessment):
            self.unmapped["caution"] = caution(assessment)

    def fields(self, activity: int, key: tuple[str, ...]) -> dict[str, Any]:
        """The fields of the base event."""
        return {
            "activity_id": activity,
            "activity_name": _ACTIVITIES[activity],
            "category_uid": _CLASS // 1000,
            "category_name": "Findings",
            "class_uid": _CLASS,
            "class_name": "Compliance Finding",
            "type_uid": _CLASS * 100 + activity,
            "type_name": f"Compliance Finding: {_ACTIVITIES[activity]}",
            "time": self.time,
            "metadata": {
                "version": VERSION,
                "product": self.product,
                "uid": run_id(self.assessment, "event", *key),
                "correlation_uid": self.run,
                "logged_time": self.logged,
                "tenant_uid": self.organisation,
            },
        }

    def uid(self, key: tuple[str, ...]) -> str:
        """What a finding is called on every night."""
        return stable_id("finding", self.assessment.estate.organisation, *key)


def _event(common: _Common, finding: Finding, past: Past | None, used: tuple[PolicyUsed, ControlUsed] | None) -> dict[str, Any]:
    key = finding_key(finding)
    then = past.before.get((finding.policy, finding.control, finding.subject)) if past is not None else None
    activity = _activity(finding, then)
    waived = accepted(finding.outcome, finding.waiver)
    event = common.fields(activity, key)
    event["severity_id"], event["severity"] = (1, "Informational") if finding.outcome in _SETTLED else _SEVERITIES[finding.severity]
    event["status_id"], event["status"] = _status(finding.outcome, activity, waived=waived)
    event["message"] = _text(f"{finding.outcome.upper()}: {subject_name(finding.subject)}: {finding.message}")
    event["finding_info"] = _info(common, finding, past, used, key)
    event["compliance"] = _compliance(finding, used)
    event["resources"] = [_resource(common, finding.subject.kind, finding.subject.id)]
    if finding.facts:
        event["evidences"] = [{"data": {"facts": [_fact(fact) for fact in finding.facts]}}]
    if finding.remediation:
        event["remediation"] = {"desc": _text(finding.remediation)}
    if waived and finding.waiver is not None:
        event["comment"] = _text(waiver_text(finding.waiver))
    event["unmapped"] = common.unmapped | {
        "outcome": finding.outcome,
        "severity": finding.severity,
        "assurance": finding.assurance or "not known",
        "depth": finding.depth,
        "waived": waived,
    }
    return event


def _judged_nothing(exit_code: int, counts: Mapping[Outcome, int]) -> bool:
    return exit_code == EXIT_UNKNOWN and not any(count for outcome, count in counts.items() if outcome is not Outcome.NOT_APPLICABLE)


def _nothing(common: _Common, activity: int) -> dict[str, Any]:
    """That nothing was judged, or is judged again: to whoever keeps events, none at all would look like a good night."""
    again = activity == CLOSE
    words = "Something is judged again; on the night before, nothing was." if again else "Nothing was judged, so nothing is known."
    key = ("", "something was judged", SubjectKind.ESTATE, common.organisation)
    event = common.fields(activity, key)
    event["severity_id"], event["severity"] = (1, "Informational") if again else _SEVERITIES[Severity.HIGH]
    event["status_id"], event["status"] = (4, "Resolved") if again else _status(Outcome.UNKNOWN, activity, waived=False)
    event["message"] = words
    event["finding_info"] = {"uid": common.uid(key), "title": "Nothing was judged"}
    status_id, status = _COMPLIANCE[Outcome.PASS if again else Outcome.UNKNOWN]
    event["compliance"] = {
        "standards": ["drcheck"],
        "control": "something was judged",
        "status_id": status_id,
        "status": status,
        "status_details": [words],
    }
    event["resources"] = [_resource(common, SubjectKind.ESTATE, common.organisation)]
    event["unmapped"] = common.unmapped
    return event


def _closed(common: _Common, then: Interval) -> dict[str, Any]:
    """What the night before had and this one judges no more: closed, and nothing is said of whether it is well."""
    key = key_parts(*then.key)
    words = f"No longer judged: {subject_name(then.subject)}. It was {then.outcome} on the night before."
    event = common.fields(CLOSE, key)
    event["severity_id"], event["severity"] = 1, "Informational"
    event["status_id"], event["status"] = 5, "Archived"
    event["message"] = _text(words)
    event["finding_info"] = {"uid": common.uid(key), "title": _text(f"{then.control}: {subject_name(then.subject)}")}
    event["compliance"] = {
        "standards": [_text(then.policy)],
        "control": _text(then.control),
        "status_id": 0,
        "status": "Unknown",
        "status_details": [_text(words)],
    }
    event["resources"] = [_resource(common, then.subject.kind, then.subject.id)]
    event["unmapped"] = common.unmapped | {"outcome_before": then.outcome}
    return event


def _activity(finding: Finding, then: Interval | None) -> int:
    settled = finding.outcome in _SETTLED
    if then is None:
        return CREATE
    if then.outcome in _SETTLED:
        return UPDATE if settled else CREATE
    return CLOSE if settled else UPDATE


def _status(outcome: Outcome, activity: int, *, waived: bool) -> tuple[int, str]:
    if waived:
        return 3, "Suppressed"
    if outcome is Outcome.PASS:
        return 4, "Resolved"
    if outcome is Outcome.NOT_APPLICABLE:
        return 99, "Not Applicable"
    return (2, "In Progress") if activity == UPDATE else (1, "New")


def _info(common: _Common, finding: Finding, past: Past | None, used: tuple[PolicyUsed, ControlUsed] | None, key: tuple[str, ...]) -> dict[str, Any]:
    title = used[1].title if used is not None else finding.control
    info: dict[str, Any] = {
        "uid": common.uid(key),
        "title": _text(f"{title}: {subject_name(finding.subject)}"),
        "desc": _text(finding.message),
        "types": ["Backup and recovery"],
        "last_seen_time": common.time,
    }
    since = past.since.get((finding.policy, finding.control, finding.subject)) if past is not None else None
    if since is not None:
        info["first_seen_time"] = _milliseconds(since)
    return info


def _compliance(finding: Finding, used: tuple[PolicyUsed, ControlUsed] | None) -> dict[str, Any]:
    status_id, status = _COMPLIANCE[finding.outcome]
    standard = printable(finding.policy)
    found: dict[str, Any] = {}
    if used is not None:
        policy, control = used
        standard = " ".join(part for part in (policy.document or policy.title, policy.document_version) if part)
        found["desc"] = _text(control.title)
        parameters = (*control.issuer_parameters, *control.our_parameters)
        if parameters:
            found["control_parameters"] = [{"name": _text(name), "value": _text(value)} for name, value in parameters]
    return {
        "standards": [_text(standard)],
        "control": _text(f"{finding.policy}/{finding.control}"),
        "requirements": [_text(finding.clause)] if finding.clause else [],
        "status_id": status_id,
        "status": status,
        "status_details": [_text(finding.message)],
        "checks": [{"uid": _text(finding.check), "name": _text(finding.check), "status_id": status_id, "status": status}],
        **found,
    }


def _resource(common: _Common, kind: str, name: str) -> dict[str, Any]:
    return {"uid": f"{common.organisation}/{kind}/{printable(name)}", "name": _text(name), "type": kind}


def _fact(fact: FactUsed) -> dict[str, Any]:
    known = {"value": _text(fact.value)} if fact.reason is None else {"missing": fact.reason}
    source = {"source": fact.source} if fact.source is not None else {}
    at = {"at": format_moment(fact.at)} if fact.at is not None else {}
    return {"name": _text(fact.name), **known, **source, **at} | ({"detail": _text(fact.detail)} if fact.detail else {})


def _text(text: str) -> str:
    """The text as one that can be shown, and never empty, which some readers take for missing."""
    return printable(text) or "-"


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
