"""The report for code scanning and result viewers: SARIF 2.1.0 (OASIS, with errata 01), one result a finding, whatever its outcome."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from drcheck.clock import format_moment
from drcheck.model import Assessment, ControlUsed, Finding, Interval, Outcome, Past, PolicyUsed, Severity, printable
from drcheck.reports.base import ReportOptions
from drcheck.reports.one_a_line import json_parts
from drcheck.reports.rows import accepted, worst_first
from drcheck.reports.stable_ids import finding_key, fingerprint, key_parts, run_id, stable_id
from drcheck.reports.wording import caution, fact_text, subject_name, waiver_text

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "drcheckFinding/v1"
_LEVELS = 4
"""From the log down to each result."""
_KINDS = {
    Outcome.PASS: "pass",
    Outcome.FAIL: "fail",
    Outcome.UNKNOWN: "open",
    Outcome.ERROR: "open",
    Outcome.NOT_APPLICABLE: "notApplicable",
}
"""Kinds of results (3.27.9). `open` is "insufficient information to decide"; that an error is a bug, the invocation says too."""
_SEVERITY_LEVELS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}
_SCORES = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.5"}
"""What GitHub sorts by: over 9.0 is critical to it, 7.0 high, 4.0 medium, 0.1 low."""
_WEB = re.compile(r"https?://[!#$%&'()*+,/:;=?@A-Za-z0-9._~-]+")


def sarif(assessment: Assessment, options: ReportOptions) -> str:
    """
    The findings as one SARIF run. `only` is honoured, for GitHub shows results of every kind as alerts; the counts are of everything.

    With a past, each result says how it stands beside the night before, and those that are judged no more are `absent`.
    """
    return "".join(sarif_parts(assessment, options))


def sarif_parts(assessment: Assessment, options: ReportOptions) -> Iterator[str]:
    """The same, part by part."""
    past = options.past
    rules = _rules(assessment)
    order = {rule: place for place, rule in enumerate(rules)}
    guid = {"baselineGuid": stable_id("run", past.nights[-1].run)} if past is not None and past.nights else {}
    return json_parts(
        {
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [
                {
                    "tool": {"driver": _driver(assessment, rules)},
                    "automationDetails": {
                        "id": f"drcheck/{printable(assessment.estate.organisation)}/{printable(assessment.run.id)}",
                        "guid": stable_id("run", assessment.run.id),
                    },
                    **guid,
                    "invocations": [_invocation(assessment)],
                    "columnKind": "unicodeCodePoints",
                    "properties": _summary(assessment),
                    "results": _results(assessment, options, order),
                }
            ],
        },
        _LEVELS,
    )


def _driver(assessment: Assessment, rules: Mapping[str, tuple[PolicyUsed | None, ControlUsed | None, Severity]]) -> dict[str, Any]:
    return {
        "name": "drcheck",
        "version": printable(assessment.run.version),
        "shortDescription": {"text": "Checks that backups are off-site, fresh, intact and restorable, against published guidance."},
        "rules": [_rule(rule, *what) for rule, what in rules.items()],
    }


def _rules(assessment: Assessment) -> dict[str, tuple[PolicyUsed | None, ControlUsed | None, Severity]]:
    """Every control by its rule's id: those of the policies, and any that only a finding names."""
    found: dict[str, tuple[PolicyUsed | None, ControlUsed | None, Severity]] = {}
    for policy in assessment.policies:
        for control in policy.controls:
            found.setdefault(_rule_id(policy.id, control.id), (policy, control, control.severity))
    rules = {(finding.policy, finding.control): _rule_id(finding.policy, finding.control) for finding in assessment.findings}
    unnamed = sorted(set(rules.values()) - set(found))
    return found | dict.fromkeys(unnamed, (None, None, Severity.HIGH))


@lru_cache(10_000)
def _rule_id(policy: str, control: str) -> str:
    # No `/`: it would make the control a part of a rule called as the policy (3.5.4).
    return f"{printable(policy)}:{printable(control)}"


def _rule(rule: str, policy: PolicyUsed | None, control: ControlUsed | None, severity: Severity) -> dict[str, Any]:
    described: dict[str, Any] = {"id": rule, "defaultConfiguration": {"level": _SEVERITY_LEVELS[severity]}}
    if policy is not None and control is not None:
        clause = f"{control.clause} of " if control.clause else ""
        source = f"{clause}{policy.document or policy.title}, {policy.issuer}"
        described["shortDescription"] = {"text": _message(control.title) or rule}
        described["fullDescription"] = {"text": _message(f"{control.title}: {source}; judged by {control.check}")}
        if _WEB.fullmatch(policy.url):
            described["helpUri"] = policy.url
    described["properties"] = {"security-severity": _SCORES[severity], "tags": ["backup", "compliance"]}
    return described


def _invocation(assessment: Assessment) -> dict[str, Any]:
    run = assessment.run
    notices = [("warning", text) for text in (caution(assessment), *assessment.notes) if text]
    notices += [("error", f"{finding.check} crashed on {subject_name(finding.subject)}: {finding.message}") for finding in _errors(assessment)]
    if not assessment.findings:
        notices.append(("error", "Nothing was judged."))
    return {
        "executionSuccessful": not _errors(assessment),
        "exitCode": assessment.exit_code,
        "startTimeUtc": format_moment(run.started),
        "endTimeUtc": format_moment(run.finished),
        "toolExecutionNotifications": [{"level": level, "message": {"text": _message(text)}} for level, text in notices],
    }


