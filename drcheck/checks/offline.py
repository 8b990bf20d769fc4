"""Offline and immutable copies: what an attacker with every password cannot reach or change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from drcheck.checks.base import Case, Check, Parameter, ParameterKind, Verdict, moment, used
from drcheck.checks.copies import minimum_of, offsite
from drcheck.checks.counting import Counts, Tally, both, either, held, once_per_place, verdict
from drcheck.checks.seen import CopySeen, SystemCopies
from drcheck.clock import format_duration
from drcheck.estate.schema import Offline
from drcheck.model import SKEW, Depth, FactUsed, Protection, Reason, Severity, Source, SubjectKind, Unobserved, printable


def _offline(case: Case) -> Verdict:
    """
    Copies that are offline, or (where the control allows) immutable, and off-site where the control asks for it.

    Offline rests on a declaration at best: nobody can see a disconnected medium. It counts while the rotation is not overdue and nothing that
    was seen contradicts it; a target that answers is connected now, so it counts no longer than that can be explained.
    """
    seen = case.fact("copies", SystemCopies).value
    immutable = case.flag("immutable_counts")
    tallies = []
    for copy in seen.copies:
        tally = disconnected(copy, case.now)
        if immutable:
            tally = either(tally, both(held(copy, case.now), locked(copy, case)))
        if case.flag("offsite_required"):
            tally = both(tally, offsite(copy, seen))
        tallies.append(tally)
    counted, repeated = once_per_place(seen.copies, tallies)
    sort = ("offline or immutable" if immutable else "offline") + (" and off-site" if case.flag("offsite_required") else "")
    depth = Depth.ATTRIBUTES if immutable else Depth.LISTED
    return verdict(counted, case.integer("minimum"), f"copy {sort}", f"copies {sort}", besides=repeated, depth=depth)


def disconnected(copy: CopySeen, now: datetime) -> Tally:
    """
    Whether a copy is offline.

    - Not declared so, or its rotation overdue, or seen to be reachable and writable: no.
    - Declared so, in rotation, and everything asked of it met silence: yes, by declaration; its contents are declared too.
    - Declared so and it answers, but we may not write there: perhaps. It is connected now, and our identity may be one that never may.
    - Declared so and we could not ask (no credentials, not attempted, a bug): perhaps.
    """
    return copy.once((_disconnected, now), lambda: _disconnected(copy, now))


def _disconnected(copy: CopySeen, now: datetime) -> Tally:
    offline = copy.place.target.offline
    if offline is None:
        return Tally(copy.name, Counts.NO, "not declared offline", (FactUsed(f"offline of {copy.name}", "not declared", Source.DECLARED, None),))
    late = overdue(offline, now)
    declared = FactUsed(
        f"offline of {copy.name}",
        f"rotated every {format_duration(offline.rotation)}, last connected {offline.last_connected.isoformat()}",
        Source.DECLARED,
        None,
    )
    if late:
        return Tally(copy.name, Counts.NO, late, (declared,))
    if copy.silent:
        return Tally(copy.name, Counts.YES, "", (declared,))
    permissions = used(f"permissions at {copy.name}", copy.place.facts.permissions, writable_words(copy.place.writable))
    if not copy.answers:
        return Tally(copy.name, Counts.PERHAPS, "declared offline, and it could not be asked whether it is", (declared, permissions))
    if copy.place.writable:
        return Tally(copy.name, Counts.NO, "declared offline, but it answers and can be written to", (declared, permissions))
    return Tally(copy.name, Counts.PERHAPS, "declared offline, but it answers: it is connected now", (declared, permissions))


def writable_words(writable: bool | None) -> str:
    """Whether we may write there, in words."""
    return {True: "writable by us", False: "not writable by us", None: "it could not be told whether we may write"}[writable]


def overdue(offline: Offline, now: datetime) -> str:
    """Why the declared rotation does not hold at `now`; empty where it does. A day without a time counts from its start, in UTC."""
    last = offline.last_connected
    if not isinstance(last, datetime):
        last = datetime(last.year, last.month, last.day, tzinfo=UTC)
    elif last.tzinfo is None:
        last = last.replace(tzinfo=UTC)
    if last > now + SKEW:
        return f"its last connection is dated in the future ({moment(last)})"
    age = now - last
    if age > offline.rotation:
        return f"its rotation is overdue: last connected {format_duration(age)} ago, wanted every {format_duration(offline.rotation)}"
    return ""


def locked(copy: CopySeen, case: Case) -> Tally:
    """
    Whether the newest usable recovery point is protected by a lock that nobody can lift, for at least as long as is asked.

    A place of a kind that knows no locks, and for which none is declared, has none.
    """
    name = f"lock of {copy.copy.id}"
    if isinstance(copy.lock, Unobserved):
        if copy.lock.reason is Reason.UNSUPPORTED and not copy.place.target.immutable:
            return Tally(copy.name, Counts.NO, "neither declared nor able to show that it is immutable", (used(name, copy.lock),))
        return Tally(copy.name, Counts.PERHAPS, copy.missing(copy.lock, "its lock is"), (used(name, copy.lock),))
    lock = copy.lock.value
    fact = copy.once(lock_words, lambda: used(name, copy.lock, lock_words(lock)))
    accepted = lock.immutable or (lock.mode == "governance" and case.flag("governance_counts"))
    if not accepted:
        why = "an administrator can lift its governance lock" if lock.mode == "governance" else f"its lock is {printable(lock.mode)}"
        return Tally(copy.name, Counts.NO, why, (fact,))
    if lock.until is None:
        return Tally(copy.name, Counts.PERHAPS, "the end of its lock is not known", (fact,))
    if lock.until <= case.now + case.duration("locked_for"):
        return Tally(copy.name, Counts.NO, f"its lock ends at {moment(lock.until)}", (fact,))
    return Tally(copy.name, Counts.YES, "", (fact,))


def lock_words(lock: Protection) -> str:
    """A lock in words."""
    return printable(lock.mode) + (f" until {moment(lock.until)}" if lock.until else "")


OFFLINE = Check(
    id="copies.offline",
    title="A copy offline or immutable",
    passes="At least `minimum` copies are declared offline, in rotation, and silent when asked (assurance: declared); or, where `immutable_counts`, "
    "hold a newest usable recovery point under a lock that nobody can lift.",
    subject=SubjectKind.SYSTEM,
    needs=("copies",),
    looks_at=("points", "lock", "permissions", "identity"),
    severity=Severity.CRITICAL,
    parameters=(
        minimum_of(1),
        Parameter("immutable_counts", ParameterKind.BOOLEAN, False, "Whether a copy under a lock that nobody can lift counts as well"),
        Parameter("governance_counts", ParameterKind.BOOLEAN, False, "Whether a lock that an administrator can lift is enough"),
        Parameter("locked_for", ParameterKind.DURATION, timedelta(0), "For how much longer the lock must hold"),
        Parameter("offsite_required", ParameterKind.BOOLEAN, False, "Whether the same copy must be off-site"),
    ),
    remediation="Disconnect a medium between uses and keep `offline.last_connected` true, or put a compliance-mode lock on an off-site copy.",
    judge=_offline,
)
