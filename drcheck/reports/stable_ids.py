"""Identifiers that are made of what they name, so that a report made again has the same ones (RFC 9562, section 5.5: UUID version 5)."""

from __future__ import annotations

import hashlib
import json
import uuid

from drcheck.model import Assessment, Finding, Subject

_NAMESPACE = uuid.UUID("6f1c1bd4-6a2e-5d0b-9c43-6a1f0e3f7f52")
"""drcheck's own. It must never change: whoever keeps reports knows a thing again by it."""


def stable_id(*parts: str) -> str:
    """The identifier of whatever `parts` name, told apart by each of them; any text will do."""
    # As JSON: no two lists of parts give the same text, and it is ASCII whatever is in them.
    return str(uuid.uuid5(_NAMESPACE, json.dumps(parts)))


def run_id(assessment: Assessment, kind: str, *parts: str) -> str:
    """The identifier of something of a kind in this one run."""
    return stable_id(kind, assessment.run.id, *parts)


def finding_key(finding: Finding) -> tuple[str, ...]:
    """Policy, control and subject of a finding as texts: what it is of, night after night."""
    return key_parts(finding.policy, finding.control, finding.subject)


def key_parts(policy: str, control: str, subject: Subject) -> tuple[str, ...]:
    """The same, of what is no finding any more."""
    return policy, control, subject.kind, subject.id


def fingerprint(organisation: str, key: tuple[str, ...]) -> str:
    """The SHA-256 (hex) of what a finding is of in one organisation: equal on every night."""
    return hashlib.sha256(json.dumps((organisation, *key)).encode()).hexdigest()
