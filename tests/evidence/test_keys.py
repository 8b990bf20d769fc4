"""The keys of an installation over time: what was signed before a rotation holds for its date."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drcheck.errors import EvidenceError, OutputError
from drcheck.evidence import keys
from drcheck.evidence.keys import allowed_file, default_key, kept_signers, new_key, rotate_key
from drcheck.evidence.private_keys import load_signer, read_public
from drcheck.evidence.signing import verify
from tests.evidence.ssh import KEYGEN, keygen_verifies

AT = datetime(2026, 11, 22, 3, 10, tzinfo=UTC)
WHO = "backups@hospital.example"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "drcheck"
    new_key(path, WHO, AT)
    return path


def test_a_users_own_key_is_in_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/c")
    assert default_key().parts[-3:] == ("drcheck", "keys", "drcheck")


def test_a_new_key_is_listed_from_its_moment_on(key: Path) -> None:
    ((signer),) = kept_signers(key).signers
    assert (signer.principals, signer.namespaces, signer.valid_after, signer.valid_before) == (WHO, "evidence@drcheck", AT, None)
    assert signer.key == read_public(key)
    if os.name == "posix":
        assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    with pytest.raises(EvidenceError, match="is there already"):
        new_key(key, WHO, AT)
    with pytest.raises(EvidenceError, match="cannot name a key"):
        new_key(key.with_name("other"), "two words", AT)
    new_key(key.with_name("other"), "other@hospital.example", AT)
    assert len(kept_signers(key).signers) == 2


def test_who_is_trusted_can_be_changed_by_nobody_else_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "drcheck"
    before = os.umask(0)
    try:
        new_key(path, WHO, AT)
        assert stat.S_IMODE(allowed_file(path).stat().st_mode) == 0o644
        allowed_file(path).chmod(0o666)
        rotate_key(path, AT + timedelta(days=1))
    finally:
        os.umask(before)
    assert stat.S_IMODE(allowed_file(path).stat().st_mode) == 0o644


@KEYGEN
def test_three_keys_in_a_row_each_hold_for_their_time(key: Path) -> None:
    moments = [AT + timedelta(days=100 * number) for number in range(3)]
    signatures = [load_signer(key).sign(b"m")]
    for moment in moments[1:]:
        before = key.read_bytes()
        rotated = rotate_key(key, moment)
        assert rotated.closed.read_bytes() == before
        assert rotated.new == read_public(key)
        assert rotated.old == read_public(rotated.closed)
        assert rotated.new.comment == WHO
        signatures.append(load_signer(key).sign(b"m"))
    allowed = kept_signers(key)
    assert len(allowed.signers) == 3
    text = allowed_file(key).read_text()
    for number, signature in enumerate(signatures):
        for day in (-1, 0, 1, 99, 100, 101, 199, 200, 201, 1000):
            at = AT + timedelta(days=day)
            ends = moments[number + 1] if number < 2 else None
            expected = moments[number] <= at and (ends is None or at <= ends)
            try:
                holds = verify(signature, b"m", allowed, WHO, at).principal == WHO
            except EvidenceError:
                holds = False
            assert holds is expected
            if day in (0, 100, 101):
                assert keygen_verifies(signature, b"m", text, WHO, f"{at:%Y%m%d%H%M%S}Z") is expected


def test_lines_by_hand_stay(key: Path) -> None:
    other = "# the auditor's own\nauditor@trust.example " + read_public(key).line.replace(WHO, "x") + "\n"
    allowed_file(key).write_text(allowed_file(key).read_text() + other.replace("ssh-ed25519", 'namespaces="file" ssh-ed25519'))
    rotate_key(key, AT + timedelta(days=1), "new@hospital.example")
    text = allowed_file(key).read_text()
    assert "# the auditor's own\n" in text
    assert text.startswith("# Keys that sign evidence here.")
    assert [each.valid_before for each in kept_signers(key).signers] == [AT + timedelta(days=1), AT + timedelta(days=1), None]
    assert [each.principals for each in kept_signers(key).signers] == [WHO, "auditor@trust.example", "new@hospital.example"]


def test_a_key_that_is_rotated_at_once_was_valid_for_a_second(key: Path) -> None:
    rotate_key(key, AT)
    old, new = kept_signers(key).signers
    assert (old.valid_before, new.valid_after) == (AT + timedelta(seconds=1), AT)
    with pytest.raises(EvidenceError, match="is there already; wait a second"):
        rotate_key(key, AT)


def test_a_key_that_was_not_listed_is_closed_all_the_same(key: Path) -> None:
    allowed_file(key).unlink()
    rotate_key(key, AT + timedelta(days=1))
    old, new = kept_signers(key).signers
    assert (old.valid_after, old.valid_before, new.valid_after) == (None, AT + timedelta(days=1), AT + timedelta(days=1))


def test_a_rotation_that_cannot_be_listed_changes_nothing(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **_how: object) -> None:
        raise OutputError("disk full")

    before = {file.name: file.read_bytes() for file in key.parent.iterdir()}
    with monkeypatch.context() as patched:
        patched.setattr(keys, "write_whole", fail)
        with pytest.raises(OutputError, match="disk full"):
            rotate_key(key, AT + timedelta(days=1))
    assert {file.name: file.read_bytes() for file in key.parent.iterdir()} == before
    rotate_key(key, AT + timedelta(days=1))


@pytest.mark.parametrize("renamed", range(4))
def test_a_rotation_that_was_killed_half_way_is_said_and_signs_with_no_mixed_pair(key: Path, renamed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[Path] = []
    rename = Path.rename

    def killed(self: Path, target: Path) -> Path:
        if len(done) == renamed:
            raise KeyboardInterrupt
        done.append(self)
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            rotate_key(key, AT + timedelta(days=1))
    for again in (lambda: rotate_key(key, AT + timedelta(days=2)), lambda: new_key(key, WHO, AT)):
        with pytest.raises(EvidenceError, match="an earlier rotation of drcheck was cut short"):
            again()
    if key.exists() and key.with_name("drcheck.pub").exists():
        assert load_signer(key).key == read_public(key)
    # By hand, as the message says.
    old, new = kept_signers(key).signers
    for half in ("drcheck", "drcheck.pub"):
        file, left = key.with_name(half), key.with_name(half.replace("drcheck", "drcheck.new"))
        if left.exists():
            if file.exists():
                file.rename(key.with_name(half.replace("drcheck", "drcheck.closed")))
            left.rename(file)
    assert load_signer(key).key == read_public(key) == new.key != old.key
    rotate_key(key, AT + timedelta(days=2))


def test_what_stands_in_the_way_of_a_rotation_is_named(key: Path) -> None:
    with pytest.raises(EvidenceError, match="No such file"):
        rotate_key(key.with_name("none"), AT)
    key.with_name("drcheck.new").write_bytes(b"")
    with pytest.raises(EvidenceError, match="an earlier rotation of drcheck was cut short"):
        rotate_key(key, AT)
    key.with_name("drcheck.new").unlink()
    allowed_file(key).write_text("nonsense\n")
    with pytest.raises(EvidenceError, match="line 1: a line is written as"):
        rotate_key(key, AT + timedelta(days=1))
    with pytest.raises(EvidenceError, match="line 1: a line is written as"):
        new_key(key.with_name("other"), WHO, AT)
    assert sorted(file.name for file in key.parent.iterdir()) == ["allowed_signers", "drcheck", "drcheck.pub"]
    if os.name == "posix":
        key.chmod(0o644)
        with pytest.raises(EvidenceError, match="others can read"):
            rotate_key(key, AT)
