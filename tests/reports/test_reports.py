"""What holds for every report: pure, safe with hostile names, honest about what it is of, and without a say in the exit code."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import unicodedata
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drcheck.errors import ConfigError
from drcheck.model import Assessment, ObjectResult, Observed, Outcome, Reason, Source, Unobserved, Verification
from drcheck.reports import report_known
from drcheck.reports.csv_lines import HEADER, cell
from drcheck.reports.markdown import escape
from tests import strategies
from tests.reports import sample
from tests.reports.rendering import TEXTS, text_of

HARD = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
FOR_PEOPLE = ("table", "markdown", "csv")


@pytest.mark.parametrize("format_", TEXTS)
def test_every_assessment_can_be_reported_and_twice_alike(format_: str) -> None:
    @HARD
    @given(strategies.assessments(), st.booleans(), st.sets(st.sampled_from(Outcome)), st.integers(20, 200))
    def every(assessment: Assessment, wide: bool, only: set[str], width: int) -> None:
        code = assessment.exit_code
        text = text_of(assessment, format_, wide=wide, only=only, width=width)
        assert text == text_of(replace(assessment), format_, wide=wide, only=only, width=width)
        assert text.endswith("\n")
        assert assessment.exit_code == code
        text.encode("utf-8")
        ends = "\r\n" if format_ == "csv" else "\n"
        assert not [character for character in text.replace(ends, "") if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")]

    every()


def test_a_report_depends_on_nothing_around_it(tmp_path: Path) -> None:
    code = "import sys; from tests.reports import rendering, sample; print(ascii(rendering.text_of(sample.hospital(), sys.argv[1])))"
    root = Path(__file__).parents[2]
    for format_ in TEXTS:
        found = set()
        for seed, zone, columns in (("1", "UTC", "40"), ("2", "Pacific/Auckland", "300")):
            environment = os.environ | {"PYTHONHASHSEED": seed, "TZ": zone, "COLUMNS": columns, "LC_ALL": "C", "PYTHONPATH": str(root)}
            done = subprocess.run([sys.executable, "-c", code, format_], capture_output=True, check=True, env=environment, cwd=tmp_path)
            found.add(done.stdout.rstrip())
        assert found == {ascii(text_of(sample.hospital(), format_)).encode()}


@pytest.mark.parametrize("format_", TEXTS)
def test_the_order_of_findings_does_not_matter_for_people(format_: str) -> None:
    given_ = sample.hospital()
    turned = replace(given_, findings=given_.findings[::-1])
    assert (text_of(turned, format_) == text_of(given_, format_)) is (format_ != "json")


@pytest.mark.parametrize("format_", ["table", "markdown"])
def test_the_first_line_says_what_the_report_is_not(format_: str) -> None:
    first = text_of(sample.rehearsal(), format_, width=500).splitlines()[0]
    assert "Judged as of 2026-03-31T06:00:00Z, not now." in first
    assert "REHEARSAL" in first
    assert "not now" not in text_of(sample.hospital(), format_)
    assert "REHEARSAL" not in text_of(sample.hospital(), format_)


@pytest.mark.parametrize("format_", ["table", "markdown"])
@pytest.mark.parametrize(("make", "code"), [(sample.hospital, 10), (sample.good, 0), (sample.nothing, 11)], ids=["hospital", "good", "nothing"])
def test_the_end_has_all_counts_and_the_exit_code(format_: str, make: object, code: int) -> None:
    assert callable(make)
    assessment = make()
    end = " ".join(text_of(assessment, format_).split("\n\n")[-1].split())
    assert f"; exit code {code}" in end
    assert end.split(";")[0].strip("*") in " ".join(text_of(assessment, format_).split("\n\nFindings")[0].split())
    for outcome, count in assessment.counts().items():
        assert f"{count} {outcome}" in end


def test_a_waived_failure_is_still_called_a_failure_and_sorted_behind_what_stands() -> None:
    text = text_of(sample.hospital(), "table")
    waived = text.index("FAIL      system imaging")
    assert text.index("UNKNOWN   pathology@offsite-sftp") < waived < text.index("pass      backup.recency  imaging@onsite")
    assert "waived by A. Person until 2026-04-30" in " ".join(text.split())


def test_one_answer_for_several_controls_is_told_once_with_every_control_and_with_its_clause_when_wide() -> None:
    for wide, controls in (
        (False, "asked by: fresh, recency (medium)"),
        (True, "uk-ncsc-offline-backups fresh (principle 2); uk-caf-b5 recency (B5.c), medium"),
    ):
        text = " ".join(text_of(sample.hospital(), "table", width=200, wide=wide).split())
        assert text.count("The newest usable recovery point is 9d 4h old") == 1
        assert controls in text


def test_what_is_not_applicable_is_counted_and_shown_when_asked_for() -> None:
    message = "The target does not declare immutability."
    assert message not in text_of(sample.hospital(), "table", width=200)
    assert "n/a       1 finding; --wide shows it" in text_of(sample.hospital(), "table", width=200)
    assert message in text_of(sample.hospital(), "table", width=200, wide=True)
    assert message in text_of(sample.hospital(), "table", width=200, only={"not-applicable"})


def test_only_hides_findings_and_no_count() -> None:
    text = text_of(sample.hospital(), "table", only={"unknown"})
    assert "FAIL " not in text
    assert "UNKNOWN " in text
    assert "Shown here: unknown." in " ".join(text.split())
    assert "4 fail, 1 error, 1 unknown, 2 pass, 1 not-applicable" in " ".join(text.split())
    lines = list(csv.reader(io.StringIO(text_of(sample.hospital(), "csv", only={"unknown"}), newline="")))
    assert [line[HEADER.index("outcome")] for line in lines] == ["outcome", "unknown"]


def test_colour_is_only_there_when_asked_for() -> None:
    plain = text_of(sample.hospital(), "table")
    coloured = text_of(sample.hospital(), "table", colour=True)
    assert "\x1b" not in plain
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == plain


@pytest.mark.parametrize("width", [80, 100, 120, 160])
def test_the_table_keeps_to_its_width(width: int) -> None:
    assert max(map(len, text_of(sample.hospital(), "table", width=width).splitlines())) <= width


def test_how_far_a_rotation_has_come_stands_with_its_copy_and_the_seeds_only_in_small_print() -> None:
    brief, wide = (" ".join(text_of(sample.hospital(), "table", width=200, wide=wide).split()) for wide in (False, True))
    assert "43 % of 30d cycle, 4 of 30 tonight" in brief
    assert "43 % of 30d cycle" in wide
    for words in ("2 LATE", "oldest 2026-02-08", "all by 2026-03-10", "ab" * 32, "cd" * 32):
        assert words in wide
        assert words not in brief
        assert words in text_of(sample.hospital(), "markdown")


def test_a_complete_cycle_and_many_objects_are_told_as_they_are() -> None:
    def text(verification: Verification) -> str:
        given_ = sample.hospital()
        first = replace(given_.facts.copies[0], verification=Observed(verification, sample.AT, Source.OBSERVED))
        return text_of(replace(given_, facts=replace(given_.facts, copies=(first,))), "table", width=200)

    assert "100 % of 30d cycle, 0 of 30 tonight" in text(sample.rolling(30, 0, 0))
    assert "41 % of 30d cycle, 299 of 81,204 tonight" in text(sample.rolling(33_000, 299, 47_905))
    assert "99 % of 30d cycle, 1 of 81,204 tonight" in text(sample.rolling(81_202, 1, 1)), "rounded down: one was not read"
    assert "1 BAD, 100 % of 30d cycle, 1 of 30 tonight" in text(sample.rolling(29, 0, 0, sample.problem(ObjectResult.MISMATCH)))


def test_why_changes_are_not_known_is_told_when_wide_save_where_no_store_is_kept() -> None:
    given_ = sample.hospital()
    first, *others = given_.facts.copies
    cut = replace(first, changes=Unobserved(Reason.TIMED_OUT, "the listing was cut short"))
    text = text_of(replace(given_, facts=replace(given_.facts, copies=(cut, *others))), "table", wide=True, width=200)
    assert "imaging@onsite: changes not known, timed-out: the listing was cut short" in text
    assert "nothing is known of earlier nights" not in text


def test_long_names_are_shortened_in_the_middle_unless_wide() -> None:
    narrow = "".join(text_of(sample.hospital(), "table").split())
    assert "a" * 80 not in narrow
    assert "/tail.dcm" in narrow
    assert "scans/aaaa" in narrow
    wide = text_of(sample.hospital(), "table", wide=True, width=1000)
    assert sample.LONG in wide


def test_what_drcheck_chose_itself_is_counted_and_printed_whole_when_wide() -> None:
    given_ = sample.hospital()
    control = replace(given_.policies[0].controls[0], our_parameters=tuple((f"choice{index}", "x" * 20) for index in range(60)))
    link = "https://issuer.example/" + "long/" * 14
    policy = replace(given_.policies[0], controls=(control,), url=link)
    text = text_of(replace(given_, policies=(policy,)), "table", wide=True)
    assert all(f"choice{index} =" in " ".join(text.split()) for index in range(60))
    assert link in text
    brief = " ".join(text_of(replace(given_, policies=(policy,)), "table").split())
    assert "60 parameters are drcheck's or the estate's choice" in brief
    assert "choice0" not in brief
    assert f"- {policy.id} {policy.version}: {policy.document}, {policy.document_version} - drcheck" in brief


def test_a_target_that_only_cannot_say_who_it_is_did_answer() -> None:
    given_ = sample.hospital()
    unable = Unobserved(Reason.UNSUPPORTED, "cannot tell")
    listed = replace(given_.facts, targets=(sample.silent("onsite", unable), *given_.facts.targets[1:3]))
    text = text_of(replace(given_, facts=listed), "table", width=200)
    silent = text.split("Targets that did not answer\n")[1].split("\n\n")[0]
    assert "offsite-sftp (sftp" in silent
    assert "no facts about it were recorded" in silent
    assert "- onsite" not in silent


def test_reports_say_when_the_targets_were_really_looked_at() -> None:
    """A run that looks for itself and judges another moment has facts of the present; kept facts are as old as they are."""
    given_, then = sample.hospital(), sample.AT - timedelta(days=200)
    live = replace(given_, run=replace(given_.run, reference=then, as_of=True), facts=replace(given_.facts, at=then))
    kept = replace(live, run=replace(live.run, facts_from="facts.json"))
    for assessment, at, words in (
        (live, sample.AT, "as seen at 06:00 UTC on 1 March 2026 and judged for 06:00 UTC on 13 August 2025"),
        (kept, then, "as seen at 06:00 UTC on 13 August 2025."),
    ):
        assert json.loads(text_of(assessment, "json"))["run"]["facts_at"] == f"{at:%Y-%m-%dT%H:%M:%SZ}"
        assert words in text_of(assessment, "statement")
        # A forgotten --as-of must not keep a dead-man's switch quiet.
        assert f'drcheck_facts_timestamp_seconds{{organisation="st-elsewhere"}} {then.timestamp():.0f}\n' in text_of(assessment, "prometheus")


@HARD
@given(st.text(max_size=30) | strategies.names)
def test_no_cell_of_a_spreadsheet_is_a_formula(text: str) -> None:
    safe = cell(text)
    assert not safe.lstrip().startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
    # Where the decimal sign is a comma, Excel parts a line at semicolons, and drops the quotation marks that a part begins with.
    assert not any(part.lstrip(' "').startswith(("=", "+", "-", "@")) for part in safe.split(";")[1:])
    assert "\n" not in safe
    assert "\r" not in safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a;=cmd|' /C calc'!A0;b.dcm", "a;'=cmd|' /C calc'!A0;b.dcm"),
        ('x; "=1', "x; \"'=1"),
        ("x;+1;-1; @a;＝1", "x;'+1;'-1; '@a;'＝1"),
        ("=1;=1", "'=1;'=1"),
        ("found; allowed is 1d; a=b", "found; allowed is 1d; a=b"),
    ],
)
def test_no_part_of_a_cell_is_a_formula_where_semicolons_part_cells(text: str, shown: str) -> None:
    assert cell(text) == shown


def test_csv_is_read_alike_by_a_spreadsheet_that_parts_cells_by_semicolons_too() -> None:
    """LibreOffice's import has commas, semicolons and tabs ticked: only what is quoted is one cell to it."""
    text = text_of(sample.hospital(), "csv")
    assert ";" in text
    for line, cells in zip(text.removesuffix("\r\n").split("\r\n"), csv.reader(io.StringIO(text, newline="")), strict=True):
        assert re.split(r'(?<=")[,;\t](?=")', line) == ['"' + each.replace('"', '""') + '"' for each in cells]


