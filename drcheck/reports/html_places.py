"""Every declared target, for a page: what it said about itself, every call that was made there, and what it did not answer."""

from __future__ import annotations

from dataclasses import dataclass

from drcheck.clock import format_moment
from drcheck.model import (
    TARGET_ASPECTS,
    Assessment,
    Encryption,
    Identity,
    Permissions,
    Protection,
    TargetFacts,
    TargetPlace,
    Unobserved,
    Versions,
    number_of,
)
from drcheck.reports.rows import NOT_RECORDED, silent_targets

_ANSWERS = {True: "yes", False: "no", None: "cannot be told"}


@dataclass(frozen=True, slots=True)
class Aspect:
    """One question to a target with its answer."""

    name: str
    value: str
    """In words, or why it is not known."""
    known: bool
    source: str
    at: str


@dataclass(frozen=True, slots=True)
class TargetLine:
    """One target."""

    place: TargetPlace
    silent: str
    """Why nothing was seen of it; empty where anything was."""
    aspects: tuple[Aspect, ...]
    calls: tuple[tuple[str, int], ...]
    seconds: str
    """How long looking took; empty where nobody looked."""
    copies: int
    """How many declared copies lie on it."""

    @property
    def unanswered(self) -> int:
        """How many questions have no answer."""
        return sum(not aspect.known for aspect in self.aspects)


def target_lines(assessment: Assessment) -> list[TargetLine]:
    """Every declared target, those that did not answer first, otherwise as declared."""
    seen = {target.target: target for target in assessment.facts.targets}
    silent = {target.place.target: str(target.why) for target in silent_targets(assessment)}
    copies: dict[str, int] = {}
    for copy in assessment.copies:
        copies[copy.target] = copies.get(copy.target, 0) + 1
    lines = [_line(place, seen.get(place.target), silent.get(place.target, ""), copies.get(place.target, 0)) for place in assessment.targets]
    return sorted(lines, key=lambda line: not line.silent)


def _line(place: TargetPlace, facts: TargetFacts | None, silent: str, copies: int) -> TargetLine:
    if facts is None:
        return TargetLine(place, silent or str(NOT_RECORDED), (), (), "", copies)
    return TargetLine(
        place,
        silent,
        aspects=tuple(_aspect(name, facts) for name in TARGET_ASPECTS),
        calls=facts.calls,
        seconds=f"{facts.seconds:.1f} s",
        copies=copies,
    )


def _aspect(name: str, facts: TargetFacts) -> Aspect:
    fact = facts.aspects[name]
    shown = name.replace("_", " ")
    if isinstance(fact, Unobserved):
        return Aspect(shown, str(fact), known=False, source="", at="")
    return Aspect(shown, _words(fact.value), known=True, source=str(fact.source), at=format_moment(fact.at))


def _words(value: object) -> str:
    """What a target said of itself, in words."""
    match value:
        case Identity(principal, device, traits):
            parts = [f"we are {principal}" if principal else "", f"device {device}" if device else "device cannot be seen"]
            parts += [f"{name}: {text}" for name, text in traits]
        case Protection(mode, until, days, detail):
            parts = [
                mode,
                f"until {format_moment(until)}" if until else "",
                f"{number_of(days, 'day')} by default" if days is not None else "",
                detail,
            ]
        case Encryption(at_rest, in_transit, key):
            parts = [f"at rest: {at_rest}" if at_rest else "", f"on the way: {in_transit}" if in_transit else "", f"key {key}" if key else ""]
        case Versions(enabled, noncurrent_days, detail):
            kept = "for as long as nobody deletes them" if noncurrent_days is None else f"for {number_of(noncurrent_days, 'day')}"
            parts = [f"old versions are kept {kept}" if enabled else "old versions are not kept", detail]
        case Permissions():
            rights = (("list", value.can_list), ("read", value.can_read), ("write", value.can_write), ("delete", value.can_delete))
            parts = [f"may {right}: {_ANSWERS[answer]}" for right, answer in rights] + ([value.how] if value.how else [])
        case float():
            parts = [f"{abs(value):.1f} s {'ahead' if value > 0 else 'behind'}" if round(value, 1) else "equal to ours"]
        case _:
            parts = [str(value)]
    return "; ".join(part for part in parts if part)
