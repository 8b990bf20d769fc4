"""The options of `drcheck check`: what they change in the report, what they leave alone, and what is refused."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.runs import ROOT, drcheck

HOSPITAL = ROOT / "fixtures" / "hospital"
NIGHT = ("--estate", HOSPITAL / "estate.toml", "--as-of", "2026-03-02T08:00:00Z")


def check(*arguments: str | Path, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """`drcheck check` of the hospital that ships, as of its night."""
    return drcheck("check", *NIGHT, *arguments, cwd=cwd, **environment)


def findings(text: str) -> dict[tuple[str, str, str], str]:
    """The outcome of every finding in a JSON document."""
    return {(each["policy"], each["control"], each["subject"]["id"]): each["outcome"] for each in json.loads(text)["findings"]}


@pytest.mark.parametrize("form", ["table", "json", "markdown", "csv"])
def test_no_format_changes_the_code_and_stdout_holds_the_report_only(form: str) -> None:
    done = check("--format", form)
    assert done.returncode == 10
    assert done.stderr == "looking at 4 targets, 10 copies\n"
    assert "looking at" not in done.stdout
    if form == "json":
        assert json.loads(done.stdout)["schema"] == "drcheck.assessment/1"
    elif form == "csv":
        rows = list(csv.DictReader(done.stdout.splitlines()))
        assert {row["as_of"] for row in rows} == {"yes"}
    else:
        assert "2026-03-02T08:00:00Z" in done.stdout.partition("\n\n")[0]


def test_quiet_says_nothing_but_errors() -> None:
    assert check("--quiet").stderr == ""
    done = check("--quiet", "--output", "/dev/null/report")
    assert done.returncode == 12
    assert [line.partition(": ")[0] for line in done.stderr.splitlines()] == ["error"]


def test_verbose_goes_to_stderr() -> None:
    done = drcheck("-vv", "check", *NIGHT, "--format", "json", cwd=ROOT)
    assert "drcheck.calls" in done.stderr
    assert json.loads(done.stdout)["summary"]["exit_code"] == 10


def test_a_terminal_is_told_of_each_target_and_a_log_is_not(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    try:
        arguments = [sys.executable, "-m", "drcheck", "check", *map(str, NIGHT), "--output", str(tmp_path / "report")]
        with subprocess.Popen(arguments, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=follower) as process:
            os.close(follower)
            said = b""
            try:
                while piece := os.read(leader, 4096):
                    said += piece
            except OSError:
                pass  # Linux's way of saying that the other end is closed
            assert process.wait(timeout=60) == 10
    finally:
        os.close(leader)
    lines = said.decode().replace("\r\n", "\n").splitlines()
    assert lines[0] == "looking at 4 targets, 10 copies"
    assert sorted(re.sub(r"\d+\.\d s", "", line) for line in lines[1:5]) == [
        "  archive: answered, ",
        "  onsite: answered, ",
        "  second-dc: answered, ",
        "  tape: unreachable, ",
    ]


def test_only_and_wide_are_about_the_table_alone() -> None:
    usual, wide, failed = check().stdout, check("--wide").stdout, check("--only", "fail").stdout
    assert len(failed) < len(usual) < len(wide)
    # A control that nothing fails and nothing is unknown of.
    assert "coverage.systems" in wide
    assert "coverage.systems" not in failed
    assert not re.search(r"^(PASS|UNKNOWN) ", failed, re.MULTILINE)
    assert re.search(r"^FAIL ", failed, re.MULTILINE)
    assert findings(check("--format", "json", "--only", "fail").stdout) == findings(check("--format", "json", "--wide").stdout)


def test_without_reading_integrity_stays_unknown_and_nothing_is_opened(tmp_path: Path) -> None:
    done = check("--no-read", "--format", "json", "--calls", tmp_path / "calls")
    assert done.returncode == 10
    document = json.loads(done.stdout)
    integrity = {finding["outcome"] for finding in document["findings"] if finding["check"] == "integrity.checksums"}
    assert integrity == {"unknown"}
    assert {copy["verification"]["bytes_read"] for copy in document["copies"]} == {None}
    read = [json.loads(line)["subject"] for line in (tmp_path / "calls").read_text().splitlines() if json.loads(line)["call"] == "local:read"]
    assert [name for name in read if not name.endswith("LAST_SYNC")] == []


def test_another_policy_is_judged_instead_of_the_estates() -> None:
    done = check("--policy", "uk-caf-b5", "--format", "json")
    assert {policy["id"] for policy in json.loads(done.stdout)["policies"]} == {"uk-caf-b5"}
    twice = check("--policy", "uk-caf-b5", "--policy", "uk-ncsc-offline-backups", "--format", "json")
    assert [policy["id"] for policy in json.loads(twice.stdout)["policies"]] == ["uk-caf-b5", "uk-ncsc-offline-backups"]


def test_facts_that_were_kept_are_judged_as_they_were_seen(tmp_path: Path) -> None:
    facts = tmp_path / "facts.json"
    calls = tmp_path / "calls.jsonl"
    for private in (facts, calls):
        private.write_text("old")
        private.chmod(0o644)
    seen = check("--format", "json", "--keep-facts", facts, "--calls", calls)
    assert [stat.S_IMODE(private.stat().st_mode) for private in (facts, calls)] == [0o600, 0o600]
    shutil.copy(HOSPITAL / "estate.toml", tmp_path / "estate.toml")
    shutil.copy(HOSPITAL / "drills.toml", tmp_path / "drills.toml")
    shutil.copytree(HOSPITAL / "manifests", tmp_path / "manifests")
    # Nothing but the estate is there: no target is looked at.
    again = drcheck("check", "--facts", facts, "--format", "json", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (10, "")
    assert findings(again.stdout) == findings(seen.stdout)
    run = json.loads(again.stdout)["run"]
    assert (run["facts_from"], run["reference"], run["as_of"]) == (str(facts), "2026-03-02T08:00:00Z", False)
    later = drcheck("check", "--facts", facts, "--as-of", "2026-03-09T08:00:00Z", "--format", "json", cwd=tmp_path)
    aged = {key for key, outcome in findings(later.stdout).items() if outcome != findings(seen.stdout)[key]}
    assert ("uk-caf-b5", "CAF4-B5.c.current", "imaging@onsite") in aged


def test_the_estate_is_found_by_its_usual_name_or_the_environment(tmp_path: Path) -> None:
    night = ("--as-of", "2026-03-02T08:00:00Z", "--format", "json")
    for done in (
        drcheck("check", *night, cwd=HOSPITAL),
        drcheck("check", *night, cwd=tmp_path, DRCHECK_ESTATE=str(HOSPITAL / "estate.toml")),
    ):
        assert done.returncode == 10
        assert json.loads(done.stdout)["estate"]["organisation"] == "st-elsewhere"
    assert drcheck("check", cwd=tmp_path).returncode == 2


REFUSED = {
    "--format xml": "csv, html, json, junit, markdown",
    "--only failed": "known: pass, fail, unknown, not-applicable, error",
    "--only ,": "known: pass, fail, unknown, not-applicable, error",
    "--as-of 2026-03-02T08:00:00": "has no time zone",
    "--as-of yesterday": "is not a moment",
    "--timeout 5": "write a number and a unit",
    "--timeout 0s": "must be longer than nothing",
    "--run-timeout -5s": "write a number and a unit",
    "--workers 0": "1<=x<=256",
    "--policy uk-caf-b6": 'did you mean "uk-caf-b5"?',
    "--facts missing.json": "missing.json: could not be read: No such file or directory",
    "--facts README.md --keep-facts kept.json": "nothing for --keep-facts or --calls to keep",
    "--facts fixtures/hospital/onsite/imaging/studies/CT/CT-0000.dcm": "is not UTF-8 text; give a file that --keep-facts wrote",
    "--facts fixtures/hospital/drills.toml": "is not JSON",
    "--estate missing.toml": "missing.toml",
    "extra": "unexpected extra argument",
    "--colour": "No such option",
}


@pytest.mark.parametrize("arguments", REFUSED)
def test_what_is_not_understood_is_refused_before_anything_is_looked_at(arguments: str) -> None:
    done = check(*arguments.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert REFUSED[arguments] in done.stderr
    assert "looking at" not in done.stderr
    assert "Traceback" not in done.stderr


def test_facts_of_another_estate_are_refused(tmp_path: Path) -> None:
    facts = tmp_path / "facts.json"
    assert check("--keep-facts", facts).returncode == 10
    estate = (HOSPITAL / "estate.toml").read_text().replace('"second-dc"', '"third-dc"')
    (tmp_path / "estate.toml").write_text(estate)
    done = drcheck("check", "--facts", facts, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "are not facts of" in done.stderr
