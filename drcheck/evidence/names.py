"""
Names of objects, hashed: in health systems a file's name can be a patient's.

The hash is keyed (HMAC-SHA-256, RFC 2104) with a secret that stays in the store, since names can be guessed; equal names give equal hashes, so that a
bad object can still be followed from night to night, and whoever has the store can say which one it is.

Only facts hold names of their own. What a finding says is made from facts, so it is judged again from the hashed ones: no name is searched for in a
text, where it may stand shortened, quoted or escaped, or be as short as the words around it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any, TypeVar, get_args, get_type_hints

from drcheck.estate.schema import Estate
from drcheck.evidence.phrases import parted
from drcheck.model import (
    Assessment,
    BrokenObject,
    CopyFacts,
    Drill,
    Encryption,
    Facts,
    Finding,
    Identity,
    ManifestRead,
    ObjectVerdict,
    Observed,
    Points,
    Protection,
    RecoveryPoint,
    Sampling,
    StoreKept,
    TargetFacts,
    printable,
)
from drcheck.policy import Pack, judge

T = TypeVar("T")
_Key = tuple[str, str, object]

_NAMES: dict[type[Any], frozenset[str]] = {
    RecoveryPoint: frozenset({"id", "sample"}),
    Points: frozenset({"unrecognised_sample"}),
    ObjectVerdict: frozenset({"key", "manifest"}),
    ManifestRead: frozenset({"name"}),
    BrokenObject: frozenset({"key"}),
    Drill: frozenset({"recovery_point"}),
}
"""The fields that are names of objects."""
_PLAIN: dict[type[Any], frozenset[str]] = {
    CopyFacts: frozenset({"system", "target"}),
    TargetFacts: frozenset({"target", "calls"}),
    Identity: frozenset({"principal", "device", "traits"}),
    Protection: frozenset({"mode"}),
    Encryption: frozenset({"at_rest", "in_transit", "key"}),
    RecoveryPoint: frozenset({"time_from"}),
    ObjectVerdict: frozenset({"algorithm", "promised", "found"}),
    ManifestRead: frozenset({"kind", "algorithms"}),
    Sampling: frozenset({"seed", "committed"}),
    StoreKept: frozenset({"kind", "place"}),
    Drill: frozenset({"system", "target", "verified_by", "problems", "lessons", "evidence", "record"}),
}
"""
The fields that name no object: what a place says of itself, what is declared, digests, and what people wrote for others to read. Every other text
counts as one in which a name may stand.
"""
_BY_PEOPLE = ("problems", "lessons", "evidence")
"""The fields of a drill that people wrote. Names stand in them only where a person put them; those that are known are looked for."""
_EDGE = re.compile(r"""[\s:;,."'()]*""")
_LINE = re.compile(r""":? ?\bline [0-9]+[\s:]*$|[\s:;,."'()]*$""")
_APART = re.compile(r"""[\s:;,"'()/@=]+""")
_LETTERS = re.compile("[A-Za-z]+")
_DIGITS = re.compile("[0-9]+")
_DIRECTIVE = re.compile("%[A-Za-z]")
_ZONES = timedelta(hours=14)
"""How far a name's time, which says no zone, can be from UTC."""
_SHORT_NUMBER = re.compile(r"[0-9]{1,3}")
_HEAD = 6
"""How long a name must be to be looked for anywhere in what people wrote; a shorter one is looked for as a word of its own."""
_WORD = re.compile(r"(?<![\w.-])[\w-](?:[\w.-]{1,3}[\w-])(?![\w-])(?!\.\w)")
"""A word of three to five characters: names shorter than that are words of everybody's."""
WITHHELD = "(withheld: what this check says cannot be told without names of objects)"


def token(key: bytes, name: str) -> str:
    """`name-` and 80 bits of the keyed hash of the name as it is shown, as hex."""
    return f"name-{hmac.digest(key, printable(name).encode(), hashlib.sha256).hex()[:20]}"


