"""DSSE envelopes: the specification's own vector, and what securesystemslib makes of ours."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as Theirs
from securesystemslib.signer import CryptoSigner

from drcheck.errors import EvidenceError
from drcheck.evidence.dsse import LARGEST, Envelope, pae, read_envelope, write_envelope


def test_the_vector_of_the_specification() -> None:
    # github.com/secure-systems-lab/dsse, protocol.md, Test Vectors
    content = (
        b'{"payload": "aGVsbG8gd29ybGQ=", "payloadType": "http://example.com/HelloWorld", "signatures": '
        b'[{"sig": "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]}'
    )
    found = read_envelope(content)
    assert (found.payload_type, found.payload) == ("http://example.com/HelloWorld", b"hello world")
    signed = pae(found.payload_type, found.payload)
    assert signed == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    x = 46950820868899156662930047687818585632848591499744589407958293238635476079160
    y = 5640078356564379163099075877009565129882514886557779369047442380624545832820
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    ((keyid, value),) = found.signatures
    r, s = int.from_bytes(value[:32], "big"), int.from_bytes(value[32:], "big")
    key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        key.verify(encode_dss_signature(r, s), signed + b" ", ec.ECDSA(hashes.SHA256()))
    assert keyid == ""


@given(st.text(max_size=20), st.binary(max_size=50))
def test_what_is_signed_is_what_securesystemslib_signs(kind: str, payload: bytes) -> None:
    assert pae(kind, payload) == Theirs(payload, kind, {}).pae()


def test_securesystemslib_reads_what_is_written_here_and_the_other_way_round() -> None:
    signer = CryptoSigner.generate_ed25519()
    theirs = Theirs(b"\xfb\xff payload", "application/x", {})
    theirs.sign(signer)
    ours = read_envelope(json.dumps(theirs.to_dict()).encode())
    ((keyid, value),) = ours.signatures
    assert (keyid, value.hex()) == (signer.public_key.keyid, theirs.signatures[keyid].signature)
    again = Theirs.from_dict(json.loads(write_envelope(ours)))
    assert again == theirs
    assert again.verify([signer.public_key], 1)


def test_either_kind_of_base64_is_read() -> None:
    envelope = Envelope("x", b"\xfb\xff\xfe", (("", b"\xfb\xff"),))
    content = write_envelope(envelope)
    assert b"+//+" in content
    assert read_envelope(content.replace(b"+//+", b"-__-").replace(b"+/8=", b"-_8=")) == envelope


GOOD: dict[str, Any] = {"payload": "", "payloadType": "x", "signatures": [{"sig": "AAAA", "keyid": "k"}]}


@pytest.mark.parametrize(
    ("content", "because"),
    [
        (b"", "not JSON"),
        (b"[]", "no JSON object"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"payload": "", "payload": "", "payloadType": "x", "signatures": [{"sig": ""}]}', "twice"),
        (json.dumps(GOOD | {"payload": None}).encode(), "lacks its payload"),
        (json.dumps(GOOD | {"payload": "a"}).encode(), "not base64"),
        (json.dumps(GOOD | {"payload": "é"}).encode(), "not base64"),
        (json.dumps(GOOD | {"signatures": []}).encode(), "lacks its payload"),
        (json.dumps(GOOD | {"signatures": [1]}).encode(), "lacks its sig"),
        (json.dumps(GOOD | {"signatures": [{"keyid": "k"}]}).encode(), "lacks its sig"),
        (json.dumps(GOOD | {"signatures": [{"sig": "AAAA", "keyid": 1}]}).encode(), "its keyid is no text"),
        (json.dumps(GOOD | {"payloadType": "\ud800"}).encode(), "no form in UTF-8"),
        (b" " * (LARGEST + 1), "is not read"),
    ],
)
def test_what_is_no_envelope_is_refused(content: bytes, because: str) -> None:
    with pytest.raises(EvidenceError, match=because):
        read_envelope(content)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.binary(max_size=8).map(lambda raw: base64.b64encode(raw).decode()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["payload", "payloadType", "signatures", "sig", "keyid"]), inner),
)


@given(st.binary(max_size=100) | JSON.map(lambda value: json.dumps(value).encode()))
def test_nothing_but_an_evidence_error_comes_of_what_a_stranger_wrote(content: bytes) -> None:
    try:
        found = read_envelope(content)
    except EvidenceError:
        return
    assert read_envelope(write_envelope(found)) == found
