"""
The findings of the JSON document, as text: of a large estate under many packs they come to gigabytes, so what repeats is put into words once.

The text is what `json.dumps` with `indent=2` writes of the same values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from json.encoder import encode_basestring_ascii as _quoted

from drcheck.clock import format_moment
from drcheck.model import FactUsed, Finding, Waiver

_KEPT = 500_000
"""Facts whose text is kept for the next finding that rests on them; with more, the others are put into words each time."""


def finding_texts(findings: Iterable[Finding]) -> Iterator[str]:
    """Each finding as an entry of the document's list."""
    askers: dict[tuple[str, str, str, str], str] = {}
    marks: dict[tuple[str | None, ...], str] = {}
    remedies: dict[str, str] = {}
    facts = _Facts()
    for finding in findings:
        asked = (finding.policy, finding.control, finding.clause, finding.check)
        asker = askers.get(asked) or askers.setdefault(asked, _members(("policy", "control", "clause", "check"), asked))
        graded = (finding.outcome, finding.severity, finding.assurance, finding.depth)
        mark = marks.get(graded) or marks.setdefault(graded, _members(("outcome", "severity", "assurance", "depth"), graded))
        remedy = remedies.get(finding.remediation) or remedies.setdefault(finding.remediation, _quoted(finding.remediation))
        subject = f'{{\n        "kind": {_quoted(finding.subject.kind)},\n        "id": {_quoted(finding.subject.id)}\n      }}'
        told = f'      "message": {_quoted(finding.message)},\n      "facts": {facts.text(finding.facts)}'
        rest = f'      "waiver": {_waiver(finding.waiver)},\n      "remediation": {remedy}'
        yield f'{{\n{asker},\n      "subject": {subject},\n{mark},\n{told},\n{rest}\n    }}'


def _members(names: Iterable[str], values: Iterable[str | None], indent: str = " " * 6) -> str:
    return ",\n".join(f'{indent}"{name}": {"null" if value is None else _quoted(value)}' for name, value in zip(names, values, strict=True))


def _waiver(waiver: Waiver | None) -> str:
    if waiver is None:
        return "null"
    names = ("policy", "control", "subject", "owner", "reason", "until")
    values = (waiver.policy, waiver.control, waiver.subject, waiver.owner, waiver.reason, waiver.until.isoformat())
    return f"{{\n{_members(names, values, ' ' * 8)}\n      }}"


class _Facts:
    """The text of facts; one that several findings rest on, and it is the same object then, is put into words once."""

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}
        self._moments: dict[datetime | None, str] = {None: "null"}

    def text(self, facts: tuple[FactUsed, ...]) -> str:
        """The list of facts of one finding. They must live as long as this."""
        if not facts:
            return "[]"
        kept = self._texts
        texts = ",\n".join([kept.get(id(fact)) or self._one(fact) for fact in facts])
        return f"[\n{texts}\n      ]"

    def _one(self, fact: FactUsed) -> str:
        if fact.at not in self._moments:
            self._moments[fact.at] = _quoted(format_moment(fact.at)) if fact.at else "null"
        source = "null" if fact.source is None else _quoted(fact.source)
        reason = "null" if fact.reason is None else _quoted(fact.reason)
        text = (
            f'        {{\n          "name": {_quoted(fact.name)},\n          "value": {_quoted(fact.value)},\n          "source": {source},\n'
            f'          "at": {self._moments[fact.at]},\n          "reason": {reason},\n          "detail": {_quoted(fact.detail)}\n        }}'
        )
        if len(self._texts) < _KEPT:
            self._texts[id(fact)] = text
        return text
