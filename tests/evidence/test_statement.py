"""What a pack says to machines: read by in-toto's own library, verified by securesystemslib, and refused where anything in it was altered."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from google.protobuf.json_format import ParseDict
from in_toto_attestation.predicates.test_result.v0.test_result_pb2 import TestResult as Predicate
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage
from securesystemslib.dsse import Envelope as Theirs
from securesystemslib.signer import SSlibKey

from drcheck.canonical import canonical_json
from drcheck.errors import EvidenceError
from drcheck.evidence import statement as stating
from drcheck.evidence.allowed_signers import AllowedSigners, parse_allowed_signers
from drcheck.evidence.dsse import Envelope, pae, write_envelope
from drcheck.evidence.private_keys import FileSigner, load_signer, write_new
from drcheck.evidence.statement import PAYLOAD_TYPE, ControlResults, attestation, statement, verify_attestation
from drcheck.model import Outcome
from tests.evidence.ssh import KEYGEN, make_key
from tests.reports import sample

MANIFEST = b"0123  manifest-sha256.txt\n"
WITH = {"data/policies/uk-caf-b5.toml": b"toml"}
FOUND = ControlResults("WARNED", ("a/b",), ("a/c",), ())


@pytest.fixture
def signer(tmp_path: Path) -> FileSigner:
    write_new(tmp_path / "key", "backups@hospital.example")
    return load_signer(tmp_path / "key")


def listed(signer: FileSigner, options: str = "") -> AllowedSigners:
    return parse_allowed_signers(f"backups@hospital.example {options} {signer.public_key}\n".encode(), "signers")


def made(signer: FileSigner, found: ControlResults = FOUND) -> bytes:
    ((name, content),) = attestation(MANIFEST, found, WITH, signer).items()
    assert name == f"signatures/{signer.label}.dsse.json"
    return content


def test_each_control_is_one_test_with_the_worst_that_was_found() -> None:
    assert stating.tested([sample.hospital()]) == ControlResults(
        "FAILED",
        passed=("uk-ncsc-offline-backups/copies-counted",),
        warned=("uk-ncsc-offline-backups/offline", "uk-ncsc-offline-backups/separate"),
        failed=("uk-caf-b5/recency", "uk-ncsc-offline-backups/checksums", "uk-ncsc-offline-backups/fresh"),
    )
    assert stating.tested([sample.good()]).result == "PASSED"
    assert stating.tested([sample.nothing()]) == ControlResults("WARNED", (), (), ())
    assert stating.tested([sample.good(), sample.nothing()]).result == "WARNED"
    assert stating.tested([sample.hospital(), sample.good()]) == stating.tested([sample.hospital()])
    unsure = replace(sample.good(), findings=tuple(replace(each, outcome=Outcome.UNKNOWN) for each in sample.good().findings))
    assert (stating.tested([unsure]).result, stating.tested([unsure]).passed) == ("WARNED", ())


def test_in_totos_own_library_reads_the_statement() -> None:
    found = json.loads(statement(MANIFEST, FOUND, WITH))
    message = ParseDict(found, StatementMessage())
    Statement.copy_from_pb(message).validate()
    assert dict(message.subject[0].digest) == {"sha256": hashlib.sha256(MANIFEST).hexdigest()}
    assert message.subject[0].name == "tagmanifest-sha256.txt"
    predicate = ParseDict(found["predicate"], Predicate())
    assert (predicate.result, list(predicate.passed_tests), list(predicate.warned_tests)) == ("WARNED", ["a/b"], ["a/c"])
    assert predicate.configuration[0].name == "data/policies/uk-caf-b5.toml"
    assert statement(MANIFEST, FOUND, WITH) == canonical_json(found)


def test_securesystemslib_verifies_the_envelope(signer: FileSigner) -> None:
    envelope = Theirs.from_dict(json.loads(made(signer)))
    raw = signer.key.raw_ed25519
    assert raw is not None
    key = SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(raw), keyid=signer.key.fingerprint)
    assert envelope.verify([key], 1) == {signer.key.fingerprint: key}
    assert envelope.payload_type == "application/vnd.in-toto+json"


def test_what_was_stated_and_by_whom(signer: FileSigner) -> None:
    found = verify_attestation(made(signer), MANIFEST, listed(signer), "backups@hospital.example")
    assert found.tested == FOUND
    assert found.configuration == (("data/policies/uk-caf-b5.toml", hashlib.sha256(b"toml").hexdigest()),)
    assert (found.signed.principal, found.signed.fingerprint) == ("backups@hospital.example", signer.key.fingerprint)
    assert made(signer) == made(signer)


def test_whoever_is_not_listed_states_nothing(signer: FileSigner, tmp_path: Path) -> None:
    write_new(tmp_path / "other", "x")
    content = made(signer)
    with pytest.raises(EvidenceError, match="a key that signers does not list"):
        verify_attestation(content, MANIFEST, listed(load_signer(tmp_path / "other")))
    with pytest.raises(EvidenceError, match="not for auditor@trust"):
        verify_attestation(content, MANIFEST, listed(signer), "auditor@trust")
    with pytest.raises(EvidenceError, match="may sign for file"):
        verify_attestation(content, MANIFEST, listed(signer, 'namespaces="file"'))
    with pytest.raises(EvidenceError, match="was valid until 2000"):
        verify_attestation(content, MANIFEST, listed(signer, 'valid-before="20000101Z"'))
    with pytest.raises(EvidenceError, match="about another pack"):
        verify_attestation(content, MANIFEST + b"x", listed(signer))


def test_a_flipped_bit_anywhere_is_caught(signer: FileSigner) -> None:
    content, signers = made(signer), listed(signer)
    for at in range(len(content)):
        for bit in (0x01, 0x20, 0x80):
            with pytest.raises(EvidenceError):
                verify_attestation(content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :], MANIFEST, signers)
    for other in (content + b"\n", content.replace(b'":', b'": '), json.dumps(json.loads(content) | {"more": 1}).encode()):
        with pytest.raises(EvidenceError, match="not written as drcheck writes it"):
            verify_attestation(other, MANIFEST, signers)


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"_type": "https://in-toto.io/Statement/v0.1"}, "is no https://in-toto.io/Statement/v1"),
        ({"predicateType": "https://slsa.dev/provenance/v1"}, "is no https://in-toto.io/Statement/v1"),
        ({"subject": []}, "about another pack"),
        ({"predicate": {}}, "lacks its result"),
        ({"predicate": {"result": "PASS", "configuration": [], "passedTests": [], "warnedTests": [], "failedTests": []}}, "lacks its result"),
        ({"predicate": {"result": "PASSED", "configuration": [], "passedTests": [1], "warnedTests": [], "failedTests": []}}, "lacks its result"),
        ({"predicate": {"result": "PASSED", "configuration": [{}]}}, "without a name and a SHA-256"),
    ],
)
def test_a_listed_signer_can_state_nonsense(signer: FileSigner, change: dict[str, Any], because: str) -> None:
    payload = canonical_json(json.loads(statement(MANIFEST, FOUND, WITH)) | change)
    with pytest.raises(EvidenceError, match=because):
        verify_attestation(signed(signer, payload), MANIFEST, listed(signer))


def signed(signer: FileSigner, payload: bytes, kind: str = PAYLOAD_TYPE, keyid: str = "") -> bytes:
    value = signer.sign_data(pae(kind, payload))[-64:]
    return write_envelope(Envelope(kind, payload, ((keyid or signer.key.fingerprint, value),)))


def test_the_type_and_the_key_are_what_they_say(signer: FileSigner) -> None:
    payload = statement(MANIFEST, FOUND, WITH)
    with pytest.raises(EvidenceError, match="holds 'text/plain'"):
        verify_attestation(signed(signer, payload, "text/plain"), MANIFEST, listed(signer))
    with pytest.raises(EvidenceError, match="names another key"):
        verify_attestation(signed(signer, payload, keyid="SHA256:other"), MANIFEST, listed(signer))
    with pytest.raises(EvidenceError, match="is not JSON"):
        verify_attestation(signed(signer, b"{"), MANIFEST, listed(signer))


@KEYGEN
def test_other_keys_make_no_envelope(tmp_path: Path) -> None:
    assert attestation(MANIFEST, FOUND, WITH, load_signer(make_key(tmp_path / "ecdsa", "ecdsa"))) == {}
