"""What one run saw: the facts of every target and copy, as one frozen value that can be written down, read back and judged again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from drcheck.model.changes import Changes
from drcheck.model.drills import Drill
from drcheck.model.facts import Fact, Reason, Unobserved
from drcheck.model.fixity import Verification
from drcheck.model.kept import StoreKept
from drcheck.model.place import Encryption, Identity, Permissions, Protection, Versions
from drcheck.model.points import Points
from drcheck.model.sampling import Sampling

TARGET_ASPECTS = ("identity", "protection", "encryption", "versions", "permissions", "clock_skew")
"""What is asked of every target, as the fields of `TargetFacts` are called."""


NO_STORE = Unobserved(Reason.NOT_ATTEMPTED, "nothing is known of earlier nights; that takes a store, and a run that reads and judges the present")
"""Why nothing is known of earlier nights where a run uses no store: none is kept, or it reads nothing, or judges another moment."""
NOT_KEPT = Unobserved(Reason.NOT_ATTEMPTED, "this run uses no store; look again without --no-store and --facts")
"""Why nothing is known of drcheck's own store where a run uses none."""


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """What was seen of one target."""

    target: str
    identity: Fact[Identity]
    protection: Fact[Protection]
    encryption: Fact[Encryption]
    versions: Fact[Versions]
    permissions: Fact[Permissions]
    clock_skew: Fact[float]
    """Seconds by which the target's clock is ahead of ours."""
    calls: tuple[tuple[str, int], ...] = ()
    """Every kind of call that was made there, and how often."""
    seconds: float = 0.0
    """How long looking took."""

    @property
    def aspects(self) -> dict[str, Fact[Any]]:
        """Everything that was asked of it, by name."""
        return {name: getattr(self, name) for name in TARGET_ASPECTS}

    @property
    def silence(self) -> Unobserved | None:
        """Why nothing at all was seen of it; None where anything was."""
        missing = [fact for fact in self.aspects.values() if isinstance(fact, Unobserved)]
        if len(missing) < len(TARGET_ASPECTS):
            return None
        # What its connector cannot ask anyhow is no news; the reason to tell is one that the place, or the way there, gave.
        return next((fact for fact in missing if fact.reason is not Reason.UNSUPPORTED), missing[0])


@dataclass(frozen=True, slots=True)
class CopyFacts:
    """What was seen of one system's copy at one target."""

    system: str
    target: str
    points: Fact[Points]
    lock: Fact[Protection]
    """The protection of an object of the newest usable recovery point: what is in effect, not what is configured."""
    verification: Fact[Verification]
    changes: Fact[Changes] = NO_STORE
    """What its listing says beside the last one."""

    @property
    def id(self) -> str:
        """`system@target`."""
        return f"{self.system}@{self.target}"


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that is judged."""

    at: datetime
    """The run's reference time, UTC."""
    targets: tuple[TargetFacts, ...]
    copies: tuple[CopyFacts, ...]
    drills: Fact[tuple[Drill, ...]]
    sampling: Sampling | None = None
    """What chose the objects that were read; None where no store is kept."""
    store: Fact[StoreKept] = NOT_KEPT
    """Where drcheck keeps what outlives a run."""

    def target(self, target: str) -> TargetFacts:
        """The facts of one target. Raises KeyError where the run has none."""
        for facts in self.targets:
            if facts.target == target:
                return facts
        raise KeyError(target)

    def copy(self, system: str, target: str) -> CopyFacts:
        """The facts of one copy. Raises KeyError where the run has none."""
        for facts in self.copies:
            if (facts.system, facts.target) == (system, target):
                return facts
        raise KeyError(f"{system}@{target}")
