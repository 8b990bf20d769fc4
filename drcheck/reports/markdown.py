"""The report for a ticket or a wiki: GitHub-flavoured Markdown in which no name from outside can be markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from drcheck.model import Assessment, Outcome, number_of, printable
from drcheck.reports.base import ReportOptions
from drcheck.reports.merged import MergedRow, PassedRow, merged_rows, passed_name, passed_rows, subjects_name
from drcheck.reports.rows import FindingRow, copy_rows, finding_rows, silent_targets, unseen_copies
from drcheck.reports.verdict import verdict
from drcheck.reports.wording import (
    asked_by,
    caution,
    control_text,
    counts,
    document_words,
    fact_text,
    freshness,
    heading,
    issuer_choices,
    known_by,
    own_choices,
    own_choices_note,
    point_count,
    policy_lines,
    provenance,
    sampling_lines,
    subject_name,
    verified,
    waiver_text,
    where,
)
from drcheck.reports.wrapping import listed, shorten, shorten_words

LONGEST_WORD = 120
LONGEST_TEXT = 1200
MOST_PASSED = 24
_LABELS = {
    Outcome.FAIL: "**FAIL**",
    Outcome.ERROR: "**ERROR**",
    Outcome.UNKNOWN: "**UNKNOWN**",
    Outcome.PASS: "pass",
    Outcome.NOT_APPLICABLE: "n/a",
}
_MARKUP = re.compile(r"[\\`*_{}\[\]|~$]")
_BLOCK = re.compile(r"(\d*)([-=+#.)])")
"""How a text begins that would be a list, a heading or an underline."""
_LINKED = re.compile(r"://|www\.|mailto:|@|#\d|\w\.[^\W\d]{2,}", re.IGNORECASE)
"""What GitHub, GitLab and their like turn into a link or a mention without any markup."""


def markdown(assessment: Assessment, options: ReportOptions) -> str:
    """The assessment as GitHub-flavoured Markdown."""
    blocks = [
        _opening(assessment),
        _findings(assessment, options),
        _copies(assessment, options),
        _silent(assessment, options),
        _policies(assessment, options),
        _notes(assessment, options),
        [f"**{escape(verdict(assessment))}** ({escape(counts(assessment))})"],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def escape(text: str) -> str:
    """
    The text as Markdown that shows it, as one line that can stand in a table cell.

    Words that would become a link or a mention become code: that keeps them as they are for whoever copies them, which an invisible character in
    the middle would not.
    """
    safe = " ".join(_code(word) if _LINKED.search(word) else _plain(word) for word in printable(text).strip().split(" "))
    return _BLOCK.sub(r"\1\\\2", safe, count=1) if _BLOCK.match(safe) else safe


def _plain(word: str) -> str:
    return _MARKUP.sub(r"\\\g<0>", word.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def _code(word: str) -> str:
    """
    The word as code, without the sentence's punctuation around it.

    A pipe stays outside too, for it ends a table's cell even inside code (GitHub-flavoured Markdown, section 4.10).
    """
    core = word.lstrip("(").rstrip(",;:.)")
    start = word.index(core)
    code = r"\|".join(_fenced(part) if part else "" for part in core.split("|"))
    return word[:start] + code + word[start + len(core) :]


def _fenced(text: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence, space = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{space}{text}{space}{fence}"


def _opening(assessment: Assessment) -> list[str]:
    title, *lines = heading(assessment)
    first = caution(assessment)
    answer = [f"**{escape(verdict(assessment))}**", ""]
    return [*([f"> **{first}**", ""] if first else []), f"# {escape(title)}", "", *answer, *(f"- {escape(line)}" for line in lines)]


def _findings(assessment: Assessment, options: ReportOptions) -> list[str]:
    lines = ["## Findings"]
    if options.only:
        lines += ["", f"Shown here: {', '.join(sorted(options.only))}."]
    if options.wide:
        rows = finding_rows(assessment.findings, options.only)
        header = ["Result", "About", "Finding", "What to do", "Known by", "Asked by", "Facts"]
        return [*lines, "", *_table(header, (_finding_cells(row, options) for row in rows))] if rows else _nothing(lines)
    merged = merged_rows(assessment.findings, options.only)
    if merged:
        header = ["Result", "About", "Finding", "What to do", "Known by", "Asked by"]
        lines += ["", *_table(header, (_merged_cells(row, options) for row in merged))]
    passed = passed_rows(assessment.findings) if not options.only or Outcome.PASS in options.only else []
    if passed:
        lines += ["", *_table(["Passed", "About", "Known by"], (_passed_cells(row, options) for row in passed))]
    hidden = assessment.counts()[Outcome.NOT_APPLICABLE]
    if hidden and not options.only:
        lines += ["", f"{number_of(hidden, 'finding is', 'findings are')} not applicable."]
    return lines if merged or passed or hidden else _nothing(lines)


def _nothing(lines: list[str]) -> list[str]:
    return [*lines, "", "There is nothing to show."]


def _merged_cells(row: MergedRow, options: ReportOptions) -> Iterator[str]:
    yield _LABELS[row.outcome] + f", {row.severity}" + (", waived" if row.waiver else "")
    yield escape(subjects_name(row, lambda name: _fitted(name, options)))
    parts = [row.message, *(f"{answer.message} ({', '.join(answer.controls)})" for answer in row.answers if answer.message), row.waiver]
    yield "<br>".join(escape(_fitted(part, options)) for part in parts if part)
    yield escape(_fitted(row.remediation, options))
    yield ", ".join(known_by(row.assurance, row.depth)) if row.assurance else ""
    yield escape(f"{row.check}, for {', '.join(control for answer in row.answers for control in answer.controls)}")


def _passed_cells(row: PassedRow, options: ReportOptions) -> Iterator[str]:
    yield escape(_fitted(row.check, options))
    yield escape(listed([_fitted(passed_name(one), options) for one in row.subjects], MOST_PASSED))
    yield ", ".join(known_by(row.assurance, row.depth))


def _finding_cells(row: FindingRow, options: ReportOptions) -> Iterator[str]:
    yield _LABELS[row.outcome] + f", {row.severity}" + (", waived" if row.waived else "")
    yield escape(_fitted(subject_name(row.subject), options))
    yield escape(_fitted(row.message, options)) + (f" ({escape(_fitted(waiver_text(row.waiver), options))})" if row.waiver else "")
    yield "" if row.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE) else escape(_fitted(row.remediation, options))
    yield ", ".join(known_by(row.assurance, row.depth))
    yield escape(f"{row.check}, for {'; '.join(asked_by(row))}")
    yield escape("; ".join(map(fact_text, row.facts)))


def _copies(assessment: Assessment, options: ReportOptions) -> list[str]:
    rows = copy_rows(assessment)
    if not rows:
        return []
    header = ["System", "Target", "Site", "Newest usable", "Usable points", "Read and compared"]
    cells = (
        [
            escape(_fitted(row.place.system, options)),
            escape(_fitted(row.place.target, options)),
            *(escape(_fitted(", ".join(parts), options)) for parts in (where(row), freshness(row), point_count(row), verified(row))),
        ]
        for row in rows
    )
    return ["## Copies", "", *_table(header, cells)]


def _silent(assessment: Assessment, options: ReportOptions) -> list[str]:
    silent, copies = silent_targets(assessment), unseen_copies(assessment)
    lines: list[str] = []
    if silent:
        cells = (
            [escape(_fitted(text, options)) for text in (target.place.target, target.place.site, target.place.address, str(target.why))]
            for target in silent
        )
        lines += ["## Targets that did not answer", "", *_table(["Target", "Site", "Address", "Why"], cells)]
    if copies:
        rows = ([escape(_fitted(text, options)) for text in (row.id, str(row.points))] for row in copies)
        lines += [*([""] if lines else []), "## Copies that could not be listed", "", *_table(["Copy", "Why"], rows)]
    return lines


def _policies(assessment: Assessment, options: ReportOptions) -> list[str]:
    lines = ["## Judged by", ""]
    for policy in assessment.policies:
        if not options.wide:
            lines.append(f"- {escape(': '.join(document_words(policy)))}")
            continue
        first, document = policy_lines(policy)
        lines += [f"- {escape(first)}", f"  - Document: {escape(document)}"]
        lines += [f"  - drcheck's or the estate's own choice: {escape(choice)}" for choice in own_choices(policy)]
        lines += [f"  - The document's: {escape(choice)}" for choice in issuer_choices(policy)]
        lines += [f"  - Control {escape(control_text(control))}" for control in policy.controls]
    lines += [f"- {escape(line)}" for line in (*provenance(assessment), *sampling_lines(assessment))]
    ours = own_choices_note(assessment)
    return [*lines, "", escape(ours)] if ours and not options.wide else lines


def _notes(assessment: Assessment, options: ReportOptions) -> list[str]:
    return ["## Notes", "", *(f"- {escape(_fitted(note, options))}" for note in assessment.notes)] if assessment.notes else []


def _table(header: Sequence[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    yield _line(header)
    yield _line(["---"] * len(header))
    for row in rows:
        yield _line(row)


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _fitted(text: str, options: ReportOptions) -> str:
    safe = printable(text)
    return safe if options.wide else shorten(shorten_words(safe, LONGEST_WORD), LONGEST_TEXT)
