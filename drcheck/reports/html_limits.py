"""How much a page shows, so that it opens whatever the size of the estate. What it leaves out is counted, and the page says so."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What is the most of everything."""

    problems: int
    """Problems of each result that are shown."""
    in_full: int
    """Of these, with their facts and clauses."""
    named: int
    """Subjects of one problem that are named at once; the others when asked for."""
    single_rows: int
    """Up to so many rows of a table of systems and controls each has a line; where there are more, rows that are alike are told together."""
    cells: int
    """Cells of all these tables; beyond them a row names only what is no pass."""
    sparse: int
    """Rows that are told so."""
    copies: int
    """Copies of which something is open that have a line."""
    good_copies: int
    """Copies of which nothing is open that have a line; the others are counted by target."""
    bars: int
    """Up to so many copies the age of each is drawn as a bar beside the words."""
    targets: int
    """Targets that are shown with what they answered."""
    passed_with_facts: int
    """Up to so many findings passed, each is shown with its facts."""
    passed_named: int
    """Up to so many subjects passed (one for each check), each is named."""
    chunk: int
    """Rows that stand together; the next ones open when asked for, so that a browser need not lay out thousands at once."""


EVERYTHING = 10**9
SCREEN = Limits(
    problems=EVERYTHING,
    in_full=2_000,
    named=12,
    single_rows=60,
    cells=60_000,
    sparse=EVERYTHING,
    copies=EVERYTHING,
    good_copies=4_000,
    bars=1_000,
    targets=EVERYTHING,
    passed_with_facts=1_500,
    passed_named=60_000,
    chunk=200,
)
"""For a browser."""
PAPER = Limits(
    problems=200,
    in_full=40,
    named=12,
    single_rows=40,
    cells=1_200,
    sparse=100,
    copies=150,
    good_copies=50,
    bars=1_000,
    targets=30,
    passed_with_facts=0,
    passed_named=200,
    chunk=EVERYTHING,
)
"""For printing: some hundred pages at the most."""
