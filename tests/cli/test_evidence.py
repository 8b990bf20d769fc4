"""`drcheck evidence`: what each command says, and the code that it ends with."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from drcheck.clock import format_moment
from drcheck.evidence.keys import allowed_file, new_key
from drcheck.model import Assessment
from drcheck.store import open_store
from tests.cli.inside import Ended, drcheck
from tests.evidence import packs
from tests.policy import rig

PRINCIPAL = "backups@hospital.example"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of three nights, a key, and signed packs of the second and the last of them."""
    folder = tmp_path_factory.mktemp("evidence")
    new_key(folder / "key", PRINCIPAL, rig.NOW - timedelta(days=9))
    with packs.store_at(folder, range(2)):
        pass
    assert _in(folder, "export", "--store", "drcheck.db", "-o", "second.zip", "--sign", "key").returncode == 0
    with open_store(folder / "drcheck.db") as store:
        packs.fill(store, [2])
    assert _in(folder, "export", "--store", "drcheck.db", "-o", "last.tar.gz", "--sign", "key").returncode == 0
    return folder


def _in(folder: Path, command: str, *arguments: str | Path) -> Ended:
    return drcheck("evidence", command, *arguments, cwd=folder)


@pytest.fixture
def folder(place: Path, tmp_path: Path) -> Path:
    """A copy of it to change."""
    return Path(shutil.copytree(place, tmp_path / "place"))


def _trust(folder: Path) -> tuple[str | Path, ...]:
    return "--allowed-signers", allowed_file(folder / "key"), "--principal", PRINCIPAL


def test_the_nights_are_listed_with_their_links(place: Path) -> None:
    said = _in(place, "list", "--store", "drcheck.db")
    lines = said.stdout.splitlines()
    assert (said.returncode, len(lines)) == (0, 5)
    with open_store(place / "drcheck.db") as store:
        nights = store.assessments()
    assert all(night.run in line and night.link in line and "kept" in line for night, line in zip(nights, lines[2:], strict=True))
    assert _in(place, "list", "--store", "drcheck.db", "--organisation", "x").stderr.endswith("holds no assessment of x\n")


def test_a_pack_says_what_it_is(place: Path) -> None:
    said = _in(place, "show", "last.tar.gz").stdout
    assert "organisation North Hospital (north)" in said
    assert "number 3 of the chain" in said
    assert "names        of objects are tokens" in said
    assert "ssh-ed25519 SHA256:" in said
    assert "`drcheck evidence verify` checks it" in said


def test_sound_packs_are_sound_with_the_chain_of_the_store(place: Path) -> None:
    said = _in(place, "verify", "second.zip", "last.tar.gz", *_trust(place), "--chain", "--store", "drcheck.db", "--every", "1d")
    assert (said.returncode, said.stderr) == (0, "")
    assert "second.zip: sound\n" in said.stdout
    assert f"by {PRINCIPAL}" in said.stdout
    assert said.stdout.endswith("chain: 3 links in 3 places: whole\n")


def test_a_store_that_cannot_be_held_against_a_pack_is_never_taken_for_one_that_was(folder: Path) -> None:
    said = _in(folder, "verify", "last.tar.gz", *_trust(folder), "--store", "drcheck.db")
    assert (said.returncode, "--store needs --chain" in said.stderr) == (2, True)
    with open_store(folder / "empty.db"):
        pass
    said = _in(folder, "verify", "last.tar.gz", *_trust(folder), "--chain", "--store", "empty.db")
    assert (said.returncode, "has no night of north, so nothing was held against it" in said.stdout) == (11, True)
    assert "in 1 place" in said.stdout


def test_a_pack_of_another_moment_than_the_present_says_so(folder: Path) -> None:
    def as_of(number: int) -> Assessment:
        found = packs.assessment_of(number)
        return replace(found, run=replace(found.run, as_of=True, started=rig.NOW + timedelta(days=40)))

    with open_store(folder / "drcheck.db") as store:
        packs.fill(store, [3], as_of)
        run = next(night.run for night in store.assessments() if night.as_of)
    assert _in(folder, "export", "--store", "drcheck.db", "--run", run, "-o", "as-of.zip", "--sign", "key").returncode == 0
    for said in (_in(folder, "show", "as-of.zip"), _in(folder, "verify", "as-of.zip", *_trust(folder))):
        assert (said.returncode, f"as of {format_moment(rig.NOW + timedelta(days=3))}, not when it ran" in said.stdout) == (0, True)


