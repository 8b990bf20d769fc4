"""
Promises held against the checksums that a place keeps with its objects, or computed itself: without egress, and for archived objects too.

No byte is read. A kept checksum that surely differs from a promise is a mismatch. One that agrees says that the upload was right, which is no match:
the object is still not read, and the detail says what agrees. A checksum that the place computed later by reading what it holds is its own word, as
where a server hashes files: a match by it is marked `there`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace

from drcheck.connectors.base import Connector, Entry, Stored
from drcheck.errors import ConnectorError, InProgress, NotThere, Unsupported
from drcheck.manifests.stored import Agreement, Compared, compare_stored
from drcheck.model import ObjectResult, ObjectVerdict, Reason
from drcheck.model.stored import Span, StoredChecksum
from drcheck.verify.compare import strength, verdict, wrong_size
from drcheck.verify.sources import CONNECTION
from drcheck.verify.wanted import Promised, Wanted

log = logging.getLogger(__name__)


def attributes(connector: Connector, wanted: Iterable[Wanted]) -> Iterator[tuple[Wanted, ObjectVerdict | None]]:
    """
    What the place says of the checksums of each object, compared with everything that is promised for it; None where nothing can be said.

    A verdict is one of
        MISMATCH: a stored or computed checksum surely differs, or the size does. `there` says that the place computed it. It was not read.
        MATCH: always `there`: a checksum that the place computed later is as promised, by the strongest kind of promise that there is.
        NOT_READ: a checksum that it keeps is as promised. This adds nothing to what reading proves: depth `attributes`.
        MISSING: it was listed, and the place answers that it is gone.

    Each object gets one answer, in any order; `wanted` is drawn from as room is made, so memory does not grow with it. On S3 an object costs one
    HeadObject (as many at once as `connections` says), one GetObjectAttributes more for a CRC of an upload in parts, and one ListObjectsV2 more where
    it is gone or refused. Checksum reports are read once a connector. No object is fetched.

    Raises the connector's error where the place is lost: at the second of its kind in a row.
    """
    waiting: dict[str, Wanted] = {}

    def entries() -> Iterator[Entry]:
        for one in wanted:
            connector.deadline.check()
            waiting[one.entry.key] = one
            yield one.entry

    lost = False
    for entry, answer in connector.stored(entries()):
        one = waiting.pop(entry.key)
        if isinstance(answer, ConnectorError) and Reason(answer.reason) in CONNECTION and not isinstance(answer, NotThere):
            if lost or connector.deadline.passed():
                raise answer
            lost = True
        else:
            lost = False
        yield one, _judged(one, answer)


def _judged(wanted: Wanted, answer: Stored | ConnectorError) -> ObjectVerdict | None:
    if isinstance(answer, NotThere):
        return verdict(wanted, ObjectResult.MISSING, detail="it was listed, and was gone when its checksums were asked for", size=0)
    if isinstance(answer, ConnectorError):
        if not isinstance(answer, Unsupported | InProgress):
            log.info("%s", answer)
        return None
    return wrong_size(wanted) or _kept_or_computed(wanted, answer)


def _kept_or_computed(wanted: Wanted, stored: Stored) -> ObjectVerdict | None:
    best = any(strength(promise)[0] for promise in wanted.promises)
    promises = sorted(wanted.promises, key=strength, reverse=True)
    computed = [(promise, _compared(promise, [one.checksum for one in stored.computed], wanted)) for promise in promises]
    kept = [(promise, _compared(promise, stored.kept, wanted)) for promise in promises]
    for there, found in ((True, computed), (False, kept)):
        for promise, compared in found:
            if compared.agreement is Agreement.DISAGREES:
                return replace(_told(wanted, ObjectResult.MISMATCH, promise, compared, there=there), kept=not there)
    for promise, compared in computed:
        if compared.agreement is Agreement.AGREES and strength(promise)[0] is best:
            return _told(wanted, ObjectResult.MATCH, promise, compared, there=True)
    for promise, compared in (*computed, *kept):
        if compared.agreement is Agreement.AGREES:
            return replace(_told(wanted, ObjectResult.NOT_READ, promise, compared, there=False), found=promise.digest, kept=True)
    return None


def _compared(promise: Promised, stored: Iterable[StoredChecksum], wanted: Wanted) -> Compared:
    return compare_stored(promise.algorithm, promise.digest, stored, size=wanted.entry.size)


def _told(wanted: Wanted, result: ObjectResult, promise: Promised, compared: Compared, *, there: bool) -> ObjectVerdict:
    stored = compared.stored
    detail = f"{compared.why} ({stored.origin})" if stored is not None and stored.origin not in compared.why else compared.why
    found = stored.digest if stored is not None and stored.span is Span.FULL else ""
    return verdict(wanted, result, promise, found=found, detail=detail, there=there)
