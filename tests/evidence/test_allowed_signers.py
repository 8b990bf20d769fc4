"""The allowed_signers file, read as ssh-keygen reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drcheck.errors import EvidenceError
from drcheck.evidence.allowed_signers import AllowedSigner, load_allowed_signers, matches, parse_allowed_signers
from drcheck.evidence.private_keys import load_signer
from drcheck.evidence.public_keys import key_from_blob
from drcheck.evidence.signing import verify
from drcheck.evidence.wire import string
from tests.evidence.ssh import KEYGEN, keygen_verifies, make_key

KEY = key_from_blob(string(b"ssh-ed25519") + string(bytes(32)), "x@example.org")
LINE = KEY.line


def one(line: str) -> AllowedSigner:
    (signer,) = parse_allowed_signers(line.encode(), "signers").signers
    return signer


def test_a_line_is_taken_apart() -> None:
    signer = one(
        f'a@b,c@* namespaces="evidence@drcheck,file",valid-after="20260301",valid-before="20270301021030Z" {LINE}'.replace('0301"', '0301Z"')
    )
    assert signer.principals == "a@b,c@*"
    assert signer.namespaces == "evidence@drcheck,file"
    assert signer.valid_after == datetime(2026, 3, 1, tzinfo=UTC)
    assert signer.valid_before == datetime(2027, 3, 1, 2, 10, 30, tzinfo=UTC)
    assert signer.key == KEY
    assert signer.key.comment == "x@example.org"
    assert one(signer.text()) == signer
    assert signer.text(dated=False) == f'a@b,c@* namespaces="evidence@drcheck,file" {LINE}'


def test_a_file_has_comments_and_empty_lines(tmp_path: Path) -> None:
    file = tmp_path / "signers"
    file.write_bytes(f'# who\r\n\r\n  a@b {LINE}\r\n\t\n"two words,c@d"\tNamespaces="x"  {LINE}'.encode())
    found = load_allowed_signers(file)
    assert [(each.principals, each.namespaces, each.line) for each in found.signers] == [("a@b", None, 3), ("two words,c@d", "x", 5)]
    assert parse_allowed_signers(found.text().encode(), "again").signers[1].principals == "two words,c@d"


@pytest.mark.parametrize(
    ("line", "because"),
    [
        ("a@b", "is written as: PRINCIPALS"),
        (f"a@b cert-authority {LINE}", "cert-authority is not supported"),
        (f'a@b cert-authority,namespaces="x" {LINE}', "cert-authority is not supported"),
        (f'a@b valid-after="20260301" {LINE}', 'has no zone.*valid-after="20260301Z"'),
        (f'a@b valid-after="20261301Z" {LINE}', "is no moment"),
        (f'a@b valid-after="2026-03-01Z" {LINE}', "is no moment; write it as"),
        (f'a@b valid-after="20260301Z",valid-before="20260301Z" {LINE}', "would never be valid"),
        (f'a@b valid-after="20260301Z",valid-after="20260301Z" {LINE}', "given twice"),
        (f"a@b valid-after {LINE}", "is written as valid-after="),
        (f'a@b namespaces="x", {LINE}', "a comma follows the last option"),
        (f"a@b {' '.join(LINE.split()[:2])}=", "is not base64 in its one form"),
        (f'a@b cert-authority="x" {LINE}', "takes no value"),
        (f'a@b no-pty="x" {LINE}', "no-pty is not known"),
        (f"a@b no-pty {LINE}", "does not begin with a type of key"),
        (f'a@b namespaces="x"valid-after="20260301Z" {LINE}', "not separated by commas"),
        (f'a@b namespaces="x {LINE}', "does not begin with|is written as"),
        ('a@b namespaces="x"', "not separated by commas, or no key"),
        ("a@b ssh-ed25519 AAAA", "cut short"),
        ("a@b ssh-dss AAAA", "does not begin with a type of key that is taken"),
        (f'"a@b {LINE}', "have none at their end"),
        (f'a"b {LINE}', "hold a quotation mark"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "does not begin with a type of key"),
    ],
)
def test_a_wrong_line_is_named(line: str, because: str) -> None:
    with pytest.raises(EvidenceError, match=f"^signers: line 2: .*(?:{because})"):
        parse_allowed_signers(f"# list\n{line}\n".encode(), "signers")


def test_every_wrong_line_is_named() -> None:
    with pytest.raises(EvidenceError) as caught:
        parse_allowed_signers(f"a\n\nb\nx {LINE}\nc \x1b[0m\n".encode(), "signers")
    assert [line.split(":")[1] for line in str(caught.value).splitlines()] == [" line 1", " line 3", " line 5"]
    assert "\x1b" not in str(caught.value)
    with pytest.raises(EvidenceError, match="and 9980 more lines"):
        parse_allowed_signers(b"a\n" * 10_000, "signers")
    with pytest.raises(EvidenceError, match="not UTF-8"):
        parse_allowed_signers(b"\xff", "signers")


def test_a_file_that_is_not_there_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="there is no such file"):
        load_allowed_signers(tmp_path / "none")
    (tmp_path / "large").write_bytes(b"#" * (2 << 20))
    with pytest.raises(EvidenceError, match="is larger than"):
        load_allowed_signers(tmp_path / "large")
    with pytest.raises(EvidenceError, match="could not be read"):
        load_allowed_signers(tmp_path)


@pytest.mark.parametrize(
    ("text", "patterns", "fits"),
    [
        ("a@b", "a@b", True),
        ("a@b", "A@b", False),
        ("a@b", "*", True),
        ("a@b", "?@?", True),
        ("a@b", "?", False),
        ("a@b", "x,a@*", True),
        ("a@b", "*,!a@b", False),
        ("a@b", "!a@b,*", False),
        ("a@b", "!c,*", True),
        ("a@b", "!c", False),
        ("a@b", "", False),
        ("", "", True),
        ("", "*", True),
        ("a.b", "a[.]b", False),
        ("aaab", "*a*b", True),
        ("a*b", "a*b", True),
    ],
)
def test_patterns(text: str, patterns: str, fits: bool) -> None:
    assert matches(text, patterns) is fits


def test_a_pattern_takes_no_longer_than_its_length() -> None:
    assert not matches("a" * 200, "*a" * 100 + "b")


@KEYGEN
@pytest.mark.parametrize(
    ("options", "principal", "at"),
    [
        ("", "backups@hospital.example", "20261122031000Z"),
        ("", "somebody@else.example", "20261122031000Z"),
        ('namespaces="evidence@drcheck"', "backups@hospital.example", "20261122031000Z"),
        ('namespaces="evidence@*"', "backups@hospital.example", "20261122031000Z"),
        ('namespaces="file"', "backups@hospital.example", "20261122031000Z"),
        ('namespaces=""', "backups@hospital.example", "20261122031000Z"),
        ('namespaces="*,!evidence@drcheck"', "backups@hospital.example", "20261122031000Z"),
        ('valid-after="20261122031000Z"', "backups@hospital.example", "20261122031000Z"),
        ('valid-after="20261122031001Z"', "backups@hospital.example", "20261122031000Z"),
        ('valid-before="20261122031000Z"', "backups@hospital.example", "20261122031000Z"),
        ('valid-before="20261122030959Z"', "backups@hospital.example", "20261122031000Z"),
        ('VALID-after="20251122Z",valid-before="202711220310UTC"', "backups@hospital.example", "20261122031000Z"),
    ],
)
def test_ssh_keygen_comes_to_the_same_answer(tmp_path: Path, options: str, principal: str, at: str) -> None:
    signer = load_signer(make_key(tmp_path / "key"))
    signature = signer.sign(b"message")
    text = f"# one\n*.example,!*@else.example,*@hospital.example {options} {signer.public_key}\n"
    moment = datetime.strptime(at, "%Y%m%d%H%M%S%z")
    try:
        ours = verify(signature, b"message", parse_allowed_signers(text.encode(), "signers"), principal, moment).principal == principal
    except EvidenceError:
        ours = False
    assert keygen_verifies(signature, b"message", text, principal, at) is ours


@given(st.text(alphabet='ab ,"\\=\t\n#*!?-Z0129', max_size=80) | st.text(max_size=60))
@example(f'a valid-after="00000000Z" {LINE}')
@example(f"a {LINE}\n")
@example('"#"')  # a principal that would be a comment without its marks
def test_nothing_but_an_evidence_error_comes_of_what_somebody_wrote(text: str) -> None:
    for written in (text, f"a {text} {LINE}", f"{text} {LINE}", f'a namespaces="{text}" {LINE}', f'a valid-after="{text}Z" {LINE}'):
        try:
            found = parse_allowed_signers(written.encode("utf-8", "surrogatepass"), "signers")
        except EvidenceError:
            continue
        again = parse_allowed_signers(found.text().encode("utf-8", "surrogatepass"), "again")
        assert [(each.principals, each.namespaces, each.key, each.valid_after) for each in again.signers] == [
            (each.principals, each.namespaces, each.key, each.valid_after) for each in found.signers
        ]
