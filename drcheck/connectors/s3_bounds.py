"""
A bound on what an S3 server can make us keep in memory: botocore reads every answer but an object's bytes whole, however long it is.

botocore offers no place for this, so its HTTP session is wrapped where the client holds it. `tests/security/test_hostile_s3.py` notices where a new
botocore holds it elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from urllib3.exceptions import HTTPError
from urllib3.exceptions import ReadTimeoutError as TransportTimeoutError

from drcheck.errors import Malformed

LARGEST = 64 * 2**20
"""Bytes. A page of a thousand keys of 1 KiB, each character of which is written as an escape, comes to about 4 MiB."""


class BoundedSession:
    """An HTTP session of botocore's that gives up an answer which goes on for too long."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def send(self, request: Any) -> Any:
        """The answer to one request. Raises what botocore's session raises, and Malformed where an answer has no end."""
        whole, request.stream_output = not request.stream_output, True
        answer = self._session.send(request)
        answer.raw = _Bounded(answer.raw)
        if whole:
            # What the wrapped session would do itself, with the same errors.
            try:
                _ = answer.content
            except TransportTimeoutError as error:
                raise ReadTimeoutError(endpoint_url=request.url, error=error) from None
            except HTTPError as error:
                raise ConnectionClosedError(error=error, request=request, endpoint_url=request.url) from None
        return answer

    def close(self) -> None:
        """Close every connection."""
        self._session.close()


class _Bounded:
    """A body whose whole is bounded. An object's bytes are read from it piece by piece, which costs no memory."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def stream(self, *arguments: Any, **more: Any) -> Iterator[bytes]:
        """All of it in pieces. Raises Malformed."""
        seen = 0
        for piece in self._raw.stream(*arguments, **more):
            seen += len(piece)
            if seen > LARGEST:
                self._raw.close()
                raise Malformed(f"the server's answer goes on for more than {LARGEST} bytes, which no answer of S3 does; check the endpoint")
            yield piece

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)
