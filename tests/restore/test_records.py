"""Recorded drills: what is written down is taken as it is meant, and what is wrong is named, all of it at once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drcheck.errors import ConfigError, Problem
from drcheck.estate.load import parse_estate
from drcheck.restore.overview import as_json, as_table
from drcheck.restore.records import check_references, load_drills
from drcheck.restore.template import drill_template
from tests.estate.examples import GOOD

ENTRY = {
    "system": "epr",
    "target": "vault",
    "recovery_point": "2026-02-28",
    "started": "2026-03-01T09:00:00Z",
    "ended": "2026-03-01T13:30:00+01:00",
    "success": True,
    "verified_by": "A. Shah",
}
TOML = """\
[[drills]]
system = "epr"
target = "vault"
recovery_point = 2026-02-28T02:00:00Z
started = 2026-03-01T09:00:00Z
ended = 2026-03-01T13:30:00+01:00
success = true
verified_by = "A. Shah"
data_loss = "0s"
problems = "No route to the vault"
lessons = "Route added"
evidence = "ticket 4711"
"""
ESTATE = parse_estate(
    Path("estate.toml"),
    (GOOD + '\n[[copies]]\nsystem = "lab"\ntarget = "nas"\nformat = "plain"\n').replace('rpo = "24h"', 'rpo = "24h"\nrto = "3h"').encode(),
)
NOW = datetime(2026, 3, 11, 12, 30, tzinfo=UTC)


def problems_in(file: Path, content: str | bytes) -> list[tuple[str, str]]:
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ConfigError) as caught:
        load_drills(file)
    return [(problem.key, problem.message) for problem in caught.value.problems]


def test_toml(tmp_path: Path) -> None:
    file = tmp_path / "drills.toml"
    file.write_text(TOML)
    (drill,) = load_drills(file)
    assert (drill.system, drill.target, drill.success, drill.verified_by) == ("epr", "vault", True, "A. Shah")
    assert drill.recovery_point == "2026-02-28T02:00:00+00:00"
    assert (drill.started, drill.ended) == (datetime(2026, 3, 1, 9, tzinfo=UTC), datetime(2026, 3, 1, 12, 30, tzinfo=UTC))
    assert drill.took == timedelta(hours=3, minutes=30)
    assert drill.data_loss == timedelta(0)
    assert (drill.problems, drill.lessons, drill.evidence) == ("No route to the vault", "Route added", "ticket 4711")
    assert drill.record == f"{file}: drills[0]"


def test_json_lines(tmp_path: Path) -> None:
    file = tmp_path / "drills.jsonl"
    failed = ENTRY | {"success": False, "lessons": "a\u2028b"}
    file.write_text(f"{json.dumps(ENTRY)}\n\n{json.dumps(failed, ensure_ascii=False)}\n")
    first, second = load_drills(file)
    assert (first.success, second.success) == (True, False)
    assert first.data_loss is None
    assert second.lessons == "a\u2028b"
    assert second.record == f"{file}: line 3"


@pytest.mark.parametrize("name", ["drills.toml", "drills.jsonl"])
def test_an_empty_file_records_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert load_drills(tmp_path / name) == ()


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no such file; expected a file of recorded drills .*drcheck drill template"):
        load_drills(tmp_path / "drills.toml")


@pytest.mark.parametrize(
    ("old", "new", "key", "message"),
    [
        ("success = true", 'success = "yes"', "success", 'must be true or false, not "yes"'),
        ("success = true\n", "", "success", "is missing: Whether the restored system could be used"),
        ("started = 2026-03-01T09:00:00Z", "started = 2026-03-01T09:00:00", "started", "a moment needs its time zone"),
        ("started = 2026-03-01T09:00:00Z", "started = 2026-03-01", "started", "a moment is a date, a time and a zone"),
        ("started = 2026-03-01T09:00:00Z", 'started = "last week"', "started", "'last week' is not a moment"),
        ("started = 2026-03-01T09:00:00Z", "started = 2026-03-01T12:31:00Z", "ended", "is before `started`, 2026-03-01T12:31:00+00:00"),
        ("ended = 2026-03-01T13:30:00+01:00", "ended = 0001-01-01T00:00:00+23:00", "ended", "out of the range"),
        ('data_loss = "0s"', 'data_loss = "none"', "data_loss", "'none' is not a duration"),
        ('verified_by = "A. Shah"', 'verified_by = " "', "verified_by", "must not be empty"),
        ('verified_by = "A. Shah"', 'verfied_by = "A. Shah"\nverified_by = "B"', "verfied_by", "unknown key; allowed here: system, target"),
        ('evidence = "ticket 4711"', 'evidence = "https://u:hunter2@x/"', "evidence", "holds a password in a URL"),
    ],
)
def test_one_mistake_is_one_problem(tmp_path: Path, old: str, new: str, key: str, message: str) -> None:
    assert old in TOML
    ((where, what),) = problems_in(tmp_path / "drills.toml", TOML + TOML.replace(old, new))
    assert where == f"drills[1] (epr@vault).{key}"
    assert message in what
    assert "hunter2" not in what


def test_every_problem_of_every_line_is_said_at_once(tmp_path: Path) -> None:
    lines = [
        json.dumps(ENTRY),
        "{",
        json.dumps(ENTRY | {"success": 1, "ended": "2026-02-01T00:00:00Z"}),
        "[1]",
        '{"a": 1, "a": 2}',
        '{"success": NaN}',
        json.dumps({key: value for key, value in ENTRY.items() if key != "system"}),
    ]
    found = problems_in(tmp_path / "drills.jsonl", "\n".join(lines))
    assert [key for key, _ in found] == ["line 2", "line 3.success", "line 3.ended", "line 4", "line 5", "line 6", "line 7.system"]
    assert "not a JSON object" in found[0][1]
    assert "must be a table" in found[3][1]
    assert 'the key "a" stands there twice' in found[4][1]
    assert "NaN is not JSON" in found[5][1]


def test_a_top_level_key_that_is_not_known_is_refused(tmp_path: Path) -> None:
    assert [key for key, _ in problems_in(tmp_path / "drills.toml", TOML.replace("[[drills]]", "[[drill]]"))] == ["drill"]


def test_a_future_drill_is_loaded_and_never_called_recent(tmp_path: Path) -> None:
    file = tmp_path / "drills.toml"
    file.write_text(TOML.replace("2026-03-01", "2026-04-01"))
    drills = load_drills(file)
    text = as_table(drills, ESTATE, NOW)
    assert "in the future" in text
    assert "No drill has restored so far: epr" in text
    assert json.loads(as_json(drills, ESTATE, NOW))["drills"][0]["age_seconds"] < 0


def test_references_to_what_the_estate_does_not_declare_are_problems(tmp_path: Path) -> None:
    file = tmp_path / "drills.toml"
    file.write_text(TOML + TOML.replace('"epr"', '"erp"') + TOML.replace('"epr"', '"lab"'))
    assert check_references(load_drills(file), ESTATE) == (
        Problem(str(file), "drills[1].system", 'no system has the id "erp"; declared: epr, lab', 'did you mean "epr"?'),
        Problem(str(file), "drills[2].target", 'lab has no copy at "vault"; it has copies at: nas', ""),
    )


def test_the_table_shows_age_duration_against_the_objective_and_who_has_none(tmp_path: Path) -> None:
    file = tmp_path / "drills.toml"
    file.write_text(TOML)
    text = as_table(load_drills(file), ESTATE, NOW)
    row = next(line for line in text.splitlines() if line.startswith("epr"))
    assert "10d" in row
    assert "3h 30m" in row
    assert "no, 30m over" in row
    assert "No drill is recorded for: lab" in text
    assert "No drill has restored" not in text


def test_json_says_null_where_something_is_not_known(tmp_path: Path) -> None:
    file = tmp_path / "drills.jsonl"
    file.write_text(json.dumps(ENTRY | {"success": False}) + "\n" + json.dumps(ENTRY | {"system": "lab"}))
    failed, without_objective = json.loads(as_json(load_drills(file), ESTATE, NOW))["drills"]
    assert (failed["success"], failed["within_rto"], failed["data_loss_seconds"]) == (False, None, None)
    assert (without_objective["rto_seconds"], without_objective["within_rto"]) == (None, None)
    assert failed["took_seconds"] == 12_600


def test_a_template_counts_only_when_it_is_filled_in(tmp_path: Path) -> None:
    file = tmp_path / "drills.toml"
    keys = {key.rpartition(".")[2] for key, _ in problems_in(file, drill_template())}
    assert keys == {"system", "target", "recovery_point", "started", "ended", "success", "verified_by"}
    filled = drill_template("epr", "vault")
    for key in ("recovery_point", "started", "ended", "verified_by"):
        filled = filled.replace(f'{key} = ""', f'{key} = "{ENTRY[key]}"')
    filled = filled.replace('success = ""', "success = true").replace("# data_loss", "data_loss").replace("# problems", "problems")
    file.write_text(filled)
    (drill,) = load_drills(file)
    assert (drill.system, drill.target, drill.data_loss) == ("epr", "vault", timedelta(hours=6))
