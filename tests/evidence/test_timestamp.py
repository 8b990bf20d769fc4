"""Time stamps: requests that openssl answers, and answers about which openssl and drcheck agree."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drcheck.errors import EvidenceError
from drcheck.evidence.allowed_signers import parse_allowed_signers
from drcheck.evidence.der import with_sorted_certificates
from drcheck.evidence.private_keys import load_signer, write_new
from drcheck.evidence.signing import verify
from drcheck.evidence.timestamp import LARGEST, load_authorities, read_stamp, request_for, stamped_time
from tests.evidence.authority import OPENSSL, Authority

MESSAGE = b"-----BEGIN SSH SIGNATURE-----\nno real one\n-----END SSH SIGNATURE-----\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "one")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "other", chain=True)


@OPENSSL
def test_a_request_is_the_one_that_openssl_makes(authority: Authority) -> None:
    assert request_for(MESSAGE) == authority.asked(MESSAGE, "-sha256", "-cert", "-no_nonce")
    assert request_for(MESSAGE) == request_for(MESSAGE)


@OPENSSL
def test_an_answer_says_when_and_openssl_agrees(authority: Authority) -> None:
    answer = authority.answer(request_for(MESSAGE))
    assert authority.verifies(answer, MESSAGE)
    at = stamped_time(answer, MESSAGE, authority.trusted)
    assert at.tzinfo is UTC or at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - at) < timedelta(hours=1)
    stamp = read_stamp(answer, MESSAGE)
    assert (stamp.at, stamp.policy, stamp.authority) == (at, "1.2.3.4.1", "CN=Test TSA,O=Notary")


@OPENSSL
@pytest.mark.parametrize("digest", ["-sha256", "-sha384", "-sha512"])
def test_an_answer_to_a_request_of_openssls_is_taken(authority: Authority, digest: str) -> None:
    answer = authority.answer(authority.asked(MESSAGE, digest, "-cert"))
    assert authority.verifies(answer, MESSAGE)
    assert stamped_time(answer, MESSAGE, authority.trusted)


@OPENSSL
def test_certificates_may_stand_in_any_order(other: Authority) -> None:
    answer = other.answer(request_for(MESSAGE))
    assert with_sorted_certificates(answer) != answer, "openssl writes them as they come, and so this tests nothing"
    assert other.verifies(answer, MESSAGE)
    assert stamped_time(answer, MESSAGE, other.trusted)


@OPENSSL
def test_what_proves_nothing_is_refused(authority: Authority, other: Authority, tmp_path: Path) -> None:
    answer = authority.answer(request_for(MESSAGE))
    for message in (MESSAGE + b"\n", b"x"):
        assert not authority.verifies(answer, message)
        with pytest.raises(EvidenceError, match="is of something else"):
            stamped_time(answer, message, authority.trusted)
    assert not other.verifies(answer, MESSAGE)
    with pytest.raises(EvidenceError, match="does not hold"):
        stamped_time(answer, MESSAGE, other.trusted)
    with pytest.raises(EvidenceError, match="does not hold"):
        stamped_time(answer, MESSAGE, ())
    with pytest.raises(EvidenceError, match=r"does not hold: .*signer certificate not found"):
        stamped_time(authority.answer(authority.asked(MESSAGE, "-sha256")), MESSAGE, authority.trusted)
    with pytest.raises(EvidenceError, match="the authority refused"):
        read_stamp(authority.answer(authority.asked(MESSAGE, "-sha1", "-cert")), MESSAGE)
    for content in (b"", b"no answer", request_for(MESSAGE), answer[:-1], answer + b"\0"):
        with pytest.raises(EvidenceError, match="is no answer"):
            read_stamp(content, MESSAGE)
    with pytest.raises(EvidenceError, match="is not read"):
        read_stamp(b"0" * (LARGEST + 1), MESSAGE)


@OPENSSL
def test_a_certificate_that_is_not_for_time_stamps_proves_nothing(tmp_path: Path) -> None:
    # OpenSSL does not stamp with such a certificate, so the answer is put together with one that has the same key.
    authority = Authority(tmp_path / "tsa")
    answer = authority.answer(request_for(MESSAGE))
    certificate = authority.openssl("x509", "-in", "tsa.pem", "-outform", "DER").stdout
    purpose = bytes.fromhex("06082b06010505070308")  # id-kp-timeStamping
    assert certificate.count(purpose) == 1
    assert answer.count(purpose) == 1
    with pytest.raises(EvidenceError, match="does not hold"):
        stamped_time(answer.replace(purpose, purpose[:-1] + b"\x01"), MESSAGE, authority.trusted)


@OPENSSL
def test_a_flipped_bit_never_moves_the_time(authority: Authority) -> None:
    answer = authority.answer(request_for(MESSAGE))
    at = stamped_time(answer, MESSAGE, authority.trusted)
    refused = 0
    for place in range(len(answer)):
        for bit in (0x01, 0x80):
            altered = answer[:place] + bytes([answer[place] ^ bit]) + answer[place + 1 :]
            try:
                # A few bytes are covered by no signature, and say nothing; the pack's list of digests covers them.
                assert stamped_time(altered, MESSAGE, authority.trusted) == at
            except EvidenceError:
                refused += 1
    assert refused > 1.9 * len(answer)


@OPENSSL
def test_the_time_that_is_proved_is_the_time_to_judge_a_key_by(authority: Authority, tmp_path: Path) -> None:
    write_new(tmp_path / "key", "backups@hospital.example")
    signer = load_signer(tmp_path / "key")
    signature = signer.sign(b"manifest")
    at = stamped_time(authority.answer(request_for(signature)), signature, authority.trusted)
    closed = parse_allowed_signers(f'backups@hospital.example valid-before="{at:%Y%m%d%H%M%S}Z" {signer.public_key}\n'.encode(), "signers")
    assert verify(signature, b"manifest", closed, at=at).principal == "backups@hospital.example"
    with pytest.raises(EvidenceError, match="was valid until"):
        verify(signature, b"manifest", closed, at=at + timedelta(days=1))


def test_authorities_are_pem(tmp_path: Path) -> None:
    for content in (b"", b"x", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        with pytest.raises(EvidenceError, match=r"ca\.pem: holds no certificate"):
            load_authorities(content, "ca.pem")


@pytest.mark.parametrize("ask", [lambda: request_for(MESSAGE), lambda: read_stamp(b"", MESSAGE), lambda: stamped_time(b"", MESSAGE, ())])
def test_without_the_extra_it_says_what_to_install(ask: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    with pytest.raises(EvidenceError, match=r"pip install 'drcheck\[timestamp\]'"):
        ask()


def test_it_is_imported_only_where_it_is_used() -> None:
    code = "import sys; import drcheck.evidence.timestamp; sys.exit('rfc3161_client' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def nested(content: bytes) -> bytes:
    return b"0" + bytes([len(content)]) + content if len(content) < 0x80 else b"0\x82" + len(content).to_bytes(2, "big") + content


@given(
    st.binary(max_size=300)
    | st.binary(max_size=100).map(nested).map(nested)
    | st.lists(st.binary(max_size=30).map(nested), max_size=4).map(b"".join).map(nested)
)
def test_nothing_but_an_evidence_error_comes_of_an_answer(content: bytes) -> None:
    with_sorted_certificates(content)
    with pytest.raises(EvidenceError):
        read_stamp(content, MESSAGE)
