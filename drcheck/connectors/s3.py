"""A bucket of Amazon S3, or of a server that speaks its language."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from drcheck.clock import Deadline, now
from drcheck.connectors import s3_bucket, s3_stored
from drcheck.connectors.asking import ask_many
from drcheck.connectors.base import CallLog, Connector, Entry, Options, Stored, attempt
from drcheck.connectors.s3_client import ALLOWED, HANDSHAKE, S3Client
from drcheck.connectors.s3_computed import ComputedReports
from drcheck.connectors.s3_inventory import Inventory
from drcheck.connectors.s3_listing import Fetch, Listed, Page, archived, flat, in_order, tree
from drcheck.connectors.s3_one import check_answer, is_path, sendable
from drcheck.connectors.s3_options import S3Options
from drcheck.connectors.s3_policy import least_privilege_policy
from drcheck.connectors.s3_session import CONNECT_SECONDS, READ_SECONDS
from drcheck.digests import Digests
from drcheck.errors import AccessDenied, ConnectorError, InProgress, Malformed, NotThere, Unreachable, Unsupported
from drcheck.model import Encryption, Identity, Observed, Permissions, Protection, Versions, printable
from drcheck.model.stored import StoredChecksum
from drcheck.secrets import SecretResolver

if TYPE_CHECKING:
    from drcheck.connectors.s3_jobs import Doubt
    from drcheck.connectors.s3_readers import Readers

__all__ = ["S3Connector", "S3Options", "least_privilege_policy"]

log = logging.getLogger(__name__)

CHUNK = 2**20
"""Bytes that a read gives at a time."""

_ARCHIVE_TIERS = frozenset({"ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS"})
_PLAIN_ETAG = re.compile(r"[0-9A-Za-z_.+/=-]{1,128}", re.ASCII)


class S3Connector(Connector):
    """
    Read-only access to one bucket, or to one folder of it.

    Attributes:
        client: the open client; None while closed.
        placeholders: how many empty keys that end with a slash were passed over in listings. Tools make them to show a folder.
    """

    kind = "s3"
    options_class = S3Options
    allowed_calls = frozenset({*ALLOWED, HANDSHAKE})
    keeps_checksums = True
    page_size: ClassVar[int] = 1000
    """Keys that are asked for at a time. S3 gives no more than 1000."""

    options: S3Options

    def __init__(self, options: Options, *, secrets: SecretResolver, deadline: Deadline, calls: CallLog) -> None:
        if not isinstance(options, S3Options):
            raise TypeError("the s3 connector needs S3Options")
        super().__init__(options, secrets=secrets, deadline=deadline, calls=calls)
        self.client: S3Client | None = None
        self.placeholders = 0
        self._inventory: Inventory | None = None
        self._computed: ComputedReports | None = None

    @classmethod
    def address(cls, options: Mapping[str, object]) -> str:
        """The bucket, the folder in it and the server, such as `s3://backups/nightly at s3.example.org`."""
        where = str(options.get("endpoint") or "").partition("://")[2].rpartition("@")[2].rstrip("/") or "aws"
        folder = str(options.get("prefix") or "").strip("/")
        return f"s3://{options.get('bucket', '')}{'/' + folder if folder else ''} at {where}"

    @classmethod
    def requests_for(cls, size: int) -> Mapping[str, int]:
        from drcheck.connectors.s3_readers import LARGE, PART

        return {"get": -(-size // PART) if size >= LARGE else 1}

    def open(self) -> None:
        """
        Resolve credentials and ask for the first key.

        An identity that may not list can still be allowed to read, so that refusal is left to the listing; so is one because of our clock,
        which `clock_skew` explains.
        """
        from drcheck.connectors.s3_errors import CredentialsRefused

        self.close()
        self.client = S3Client(self.options, secrets=self.secrets, deadline=self.deadline, calls=self.calls)
        try:
            self.client.page(self.options.root, size=1)
        except CredentialsRefused:
            raise
        except AccessDenied as refusal:
            log.info("%s: %s", self.calls.target, refusal)
        s3_bucket.check_owner(self.client)
        self.client.alive = lambda: self.pace.add()  # whichever is set by then
        if (place := self.options.folder(self.options.inventory)) is not None:
            self._inventory = Inventory(self.client, place, root=self.options.root, max_age=self.options.inventory_max_age)
        if (place := self.options.folder(self.options.checksum_reports)) is not None:
            self._computed = ComputedReports(self.client, place, root=self.options.root, max_age=self.options.checksum_reports_max_age)

    def close(self) -> None:
        for reports in (self._inventory, self._computed):
            if reports is not None:
                reports.close()
        self._inventory = self._computed = None
        if self.client is not None:
            self.client.close()
            self.client = None

    def list(self, prefix: str = "") -> Iterator[Entry]:
        asked = self.options.root + prefix
        for listed in in_order(self._below(asked, whole=not prefix)):
            if listed.key.endswith("/") and listed.size == 0:
                self.placeholders += 1
                continue
            if len(listed.key) <= len(self.options.root):
                raise Malformed(f'the key "{printable(listed.key)}" is an object with content and the root of this target; choose another prefix')
            yield self._entry(listed)

    def stat(self, key: str) -> Entry:
        return self._head(key)[0]

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        entry, head = self._head(key)
        if entry.archived:
            raise Unsupported(f'"{printable(key)}" is in an archived storage class ({head.get("StorageClass")}), which is never read')
        wanted = max(0, entry.size - start) if length is None else max(0, min(entry.size - start, length))
        ranged = start > 0 or length is not None
        if ranged and wanted == 0:
            return
        answer = self._get(key, head, f"bytes={start}-{start + wanted - 1}" if ranged else None)
        body = answer["Body"]
        try:
            check_answer(key, answer, head, wanted, ranged)
            yield from self._chunks(key, body, head, wanted)
        finally:
            body.close()

    def digests(self, wanted: Iterable[tuple[Entry, Collection[str]]]) -> Iterator[tuple[Entry, Digests | ConnectorError]]:
        readers = self._readers()
        if readers is None:
            yield from super().digests(wanted)
            return
        source, drawn, ended = iter(wanted), True, None
        try:
            while drawn or readers.waiting:
                if drawn and readers.room():
                    try:
                        entry, algorithms = next(source)
                    except StopIteration:
                        drawn = False
                    except ConnectorError as error:
                        drawn, ended = False, error  # what is being read gets its answer first
                    else:
                        if not self._is_plain(entry) or not _put(readers, entry, algorithms):
                            yield from super().digests([(entry, algorithms)])
                else:
                    yield self._settled(*readers.get())
        finally:
            readers.close()
        if ended is not None:
            raise ended

    def stored_checksums(self, entry: Entry) -> tuple[StoredChecksum, ...]:
        now_there, head = self._head(entry.key, ChecksumMode="ENABLED")
        if now_there.size != entry.size or (entry.version and now_there.version != entry.version):
            raise InProgress(f'asking for the checksums of "{printable(entry.key)}": it was replaced after it was listed')
        client = self._open()
        return s3_stored.with_parts(client, self.options.root + entry.key, s3_stored.from_head(head, aws=self.options.aws))

    def stored(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Stored | ConnectorError]]:
        if self._computed is not None:
            try:
                self._computed.load()
            except ConnectorError as error:
                log.warning("%s: %s; no checksum report is used", self.calls.target, error)
        return ask_many(entries, self._stored, threads=self.options.connections, deadline=self.deadline)

    def _stored(self, entry: Entry) -> Stored:
        kept = self.stored_checksums(entry)
        return Stored(kept, self._computed.of(self.options.root + entry.key, entry.version) if self._computed is not None else ())

    def listed_at(self) -> datetime | None:
        return None if self._inventory is None else self._inventory.made_at()

    def identity(self) -> Identity:
        return s3_bucket.identity(self._open())

    def protection(self, key: str | None = None) -> Protection:
        if key is None:
            return s3_bucket.protection(self._open())
        return s3_bucket.lock_of(self._open(), self._head(key)[1], now())

    def encryption(self) -> Encryption:
        return s3_bucket.encryption(self._open())

    def versions(self) -> Versions:
        return s3_bucket.versions(self._open())

    def permissions(self) -> Permissions:
        return s3_bucket.permissions(self._open())

    def clock_skew(self) -> float:
        return s3_bucket.clock_skew(self._open())

    def _open(self) -> S3Client:
        if self.client is None:
            raise Unreachable(f"bucket {self.options.bucket} is not open")
        return self.client

    # Listing

    def _fetch(self) -> Fetch:
        client = self._open()

        def fetch(prefix: str, delimiter: str, token: str) -> Page:
            self.deadline.check()
            return client.page(sendable(prefix), delimiter=delimiter, token=token, size=self.page_size)

        return fetch

    def _below(self, asked: str, *, whole: bool) -> Iterator[Listed]:
        if self._inventory is not None:
            named = not whole and not asked.endswith("/")
            if not named or (first := next(self._inventory.below(asked), None)) is None or first.key != asked:
                yield from self._inventory.below(f"{asked}/" if named else asked)
                return
            # One object by its name, as when it is asked whether it is still there: the server knows, and the report does not.
        fetch = self._fetch()
        if not whole and not asked.endswith("/"):
            # Of all keys that begin with it, the object of this name comes first; what else begins so (`a/b-c`) is not meant.
            page = self._open().page(sendable(asked), size=1)
            yield from (one for one in page.keys[:1] if one.key == asked)
            asked += "/"
        yield from tree(fetch, asked) if self._by_folders() else flat(fetch, asked)

    def _by_folders(self) -> bool:
        """Whether the server keeps keys as paths, and so lists in the order of folders."""
        if self.options.listing == "auto":
            return self._open().server.startswith("SeaweedFS")
        return self.options.listing == "tree"

    def _entry(self, listed: Listed) -> Entry:
        return Entry(
            key=listed.key[len(self.options.root) :],
            size=listed.size,
            modified=listed.modified,
            version=listed.etag.strip('"'),
            archived=archived(listed.storage_class),
        )

    # One object

    def _head(self, key: str, **parameters: Any) -> tuple[Entry, dict[str, Any]]:
        """One object's entry, and the answer to HeadObject that it comes from."""
        whole = sendable(self.options.root + key)
        if not key:
            raise NotThere("an object has a name; this one is empty")
        if "\0" in key:
            raise NotThere(f'"{printable(key)}": no S3 key holds a NUL character')
        if is_path(whole) and (self._by_folders() or self._listed_now(whole) is None):
            # Servers that keep keys as paths tidy such names up, some in listings too, and would answer with another object.
            raise NotThere(f'"{printable(key)}": there is no such object in bucket {self.options.bucket}')
        try:
            head = self._open().ask("HeadObject", f'asking for "{printable(key)}"', Key=whole, **parameters) or {}
        except (NotThere, AccessDenied) as refusal:
            raise self._refusal(key, whole, refusal) from None
        size, modified, etag = head.get("ContentLength"), head.get("LastModified"), str(head.get("ETag") or "")
        if not isinstance(size, int) or (modified is None and not etag):
            raise Malformed(f'asking for "{printable(key)}": the answer has no size, or neither time nor ETag')
        cold = archived(str(head.get("StorageClass") or "")) or head.get("ArchiveStatus") in _ARCHIVE_TIERS
        return Entry(key, size, modified.astimezone(UTC) if modified else None, etag.strip('"'), cold), head

    def _listed_now(self, whole: str) -> Listed | None:
        """What a listing says of one key now; None where it is not listed."""
        page = self._open().page(whole, size=1)
        return next((one for one in page.keys if one.key == whole), None)

    def _refusal(self, key: str, whole: str, refusal: ConnectorError) -> ConnectorError:
        """Why HeadObject did not answer: it cannot tell a missing object from a forbidden one, or a missing bucket. The listing can."""
        try:
            listed = self._listed_now(whole) is not None
        except AccessDenied:
            return refusal
        if listed and isinstance(refusal, NotThere):
            return InProgress(f'"{printable(key)}" is listed, and is not there when asked for: it is changing, or the server mistakes its name')
        if not listed:
            return NotThere(f'"{printable(key)}": there is no such object in bucket {self.options.bucket}')
        return refusal

    # Many objects

    def _readers(self) -> Readers | None:
        """Threads that read many objects; None where only boto3 can ask as boto3 does."""
        from drcheck.connectors.s3_readers import Readers
        from drcheck.connectors.s3_wire import Dialler

        client = self._open()
        pattern = client.pattern()
        if pattern is None:
            return None
        dialler = Dialler(pattern.url, client.clients.verify, CONNECT_SECONDS)
        if not dialler.possible():
            return None
        return Readers(
            pattern,
            dialler,
            root=self.options.root,
            most=self.options.connections,
            seconds=READ_SECONDS,
            deadline=self.deadline,
            pace=self.pace,
            record=lambda name: client.record("s3:GetObject", f"/{self.options.bucket}/{name}"),
        )

    def _is_plain(self, entry: Entry) -> bool:
        """Whether an object can be asked for without asking about it first."""
        whole = self.options.root + entry.key
        try:
            whole.encode()
        except UnicodeEncodeError:
            return False
        return bool(_PLAIN_ETAG.fullmatch(entry.version)) and bool(entry.key) and "\0" not in whole and not entry.archived and not is_path(whole)

    def _settled(
        self, entry: Entry, algorithms: Collection[str], outcome: Digests | ConnectorError | Doubt
    ) -> tuple[Entry, Digests | ConnectorError]:
        from drcheck.connectors.s3_jobs import Doubt

        if outcome is Doubt.REPLACED:
            fact = attempt(lambda: self._listed_now(self.options.root + entry.key))
            if isinstance(fact, Observed) and (fact.value is None or fact.value.etag.strip('"') != entry.version):
                return entry, InProgress(f'reading "{printable(entry.key)}": it was replaced after it was listed')
            outcome = Doubt.ODD  # the server does not name the same ETag in listings and answers
        if isinstance(outcome, Doubt):
            return next(super().digests([(entry, algorithms)]))
        return entry, outcome

    def _get(self, key: str, head: dict[str, Any], span: str | None) -> dict[str, Any]:
        etag = str(head.get("ETag") or "")
        answer = self._open().ask(
            "GetObject",
            f'reading "{printable(key)}"',
            Key=self.options.root + key,
            Range=span,
            # A weak ETag matches nothing.
            IfMatch=etag if etag.startswith('"') else None,
        )
        if answer is None:
            raise Malformed(f'reading "{printable(key)}": no answer')
        return answer

    def _chunks(self, key: str, body: Any, head: dict[str, Any], wanted: int) -> Iterator[bytes]:
        from botocore.exceptions import IncompleteReadError, ResponseStreamingError

        from drcheck.connectors.s3_errors import RAISED

        seen, step = 0, self.pace.portion(CHUNK)
        while seen < wanted:
            self.deadline.check()
            count = min(step, wanted - seen)
            self.pace.hold(count, self.deadline)
            try:
                chunk = body.read(count)
            except (IncompleteReadError, ResponseStreamingError):
                chunk = b""
            except RAISED as error:
                raise self._open().explain(error, f'reading "{printable(key)}"') from None
            if not chunk:
                raise self._early_end(key, head, seen, wanted)
            seen += len(chunk)
            self.pace.add(len(chunk))
            yield chunk
        if body.read(1):
            raise InProgress(f'reading "{printable(key)}": it holds more than the {wanted} bytes that were offered')

    def _early_end(self, key: str, head: dict[str, Any], seen: int, wanted: int) -> ConnectorError:
        try:
            changed = self._head(key)[1].get("ETag") != head.get("ETag")
        except ConnectorError:
            changed = False
        ended = f'reading "{printable(key)}": it ended after {seen} of {wanted} bytes'
        return InProgress(f"{ended}, because it was replaced") if changed else Unreachable(ended)


def _put(readers: Readers, entry: Entry, algorithms: Collection[str]) -> bool:
    """Whether the readers take an object: not with an algorithm that cannot be computed here."""
    try:
        readers.put(entry, algorithms)
    except ValueError:
        return False
    return True
