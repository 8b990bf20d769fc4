"""The one thing about DER that has to be mended by hand: the order of the certificates in a time stamp."""

from __future__ import annotations

_SEQUENCE = 0x30
_CONTEXT_0 = 0xA0
_SIGNED_DATA_AT = (1, 1, 0)
"""From TimeStampResp down: the token, its content, the SignedData in it (RFC 3161, 2.4.2, and RFC 5652, 5.1)."""


def with_sorted_certificates(answer: bytes) -> bytes:
    """
    A time stamp's answer with the certificates in it in DER's order, or `answer` itself where it is not built like one.

    They are a SET OF, which DER sorts (X.690, 11.6). OpenSSL, and so many an authority, writes them as they come, and rfc3161-client refuses that. No
    signature covers them, so nothing that was promised changes.
    """
    try:
        node = _Node(answer, 0, len(answer))
        for step in _SIGNED_DATA_AT:
            node = node.children()[step]
        sets = [child for child in node.children() if child.tag == _CONTEXT_0]
        if len(sets) != 1:
            return answer
        parts = sorted(answer[child.start : child.end] for child in sets[0].children())
        return answer[: sets[0].content] + b"".join(parts) + answer[sets[0].end :]
    except (IndexError, ValueError):
        return answer


class _Node:
    """One value in its place: a tag, a length, and what it holds."""

    def __init__(self, source: bytes, start: int, limit: int) -> None:
        self._source = source
        self.start = start
        self.tag = source[start]
        length = source[start + 1]
        self.content = start + 2
        if length >= 0x80:
            width = length - 0x80
            length = int.from_bytes(source[self.content : self.content + width], "big")
            self.content += width
        self.end = self.content + length
        if self.end > limit:
            raise ValueError("a value is longer than what holds it")

    def children(self) -> list[_Node]:
        """The values in it, where it is one that holds others."""
        if self.tag not in (_SEQUENCE, _CONTEXT_0):
            return []
        found, at = [], self.content
        while at < self.end:
            child = _Node(self._source, at, self.end)
            found.append(child)
            at = child.end
        return found
