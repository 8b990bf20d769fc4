"""Nights made by hand: what each found, written down as letters, and what a store would remember of them, by the simplest means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from drcheck.model import (
    Assessment,
    Depth,
    EstateUsed,
    Facts,
    Finding,
    FindingKey,
    Interval,
    Night,
    Outcome,
    Reason,
    Run,
    Severity,
    Source,
    Subject,
    SubjectKind,
    Unobserved,
    Waiver,
)
from drcheck.model.assessment import EXIT_GOOD

FIRST = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
DAY = timedelta(days=1)
LETTERS = {"P": Outcome.PASS, "F": Outcome.FAIL, "U": Outcome.UNKNOWN, "E": Outcome.ERROR, "N": Outcome.NOT_APPLICABLE}
NOT_SEEN = Unobserved(Reason.NOT_ATTEMPTED, "")


@dataclass(frozen=True)
class Found:
    """What one night found of one finding."""

    outcome: Outcome
    waived: bool = False
    severity: Severity = Severity.HIGH


def key_of(name: str) -> FindingKey:
    """`control subject` as a key: the subject is a copy where it has an @, else a system."""
    control, _, subject = name.partition(" ")
    return "pack", control, Subject(SubjectKind.COPY if "@" in subject else SubjectKind.SYSTEM, subject or "ehr")


def letter(text: str) -> Found:
    """`P`, `F`, `U`, `E` or `N`; `F!` is waived, `f` a failure of low severity."""
    return Found(LETTERS[text[0].upper()], text.endswith("!"), Severity.LOW if text[0].islower() else Severity.HIGH)


def number(index: int) -> datetime:
    """The moment of a numbered night, the first being 1."""
    return FIRST + (index - 1) * DAY


@dataclass
class History:
    """An organisation's nights, each as its findings by key; a night may be of another moment, or of another time than the one after the last."""

    nights: list[Night]
    found: list[Mapping[FindingKey, Found]]

    def intervals(self) -> list[Interval]:
        """What a store reads off them: each stretch of nights of their own moments in which a finding was the same."""
        own = [(night, found) for night, found in zip(self.nights, self.found, strict=True) if not night.as_of]
        made: list[Interval] = []
        open_: dict[FindingKey, int] = {}
        for night, found in own:
            going_on: dict[FindingKey, int] = {}
            for key, each in found.items():
                at = open_.get(key)
                if at is not None and (made[at].outcome, made[at].waived, made[at].severity) == (each.outcome, each.waived, each.severity):
                    made[at] = replace(made[at], last=night.number, until=night.reference)
                else:
                    at = len(made)
                    policy, control, subject = key
                    same = (each.outcome, each.waived, each.severity)
                    made.append(Interval(policy, control, subject, *same, night.number, night.reference, night.number, night.reference))
                going_on[key] = at
            open_ = going_on
        return made

    def assessment(self, index: int) -> Assessment:
        """The assessment of the night at this place."""
        return assessment_of(self.nights[index], self.found[index])


def night(index: int, *, at: datetime | None = None, as_of: bool = False, exit_code: int = EXIT_GOOD, organisation: str = "north") -> Night:
    """One night, an hour long, begun at its own moment or at `at`."""
    moment = at or number(index)
    return Night(
        index, organisation, f"run-{index}", moment, moment + timedelta(hours=1), moment, as_of, "sha256:e", "0.1.0", exit_code, (), "sha256:l"
    )


def history(*nights: Mapping[str, str]) -> History:
    """Night after night, each as `control subject` to letter."""
    found = [{key_of(name): letter(text) for name, text in each.items()} for each in nights]
    return History([with_counts(night(index), each) for index, each in enumerate(found, 1)], list(found))


def line(letters: str, name: str = "control ehr") -> History:
    """Night after night of one finding; a space is a night on which it was not judged."""
    return history(*({} if text == " " else {name: text} for text in letters))


def with_counts(one: Night, found: Mapping[FindingKey, Found]) -> Night:
    """The night with counts and exit code as its findings say."""
    counts = tuple((outcome, sum(each.outcome is outcome for each in found.values())) for outcome in Outcome)
    return replace(one, counts=counts, exit_code=assessment_of(one, found).exit_code)


def assessment_of(one: Night, found: Mapping[FindingKey, Found]) -> Assessment:
    """The assessment of a night with these findings, which say what they are of."""
    findings = tuple(
        Finding(
            policy,
            control,
            "1.1",
            "check",
            subject,
            each.outcome,
            each.severity,
            Source.OBSERVED,
            Depth.LISTED,
            f"{subject.id} is {each.outcome}",
            (),
            Waiver(policy, control, subject.id, "A. Person", "until April", date(2026, 4, 1)) if each.waived else None,
            "",
        )
        for (policy, control, subject), each in found.items()
    )
    run = Run(one.run, one.reference, one.as_of, "", one.started, one.finished, one.version)
    facts = Facts(one.reference, (), (), NOT_SEEN)
    estate = EstateUsed("estate.toml", one.estate_digest, one.organisation, "North Hospital", "GB", "", False)
    return Assessment(run, estate, (), (), (), facts, findings)


def since_by_hand(past: Sequence[tuple[datetime, Mapping[FindingKey, Found]]], key: FindingKey, outcome: Outcome, moment: datetime) -> datetime:
    """Since when a finding has had its outcome, by walking back through the nights before; `moment` is its own."""
    since = moment
    for at, found in reversed(past):
        if key not in found or found[key].outcome is not outcome:
            break
        since = at
    return since
