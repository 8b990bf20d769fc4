"""
The contract of a check: one definition, from which the judging, the documentation and `drcheck policy checks` are made.

A check is a pure function: it does no I/O and takes the time as an argument. It is given the facts that it `needs` only where all of them were
observed; where one was not, the engine (`drcheck.policy.evaluate`) makes the finding unknown with the reason before the check runs. A check that
judges several copies together needs one aggregate, `copies`, and counts each copy as yes, no or perhaps by itself (`drcheck.checks.counting`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from drcheck.clock import format_duration, format_moment, parse_duration
from drcheck.estate.schema import Copy, Estate, System, Target
from drcheck.model import Depth, FactUsed, Observed, Outcome, Severity, Subject, SubjectKind, Unobserved, printable

T = TypeVar("T")
Value = int | bool | float | timedelta | str | tuple[str, ...] | None
"""The value of one parameter; None where it has none."""

TO_SEE = "Make what did not answer reachable, or connect its medium, and check again; waive what is offline by intent."
"""What to do where a copy could not be looked at."""

FACTS: Mapping[SubjectKind, Mapping[str, str]] = {
    SubjectKind.ESTATE: {
        "drills": "every recorded restore drill",
        "store": "where drcheck keeps what outlives a run",
        "holders": "the systems that are declared to hold that store, each with its copies and their facts, known or not",
    },
    SubjectKind.SYSTEM: {
        "copies": "the system's copies, each with its own facts, known or not",
        "drills": "every recorded restore drill of the system",
    },
    SubjectKind.COPY: {
        "points": "the recovery points that were listed",
        "lock": "the protection in effect on an object of the newest usable recovery point",
        "verification": "what reading the copy's bytes showed",
        "changes": "what its listing says beside the last one",
    },
    SubjectKind.TARGET: {
        "place": "the target and the copies on it, each with its own facts, known or not",
        "identity": "who we are there, and which place answered",
        "protection": "how the place is protected against change and deletion",
        "encryption": "how data is encrypted there and on the way",
        "versions": "whether the place keeps what is overwritten or deleted",
        "permissions": "what our identity may do there",
        "clock_skew": "by how much its clock differs from ours",
    },
}
"""Every fact that a check may need, by the kind of its subject."""


class ParameterKind(StrEnum):
    """What a parameter's value is written as."""

    INTEGER = "whole number"
    BOOLEAN = "true or false"
    DURATION = "duration"
    RATE = "share"
    WORD = "word"
    WORDS = "list of words"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number or choice that a control may set."""

    name: str
    kind: ParameterKind
    default: Value
    meaning: str
    choices: tuple[str, ...] = ()
    """The words that are allowed; empty for other kinds."""
    least: int = 0
    """The smallest whole number that is allowed."""

    def parse(self, value: object) -> Value:
        """
        The value as the check will get it, from what a pack says.

        Raises:
            ValueError: the value is not one that is allowed; the text says which are.
        """
        match self.kind:
            case ParameterKind.INTEGER if isinstance(value, int) and not isinstance(value, bool) and value >= self.least:
                return value
            case ParameterKind.BOOLEAN if isinstance(value, bool):
                return value
            case ParameterKind.DURATION if isinstance(value, str):
                return parse_duration(value)
            case ParameterKind.RATE if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1:
                return float(value)
            case ParameterKind.WORD if isinstance(value, str) and value in self.choices:
                return value
            case ParameterKind.WORDS if isinstance(value, list) and value and all(isinstance(word, str) and word in self.choices for word in value):
                return tuple(value)
        raise ValueError(f"{value!r} is not allowed; write {self.allowed}")

    @property
    def allowed(self) -> str:
        """What may be written, in words."""
        match self.kind:
            case ParameterKind.INTEGER:
                return f"a whole number of at least {self.least}"
            case ParameterKind.BOOLEAN:
                return "true or false"
            case ParameterKind.DURATION:
                return 'a duration such as "24h" or "35d"'
            case ParameterKind.RATE:
                return "a share of at least 0 and below 1, such as 0.01"
            case ParameterKind.WORD:
                return "one of " + ", ".join(self.choices)
            case ParameterKind.WORDS:
                return "a list of at least one of " + ", ".join(self.choices)


def words_of(value: Value) -> str:
    """A parameter's value in words, as reports and documentation show it."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case timedelta():
            return format_duration(value)
        case float():
            return f"{value:g}"
        case tuple():
            return ", ".join(value)
        case _:
            return str(value)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check says of one subject."""

    outcome: Outcome
    message: str
    """In words, with names from outside already made printable."""
    facts: tuple[FactUsed, ...] = ()
    """The facts that the outcome rests on, known or missing. The weakest of their sources becomes the finding's assurance."""
    depth: Depth = Depth.NONE


