"""The scripts in a pack, against names that act, words that nobody signed, and PowerShell's grammar."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import tree_sitter
import tree_sitter_powershell

from drcheck.clock import now
from drcheck.evidence import bag
from drcheck.evidence.allowed_signers import load_allowed_signers
from drcheck.evidence.pack import add_tag_files
from drcheck.evidence.scripts import tag_files
from drcheck.evidence.verify import Trust, verify
from tests.evidence import packs
from tests.evidence.authority import Authority
from tests.evidence.conftest import PRINCIPAL, Made
from tests.evidence.test_signed_by import listed

pytestmark = [pytest.mark.program("ssh-keygen"), pytest.mark.program("openssl"), pytest.mark.program("sha256sum")]
Copy = Callable[[], Path]
POWERSHELL = shutil.which("pwsh")


def judged(made: Made, pack: Path) -> tuple[int, int]:
    """What verify.sh and drcheck come to."""
    trust = Trust(load_allowed_signers(made.allowed), (PRINCIPAL,))
    return packs.run_script(pack, made.programs, made.allowed, PRINCIPAL).returncode, verify(pack, trust).exit_code


@pytest.mark.parametrize("name", ["-n", "-e", "-ne", "-", "\\c", "\\0101", "a\\c", "*", "?", "[", "...", "..a", " ", "\n", "a\nREADME.txt", "\t"])
def test_no_name_hides_a_file_that_was_added(made: Made, copied: Copy, name: str) -> None:
    for folder in ("", "data", "signatures"):
        pack = copied()
        (pack / folder / name).write_bytes(b"All is well.")
        assert judged(made, pack) == (10, 10), folder


def test_a_name_that_stands_for_two_lines_hides_nothing_from_a_list_that_has_them(made: Made, copied: Copy) -> None:
    pack = copied()
    (signature,) = (pack / "signatures").glob("*.sig")
    folder = pack / "signatures" / f"{signature.name}\nsignatures"
    folder.mkdir()
    (folder / signature.name).write_bytes(b"All is well.")
    lines = (pack / bag.SUMS).read_text("ascii").splitlines(keepends=True)
    (pack / bag.SUMS).write_text("".join(sorted([*lines, *2 * [line for line in lines if signature.name in line]], key=lambda line: line[66:])))
    assert judged(made, pack) == (10, 10)


def test_a_list_that_has_what_programs_take_for_their_input_is_caught(made: Made, copied: Copy) -> None:
    pack = copied()
    shutil.rmtree(pack / "signatures")
    (pack / "-").write_bytes(b"")
    packs.relist(pack)
    (pack / "-").write_bytes(b"All is well.")
    assert judged(made, pack) == (10, 10)
    assert "has a line that is not" in packs.run_script(pack, made.programs).stderr


def test_a_name_does_not_act_on_the_terminal(made: Made, copied: Copy) -> None:
    pack = copied()
    (pack / "x\x1b[1A\x1b[2K sound and signed").write_bytes(b"")
    (pack / "data" / "\\033[2J").write_bytes(b"")
    script = packs.run_script(pack, made.programs, made.allowed, PRINCIPAL)
    assert (script.returncode, "\x1b" in script.stdout + script.stderr) == (10, False)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that any user can enter."""
    folder = Path(tempfile.mkdtemp(prefix="drcheck-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_folder_that_cannot_be_listed_hides_nothing(made: Made, shared: Path) -> None:
    pack = Path(shutil.copytree(made.pack, shared / "pack"))
    shutil.copy(packs.SCRIPT, shared / "verify.sh")
    (pack / "data/more").mkdir()

    def code() -> int:
        user = 65534 if os.geteuid() == 0 else None  # nothing is closed to root
        return subprocess.run(["sh", shared / "verify.sh", "-p", pack], check=False, capture_output=True, timeout=120, user=user).returncode

    assert code() == 11
    (pack / "data/more/all-is-well.html").write_bytes(b"All is well.")
    try:
        for mode in (0o311, 0o644, 0o000):
            (pack / "data/more").chmod(mode)
            assert code() == 10, mode
    finally:
        (pack / "data/more").chmod(0o755)


def test_a_program_that_is_missing_is_not_a_pack_that_is_wrong(made: Made, tmp_path: Path) -> None:
    for missing in ("ssh-keygen", "sha256sum", "sort"):
        programs = tmp_path / missing
        shutil.copytree(made.programs, programs, symlinks=True)
        (programs / missing).unlink()
        script = packs.run_script(made.pack, programs, made.allowed, PRINCIPAL)
        assert (script.returncode, f"{missing}: is not installed" in script.stderr) == (2, True)


def test_a_folder_of_the_same_name_elsewhere_is_not_the_one_that_is_checked(made: Made, tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    done = subprocess.run(
        ["sh", packs.SCRIPT, "-p", "pack"], cwd=made.pack.parent, env={**os.environ, "CDPATH": str(tmp_path)}, check=False, capture_output=True
    )
    assert done.returncode == 11, done.stderr


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    return bytes([tag, size] if size < 128 else [tag, 0x82, size >> 8, size & 0xFF]) + content


def _told(answer: bytes, words: str) -> bytes:
    """The answer with other words beside its token; the authority signs the token alone."""
    start = 4
    assert answer[:2] == b"\x30\x82"
    assert answer[start] == 0x30
    token = answer[start + 2 + answer[start + 1] :]
    return _der(0x30, _der(0x30, b"\x02\x01\x00" + _der(0x30, _der(0x0C, words.encode()))) + token)


def test_words_beside_a_time_stamp_do_not_tell_when_it_was(made: Made, copied: Copy, tmp_path: Path) -> None:
    """Who took a key that was closed since has a signature stamped today, and writes another day around the stamp."""
    authority = Authority(tmp_path / "tsa")
    file, allowed = listed(made, tmp_path, valid_before=packs.EXPORTED + timedelta(days=1))
    assert now() > packs.EXPORTED + timedelta(days=1)
    for words in ("x\nTime stamp: Mar 31 02:10:00 2026 GMT (", "x\nTime stamp: Mar 31 02:10:00 2026 GMT\n", "granted"):
        pack = copied()
        (signature,) = (pack / "signatures").glob("*.sig")
        answer = _told(authority.answer(authority.asked(signature.read_bytes(), "-sha256", "-cert")), words)
        assert authority.verifies(answer, signature.read_bytes())
        add_tag_files(pack, {f"timestamps/{signature.stem}.tsr": answer})
        script = packs.run_script(pack, made.programs, "-t", authority.ca, file, PRINCIPAL)
        assert (script.returncode, "2026-03-31" in script.stdout) == (10, False), script.stdout
        assert verify(pack, Trust(allowed, (PRINCIPAL,), authority.trusted)).exit_code == 10


def _errors(script: bytes) -> list[tuple[int, bytes]]:
    """What PowerShell's grammar does not know, by line."""
    language = tree_sitter.Language(tree_sitter_powershell.language())
    found, waiting = [], [tree_sitter.Parser(language).parse(script).root_node]
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            found.append((node.start_point.row + 1, node.text or b""))
        waiting += node.children
    return found


def test_the_script_for_windows_is_written_in_powershell() -> None:
    script = tag_files()["verify.ps1"]
    assert _errors(script) == []
    assert _errors(script.replace(b"\r\n", b"\n")) == []
    for right, wrong in (
        (b"exit 10 }", b"exit 10"),
        (b"foreach ($Name in", b"foreach ($Name of"),
        (b"$By += 1", b"$By += "),
        (b"[string[]]$There", b"[string[]$There"),
        (b"catch [IO.IOException]", b"catch IO.IOException"),
        (b"'sound and signed'", b"'sound and signed"),
    ):
        assert script.count(right) >= 1, right
        assert _errors(script.replace(right, wrong, 1)), wrong


if POWERSHELL is not None:  # Debian has none, and in CI nothing may be skipped: there is no such test where it cannot run

    def test_the_script_for_windows_says_the_same(made: Made, copied: Copy) -> None:
        def code(pack: Path, *arguments: str | Path) -> int:
            command = [str(POWERSHELL), "-NoProfile", "-File", pack / "verify.ps1", *arguments]
            return subprocess.run(command, check=False, capture_output=True, timeout=300).returncode

        signed = ("-AllowedSigners", made.allowed, "-Principal", PRINCIPAL)
        assert (code(made.pack, *signed), code(made.pack), code(made.pack, *signed[:2]), code(made.pack, "-None")) == (0, 11, 2, 2)
        pack = copied()
        (pack / "data/extra").write_bytes(b"")
        assert code(pack, *signed) == 10
