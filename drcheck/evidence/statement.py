"""
What a pack says to machines: an in-toto Statement (github.com/in-toto/attestation, v1) with a test result, in a signed DSSE envelope.

Its subject is the pack's tag manifest, by SHA-256, and through it every file in the pack. Its tests are controls, one entry each and not one for each
finding: so it names no system, and stays small however large the estate is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from drcheck.canonical import canonical_json
from drcheck.errors import EvidenceError
from drcheck.evidence.allowed_signers import AllowedSigners
from drcheck.evidence.dsse import Envelope, pae, read_envelope, read_object, write_envelope
from drcheck.evidence.public_keys import ED25519, signature_blob
from drcheck.evidence.signer import KeySigner
from drcheck.evidence.signing import Signed, Signer, allowed_as
from drcheck.evidence.wire import Reader
from drcheck.model import Assessment, Finding, Outcome
from drcheck.model.assessment import EXIT_FAIL, EXIT_GOOD

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
SUBJECT = "tagmanifest-sha256.txt"
RESULTS = ("PASSED", "WARNED", "FAILED")
_LISTS = ("passedTests", "warnedTests", "failedTests")


@dataclass(frozen=True, slots=True)
class ControlResults:
    """How an assessment, or several of a period, came out, control by control."""

    result: str
    """One of `RESULTS`: FAILED where an unwaived control failed (exit code 10), WARNED where anything is unknown (11), else PASSED."""
    passed: tuple[str, ...]
    """Controls as `POLICY/CONTROL` that passed wherever they apply."""
    warned: tuple[str, ...]
    """Controls of which something is unknown or in error, or a failure is waived."""
    failed: tuple[str, ...]
    """Controls with a failure that nobody waived."""


@dataclass(frozen=True, slots=True)
class Attested:
    """A statement whose signature and subject were checked."""

    signed: Signed
    tested: ControlResults
    configuration: tuple[tuple[str, str], ...]
    """What the tests were run with: file and SHA-256 in hex."""


def tested(assessments: Iterable[Assessment]) -> ControlResults:
    """How these assessments came out: of each control the worst that was found in any of them. A control that applies nowhere is in no list."""
    worst: dict[str, int] = {}
    result = 0
    for assessment in assessments:
        code = assessment.exit_code
        result = max(result, 0 if code == EXIT_GOOD else 2 if code == EXIT_FAIL else 1)
        for finding in assessment.findings:
            if (rank := _rank(finding)) is not None:
                name = f"{finding.policy}/{finding.control}"
                worst[name] = max(worst.get(name, 0), rank)
    lists = (tuple(sorted(name for name, rank in worst.items() if rank == wanted)) for wanted in range(3))
    return ControlResults(RESULTS[result], *lists)


def _rank(finding: Finding) -> int | None:
    match finding.outcome:
        case Outcome.NOT_APPLICABLE:
            return None
        case Outcome.PASS:
            return 0
        case Outcome.FAIL if not finding.waived:
            return 2
    return 1


def attestation(tag_manifest: bytes, found: ControlResults, configuration: Mapping[str, bytes], signer: Signer) -> dict[str, bytes]:
    """
    The file to put beside the pack's signatures, by its path in the pack. Empty where the key is no plain Ed25519 key: of others, such as keys in
    hardware, DSSE's readers do not know the signatures.

    Args:
        tag_manifest: the content of the pack's tagmanifest-sha256.txt.
        configuration: what was judged by, such as policies: path in the pack and content.

    Raises:
        EvidenceError: the key did not sign.
    """
    if not isinstance(signer, KeySigner) or signer.key.type != ED25519:
        return {}
    payload = statement(tag_manifest, found, configuration)
    reader = Reader(signer.sign_data(pae(PAYLOAD_TYPE, payload)), "the signature")
    reader.string()
    envelope = Envelope(PAYLOAD_TYPE, payload, ((signer.key.fingerprint, reader.string()),))
    return {f"signatures/{signer.label}.dsse.json": write_envelope(envelope)}


def statement(tag_manifest: bytes, found: ControlResults, configuration: Mapping[str, bytes]) -> bytes:
    """The in-toto Statement about a pack with this tag manifest, in the form of RFC 8785."""
    return canonical_json(
        {
            "_type": STATEMENT,
            "subject": [_resource(SUBJECT, tag_manifest)],
            "predicateType": TEST_RESULT,
            "predicate": {
                "result": found.result,
                "configuration": [_resource(name, content) for name, content in sorted(configuration.items())],
                **dict(zip(_LISTS, (list(found.passed), list(found.warned), list(found.failed)), strict=True)),
            },
        }
    )


def verify_attestation(
    content: bytes, tag_manifest: bytes, allowed: AllowedSigners, principal: str | None = None, at: datetime | None = None
) -> Attested:
    """
    What the envelope in `content` states of the pack with this tag manifest, and who signed that.

    The envelope must be written as drcheck writes it, to the byte: a byte that could be another is one that nobody checks.

    Raises:
        EvidenceError: it does not hold: altered, by a key that `allowed` does not list as valid at that moment (None is now), or about another pack.
    """
    envelope = read_envelope(content)
    if len(envelope.signatures) != 1 or write_envelope(envelope) != content:
        raise EvidenceError("the envelope is not written as drcheck writes it: something in it was altered")
    signed = _signed(envelope, allowed, principal, at)
    if envelope.payload_type != PAYLOAD_TYPE:
        raise EvidenceError(f"the envelope holds {envelope.payload_type!r}, not {PAYLOAD_TYPE!r}")
    found = read_object(envelope.payload, "the statement")
    if found.get("_type") != STATEMENT or found.get("predicateType") != TEST_RESULT:
        raise EvidenceError(f"the statement is no {STATEMENT} with a {TEST_RESULT}")
    if found.get("subject") != [_resource(SUBJECT, tag_manifest)]:
        raise EvidenceError("the statement is about another pack: its subject is not this pack's tag manifest")
    return _attested(signed, found.get("predicate"))


def _signed(envelope: Envelope, allowed: AllowedSigners, principal: str | None, at: datetime | None) -> Signed:
    keyid, value = envelope.signatures[0]
    data = pae(envelope.payload_type, envelope.payload)
    for key in dict.fromkeys(each.key for each in allowed.signers if each.key.type == ED25519):
        try:
            key.verify(signature_blob(ED25519, value), data)
        except EvidenceError:
            continue
        # It was not used to choose the key, as anybody can have written it; but it says who signed to whoever reads it, so it must not say another.
        if keyid != key.fingerprint:
            raise EvidenceError("the envelope names another key than the one that signed it")
        return allowed_as(key, allowed, principal, at)
    raise EvidenceError(f"the envelope was altered, or signed by a key that {allowed.file} does not list")


def _attested(signed: Signed, predicate: Any) -> Attested:
    if isinstance(predicate, dict) and predicate.get("result") in RESULTS and isinstance(predicate.get("configuration"), list):
        lists = [predicate.get(name) for name in _LISTS]
        pairs = [_pair(each) for each in predicate["configuration"]]
        if all(isinstance(each, list) and all(isinstance(name, str) for name in each) for each in lists):
            return Attested(signed, ControlResults(predicate["result"], *(tuple(each or ()) for each in lists)), tuple(pairs))
    raise EvidenceError("the statement's test result lacks its result, configuration or lists of tests")


def _pair(found: Any) -> tuple[str, str]:
    match found:
        case {"name": str(name), "digest": {"sha256": str(digest)}}:
            return name, digest
    raise EvidenceError("the statement's configuration holds something without a name and a SHA-256")


def _resource(name: str, content: bytes) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": hashlib.sha256(content).hexdigest()}}