@HARD
@given(strategies.assessments())
def test_csv_has_a_line_of_equal_length_for_each_finding(assessment: Assessment) -> None:
    text = text_of(assessment, "csv")
    lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert tuple(lines[0]) == HEADER
    assert len(lines) == len(assessment.findings) + 1
    assert {len(line) for line in lines} == {len(HEADER)}
    assert text.count("\r\n") == len(lines)
    assert not text.startswith("\ufeff")


@HARD
@given(strategies.assessments(), st.booleans())
def test_every_row_of_a_markdown_table_has_the_cells_of_its_header(assessment: Assessment, wide: bool) -> None:
    bars = None
    for line in text_of(assessment, "markdown", wide=wide).splitlines():
        if not line.startswith("|"):
            bars = None
            continue
        found = len(re.findall(r"(?<!\\)(?:\\\\)*\|", line))
        bars = bars or found
        assert found == bars, line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, 12 of 13.", "plain words, 12 of 13."),
        ("a|b", r"a\|b"),
        ("`rm`", r"\`rm\`"),
        ("<b>&amp;</b>", "&lt;b&gt;&amp;amp;&lt;/b&gt;"),
        ("[x](javascript:y)", r"\[x\](javascript:y)"),
        ("![x](y)", r"!\[x\](y)"),
        ("http://evil.example", "`http://evil.example`"),
        ("(see www.evil.example).", "(see `www.evil.example`)."),
        ("@everyone", "`@everyone`"),
        ("imaging@offsite", "`imaging@offsite`"),
        ("fixes #12", "fixes `#12`"),
        ("a@b|c@d", r"`a@b`\|`c@d`"),
        ("x`@y``z", "``` x`@y``z ```"),
        ("- item", r"\- item"),
        ("1. item", r"1\. item"),
        ("# title", r"\# title"),
        ("=== x", r"\=== x"),
        ("~~gone~~ __bold__ *em* $x$", r"\~\~gone\~\~ \_\_bold\_\_ \*em\* \$x\$"),
        ("a\\|b", r"a\\\|b"),
        ("line\nend", r"line\\x0aend"),
    ],
)
def test_markdown_shows_text_and_never_obeys_it(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_an_unknown_format_is_an_error_with_a_hint() -> None:
    with pytest.raises(ConfigError, match=r"no report is called 'jsn'; known: csv, .*json, .*table \(did you mean \"json\"\?\)"):
        report_known("jsn")
    with pytest.raises(ConfigError):
        text_of(sample.hospital(), "xml")


def test_an_unknown_outcome_is_an_error() -> None:
    with pytest.raises(ConfigError, match="failed: not an outcome; known: unknown, pass, fail, not-applicable, error"):
        text_of(sample.hospital(), "table", only={"failed"})