def test_who_signed_is_unknown_where_nobody_is_named(place: Path) -> None:
    said = _in(place, "verify", "last.tar.gz")
    assert said.returncode == 11
    assert "unknown: who signed it was not checked" in said.stdout
    assert _in(place, "verify", "last.tar.gz", "--principal", "x").returncode == 2
    assert _in(place, "verify", "last.tar.gz", "--authorities", "x").returncode == 2
    assert _in(place, "verify", "nowhere").returncode == 12


def test_an_altered_pack_is_named_and_the_others_are_told_all_the_same(folder: Path) -> None:
    content = (folder / "second.zip").read_bytes()
    (folder / "second.zip").write_bytes(content[:2000] + bytes([content[2000] ^ 1]) + content[2001:])
    said = _in(folder, "verify", "second.zip", "last.tar.gz", *_trust(folder))
    assert said.returncode == 10
    assert "second.zip: NOT SOUND\n  wrong: " in said.stdout
    assert "last.tar.gz: sound\n" in said.stdout


def test_a_store_that_was_made_anew_is_caught_by_a_pack_that_was_handed_out(folder: Path) -> None:
    (folder / "anew").mkdir()
    with packs.store_at(folder / "anew", range(3), make=lambda number: packs.assessment_of(number, rig.facts(packs.ESTATE))):
        pass
    said = _in(folder, "verify", "second.zip", *_trust(folder), "--chain", "--store", "anew/drcheck.db")
    assert (said.returncode, "rewritten: the night" in said.stdout) == (10, True)


def test_a_night_that_is_missing_and_a_head_that_is_gone_are_told(folder: Path) -> None:
    with packs.store_at(folder, [5]) as store:
        head = store.assessments()[0].link
    said = _in(folder, "verify", "last.tar.gz", *_trust(folder), "--head", head)
    assert (said.returncode, f"no chain has the link {head} any more" in said.stdout) == (10, True)
    said = _in(folder, "verify", "last.tar.gz", *_trust(folder), "--chain", "--store", "drcheck.db", "--every", "1d")
    assert (said.returncode, "late: 3d went by between number 3" in said.stdout) == (10, True)


def test_a_head_may_be_given_as_sha256sum_writes_it_and_nothing_else_is_taken_for_one(folder: Path) -> None:
    with open_store(folder / "drcheck.db") as store:
        head = store.assessments()[0].link
    for given in (head, head.removeprefix("sha256:"), head.removeprefix("sha256:").upper()):
        assert _in(folder, "verify", "last.tar.gz", *_trust(folder), "--head", given).returncode == 0
    for given in (head[:19], "", "the last one"):
        said = _in(folder, "verify", "last.tar.gz", *_trust(folder), "--head", given)
        assert (said.returncode, "is not the digest of a link" in said.stderr) == (2, True)


def test_a_signature_is_added_once_and_only_to_what_is_sound(folder: Path) -> None:
    new_key(folder / "auditor", "auditor@example.org", rig.NOW)
    said = _in(folder, "sign", "last.tar.gz", "--key", "auditor")
    assert (said.returncode, "last.tar.gz: signed: signatures/auditor" in said.stdout) == (0, True)
    assert _in(folder, "verify", "last.tar.gz", *_trust(folder)).returncode == 0
    again = _in(folder, "sign", "last.tar.gz", "--key", "auditor")
    assert (again.returncode, again.stderr.startswith("error: last.tar.gz: has signatures/auditor"), "already" in again.stderr) == (12, True, True)
    content = (folder / "second.zip").read_bytes()
    (folder / "second.zip").write_bytes(content[:2000] + bytes([content[2000] ^ 1]) + content[2001:])
    said = _in(folder, "sign", "second.zip", "--key", "auditor")
    assert (said.returncode, said.stderr.startswith("error: second.zip: ")) == (10, True)
    assert _in(folder, "sign", "last.tar.gz", "--key", "nowhere").returncode == 12


