"""
An S3 server that has as many objects as it is told and holds none of them: a program of its own, so that it costs the test no memory.

Run: python paging_s3.py COUNT; prints its port. It knows ListObjectsV2 below `data/`, HEAD and GET of single objects, and nothing else.
"""

from __future__ import annotations

import hashlib
import sys
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

STARTED = datetime.now(UTC)
"""When every object was last changed."""


def key(number: int) -> str:
    """The key of one object, in key order."""
    return f"data/folder-{number // 1000:04d}/object-{number:07d}"


def content(name: str) -> bytes:
    """The bytes of the object with this key."""
    return name.encode()


def _etag(name: str) -> str:
    return hashlib.md5(content(name), usedforsecurity=False).hexdigest()


def _page(count: int, prefix: str, start: int, size: int) -> bytes:
    end = min(count, start + size) if key(0).startswith(prefix) else start
    listed = "".join(
        f"<Contents><Key>{key(number)}</Key><LastModified>{STARTED:%Y-%m-%dT%H:%M:%S.000Z}</LastModified><ETag>&quot;{number:032x}&quot;</ETag>"
        f"<Size>{len(key(number))}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        for number in range(start, end)
    )
    more = (
        f"<IsTruncated>true</IsTruncated><NextContinuationToken>{end}</NextContinuationToken>" if end < count else "<IsTruncated>false</IsTruncated>"
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>backups</Name>'
        f"<Prefix>{prefix}</Prefix><KeyCount>{end - start}</KeyCount><MaxKeys>{size}</MaxKeys>{more}{listed}</ListBucketResult>"
    ).encode()


class _Bucket(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    count = 0

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name in the base class
        pass

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _respond(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        name = parts.path.lstrip("/").partition("/")[2]
        if self.command == "GET" and query.get("list-type") == "2":
            page = _page(self.count, query.get("prefix", ""), int(query.get("continuation-token", 0)), int(query.get("max-keys", 1000)))
            self._answer(200, page, Content_Type="application/xml")
        elif self.command in ("GET", "HEAD") and name and not parts.query:
            self._answer(200, content(name), ETag=f'"{_etag(name)}"', Last_Modified=format_datetime(STARTED, usegmt=True))
        elif self.command == "HEAD":
            self._answer(200, b"")
        else:
            self._answer(501, b"<Error><Code>NotImplemented</Code></Error>", Content_Type="application/xml")

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _respond  # noqa: N815 - http.server's names


if __name__ == "__main__":
    _Bucket.count = int(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Bucket)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()
