"""`drcheck manifest`: written away from the data, held against a place, converted; whatever is not known shows in the exit code."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drcheck import connectors
from drcheck.errors import AccessDenied, Unreachable
from tests.cli.inside import drcheck
from tests.e2e.estates import mirror, target, write_estate
from tests.verify.places import age, fill
from tests.verify.troubled import CONNECTOR, TroubledConnector

COPY = "records@nas"
FILES = {"2026-03-01/a": b"one", "2026-03-01/b c": b"two", "2026-03-02/a": b"three", "2026-03-02/deep/d": b""}
DATED: dict[str, Any] = {"format": "dated", "options": {"pattern": "%Y-%m-%d"}, "manifest": {"path": "away/records.sha256"}}


def sums(files: dict[str, bytes]) -> str:
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An estate with one copy of two finished recovery points, and a folder for manifests away from them."""
    fill(tmp_path / "nas" / "data", FILES)
    (tmp_path / "away").mkdir()
    write_estate(tmp_path, [target("nas", "local", {"root": "nas"})], [mirror("nas", **DATED)])
    return tmp_path


@pytest.fixture
def refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The estate's target with a connector that may not read these keys."""
    keys: set[str] = set()

    def before(key: str) -> None:
        if key in keys:
            raise AccessDenied(f"{key}: not you")

    troubled(folder, monkeypatch, before)
    return keys


def troubled(folder: Path, monkeypatch: pytest.MonkeyPatch, before: Callable[[str], None]) -> None:
    for name, place in CONNECTOR.items():
        monkeypatch.setitem(connectors.BUILTIN, name, place)
    monkeypatch.setattr(TroubledConnector, "before", staticmethod(before))
    estate = folder / "estate.toml"
    estate.write_text(estate.read_text().replace('"local"', '"troubled"'))


def create(folder: Path, *more: str | Path, output: str = "away/records.sha256") -> tuple[int, str, str]:
    done = drcheck("manifest", "create", "--copy", COPY, "-o", output, *more, cwd=folder)
    return done.returncode, done.stdout, done.stderr


def held(folder: Path, *more: str | Path, file: str = "away/records.sha256", place: tuple[str, str] = ("--copy", COPY)) -> tuple[int, str]:
    done = drcheck("manifest", "verify", file, *place, *more, cwd=folder)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_create_verify_and_check_agree(folder: Path) -> None:
    code, said, err = create(folder)
    assert (code, err) == (0, f"reading {COPY}\n")
    assert (folder / "away/records.sha256").read_text() == sums(FILES)
    assert "4 objects of records@nas, sha256, kind gnu; 4 read now (11 bytes)" in said
    assert "whether anything was changed or damaged before, it cannot tell" in said
    assert held(folder) == (0, "records@nas: as promised by away/records.sha256\n4 match; 11 bytes read\n")
    checked = json.loads(drcheck("check", "-q", "--format", "json", cwd=folder).stdout)
    assert {finding["check"]: finding["outcome"] for finding in checked["findings"]}["integrity.checksums"] == "pass"
    (folder / "nas/data/2026-03-01/a").write_bytes(b"owe")
    age(folder / "nas")
    code, said = held(folder)
    assert code == 10
    assert re.search(r"^mismatch +data/2026-03-01/a +promised ", said, re.MULTILINE)


def test_it_says_how_to_declare_it_and_that_is_valid(folder: Path) -> None:
    estate = folder / "estate.toml"
    estate.write_text(estate.read_text().replace(', manifest = { path = "away/records.sha256" }', ""))
    _, said, _ = create(folder, output="away/new.sha256")
    declared = re.search(r"^ +(manifest = \{.*\})$", said, re.MULTILINE)
    assert declared is not None
    assert declared[1] == 'manifest = { path = "away/new.sha256" }'
    estate.write_text(estate.read_text().replace('format = "dated"', f'format = "dated", {declared[1]}'))
    assert drcheck("estate", "validate", cwd=folder).returncode == 0
    assert json.loads(drcheck("check", "-q", "--format", "json", cwd=folder).stdout)["copies"][0]["verification"]["objects_read"] == 4


