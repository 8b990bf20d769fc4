"""The rules: promtool takes them, each is tested, they name what is exported; and the check of the file turns red in time."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pytest

from drcheck.clock import now
from tests.contrib.exported import CONTRIB, check_query, exported
from tests.reports import sample
from tests.reports.rendering import text_of

FOLDER = CONTRIB / "prometheus"
RULES = FOLDER / "drcheck.rules.yml"
CHECK = FOLDER / "check_drcheck_textfile"
OK, CRITICAL, UNKNOWN = 0, 2, 3


def expressions() -> dict[str, str]:
    """The query of each alert."""
    return dict(re.findall(r"- alert: (\w+)\n +expr: (.+)\n", RULES.read_text(encoding="utf-8")))


@pytest.mark.program("promtool")
@pytest.mark.parametrize("command", [("check", "rules", "drcheck.rules.yml"), ("test", "rules", "drcheck.rules.test.yml")], ids=" ".join)
def test_promtool_takes_the_rules_and_their_tests_pass(command: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *command], cwd=FOLDER, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


def test_the_rules_name_what_is_exported() -> None:
    found = expressions()
    assert len(found) == RULES.read_text(encoding="utf-8").count("- alert:")
    for alert, query in found.items():
        if alert != "DrcheckMetricsUnreadable":  # that one is node_exporter's own
            check_query(query)


def test_every_alert_has_a_test_in_which_it_fires() -> None:
    text = (FOLDER / "drcheck.rules.test.yml").read_text(encoding="utf-8")
    fires = set(re.findall(r"alertname: (\w+)\n +exp_alerts:\n +- exp_labels", text))
    assert fires == set(expressions())


def test_whatever_is_wrong_is_alerted_on_when_drcheck_stops() -> None:
    found = expressions()
    assert "absent(" in found["DrcheckAbsent"]
    assert "time() -" in found["DrcheckSilent"]
    assert found["DrcheckWatchdog"].startswith("min(abs(time() -"), "it fires while all is well, and stops when anything does not work"


def test_the_page_tells_of_every_metric_and_of_no_other() -> None:
    table = (CONTRIB.parent / "docs" / "monitoring.md").read_text(encoding="utf-8").partition("| metric |")[2].partition("\n\n")[0]
    told_of = set()
    for row in table.splitlines()[2:]:
        cells = row.split("|")
        names, labels = re.findall(r"`(drcheck_\w+)`", cells[1]), set(re.findall(r"`(\w+)`", cells[2]))
        told_of |= set(names)
        for name in names:
            assert exported()[name] - {"organisation"} <= labels, name
    assert told_of == set(exported())


def check(*arguments: str | Path) -> tuple[int, str]:
    """The exit code and the line of the check of the file."""
    done = subprocess.run([CHECK, *arguments], capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    state = {OK: "OK", CRITICAL: "CRITICAL", UNKNOWN: "UNKNOWN"}[done.returncode]
    assert done.stdout.startswith(f"DRCHECK TEXTFILE {state} - ")
    return done.returncode, done.stdout


def _written(tmp_path: Path, hours: float, name: str = "drcheck.prom") -> Path:
    given = text_of(sample.hospital(), "prometheus")
    seen = int(now().timestamp() - hours * 3600)
    path = tmp_path / name
    path.write_text(re.sub(r"(drcheck_facts_timestamp_seconds\{.*\}) \d+", rf"\1 {seen}", given), encoding="utf-8")
    path.chmod(0o644)
    return path


@pytest.mark.parametrize(
    ("hours", "allowed", "code", "words"),
    [
        (1.5, "26", OK, "1 hours ago"),
        (25, "26", OK, "25 hours ago"),
        (27, "26", CRITICAL, "last looked at 27 hours ago"),
        (27, "48", OK, "27 hours ago"),
        (-1, "26", CRITICAL, "in the future"),
    ],
)
def test_the_file_is_fresh_or_not(tmp_path: Path, hours: float, allowed: str, code: int, words: str) -> None:
    found = check(_written(tmp_path, hours), allowed)
    assert found[0] == code
    assert words in found[1]


def test_a_file_that_is_cut_off_or_of_another_moment_is_never_ok(tmp_path: Path) -> None:
    path = _written(tmp_path, 1)
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole[:-5], encoding="utf-8")
    assert check(path)[0] == CRITICAL
    other = re.sub(r"(drcheck_run_as_of\{.*\}) 0", r"\1 1", whole)
    assert other != whole
    path.write_text(other, encoding="utf-8")
    assert check(path)[0] == CRITICAL


def test_a_file_that_is_missing_unreadable_or_not_drchecks_is_never_ok(tmp_path: Path) -> None:
    assert check(tmp_path / "missing.prom")[0] == CRITICAL
    assert check(_written(tmp_path, 1, "drcheck.txt"))[0] == CRITICAL
    private = _written(tmp_path, 1)
    private.chmod(0o600)
    assert check(private)[0] == CRITICAL
    other = tmp_path / "other.prom"
    other.write_text("up 1\n", encoding="utf-8")
    other.chmod(0o644)
    assert check(other)[0] == CRITICAL
    other.write_text("", encoding="utf-8")
    assert check(other)[0] == CRITICAL
    assert check()[0] == UNKNOWN
    assert check(private, "soon")[0] == UNKNOWN


def test_of_several_organisations_the_oldest_counts(tmp_path: Path) -> None:
    path = _written(tmp_path, 1)
    old = int(time.time()) - 30 * 3600
    path.write_text(path.read_text(encoding="utf-8") + f'drcheck_facts_timestamp_seconds{{organisation="south"}} {old}\n', encoding="utf-8")
    assert check(path)[0] == CRITICAL
