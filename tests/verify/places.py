"""Real folders with backups in them, the estates that declare them, and one call from there to a verification."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drcheck.clock import Deadline
from drcheck.connectors.base import Entry
from drcheck.estate.schema import Estate
from drcheck.inspect import inspect
from drcheck.model import CopyFacts, Fact, ObjectResult, ObjectVerdict, Observed, Verification
from drcheck.verify import ResultSink, verify

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
WRITTEN = datetime(2026, 3, 1, 2, 0, tzinfo=UTC).timestamp()


class Told:
    """A result sink that keeps what it is told, and may act on each."""

    def __init__(self, act: Callable[[ObjectVerdict], None] = lambda _: None) -> None:
        self.verdicts: list[tuple[str, ObjectVerdict]] = []
        self._act = act

    def record(self, copy: str, verdict: ObjectVerdict, entry: Entry | None = None, digests: Iterable[tuple[str, str, str]] = ()) -> None:
        """Take one result."""
        self.verdicts.append((copy, verdict))
        self._act(verdict)


def fill(root: Path, files: Mapping[str, bytes]) -> None:
    """Write files below a folder, none of them changed lately."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    age(root)


def age(root: Path) -> None:
    """Make every file below a folder one that nobody has changed for days."""
    for folder, _, names in os.walk(os.fsencode(root)):
        for name in names:
            os.utime(os.path.join(folder, name), (WRITTEN, WRITTEN), follow_symlinks=False)


def sums(files: Mapping[str, bytes], algorithm: str = "sha256") -> bytes:
    """What `sha256sum` would write about these files."""
    return b"".join(f"{hashlib.new(algorithm, content).hexdigest()}  {name}\n".encode() for name, content in files.items())


def estate_of(*copies: Mapping[str, Any], base: Path, connector: str = "local", options: Mapping[str, Any] | None = None) -> Estate:
    """An estate whose copies lie at targets of the names that they give; each target is the folder of that name below `base`."""
    targets = sorted({copy["target"] for copy in copies})
    systems = sorted({copy["system"] for copy in copies})
    declared = {
        "schema": "drcheck.estate/1",
        "organisation": {"id": "north", "name": "North Hospital", "country": "GB"},
        "sites": [{"id": "main", "name": "Main"}],
        "systems": [
            {"id": system, "name": system, "tier": "critical", "owner": "IT", "production": {"site": "main"}, "rpo": "24h"} for system in systems
        ],
        "targets": [
            {"id": target, "connector": connector, "site": "main", "options": options if options is not None else {"root": str(base / target)}}
            for target in targets
        ],
        "copies": list(copies),
        "policies": ["uk-ncsc-offline-backups"],
    }
    return Estate.model_validate(declared, context={"base": base})


def copy_of(manifest: Mapping[str, Any] | None, layout: str = "mirror", target: str = "nas", system: str = "imaging", **more: Any) -> dict[str, Any]:
    """The declaration of one copy."""
    declared = {"system": system, "target": target, "format": layout, **more}
    return declared if manifest is None else {**declared, "manifest": dict(manifest)}


def seen(estate: Estate) -> tuple[CopyFacts, ...]:
    """What inspection sees of the estate's copies."""
    return inspect(estate, now=NOW, seconds=20, workers=2, run=Deadline(60))[1]


def look(estate: Estate, *, results: ResultSink | None = None, seconds: float | None = 60) -> dict[str, Fact[Verification]]:
    """Inspect and verify; the verification of each copy by its id."""
    copies = verify(estate, seen(estate), now=NOW, workers=2, run=Deadline(seconds), results=results)
    return {copy.id: copy.verification for copy in copies}


def verified(estate: Estate) -> Verification:
    """The verification of the estate's only copy."""
    (fact,) = look(estate).values()
    assert isinstance(fact, Observed), fact
    return fact.value


def counts(verification: Verification) -> dict[str, int]:
    """How many objects had each result, by its name."""
    return {str(result): number for result, number in verification.counts}


def problems(verification: Verification, result: ObjectResult) -> list[str]:
    """The keys of the problems of one kind."""
    return [problem.key for problem in verification.problems if problem.result is result]