class Tokens:
    """
    Tokens in the place of names.

    Attributes:
        names: the name behind each token that was given out, where they are kept; it must not leave the house.
        given: how many were given out, the same ones counted again.
    """

    def __init__(self, key: bytes, declared: Collection[str], written: Iterable[str] = (), *, keep: bool = False) -> None:
        """
        Args:
            key: the organisation's secret.
            declared: texts that the estate declares; their words may stay where they stand alone.
            written: what people wrote, of which `written` will be asked; it decides which names are remembered for that.
            keep: whether every name is kept, rather than none.
        """
        self.names: dict[str, str] = {}
        self.given = 0
        self._key = key
        self._declared = {word for text in declared for word in _APART.split(text)}
        self._letters = {"T", "Z"} | {letters for text in declared for letters in _LETTERS.findall(_DIRECTIVE.sub(" ", text))}
        self._moments = {"", "."}
        self._keep = keep
        self._known: dict[str, str] = {}
        texts = list(written)
        self._heads = {text[place : place + _HEAD]: dict[str, str]() for text in texts for place in range(len(text) - _HEAD + 1)}
        self._words = {word: "" for text in texts for word in _WORD.findall(text) if word not in self._declared}
        self._plans: dict[type[Any], tuple[tuple[str, Callable[[str], str]], ...]] = {}

    def name(self, name: str) -> str:
        """The token of a name; the empty one and `.`, a mirror as a whole, are none, nor is a moment that a recovery point is called by."""
        if name in self._moments:
            return name
        found = token(self._key, name)
        self.given += 1
        if self._keep:
            self.names[found] = name
        if self._heads or self._words:
            # People leave out where a thing lies: `restored Smith.dcm`.
            for form in {name, name.rpartition("/")[2]}:
                if form[:_HEAD] in self._heads and len(form) >= _HEAD:
                    self._heads[form[:_HEAD]][form] = found
                elif form in self._words:
                    self._words[form] = found
        return found

    def text(self, text: str) -> str:
        """A text of which only drcheck's own words, counts, moments and what is declared are kept; a token in the place of everything else."""
        if text not in self._known:
            self._known[text] = "".join(piece if own else self._foreign(piece) for piece, own in parted(text))
        return self._known[text]

    def _foreign(self, piece: str) -> str:
        begin = _EDGE.match(piece)
        start = begin.end() if begin else 0
        ends = _LINE.search(piece, start)
        end = ends.start() if ends else len(piece)
        core = piece[start:end]
        if core in self._moments or all(word in self._declared or _SHORT_NUMBER.fullmatch(word) for word in _APART.split(core)):
            return piece
        return piece[:start] + self.name(core) + piece[end:]

    def written(self, text: str) -> str:
        """What a person wrote, with tokens in the place of those names that were given one before."""
        found, begun, place = [], 0, 0
        while place < len(text):
            names = self._heads.get(text[place : place + _HEAD], {})
            name = max((name for name in names if text.startswith(name, place)), key=len, default="")
            if name:
                found += [self._short(text[begun:place]), names[name]]
                begun = place + len(name)
            place += len(name) or 1
        return "".join([*found, self._short(text[begun:])])

    def _short(self, text: str) -> str:
        return _WORD.sub(lambda word: self._words.get(word[0]) or word[0], text)

    def facts(self, value: T) -> T:
        """A fact, or anything that holds facts, with tokens in it; the same value where it holds no name."""
        result: Any = self._inner(value, self.text)
        return result  # type: ignore[no-any-return]

    def _inner(self, value: Any, texts: Callable[[str], str]) -> Any:
        kind = type(value)
        if kind is str:
            return texts(value)
        if kind is tuple:
            made = tuple([self._inner(item, texts) for item in value])
            return value if all(new is old for new, old in zip(made, value, strict=True)) else made
        if not dataclasses.is_dataclass(value):
            return value
        if kind not in self._plans:
            self._plans[kind] = self._plan(kind)
        changed = {}
        if isinstance(value, RecoveryPoint) and self._is_moment(value.id, value.time):
            self._moments.add(value.id)
        for name, field_texts in self._plans[kind]:
            old = getattr(value, name)
            new = self._inner(old, field_texts)
            if new is not old:
                changed[name] = new
        return dataclasses.replace(value, **changed) if changed else value

    def _is_moment(self, name: str, moment: datetime) -> bool:
        """Whether a recovery point's name is its time, which is told anyhow, with letters that the estate declares: no more can be read from it."""
        digits = "".join(_DIGITS.findall(name))
        if not name.isascii() or not 8 <= len(digits) <= 14 or not self._letters.issuperset(_LETTERS.findall(name)):
            return False
        try:
            named = datetime.strptime(digits.ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            return False
        return abs(named - moment) <= _ZONES if len(digits) > 8 else abs(named - moment) <= timedelta(days=2)

    def _plan(self, kind: type[Any]) -> tuple[tuple[str, Callable[[str], str]], ...]:
        names, plain = _NAMES.get(kind, frozenset()), _PLAIN.get(kind, frozenset())
        hints = get_type_hints(kind)
        fields = [field.name for field in dataclasses.fields(kind) if field.name not in plain and _holds_text(hints[field.name])]
        return tuple((name, self.name if name in names else self.text) for name in fields)


_WITHOUT_TEXT = (int, float, Enum, date, timedelta, type(None))


def _holds_text(hint: Any) -> bool:
    """Whether a value of this type can hold a text: it is not made of numbers, moments and words of drcheck's own alone."""
    arguments = get_args(hint)
    if arguments:
        return any(_holds_text(argument) for argument in arguments if argument is not Ellipsis)
    return not (isinstance(hint, type) and issubclass(hint, _WITHOUT_TEXT))


def hash_names(assessment: Assessment, estate: Estate, packs: Sequence[Pack], tokens: Tokens) -> Assessment:
    """The assessment with tokens in the place of names; the same one where it holds none."""
    facts = hash_facts(assessment.facts, tokens)
    if not tokens.given:
        return assessment
    return dataclasses.replace(assessment, facts=facts, findings=_judged_again(assessment, estate, packs, facts, tokens))


def hash_facts(facts: Facts, tokens: Tokens) -> Facts:
    """The facts with tokens in the place of names."""
    hashed = tokens.facts(facts)
    if not isinstance(hashed.drills, Observed):
        return hashed
    drills = tuple(
        dataclasses.replace(
            drill, problems=tokens.written(drill.problems), lessons=tokens.written(drill.lessons), evidence=tokens.written(drill.evidence)
        )
        for drill in hashed.drills.value
    )
    return dataclasses.replace(hashed, drills=dataclasses.replace(hashed.drills, value=drills))


def written_by_people(assessment: Assessment) -> Iterator[str]:
    """What people wrote that is recorded with an assessment."""
    drills = assessment.facts.drills
    if isinstance(drills, Observed):
        yield from (getattr(drill, name) for drill in drills.value for name in _BY_PEOPLE)
    yield from (finding.waiver.reason for finding in assessment.findings if finding.waiver is not None)


def _judged_again(assessment: Assessment, estate: Estate, packs: Sequence[Pack], facts: Facts, tokens: Tokens) -> tuple[Finding, ...]:
    """
    The findings as they are said of the hashed facts. Outcomes, waivers and the rest stay: what a check of a third party makes of names themselves is
    then withheld, not judged otherwise.
    """
    again, _ = judge(estate, packs, facts, now=assessment.run.reference)
    said: dict[_Key, Finding] = {(finding.policy, finding.control, finding.subject): finding for finding in again}
    return tuple(_said(finding, said.get((finding.policy, finding.control, finding.subject)), tokens) for finding in assessment.findings)


def _said(finding: Finding, again: Finding | None, tokens: Tokens) -> Finding:
    waiver = finding.waiver
    if waiver is not None and (reason := tokens.written(waiver.reason)) != waiver.reason:
        finding = dataclasses.replace(finding, waiver=dataclasses.replace(waiver, reason=reason))
    if again is None or (again.outcome, again.depth, again.assurance) != (finding.outcome, finding.depth, finding.assurance):
        return dataclasses.replace(finding, message=WITHHELD, facts=())
    if again.message == finding.message and again.facts == finding.facts:
        return finding
    return dataclasses.replace(finding, message=again.message, facts=again.facts)
