"""What is different between two nights: what broke, what was repaired, what is still so, and since when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from drcheck.clock import format_moment
from drcheck.model import Assessment, FindingKey, Night, Outcome, Severity, Subject, Waiver, number_of, printable
from drcheck.nights.standing import BAD, Standing
from drcheck.nights.turn import Turn, no_longer_judged, turn_of
from drcheck.nights.unjudged import Gone, Lack, Present, present_in


class WaiverTurn(StrEnum):
    """What became of the waiver of a finding that needs one."""

    LAPSED = "lapsed"
    """It was accepted, and is not any more: it stands, and counts for the exit code."""
    ACCEPTED = "accepted"
    CHANGED = "changed"
    """Its owner, reason or end is another."""


@dataclass(frozen=True, slots=True)
class Turned:
    """One finding that is not as it was, or that still needs somebody."""

    key: FindingKey
    turn: Turn
    before: Standing | None
    """How it stood on the earlier night; None where it was not judged."""
    after: Standing | None
    gone: Gone | None = None
    """Why it is not judged any more: it is absent or not applicable, and was judged. None where it is judged, or was not."""

    @property
    def severity(self) -> Severity:
        """How much it matters: as on the later night, where it was judged then."""
        standing = self.after or self.before
        return standing.severity if standing is not None else Severity.LOW

    @property
    def worse(self) -> bool:
        """Whether something that nobody accepted got worse: a new failure, or something that was known to be good and is not any more."""
        if self.after is None or not self.after.open:
            return False
        good = self.before is not None and self.before.outcome not in BAD
        return self.turn is Turn.BROKE or (self.turn is Turn.LOST and good)


@dataclass(frozen=True, slots=True)
class WaiverTurned:
    """One finding whose waiver is not what it was."""

    key: FindingKey
    turn: WaiverTurn
    outcome: Outcome
    severity: Severity
    before: Waiver | None
    """None where there was none, or the night's record is gone."""
    after: Waiver | None


@dataclass(frozen=True, slots=True)
class Diff:
    """Two nights beside each other."""

    before: Night
    after: Night
    between: int
    """How many nights of their own moments lie between them."""
    turned: tuple[Turned, ...]
    """Worst first."""
    waivers: tuple[WaiverTurned, ...]
    added_controls: tuple[tuple[str, str], ...]
    """Policy and control of what only the later night has."""
    removed_controls: tuple[tuple[str, str], ...]
    added_subjects: tuple[Subject, ...]
    removed_subjects: tuple[Subject, ...]
    notes: tuple[str, ...]
    """What else is not the same, so that not everything need have changed by itself."""

    @property
    def worse(self) -> bool:
        """Whether something got worse: see `Turned.worse`, or a waiver of something that is still no pass has ended."""
        return any(each.worse for each in self.turned) or any(each.turn is WaiverTurn.LAPSED for each in self.waivers)

    @property
    def unjudged(self) -> list[Turned]:
        """What was judged and is not any more, however it stood: nothing is known of it now, so that a failure in it would not be seen."""
        return [each for each in self.turned if each.gone is not None]

    @property
    def lost(self) -> list[Turned]:
        """What is unknown now, was not, and was not known to be good either, so that it is no worse: a failure that may have been mended or not."""
        return [each for each in self.of(Turn.LOST) if each.after is not None and each.after.open and not each.worse]

    @property
    def unsure(self) -> bool:
        """Whether less is known than before, which is no good news even where nothing is known to be worse."""
        return bool(self.unjudged or self.lost)

    def of(self, turn: Turn) -> list[Turned]:
        """The findings of which this became."""
        return [each for each in self.turned if each.turn is turn]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two nights: how its findings stood, and what its record holds."""

    night: Night
    findings: Mapping[FindingKey, Standing]
    assessment: Assessment | None
    """None where it was pruned."""


def diff(before: Side, after: Side, nights: Iterable[Night]) -> Diff:
    """The two nights beside each other; `nights` are the organisation's."""
    keys = list(dict.fromkeys((*after.findings, *before.findings)))
    pairs = [(key, before.findings.get(key), after.findings.get(key)) for key in keys]
    there = present_in(after.assessment)
    turned = [Turned(key, turn, old, new, _gone(key, old, new, there)) for key, old, new in pairs if (turn := turn_of(_outcome(old), _outcome(new)))]
    waivers = [WaiverTurned(*found) for key, old, new in pairs if (found := _waiver_turned(key, old, new)) is not None]
    controls = [dict.fromkeys((policy, control) for policy, control, _ in side.findings) for side in (before, after)]
    subjects = [dict.fromkeys(subject for _, _, subject in side.findings) for side in (before, after)]
    low, high = sorted((before.night.number, after.night.number))
    return Diff(
        before=before.night,
        after=after.night,
        between=sum(low < night.number < high and not night.as_of for night in nights),
        turned=tuple(sorted(turned, key=_order)),
        waivers=tuple(sorted(waivers, key=lambda each: (_WAIVER_TURNS.index(each.turn), _SEVERITIES.index(each.severity), _named(each.key)))),
        added_controls=tuple(control for control in controls[1] if control not in controls[0]),
        removed_controls=tuple(control for control in controls[0] if control not in controls[1]),
        added_subjects=tuple(subject for subject in subjects[1] if subject not in subjects[0]),
        removed_subjects=tuple(subject for subject in subjects[0] if subject not in subjects[1]),
        notes=tuple(_notes(before, after)),
    )


