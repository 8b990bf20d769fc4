"""
The listing of a bucket: pages of XML, read in constant memory, in key order or an error.

S3 lists in the order of the keys' UTF-8 bytes. Servers that keep keys as files list in the order of folders, so that `a/b` comes before `a-b`; such
a bucket is walked folder by folder and put in order on the way (`tree`). Either way the order is checked: keys that go back mean that a key could be
missing.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import unquote_plus
from xml.etree import ElementTree
from xml.parsers import expat

from drcheck.errors import Malformed
from drcheck.model import printable

EMPTY_PAGES = 1000
"""Pages in a row without a key, after which a listing that promises more is taken for endless."""

_HEAD = 4096
_DIGITS = 18
_ARCHIVED = frozenset({"GLACIER", "DEEPARCHIVE", "ARCHIVE", "COLDARCHIVE", "DEEPCOLDARCHIVE"})


class Listed(NamedTuple):
    """One key of a bucket, as it was listed."""

    key: str
    size: int
    modified: datetime | None
    etag: str
    storage_class: str


@dataclass(slots=True)
class Page:
    """One answer to ListObjectsV2."""

    keys: list[Listed] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    """Common prefixes, each ending with the delimiter."""
    truncated: bool = False
    token: str = ""


Fetch = Callable[[str, str, str], Page]
"""Given a prefix, a delimiter and a continuation token, the page."""


def archived(storage_class: str) -> bool:
    """Whether objects of this class cannot be read without a restore job (of AWS, and of the servers that use its words)."""
    return storage_class.upper().replace("_", "") in _ARCHIVED


def in_bytes(key: str) -> bytes:
    """The bytes that keys are ordered by."""
    return key.encode("utf-8", "surrogateescape")


def flat(fetch: Fetch, prefix: str) -> Iterator[Listed]:
    """Every key that begins with `prefix`, as the server orders them. Raises ConnectorError."""
    for page in _pages(fetch, prefix, ""):
        yield from page.keys


def tree(fetch: Fetch, prefix: str) -> Iterator[Listed]:
    """Every key that begins with `prefix` (a folder, or empty), put in key order from a server that orders by folders. Raises ConnectorError."""
    levels = [_Level(fetch, prefix)]
    while levels:
        found = levels[-1].next()
        if found is None:
            levels.pop()
        elif isinstance(found, Listed):
            yield found
        else:
            levels.append(_Level(fetch, found))


def in_order(listed: Iterable[Listed]) -> Iterator[Listed]:
    """The same, checked: each key after the one before it. Raises Malformed."""
    last = ""
    for one in listed:
        key = one.key
        # Texts without escaped bytes are ordered as their UTF-8 bytes are.
        ordered = last < key if last.isascii() and key.isascii() else in_bytes(last) < in_bytes(key)
        if not ordered:
            raise Malformed(
                f'the server does not list in key order: "{printable(key)}" came after "{printable(last)}"; '
                'set listing = "tree" in the options of this target'
            )
        last = key
        yield one


class _Level:
    """One folder of a tree: its names, and the folders that wait for names which come before their content (`b-x` before `b/`)."""

    def __init__(self, fetch: Fetch, prefix: str) -> None:
        self._names = self._all(fetch, prefix)
        self._ahead: Listed | str | None = next(self._names, None)
        self._waiting: list[tuple[bytes, str]] = []

    @staticmethod
    def _all(fetch: Fetch, prefix: str) -> Iterator[Listed | str]:
        for page in _pages(fetch, prefix, "/"):
            for folder in page.folders:
                if not folder.endswith("/") or len(folder) <= len(prefix):
                    raise Malformed(f'the listing of "{printable(prefix)}" has the folder "{printable(folder)}", which is not below it')
            names: list[Listed | str] = [*page.keys, *page.folders]
            yield from sorted(names, key=_bare)

    def next(self) -> Listed | str | None:
        """The next key, or the next folder to go into; None at the end."""
        while self._ahead is not None:
            if self._waiting and self._waiting[0][0] < _bare(self._ahead):
                break
            found, self._ahead = self._ahead, next(self._names, None)
            if isinstance(found, Listed):
                return found
            heapq.heappush(self._waiting, (in_bytes(found), found))
        return heapq.heappop(self._waiting)[1] if self._waiting else None


def _bare(one: Listed | str) -> bytes:
    return in_bytes(one.key) if isinstance(one, Listed) else in_bytes(one)[:-1]


def _pages(fetch: Fetch, prefix: str, delimiter: str) -> Iterator[Page]:
    token, empty = "", 0
    while True:
        page = fetch(prefix, delimiter, token)
        for name in (*(one.key for one in page.keys), *page.folders):
            if not name.startswith(prefix):
                raise Malformed(f'the listing of "{printable(prefix)}" has "{printable(name)}", which does not begin with it')
        yield page
        if not page.truncated:
            return
        if not page.token or page.token == token:
            raise Malformed(f'the listing of "{printable(prefix)}" says that there is more, and not where: it has no end')
        empty = 0 if page.keys or page.folders else empty + 1
        if empty >= EMPTY_PAGES:
            raise Malformed(f'the listing of "{printable(prefix)}" had {EMPTY_PAGES} empty pages and promises more: it has no end')
        token = page.token


# XML


def root_element(body: bytes) -> str:
    """The name of a document's root element, without its name space; little more is read. Raises Malformed for what is no XML or has a DTD."""
    found: list[str] = []

    def start(name: str, _: dict[str, str]) -> None:
        if not found:
            found.append(_local(name))

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_dtd
    parser.StartElementHandler = start
    try:
        parser.Parse(body[:_HEAD], len(body) <= _HEAD)
    except expat.ExpatError as error:
        raise Malformed(f"the answer is not XML ({expat.errors.messages[error.code]})") from None
    except (LookupError, ValueError):
        raise Malformed("the answer is XML in an encoding that cannot be read") from None
    if not found:
        raise Malformed("the answer is not XML (it does not begin with an element)")
    return found[0]


