"""The page on paper."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from drcheck.errors import ConfigError
from drcheck.model import Assessment, Outcome
from drcheck.reports import ReportOptions, render, render_text
from tests.reports import sample

ROOT = Path(__file__).parents[2]


def paper(assessment: Assessment, **options: object) -> bytes:
    """The assessment as PDF."""
    made = render(assessment, "pdf", ReportOptions(**options))  # type: ignore[arg-type]
    assert isinstance(made, bytes)
    return made


def root_of(reader: PdfReader) -> Any:
    """The catalogue of a document."""
    return reader.trailer["/Root"]


def test_it_says_what_the_page_says_and_twice_the_same() -> None:
    reader = PdfReader(io.BytesIO(paper(sample.rehearsal(), past=sample.past_of_hospital())))
    assert paper(sample.good()) == paper(sample.good())
    text = " ".join(" ".join(sheet.extract_text() for sheet in reader.pages).split())
    assert "Judged as of 2026-03-31T06:00:00Z, not now. REHEARSAL" in text
    for words in (
        "Are we safe? No.",
        "patient-record@second-site",
        "Find out why the backup job stopped",
        "10 match, 1 mismatch, 1 missing",
        "principle 4",
    ):
        assert words in text, words
    assert reader.metadata is not None
    assert reader.metadata.title == "FAIL: Backups of St Elsewhere Hospital (st-elsewhere, RXX, GB), judged at 2026-03-31T06:00:00Z"
    assert root_of(reader)["/MarkInfo"]["/Marked"], "it has tags"


def test_it_runs_nothing_and_refers_to_nothing_outside() -> None:
    made = PdfReader(io.BytesIO(paper(sample.good())))
    assert not {"/OpenAction", "/AA"} & set(root_of(made))
    assert set(root_of(made)["/Names"]) == {"/Dests"}
    actions = [note.get_object()["/A"] for sheet in made.pages for note in sheet.get("/Annots", []) if "/A" in note.get_object()]
    assert {(str(action["/S"]), str(action["/URI"])) for action in actions} == {("/URI", "https://www.ncsc.example/offline")}


def test_it_is_no_text() -> None:
    with pytest.raises(ConfigError, match="the format 'pdf' is no text"):
        render_text(sample.good(), "pdf")


def test_without_the_extra_it_says_how_to_get_it_before_anything_is_looked_at() -> None:
    code = (
        "import sys; sys.modules['weasyprint'] = None\n"
        "from drcheck.errors import ConfigError\nfrom drcheck.reports import report_known\n"
        "try:\n    report_known('pdf')\nexcept ConfigError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "a report as PDF needs an extra; run: pip install 'drcheck[pdf]'"


def test_a_name_of_any_length_costs_no_more_than_another() -> None:
    """Laid out as it is, one such name takes minutes."""
    good = sample.good()
    long = "scan-" + "a" * 4_000 + ".dcm"
    findings = tuple(replace(finding, message=f"{long} is not what was promised", outcome=Outcome.FAIL) for finding in good.findings[:4])
    begun = time.process_time()
    reader = PdfReader(io.BytesIO(paper(replace(good, findings=findings))))
    assert time.process_time() - begun < 30
    text = "".join("".join(sheet.extract_text() for sheet in reader.pages).split())
    assert "scan-aaaaaaaa" in text
    assert "aaa.dcm" in text
