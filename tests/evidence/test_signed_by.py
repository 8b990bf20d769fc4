"""Who signed a pack, and when: keys that were replaced, several signers, time stamps, and statements that say better than it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from drcheck.clock import now
from drcheck.evidence.allowed_signers import AllowedSigners, load_allowed_signers
from drcheck.evidence.keys import allowed_file, new_key
from drcheck.evidence.pack import add_tag_files, signature_of
from drcheck.evidence.private_keys import load_signer
from drcheck.evidence.statement import ControlResults, attestation
from drcheck.evidence.verify import Trust, verify
from tests.evidence import packs
from tests.evidence.authority import Authority
from tests.evidence.conftest import PRINCIPAL, Made
from tests.policy import rig

pytestmark = [pytest.mark.program("ssh-keygen"), pytest.mark.program("openssl")]
Copy = Callable[[], Path]
AUDITOR = "auditor@example.org"
NOT_THEN = rig.NOW - timedelta(days=1)
NO_LONGER = packs.EXPORTED + timedelta(days=1)


def listed(made: Made, folder: Path, **fields: object) -> tuple[Path, AllowedSigners]:
    """The file of allowed signers with other fields in its one line."""
    allowed = load_allowed_signers(made.allowed)
    changed = replace(allowed, signers=tuple(replace(each, **fields) for each in allowed.signers))  # type: ignore[arg-type]
    (folder / "allowed").write_text(changed.text())
    return folder / "allowed", load_allowed_signers(folder / "allowed")


def test_that_a_key_which_was_replaced_signed_in_time_is_unknown_without_a_time_stamp(made: Made, copied: Copy, tmp_path: Path) -> None:
    file, allowed = listed(made, tmp_path, valid_before=NO_LONGER)
    for principals in ((PRINCIPAL,), ()):
        found = verify(made.pack, Trust(allowed, principals))
        assert (found.exit_code, found.problems) == (11, [])
        assert any(f"the key that signed as {PRINCIPAL} is not valid now" in doubt and "time stamp" in doubt for doubt in found.doubts)
    script = packs.run_script(made.pack, made.programs, file, PRINCIPAL)
    assert (script.returncode, "is not valid now" in script.stdout, "only the pack's own word" in script.stdout) == (11, True, True)
    # One more signature by a key of the same name that is valid now, and nothing is left to prove.
    pack, successor = copied(), tmp_path / "keys" / "successor"
    new_key(successor, PRINCIPAL, rig.NOW)
    file.write_text(file.read_text() + allowed_file(successor).read_text())
    add_tag_files(pack, signature_of((pack / "tagmanifest-sha256.txt").read_bytes(), load_signer(successor)))
    for principals in ((PRINCIPAL,), ()):
        assert verify(pack, Trust(load_allowed_signers(file), principals)).exit_code == 0
    assert packs.run_script(pack, made.programs, file, PRINCIPAL).returncode == 0


def test_a_pack_that_a_stolen_key_signed_with_an_earlier_date_is_not_passed(made: Made, tmp_path: Path) -> None:
    file, allowed = listed(made, tmp_path, valid_before=packs.EXPORTED)
    for exported, code in ((packs.EXPORTED - timedelta(days=1), 11), (packs.EXPORTED + timedelta(days=1), 10)):
        pack = tmp_path / f"forged-{code}"
        packs.made(made.store, pack, exported=exported, signers=[load_signer(made.key)])
        assert verify(pack, Trust(allowed, (PRINCIPAL,))).exit_code == code
        assert packs.run_script(pack, made.programs, file, PRINCIPAL).returncode == code


def test_each_signer_who_is_asked_for_must_have_signed_in_time(made: Made, copied: Copy, tmp_path: Path) -> None:
    pack, auditor = copied(), tmp_path / "keys" / "auditor"
    new_key(auditor, AUDITOR, rig.NOW)
    add_tag_files(pack, signature_of((pack / "tagmanifest-sha256.txt").read_bytes(), load_signer(auditor)))
    file, _ = listed(made, tmp_path, valid_before=NO_LONGER)
    file.write_text(file.read_text() + allowed_file(auditor).read_text())
    both = Trust(load_allowed_signers(file), (PRINCIPAL, AUDITOR))
    assert (verify(pack, both).exit_code, packs.run_script(pack, made.programs, file, PRINCIPAL, AUDITOR).returncode) == (11, 11)
    assert (verify(pack, replace(both, principals=(AUDITOR,))).exit_code, packs.run_script(pack, made.programs, file, AUDITOR).returncode) == (0, 0)


def test_a_key_that_was_not_valid_then_does_not_count(made: Made, tmp_path: Path) -> None:
    file, allowed = listed(made, tmp_path, valid_after=NOT_THEN - timedelta(days=9), valid_before=NOT_THEN)
    found = verify(made.pack, Trust(allowed, (PRINCIPAL,)))
    assert found.exit_code == 10
    assert any("was valid until" in note for note in found.notes)
    assert packs.run_script(made.pack, made.programs, file, PRINCIPAL).returncode == 10


def test_a_key_that_may_sign_something_else_does_not_count(made: Made, tmp_path: Path) -> None:
    file, allowed = listed(made, tmp_path, namespaces="git")
    assert verify(made.pack, Trust(allowed)).exit_code == 10
    assert packs.run_script(made.pack, made.programs, file, PRINCIPAL).returncode == 10


def test_a_countersignature_is_asked_for_by_name(made: Made, copied: Copy, tmp_path: Path) -> None:
    pack = copied()
    auditor = tmp_path / "keys" / "auditor"
    new_key(auditor, AUDITOR, rig.NOW)
    both = tmp_path / "both"
    both.write_text(made.allowed.read_text() + allowed_file(auditor).read_text())
    trust = Trust(load_allowed_signers(both), (PRINCIPAL, AUDITOR))
    assert verify(pack, trust).problems == [f"no signature is one of {AUDITOR} that {both} lists"]
    assert packs.run_script(pack, made.programs, both, PRINCIPAL, AUDITOR).returncode == 10
    add_tag_files(pack, signature_of((pack / "tagmanifest-sha256.txt").read_bytes(), load_signer(auditor)))
    assert verify(pack, trust).exit_code == 0
    script = packs.run_script(pack, made.programs, both, PRINCIPAL, AUDITOR)
    assert (script.returncode, script.stdout.count(f"by {AUDITOR}"), script.stdout.count(f"by {PRINCIPAL}")) == (0, 1, 1)
    # Whoever does not know the auditor is told of the signature, and sound it is all the same.
    found = verify(pack, Trust(load_allowed_signers(made.allowed)))
    assert (found.exit_code, any("does not count: signed by the key" in note for note in found.notes)) == (0, True)


def test_a_time_stamp_proves_when_a_signature_was_there(made: Made, copied: Copy, tmp_path: Path) -> None:
    authority, other = Authority(tmp_path / "tsa"), Authority(tmp_path / "other")
    pack = copied()
    (signature,) = (pack / "signatures").glob("*.sig")
    answer = authority.answer(authority.asked(signature.read_bytes(), "-sha256", "-cert"))
    add_tag_files(pack, {f"timestamps/{signature.stem}.tsr": answer})
    allowed = load_allowed_signers(made.allowed)
    found = verify(pack, Trust(allowed, (PRINCIPAL,), authority.trusted))
    assert (found.exit_code, any("existed on" in note for note in found.notes)) == (0, True)
    assert any("not checked; name the certificates" in note for note in verify(pack, Trust(allowed)).notes)
    assert verify(pack, Trust(allowed, (), other.trusted)).exit_code == 10
    for certificates, code in ((authority.ca, 0), (other.ca, 10)):
        script = packs.run_script(pack, made.programs, "-t", certificates, made.allowed, PRINCIPAL)
        assert script.returncode == code, script.stderr
    # By the stamp's word it was signed today, when the key was closed: what the pack says of itself no longer counts.
    for until, code in ((NO_LONGER, 10), (now() + timedelta(days=1), 0)):
        file, dated = listed(made, tmp_path, valid_after=rig.NOW, valid_before=until)
        assert verify(pack, Trust(dated, (PRINCIPAL,), authority.trusted)).exit_code == code
        assert packs.run_script(pack, made.programs, "-t", authority.ca, file, PRINCIPAL).returncode == code


def test_a_stamp_of_something_else_does_not_hold(made: Made, copied: Copy, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "tsa")
    pack = copied()
    (signature,) = (pack / "signatures").glob("*.sig")
    answer = authority.answer(authority.asked(b"something else", "-sha256", "-cert"))
    add_tag_files(pack, {f"timestamps/{signature.stem}.tsr": answer, "timestamps/nobody.tsr": answer})
    found = verify(pack, Trust(load_allowed_signers(made.allowed), (), authority.trusted))
    assert found.exit_code == 10
    assert any("is of something else" in problem for problem in found.problems)
    assert any("signatures/nobody.sig: is not there" in problem for problem in found.problems)
    assert packs.run_script(pack, made.programs, "-t", authority.ca, made.allowed, PRINCIPAL).returncode == 10


def test_a_statement_that_says_better_than_it_is_is_caught(made: Made, copied: Copy) -> None:
    pack = copied()
    (envelope,) = (pack / "signatures").glob("*.dsse.json")
    envelope.unlink()
    manifest = (pack / "tagmanifest-sha256.txt").read_bytes()
    trust = Trust(load_allowed_signers(made.allowed))
    for result, code in (("FAILED", 0), ("WARNED", 10), ("PASSED", 10)):
        (content,) = attestation(manifest, ControlResults(result, (), (), ()), {}, load_signer(made.key)).values()
        envelope.write_bytes(content)
        packs.resum(pack)
        assert verify(pack, trust).exit_code == code, result
    (content,) = attestation(b"another pack", ControlResults("FAILED", (), (), ()), {}, load_signer(made.key)).values()
    envelope.write_bytes(content)
    packs.resum(pack)
    assert any("about another pack" in problem for problem in verify(pack, trust).problems)
