"""
Bags: RFC 8493 (BagIt 1.0) and the drafts before it (0.93 to 0.97).

A bag is a folder with `bagit.txt`, payload below `data/`, payload manifests, and often tag manifests, `bag-info.txt` and `fetch.txt`. It is
*complete* when every promised file is there and none besides in `data/`, and *valid* when the checksums match too (section 3). These readers
understand the files; `drcheck.verify.bags` holds them against what is there.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from drcheck.errors import ManifestError
from drcheck.manifests.base import LARGEST, LONGEST_LINE, Promise, digits_of, error, insist_on_blake3, known_algorithm, relative
from drcheck.model import printable

DECLARATION = "bagit.txt"
FETCH = "fetch.txt"
PAYLOAD = "data/"

_MANIFEST = re.compile(r"(tag)?manifest-([A-Za-z0-9_-]+)\.txt")
_LINE = re.compile(r"([0-9A-Fa-f]+)[ \t]+\*?(.+)")
_FETCH = re.compile(r"(\S+)[ \t]+(\d{1,19}|-)[ \t]+(.+)", re.ASCII)
_OXUM = re.compile(r"(\d{1,19})\.(\d{1,19})", re.ASCII)
_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})", re.ASCII)
_ENCODINGS = re.compile(r"utf-(8|16|32)(-le|-be)?|ascii|iso8859-\d+|cp\d+")
_ENCODED = re.compile(r"%(0[Aa]|0[Dd]|25)")
_AGAIN = "make the bag again with a tool that follows RFC 8493"


@dataclass(frozen=True, slots=True)
class Declaration:
    """What `bagit.txt` says."""

    version: tuple[int, int] = (1, 0)
    encoding: str = "utf-8"
    """Of the bag's other tag files and manifests."""

    @property
    def info(self) -> str:
        """The name of the file with the bag's own description."""
        return "package-info.txt" if self.version <= (0, 95) else "bag-info.txt"


@dataclass(frozen=True, slots=True)
class Oxum:
    """`Payload-Oxum`: how much payload there should be."""

    octets: int
    """Bytes."""
    files: int


def is_bag_file(name: str) -> bool:
    """Whether a file at the top of a bag is one of those that make it a bag."""
    return name in (DECLARATION, FETCH, "bag-info.txt", "package-info.txt") or _MANIFEST.fullmatch(name) is not None


def manifest_of(name: str) -> tuple[bool, str] | None:
    """
    Whether a file called `name` is a tag manifest (else a payload manifest), and its algorithm; None where it is no manifest.

    Raises:
        ManifestError: the algorithm is unknown, so what it promises cannot be checked.
    """
    match = _MANIFEST.fullmatch(name)
    if match is None:
        return None
    algorithm = known_algorithm(match[2])
    if not algorithm:
        raise ManifestError(f"{printable(name)}: the algorithm {printable(match[2])} is unknown, so what it promises cannot be checked; {_AGAIN}")
    if algorithm == "blake3":
        insist_on_blake3(name)
    return match[1] is not None, algorithm


def read_declaration(chunks: Iterable[bytes], file: str) -> Declaration:
    """
    What `bagit.txt` says (RFC 8493, 2.1.1).

    Raises:
        ManifestError: it has a byte-order mark, lacks a line, or names a version or encoding that cannot be read.
    """
    content = b"".join(_bounded(chunks, file, LONGEST_LINE))
    if content.startswith(codecs.BOM_UTF8):
        raise ManifestError(f"{printable(file)}: begins with a byte-order mark, which RFC 8493 forbids; remove it")
    tags = dict(_tags([content], file, "utf-8"))
    version = _VERSION.fullmatch(tags.get("bagit-version", ""))
    if version is None:
        raise ManifestError(f"{printable(file)}: says no BagIt-Version such as 1.0; {_AGAIN}")
    number = (int(version[1]), int(version[2]))
    if not (0, 93) <= number < (2, 0):
        raise ManifestError(f"{printable(file)}: BagIt {number[0]}.{number[1]} is not understood, only 0.93 to 1.x; {_AGAIN}")
    encoding = tags.get("tag-file-character-encoding", "")
    try:
        known = codecs.lookup(encoding).name
    except (LookupError, ValueError):
        known = ""
    if not _ENCODINGS.fullmatch(known):
        raise ManifestError(f'{printable(file)}: the encoding "{printable(encoding)}" is not understood; {_AGAIN}')
    return Declaration(number, known)


def read_oxum(chunks: Iterable[bytes], file: str, declaration: Declaration) -> Oxum | None:
    """
    The `Payload-Oxum` of `bag-info.txt` (RFC 8493, 2.2.2), the first where there are several; None where there is none.

    Raises:
        ManifestError: the file or that value is not understood.
    """
    for name, value in _tags(chunks, file, declaration.encoding):
        if name == "payload-oxum":
            match = _OXUM.fullmatch(value)
            if match is None:
                raise ManifestError(f'{printable(file)}: the Payload-Oxum "{printable(value)}" is not octets.files; {_AGAIN}')
            return Oxum(int(match[1]), int(match[2]))
    return None