@pytest.mark.parametrize(
    ("options", "output"),
    [
        (["--kind", "bsd"], "x"),
        (["--kind", "hashdeep"], "x"),
        (["--zero"], "x"),
        (["--kind", "bsd", "--zero", "--algorithm", "sha3-512"], "x"),
        (["--algorithm", "blake3"], "x.blake3"),
        (["--algorithm", "blake2b"], "B2SUMS"),
        (["--algorithm", "sha512"], "x"),
    ],
)
def test_every_kind_and_algorithm_is_held_to_what_was_read(folder: Path, options: list[str], output: str) -> None:
    assert create(folder, *options, output=f"away/{output}")[0] == 0
    code, said = held(folder, "--format", "json", file=f"away/{output}", place=("--root", "nas/data"))
    assert (code, json.loads(said)["counts"]["match"]) == (0, 4)


@pytest.mark.parametrize("output", ["nas/SUMS", "nas/data/2026-03-01/SUMS", "link/SUMS", "file"])
def test_nothing_is_written_on_a_target(folder: Path, output: str) -> None:
    (folder / "link").symlink_to("nas/data")
    (folder / "file").symlink_to("nas/data/SUMS")
    before = sorted(folder.rglob("*"))
    for more in ([], ["--force"]):
        code, said, err = create(folder, *more, output=output)
        assert (code, said) == (2, "")
        assert "which is the target nas; keep the manifest away from the data" in err
    assert sorted(folder.rglob("*")) == before


def test_nothing_is_overwritten_unasked(folder: Path) -> None:
    file = folder / "away/records.sha256"
    file.write_text("mine")
    code, _, err = create(folder)
    assert (code, file.read_text()) == (2, "mine")
    assert "is there already, and was not touched; add to it with --update, or replace it with --force" in err
    assert create(folder, "--force")[0] == 0
    assert file.read_text() == sums(FILES)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--copy", "records@nsa"], "did you mean"),
        (["--update", "--force"], "choose one"),
        (["--accept", "*"], "--accept is for --update"),
        (["--algorithm", "md5"], "md5"),
        (["--kind", "sfv"], "sfv"),
        (["--kind", "hashdeep", "--zero"], "cannot end in NUL"),
        (["--kind", "hashdeep", "--algorithm", "sha512"], "cannot hold sha512"),
        (["--algorithm", "sha512"], "records.sha256: would be read as sha256"),
        (["-o", "nowhere/x"], "its folder is not there"),
        (["-o", "away"], "is a folder"),
    ],
)
def test_what_cannot_be_meant_is_exit_2(folder: Path, more: list[str], says: str) -> None:
    code, said, err = create(folder, *more)
    assert (code, said) == (2, "")
    assert says in err
    assert list((folder / "away").iterdir()) == []


def test_only_finished_recovery_points_are_promised(folder: Path) -> None:
    fill(folder / "nas/data", {"2026-03-03.part/a": b"half", "2199-01-01/a": b"future", "stray": b"x", "2026-03-02/SHA256SUMS": b"x"})
    code, said, _ = create(folder)
    assert code == 0
    assert (folder / "away/records.sha256").read_text() == sums(FILES)
    assert "Left aside, for it is no finished recovery point (2):" in said


def test_nothing_to_promise_is_unknown(folder: Path) -> None:
    (folder / "nas/data").rename(folder / "nas/other")
    code, said, _ = create(folder)
    assert code == 11
    assert "has no finished recovery point, so there is nothing to promise" in said
    (folder / "nas").rename(folder / "gone")
    code, said, _ = create(folder)
    assert code == 11
    assert "It ended early: unreachable" in said
    assert list((folder / "away").iterdir()) == []


def test_what_cannot_be_read_is_named_and_stops_the_writing(folder: Path, refused: set[str]) -> None:
    refused.add("data/2026-03-01/a")
    code, said, _ = create(folder)
    assert code == 11
    assert "Wrote nothing: not everything could be read" in said
    assert "  2026-03-01/a: access-denied" in said
    assert list((folder / "away").iterdir()) == []
    code, said, _ = create(folder, "--partial")
    assert code == 11
    assert "IT IS PARTIAL" in said
    assert "  2026-03-01/a: access-denied" in said
    assert (folder / "away/records.sha256").read_text() == sums({name: content for name, content in FILES.items() if name != "2026-03-01/a"})
    refused.clear()
    assert held(folder)[0] == 11  # nothing is promised for it


