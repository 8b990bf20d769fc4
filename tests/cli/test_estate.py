"""`drcheck estate`: reports on stdout, problems on stderr, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from drcheck.estate.reference import estate_schema
from tests.cli.runs import ROOT, drcheck
from tests.estate.examples import GOOD
from tests.restore.test_records import TOML

ESTATE = GOOD.replace('"box"', '"local"').replace('"plain"', '"mirror"')
ESTATE = ESTATE.replace('{ host = "nas.example" }', '{ root = "nas" }')
ESTATE = ESTATE.replace('{ host = "vault.example", password = "env:VAULT", known_hosts = "hosts" }', '{ root = "vault" }')
HOSPITAL = ROOT / "fixtures" / "hospital" / "estate.toml"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "estate.toml"
    path.write_text(ESTATE)
    return path


def test_a_right_file_is_one_line(file: Path) -> None:
    done = drcheck("estate", "validate", cwd=file.parent)
    assert (done.returncode, done.stdout) == (0, "estate.toml: valid: 2 systems, 2 targets, 2 copies, 1 policy\n")
    assert done.stderr == "note: drills.toml: there is no such file yet, so no restore counts as tested\n"


def test_the_files_that_it_names_are_read_too(file: Path) -> None:
    file.write_text('waivers = "waivers.toml"\n' + ESTATE.replace("uk-caf-b5", "uk-caf-b6"))
    (file.parent / "drills.toml").write_text(TOML.replace('"vault"', '"valut"'))
    (file.parent / "waivers.toml").write_text("wrong = 1\n")
    done = drcheck("estate", "validate", cwd=file.parent)
    assert (done.returncode, done.stdout) == (2, "")
    for part in ('"uk-caf-b5"?', "waivers.toml: wrong: unknown key", 'drills.toml: drills[0].target: epr has no copy at "valut"'):
        assert part in done.stderr


def test_a_tariff_that_it_names_is_read_and_must_price_what_money_limits(file: Path) -> None:
    file.write_text(ESTATE.replace("[organisation]", '[verify]\ntariff = "tariff.toml"\nbudget = { money = "5.00" }\n\n[organisation]'))
    tariff = file.parent / "tariff.toml"
    head = 'schema = "drcheck.tariff/1"\ncurrency = "EUR"\n'
    for text, code, said in (
        ("", 2, "tariff.toml: there is no such file"),
        (head, 2, "tariff.toml: targets.vault: is missing"),
        (f'{head}[connectors.local]\nfree = true\nsource = "our own disks"\ndate = 2026-03-01\n', 0, ""),
    ):
        if text:
            tariff.write_text(text)
        done = drcheck("estate", "validate", cwd=file.parent)
        assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_the_file_can_be_named_by_option_or_environment(file: Path) -> None:
    other = file.rename(file.parent / "other.toml")
    for done in (
        drcheck("estate", "validate", "--estate", other, cwd=file.parent),
        drcheck("estate", "validate", cwd=file.parent, DRCHECK_ESTATE=str(other)),
    ):
        assert (done.returncode, done.stdout.split(": ")[:2]) == (0, [str(other), "valid"])


def test_every_problem_is_on_stderr_and_the_exit_code_is_2(file: Path) -> None:
    file.write_text(ESTATE.replace('root = "nas"', 'roof = "\\u001b[2J"').replace('rpo = "24h"', "rpo = 24"))
    done = drcheck("estate", "validate", cwd=file.parent)
    assert (done.returncode, done.stdout) == (2, "")
    assert [line.partition(" is missing")[0].partition(" unknown key")[0].partition(" 24: ")[0] for line in done.stderr.splitlines()] == [
        "error: estate.toml: systems[0] (epr).rpo:",
        "error: estate.toml: targets[0] (nas).options.root:",
        "error: estate.toml: targets[0] (nas).options.roof:",
        "3 problems; nothing was looked at.",
    ]


@pytest.mark.parametrize(("old", "new"), [('"local"', '"locla"'), ('"mirror"', '"miror"')])
def test_a_kind_that_nobody_provides_is_named_with_those_that_are(file: Path, old: str, new: str) -> None:
    file.write_text(ESTATE.replace(old, new, 1))
    done = drcheck("estate", "validate", cwd=file.parent)
    assert done.returncode == 2
    assert f"did you mean {old}?" in done.stderr


def test_a_missing_file_says_how_to_begin(tmp_path: Path) -> None:
    done = drcheck("estate", "show", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: estate.toml: there is no such file; expected an estate file (write one with: drcheck init estate.toml)" in done.stderr


def test_show_prints_tables_or_json(file: Path) -> None:
    done = drcheck("estate", "show", cwd=file.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(
        title in done.stdout for title in ("Sites\n", "Systems\n", "Targets\n", "Copies\n", "Shared failure domains\n", "Without any copy: lab\n")
    )
    document = json.loads(drcheck("estate", "show", "--format", "json", cwd=file.parent).stdout)
    assert [system["id"] for system in document["systems"]] == ["epr", "lab"]


def test_output_is_written_to_the_file_or_exit_12_says_why_not(file: Path) -> None:
    done = drcheck("estate", "show", "-o", "report.txt", cwd=file.parent)
    assert (done.returncode, done.stdout) == (0, "")
    assert "North Hospital" in (file.parent / "report.txt").read_text()
    done = drcheck("estate", "show", "-o", "nowhere/report.txt", cwd=file.parent)
    assert (done.returncode, done.stdout) == (12, "")
    assert "nowhere/report.txt: could not be written: No such file or directory" in done.stderr


def test_schema_prints_the_published_schema_and_needs_no_estate(tmp_path: Path) -> None:
    done = drcheck("estate", "schema", cwd=tmp_path)
    assert (done.returncode, json.loads(done.stdout)) == (0, estate_schema())
    assert done.stdout == (ROOT / "docs" / "estate.schema.json").read_text(encoding="utf-8")


def test_the_hospital_of_the_fixtures_is_right(tmp_path: Path) -> None:
    done = drcheck("estate", "validate", "--estate", HOSPITAL, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_only_the_connectors_that_the_estate_names_are_imported(file: Path) -> None:
    program = "import sys; from pathlib import Path; from drcheck.open_estate import open_estate; open_estate(Path(sys.argv[1])); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60)
    modules = set(done.stdout.split())
    assert "drcheck.connectors.local" in modules
    assert modules & {"boto3", "paramiko", "drcheck.formats.dated"} == set()
