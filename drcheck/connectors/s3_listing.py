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
from xml.parsers import expat

from drcheck.errors import Malformed
from drcheck.model import printable

EMPTY_PAGES = 1000
"""Pages in a row without a key, after which a listing that promises more is taken for endless."""

_HEAD = 4096
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
    last = None
    for one in listed:
        name = in_bytes(one.key)
        if last is not None and name <= last:
            raise Malformed(
                f'the server does not list in key order: "{printable(one.key)}" came after "{printable(last.decode("utf-8", "surrogateescape"))}"; '
                'set listing = "tree" in the options of this target'
            )
        last = name
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

    _parse(body[:_HEAD], start, whole=len(body) <= _HEAD)
    if not found:
        raise Malformed("the answer is not XML (it does not begin with an element)")
    return found[0]


def parse_page(body: bytes) -> Page:
    """The content of one `ListBucketResult`. Raises Malformed."""
    reader = _PageReader()
    _parse(body, reader.start, reader.end, reader.text)
    return reader.page()


def _parse(
    body: bytes,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
    *,
    whole: bool = True,
) -> None:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_dtd
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    try:
        parser.Parse(body, whole)
    except expat.ExpatError as error:
        raise Malformed(f"the answer is not XML ({expat.errors.messages[error.code]})") from None


def _refuse_dtd(*_: object) -> None:
    raise Malformed("the answer holds a document type declaration, which S3 never sends")


def _local(name: str) -> str:
    return name.rpartition(":")[2]


class _PageReader:
    """Collects what is wanted of a page while expat reads it."""

    def __init__(self) -> None:
        self._depth = 0
        self._text: list[str] = []
        self._outer: dict[str, str] = {}
        self._inner: dict[str, str] = {}
        self._found: list[tuple[str, dict[str, str]]] = []

    def start(self, _name: str, _attributes: dict[str, str]) -> None:
        self._depth += 1
        self._text.clear()
        if self._depth == 2:
            self._inner = {}

    def text(self, text: str) -> None:
        self._text.append(text)

    def end(self, name: str) -> None:
        if self._depth == 3:
            self._inner[_local(name)] = "".join(self._text)
        elif self._depth == 2:
            if name.endswith(("Contents", "CommonPrefixes")):
                self._found.append((_local(name), self._inner))
            else:
                self._outer[_local(name)] = "".join(self._text)
        self._text.clear()
        self._depth -= 1

    def page(self) -> Page:
        encoded = self._outer.get("EncodingType", "").strip() == "url"
        page = Page(truncated=self._outer.get("IsTruncated", "").strip() == "true", token=self._outer.get("NextContinuationToken", "").strip())
        for kind, inner in self._found:
            name = inner.get("Prefix" if kind == "CommonPrefixes" else "Key")
            if not name:
                raise Malformed("the listing has an entry without a name")
            if encoded:
                name = unquote_plus(name, errors="surrogateescape")
            if kind == "CommonPrefixes":
                page.folders.append(name)
            else:
                page.keys.append(_listed(name, inner))
        return page


def _listed(key: str, inner: dict[str, str]) -> Listed:
    size, modified = inner.get("Size", "").strip(), inner.get("LastModified", "").strip()
    if not (size.isascii() and size.isdigit()):
        raise Malformed(f'the listing gives "{printable(key)}" no size')
    try:
        moment = datetime.fromisoformat(modified) if modified else None
    except ValueError:
        raise Malformed(f'the listing gives "{printable(key)}" the time "{printable(modified)}", which is none') from None
    if moment is not None:
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return Listed(key, int(size), moment, inner.get("ETag", "").strip(), inner.get("StorageClass", "").strip())