def test_a_period_is_exported_by_its_days(place: Path, tmp_path: Path) -> None:
    first, last = (f"{rig.NOW + timedelta(days=number):%Y-%m-%d}" for number in (1, 2))
    said = _in(place, "export", "--store", "drcheck.db", "--since", first, "--until", last, "-o", tmp_path / "pack", "--every", "1d")
    assert (said.returncode, "pack: 2 nights up to" in said.stdout) == (0, True)
    about = json.loads((tmp_path / "pack" / "data" / "pack.json").read_bytes())
    assert (about["since"], about["until"], len(about["nights"])) == (f"{first}T00:00:00Z", f"{last}T23:59:59Z", 2)
    shown = _in(place, "show", tmp_path / "pack")
    assert f"period       2 nights, {first}T00:00:00Z to {last}T23:59:59Z" in shown.stdout


def test_a_period_and_its_last_night_have_names_of_their_own(folder: Path) -> None:
    for arguments in ((), ("--since", f"{rig.NOW:%Y-%m-%d}")):
        assert _in(folder, "export", "--store", "drcheck.db", *arguments).returncode == 0
    with open_store(folder / "drcheck.db") as store:
        last = store.assessments()[0]
    days = f"{rig.NOW:%Y-%m-%d}-to-{last.reference:%Y-%m-%d}"
    assert {pack.name for pack in folder.glob("drcheck-evidence-*")} == {f"drcheck-evidence-{name}.tar.gz" for name in (last.run, days)}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--run", "x"), 12, "has no such run x"),
        (("--run", "x", "--since", "2026-01-01"), 2, "--run is of one night"),
        (("--every", "1d"), 2, "--every is for the trend of a period"),
        (("--since", "yesterday"), 2, "or a day as 2026-03-01"),
        (("--since", "2027-01-01"), 12, "no night of north in that time"),
        (("--sign", "nowhere"), 12, "nowhere"),
        (("--organisation", "south"), 12, "has no such night"),
    ],
)
def test_what_cannot_be_exported_says_why_and_leaves_nothing(place: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    ended = _in(place, "export", "--store", "drcheck.db", "-o", tmp_path / "pack", *arguments)
    assert (ended.returncode, said in ended.stderr) == (code, True), ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_mistyped_store_is_not_made(tmp_path: Path) -> None:
    for command in ("list", "export"):
        ended = _in(tmp_path, command, "--store", "mistyped.db")
        assert (ended.returncode, "there is no such store" in ended.stderr) == (12, True)
    assert list(tmp_path.iterdir()) == []


def test_tokens_are_told_to_who_holds_the_store(place: Path) -> None:
    with open_store(place / "drcheck.db") as store:
        run = store.assessments()[0].run
    said = _in(place, "names", run, "--store", "drcheck.db")
    names = dict(line.split("\t") for line in said.stdout.splitlines())
    token = next(token for token, name in names.items() if name == f"scans/{packs.PATIENT}-2.dcm")
    one = _in(place, "names", run, token, "--store", "drcheck.db")
    assert one.stdout == f"{token}\tscans/{packs.PATIENT}-2.dcm\n"
    assert f"scans/{packs.PATIENT}-1.dcm" in _in(place, "names", run, "--store", "drcheck.db", "--objects").stdout


def test_a_token_that_stands_for_nothing_is_not_passed_over_in_silence(place: Path) -> None:
    with open_store(place / "drcheck.db") as store:
        run = store.assessments()[0].run
    said = _in(place, "names", run, "name-00000000000000000000", "--store", "drcheck.db")
    assert (said.returncode, said.stdout) == (11, "")
    assert "name-00000000000000000000: stands for no name of that night; --objects looks at every object" in said.stderr


def test_what_was_pruned_is_said_to_be_left_out(folder: Path, tmp_path: Path) -> None:
    from sqlalchemy import create_engine, text

    engine = create_engine(f"sqlite:///{folder / 'drcheck.db'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE assessments SET pruned = 1 WHERE id = 1"))
    engine.dispose()
    said = _in(folder, "export", "--store", "drcheck.db", "--since", "2026-01-01", "-o", tmp_path / "pack")
    assert (said.returncode, "without the papers of 1 night, which are no longer kept" in said.stderr) == (0, True)
    judged = _in(folder, "verify", tmp_path / "pack")
    assert (judged.returncode, "the papers of 1 of 3 nights are no longer kept" in judged.stdout) == (11, True)
