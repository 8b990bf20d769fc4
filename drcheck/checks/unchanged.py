"""Changes between listings: whether anything changed, or went, that was to stay as it is."""

from __future__ import annotations

from drcheck.checks.base import Case, Check, Parameter, ParameterKind, Verdict, moment, used
from drcheck.model import Breach, Changes, Depth, Outcome, Severity, SubjectKind, number_of, printable

_NAMED = 5
_WORDS = {
    Breach.ALTERED: ("immutable object was changed", "immutable objects were changed"),
    Breach.VANISHED: ("immutable object is gone before its retention ended", "immutable objects are gone before their retention ended"),
    Breach.TORN_OUT: ("object is gone out of a finished recovery point", "objects are gone out of finished recovery points"),
}


def _unchanged(case: Case) -> Verdict:
    """One object that should not have changed and did is a failure. A first listing has nothing beside it, so it shows nothing."""
    fact = case.fact("changes", Changes)
    changes = fact.value
    facts = case.once(_unchanged, lambda: (used("changes", fact, _words(changes)),))
    broken = [(number, *_WORDS[breach]) for breach, number in changes.breaches if number]
    if broken:
        named = [f"{printable(one.key)} ({one.breach}{': ' + printable(one.detail) if one.detail else ''})" for one in changes.broken[:_NAMED]]
        more = sum(number for number, _, _ in broken) - len(named)
        which = (": " if named else "") + ", ".join(named) + (f" and {more} more" if named and more > 0 else "")
        said = " and ".join(number_of(number, one, many) for number, one, many in broken)
        return Verdict(Outcome.FAIL, f"{said}{which}", facts, Depth.LISTED)
    if changes.broken:  # said of objects, and not counted: whoever wrote that cannot be believed in either
        return Verdict(Outcome.UNKNOWN, "objects are named that should not have changed, and none is counted", facts, Depth.LISTED)
    if changes.since is None:
        return Verdict(Outcome.UNKNOWN, "this was the first whole listing, so there is nothing that it could be compared with", facts, Depth.LISTED)
    return Verdict(Outcome.PASS, f"nothing changed that was to stay: {_words(changes)}", facts, Depth.LISTED)


def _words(changes: Changes) -> str:
    counts = f"{changes.unchanged} unchanged, {changes.new} new, {changes.changed} changed, {changes.gone} gone"
    return f"{counts} since the listing of {moment(changes.since)}" if changes.since else "a first listing"


def _exempt(case: Case) -> str:
    if case.copy.format == "mirror":
        return "a mirror changes as production does: what it held before is kept as versions, if at all"
    if case.flag("immutable_only") and not case.target.immutable:
        return f"{case.target.id} is not declared immutable"
    return ""


UNCHANGED = Check(
    id="integrity.unchanged",
    title="Nothing changed that was to stay",
    passes="Since the last whole listing no object of a finished recovery point that is immutable, by declaration or under a lock, changed or went "
    "before its retention ended, and no finished recovery point lost an object. It rests on listings: bytes that changed under the same name, size "
    "and version show only when they are read. Not applicable to mirrors, which change as production does.",
    subject=SubjectKind.COPY,
    needs=("changes",),
    looks_at=(),
    severity=Severity.HIGH,
    parameters=(
        Parameter(
            "immutable_only",
            ParameterKind.BOOLEAN,
            False,
            "Whether it is asked of copies on targets that are declared immutable only, and not applicable to others",
        ),
    ),
    remediation="Find out who or what changed or removed the named objects, and why a lock that is declared did not hinder it. Delete nothing until "
    "then, and restore what is lost from another copy.",
    judge=_unchanged,
    to_know="Keep a store, and check again with the same one: a change shows only beside an earlier whole listing.",
    exempt=_exempt,
)
