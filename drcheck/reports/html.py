"""
The report as one page for a browser: self-contained, readable without JavaScript, and bounded in size.

Everything from outside is escaped in one place (`html_page`); the page asks no network for anything. Where an estate is so large that a page of
everything would be of no use, what is wrong or unknown is still there, and what passed is counted; the page says where it leaves something out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import astuple, dataclass
from datetime import timedelta
from typing import Any

from drcheck.clock import format_duration, format_moment
from drcheck.model import Assessment, Drill, Finding, Outcome, Unobserved, Waiver
from drcheck.reports.base import ReportOptions
from drcheck.reports.html_changes import changed
from drcheck.reports.html_controls import RESULTS, WAIVED, WORDS, ControlLinks, policy_counts
from drcheck.reports.html_copies import all_copies
from drcheck.reports.html_limits import SCREEN, Limits
from drcheck.reports.html_matrix import matrices
from drcheck.reports.html_page import page
from drcheck.reports.html_passes import passes
from drcheck.reports.html_places import target_lines
from drcheck.reports.html_problems import Problems, problems
from drcheck.reports.html_tally import Tally
from drcheck.reports.html_trend import trend
from drcheck.reports.rows import accepted
from drcheck.reports.verdict import verdict
from drcheck.reports.wording import caution, heading, provenance, sampling_lines, subject_name

MOST_FIRST = 3
"""So many things are named as what to do first."""
_ANSWERS = {
    "FAIL": "No. Something that must hold does not.",
    "UNKNOWN": "That is not known. Nothing failed, but not everything could be determined, and unknown is not safe.",
    "PASS": "Yes, as far as the policies below ask.",
    "PASS but": "Not in everything. What does not hold or is not known was accepted for now, which does not make it safe.",
}
_GROUPS = (
    ("fail", "Failed", "It was looked at, and it is not as the control asks."),
    ("error", "In error", "drcheck itself has a bug here; whether the control is met is not known."),
    ("unknown", "Unknown", "It could not be determined. Nobody knows whether it is safe, so it is treated as not safe."),
    ("waived", "Accepted for now", "It is no pass, and somebody accepted that until a day."),
)
_SECTIONS = [
    ("problems", "Problems"),
    ("changes", "Changes"),
    ("matrix", "Systems and controls"),
    ("copies", "Copies"),
    ("trend", "Nights"),
    ("targets", "Targets"),
    ("drills", "Drills"),
    ("waivers", "Waivers"),
    ("passes", "Passes"),
    ("judged", "Judged by"),
]


@dataclass(frozen=True, slots=True)
class DrillLine:
    """One recorded drill."""

    drill: Drill
    ended: str
    took: str
    objective: str
    """The system's RTO; empty where none is declared."""


@dataclass(frozen=True, slots=True)
class WaiverLine:
    """One waiver with what it accepts."""

    waiver: Waiver
    until: str
    accepts: tuple[str, ...]
    """Each finding that is no pass and that it covers."""


def html(assessment: Assessment, options: ReportOptions) -> str:
    """The assessment as one HTML page, with what earlier nights say where `options.past` has it."""
    return page("page.html", ("page.css",), "page.js", **values(assessment, options, SCREEN))


def values(assessment: Assessment, options: ReportOptions, limits: Limits) -> dict[str, Any]:
    """Everything that the template of the page shows, within these limits."""
    links = ControlLinks(assessment.policies)
    wrong = problems(assessment, links, options.past, limits.in_full)
    tally = Tally(assessment, wrong.numbers)
    answer = verdict(assessment)
    head = answer.partition(":")[0]
    outcome = "PASS but" if head.startswith("PASS but") else head
    title, *where_from = heading(assessment)
    return {
        "assessment": assessment,
        "accepted": Counter(finding.outcome for finding in assessment.findings if accepted(finding.outcome, finding.waiver)),
        "answer": _ANSWERS[outcome],
        "caution": caution(assessment),
        "changed": changed(assessment, links, options.past),
        "chunk": limits.chunk,
        "copies": all_copies(assessment, tally.copies, limits),
        "counts": {str(word): count for word, count in assessment.counts().items()},
        "drills": _drills(assessment),
        "drills_unknown": str(assessment.facts.drills) if isinstance(assessment.facts.drills, Unobserved) else "",
        "first": wrong.first(MOST_FIRST),
        "groups": _GROUPS,
        "head": head,
        "matrices": matrices(assessment, links, tally, limits),
        "limits": limits,
        "order": {word: rank for rank, word in enumerate((*RESULTS, ""))},
        "outcome": WAIVED if outcome == "PASS but" else outcome.lower(),
        "passes": passes(assessment, links, limits),
        "policies": policy_counts(assessment.policies, links, tally.controls),
        "problems": wrong,
        "provenance": [*provenance(assessment), *sampling_lines(assessment)],
        "results": [(word, WORDS[word]) for word in RESULTS],
        "sections": _SECTIONS if options.past and options.past.nights else [section for section in _SECTIONS if section[0] != "changes"],
        "tiles": [(word, WORDS[word], _tile_target(word, wrong)) for word in RESULTS if word != WAIVED],
        "targets": target_lines(assessment),
        "title": title,
        "trend": trend(assessment, options.past),
        "trend_known": options.past is not None,
        "verdict": answer,
        "waivers": _waivers(assessment.findings),
        "where_from": where_from,
        "words": {str(word): shown for word, shown in WORDS.items()},
    }


def _tile_target(result: str, wrong: Problems) -> str:
    """Where the count of a result leads to."""
    if result in (Outcome.PASS, Outcome.NOT_APPLICABLE):
        return "passes"
    return result if wrong.of(result) else "problems"


def _drills(assessment: Assessment) -> list[DrillLine]:
    if isinstance(assessment.facts.drills, Unobserved):
        return []
    objectives = {system.id: system.rto for system in assessment.systems}
    newest_first = sorted(assessment.facts.drills.value, key=lambda drill: drill.ended, reverse=True)
    return [_drill(drill, objectives.get(drill.system)) for drill in newest_first]


def _drill(drill: Drill, objective: timedelta | None) -> DrillLine:
    return DrillLine(drill, format_moment(drill.ended), format_duration(drill.took), "" if objective is None else format_duration(objective))


def _waivers(findings: tuple[Finding, ...]) -> list[WaiverLine]:
    """Every waiver that a finding has, the first to end first."""
    covered: dict[Waiver, list[str]] = {}
    for finding in findings:
        if finding.waiver is not None:
            accepts = covered.setdefault(finding.waiver, [])
            if accepted(finding.outcome, finding.waiver):
                accepts.append(f"{finding.outcome}: {finding.control} on {subject_name(finding.subject)}")
    ordered = sorted(covered.items(), key=lambda item: (item[0].until, astuple(item[0])))
    return [WaiverLine(waiver, waiver.until.isoformat(), tuple(sorted(accepts))) for waiver, accepts in ordered]
