"""The format `dump`: a file is a recovery point, and its name tells the time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from drcheck.connectors.base import Connector
from drcheck.errors import NotThere, Unsupported
from drcheck.formats.base import Format, StoredObject
from drcheck.formats.collect import PointCollector
from drcheck.formats.draft import Draft, Judge, Look
from drcheck.formats.growth import look_twice
from drcheck.formats.options import NamedOptions, Suffix
from drcheck.formats.pattern import NamePattern, time_zone
from drcheck.formats.pieces import Piece, Role, below, is_checksum_file, listing, promised_by_name, within, without_ending
from drcheck.model import Points, printable

SCATTERED = 50_000
"""How many recovery points can be told apart where the files of one are not listed together."""


def _file_pattern(text: str) -> str:
    NamePattern(text)
    return text


class DumpOptions(NamedOptions):
    """How a copy with one file (or a few) a recovery point is laid out."""

    pattern: Annotated[str, AfterValidator(_file_pattern)] = Field(
        description="How file names tell their time, such as ehr-%Y-%m-%dT%H%M%SZ.dump.gz; * is a free part, and all files of one time are one point"
    )
    marker_suffix: Suffix | None = Field(
        default=None, description="What is added to a dump's name for the file that says it is finished, such as .ok"
    )

    @model_validator(mode="after")
    def _tells_finished_from_partial(self) -> Self:
        ending = without_ending(self.pattern, self.partial)
        if ending:
            raise ValueError(f"pattern {self.pattern!r} ends with {self.pattern[len(ending) :]!r}, which `partial` says is being written")
        if self.marker_suffix in self.partial:
            raise ValueError(f"marker_suffix {self.marker_suffix!r} is also in `partial`")
        if self.marker_suffix and self.pattern.endswith(self.marker_suffix):
            raise ValueError(
                f"pattern {self.pattern!r} ends with marker_suffix {self.marker_suffix!r}; the pattern is of the dump, not of its marker"
            )
        return self


class DumpFormat(Format):
    """A file a recovery point."""

    kind = "dump"
    options_class = DumpOptions
    options: DumpOptions

    def __init__(self, options: DumpOptions) -> None:
        super().__init__(options)
        self._pattern = NamePattern(options.pattern, time_zone(options.zone))

    def points(self, connector: Connector, path: str, now: datetime) -> Points:
        judge = Judge.at(connector, now, self.options.settle)
        collector = PointCollector(now, self.options.shrink_ratio)
        for draft in self._drafts(connector, path, collector.add_unrecognised):
            collector.add(draft, judge)
        look_twice(collector, judge, lambda ids: self._again(connector, path, ids), connector.deadline)
        return collector.points()

    def objects(self, connector: Connector, path: str) -> Iterator[StoredObject]:
        for piece in self._pieces(connector, path):
            yield piece.stored()

    def manifest_root(self, path: str, point: str) -> str:  # noqa: ARG002 - the contract's; a dump lies in the copy's own folder
        return path

    def _pieces(self, connector: Connector, path: str) -> Iterator[Piece]:
        for entry in listing(connector, path):
            role, name = self._role(within(entry.key, path))
            if found := self._pattern.read(name):
                yield Piece(entry, role, *found)
            else:
                yield Piece(entry, Role.CHECKSUMS if role is Role.CHECKSUMS or is_checksum_file(name) else Role.UNRECOGNISED)

    def _role(self, name: str) -> tuple[Role, str]:
        # Endings come first: a pattern that ends with a free part takes in `x.dump.part` and `x.dump.sha256` as well.
        if whole := without_ending(name, self.options.partial):
            return Role.PARTIAL, whole
        if self.options.marker_suffix and (whole := without_ending(name, (self.options.marker_suffix,))):
            return Role.MARKER, whole
        if is_checksum_file(name):
            return Role.CHECKSUMS, promised_by_name(name)
        return Role.PAYLOAD, name

    def _drafts(self, connector: Connector, path: str, stray: Callable[[str], None]) -> Iterator[Draft]:
        drafts: dict[str, Draft] = {}
        markers = _Markers(self.options.marker_suffix)
        for piece in self._pieces(connector, path):
            markers.pass_by(piece.entry.key)
            if piece.role is Role.UNRECOGNISED:
                stray(piece.entry.key)
            if piece.time is None:
                continue
            draft = drafts.get(piece.point)
            if draft is None:
                if not self._pattern.scattered:
                    markers.end()
                    yield from drafts.values()
                    drafts.clear()
                elif len(drafts) == SCATTERED:
                    raise Unsupported(
                        f"{printable(path) or 'the root'} holds more than {SCATTERED:,} recovery points, and with a * before the time in "
                        f"{self.options.pattern!r} the files of one are not listed together; declare one copy for each family of names"
                    )
                draft = drafts[piece.point] = Draft(piece.point, piece.time)
            draft.add(piece.entry, piece.role)
            markers.meet(piece, draft)
        markers.end()
        yield from drafts.values()

    def _again(self, connector: Connector, path: str, ids: Collection[str]) -> dict[str, Look]:
        if self._pattern.free:
            return {draft.id: draft.look for draft in self._drafts(connector, path, lambda _: None) if draft.id in ids}
        looks = {}
        for point in ids:
            try:
                entry = connector.stat(below(path, point))
            except NotThere:
                continue
            looks[point] = Look(1, entry.size, entry.modified)
        return looks


class _Markers:
    """
    Which dumps have their marker beside them, told while names pass by in key order.

    A marker's name begins with its dump's, and names that begin alike are listed together: once a name passes that does not begin with a dump's, that
    dump's marker can come no more. So only a chain of names, each the beginning of the next, is ever waited for.
    """

    def __init__(self, suffix: str | None) -> None:
        self._suffix = suffix
        self._waiting: list[tuple[str, Draft]] = []

    def pass_by(self, key: str) -> None:
        """Note that the listing has come to `key`."""
        while self._waiting and not key.startswith(self._waiting[-1][0]):
            self._give_up()

    def meet(self, piece: Piece, draft: Draft) -> None:
        """Note a dump or a marker of `draft`."""
        if self._suffix is None:
            return
        key = piece.entry.key
        if piece.role is Role.PAYLOAD:
            self._waiting.append((key, draft))
        elif piece.role is Role.MARKER:
            awaited = next((each for each in self._waiting if each[0] + self._suffix == key), None)
            if awaited is None:
                draft.missing = draft.missing or f"the dump that {printable(key)} says is finished"
            else:
                self._waiting.remove(awaited)
                draft.marked = not draft.missing

    def end(self) -> None:
        """Note that no more names of the dumps so far will come."""
        while self._waiting:
            self._give_up()

    def _give_up(self) -> None:
        key, draft = self._waiting.pop()
        draft.missing, draft.marked = f"its marker {printable(key)}{self._suffix}", False
