"""
Notices in words.

They name policies, controls, systems, copies and targets, and never the message of a finding: that can hold names of objects, and mail goes astray.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from drcheck.clock import format_moment
from drcheck.model import Assessment, Finding, FindingKey, Severity, Subject, printable
from drcheck.model.notices import Notice, NoticeKind, Told
from drcheck.notices.events import state_of
from drcheck.notices.message import Message, message_id
from drcheck.reports.verdict import verdict
from drcheck.reports.wording import subject_name, waived

MOST_LINES = 40
"""Things of one kind that a message names; of more it gives the number."""
_KINDS: tuple[tuple[tuple[NoticeKind, ...], str, str], ...] = (
    ((NoticeKind.FAILED,), "fail", "Fails"),
    ((NoticeKind.WORSE,), "worse", "Worse than it was"),
    ((NoticeKind.WAIVER_ENDED,), "no longer waived", "Its waiver has ended, and it is still not as it should be"),
    ((NoticeKind.UNKNOWN,), "unknown", "Could not be told"),
    ((NoticeKind.SILENCE,), "silence", "drcheck was silent"),
    ((NoticeKind.GONE,), "no longer judged", "Is no longer judged, and was not as it should be when it last was"),
    ((NoticeKind.WAIVER_ENDING,), "waiver ends soon", "Its waiver ends soon"),
    ((NoticeKind.RECOVERED,), "recovered", "Recovered"),
    ((NoticeKind.ACCEPTED,), "waived", "Was waived"),
)
_TROUBLES = {"output": "a report or record could not be written", "store": "the store could not be used"}
_ADVISED = frozenset({NoticeKind.FAILED, NoticeKind.WORSE, NoticeKind.UNKNOWN, NoticeKind.WAIVER_ENDED})


class Words:
    """The words for the findings of one assessment."""

    def __init__(self, assessment: Assessment) -> None:
        self._findings: dict[FindingKey, Finding] = {(each.policy, each.control, each.subject): each for each in assessment.findings}
        self._titles = {(policy.id, control.id): control.title for policy in assessment.policies for control in policy.controls}

    def lines(self, notices: Iterable[Notice]) -> list[str]:
        """Each thing once, with every control that asked, the worst first; and what to do about it, which is the same for many and said once."""
        groups: dict[tuple[object, ...], list[Notice]] = {}
        for notice in notices:
            finding = self._findings.get(notice.key)
            asked = (finding.check, notice.subject, notice.about) if finding is not None else (notice.key, notice.about)
            groups.setdefault(asked, []).append(notice)
        ranks = sorted(groups.values(), key=lambda group: (min(_rank(each) for each in group), group[0].subject.id, group[0].control))
        lines: list[str] = []
        advised = {""}
        for group in ranks[:MOST_LINES]:
            lines.append(f"- {self._line(group)}")
            finding = self._findings.get(group[0].key)
            advice = printable(finding.remediation) if finding is not None and group[0].kind in _ADVISED else ""
            if advice not in advised:
                lines.append(f"  To do: {advice}")
                advised.add(advice)
        if len(ranks) > MOST_LINES:
            lines.append(f"- and {len(ranks) - MOST_LINES} more")
        return lines

    def things(self, notices: Iterable[Notice]) -> int:
        """How many things the notices are about: what several controls ask of one subject by one check is one."""
        found = ((notice, self._findings.get(notice.key)) for notice in notices)
        return len({(finding.check, notice.subject) if finding is not None else notice.key for notice, finding in found})

    def _line(self, group: Sequence[Notice]) -> str:
        first = group[0]
        if first.kind is NoticeKind.SILENCE:
            return f"no night was recorded between {first.about} and this one: whatever happened in between was seen by nobody"
        if not first.policy:
            return printable(_TROUBLES.get(first.control, first.control) + (f": {first.about}" if first.about else ""))
        title = self._titles.get((first.policy, first.control), "")
        asked = ", ".join(dict.fromkeys(f"{printable(each.policy)} {printable(each.control)}" for each in group))
        outcome = f"{first.outcome}, " if first.outcome is not None and first.kind is NoticeKind.WAIVER_ENDED else ""
        rank = f"{outcome}{first.severity}; " if first.severity is not None and first.kind in _ADVISED else ""
        ends = f", {'until' if first.kind is NoticeKind.WAIVER_ENDING else 'it ended on'} {first.about}" if first.about else ""
        return f"{about(first.subject)}: {printable(title)}{' ' if title else ''}({rank}{asked}){ends}"


def night_message(assessment: Assessment, told: Sequence[Told], digest: Sequence[str] = ()) -> Message:
    """
    The notices of tonight, and of nights before that could not be delivered, as one message.

    Args:
        told: in the order in which they were made.
        digest: the lines of the digest where one is due.
    """
    words = Words(assessment)
    name = printable(assessment.estate.name)
    tonight = [each.notice for each in told if each.run == assessment.run.id]
    before: dict[str, list[Told]] = {}
    for each in told:
        if each.run != assessment.run.id:
            before.setdefault(each.run, []).append(each)
    lines = [f"{name}, judged at {format_moment(assessment.run.reference)}.", printable(verdict(assessment)) + "."]
    lines += _sections(words, tonight)
    for night in before.values():
        lines += ["", f"Of the night of {format_moment(night[0].at)}, which could not be delivered then:"]
        lines += _sections(words, [each.notice for each in night])
    if digest:
        lines += ["", *digest]
    made_by = printable(f"drcheck {assessment.run.version}, run {assessment.run.id}.")
    lines += ["", f"{made_by} This message comes when something has changed, and with each digest."]
    subject = f"drcheck {name}: {_subject(words, [each.notice for each in told], assessment, bool(digest))}"
    runs = dict.fromkeys(each.run for each in told)
    return Message(subject, "\n".join(lines) + "\n", message_id(assessment.estate.organisation, runs))


def trouble_message(organisation: str, name: str, what: str, moment: str, found: str = "") -> Message:
    """That a night could not be done, or not be recorded: told each time, for nothing remembers that it was."""
    name, what = printable(name), "\n".join(map(printable, what.splitlines()))
    body = [f"{name}, {moment}.", "", what, "", *([f"What was found all the same: {found}", ""] if found else [])]
    body.append("Until this is mended, this message comes after each night.")
    return Message(f"drcheck {name}: the night was not completed", "\n".join(body) + "\n", message_id(organisation, [moment, what]))


def about(subject: Subject) -> str:
    """What a notice is about, with nothing in it that could break a line."""
    return printable(subject_name(subject))


def summary(assessment: Assessment) -> str:
    """The verdict of a night in a line, for a log or a monitor."""
    return printable(f"{assessment.estate.name}: {verdict(assessment)}; run {assessment.run.id}")


def stands(assessment: Assessment) -> str:
    """What stands, in numbers: things that fail, that are unknown, that were waived."""
    found: dict[str, set[tuple[str, Subject]]] = {}
    for finding in assessment.findings:
        found.setdefault(state_of(finding).name, set()).add((finding.check, finding.subject))
    parts = [f"{len(found[state])} {word}" for state, word in (("FAILING", "fail"), ("UNKNOWN", "unknown")) if state in found]
    excused = waived(assessment)
    return ", ".join(parts or ["nothing fails"]) + (f", {excused} waived" if excused else "")


def _sections(words: Words, notices: Sequence[Notice]) -> list[str]:
    lines = []
    for kinds, _, heading in _KINDS:
        found = [notice for notice in notices if notice.kind in kinds]
        if found:
            lines += ["", f"{heading}:", *words.lines(found)]
    return lines


def _subject(words: Words, notices: Sequence[Notice], assessment: Assessment, digest: bool) -> str:
    parts = []
    for kinds, word, _ in _KINDS:
        found = [notice for notice in notices if notice.kind in kinds]
        if found:
            parts.append(word if kinds == (NoticeKind.SILENCE,) else f"{words.things(found)} {word}")
    if not parts and digest:
        return f"digest: {stands(assessment)}"
    return ", ".join(parts) or "nothing has changed"


def _rank(notice: Notice) -> int:
    return list(Severity).index(notice.severity) if notice.severity is not None else len(Severity)
