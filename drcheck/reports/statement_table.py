"""What would become of systems, in plain words: one line each, the worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum

from drcheck.model import SystemUsed

MOST_SYSTEMS = 60
"""So many systems of one table have a row, the worst first; the others are counted."""


class Case(IntEnum):
    """What would become of one system, the worst first."""

    GONE = 0
    """Nothing that could be restored from would be left."""
    UNSAID = 1
    """Whether anything would be left, nobody knows."""
    DAMAGED = 2
    """What it would come back from is known to be damaged."""
    MORE = 3
    """More work would be lost than was agreed."""
    UNREAD = 4
    """No more work would be lost than was agreed, if what it would come back from is right, and that was not read whole."""
    AGREED = 5
    """No more work would be lost than was agreed, and what it would come back from was read whole and is right."""


CASES = {
    Case.GONE: "would be lost altogether",
    Case.UNSAID: "may be lost altogether, nobody can say",
    Case.DAMAGED: "would come back from a damaged copy",
    Case.MORE: "would lose more work than was agreed",
    Case.UNREAD: "would lose no more work than was agreed if the copy is right, which nobody knows",
    Case.AGREED: "would lose no more work than was agreed",
}
WORST = {
    Case.GONE: "a system would be lost altogether",
    Case.UNSAID: "nobody can say whether a system would come back",
    Case.DAMAGED: "a system would come back from a damaged copy",
    Case.MORE: "a system would lose more work than was agreed",
    Case.UNREAD: "a system would come back from a copy of which nobody knows whether it is right",
    Case.AGREED: "no system would lose more work than was agreed",
}


@dataclass(frozen=True, slots=True)
class SystemLine:
    """One system, in plain words."""

    system: SystemUsed
    case: Case
    work: str
    """How much work would be gone."""
    back: str
    """From where it would come back, and what is known of that copy."""
    time: str
    """How long that took when it was last rehearsed."""
    unsaid: tuple[str, ...]
    """What nobody can say."""


@dataclass(frozen=True, slots=True)
class Table:
    """What would become of some systems, the worst first."""

    lines: tuple[SystemLine, ...]
    same: tuple[str, ...]
    """Names of the systems that have no row because another table tells just the same of them."""
    more: str
    """What would become of the other systems that have no row; empty where there are none."""
    tally: tuple[int, ...]
    """How many systems in each case, of those with and without a row, the worst first."""

    @classmethod
    def of(cls, lines: Sequence[SystemLine], told: Collection[SystemLine] = ()) -> Table:
        """These lines, but those that were told elsewhere and would leave something, and but the best of them where there are too many."""
        known = {line.system.id: line for line in told if line.case not in (Case.GONE, Case.UNSAID)}
        ordered = sorted(lines, key=lambda line: line.case)
        fresh = [line for line in ordered if known.get(line.system.id) != line]
        found, hidden = Counter(line.case for line in ordered), Counter(line.case for line in fresh[MOST_SYSTEMS:])
        return cls(
            lines=tuple(fresh[:MOST_SYSTEMS]),
            same=tuple(line.system.name for line in ordered if known.get(line.system.id) == line),
            more=", ".join(f"{hidden[case]} {CASES[case]}" for case in Case if hidden[case]),
            tally=tuple(found[case] for case in Case),
        )

    @property
    def counts(self) -> list[tuple[str, str]]:
        """How many systems in which case: a class and words."""
        return [(case.name.lower(), f"{count} {CASES[case]}") for case, count in zip(Case, self.tally, strict=True) if count]

    @property
    def worst(self) -> Case:
        """The worst of the cases that some system is in."""
        return next(case for case, count in zip(Case, self.tally, strict=True) if count)
