"""The SSH wire encoding (RFC 4251, 5): what public keys, signatures and an agent's messages are written in. Strict in one form each."""

from __future__ import annotations

from drcheck.errors import EvidenceError


def uint32(number: int) -> bytes:
    """Four bytes, the most significant first."""
    return number.to_bytes(4, "big")


def string(content: bytes) -> bytes:
    """A length in four bytes, and so many bytes."""
    return uint32(len(content)) + content


def mpint(number: int) -> bytes:
    """A number that is not negative, in as few bytes as hold it with its sign."""
    return string(number.to_bytes((number.bit_length() + 8) // 8 if number else 0, "big"))


class Reader:
    """Bytes that are read from the front. Whatever is not there, or could have been written shorter, is an `EvidenceError`."""

    def __init__(self, content: bytes, what: str) -> None:
        """`what` names the content in messages, such as `the signature`."""
        self._content = content
        self._at = 0
        self.what = what

    def fixed(self, length: int) -> bytes:
        """The next `length` bytes."""
        end = self._at + length
        if end > len(self._content):
            raise EvidenceError(f"{self.what} is cut short")
        taken = self._content[self._at : end]
        self._at = end
        return taken

    def byte(self) -> int:
        """One byte, as a number."""
        return self.fixed(1)[0]

    def uint32(self) -> int:
        """Four bytes, as a number."""
        return int.from_bytes(self.fixed(4), "big")

    def string(self) -> bytes:
        """The bytes that the next length announces."""
        return self.fixed(self.uint32())

    def word(self) -> str:
        """A string of printable ASCII, such as the name of an algorithm."""
        content = self.string()
        text = content.decode("ascii", "replace")
        if not (text.isascii() and text.isprintable()):
            raise EvidenceError(f"{self.what} holds a name that is no printable ASCII")
        return text

    def mpint(self) -> int:
        """A number that is not negative, in its shortest form."""
        content = self.string()
        if content and (content[0] >= 0x80 or (content[0] == 0 and (len(content) == 1 or content[1] < 0x80))):
            raise EvidenceError(f"{self.what} holds a number that is negative or longer than it need be")
        return int.from_bytes(content, "big")

    def end(self) -> None:
        """Nothing may follow."""
        if self._at != len(self._content):
            raise EvidenceError(f"{self.what} has {len(self._content) - self._at} bytes too many")
