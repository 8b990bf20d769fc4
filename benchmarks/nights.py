"""
A second night on very many objects, of which none changed: listing and merge, and how both grow.

After a first night that read every object, a run inspects, lists again, merges with the store, holds the manifest against what is listed, sorts out
what stands, and reads what the rotation chooses. Its share is the number of objects divided by the nights in the cycle, and never nothing; the cycle
here has as many nights as there are objects, so that it comes to about one object.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.estates import write_estate
from benchmarks.harness import DRCHECK, ROOT, AtMost, Command, PeakAtMost, Row
from benchmarks.night import all_recorded, fresh, night

_PER_FOLDER = 1_000
_CONTENT = b"sixteen bytes: \n"
_CHANGED = 1_700_000_000
"""Seconds since 1970: long ago, so that nobody takes the files for being written."""
_FEW = 25
"""Objects that a night may read at the most: about one is chosen, at random."""


@dataclass(frozen=True)
class Mirror:
    """So many small files, the manifest that promises them, and stores as they were after the first night and after the second."""

    root: Path
    count: int

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return self.count * len(_CONTENT)

    def make(self) -> None:
        """Write the files and the manifest, have the nights before, and list the files as `find` does."""
        digest, data = hashlib.sha256(_CONTENT).hexdigest(), self.root / "data"
        data.mkdir(parents=True)
        with (self.root / "sums").open("w") as sums:
            for number in range(self.count):
                name = f"{number // _PER_FOLDER:04d}/object-{number:07d}"
                if number % _PER_FOLDER == 0:
                    (data / name).parent.mkdir()
                path = f"{data}/{name}"
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                os.write(descriptor, _CONTENT)
                os.close(descriptor)
                os.utime(path, (_CHANGED, _CHANGED))
                sums.write(f"{digest}  {name}\n")
        write_estate(self.root / "estate.toml", "local", {"root": str(data)}, self.root / "sums")
        self._have("first", partial(all_recorded, self.root / "first.db", self.count))
        shutil.copy(self.root / "first.db", self.root / "second.db")
        self._have("second", self._stands)
        with (self.root / "found").open("wb") as found:
            subprocess.run(["sh", "-c", self._find()], check=True, stdout=found)
        os.sync()  # what is still to be written is not part of what is measured

    def night_after(self, before: str) -> Command:
        """The night after the `first` or the `second` one."""
        store = self.root / f"after-{before}.db"
        return Command(
            self._night(store),
            before=partial(fresh, store, self.root / f"{before}.db"),
            rate=lambda said: self.size / float(json.loads(said)["seconds"]),
            verify=self._stands,
        )

    def by_hand(self) -> Command:
        """What a person types: list them in order, and compare with the list of the night before."""
        line = f"{self._find()} | cmp - '{self.root}/found' && echo same"
        return Command(["sh", "-c", line], needs=("find", "sort", "cmp"), verify=lambda said: said == "same\n")

    def _have(self, name: str, as_expected: Callable[[str], bool]) -> None:
        said = subprocess.run(self._night(self.root / f"{name}.db"), check=True, capture_output=True, text=True, cwd=ROOT).stdout
        if not as_expected(said):
            raise RuntimeError(f"the {name} night did otherwise than it should have: {said}")

    def _night(self, store: Path) -> list[str]:
        return night(self.root / "estate.toml", store, days=self.count)

    def _stands(self, said: str) -> bool:
        told = json.loads(said)
        return bool(told["counts"] == {"match": self.count} and told["objects_read"] < _FEW)

    def _find(self) -> str:
        return f"find '{self.root}/data' -type f -printf '%P %s %T@ %C@ %i\\n' | LC_ALL=C sort"


def rows(folder: Path, quick: bool) -> Iterator[Row]:
    """The second night, and the one after it."""
    many, few = (20_000, 5_000) if quick else (1_000_000, 100_000)
    large, small = Mirror(folder / "many", many), Mirror(folder / "few", few)
    part = f"{many // few} × {few:,} objects"

    def prepare() -> None:
        for each in (large, small):
            if not each.root.exists():
                each.make()

    yield Row(
        name="nights-second",
        title=f"a second night, {many:,} objects, none changed: inspected, listed, merged, planned; the results of the first are folded in",
        prepare=prepare,
        bytes=large.size,
        objects=many,
        bound="Python's work for each object, on one core: it is listed twice, merged, and held against its promise",
        commands={DRCHECK: large.night_after("first"), part: small.night_after("first"), "find | sort | cmp": large.by_hand()},
        goals=(AtMost(part, 1.2), PeakAtMost(part, 1.1)),
    )
    yield Row(
        name="nights-third",
        title=f"the night after that, {many:,} objects, none changed: the same with nothing to fold in",
        prepare=prepare,
        bytes=large.size,
        objects=many,
        bound="Python's work for each object, on one core: it is listed twice, merged, and held against its promise",
        commands={DRCHECK: large.night_after("second"), part: small.night_after("second")},
        goals=(AtMost(part, 1.2), PeakAtMost(part, 1.1)),
    )
    for each in (large, small):
        shutil.rmtree(each.root, ignore_errors=True)
