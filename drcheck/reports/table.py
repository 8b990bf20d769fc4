"""The report for a terminal: the answer, what is wrong and what to do, then the copies, what did not answer, and by what was judged."""

from __future__ import annotations

from drcheck.model import EXIT_FAIL, EXIT_GOOD, EXIT_UNKNOWN, Assessment, Outcome, printable
from drcheck.reports.base import ReportOptions
from drcheck.reports.copies_table import copies_table
from drcheck.reports.findings_brief import findings_brief
from drcheck.reports.findings_wide import findings_wide
from drcheck.reports.rows import silent_targets, unseen_copies
from drcheck.reports.terminal import COLOURS, painted, text_lines
from drcheck.reports.verdict import verdict
from drcheck.reports.wording import (
    caution,
    control_text,
    counts,
    document_words,
    heading,
    issuer_choices,
    own_choices,
    own_choices_note,
    policy_lines,
    provenance,
    sampling_lines,
)
from drcheck.reports.wrapping import columns, shorten, wrap

_NARROWEST_DOCUMENT = 30
_ANSWERS = {EXIT_FAIL: Outcome.FAIL, EXIT_UNKNOWN: Outcome.UNKNOWN, EXIT_GOOD: Outcome.PASS}


def table(assessment: Assessment, options: ReportOptions) -> str:
    """The assessment as text for a terminal. Names from outside are made printable and, unless `wide`, shortened in the middle."""
    blocks = [
        _opening(assessment, options),
        _findings(assessment, options),
        copies_table(assessment, options),
        _silent(assessment, options),
        _policies(assessment, options),
        _notes(assessment, options),
        [*_verdict(assessment, options), *wrap(counts(assessment), options.width)],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _opening(assessment: Assessment, options: ReportOptions) -> list[str]:
    lines = [painted(line, "1;33", options) for line in text_lines(caution(assessment), options, options.width)]
    lines += _verdict(assessment, options)
    for line in heading(assessment):
        lines += text_lines(line, options, options.width)
    return lines


def _verdict(assessment: Assessment, options: ReportOptions) -> list[str]:
    colour = COLOURS[_ANSWERS[assessment.exit_code]]
    return [painted(line, colour, options) for line in text_lines(verdict(assessment), options, options.width, whole=True)]


def _findings(assessment: Assessment, options: ReportOptions) -> list[str]:
    lines = [f"Shown here: {', '.join(sorted(options.only))}.", ""] if options.only else []
    found = findings_wide(assessment, options) if options.wide else findings_brief(assessment, options)
    return [*lines, *found] if found or not options.only else lines[:1]


def _silent(assessment: Assessment, options: ReportOptions) -> list[str]:
    """The targets, and single copies, of which nothing was seen, each with the whole reason: findings give it in a word."""
    lines = []
    for target in silent_targets(assessment):
        place = target.place
        lines += text_lines(f"{place.target} ({place.connector}, {place.address}, at {place.site}): {target.why}", options, options.width, lead="- ")
    copies = [f"{row.id}: {row.points}" for row in unseen_copies(assessment)]
    return [
        *(["Targets that did not answer", *lines] if lines else []),
        *([""] if lines and copies else []),
        *(["Copies that could not be listed"] if copies else []),
        *(line for text in copies for line in text_lines(text, options, options.width, lead="- ")),
    ]


def _policies(assessment: Assessment, options: ReportOptions) -> list[str]:
    lines = ["Judged by"]
    for policy in assessment.policies:
        if not options.wide:
            pack, document = map(printable, document_words(policy))
            lines.append(f"- {pack}: " + shorten(document, max(options.width - columns(pack) - 4, _NARROWEST_DOCUMENT)))
            continue
        first, document = policy_lines(policy)
        lines += text_lines(first, options, options.width, lead="- ")
        lines += text_lines(document, options, options.width, lead="  ")
        for title, choices in (("drcheck's or the estate's own choice: ", own_choices(policy)), ("the document's: ", issuer_choices(policy))):
            if choices:
                lines += text_lines(title + "; ".join(choices), options, options.width, lead="  ")
        for control in policy.controls:
            lines += text_lines(control_text(control), options, options.width, lead="  · ")
    for line in (*provenance(assessment), *(sampling_lines(assessment) if options.wide else [])):
        lines += text_lines(line, options, options.width, lead="- ")
    return lines if options.wide else [*lines, *text_lines(own_choices_note(assessment), options, options.width)]


def _notes(assessment: Assessment, options: ReportOptions) -> list[str]:
    lines = [line for note in assessment.notes for line in text_lines(note, options, options.width, lead="- ")]
    return ["Notes", *lines] if lines else []
