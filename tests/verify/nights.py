"""Nights one after the other over one copy with a store, each at a moment that the test names."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from drcheck.clock import Deadline
from drcheck.estate.schema import Estate
from drcheck.inspect import inspect
from drcheck.model import Assessment, Changes, CopyFacts, EstateUsed, Facts, Observed, Rotation, Run, Unobserved, Verification
from drcheck.model.seen import NO_STORE
from drcheck.store import Store
from drcheck.verify import Manner, Memory, verify
from drcheck.verify.budget import Budget
from drcheck.verify.terms import Asked
from tests.verify.places import NOW, WRITTEN, copy_of, estate_of, sums

DAY = timedelta(days=1)


@dataclass
class Nights:
    """One mirror with a list of checksums away from it, and what each night made of it."""

    base: Path
    store: Store
    cycle: timedelta = 4 * DAY
    files: dict[str, bytes] = field(default_factory=dict)
    immutable: bool = False

    @property
    def root(self) -> Path:
        """The target's folder."""
        return self.base / "nas"

    def write(self, files: dict[str, bytes], *, promise: bool = True) -> None:
        """Write files, and promise what is in them."""
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            os.utime(path, (WRITTEN, WRITTEN))
        if promise:
            self.files |= files
            self.promise()

    def promise(self) -> None:
        """Write the list of checksums anew."""
        (self.base / "SHA256SUMS").write_bytes(sums(self.files))

    def damage(self, name: str) -> None:
        """Flip a bit of a file and leave its time of change as it is."""
        path = self.root / name
        content = bytearray(path.read_bytes())
        content[0] ^= 1
        with path.open("r+b") as file:
            file.write(content)
        os.utime(path, (WRITTEN, WRITTEN))

    def remove(self, name: str) -> None:
        """Remove a file with its promise."""
        (self.root / name).unlink()
        del self.files[name]
        self.promise()

    def estate(self, **more: Any) -> Estate:
        """The estate that declares it."""
        return estate_of(copy_of({"path": str(self.base / "SHA256SUMS")}, **more), base=self.base)

    def night(self, number: int, budget: Budget | None = None, **asked: Any) -> CopyFacts:
        """What the night of that number made of the copy."""
        (facts,) = self.look(self.estate(), NOW + number * DAY, Asked(self.cycle, budget or Budget(), **asked))
        return facts

    def look(self, estate: Estate, at: datetime, asked: Asked, manner: Manner | None = None) -> tuple[CopyFacts, ...]:
        """What a run at a moment made of an estate."""
        copies = inspect(estate, now=at, seconds=20, workers=2, run=Deadline(60))[1]
        memory = Memory(self.store, asked, clock=lambda: at)
        with memory.night(estate, copies) as rolling:
            found = verify(estate, copies, now=at, workers=2, run=Deadline(60), rolling=rolling, manner=manner)
        assert not memory.failures
        return found

    def assess(self, copies: tuple[CopyFacts, ...], number: int) -> None:
        """Keep what was seen as the assessment of a night."""
        at = NOW + number * DAY
        facts = Facts(at, (), copies, NO_STORE)
        run = Run(f"night-{number}", at, False, "", at, at, "0", ())
        used = EstateUsed("estate.toml", "sha256:0", "north", "North Hospital", "GB", "", False)
        self.store.record(Assessment(run, used, (), (), (), facts, (), ()), ())


def seen(facts: CopyFacts) -> Verification:
    """The copy's verification."""
    assert isinstance(facts.verification, Observed), facts.verification
    return facts.verification.value


def rotation(facts: CopyFacts) -> Rotation:
    """How far its rotation has come."""
    found = seen(facts).rotation
    assert found is not None
    return found


def changes(facts: CopyFacts) -> Changes:
    """What its listing said beside the last."""
    assert not isinstance(facts.changes, Unobserved), facts.changes
    return facts.changes.value
