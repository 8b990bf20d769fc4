"""
A server that speaks just enough S3 to be read from, as fast as Python can: every answer is prepared, so that the client is the bound.

    python -m benchmarks.s3_server KEYS LARGE

serves a bucket `small` with KEYS objects of 4 KiB and a bucket `large` with one object `large` of LARGE bytes, on a free port of 127.0.0.1, which it
prints. It checks neither signatures nor names, and ends when its standard input does.
"""

from __future__ import annotations

import re
import selectors
import socket
import sys
import threading
from hashlib import md5
from typing import Final

SMALL: Final = bytes(range(256)) * 16
"""What every small object holds."""
PAGE = 1000
_RANGE = re.compile(rb"\nrange: bytes=(\d+)-(\d*)", re.IGNORECASE)
_LENGTH = re.compile(rb"\ncontent-length: (\d+)", re.IGNORECASE)
_TOKEN = re.compile(rb"continuation-token=t(\d+)")
_NUMBER = re.compile(rb"/object-(\d{7}) ")
_COMMON = b"Date: Sun, 01 Mar 2026 02:10:00 GMT\r\nServer: prepared\r\nx-amz-request-id: 4442587FB7D0A2F9\r\nx-amz-bucket-region: us-east-1\r\n"


def key(number: int) -> str:
    """The key of one of the small objects; they are in order."""
    return f"folder-{number // PAGE:05d}/object-{number:07d}"


def etag(number: int) -> str:
    """Its ETag, without quotes."""
    return md5(b"%d" % number, usedforsecurity=False).hexdigest()


def _answer(status: bytes, body: bytes | memoryview, *headers: bytes, length: int | None = None) -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"HTTP/1.1 %s\r\n%s%sContent-Length: %d\r\n\r\n%s" % (status, _COMMON, lines, len(body) if length is None else length, bytes(body))


def _contents(name: str, mark: str, size: int) -> str:
    return (
        f"<Contents><Key>{name}</Key><LastModified>2026-02-27T02:10:00.000Z</LastModified><ETag>&quot;{mark}&quot;</ETag>"
        f"<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType><Size>{size}</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
    )


def _page(first: int, keys: int, contents: str = "") -> bytes:
    last = min(first + PAGE, keys)
    contents = contents or "".join(_contents(key(number), etag(number), len(SMALL)) for number in range(first, last))
    more = (
        f"<IsTruncated>true</IsTruncated><NextContinuationToken>t{last}</NextContinuationToken>"
        if last < keys
        else "<IsTruncated>false</IsTruncated>"
    )
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>small</Name><Prefix></Prefix>'
        f"<KeyCount>{last - first}</KeyCount><MaxKeys>{PAGE}</MaxKeys>{more}{contents}</ListBucketResult>"
    )
    return _answer(b"200 OK", body.encode(), b"Content-Type: application/xml")


class Server:
    """One thread that answers whatever is short, and one besides for each large answer that is being sent."""

    def __init__(self, keys: int, large: int) -> None:
        self._pages = {first: _page(first, keys) for first in range(0, keys or 1, PAGE)}
        self._large = memoryview(bytearray(range(256)) * (large // 256))
        self._large_page = _page(0, 1, _contents("large", "large", len(self._large)))
        self._etags = [etag(number).encode() for number in range(keys)]
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._listener.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self.port = int(self._listener.getsockname()[1])

    def serve(self) -> None:
        """Answer for ever."""
        while True:
            for found, _ in self._selector.select(0.05):
                if found.fileobj is self._listener:
                    line, _ = self._listener.accept()
                    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._selector.register(line, selectors.EVENT_READ, bytearray())
                else:
                    assert isinstance(found.fileobj, socket.socket)
                    self._read(found.fileobj, found.data)

    def _read(self, line: socket.socket, asked: bytearray) -> None:
        try:
            piece = line.recv(65536)
        except OSError:
            piece = b""
        if not piece:
            self._selector.unregister(line)
            line.close()
            return
        asked += piece
        if _whole(asked):
            request = bytes(asked)
            asked.clear()
            if request.startswith(b"GET /large/large "):
                self._selector.unregister(line)
                threading.Thread(target=self._send_large, args=(line, request), daemon=True).start()
            else:
                line.setblocking(True)
                line.sendall(self._small(request))

    def _small(self, request: bytes) -> bytes:
        first = request.partition(b"\r")[0]
        if first.startswith(b"POST"):
            return _answer(b"403 Forbidden", b"")  # who somebody is: no service of the kind is here
        if b"list-type=2" in first:
            if b"/large" in first:
                return self._large_page
            token = _TOKEN.search(first)
            return self._pages[int(token[1]) if token else 0]
        number = _NUMBER.search(first)
        head = first.startswith(b"HEAD")
        if b"/large/large" in first:
            return _answer(b"200 OK", b"", b'ETag: "large"', b"Last-Modified: Fri, 27 Feb 2026 02:10:00 GMT", length=len(self._large))
        if number is None:
            return _answer(b"200 OK", b"")
        marks = b'ETag: "%s"' % self._etags[int(number[1])], b"Last-Modified: Fri, 27 Feb 2026 02:10:00 GMT", b"Accept-Ranges: bytes"
        return _answer(b"200 OK", b"" if head else SMALL, *marks, length=len(SMALL))

    def _send_large(self, line: socket.socket, request: bytes) -> None:
        span = _RANGE.search(request)
        start, end = 0, len(self._large)
        if span:
            start, end = int(span[1]), min(int(span[2]) + 1, end) if span[2] else end
        marks = [b'ETag: "large"', b"Last-Modified: Fri, 27 Feb 2026 02:10:00 GMT", b"Accept-Ranges: bytes"]
        if span:
            marks.append(b"Content-Range: bytes %d-%d/%d" % (start, end - 1, len(self._large)))
        line.setblocking(True)
        try:
            line.sendall(_answer(b"206 Partial Content" if span else b"200 OK", b"", *marks, length=end - start))
            line.sendall(self._large[start:end])
        except OSError:
            line.close()
        else:
            self._selector.register(line, selectors.EVENT_READ, bytearray())


def _whole(asked: bytearray) -> bool:
    """Whether a request has come to its end; those that read have no body."""
    if not asked.startswith(b"POST"):
        return asked.endswith(b"\r\n\r\n")
    head, found, body = asked.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return bool(found) and len(body) >= int(length[1] if length else 0)


def main() -> None:
    """Serve until standard input ends."""
    server = Server(int(sys.argv[1]), int(sys.argv[2]))
    print(server.port, flush=True)
    threading.Thread(target=server.serve, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