def test_a_place_that_is_lost_ends_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def before(key: str) -> None:
        if key != "data/2026-03-01/a":
            raise Unreachable("the line is down")

    troubled(folder, monkeypatch, before)
    code, said, _ = create(folder)
    assert code == 11
    assert "It ended early: unreachable: the line is down. 3 objects were not tried." in said
    assert list((folder / "away").iterdir()) == []
    assert create(folder, "--partial")[0] == 11
    assert (folder / "away/records.sha256").read_text() == sums({"2026-03-01/a": b"one"})


def test_an_object_that_grows_is_not_promised(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def before(key: str) -> None:
        if key == "data/2026-03-02/a":
            (folder / "nas" / key).write_bytes(b"three and more")

    troubled(folder, monkeypatch, before)
    code, said, _ = create(folder)
    assert code == 11
    assert "  2026-03-02/a: 5 bytes when it was listed and 14 when it was read: it is being written" in said


def test_update_adds_what_is_new_and_keeps_every_line(folder: Path) -> None:
    create(folder)
    fill(folder / "nas/data", {"2026-03-03/a": b"new"})
    code, said, _ = create(folder, "--update")
    assert code == 0
    assert "1 read now (3 bytes), 4 lines kept" in said
    assert (folder / "away/records.sha256").read_text() == sums(FILES | {"2026-03-03/a": b"new"})
    before = (folder / "away/records.sha256").stat()
    code, said, _ = create(folder, "--update")
    assert (code, (folder / "away/records.sha256").stat().st_mtime_ns) == (0, before.st_mtime_ns)
    assert "stays as it is: there is nothing new" in said


def test_an_archived_object_is_named_until_it_has_a_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    troubled(folder, monkeypatch, lambda key: None)
    monkeypatch.setattr(TroubledConnector, "archived", frozenset({"data/2026-03-01/a"}))
    code, said, _ = create(folder)
    assert code == 11
    assert "  2026-03-01/a: in an archived storage class, which is never read" in said
    monkeypatch.setattr(TroubledConnector, "archived", frozenset())
    assert create(folder)[0] == 0
    monkeypatch.setattr(TroubledConnector, "archived", frozenset({"data/2026-03-01/a"}))
    fill(folder / "nas/data", {"2026-03-03/a": b"new"})
    assert create(folder, "--update")[0] == 0


def test_a_name_that_the_kind_cannot_hold_is_named(folder: Path) -> None:
    fill(folder / "nas/data", {"2026-03-03/new\nline": b"x"})
    code, said, _ = create(folder, "--kind", "hashdeep")
    assert code == 11
    assert "line end in it" in said
    assert create(folder)[0] == 0


def test_an_algorithm_that_only_the_estate_tells_is_refused(folder: Path) -> None:
    estate = folder / "estate.toml"
    estate.write_text(estate.read_text().replace('records.sha256"', 'records", algorithm = "blake3"'))
    (folder / "away/records").write_text(f"{'0' * 64}  2026-03-01/a\n")
    code, _, err = create(folder, "--update", output="away/records")
    assert code == 2
    assert "do not say that they are blake3" in err


def test_update_without_a_file_begins_one(folder: Path) -> None:
    assert create(folder, "--update")[0] == 0
    assert (folder / "away/records.sha256").read_text() == sums(FILES)


def test_what_changed_or_vanished_is_never_promised_anew_unless_accepted(folder: Path) -> None:
    create(folder, "--kind", "hashdeep")
    before = (folder / "away/records.sha256").read_text()
    (folder / "nas/data/2026-03-01/a").write_bytes(b"longer")
    (folder / "nas/data/2026-03-01/b c").unlink()
    fill(folder / "nas/data", {"2026-03-03/a": b"new"})
    code, said, _ = create(folder, "--update")
    assert code == 10
    assert "stays as it is until --accept names it (1):\n  2026-03-01/a: 3 bytes were promised and 6 are there" in said
    assert "  2026-03-01/b c: promised, and no longer there" in said
    now = (folder / "away/records.sha256").read_text()
    assert set(before.splitlines()) < set(now.splitlines())
    assert held(folder)[0] == 10
    code, said, _ = create(folder, "--update", "--accept", "2026-03-01/b*")
    assert code == 10  # the other one is not accepted
    assert "  2026-03-01/b c: vanished; its line was dropped" in said
    code, said, _ = create(folder, "--update", "--accept", "2026-03-01/*")
    assert code == 0
    assert f"  2026-03-01/a: changed; promised anew as {hashlib.sha256(b'longer').hexdigest()}" in said
    assert held(folder)[0] == 0


def test_an_accepted_object_that_did_not_change_keeps_its_line(folder: Path) -> None:
    create(folder)
    (folder / "nas/data/2026-03-01/a").write_bytes(b"owe")
    age(folder / "nas")
    code, said, _ = create(folder, "--update")
    assert code == 0
    assert "stays as it is" in said
    assert held(folder)[0] == 10  # a kind without sizes: reading tells
    code, said, _ = create(folder, "--update", "--accept", "2026-03-01/*")
    assert code == 0
    assert said.count("; promised anew as ") == 1
    assert "0 read now" in said
    assert held(folder)[0] == 0


def test_an_accepted_object_that_cannot_be_read_stays_promised(folder: Path, refused: set[str]) -> None:
    create(folder)
    before = (folder / "away/records.sha256").read_text()
    refused.add("data/2026-03-01/a")
    code, said, _ = create(folder, "--update", "--accept", "*", "--partial")
    assert code == 11
    assert "  2026-03-01/a: access-denied" in said
    assert (folder / "away/records.sha256").read_text() == before


def test_an_update_must_be_of_the_same_form(folder: Path) -> None:
    create(folder)
    for more, says in (
        (["--kind", "bsd"], "is not of that --kind"),
        (["--zero"], "is not of that --zero"),
        (["--algorithm", "sha512"], "would be|holds|has 64"),
    ):
        code, _, err = create(folder, "--update", *more)
        assert code == 2
        assert re.search(says, err)
    (folder / "away/records.sha256").write_text(f"{'0' * 32}  data/a\n")
    assert create(folder, "--update")[0] == 2
    (folder / "away/weak").write_text(f"{'0' * 32}  data/a\n")
    code, _, err = create(folder, "--update", output="away/weak")
    assert code == 2
    assert "shows no attack" in err
    (folder / "away/weak").write_text("no manifest\n")
    assert create(folder, "--update", output="away/weak")[0] == 2


def test_verify_tells_every_result_of_a_folder(folder: Path) -> None:
    root = folder / "plain"
    fill(root, {"right": b"1", "wrong": b"2", "extra": b"3", "being.part": b"4"})
    (root / "SHA256SUMS").write_text(sums({"right": b"1", "wrong": b"x", "gone": b"", "being.part": b"4"}))
    code, said = held(folder, "--format", "json", file="plain/SHA256SUMS", place=("--root", "plain"))
    document = json.loads(said)
    assert (code, document["exit_code"], document["schema"]) == (10, 10, "drcheck.manifest-verification/1")
    assert {result: count for result, count in document["counts"].items() if count} == {"match": 2, "mismatch": 1, "missing": 1, "extra": 1}
    assert [(each["object"], each["result"]) for each in document["problems"]] == [("wrong", "mismatch"), ("gone", "missing"), ("extra", "extra")]


def test_what_is_not_known_is_exit_11(folder: Path) -> None:
    fill(folder / "plain", {"right": b"1"})
    sum_of_it = sums({"right": b"1"})
    fill(folder, {"good": sum_of_it.encode(), "cut": sum_of_it[:40].encode(), "weak": f"{hashlib.md5(b'1').hexdigest()}  right\n".encode()})
    place = ("--root", "plain")
    assert held(folder, file="good", place=place)[0] == 0
    for file, says in (("cut", "unusable: "), ("none", "is not there"), ("weak", "shows accidents and no attack")):
        code, said = held(folder, file=file, place=place)
        assert code == 11
        assert says in said
    assert held(folder, "--weak-allowed", file="weak", place=place)[0] == 0
    code, said = held(folder, file="good", place=("--root", "nowhere"))
    assert (code, "ended early: unreachable" in said) == (11, True)
    fill(folder / "plain", {"extra": b"2"})
    assert held(folder, file="good", place=place)[0] == 11
    assert held(folder, "--extra-allowed", file="good", place=place)[0] == 0
    (folder / "plain/right").unlink()
    assert held(folder, "--extra-allowed", file="good", place=place)[0] == 10


def test_verify_needs_one_place(folder: Path) -> None:
    for place in ([], ["--root", ".", "--copy", COPY]):
        done = drcheck("manifest", "verify", "x", *place, cwd=folder)
        assert (done.returncode, done.stdout) == (2, "")
        assert "say where to look" in done.stderr
