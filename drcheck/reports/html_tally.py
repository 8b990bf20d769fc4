"""What a page counts of the findings, in one look at each of them, for there may be a million."""

from __future__ import annotations

from collections.abc import Mapping

from drcheck.model import Assessment, FindingKey, Subject, SubjectKind
from drcheck.reports.html_controls import RESULTS, result

_BIT = 24
_LOW = (1 << _BIT) - 1
PASS_RANK = 4
"""From this rank on a result asks nothing of anybody."""
Owner = tuple[str, str]
"""Whose row of a table a finding counts to: a kind and a name. A copy's is its system's."""


class Tally:
    """The findings by control, by copy, and by row of each policy's table. A rank is a place in `RESULTS`: the lower, the worse."""

    def __init__(self, assessment: Assessment, numbers: Mapping[FindingKey, int]) -> None:
        """`numbers` are the problems that findings belong to."""
        columns = {policy.id: {control.id: place for place, control in enumerate(policy.controls)} for policy in assessment.policies}
        owners = {f"{copy.system}@{copy.target}": (str(SubjectKind.SYSTEM), copy.system) for copy in assessment.copies}
        ranks = {word: rank for rank, word in enumerate(RESULTS)}
        self.rows: dict[str, dict[Owner, list[int]]] = {policy: {} for policy in columns}
        """For each policy and owner a cell for each control: -1 where it was not asked, otherwise what `rank_of` and its like take apart."""
        self.controls: dict[tuple[str, str], list[int]] = {(policy, control): [0] * len(RESULTS) for policy in columns for control in columns[policy]}
        """How many findings of each control have each rank."""
        self.copies: dict[str, int] = {}
        """The worst rank of the findings about each copy."""
        self._leading: dict[tuple[str, Owner, int], tuple[int, int]] = {}
        for finding in assessment.findings:
            rank = ranks[finding.outcome if finding.waiver is None else result(finding)]
            subject = finding.subject
            if subject.kind is SubjectKind.COPY and rank < self.copies.get(subject.id, len(RESULTS)):
                self.copies[subject.id] = rank
            column = columns.get(finding.policy, {}).get(finding.control)
            if column is None:
                continue
            self.controls[finding.policy, finding.control][rank] += 1
            owner = owners.get(subject.id) if subject.kind is SubjectKind.COPY else None
            owner = owner or _own_row(subject)
            rows = self.rows[finding.policy]
            row = rows.get(owner)
            if row is None:
                row = rows[owner] = [-1] * len(columns[finding.policy])
            row[column] = _added(row[column], rank)
            if rank < PASS_RANK:
                place = (finding.policy, owner, column)
                leads = (rank, numbers[finding.policy, finding.control, subject])
                if place not in self._leading or leads < self._leading[place]:
                    self._leading[place] = leads

    def problem(self, policy: str, owner: Owner, column: int) -> int | None:
        """The problem that a cell leads to; None where it is of none."""
        leads = self._leading.get((policy, owner, column))
        return None if leads is None else leads[1]


def _own_row(subject: Subject) -> Owner:
    return str(SubjectKind.SYSTEM if subject.kind is SubjectKind.COPY else subject.kind), subject.id


def _added(cell: int, rank: int) -> int:
    """The cell with one more finding: the worst rank in the top bits, then how many have it, then how many there are."""
    if cell < 0:
        return rank << 2 * _BIT | 1 << _BIT | 1
    worst = cell >> 2 * _BIT
    if rank > worst:
        return cell + 1
    return cell + (1 << _BIT) + 1 if rank == worst else rank << 2 * _BIT | 1 << _BIT | (cell & _LOW) + 1


def rank_of(cell: int) -> int:
    """The worst rank in a cell in which something was asked."""
    return cell >> 2 * _BIT


def share_of(cell: int) -> tuple[int, int]:
    """How many findings of a cell have its worst rank, and how many there are."""
    return cell >> _BIT & _LOW, cell & _LOW
