"""
The form of a pack: a BagIt 1.0 bag (RFC 8493) whose lists of digests have one way to be written.

    data/…                       what the pack holds, listed in manifest-sha256.txt
    manifest-sha256.txt, bag-info.txt, bagit.txt, README.txt, verify.sh, verify.ps1
                                 listed in tagmanifest-sha256.txt, which is what signatures are of
    signatures/, timestamps/     come after it; listed with it in SHA256SUMS, the outermost list

Every list has a line `digest, two spaces, path` for each file, sorted by path. Each reader of such lists lets something pass that the others do not,
such as digests in capitals; so whoever checks a pack refuses all but this one form.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from drcheck.errors import BadPack

SUMS = "SHA256SUMS"
MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
INFO = "bag-info.txt"
DECLARATION = "bagit.txt"
PAYLOAD = "data/"
SIGNATURES = "signatures/"
TIMESTAMPS = "timestamps/"
VERSION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
LONGEST_NAME = 200
"""Characters of the longest path in a pack: within what Windows opens, and archives write plainly."""
_NAME = re.compile(r"[A-Za-z0-9_@][A-Za-z0-9._@-]*(?:/[A-Za-z0-9_@-][A-Za-z0-9._@-]*)*")
_LINE = re.compile(r"([0-9a-f]{64})  ([!-~]+)")


def check_name(name: str) -> str:
    """
    A path in a pack as it was given: letters, digits and `. _ @ -` in parts joined by `/`, none of which begins with a dot, nor the
    first with a dash: to programs that is an option, or what they are given as input.

    Raises:
        BadPack: it is another kind of path.
    """
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise BadPack(f"{name[:LONGEST_NAME]!a}: is no path that a pack has: letters, digits and . _ @ - in at most {LONGEST_NAME}")
    return name


def sums_of(digests: Mapping[str, str]) -> bytes:
    """The list of these digests (hex) by path."""
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode("ascii")


def read_sums(content: bytes, name: str) -> dict[str, str]:
    """
    The digests in a list, by path.

    Raises:
        BadPack: it is not in the one form that such a list has.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(content.decode("ascii", "replace").split("\n")[:-1], start=1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise BadPack(f"{name}: line {number}: is not 64 small hex digits, two spaces and a path")
        if check_name(match[2]) in found:
            raise BadPack(f"{name}: line {number}: {match[2]} is listed twice")
        found[match[2]] = match[1]
    if sums_of(found) != content:
        raise BadPack(f"{name}: is not sorted, or does not end with a line end")
    return found


def read_info(content: bytes) -> dict[str, str]:
    """
    What bag-info.txt says, by label.

    Raises:
        BadPack: a line is no `Label: value`, or a label is there twice.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(content.decode("utf-8", "replace").removesuffix("\n").split("\n"), start=1):
        label, colon, value = line.partition(": ")
        if not colon or label in found:
            raise BadPack(f"{INFO}: line {number}: is not `Label: value` with a label of its own")
        found[label] = value
    return found


class BagWriter:
    """Writes a bag into an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._payload: dict[str, str] = {}
        self._octets = 0

    def add(self, name: str, chunks: Iterable[bytes]) -> None:
        """Add a file below `data/`, written as its bytes come."""
        digest, size = _write(self.folder / check_name(PAYLOAD + name), chunks)
        self._payload[PAYLOAD + name] = digest
        self._octets += size

    def finish(self, info: Mapping[str, str], tags: Mapping[str, bytes]) -> bytes:
        """
        Write every list and what says what this is; returns the tag manifest, which is what is signed.

        Args:
            info: the lines of bag-info.txt, to which the size is added; values are one line each.
            tags: other files beside `data/`, by name.
        """
        lines = [*info.items(), ("Payload-Oxum", f"{self._octets}.{len(self._payload)}")]
        files = {
            DECLARATION: VERSION,
            INFO: "".join(f"{label}: {value}\n" for label, value in lines).encode(),
            MANIFEST: sums_of(self._payload),
            **tags,
        }
        digests = {check_name(name): _write(self.folder / name, (content,))[0] for name, content in files.items()}
        tag_manifest = sums_of(digests)
        _write(self.folder / TAG_MANIFEST, (tag_manifest,))
        self.add_outside({})
        return tag_manifest

    def add_outside(self, files: Mapping[str, bytes]) -> None:
        """Add signatures and time stamps, and write the outermost list again."""
        for name, content in files.items():
            _write(self.folder / outside_name(name), (content,))
        outside = {name: digest_of(self.folder / name) for name in (TAG_MANIFEST, *files)}
        _write(self.folder / SUMS, (sums_of(outside),))


def outside_name(name: str) -> str:
    """
    The path of a file that is added once a pack is finished.

    Raises:
        BadPack: it is neither a signature's nor a time stamp's.
    """
    if not check_name(name).startswith((SIGNATURES, TIMESTAMPS)):
        raise BadPack(f"{name}: only {SIGNATURES} and {TIMESTAMPS} can be added to once a pack is finished")
    return name


def digest_of(file: Path) -> str:
    """The SHA-256 of a file, hex."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _write(file: Path, chunks: Iterable[bytes]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as opened:
        for chunk in chunks:
            opened.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size
