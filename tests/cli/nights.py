"""Stores with nights in them, and the commands that read them, at a moment of one's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from drcheck.model import Assessment
from drcheck.store import Store, open_store
from tests.cli import inside
from tests.nights.making import number
from tests.store.kept import empty, keep, papers

HOUR = timedelta(hours=1)


class Kept:
    """A store of the organisation north in a folder, and what the command line says of it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.file = folder / "history.db"
        self._monkeypatch = monkeypatch
        self._monkeypatch.setenv("DRCHECK_STORE", str(self.file))
        self._monkeypatch.delenv("NO_COLOR", raising=False)

    def at(self, moment: datetime) -> None:
        """From now on it is this moment."""
        self._monkeypatch.setattr("drcheck.clock.now", lambda: moment)

    def nights(self, *nights: dict[str, str] | None, organisation: str = "north", first: int = 1) -> None:
        """One night after the other, each as `control subject` to letter; None for a day on which drcheck did not run."""
        with self._store() as store:
            for index, each in enumerate(nights, first):
                if each is not None:
                    keep(store, index, each, organisation=organisation)
        self.at(number(first + len(nights) - 1) + 5 * HOUR)

    def record(self, assessment: Assessment, index: int = 90) -> None:
        """One night that was assessed elsewhere."""
        with self._store() as store:
            store.record(assessment, papers(assessment, index))

    def _store(self) -> Store:
        if not self.file.exists():
            self.file.write_bytes(empty())
        return open_store(self.file)

    def prune(self, before: int) -> None:
        """Throw away the papers of the nights before this one."""
        with open_store(self.file) as store:
            store.prune(number(before), really=True)

    def say(self, *arguments: str | Path) -> inside.Ended:
        """What a command said."""
        return inside.drcheck(*arguments, cwd=self.folder)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    """An empty place for a store."""
    return Kept(tmp_path, monkeypatch)


def tonight(assessment: Assessment, moment: datetime, run: str = "run-90") -> Assessment:
    """The assessment as that of a night at this moment."""
    return replace(assessment, run=replace(assessment.run, id=run, reference=moment, started=moment, finished=moment + HOUR))
