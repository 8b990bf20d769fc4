"""A pack of which a byte, a file or a night was altered is caught, by verify.sh and by drcheck, each alone."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drcheck.canonical import digest_bytes
from drcheck.chain import link_from
from drcheck.evidence import bag
from drcheck.evidence.allowed_signers import load_allowed_signers
from drcheck.evidence.contents import read_contents
from drcheck.evidence.keys import allowed_file, new_key
from drcheck.evidence.outcomes import count
from drcheck.evidence.pack import Period
from drcheck.evidence.private_keys import load_signer
from drcheck.evidence.scripts import tag_files
from drcheck.evidence.verify import Trust, verify
from drcheck.nights.gaps import Rhythm
from drcheck.record import assessment_to_record
from drcheck.reports import ReportOptions, render_text
from tests.evidence import packs
from tests.evidence.conftest import PRINCIPAL, Made
from tests.policy import rig
from tests.reports.sample import hospital
from tests.reports.sample import rehearsal as sample_rehearsal

pytestmark = [pytest.mark.program("ssh-keygen"), pytest.mark.program("openssl"), pytest.mark.program("sha256sum")]
Copy = Callable[[], Path]


def judged(made: Made, pack: Path) -> tuple[int, int]:
    """What verify.sh and drcheck come to, both told whom to trust."""
    script = packs.run_script(pack, made.programs, made.allowed, PRINCIPAL)
    trust = Trust(load_allowed_signers(made.allowed), (PRINCIPAL,))
    return script.returncode, verify(pack, trust).exit_code


def test_a_pack_that_nobody_altered_is_sound(made: Made) -> None:
    assert judged(made, made.pack) == (0, 0)
    script = packs.run_script(made.pack, made.programs, made.allowed, PRINCIPAL, script=made.pack / "verify.sh")
    assert (script.returncode, script.stderr) == (0, "")
    assert f"by {PRINCIPAL}" in script.stdout
    assert script.stdout.endswith("sound and signed\n")


def test_each_flipped_byte_of_each_file_is_caught_both_ways(made: Made, copied: Copy) -> None:
    chance = random.Random(20260301)
    pack = copied()
    files = sorted(file for file in pack.rglob("*") if file.is_file())
    assert len(files) >= 20
    missed = []
    for file in files:
        content = file.read_bytes()
        # The ends, where readers are lax, and anywhere.
        for place in {0, len(content) - 1, chance.randrange(len(content))}:
            byte = bytes([content[place] ^ chance.randrange(1, 256)])
            file.write_bytes(content[:place] + byte + content[place + 1 :])
            if judged(made, pack) != (10, 10):
                missed.append((file.relative_to(pack), place, byte, judged(made, pack)))
        file.write_bytes(content)
    assert missed == []
    assert judged(made, pack) == (0, 0)


@pytest.mark.parametrize("name", [bag.SUMS, bag.TAG_MANIFEST, bag.MANIFEST, "signatures"])
def test_every_byte_of_what_is_read_by_others_is_caught(made: Made, copied: Copy, name: str) -> None:
    """Lists and signatures are where tools let most things pass: drcheck is tried on every byte of them, the script on some."""
    pack = copied()
    file = next((pack / name).glob("*.sig")) if name == "signatures" else pack / name
    content = file.read_bytes()
    chance = random.Random(7)
    trust = Trust(load_allowed_signers(made.allowed), (PRINCIPAL,))
    tried = set(chance.sample(range(len(content)), 3))
    for place in chance.sample(range(len(content)), 18) + sorted(tried):
        letter = bytes([content[place]])
        others = [letter.swapcase(), b" ", b"\n", b"\0", b"*", bytes([content[place] ^ 1 << chance.randrange(8)])]
        for other in [each for each in dict.fromkeys(others) if each != letter]:
            file.write_bytes(content[:place] + other + content[place + 1 :])
            assert verify(pack, trust).exit_code == 10, (place, other)
        if place in tried:
            assert packs.run_script(pack, made.programs, made.allowed, PRINCIPAL).returncode == 10, (place, other)


def _upper(content: bytes) -> bytes:
    return content[:64].upper() + content[64:]


LISTS = {
    "digests in capitals": _upper,
    "a star for binary": lambda content: content.replace(b"  ", b" *", 1),
    "one more space": lambda content: content.replace(b"  ", b"   ", 1),
    "a path another way": lambda content: content[:66] + b"./" + content[66:],
    "an escaped path": lambda content: b"\\" + content,
    "a line twice": lambda content: content + content.splitlines(keepends=True)[-1],
    "a comment": lambda content: content + b"# nothing\n",
    "an empty line": lambda content: content + b"\n",
    "no end of the last line": lambda content: content[:-1],
    "a NUL at the end": lambda content: content + b"\0",
    "a carriage return": lambda content: content.replace(b"\n", b"\r\n"),
    "another line": lambda content: content + b"0" * 64 + b"  data/none\n",
}


@pytest.mark.parametrize("change", LISTS.values(), ids=LISTS.keys())
def test_a_list_in_another_form_is_caught(made: Made, copied: Copy, change: Callable[[bytes], bytes]) -> None:
    pack = copied()
    for name in (bag.SUMS, bag.TAG_MANIFEST, bag.MANIFEST):
        content = (pack / name).read_bytes()
        (pack / name).write_bytes(change(content))
        packs.resum(pack) if name != bag.SUMS else None
        assert judged(made, pack) == (10, 10), name
        (pack / name).write_bytes(content)


def test_bytes_around_a_signature_that_ssh_keygen_ignores_are_caught(made: Made, copied: Copy) -> None:
    pack = copied()
    (file,) = (pack / "signatures").glob("*.sig")
    content = file.read_bytes()
    for changed in (content + b"after the end\n", content.replace(b"\nU", b"\n U", 1), content.replace(b"\n", b"\r\n"), content + b"\0"):
        file.write_bytes(changed)
        assert judged(made, pack) == (10, 10)
        packs.resum(pack)  # as somebody does who knows how the outermost list is made
        assert verify(pack, Trust(load_allowed_signers(made.allowed))).exit_code == 10


def test_files_that_were_added_taken_or_exchanged_are_caught(made: Made, copied: Copy) -> None:
    def add(name: str) -> Callable[[Path], object]:
        def written(pack: Path) -> None:
            (pack / name).parent.mkdir(exist_ok=True)
            (pack / name).write_bytes(b"x")

        return written

    def led_away(pack: Path) -> None:
        (pack / "data/record.json").rename(pack.parent / "record")
        (pack / "data/record.json").symlink_to(pack.parent / "record")

    changes: list[Callable[[Path], object]] = [
        *(add(name) for name in ("data/extra.txt", "extra.txt", ".hidden", "data/.hidden", "signatures/extra.txt", "timestamps/x.tsr", "more/x.txt")),
        lambda pack: (pack / "data/calls.jsonl").unlink(),
        lambda pack: (pack / "README.txt").unlink(),
        lambda pack: (pack / bag.SUMS).unlink(),
        lambda pack: shutil.rmtree(pack / "signatures"),
        lambda pack: (pack / "data/calls.jsonl").rename(pack / "data/other.jsonl"),
        lambda pack: (pack / "data/link").symlink_to("calls.jsonl"),
        led_away,
    ]
    for change in changes:
        pack = copied()
        change(pack)
        assert judged(made, pack) == (10, 10)


@pytest.mark.parametrize("name", ["signatures/assessment.html", "timestamps/x.sig", "signatures/more/x.sig"])
def test_nothing_but_signatures_can_be_added_where_nobody_signs_it(made: Made, copied: Copy, name: str) -> None:
    pack = copied()
    (pack / name).parent.mkdir(parents=True, exist_ok=True)
    (pack / name).write_bytes(b"All is well.")
    packs.resum(pack)
    assert judged(made, pack) == (10, 10)
    assert f"{name}: is neither a signature nor a time stamp" in verify(pack).problems


def _leave_out(document: Any) -> None:
    """Say nothing of a night in the middle."""
    del document["nights"][1]


PERIODS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "left out": ("does not have the night", _leave_out),
    "left out as pruned, and no night": ("leaves out x", lambda document: document.update(left_out=["x"])),
    "a shorter period": ("which is not of its period", lambda document: document.update(until="2026-03-02T00:00:00Z")),
    "no list": ("has no list of the nights", lambda document: document.pop("nights")),
    "no moment": ("is not a moment", lambda document: document.update(since="always")),
}


@pytest.mark.parametrize(("said", "change"), PERIODS.values(), ids=PERIODS.keys())
def test_a_night_of_a_period_is_not_left_out_in_silence(made: Made, tmp_path: Path, said: str, change: Callable[[Any], object]) -> None:
    pack = tmp_path / "pack"
    packs.made(made.store, pack, period=Period(None, None, Rhythm()))
    about = json.loads((pack / "data/pack.json").read_bytes())
    packs.edit_json(pack / "data/pack.json", change)
    missing = set(about["nights"]) - set(json.loads((pack / "data/pack.json").read_bytes()).get("nights", []))
    for run in missing:
        shutil.rmtree(pack / "data/nights" / run, ignore_errors=True)
    packs.relist(pack)
    found = verify(pack)
    assert found.exit_code == 10
    assert any(said in problem for problem in found.problems), found.problems


def test_a_pack_that_was_made_anew_is_caught_by_its_signature(made: Made, copied: Copy) -> None:
    pack = copied()
    packs.edit_json(pack / "data" / "assessment.json", lambda document: document["summary"].update(notes=["nothing to see"]))
    packs.relist(pack)
    script = packs.run_script(pack, made.programs, made.allowed, PRINCIPAL)
    assert (script.returncode, "is no signature of this pack" in script.stderr) == (10, True)
    assert verify(pack, Trust(load_allowed_signers(made.allowed))).exit_code == 10


def test_whom_the_caller_does_not_name_is_not_believed(made: Made, tmp_path: Path) -> None:
    other = tmp_path / "keys" / "other"
    new_key(other, "stranger@example.org", rig.NOW)
    packs.made(made.store, tmp_path / "pack", signers=[load_signer(other)])
    pack = tmp_path / "pack"
    assert judged(made, pack) == (10, 10)
    allowed = allowed_file(other)
    assert packs.run_script(pack, made.programs, allowed, "stranger@example.org").returncode == 0
    assert packs.run_script(pack, made.programs, allowed, PRINCIPAL).returncode == 10
    assert verify(pack, Trust(load_allowed_signers(allowed), ("stranger@example.org", PRINCIPAL))).exit_code == 10
    assert verify(pack, Trust(load_allowed_signers(allowed))).exit_code == 0


def test_who_signed_is_unknown_where_nobody_is_named_and_never_good(made: Made, tmp_path: Path) -> None:
    assert packs.run_script(made.pack, made.programs).returncode == 11
    assert (verify(made.pack).exit_code, verify(made.pack).doubts) == (11, ["who signed it was not checked; name your file of allowed signers"])
    packs.made(made.store, tmp_path / "pack")
    assert packs.run_script(tmp_path / "pack", made.programs).returncode == 11
    assert (verify(tmp_path / "pack").exit_code, verify(tmp_path / "pack").doubts) == (11, ["it is not signed"])
    assert packs.run_script(tmp_path / "pack", made.programs, made.allowed, PRINCIPAL).returncode == 10
    assert verify(tmp_path / "pack", Trust(load_allowed_signers(made.allowed))).exit_code == 10


def test_the_script_says_how_it_is_used(made: Made) -> None:
    assert packs.run_script(made.pack, made.programs, made.allowed).returncode == 2
    assert packs.run_script(made.pack, made.programs, "nowhere", PRINCIPAL).returncode == 2
    assert packs.run_script(made.folder / "nowhere", made.programs).returncode == 2


def test_the_commands_of_the_readme_hold(made: Made, copied: Copy) -> None:
    pack = copied()
    text = (pack / "README.txt").read_text("ascii")
    (signature,) = (file.name for file in (pack / "signatures").glob("*.sig"))
    commands = [
        line.strip()
        for line in text.splitlines()
        if line.startswith("  ") and line.split()[0] in ("sha256sum", "ssh-keygen", "cat", "cut", "grep", "ls", "sed")
    ]
    assert len(commands) == 11
    named = [
        command.replace("ALLOWED_SIGNERS", str(made.allowed)).replace("PRINCIPAL", PRINCIPAL).replace("NAME.sig", signature) for command in commands
    ]
    programs = made.programs.parent / "more"
    programs.mkdir(exist_ok=True)
    for name in ("cat", "ls", "wc"):
        if not (programs / name).exists():
            (programs / name).symlink_to(str(shutil.which(name)))

    def run(command: str) -> str:
        path = f"{made.programs}:{programs}"
        done = subprocess.run(["/bin/sh", "-c", command], cwd=pack, env={"PATH": path}, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (1 if command.startswith("grep") and not done.stdout else 0, ""), command
        return done.stdout.strip()

    said = [run(command) for command in named]
    assert all(line.endswith(": OK") for listed in said[:3] for line in listed.splitlines())
    assert said[3] == ""
    assert int(said[5]) == int(said[4]) + 1
    label = signature.removesuffix(".sig")
    files = [f"signatures/{label}.dsse.json", f"signatures/{label}.sig", bag.TAG_MANIFEST]
    assert [line.split() for line in said[6].splitlines()] == [["1", file] for file in files]
    assert said[7].startswith('Good "evidence@drcheck" signature')
    first, second = said[8].split()[0], link_from(said[9].encode())
    assert second.previous == f"sha256:{first}"
    assert said[10].split()[0] in (pack / "data/chain.jsonl").read_text().splitlines()[-1]
    for extra in ("data/extra", "data/.hidden:", "data/SHA256SUMS", "data/\n", "data/x:", ".:"):
        (pack / extra).write_bytes(b"")
        assert int(run(named[5])) == int(said[4]) + 2, extra
        (pack / extra).unlink()
    # Who adds a file and writes it into the list that nobody signs, or writes a line of it twice, is seen where one looks at it.
    sums = (pack / bag.SUMS).read_text("ascii")
    (pack / "data/extra").write_bytes(b"")
    for more in (f"{hashlib.sha256(b'').hexdigest()}  data/extra\n", sums.splitlines(keepends=True)[0]):
        (pack / bag.SUMS).write_text(sums + more, "ascii")
        assert all(line.endswith(": OK") for line in run(named[0]).splitlines())
        assert int(run(named[5])) == int(run(named[4])) + 1
        assert [line.split() for line in run(named[6]).splitlines()] != [["1", file] for file in files]
    # sha256sum takes what differs in capitals, or with a star, for the same.
    for lax in (sums[:64].upper() + sums[64:], sums.replace("  ", " *", 1)):
        (pack / bag.SUMS).write_text(lax, "ascii")
        assert all(line.endswith(": OK") for line in run(named[0]).splitlines())
        assert run(named[3]) == f"{bag.SUMS}:{lax.splitlines()[0]}"


def test_a_night_that_was_taken_out_exchanged_or_forked_is_caught(made: Made, copied: Copy) -> None:
    lines = (made.pack / "data/chain.jsonl").read_bytes().splitlines(keepends=True)
    assert len(lines) == 4

    def chain(*wanted: bytes) -> Callable[[Path], object]:
        return lambda pack: (pack / "data/chain.jsonl").write_bytes(b"".join(wanted))

    other = lines[1].replace(b'"exit_code":10', b'"exit_code":0')
    assert other != lines[1]
    changes = {
        "taken out": chain(lines[0], *lines[2:]),
        "the first taken out": chain(*lines[1:]),
        "the last taken out": chain(*lines[:3]),
        "exchanged": chain(lines[0], lines[2], lines[1], lines[3]),
        "rewritten": chain(lines[0], other, *lines[2:]),
        "doubled": chain(lines[0], lines[1], lines[1], *lines[2:]),
        "none": chain(),
    }
    for name, change in changes.items():
        pack = copied()
        shutil.rmtree(pack / "signatures")
        change(pack)
        packs.relist(pack)  # every list holds again: only what the pack says of itself is left to show it
        judgment = verify(pack)
        assert judgment.exit_code == 10, name
        assert any("chain.jsonl" in problem for problem in judgment.problems), name


def exchange(document: Any) -> None:
    """Let what fails pass, and something else fail for it."""
    findings = document["findings"]
    failing = next(finding for finding in findings if finding["outcome"] == "fail")
    passing = next(finding for finding in findings if finding["outcome"] == "pass")
    failing["outcome"], passing["outcome"] = "pass", "fail"


CONTRADICTIONS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "another record": (
        "record.json: is not the one that the chain names",
        lambda pack: packs.edit_json(pack / "data/record.json", lambda document: document.update(notes=["x"])),
    ),
    "another estate": (
        "estate.json: is not the one that the chain names",
        lambda pack: packs.edit_json(pack / "data/estate.json", lambda document: document.update(digest="x")),
    ),
    "one policy more": ("policies/x.toml: is there, and the chain does not name it", lambda pack: (pack / "data/policies/x.toml").write_text("")),
    "one policy less": ("is not there, and the chain names it", lambda pack: (pack / "data/policies/uk-caf-b5.toml").unlink()),
    "a better summary": (
        "its summary says fail 0",
        lambda pack: packs.edit_json(pack / "data/assessment.json", lambda document: document["summary"].update(fail=0, exit_code=0)),
    ),
    "better findings": (
        "has other findings than data/record.json",
        lambda pack: packs.edit_json(
            pack / "data/assessment.json", lambda document: [finding.update(outcome="pass") for finding in document["findings"]]
        ),
    ),
    "findings exchanged for others that come to the same": (
        "says of its findings something else",
        lambda pack: packs.edit_json(pack / "data/assessment.json", exchange),
    ),
    "another message": (
        "says of its findings something else",
        lambda pack: packs.edit_json(pack / "data/assessment.json", lambda document: document["findings"][0].update(message="all is well")),
    ),
    "a rehearsal that is said to be none, or the other way": (
        "says of a rehearsal something else",
        lambda pack: packs.edit_json(pack / "data/assessment.json", lambda document: document["estate"].update(rehearsal=True)),
    ),
    "another run": (
        "the last link is of",
        lambda pack: packs.edit_json(pack / "data/assessment.json", lambda document: document["run"].update(id="x")),
    ),
    "another head": (
        "the last link has head",
        lambda pack: packs.edit_json(pack / "data/pack.json", lambda document: document.update(head="sha256:" + "0" * 64)),
    ),
    "another kind of names": (
        "record.json: is not the one that the chain names",
        lambda pack: packs.edit_json(pack / "data/pack.json", lambda document: document.update(names="plain")),
    ),
    "no word of what it is": ("data/pack.json: is not there", lambda pack: (pack / "data/pack.json").unlink()),
    "no JSON": ("is no JSON", lambda pack: (pack / "data/assessment.json").write_text("{")),
    "too deep": ("too deeply", lambda pack: (pack / "data/assessment.json").write_text("[" * 200_000)),
    "a key twice": ("a key is there twice", lambda pack: (pack / "data/assessment.json").write_text('{"a":1,"a":2}')),
    "another form of bag": ("bagit.txt: is not that of", lambda pack: (pack / "bagit.txt").write_text("BagIt-Version: 0.97\n")),
    "a night that is not in it": (
        "the chain has no such night",
        lambda pack: packs.edit_json(pack / "data/pack.json", lambda document: document.update(nights=["x"], left_out=[])),
    ),
    "papers that were thrown away": (
        "is there, and the chain does not name it",
        lambda pack: shutil.copytree(pack / "data/policies", pack / "data/nights/x"),
    ),
}


@pytest.mark.parametrize(("said", "change"), CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_what_contradicts_itself_is_caught_although_every_list_holds(copied: Copy, said: str, change: Callable[[Path], object]) -> None:
    pack = copied()
    shutil.rmtree(pack / "signatures")
    change(pack)
    packs.relist(pack)
    judgment = verify(pack)
    assert judgment.exit_code == 10
    assert any(said in problem for problem in judgment.problems), judgment.problems


@pytest.mark.parametrize("kind", ["pack.tar.gz", "pack.zip"])
def test_a_byte_that_changes_a_file_in_an_archive_is_caught(made: Made, tmp_path: Path, kind: str) -> None:
    pack = tmp_path / kind
    packs.made(made.store, pack, signers=[load_signer(made.key)])
    trust = Trust(load_allowed_signers(made.allowed))
    before = read_contents(pack).digests
    assert verify(pack, trust).exit_code == 0
    content = pack.read_bytes()
    chance = random.Random(3)
    caught = 0
    for place in chance.sample(range(len(content)), 25):
        pack.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        code = verify(pack, trust).exit_code
        caught += code == 10
        # What is left are bytes such as a zip entry's time, which no file is made of.
        assert code == 10 or read_contents(pack).digests == before, place
    assert caught >= 20


def test_the_scripts_of_a_pack_are_those_that_are_tested(made: Made) -> None:
    for name, content in tag_files().items():
        assert (made.pack / name).read_bytes() == content
    assert (made.pack / "verify.sh").read_bytes() == packs.SCRIPT.read_bytes()
    windows = (made.pack / "verify.ps1").read_text("ascii")
    for word in ("Get-FileHash", "check-novalidate", "evidence@drcheck", "ReparsePoint", "-cnotmatch", *(bag.SUMS, bag.TAG_MANIFEST, bag.MANIFEST)):
        assert word in windows


def test_the_digest_of_a_night_is_that_of_its_line(made: Made) -> None:
    line = (made.pack / "data/chain.jsonl").read_bytes().splitlines()[-1]
    assert digest_bytes(line) == made.store.assessments()[0].link


def test_a_report_with_names_that_are_no_text_says_the_same_as_its_record() -> None:
    assessment = hospital()
    report = count(render_text(assessment, "json", ReportOptions()).encode())
    assert (report.told, report.summarised) == ((record := count(assessment_to_record(assessment))).told, record.summarised)


def test_a_record_of_a_rehearsal_is_counted_as_one() -> None:
    for make, rehearsal in ((hospital, False), (sample_rehearsal, True)):
        assert count(assessment_to_record(make())).rehearsal is rehearsal
        assert count(render_text(make(), "json", ReportOptions()).encode("utf-8", "surrogateescape")).rehearsal is rehearsal
