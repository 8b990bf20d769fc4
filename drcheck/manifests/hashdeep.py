"""
hashdeep 1.0: a header that names the columns, then `size,digest,…,name`; `#` begins a comment.

The name comes last and is not quoted, so surplus commas belong to it. hashdeep writes absolute names unless told `-l`; those below the folder that
it was "Invoked from", which it notes in a comment, are taken as relative to that folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from drcheck.manifests.base import Promise, digits_of, error, lines, relative, text

MAGIC = b"%%%% HASHDEEP-1.0"
_COLUMNS = b"%%%% "
_FOLDER = b"## Invoked from: "
_KNOWN = frozenset({"md5", "sha1", "sha256"})
_AGAIN = "write it again with hashdeep -c md5,sha256"


def read(chunks: Iterable[bytes], file: str) -> Iterator[Promise]:
    """
    The promises of one hashdeep file, one for each digest of a line.

    Raises:
        ManifestError: the header or a line is not understood, or a column's algorithm cannot be computed here.
    """
    columns: list[str] = []
    folder = ""
    for number, line in lines(chunks, file):
        if number == 1:
            if line.rstrip() != MAGIC:
                raise error(file, number, "does not begin with the header of hashdeep 1.0", _AGAIN)
        elif line.rstrip() == MAGIC or not line:
            continue
        elif line.startswith(_COLUMNS):
            columns = _columns(line, file, number)
        elif line.startswith(b"#"):
            if line.startswith(_FOLDER):
                folder = text(line.removeprefix(_FOLDER)).rstrip("/")
        elif not columns:
            raise error(file, number, "the header with the columns is missing", _AGAIN)
        else:
            yield from _promises(line, columns, folder, file, number)


def _columns(line: bytes, file: str, number: int) -> list[str]:
    columns = text(line.removeprefix(_COLUMNS).rstrip()).split(",")
    algorithms = columns[1:-1]
    if columns[0] != "size" or columns[-1] != "filename" or not algorithms or len(set(algorithms)) != len(algorithms):
        raise error(file, number, "the columns are not size, digests, filename", _AGAIN)
    unknown = [name for name in algorithms if name not in _KNOWN]
    if unknown:
        # Promises that cannot be checked are not dropped: what rests on them would look verified.
        raise error(file, number, f"the digest {unknown[0]!a} cannot be computed here", _AGAIN)
    return columns


def _promises(line: bytes, columns: list[str], folder: str, file: str, number: int) -> Iterator[Promise]:
    values = text(line).split(",", len(columns) - 1)
    if len(values) != len(columns):
        raise error(file, number, f"has {len(values)} of {len(columns)} columns", f"the line may be cut short, or a name hold a line end; {_AGAIN}")
    size, *digests, name = values
    if not (size.isascii() and size.isdigit() and len(size) <= 18):
        raise error(file, number, "the size is not a number of bytes", _AGAIN)
    if folder and name.startswith(f"{folder}/"):
        name = name[len(folder) + 1 :]
    name = relative(name, file, number)
    for algorithm, digest in zip(columns[1:-1], digests, strict=True):
        if len(digest) != digits_of(algorithm) or not set(digest.lower()) <= set("0123456789abcdef"):
            raise error(file, number, f"the {algorithm} column holds no {algorithm} digest", _AGAIN)
        yield Promise(name, algorithm, digest.lower(), int(size), number)
