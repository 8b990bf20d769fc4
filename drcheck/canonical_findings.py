"""
Findings in RFC 8785 form: of a large estate under many packs they come to gigabytes, so what repeats is put into words once.

The bytes are those of `drcheck.canonical.canonical_json`: keys sorted, no spaces, UTF-8.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from pydantic import TypeAdapter

from drcheck.model import FactUsed, Finding, Waiver, printable

_encoded = json.JSONEncoder(ensure_ascii=False).encode
_KEPT = 500_000
"""Facts whose text is kept for the next finding that rests on them; with more, the others are put into words each time."""


def canonical_findings(findings: Iterable[Finding]) -> Iterator[bytes]:
    """Each finding; names that are no UTF-8 show their bytes as `\\xff`."""
    words = _Words()
    for finding in findings:
        parts = (
            f'{{"assurance":{words.short(finding.assurance)},"check":{words.short(finding.check)},"clause":{words.short(finding.clause)}',
            f'"control":{words.short(finding.control)},"depth":{words.short(finding.depth)},"facts":[{words.facts(finding.facts)}]',
            f'"message":{_text(finding.message)},"outcome":{words.short(finding.outcome)},"policy":{words.short(finding.policy)}',
            f'"remediation":{words.short(finding.remediation)},"severity":{words.short(finding.severity)}',
            f'"subject":{{"id":{_text(finding.subject.id)},"kind":{words.short(finding.subject.kind)}}},"waiver":{_waiver(finding.waiver)}}}',
        )
        yield ",".join(parts).encode()


def with_surrogates_shown(text: str) -> str:
    """The text with every half character, which UTF-8 cannot hold, as a visible escape."""
    return text if text.isascii() else "".join(printable(mark) if "\ud800" <= mark <= "\udfff" else mark for mark in text)


def _text(text: str) -> str:
    return _encoded(with_surrogates_shown(text))


def _waiver(waiver: Waiver | None) -> str:
    if waiver is None:
        return "null"
    told = {"control": waiver.control, "owner": waiver.owner, "policy": waiver.policy, "reason": waiver.reason, "subject": waiver.subject}
    return f'{{{",".join(f"{_encoded(key)}:{_text(value)}" for key, value in told.items())},"until":{_encoded(waiver.until.isoformat())}}}'


class _Words:
    """Texts that many findings have alike, put into words once. The findings must live as long as this."""

    def __init__(self) -> None:
        self._short: dict[str | None, str] = {None: "null"}
        self._facts: dict[int, str] = {}
        self._moments: dict[tuple[datetime, timedelta | None], str] = {}
        self._moment = TypeAdapter(datetime)

    def short(self, text: str | None) -> str:
        """A text of which there are few."""
        return self._short.get(text) or self._short.setdefault(text, _text(text or ""))

    def facts(self, facts: tuple[FactUsed, ...]) -> str:
        """The facts of one finding."""
        kept = self._facts
        return ",".join([kept.get(id(fact)) or self._fact(fact) for fact in facts])

    def _fact(self, fact: FactUsed) -> str:
        moment, detail, name = self._at(fact.at), _text(fact.detail), _text(fact.name)
        text = f'{{"at":{moment},"detail":{detail},"name":{name},"reason":{self.short(fact.reason)},"source":{self.short(fact.source)}'
        text += f',"value":{_text(fact.value)}}}'
        if len(self._facts) < _KEPT:
            self._facts[id(fact)] = text
        return text

    def _at(self, moment: datetime | None) -> str:
        if moment is None:
            return "null"
        key = (moment, moment.utcoffset())
        if key not in self._moments:
            self._moments[key] = _encoded(self._moment.dump_python(moment, mode="json"))
        return self._moments[key]
