"""What a stranger's assessment comes to, counted again from its findings, without keeping the rest of it in memory."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, NoReturn

from drcheck.model import Outcome, printable
from drcheck.model.assessment import EXIT_FAIL, EXIT_GOOD, EXIT_UNKNOWN

LARGEST = 1 << 30
"""Bytes of the largest document that is read."""
_FLOOR = 1 << 20
"""Bytes up to which it may be as crowded as it likes."""
_CROWDED = {b"[": 48, b"{": 48, b",": 8}
"""Of each mark one in so many bytes at most: ours have one in 140 or more, a comma in 20. Lists of nothing would take thirty times their length."""
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Counted:
    """What the findings of one document come to."""

    schema: str
    run: str
    counts: tuple[tuple[str, int], ...]
    """How many findings have each outcome, in the order of `Outcome`."""
    waived: int
    exit_code: int
    told: str
    """A digest of what each finding says: of what, asked by which control, with which outcome, severity and message, and whether it is waived."""
    summary: dict[str, Any]
    """What the document itself says that they come to; empty where it says nothing."""

    rehearsal: bool = False
    """Whether it says that folders on one machine stand in for places."""

    @property
    def summarised(self) -> dict[str, Any]:
        """The counts as a summary has them."""
        return {**dict(self.counts), "waived": self.waived, "exit_code": self.exit_code}


@dataclass(frozen=True, slots=True)
class _Judged:
    outcome: str
    waived: bool
    told: bytes


def count(content: bytes) -> Counted:
    """
    Count the findings of a record or of a JSON report again.

    Raises:
        ValueError: it is neither; the message says why.
    """
    if any(_crowded(content, mark, len(content) // least) for mark, least in _CROWDED.items()):
        raise ValueError("holds more values than a document of findings of its length does")
    try:
        document = json.loads(content, object_pairs_hook=_pruned, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None
    except ValueError as error:
        raise ValueError(f"is no JSON: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("findings"), list) or not isinstance(document.get("schema"), str):
        raise ValueError("is no document with a schema and findings")
    findings, run, summary = document["findings"], document.get("run"), document.get("summary", {})
    if not all(isinstance(finding, _Judged) and finding.outcome in set(Outcome) for finding in findings):
        raise ValueError("has a finding without an outcome")
    if not isinstance(run, dict) or not isinstance(run.get("id"), str) or not isinstance(summary, dict):
        raise ValueError("does not say of which run it is")
    found = Counter(finding.outcome for finding in findings)
    counts = tuple((str(outcome), found[outcome]) for outcome in Outcome)
    told = hashlib.sha256(b"".join(sorted(finding.told for finding in findings))).hexdigest()
    waived, rehearsal = sum(finding.waived for finding in findings), document.get("estate") == {"rehearsal": True}
    return Counted(document["schema"], run["id"], counts, waived, _exit_code(findings), told, summary, rehearsal)


def _crowded(content: bytes, mark: bytes, most: int) -> bool:
    """Whether a mark is there too often; those in texts, such as a name of many commas, do not count."""
    if len(content) <= _FLOOR or content.count(mark) <= most:
        return False
    found = place = 0
    for text in _STRING.finditer(content):
        found += content.count(mark, place, text.start())
        place = text.end()
        if found > most:
            return True
    return found + content.count(mark, place) > most


def _exit_code(findings: list[_Judged]) -> int:
    """As `drcheck.model.Assessment.exit_code`."""
    standing = {finding.outcome for finding in findings if not finding.waived}
    if Outcome.FAIL in standing:
        return EXIT_FAIL
    if standing & {Outcome.UNKNOWN, Outcome.ERROR}:
        return EXIT_UNKNOWN
    return EXIT_GOOD if Outcome.PASS in standing or any(finding.waived for finding in findings) else EXIT_UNKNOWN


def _pruned(pairs: list[tuple[str, Any]]) -> Any:
    """What is kept of one JSON object: of nearly all of them nothing."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    if "outcome" in found and "waiver" in found:
        return _Judged(str(found["outcome"]), found["waiver"] is not None, _told(found))
    if "findings" in found:
        return {key: found.get(key) for key in ("schema", "run", "estate", "findings", "summary") if key in found}
    if "reference" in found and "id" in found:
        return {"id": found["id"]}
    if "rehearsal" in found and "organisation" in found:
        return {"rehearsal": found["rehearsal"]}
    if "exit_code" in found or found.keys() == {"kind", "id"}:
        return found
    return {}


def _told(finding: dict[str, Any]) -> bytes:
    said = [finding.get(key) for key in ("policy", "control", "subject", "outcome", "severity", "message")]
    text = json.dumps([*said, finding["waiver"] is not None], sort_keys=True, ensure_ascii=False, default=str)
    # A record shows the bytes of a name that is no UTF-8, and a report has them as they are.
    shown = text if text.isascii() else "".join(json.dumps(printable(mark))[1:-1] if "\ud800" <= mark <= "\udfff" else mark for mark in text)
    return hashlib.sha256(shown.encode()).digest()


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