def parse_page(body: bytes) -> Page:
    """The content of one `ListBucketResult`. Raises Malformed."""
    root_element(body)  # which refuses what could define entities
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - no DTD, so no entities
    except ElementTree.ParseError as error:
        raise Malformed(f"the answer is not XML ({expat.errors.messages[error.code]})") from None
    except (LookupError, ValueError):
        raise Malformed("the answer is XML in an encoding that cannot be read") from None
    names = _Names()
    outer: dict[str, str] = {}
    found: list[tuple[str, dict[str, str]]] = []
    for element in root:
        name = names[element.tag]
        if name in ("Contents", "CommonPrefixes"):
            found.append((name, {names[inner.tag]: inner.text or "" for inner in element}))
        else:
            outer[name] = (element.text or "").strip()
    page = Page(truncated=outer.get("IsTruncated") == "true", token=outer.get("NextContinuationToken", ""))
    encoded = outer.get("EncodingType") == "url"
    for kind, given in found:
        key = given.get("Prefix" if kind == "CommonPrefixes" else "Key")
        if not key:
            raise Malformed("the listing has an entry without a name")
        if encoded:
            # Many servers write every slash so, and a whole decoding takes ten times as long. A slash is no part of another escape.
            key = key.replace("%2F", "/")
            if "%" in key or "+" in key:
                key = unquote_plus(key, errors="surrogateescape")
        if kind == "CommonPrefixes":
            page.folders.append(key)
        else:
            page.keys.append(_listed(key, given))
    return page


def _refuse_dtd(*_: object) -> None:
    raise Malformed("the answer holds a document type declaration, which S3 never sends")


class _Names(dict[str, str]):
    """The names without their namespace of the elements of a page: few, and asked for often."""

    def __missing__(self, name: str) -> str:
        self[name] = local = _local(name)
        return local


def _local(name: str) -> str:
    """The name of an element without its namespace, however that is written."""
    return name.rpartition("}")[2].rpartition(":")[2]


def _listed(key: str, inner: dict[str, str]) -> Listed:
    return read_entry(key, inner.get("Size", ""), inner.get("LastModified", ""), inner.get("ETag", ""), inner.get("StorageClass", ""))


def read_entry(key: str, size: str, modified: str, etag: str, storage_class: str) -> Listed:
    """One key with the words that S3 writes about it. Raises Malformed where its size or time is none."""
    size, modified = size.strip(), modified.strip()
    if not (size.isascii() and size.isdigit()) or len(size) > _DIGITS:
        raise Malformed(f'the listing gives "{printable(key)}" no size')
    try:
        moment = datetime.fromisoformat(modified) if modified else None
        if moment is not None and moment.tzinfo is not UTC:
            moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # the latter where only the move to UTC leaves the calendar
        raise Malformed(f'the listing gives "{printable(key)}" the time "{printable(modified)}", which is none') from None
    return Listed(key, int(size), moment, etag.strip(), storage_class.strip())
