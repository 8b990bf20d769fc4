"""
The chain of an organisation's assessments: each night is a link that names the digests of its papers and of the link before.

A link is small and stays when its papers are pruned, so that the chain can still be followed; an altered, missing or exchanged night breaks it.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from drcheck.canonical import canonical_json, digest_bytes
from drcheck.clock import format_moment, parse_moment
from drcheck.model.names import printable

SCHEMA = "drcheck.link/1"
RECORD = "record.json"
"""The paper that holds the whole assessment, see `drcheck.record`."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Content that can be large, compressed, with its digest."""

    digest: str
    """`sha256:…` of the content."""
    compressed: bytes
    """zlib's form (RFC 1950)."""

    @property
    def content(self) -> bytes:
        """The content itself."""
        return zlib.decompress(self.compressed)


def packed(parts: Iterable[bytes]) -> Packed:
    """Content that comes in parts, which are not held as a whole."""
    digest, compressor, compressed = hashlib.sha256(), zlib.compressobj(), []
    for part in parts:
        digest.update(part)
        compressed.append(compressor.compress(part))
    return Packed(f"sha256:{digest.hexdigest()}", b"".join([*compressed, compressor.flush()]))


class Paper:
    """
    One file that belongs to an assessment for good.

    Attributes:
        name: relative, parts joined by `/`; ASCII.
        plain: its content.
        nameless: the same with the names of objects hashed; None where it holds none, so that both are one.
    """

    def __init__(self, name: str, content: bytes | Packed, hashed: bytes | Packed | None = None) -> None:
        self.name = name
        self.plain = packed([content]) if isinstance(content, bytes) else content
        self.nameless = packed([hashed]) if isinstance(hashed, bytes) else hashed

    @property
    def content(self) -> bytes:
        """Its content."""
        return self.plain.content

    @property
    def hashed(self) -> bytes | None:
        """The same with the names of objects hashed; None where it holds none."""
        return None if self.nameless is None else self.nameless.content


@dataclass(frozen=True, slots=True)
class Link:
    """One assessment's place in the chain."""

    organisation: str
    number: int
    """Counts up from 1 in the organisation, without a gap."""
    run: str
    started: datetime
    """UTC, to the second."""
    reference: datetime
    as_of: bool
    exit_code: int
    papers: tuple[tuple[str, str], ...]
    """Name and digest (`sha256:…`) of each paper, sorted."""
    hashed: tuple[tuple[str, str], ...]
    """The same of the papers with names hashed."""
    previous: str
    """The digest of the link before; empty for the first."""

    def canonical(self) -> bytes:
        """The link in RFC 8785 form: what its digest is of."""
        return canonical_json(
            {
                "schema": SCHEMA,
                "organisation": self.organisation,
                "number": self.number,
                "run": self.run,
                "started": format_moment(self.started),
                "reference": format_moment(self.reference),
                "as_of": self.as_of,
                "exit_code": self.exit_code,
                "papers": dict(self.papers),
                "hashed": dict(self.hashed),
                "previous": self.previous,
            }
        )

    @property
    def digest(self) -> str:
        """`sha256:` and the hex digest of the canonical form."""
        return digest_bytes(self.canonical())


def unlinked(link: Link, before: Link | None) -> str:
    """Why `link` does not follow `before`, or where that is None is not the first of its chain, in words; empty where it does."""
    if before is None:
        first = (link.number, link.previous) == (1, "")
        return "" if first else f"is number {link.number} of its chain, and the nights before it are not there"
    if link.organisation != before.organisation:
        return f"is of {printable(link.organisation)}, and follows a night of {printable(before.organisation)}"
    if link.number != before.number + 1:
        return f"is number {link.number} of its chain, and follows number {before.number}"
    return "" if link.previous == before.digest else "does not follow the night before it: one of the two was altered or exchanged"


def link_from(content: bytes) -> Link:
    """
    The link that `content` holds.

    Raises:
        ValueError: it is no link in its one canonical form; the message says what is wrong.
    """
    try:
        document: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not JSON: {error}") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError(f"is no link of the schema {SCHEMA}")
    try:
        link = Link(
            organisation=_text(document, "organisation"),
            number=int(document["number"]),
            run=_text(document, "run"),
            started=parse_moment(_text(document, "started")),
            reference=parse_moment(_text(document, "reference")),
            as_of=bool(document["as_of"]),
            exit_code=int(document["exit_code"]),
            papers=_digests(document, "papers"),
            hashed=_digests(document, "hashed"),
            previous=_text(document, "previous"),
        )
        same = link.canonical() == content
    except KeyError as error:
        raise ValueError(f"has no {error.args[0]}") from None
    except (TypeError, OverflowError) as error:
        raise ValueError(str(error)) from None
    if not same:
        raise ValueError("is not in its one canonical form (RFC 8785), or holds what is no part of a link")
    return link


def _text(document: dict[str, Any], key: str) -> str:
    value = document[key]
    if not isinstance(value, str):
        raise ValueError(f"{key} is no text")
    return value


def _digests(document: dict[str, Any], key: str) -> tuple[tuple[str, str], ...]:
    value = document[key]
    if not isinstance(value, dict) or not all(isinstance(digest, str) for digest in value.values()):
        raise ValueError(f"{key} is no table of digests")
    return tuple(sorted(value.items()))