@dataclass(frozen=True, slots=True)
class Declared:
    """What the estate declares about one subject; the parts that a kind of subject does not have are None."""

    estate: Estate
    system: System | None = None
    copy: Copy | None = None
    target: Target | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that one check is given: what is declared, the facts that it needs (all observed), its parameters and the time."""

    subject: Subject
    declared: Declared
    facts: Mapping[str, Observed[Any]]
    parameters: Mapping[str, Value]
    now: datetime
    answered: dict[object, Any] = field(default_factory=dict, repr=False, compare=False)
    """What `once` has worked out of the subject; the cases of one subject share it."""

    def once(self, question: object, answer: Callable[[], T]) -> T:
        """
        What `answer` gives, worked out once for each `question`, whatever the parameters: packs ask the same check with other numbers.

        All checks of the subject share the questions: one is named by the function that answers it, with whatever else the answer depends on.
        """
        if question not in self.answered:
            self.answered[question] = answer()
        found: T = self.answered[question]
        return found

    def fact(self, name: str, kind: type[T]) -> Observed[T]:
        """One of the facts that the check needs. Raises TypeError where it is not of that kind (a bug)."""
        fact = self.facts[name]
        if not isinstance(fact.value, kind):
            raise TypeError(f"the fact {name} is a {type(fact.value).__name__}, not a {kind.__name__}")
        return fact

    def integer(self, name: str) -> int:
        """A parameter that is a whole number."""
        return _is(self.parameters[name], int)

    def flag(self, name: str) -> bool:
        """A parameter that is true or false."""
        return _is(self.parameters[name], bool)

    def duration(self, name: str) -> timedelta:
        """A parameter that is a length of time and always has one."""
        return _is(self.parameters[name], timedelta)

    def optional_duration(self, name: str) -> timedelta | None:
        """A parameter that is a length of time, or none."""
        value = self.parameters[name]
        return None if value is None else _is(value, timedelta)

    def optional_rate(self, name: str) -> float | None:
        """A parameter that is a share, or none."""
        value = self.parameters[name]
        return None if value is None else _is(value, float)

    def word(self, name: str) -> str:
        """A parameter that is one word."""
        return _is(self.parameters[name], str)

    def words(self, name: str) -> tuple[str, ...]:
        """A parameter that is a list of words."""
        return _is(self.parameters[name], tuple)

    @property
    def estate(self) -> Estate:
        """The whole estate."""
        return self.declared.estate

    @property
    def system(self) -> System:
        """The subject's system. Raises TypeError where this kind of subject has none (a bug)."""
        return _is(self.declared.system, System)

    @property
    def copy(self) -> Copy:
        """The subject's copy. Raises TypeError where this kind of subject has none (a bug)."""
        return _is(self.declared.copy, Copy)

    @property
    def target(self) -> Target:
        """The subject's target. Raises TypeError where this kind of subject has none (a bug)."""
        return _is(self.declared.target, Target)


def _is(value: object, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is not a {kind.__name__}")
    return value


def _asked_of_all(_: Case) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its definition and the function that judges."""

    id: str
    title: str
    passes: str
    """What PASS means, in one or two sentences."""
    subject: SubjectKind
    needs: tuple[str, ...]
    """Names of facts that must be observed before it is asked at all; see `FACTS`."""
    looks_at: tuple[str, ...]
    """For an aggregate: the facts of each copy or target that it looks at; a missing one never raises a count."""
    severity: Severity
    """How much a failure matters where a control does not say."""
    parameters: tuple[Parameter, ...]
    remediation: str
    """What to do about a failure."""
    judge: Callable[[Case], Verdict]
    to_know: str = ""
    """What to do to make an unknown known; empty where that is the remediation."""
    exempt: Callable[[Case], str] = _asked_of_all
    """Why a subject is not asked at all, by what is declared of it and the parameters; empty where it is. It is given no facts."""

    def __post_init__(self) -> None:
        unknown = [name for name in self.needs if name not in FACTS[self.subject]]
        if unknown or not self.needs:
            raise ValueError(f"check {self.id} needs {', '.join(unknown) or 'no fact'}; a {self.subject} has {', '.join(FACTS[self.subject])}")

    def advice(self, outcome: Outcome) -> str:
        """What to do about an outcome; empty where there is nothing to do."""
        match outcome:
            case Outcome.FAIL:
                return self.remediation
            case Outcome.UNKNOWN:
                return self.to_know or self.remediation
            case _:
                return ""

    def parameter(self, name: str) -> Parameter | None:
        """The parameter called `name`, or None."""
        return next((parameter for parameter in self.parameters if parameter.name == name), None)


def used(name: str, fact: Observed[Any] | Unobserved, words: str = "") -> FactUsed:
    """The fact in a form that can be shown; `words` says its value where it is known."""
    if isinstance(fact, Unobserved):
        return FactUsed(name, "", None, None, fact.reason, printable(fact.detail))
    return FactUsed(name, words, fact.source, fact.at)


def missing_words(fact: Unobserved) -> str:
    """Why a fact is missing, in words that are safe to print."""
    return printable(str(fact))


def moment(value: datetime) -> str:
    """A moment as messages show it."""
    return format_moment(value)


def listed(names: list[str] | tuple[str, ...], most: int = 5) -> str:
    """Names joined by commas, the first few only, with how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
