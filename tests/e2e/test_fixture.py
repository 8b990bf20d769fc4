"""The hospital that ships: its four seeded faults and nothing else, without network or credentials, and what a missing fact does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from tests.e2e.runs import ROOT, Done, check, environment, snapshot, without_override

HOSPITAL = ROOT / "fixtures" / "hospital"
NIGHT = ("--as-of", "2026-03-02T08:00:00Z")
SEEDED = {
    ("integrity.checksums", "imaging@archive"): "studies/MR/MR-0007.dcm",
    ("backup.recency", "patient-record@second-dc"): "9d",
    ("copies.independent", "pathology"): "chiller-plant-1",
    ("restore.tested", "pathology"): "405d",
}
"""The seeded faults, each with what its finding must name."""
SYSTEMS = ("patient-record", "imaging", "pathology")
COPIES = {
    f"{copy}@{target}"
    for target, copies in {
        "onsite": ("patient-record", "imaging", "pathology"),
        "second-dc": ("patient-record", "pathology"),
        "archive": ("patient-record", "imaging"),
    }.items()
    for copy in copies
}
"""Every copy but those on the tapes, which are not in any drive."""

NO_NETWORK = """
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"):
        raise RuntimeError(f"this test allows no network: {event} {arguments!r}")

sys.addaudithook(refuse)
"""


@pytest.fixture(scope="module")
def that_night() -> Done:
    """The fixture judged as of the night it was made for."""
    return check(HOSPITAL / "estate.toml", *NIGHT)


@pytest.fixture(scope="module")
def today() -> Done:
    """The fixture judged now."""
    return check(HOSPITAL / "estate.toml")


def test_the_seeded_faults_fail_by_name_and_nothing_else_does(that_night: Done) -> None:
    assert that_night.code == 10
    assert that_night.having("fail") == set(SEEDED)
    assert that_night.having("error") == set()
    for (_, *key), finding in that_night.findings.items():
        if finding["outcome"] == "fail":
            assert SEEDED[key[0], key[1]] in finding["message"]


def test_only_what_rests_on_the_tapes_is_unknown(that_night: Done) -> None:
    unknown = [finding for finding in that_night.document["findings"] if finding["outcome"] == "unknown"]
    assert unknown
    assert [finding["message"] for finding in unknown if "tape" not in finding["message"] + finding["subject"]["id"]] == []


def test_without_a_moment_the_ages_fail_and_the_others_stand(that_night: Done, today: Done) -> None:
    assert today.code == 10
    # A backup, a drill and the tapes' last rotation grow old; what else there is does not.
    aged = (
        {("backup.recency", copy) for copy in COPIES}
        | {("restore.tested", system) for system in SYSTEMS}
        | {("copies.offline", system) for system in SYSTEMS}
    )
    assert today.having("fail") == set(SEEDED) | aged
    before, after = that_night.findings, today.findings
    changed = {key: (before[key]["outcome"], after[key]["outcome"]) for key in before if before[key]["outcome"] != after[key]["outcome"]}
    # A mirror that nobody touched since reaches back further than it did.
    assert changed.pop(("NCSC-OFF-2", "retention.depth", "imaging")) == ("unknown", "pass")
    assert {(check, subject) for _, check, subject in changed} == aged - set(SEEDED)
    assert not [key for key, (_, outcome) in changed.items() if outcome == "pass"]


@pytest.mark.parametrize("moment", [NIGHT, ()], ids=["that night", "now"])
def test_the_document_is_what_its_schema_says(that_night: Done, today: Done, moment: tuple[str, ...]) -> None:
    document = (that_night if moment else today).document
    schema = json.loads((ROOT / "docs" / "assessment.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(document)
    assert document["run"]["as_of"] is bool(moment)
    assert document["estate"]["rehearsal"] is True
    assert len(document["copies"]) == 10
    assert [target["target"] for target in document["targets"] if not target["answered"]] == ["tape"]


def test_it_needs_no_network_no_credentials_and_writes_nothing(tmp_path: Path, that_night: Done) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_NETWORK)
    nothing = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    refused = subprocess.run(
        [sys.executable, "-c", "import socket; socket.create_connection(('127.0.0.1', 9))"], env=nothing, capture_output=True, check=False
    )
    assert b"this test allows no network" in refused.stderr
    before = snapshot(HOSPITAL)
    done = check(HOSPITAL / "estate.toml", *NIGHT, env=nothing)
    assert "this test allows no network" not in done.stdout + done.stderr
    assert done.outcomes() == that_night.outcomes()
    assert snapshot(HOSPITAL) == before


def test_made_again_it_has_the_same_bytes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "fixtures.make_hospital", str(tmp_path / "again")], cwd=ROOT, env=environment(), check=True)
    made = {path.relative_to(tmp_path / "again"): path.read_bytes() for path in (tmp_path / "again").rglob("*") if path.is_file()}
    kept = {path.relative_to(HOSPITAL): path.read_bytes() for path in HOSPITAL.rglob("*") if path.is_file()}
    # Written by hand, as an organisation would.
    by_hand = {Path("estate.toml"), Path("drills.toml")}
    assert made == {path: content for path, content in kept.items() if path not in by_hand}


def _of_copy(copy: str) -> set[tuple[str, str]]:
    return {("backup.recency", copy), ("backup.completeness", copy), ("integrity.checksums", copy)}


def _counted(system: str, *checks: str) -> set[tuple[str, str]]:
    return {(f"copies.{name}", system) for name in checks}


def _write(name: str, text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / name).write_text(text, encoding="utf-8")

    return write


TAKEN_AWAY: dict[str, tuple[Callable[[Path], None], str, set[tuple[str, str]]]] = {
    "unreadable folder": (
        lambda folder: (folder / "onsite" / "pathology").chmod(0),
        "access-denied",
        _of_copy("pathology@onsite") | _counted("pathology", "count", "independent"),
    ),
    "unreadable folder deep inside": (
        lambda folder: (folder / "onsite" / "imaging" / "studies" / "CT").chmod(0),
        "access-denied",
        _of_copy("imaging@onsite") | _counted("imaging", "count", "independent"),
    ),
    "unreadable file": (
        lambda folder: (folder / "onsite" / "imaging" / "studies" / "CT" / "CT-0000.dcm").chmod(0),
        "could not be read whole (imaging/studies/CT/CT-0000.dcm)",
        {("integrity.checksums", "imaging@onsite")},
    ),
    "malformed manifest": (
        _write("onsite/imaging/SHA256SUMS", "this is no manifest\n"),
        "imaging/SHA256SUMS",
        {("integrity.checksums", "imaging@onsite")},
    ),
    "empty manifest": (_write("onsite/imaging/SHA256SUMS", ""), "imaging/SHA256SUMS", {("integrity.checksums", "imaging@onsite")}),
    "manifest gone that was kept away": (
        lambda folder: (folder / "manifests" / "patient-record.sha256").unlink(),
        "patient-record.sha256",
        {("integrity.checksums", "patient-record@archive")},
    ),
    "malformed drills": (
        _write("drills.toml", "drills = ["),
        "malformed",
        {("restore.tested", system) for system in SYSTEMS},
    ),
    "drills gone": (
        lambda folder: (folder / "drills.toml").unlink(),
        "unreachable",
        {("restore.tested", system) for system in SYSTEMS},
    ),
    "target gone": (
        lambda folder: shutil.rmtree(folder / "archive"),
        "unreachable",
        _of_copy("patient-record@archive")
        | _of_copy("imaging@archive")
        | _counted("imaging", "count", "offsite", "independent")
        | _counted("patient-record", "independent"),
    ),
}


@pytest.mark.parametrize("fact", TAKEN_AWAY)
def test_a_missing_fact_makes_exactly_what_needed_it_unknown(fact: str, tmp_path: Path, that_night: Done) -> None:
    take_away, says, expected = TAKEN_AWAY[fact]
    folder = tmp_path / "hospital"
    shutil.copytree(HOSPITAL, folder)
    take_away(folder)
    try:
        after = check(folder / "estate.toml", *NIGHT, before=without_override())
    finally:
        for path in [folder / "onsite" / "pathology", folder / "onsite" / "imaging" / "studies" / "CT"]:
            path.chmod(0o755)
    changed = {key for key, finding in after.findings.items() if finding["outcome"] != that_night.findings[key]["outcome"]}
    assert {(check, subject) for _, check, subject in changed} == expected
    for key in changed:
        finding = after.findings[key]
        assert finding["outcome"] == "unknown"
        assert says in finding["message"]
    failed = {key for key, finding in after.findings.items() if finding["outcome"] == "fail"}
    assert failed == {key for key, finding in that_night.findings.items() if finding["outcome"] == "fail"} - changed
    assert after.code == 10


def test_an_estate_that_cannot_be_read_is_a_mistake_and_nothing_is_judged(tmp_path: Path) -> None:
    done = check(tmp_path / "estate.toml")
    assert (done.code, done.stdout) == (2, "")
    assert f"{tmp_path / 'estate.toml'}" in done.stderr
