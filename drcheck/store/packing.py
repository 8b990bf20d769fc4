"""
A sorted run of objects as two byte strings.

A row of the database for each object costs more time than hashing a small file, and more room than its digest. Listings and the store are both in key
order and are merged, never looked up, so about a thousand objects in key order share one row. Within it each property is a column of its own: columns
that hardly vary shrink to nothing under zlib at its fastest level, and lists become arrays without a step of Python for each object. Digests cannot
shrink, so they stay outside.

    columns   zlib of: count, length of the shared key prefix, then per object the lengths of key and version, size, the times, result, depth, index
    of
              the shape; then the shapes, keys (without the prefix) and versions
    digests   the digests of all objects, one behind the other

Integers are little-endian. The shared prefix is that of the first and the last key, as keys are sorted; zlib finds the rest of what neighbours share.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from drcheck.store.digests import length_of
from drcheck.store.known import Cells, Row, as_row

_FORM = b"run1"
_HEAD = struct.Struct("<4sIIIII")
_TIMES = 7
_NARROW, _WIDE = "I", "Q"
LARGEST = 2**29
"""Bytes that the columns of one run come to at most, unpacked: thousands of objects with the longest names that there are."""


class Damaged(ValueError):
    """These bytes are not what was packed."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Packed objects, and what can be said of them without unpacking."""

    first: bytes
    """The first row's key."""
    count: int
    columns: bytes
    digests: bytes
    check: int
    """CRC-32 of columns and digests: a store's disk can fail as well as a backup's."""


def pack(rows: Sequence[Cells]) -> Packed:
    """
    The rows (at least one; in key order they take the least room) as bytes.

    Raises:
        OverflowError: a size is negative, or beyond 2**64 - 1.
    """
    keys, sizes, versions, *columns = zip(*rows, strict=True)
    *numbers, results, depths, shapes, raws = columns
    shared = _shared(min(keys), max(keys))
    indices = {shape: index for index, shape in enumerate(dict.fromkeys(shapes))}
    kept_shapes = "\n".join(indices).encode("utf-8", "surrogateescape")
    kept_keys = b"".join([key[shared:] for key in keys])
    kept_versions = b"".join(versions)
    body = (
        _HEAD.pack(_FORM, len(rows), shared, len(kept_shapes), len(kept_keys), len(kept_versions)),
        _bytes(_NARROW, map(len, keys)),
        _bytes(_NARROW, map(len, versions)),
        _bytes(_WIDE, sizes),
        *(_bytes(_NARROW, column) for column in numbers),
        bytes(results),
        bytes(depths),
        _bytes(_NARROW, map(indices.__getitem__, shapes)),
        kept_shapes,
        keys[0][:shared],
        kept_keys,
        kept_versions,
    )
    packed, digests = zlib.compress(b"".join(body), 1), b"".join(raws)
    return Packed(keys[0], len(rows), packed, digests, _check(packed, digests))


def intact(columns: bytes, digests: bytes, check: int) -> bool:
    """Whether the checksum of packed rows holds."""
    return _check(columns, digests) == check


def unpack(columns: bytes, digests: bytes, check: int) -> list[Row]:
    """
    The rows that were packed.

    Raises:
        Damaged: the bytes are not what was packed.
    """
    if not intact(columns, digests, check):
        raise Damaged("the checksum of a run of objects does not hold")
    try:
        return _rows(memoryview(_inflated(columns)), digests)
    except (zlib.error, struct.error, ValueError, IndexError, OverflowError) as error:
        # Anybody can make a checksum for what he made up.
        raise Damaged(f"a run of objects is not what was packed: {error}") from error


def _inflated(columns: bytes) -> bytes:
    whole = zlib.decompressobj()
    body = whole.decompress(columns, LARGEST)
    if not whole.eof:
        raise Damaged(f"it ends early, or comes to more than {LARGEST} bytes")
    return body


def _rows(body: memoryview, digests: bytes) -> list[Row]:
    form, count, shared, shapes_length, keys_length, versions_length = _HEAD.unpack_from(body)
    if form != _FORM:
        raise Damaged("its form is unknown")
    place = _HEAD.size

    def take(length: int) -> memoryview:
        nonlocal place
        place += length
        return body[place - length : place]

    key_lengths, version_lengths = (_numbers(_NARROW, take(4 * count)) for _ in range(2))
    sizes = _numbers(_WIDE, take(8 * count))
    times = [_numbers(_NARROW, take(4 * count)) for _ in range(_TIMES)]
    results, depths = take(count), take(count)
    indices = _numbers(_NARROW, take(4 * count))
    shapes = str(take(shapes_length), "utf-8", "surrogateescape").split("\n")
    prefix = bytes(take(shared))
    kept_keys, kept_versions = bytes(take(keys_length)), bytes(take(versions_length))
    keys = [prefix + key for key in _cut(kept_keys, [length - shared for length in key_lengths])]
    versions = _cut(kept_versions, version_lengths)
    lengths = [length_of(shape) for shape in shapes]
    raws = _cut(digests, [lengths[index] for index in indices])
    named = [shapes[index] for index in indices]
    return list(map(as_row, zip(keys, sizes, versions, *times, results, depths, named, raws, strict=True)))


def _check(columns: bytes, digests: bytes) -> int:
    return zlib.crc32(digests, zlib.crc32(columns))


def _shared(first: bytes, last: bytes) -> int:
    """How many bytes the least and the greatest key begin with alike, and so all between them."""
    return next((index for index, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), min(len(first), len(last)))


def _bytes(kind: str, numbers: Iterable[int]) -> bytes:
    column = array(kind, numbers)
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()


def _numbers(kind: str, column: memoryview) -> array[int]:
    numbers = array(kind)
    numbers.frombytes(column)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _cut(joined: bytes, lengths: Iterable[int]) -> list[bytes]:
    return [joined[start:end] for start, end in pairwise(accumulate(lengths, initial=0))]