_TURNS, _WAIVER_TURNS, _SEVERITIES = list(Turn), list(WaiverTurn), list(Severity)


def _gone(key: FindingKey, old: Standing | None, new: Standing | None, there: Present) -> Gone | None:
    """Why a finding is not judged any more; None where it is, or was not."""
    if not no_longer_judged(_outcome(old), _outcome(new)):
        return None
    return there.lack(key) if new is None else Gone(Lack.NOT_ASKED, "")


def _outcome(standing: Standing | None) -> Outcome | None:
    return None if standing is None else standing.outcome


def _waiver_turned(
    key: FindingKey, old: Standing | None, new: Standing | None
) -> tuple[FindingKey, WaiverTurn, Outcome, Severity, Waiver | None, Waiver | None] | None:
    if new is None or new.outcome not in BAD:
        return None
    was = old is not None and old.waived
    if was == new.waived and (old is None or old.waiver is None or new.waiver is None or old.waiver == new.waiver):
        return None
    turn = WaiverTurn.CHANGED if was and new.waived else WaiverTurn.ACCEPTED if new.waived else WaiverTurn.LAPSED
    return key, turn, new.outcome, new.severity, None if old is None else old.waiver, new.waiver


def _order(each: Turned) -> tuple[object, ...]:
    accepted = each.after is not None and each.after.waived
    since: datetime | None = each.after.since if each.after is not None else None
    return _TURNS.index(each.turn), accepted, _SEVERITIES.index(each.severity), format_moment(since) if since else "", _named(each.key)


def _named(key: FindingKey) -> tuple[str, str, str, str]:
    policy, control, subject = key
    return subject.kind, subject.id, policy, control


def _notes(before: Side, after: Side) -> Iterable[str]:
    old, new = before.night, after.night
    if old.number > new.number:
        yield "the second night was recorded before the first one: this reads backwards"
    for side in (before, after):
        if side.night.as_of:
            yield f"the run {printable(side.night.run)} was judged as of {format_moment(side.night.reference)}, not of its own moment"
        if side.assessment is None:
            yield f"what the run {printable(side.night.run)} found is known by outcome only: its papers were pruned, or an older drcheck recorded it"
    if old.estate_digest != new.estate_digest:
        yield "the estate file is another"
    if old.version != new.version:
        yield f"drcheck {printable(new.version)} judged the later night, and {printable(old.version)} the earlier one"
    if before.assessment is not None and after.assessment is not None:
        yield from _packs(before.assessment, after.assessment)


def _packs(before: Assessment, after: Assessment) -> Iterable[str]:
    old, new = ({policy.id: policy for policy in side.policies} for side in (before, after))
    for name in (*old, *(each for each in new if each not in old)):
        if name not in new:
            yield f"the pack {printable(name)} is not judged by any more"
        elif name not in old:
            yield f"the pack {printable(name)} is newly judged by, with {number_of(len(new[name].controls), 'control')}"
        elif old[name].digest != new[name].digest:
            versions = f"version {printable(old[name].version)}, then {printable(new[name].version)}"
            yield f"the pack {printable(name)} is another ({versions})"
