"""Packs: valid bags, the same each time, and without a patient's name unless that was asked for."""

from __future__ import annotations

import json
import re
import signal
import sys
import tarfile
import zipfile
from datetime import timedelta
from pathlib import Path

import bagit
import pytest

from drcheck.canonical import canonical_json, digest_bytes
from drcheck.errors import BadPack, EvidenceError, OutputError, StoreError
from drcheck.evidence import bag
from drcheck.evidence.archive import entries
from drcheck.evidence.local_names import names_of
from drcheck.evidence.pack import Choice, Period, add_tag_files, export, nights_of
from drcheck.evidence.private_keys import load_signer
from drcheck.evidence.verify import verify
from drcheck.nights.gaps import Rhythm
from drcheck.record import assessment_from_record
from tests.evidence import packs
from tests.evidence.conftest import Made
from tests.policy import rig

KINDS = ("pack", "pack.tar.gz", "pack.zip")
WHOLE = Period(None, None, Rhythm())


def everything(pack: Path) -> dict[str, bytes]:
    """Every file of a pack, by its path."""
    return {entry.name: b"".join(entry.chunks) for entry in entries(pack)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_pack_is_a_bag_that_bagit_takes(made: Made, tmp_path: Path, kind: str) -> None:
    packs.made(made.store, tmp_path / kind, signers=[load_signer(made.key)])
    place = tmp_path / kind
    if kind.endswith(".gz"):
        with tarfile.open(place) as archive:
            archive.extractall(tmp_path / "unpacked", filter="data")
    elif kind.endswith(".zip"):
        with zipfile.ZipFile(place) as zipped:
            zipped.extractall(tmp_path / "unpacked")
    if kind != "pack":
        (place,) = (tmp_path / "unpacked").iterdir()
    taken = bagit.Bag(str(place))
    assert taken.validate()
    assert taken.info["External-Identifier"] == made.store.assessments()[0].run
    assert taken.info["Drcheck-Head"] == made.store.assessments()[0].link
    assert verify(tmp_path / kind).problems == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_night_gives_the_same_bytes(made: Made, tmp_path: Path, kind: str) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        packs.made(made.store, tmp_path / folder / kind, signers=[load_signer(made.key)], period=WHOLE)
    first, second = (everything(tmp_path / folder / kind) for folder in ("a", "b"))
    assert first == second
    if kind != "pack":
        assert (tmp_path / "a" / kind).read_bytes() == (tmp_path / "b" / kind).read_bytes()


def test_only_what_tells_when_it_was_exported_is_other_at_another_moment(made: Made, tmp_path: Path) -> None:
    packs.made(made.store, tmp_path / "a", period=WHOLE)
    packs.made(made.store, tmp_path / "b", period=WHOLE, exported=packs.EXPORTED + timedelta(days=1))
    first, second = everything(tmp_path / "a"), everything(tmp_path / "b")
    differ = {name for name in first if first[name] != second[name]}
    assert first.keys() == second.keys()
    assert differ == {bag.INFO, "data/objects.jsonl", bag.MANIFEST, bag.TAG_MANIFEST, bag.SUMS}


@pytest.mark.parametrize("kind", KINDS)
def test_no_part_of_a_name_is_in_a_pack(made: Made, tmp_path: Path, kind: str) -> None:
    packs.made(made.store, tmp_path / kind, period=WHOLE, signers=[load_signer(made.key)])
    found = everything(tmp_path / kind)
    parts = {packs.PATIENT[place : place + 6].encode() for place in range(len(packs.PATIENT) - 5)}
    assert [name for name, content in found.items() if any(part in content for part in parts)] == []
    assert sum(b"name-" in content for name, content in found.items() if name.startswith("data/")) >= 5


def test_names_stay_where_that_is_asked_for(made: Made, tmp_path: Path) -> None:
    packs.made(made.store, tmp_path / "pack", names=True)
    found = everything(tmp_path / "pack")
    assert json.loads(found["data/pack.json"])["names"] == "plain"
    for name in ("data/record.json", "data/assessment.json", "data/objects.jsonl", "data/reports/assessment.csv", "data/reports/assessment.md"):
        assert packs.PATIENT.encode() in found[name], name
    assert verify(tmp_path / "pack").problems == []
    assert digest_bytes(found["data/record.json"]) == dict(made.store.links("north")[-1].papers)["record.json"]


def test_who_holds_the_store_can_say_which_name_is_behind_a_token(made: Made) -> None:
    run = made.store.assessments()[0].run
    record = (made.pack / "data" / "record.json").read_text("utf-8") + (made.pack / "data" / "objects.jsonl").read_text("utf-8")
    known = dict(names_of(made.store, run, objects=True))
    assert set(re.findall(r"name-[0-9a-f]{20}", record)) <= known.keys()
    assert f"scans/{packs.PATIENT}-3.dcm" in dict(names_of(made.store, run)).values()


def test_every_line_and_document_is_in_its_one_form(made: Made) -> None:
    for name in ("objects.jsonl", "calls.jsonl", "chain.jsonl", "pack.json", "versions.json"):
        lines = (made.pack / "data" / name).read_bytes().splitlines()
        assert lines or name == "calls.jsonl"
        assert all(canonical_json(json.loads(line)) == line for line in lines), name
    first, *objects = map(json.loads, (made.pack / "data" / "objects.jsonl").read_bytes().splitlines())
    assert first == {"schema": "drcheck.objects/1", "state_of": "2026-03-31T09:00:00Z"}
    read = [each for each in objects if each["result"] == "match"]
    assert [(each["copy"], each["promised"], each["read"], each["last_read"]) for each in read] == [
        ("pas@nas", {"sha256": "ab" * 32}, {"sha256": "ab" * 32}, "2026-03-01T09:00:00Z")
    ]
    assert len(objects) == 2


def test_what_was_recorded_is_in_the_pack_to_the_byte(made: Made) -> None:
    link = made.store.links("north")[-1]
    for name, digest in link.hashed:
        assert digest_bytes((made.pack / "data" / name).read_bytes()) == digest
    record = assessment_from_record((made.pack / "data" / "record.json").read_bytes(), "record.json")
    assert record.counts() == dict(made.store.assessments()[0].counts)
    for report in ("assessment.md", "assessment.csv", "assessment.html"):
        assert record.run.id.encode() in (made.pack / "data" / "reports" / report).read_bytes() or report.endswith("csv")


def test_a_period_has_every_night_and_the_trend(made: Made, tmp_path: Path) -> None:
    since = rig.NOW + timedelta(days=1)
    nights = nights_of(made.store, "north", since, rig.NOW + timedelta(days=2))
    export(
        made.store,
        nights,
        tmp_path / "pack",
        exported=packs.EXPORTED,
        choice=Choice(objects=False),
        period=Period(since, rig.NOW + timedelta(days=2), Rhythm()),
    )
    found = everything(tmp_path / "pack")
    assert "data/objects.jsonl" not in found
    assert json.loads(found["data/pack.json"])["nights"] == [night.run for night in nights]
    assert [night["run"] for night in json.loads(found["data/trend.json"])["nights"]] == [night.run for night in nights]
    assert {name.split("/")[2] for name in found if name.startswith("data/nights/")} == {night.run for night in nights}
    assert len(found["data/chain.jsonl"].splitlines()) == 3
    judged = verify(tmp_path / "pack")
    assert (judged.problems, judged.doubts) == ([], ["it is not signed"])


def test_a_period_without_a_night_is_refused(made: Made) -> None:
    with pytest.raises(StoreError, match="no night of north in that time"):
        nights_of(made.store, "north", rig.NOW + timedelta(days=50), None)


@pytest.mark.skipif(sys.platform == "win32", reason="has no limit of a file's size")
def test_a_full_disk_is_told_and_nothing_half_written_stays(made: Made, tmp_path: Path) -> None:
    import resource

    before, ignored = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, before[1]))
    try:
        with pytest.raises(OutputError, match=r"pack\.zip: could not be written: File too large"):
            packs.made(made.store, tmp_path / "pack.zip")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert list(tmp_path.iterdir()) == []


