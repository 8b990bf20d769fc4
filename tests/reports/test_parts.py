"""A document in parts is the document, byte for byte what the library writes of its values; and it is delivered without being held as a whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from drcheck.cli.output import deliver
from drcheck.clock import format_moment
from drcheck.errors import OutputError
from drcheck.model import Assessment, Finding
from drcheck.reports import IN_PARTS, render, render_parts
from drcheck.reports.json_findings import finding_texts
from tests.reports import sample
from tests.strategies import assessments


def values(finding: Finding) -> dict[str, Any]:
    """A finding as the document has it, without the words of `drcheck.reports.json_findings`."""
    keys = (
        "policy",
        "control",
        "clause",
        "check",
        "subject",
        "outcome",
        "severity",
        "assurance",
        "depth",
        "message",
        "facts",
        "waiver",
        "remediation",
    )
    found: dict[str, Any] = {key: getattr(finding, key) for key in keys}
    found["subject"] = {"kind": finding.subject.kind, "id": finding.subject.id}
    found["facts"] = [
        {
            "name": fact.name,
            "value": fact.value,
            "source": fact.source,
            "at": format_moment(fact.at) if fact.at else None,
            "reason": fact.reason,
            "detail": fact.detail,
        }
        for fact in finding.facts
    ]
    if finding.waiver is not None:
        accepted = ("policy", "control", "subject", "owner", "reason", "until")
        found["waiver"] = {key: str(getattr(finding.waiver, key)) for key in accepted}
    return found


@settings(max_examples=80, deadline=None)
@given(assessment=assessments())
def test_the_json_document_is_what_the_library_writes_of_its_values(assessment: Assessment) -> None:
    text = render(assessment, "json")
    document = json.loads(text)
    assert text == json.dumps(document, indent=2) + "\n"
    assert list(finding_texts(assessment.findings)) == [
        json.dumps(values(finding), indent=2).replace("\n", "\n    ") for finding in assessment.findings
    ]


@pytest.mark.parametrize("format_", sorted(IN_PARTS))
def test_parts_make_the_report(format_: str) -> None:
    for make in (sample.hospital, sample.nothing):
        assert "".join(str(part) for part in render_parts(make(), format_)) == render(make(), format_)


def test_parts_are_delivered_as_they_come(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    whole = str(render(sample.hospital(), "json")).encode()
    deliver(iter(render_parts(sample.hospital(), "json")), tmp_path / "report.json")  # type: ignore[arg-type]
    assert (tmp_path / "report.json").read_bytes() == whole
    deliver(iter(("first, ", "\udcff\n")), None)
    assert capfdbinary.readouterr().out == b"first, \\udcff\n"


def test_a_report_that_breaks_off_leaves_the_old_one(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text("old")

    def parts() -> Iterator[str]:
        yield "new"
        raise OSError("the disk is gone")

    with pytest.raises(OutputError):
        deliver(parts(), file)
    assert [entry.read_text() for entry in tmp_path.iterdir()] == ["old"]
