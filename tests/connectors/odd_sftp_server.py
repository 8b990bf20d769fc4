"""
An SFTP server (version 3) that holds one file, `/object`, and is odd in the way that its argument names. sshd starts it as a subsystem.

It stands alone: whoever starts it has no path to the project.
"""

from __future__ import annotations

import os
import select
import struct
import sys

SIZE = 300_000
CONTENT = b"".join(b"%07d\n" % number for number in range(SIZE // 8))[:SIZE]
INIT, VERSION, OPEN, CLOSE, READ, LSTAT, FSTAT, OPENDIR, READDIR, REALPATH = 1, 2, 3, 4, 5, 7, 8, 11, 12, 16
STATUS, HANDLE, DATA, NAME, ATTRS, EXTENDED, REPLY = 101, 102, 103, 104, 105, 200, 201
FILE = struct.pack(">IQII", 1 | 4 | 8, SIZE, 0o100644, 1_000_000_000)[:16] + struct.pack(">II", 1_000_000_000, 1_000_000_000)
FOLDER = struct.pack(">II", 4, 0o040755)
BARE = struct.pack(">I", 0)
MOST_OPEN = {"few-handles": 3, "one-handle": 1, "no-handle": 0, "tells-handles": 9}
"""How many files some let a client have open at once; only the last of them says so."""


def text(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def exactly(count: int) -> bytes:
    got = b""
    while len(got) < count:
        piece = os.read(0, count - len(got))
        if not piece:
            sys.exit(0)
        got += piece
    return got


def request() -> tuple[int, bytes]:
    body = exactly(struct.unpack(">I", exactly(4))[0])
    return body[0], body[1:]


def send(kind: int, body: bytes) -> None:
    packet = text(bytes([kind]) + body)
    while packet:
        packet = packet[os.write(1, packet) :]


def status(code: int) -> tuple[int, bytes]:
    return STATUS, struct.pack(">I", code) + text(b"said \x1b[31m by the server") + text(b"")


def answer(way: str, listed: set[bytes], kind: int, body: bytes) -> tuple[int, bytes]:
    """The answer to one request, without its number."""
    length = struct.unpack_from(">I", body)[0]
    first, rest = body[4 : 4 + length], body[4 + length :]
    if kind == REALPATH:
        return NAME, struct.pack(">I", 1) + text(b"/") + text(b"/") + BARE
    if kind in (LSTAT, FSTAT):
        if b"sick" in listed:
            return status(4)
        if first == b"/":
            return ATTRS, FOLDER
        if first in (b"/object", b"file") or first in listed:
            return ATTRS, BARE if way == "says-nothing" else FILE
        return status(2)
    if kind == OPENDIR:
        listed.discard(b"folder")
        return HANDLE, text(b"folder")
    if kind == READDIR:
        if first in listed:
            return status(1)
        listed.add(first)
        name = {"climbs": b"../object", "nul": b"obj\0ect", "nameless": b""}.get(way, b"object")
        attributes = BARE if way in ("bare", "says-nothing") else FILE
        entry = text(name) + text(b"") + attributes
        if way == "twice":
            return NAME, struct.pack(">I", 4) + (entry + text(b"folder-like") + text(b"") + FILE) * 2
        whole = struct.pack(">I", 2) + text(b".") + text(b"") + FOLDER + entry
        return NAME, whole[:-7] if way == "cut-short" else whole
    if kind == OPEN and way in MOST_OPEN:
        if sum(name.startswith(b"open ") for name in listed) == MOST_OPEN[way]:
            sys.exit("too many") if way == "tells-handles" else None
            return status(4)
        handle = next(b"open %d" % number for number in range(99) if b"open %d" % number not in listed)
        listed.add(handle)
        return HANDLE, text(handle)
    if kind == CLOSE and first.startswith(b"open "):
        listed.remove(first)
        return status(0)
    if kind == OPEN:
        return HANDLE, text(b"file")
    if kind == READ:
        offset, count = struct.unpack(">QI", rest)
        if way == "ends-early" and offset + count > SIZE // 2:
            return status(1)
        if way == "bad-sector" and offset + count > SIZE // 2:
            return status(4)
        if way in ("refuses", "falls-sick"):
            listed.add(b"sick" if way == "falls-sick" else b"")
            return status(4)
        most = 1000 if way == "short" else count
        data = CONTENT[offset : offset + min(count, most)]
        return DATA, text(data + b"more" if way == "too-much" else data)
    if kind == EXTENDED and first == b"limits@openssh.com":
        return REPLY, struct.pack(">4Q", 2**18, 2**15, 2**15, MOST_OPEN[way])
    if kind == EXTENDED and first == b"statvfs@openssh.com":
        listed.add(b"%d" % len(listed))
        number = len(listed) if way == "moves" else 7
        return REPLY, struct.pack(">11Q", 4096, 4096, 1, 1, 1, 1, 1, 1, number, way == "read-only", 255)
    return status(0) if kind == CLOSE else status(8)


def main(way: str) -> None:
    if way == "garbage":
        os.write(1, b"This account is not available.\n" * 10)
        exactly(1 << 30)
    if way == "silent":
        exactly(1 << 30)
    request()
    offered = text(b"statvfs@openssh.com") + text(b"2") if way in ("moves", "read-only") else b""
    offered = text(b"limits@openssh.com") + text(b"1") if way == "tells-handles" else offered
    send(VERSION, struct.pack(">I", 3) + offered)
    listed: set[bytes] = set()
    while True:
        waiting = [request()]
        while way == "reversed" and select.select([0], [], [], 0.05)[0]:
            waiting.append(request())
        for kind, body in reversed(waiting):
            if way == "hangs" and kind == READ:
                exactly(1 << 30)
            got, said = answer(way, listed, kind, body[4:])
            send(got, body[:4] + said)


if __name__ == "__main__":
    main(sys.argv[1])
