"""Systems × controls: for each policy a table of what every control found of every system, with its copies counted to it."""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import dataclass

from drcheck.model import Assessment, PolicyUsed, SubjectKind
from drcheck.reports.html_controls import RESULTS, WORDS, ControlLink, ControlLinks
from drcheck.reports.html_limits import Limits
from drcheck.reports.html_tally import PASS_RANK, Owner, Tally, rank_of, share_of


@dataclass(frozen=True, slots=True)
class Cell:
    """What one control found of one system: the worst, and of how many of its parts."""

    result: str
    """Empty where it was not asked."""
    text: str
    """The result in a word, such as `FAIL 2/3` where it is that of two of three parts."""


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """Rows that are alike: one system or several, or one of the other things that controls are asked of."""

    names: tuple[str, ...]
    kind: str
    """`system`, `target`, `estate`."""
    worst: str
    cells: tuple[Cell, ...]
    links: tuple[str, ...]
    """For each cell the problem that it leads to; empty where there is none, or where the row stands for several."""


@dataclass(frozen=True, slots=True)
class PolicyMatrix:
    """One policy's table."""

    policy: PolicyUsed
    anchor: str
    controls: tuple[ControlLink, ...]
    rows: tuple[MatrixRow, ...]
    sparse: tuple[tuple[MatrixRow, str], ...]
    """Rows beyond what the page has room for, each with what is no pass, in words."""
    left_out: int
    """How many more rows there are."""
    counts: tuple[tuple[str, int], ...]
    """How many rows have which result as their worst, worst first."""

    @property
    def good(self) -> bool:
        """Whether no row has anything that is open."""
        return all(RESULTS.index(word) >= PASS_RANK for word, _ in self.counts)


def matrices(assessment: Assessment, links: ControlLinks, tally: Tally, limits: Limits) -> list[PolicyMatrix]:
    """A table for each policy, in their order."""
    room = limits.cells
    tables = []
    for place, policy in enumerate(assessment.policies):
        table = _table(policy, f"m-{place}", tuple(links.of(policy.id, control.id) for control in policy.controls), tally, room, limits)
        room -= len(table.rows) * len(table.controls)
        tables.append(table)
    return tables


_KINDS = (SubjectKind.ESTATE, SubjectKind.SYSTEM, SubjectKind.TARGET)


def _table(policy: PolicyUsed, anchor: str, controls: tuple[ControlLink, ...], tally: Tally, room: int, limits: Limits) -> PolicyMatrix:
    rows = tally.rows[policy.id]
    many = len(rows) > limits.single_rows
    alike: dict[object, list[Owner]] = {}
    for owner in sorted(rows, key=_order):
        alike.setdefault((owner[0], tuple(rows[owner])) if many else owner, []).append(owner)
    groups = sorted(alike.values(), key=lambda owners: (_worst(rows[owners[0]]), _order(owners[0]))) if many else list(alike.values())
    dense: list[MatrixRow] = []
    sparse: list[tuple[MatrixRow, str]] = []
    for owners in groups:
        cells = rows[owners[0]]
        problems = [tally.problem(policy.id, owners[0], column) if len(owners) == 1 else None for column in range(len(cells))]
        row = MatrixRow(
            names=tuple(name for _, name in owners),
            kind=owners[0][0],
            worst=RESULTS[_worst(cells)],
            cells=tuple(map(_cell, cells)),
            links=tuple("" if number is None else f"f-{number}" for number in problems),
        )
        if len(cells) <= room:
            room -= len(cells)
            dense.append(row)
        elif len(sparse) < limits.sparse:
            sparse.append((row, _in_words(row, controls)))
    counts = Counter(map(_worst, rows.values()))
    return PolicyMatrix(
        policy,
        anchor,
        controls,
        rows=tuple(dense),
        sparse=tuple(sparse),
        left_out=len(groups) - len(dense) - len(sparse),
        counts=tuple((word, counts[rank]) for rank, word in enumerate(RESULTS) if counts[rank]),
    )


def _order(owner: Owner) -> tuple[int, str]:
    return _KINDS.index(SubjectKind(owner[0])), owner[1]


def _worst(cells: list[int]) -> int:
    return min((rank_of(cell) for cell in cells if cell >= 0), default=len(RESULTS) - 1)


@functools.lru_cache(maxsize=4096)
def _cell(cell: int) -> Cell:
    if cell < 0:
        return Cell("", "")
    rank, (same, asked) = rank_of(cell), share_of(cell)
    return Cell(RESULTS[rank], WORDS[RESULTS[rank]] + (f" {same}/{asked}" if rank < PASS_RANK and asked > 1 else ""))


def _in_words(row: MatrixRow, controls: tuple[ControlLink, ...]) -> str:
    words: dict[str, list[str]] = {}
    for cell, link in zip(row.cells, controls, strict=True):
        if cell.result and RESULTS.index(cell.result) < PASS_RANK:
            words.setdefault(cell.result, []).append(link.name)
    return "; ".join(f"{word}: {', '.join(names)}" for word, names in words.items()) or "nothing open"
