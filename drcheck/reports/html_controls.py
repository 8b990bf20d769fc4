"""The controls that an assessment was judged by, as a page links to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from drcheck.model import ControlUsed, Finding, Outcome, PolicyUsed
from drcheck.reports.rows import accepted


@dataclass(frozen=True, slots=True)
class ControlLink:
    """One control, and where the page describes it."""

    anchor: str
    """Empty where no policy of the assessment has it."""
    name: str
    """Its id; with its policy's where several policies use the same."""
    policy: PolicyUsed | None
    control: ControlUsed | None


@dataclass(frozen=True, slots=True)
class ControlCount:
    """One control with what came of it."""

    link: ControlLink
    control: ControlUsed
    counts: tuple[tuple[str, int], ...]
    """How many findings have each result, worst first; those without any left out."""


@dataclass(frozen=True, slots=True)
class PolicyCount:
    """One pack with its controls and what came of them."""

    anchor: str
    policy: PolicyUsed
    link: str
    """The document's address where it may be linked to; empty otherwise."""
    controls: tuple[ControlCount, ...]


class ControlLinks:
    """Every control of an assessment, by policy and id."""

    def __init__(self, policies: Iterable[PolicyUsed]) -> None:
        listed = [(place, policy, number, control) for place, policy in enumerate(policies) for number, control in enumerate(policy.controls)]
        users = Counter(control for control, _ in {(control.id, policy.id) for _, policy, _, control in listed})
        self._links = {
            (policy.id, control.id): ControlLink(
                f"c-{place}-{number}", f"{policy.id} {control.id}" if users[control.id] > 1 else control.id, policy, control
            )
            for place, policy, number, control in listed
        }

    def of(self, policy: str, control: str) -> ControlLink:
        """The control with these ids; one without an anchor where no policy has it."""
        return self._links.get((policy, control)) or ControlLink("", f"{policy} {control}", None, None)


def policy_counts(policies: Iterable[PolicyUsed], links: ControlLinks, counts: Mapping[tuple[str, str], Sequence[int]]) -> list[PolicyCount]:
    """Every pack with its controls; `counts` has for each control how many findings have each of `RESULTS`."""
    return [
        PolicyCount(
            anchor=f"p-{place}",
            policy=policy,
            link=policy.url if policy.url.startswith("https://") else "",
            controls=tuple(
                ControlCount(
                    links.of(policy.id, control.id),
                    control,
                    tuple((word, count) for word, count in zip(RESULTS, counts[policy.id, control.id], strict=True) if count),
                )
                for control in policy.controls
            ),
        )
        for place, policy in enumerate(policies)
    ]


WAIVED = "waived"
RESULTS = (Outcome.FAIL, Outcome.ERROR, Outcome.UNKNOWN, WAIVED, Outcome.PASS, Outcome.NOT_APPLICABLE)
"""What a page counts by, worst first: the outcomes, with what was accepted for itself."""

WORDS = {
    Outcome.FAIL: "FAIL",
    Outcome.ERROR: "ERROR",
    Outcome.UNKNOWN: "UNKNOWN",
    WAIVED: "waived",
    Outcome.PASS: "pass",
    Outcome.NOT_APPLICABLE: "n/a",
}
"""How a page calls each result: a word besides the colour."""


def result(finding: Finding) -> str:
    """The outcome of a finding, or `waived` where it is no pass and was accepted."""
    return WAIVED if accepted(finding.outcome, finding.waiver) else finding.outcome
