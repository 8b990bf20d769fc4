"""The format `dated`: a directory is a recovery point, and its name tells the time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from drcheck.connectors.base import Connector
from drcheck.formats.base import Format, StoredObject
from drcheck.formats.collect import PointCollector
from drcheck.formats.draft import Draft, Judge, Look
from drcheck.formats.growth import look_twice
from drcheck.formats.options import InnerName, NamedOptions
from drcheck.formats.pattern import NamePattern, time_zone
from drcheck.formats.pieces import Endings, Piece, Role, below, is_checksum_file, listing, within, without_ending
from drcheck.model import Points, printable


def _directory_pattern(text: str) -> str:
    if NamePattern(text).free:
        raise ValueError(f"{text!r} has a free part (*), which a directory's name cannot have; declare one copy for each family of names")
    return text


class DatedOptions(NamedOptions):
    """How a copy with one directory a recovery point is laid out."""

    pattern: Annotated[str, AfterValidator(_directory_pattern)] = Field(
        description="How directory names below the copy's path tell their time, such as %Y-%m-%d or %Y/%m/%d"
    )
    marker: InnerName = Field(default="", description="A file that every finished recovery point holds, such as COMPLETE")


class DatedFormat(Format):
    """A directory a recovery point."""

    kind = "dated"
    options_class = DatedOptions
    options: DatedOptions

    def __init__(self, options: DatedOptions) -> None:
        super().__init__(options)
        self._pattern = NamePattern(options.pattern, time_zone(options.zone))
        self._marker = options.marker
        self._partial = Endings(options.partial)

    def points(self, connector: Connector, path: str, now: datetime) -> Points:
        judge = Judge.at(connector, now, self.options.settle)
        collector = PointCollector(now, self.options.shrink_ratio)
        draft: Draft | None = None
        for piece in self._pieces(connector, path):
            if piece.time is None:
                if piece.role is Role.UNRECOGNISED:
                    collector.add_unrecognised(piece.entry.key)
                continue
            if draft is None or draft.id != piece.point:
                if draft is not None:
                    collector.add(draft, judge)
                draft = self._begin(path, piece.point, piece.time)
            self._add(draft, piece)
        if draft is not None:
            collector.add(draft, judge)
        look_twice(collector, judge, lambda ids: self._again(connector, path, ids, now), connector.deadline)
        return collector.points()

    def objects(self, connector: Connector, path: str) -> Iterator[StoredObject]:
        for piece in self._pieces(connector, path):
            yield piece.stored()

    def manifest_root(self, path: str, point: str) -> str:
        return below(path, point)

    def _pieces(self, connector: Connector, path: str) -> Iterator[Piece]:
        known, moment = "", None
        levels = self._pattern.levels
        for entry in listing(connector, path):
            *parts, last = within(entry.key, path).split("/", levels)
            name = "/".join(parts)
            if name != known or moment is None:
                known, moment = name, self._moment(name) if len(parts) == levels else None
            if moment is None:
                yield Piece(entry, Role.CHECKSUMS if is_checksum_file(entry.key) else Role.UNRECOGNISED)
            else:
                yield Piece(entry, self._role(last), name, moment)

    def _moment(self, name: str) -> datetime | None:
        found = self._pattern.read(name) or self._pattern.read(without_ending(name, self.options.partial))
        return found[1] if found else None

    def _role(self, name: str) -> Role:
        if name == self._marker:
            return Role.MARKER
        if self._partial.found(name):
            return Role.PARTIAL
        return Role.CHECKSUMS if is_checksum_file(name) else Role.PAYLOAD

    def _begin(self, path: str, name: str, moment: datetime) -> Draft:
        marker = printable(self.options.marker)
        unfinished = below(path, name) if name.endswith(self.options.partial) and not self._pattern.read(name) else ""
        return Draft(name, moment, missing=f"its marker {marker}" if marker else "", partial=unfinished)

    def _add(self, draft: Draft, piece: Piece) -> None:
        if piece.role is Role.MARKER:
            draft.marked, draft.missing = True, ""
        draft.add(piece.entry, piece.role)

    def _again(self, connector: Connector, path: str, ids: Collection[str], now: datetime) -> dict[str, Look]:
        looks = {}
        for point in ids:
            draft = Draft(point, now)
            folder = below(path, point)
            for entry in listing(connector, folder):
                draft.add(entry, self._role(within(entry.key, folder)))
            looks[point] = draft.look
        return looks
