"""Asking the place for the checksums that it keeps with objects which are not read tonight."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from drcheck.connectors.base import Connector
from drcheck.model import ObjectResult
from drcheck.verify.attributes import attributes
from drcheck.verify.compare import strength, verdict
from drcheck.verify.earlier import agreed
from drcheck.verify.tally import Tally
from drcheck.verify.tonight import Tonight
from drcheck.verify.wanted import Wanted

MOST = 20_000
"""Objects of a copy that are asked about in one night."""
_ARCHIVED = "in an archived storage class, which is never read"


class Asking:
    """
    Asks about the objects of one copy. Used by one thread.

    What it learns adds nothing to what reading proves; a kept checksum that surely differs from the promise is a mismatch all the same. What was
    asked once and agreed is not asked again while the object stays as it is.
    """

    def __init__(self, connector: Connector, tonight: Tonight, tally: Tally, may: Callable[[Mapping[str, int]], bool] = lambda _: True) -> None:
        """`may` says whether requests may still be made, by class."""
        self._connector = connector
        self._tonight = tonight
        self._tally = tally
        self._may = may

    def open(self, connector: Connector) -> None:
        """Go on over another connection."""
        self._connector = connector

    def leave(self, wanted: Wanted) -> None:
        """Take an object that cannot be read, since it is archived."""
        if self._connector.keeps_checksums:
            self._tonight.note_unread(wanted.entry.key)
        else:
            self._tally.result(verdict(wanted, ObjectResult.NOT_READ, detail=_ARCHIVED))

    def ask(self, passed_over: Iterator[Wanted]) -> None:
        """
        Ask about the archived objects that were left, and about those that the night was too short for.

        Raises the connector's error where the place is lost.
        """
        if not self._connector.keeps_checksums:
            return
        for wanted, found in attributes(self._connector, self._worth_asking(self._tonight.unread())):
            if found is not None:
                self._tally.result(found, entry=wanted.entry)
            else:
                self._tally.result(verdict(wanted, ObjectResult.NOT_READ, detail=_ARCHIVED))
        for wanted, found in attributes(self._connector, self._worth_asking(passed_over)):
            if found is not None:
                if found.result is not ObjectResult.NOT_READ:  # that is replaced by whatever reading shows
                    self._tonight.note_told(wanted.entry.key)
                self._tally.result(found, entry=wanted.entry)

    def plan(self, passed_over: Iterator[Wanted]) -> None:
        """Spend the requests that `ask` would make at the most where the place has all these objects; ask nothing."""
        if self._connector.keeps_checksums:
            for objects in (self._tonight.unread(), passed_over):
                for _ in self._worth_asking(objects):
                    pass

    def _worth_asking(self, objects: Iterator[Wanted]) -> Iterator[Wanted]:
        asked = 0
        for wanted in objects:
            if agreed(wanted.earlier, [(promise.algorithm, promise.digest) for promise in wanted.promises]):
                best = max(wanted.promises, key=strength)
                detail = "the checksum that is kept with it was as promised when it was asked for; no byte was read"
                self._tally.result(replace(verdict(wanted, ObjectResult.NOT_READ, best, detail=detail), kept=True), told=False)
            elif asked < MOST and self._may(_requests(wanted)):
                asked += 1
                yield wanted
            elif wanted.entry.archived:
                self._tally.result(verdict(wanted, ObjectResult.NOT_READ, detail=_ARCHIVED))


def _requests(wanted: Wanted) -> Mapping[str, int]:
    """What one question takes at the most: on S3 the ETag of an upload in parts has a hyphen, and its parts may have to be asked for as well."""
    return {"head": 2 if "-" in wanted.entry.version else 1}