def test_evidence_is_never_written_over(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in KINDS:
        packs.made(made.store, tmp_path / kind)
    # It is said before anything is written, not after an hour of it.
    with monkeypatch.context() as patched:
        patched.setattr("drcheck.evidence.pack.beside", None)
        for kind in KINDS:
            with pytest.raises(OutputError, match="is there already"):
                packs.made(made.store, tmp_path / kind)
    with pytest.raises(OutputError, match="could not be written"):
        packs.made(made.store, tmp_path / "nowhere" / "pack")
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_can_be_added_and_nothing_else_changes(made: Made, tmp_path: Path, kind: str) -> None:
    pack = tmp_path / kind
    packs.made(made.store, pack)
    before = everything(pack)
    add_tag_files(pack, {"signatures/auditor.sig": b"x", "timestamps/auditor.tsr": b"y"})
    after = everything(pack)
    assert {name: content for name, content in after.items() if name in before and name != bag.SUMS} == {
        name: content for name, content in before.items() if name != bag.SUMS
    }
    assert after.keys() - before.keys() == {"signatures/auditor.sig", "timestamps/auditor.tsr"}
    assert set(bag.read_sums(after[bag.SUMS], bag.SUMS)) == {bag.TAG_MANIFEST, "signatures/auditor.sig", "timestamps/auditor.tsr"}
    with pytest.raises(EvidenceError, match=r"has signatures/auditor\.sig already"):
        add_tag_files(pack, {"signatures/auditor.sig": b"z"})
    with pytest.raises(BadPack, match="only signatures/ and timestamps/"):
        add_tag_files(pack, {"data/record.json": b"z"})
    with pytest.raises(BadPack, match="is no path"):
        add_tag_files(pack, {"signatures/../data/record.json": b"z"})
    assert everything(pack) == after
    assert sorted(each.name for each in tmp_path.iterdir()) == [kind]
