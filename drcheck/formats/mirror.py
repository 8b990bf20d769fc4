"""The format `mirror`: the whole tree is the one recovery point."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from pydantic import Field

from drcheck.clock import parse_moment
from drcheck.connectors.base import Connector
from drcheck.errors import Malformed, NotThere, Unsupported
from drcheck.formats.base import Format, StoredObject
from drcheck.formats.collect import PointCollector
from drcheck.formats.draft import Draft, Judge
from drcheck.formats.growth import look_twice
from drcheck.formats.options import InnerName, WritingOptions
from drcheck.formats.pieces import Endings, Piece, Role, auxiliary, below, is_checksum_file, listing, within
from drcheck.model import Points, printable

TREE = "."
"""The id of a mirror's one recovery point."""
_STAMP_BYTES = 256
_EPOCH = re.compile(r"[0-9]{9,10}(?:\.[0-9]{1,9})?")


class MirrorOptions(WritingOptions):
    """How a copy that is one tree is laid out."""

    stamp: InnerName = Field(
        default="", description="A file in the tree that the job writes when it is done: an ISO 8601 moment with its zone, or a Unix time"
    )


class MirrorFormat(Format):
    """The tree is the one recovery point, with the id `.`; its time is the stamp's, or else that of the object changed last."""

    kind = "mirror"
    options_class = MirrorOptions
    options: MirrorOptions

    def __init__(self, options: MirrorOptions) -> None:
        super().__init__(options)
        self._partial = Endings(options.partial)
        self._stamp_name = options.stamp

    def points(self, connector: Connector, path: str, now: datetime) -> Points:
        """
        The one recovery point; none where there is no object at all.

        Raises:
            Malformed: the stamp holds no moment; the message names the file.
            Unsupported: there is no stamp and the place does not say when objects were changed.
        """
        judge = Judge.at(connector, now, self.options.settle)
        collector = PointCollector(now)
        # The stamp is read first: should the job end between the two, the tree is taken for older than it is and never for newer.
        stamp = self._stamp(connector, path)
        draft = self._tree(connector, path, now)
        if draft.objects or stamp is not None:
            self._date(draft, stamp, path)
            collector.add(draft, judge)
        look_twice(collector, judge, lambda _: {TREE: self._tree(connector, path, now).look}, connector.deadline)
        return collector.points()

    def objects(self, connector: Connector, path: str) -> Iterator[StoredObject]:
        for entry in listing(connector, path):
            yield StoredObject(entry, TREE, auxiliary(self._role(within(entry.key, path))))

    def manifest_root(self, path: str, point: str) -> str:  # noqa: ARG002 - the contract's; there is one point, the tree
        return path

    def _pieces(self, connector: Connector, path: str) -> Iterator[Piece]:
        for entry in listing(connector, path):
            yield Piece(entry, self._role(within(entry.key, path)), TREE)

    def _role(self, name: str) -> Role:
        if name and name == self._stamp_name:
            return Role.MARKER
        if self._partial.found(name):
            return Role.PARTIAL
        return Role.CHECKSUMS if is_checksum_file(name) else Role.PAYLOAD

    def _tree(self, connector: Connector, path: str, now: datetime) -> Draft:
        draft = Draft(TREE, now, "modified")
        for piece in self._pieces(connector, path):
            draft.add(piece.entry, piece.role)
        return draft

    def _date(self, draft: Draft, stamp: datetime | None, path: str) -> None:
        if stamp is not None:
            draft.time, draft.time_from = stamp, "stamp"
        elif draft.newest is not None:
            draft.time = draft.newest
            if self.options.stamp:
                draft.missing = f"its stamp {printable(self.options.stamp)}"
        else:
            raise Unsupported(
                f"{printable(path) or 'the root'}: the place does not say when objects were changed; let the job write a stamp, and name it"
            )

    def _stamp(self, connector: Connector, path: str) -> datetime | None:
        if not self.options.stamp:
            return None
        key = below(path, self.options.stamp)
        try:
            content = b"".join(connector.read(key, 0, _STAMP_BYTES + 1))
        except NotThere:
            return None
        try:
            return _moment(content)
        except (ValueError, OverflowError):
            shown = printable(content[:40].decode("utf-8", "backslashreplace"))
            raise Malformed(
                f"the stamp {printable(key)} holds {shown!r}; expected one moment with its zone, such as 2026-03-01T02:10:00Z, "
                "or a Unix time such as 1772331000"
            ) from None


def _moment(content: bytes) -> datetime:
    if len(content) > _STAMP_BYTES:
        raise ValueError("too long to be one moment")
    text = content.decode("utf-8-sig").strip()
    return datetime.fromtimestamp(float(text), UTC) if _EPOCH.fullmatch(text) else parse_moment(text)