def read_manifest(chunks: Iterable[bytes], file: str, algorithm: str, *, tag: bool, declaration: Declaration) -> Iterator[Promise]:
    """
    The promises of one payload or tag manifest (RFC 8493, 2.1.3 and 2.2.1), with names relative to the bag.

    Raises:
        ManifestError: a line is not understood, or its name is dangerous or on the wrong side of `data/`.
    """
    for number, line in _text_lines(chunks, file, declaration.encoding):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise error(file, number, "is not a digest and a name", _AGAIN)
        if len(match[1]) != digits_of(algorithm):
            raise error(file, number, f"a {algorithm} digest has {digits_of(algorithm)} digits, not {len(match[1])}", _AGAIN)
        spelt = _safe(match[2], file, number)
        name = _safe(_decoded(match[2], declaration), file, number)
        if name.startswith(PAYLOAD) is tag:
            side = "payload may not be in a tag manifest" if tag else f"only names below {PAYLOAD} may be in a payload manifest"
            raise error(file, number, f'the name "{printable(name)}" is misplaced: {side}', _AGAIN)
        yield Promise(name, algorithm, match[1].lower(), None, number, spelt if spelt != name else "")


def read_fetch(chunks: Iterable[bytes], file: str, declaration: Declaration) -> Iterator[str]:
    """
    The names in `fetch.txt` (RFC 8493, 2.2.3), relative to the bag. drcheck never fetches any.

    Raises:
        ManifestError: a line is not understood, or its name is dangerous or not payload.
    """
    for number, line in _text_lines(chunks, file, declaration.encoding):
        if not line.strip():
            continue
        match = _FETCH.fullmatch(line)
        if match is None:
            raise error(file, number, "is not an address, a length and a name", _AGAIN)
        name = _safe(_decoded(match[3], declaration), file, number)
        if not name.startswith(PAYLOAD):
            raise error(file, number, f'the name "{printable(name)}" is not below {PAYLOAD}', _AGAIN)
        yield name


def _decoded(name: str, declaration: Declaration) -> str:
    """RFC 8493, 2.1.3: LF, CR and `%` are percent-encoded, and nothing else is; before 1.0 `%` stood for itself."""
    last = declaration.version >= (1, 0)
    return _ENCODED.sub(lambda match: chr(int(match[1], 16)) if last or match[1] != "25" else match[0], name)


def _safe(name: str, file: str, number: int) -> str:
    if name.startswith("~") or re.match(r"data\\", name, re.IGNORECASE):
        raise error(file, number, f'the name "{printable(name)}" is dangerous: a home folder, or Windows separators', _AGAIN)
    return relative(name, file, number)


def _tags(chunks: Iterable[bytes], file: str, encoding: str) -> Iterator[tuple[str, str]]:
    """The `Name: value` pairs of a tag file in order, names in lower case, folded lines joined (RFC 8493, 2.2.2)."""
    name, value = "", ""
    for number, line in _text_lines(chunks, file, encoding):
        if not line.strip():
            continue
        if line[0] in " \t" and name:
            value = f"{value} {line.strip()}".lstrip()
            if len(value) > LONGEST_LINE:
                raise error(file, number, "the value is too long", _AGAIN)
            continue
        if name:
            yield name, value
        label, colon, value = line.partition(":")
        if not colon or not label.strip():
            raise error(file, number, "is not a name, a colon and a value", _AGAIN)
        name, value = label.strip().lower(), value.strip()
    if name:
        yield name, value


def _text_lines(chunks: Iterable[bytes], file: str, encoding: str) -> Iterator[tuple[int, str]]:
    """Numbered lines of text that end in LF, CR or CR LF, without a byte-order mark."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("strict"), translate=True)
    rest, number = "", 0
    for chunk in chain(_bounded(chunks, file, LARGEST), [None]):
        try:
            content = decoder.decode(chunk or b"", final=chunk is None)
        except UnicodeError:
            raise ManifestError(f"{printable(file)}: after line {number}: is not written in {encoding}, as the bag says; {_AGAIN}") from None
        if number == 0 and not rest:
            content = content.removeprefix("\ufeff")
        *whole, rest = (rest + content).split("\n")
        if max(map(len, (*whole, rest))) > LONGEST_LINE:
            raise ManifestError(f"{printable(file)}: has a line longer than {LONGEST_LINE} characters; {_AGAIN}")
        for line in whole:
            number += 1
            yield number, line
    if rest:
        yield number + 1, rest


def _bounded(chunks: Iterable[bytes], file: str, limit: int) -> Iterator[bytes]:
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > limit:
            raise ManifestError(f"{printable(file)}: is larger than {limit} bytes; {_AGAIN}")
        yield chunk