def _errors(assessment: Assessment) -> list[Finding]:
    return worst_first(assessment.findings, {Outcome.ERROR}) if assessment.counts()[Outcome.ERROR] else []


def _summary(assessment: Assessment) -> dict[str, Any]:
    return {
        "organisation": printable(assessment.estate.organisation),
        "estate": printable(assessment.estate.file),
        "judgedAt": format_moment(assessment.run.reference),
        "asOf": assessment.run.as_of,
        "rehearsal": assessment.estate.rehearsal,
        "counts": {str(outcome): count for outcome, count in assessment.counts().items()},
    }


def _results(assessment: Assessment, options: ReportOptions, order: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    past = options.past
    for finding in worst_first(assessment.findings, options.only):
        yield _result(assessment, finding, order, past)
    if past is None:
        return
    keys = {(finding.policy, finding.control, finding.subject) for finding in assessment.findings}
    gone = [then for key, then in past.before.items() if key not in keys and (not options.only or then.outcome in options.only)]
    for then in sorted(gone, key=lambda one: key_parts(*one.key)):
        yield _absent(assessment, then)


def _result(assessment: Assessment, finding: Finding, order: Mapping[str, int], past: Past | None) -> dict[str, Any]:
    rule = _rule_id(finding.policy, finding.control)
    result: dict[str, Any] = {
        "ruleId": rule,
        "ruleIndex": order[rule],
        "kind": _KINDS[finding.outcome],
        "level": _SEVERITY_LEVELS[finding.severity] if finding.outcome is Outcome.FAIL else "none",
        "message": {"text": _words(finding)},
        "locations": [_location(assessment, finding.policy, finding.subject.kind, finding.subject.id)],
        "guid": run_id(assessment, "finding", *finding_key(finding)),
        "partialFingerprints": {FINGERPRINT: fingerprint(assessment.estate.organisation, finding_key(finding))},
        "suppressions": _suppressions(assessment, finding),
        "properties": {
            "outcome": finding.outcome,
            "severity": finding.severity,
            "check": printable(finding.check),
            "clause": printable(finding.clause),
            "assurance": finding.assurance or "not known",
            "depth": finding.depth,
            "facts": [printable(fact_text(fact)) for fact in finding.facts],
            "remediation": printable(finding.remediation),
        },
    }
    if past is not None:
        result["baselineState"] = _state(finding, past)
        since = past.since.get((finding.policy, finding.control, finding.subject))
        if since is not None:
            result["properties"]["since"] = format_moment(since)
    return result


def _state(finding: Finding, past: Past) -> str:
    then = past.before.get((finding.policy, finding.control, finding.subject))
    if then is None:
        return "new"
    same = (then.outcome, then.severity, then.waived) == (finding.outcome, finding.severity, finding.waived)
    return "unchanged" if same else "updated"


def _absent(assessment: Assessment, then: Interval) -> dict[str, Any]:
    key = key_parts(*then.key)
    return {
        "ruleId": _rule_id(then.policy, then.control),
        "kind": _KINDS[then.outcome],
        "level": _SEVERITY_LEVELS[then.severity] if then.outcome is Outcome.FAIL else "none",
        "message": {"text": _message(f"No longer judged: {subject_name(then.subject)}. It was {then.outcome} on the night before.")},
        "locations": [_location(assessment, then.policy, then.subject.kind, then.subject.id)],
        "partialFingerprints": {FINGERPRINT: fingerprint(assessment.estate.organisation, key)},
        "suppressions": [],
        "baselineState": "absent",
        "properties": {"outcomeBefore": then.outcome},
    }


def _words(finding: Finding) -> str:
    waived = f" ({waiver_text(finding.waiver)})" if finding.waiver and accepted(finding.outcome, finding.waiver) else ""
    return _message(f"{finding.outcome.upper()}: {subject_name(finding.subject)}: {finding.message}{waived}")


def _message(text: str) -> str:
    """The text as a SARIF message: braces would be placeholders (3.11.5), and what looks like a link would be one (3.11.6)."""
    return printable(text).replace("{", "{{").replace("}", "}}").replace("](", "] (")


def _location(assessment: Assessment, policy: str, kind: str, name: str) -> dict[str, Any]:
    """The pack's file, as it lies in an evidence pack too, and the thing that was judged."""
    return {
        "physicalLocation": {"artifactLocation": {"uri": _pack_file(policy)}, "region": {"startLine": 1}},
        "logicalLocations": [
            {
                "name": printable(name),
                "fullyQualifiedName": f"{printable(assessment.estate.organisation)}/{kind}/{printable(name)}",
                "kind": "resource",
            }
        ],
    }


@lru_cache(10_000)
def _pack_file(policy: str) -> str:
    return f"policies/{quote(printable(policy), safe='')}.toml"


def _suppressions(assessment: Assessment, finding: Finding) -> list[dict[str, Any]]:
    waiver = finding.waiver
    if waiver is None or not accepted(finding.outcome, waiver):
        # Not left out: where one result says whether it is suppressed, all must (3.27.23).
        return []
    return [
        {
            "kind": "external",
            "status": "accepted",
            "justification": printable(waiver_text(waiver)),
            "guid": run_id(assessment, "waiver", *finding_key(finding)),
            "properties": {"owner": printable(waiver.owner), "until": waiver.until.isoformat()},
        }
    ]
