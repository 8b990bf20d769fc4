"""What is asked about a single object by its name, and whether the answer is about it."""

from __future__ import annotations

from typing import Any

from drcheck.errors import InProgress, Malformed, Unsupported
from drcheck.model import printable

_NO_PLAIN_PART = frozenset({"", ".", ".."})


def sendable(key: str) -> str:
    """The key. Raises Unsupported where S3 can be asked for no such name."""
    try:
        key.encode("utf-8")
    except UnicodeEncodeError:
        raise Unsupported(f'"{printable(key)}": its name is not UTF-8, and S3 can be asked for no other') from None
    return key


def is_path(whole: str) -> bool:
    """Whether a server that keeps keys as paths would tidy this one up."""
    return "\\" in whole or not _NO_PLAIN_PART.isdisjoint(whole.split("/"))


def check_answer(key: str, answer: dict[str, Any], head: dict[str, Any], wanted: int, ranged: bool) -> None:
    """Whether GetObject gives what HeadObject promised. Raises InProgress where it was replaced, Malformed where it is not what was asked for."""
    if answer.get("ETag") != head.get("ETag"):
        raise InProgress(f'reading "{printable(key)}": it was replaced while it was read')
    if ranged and answer["ResponseMetadata"]["HTTPStatusCode"] != 206:
        raise Malformed(f'reading "{printable(key)}": the server gives all of it where a part was asked for')
    if answer.get("ContentLength") not in (None, wanted):
        raise InProgress(f'reading "{printable(key)}": {answer["ContentLength"]} bytes were offered where {wanted} were expected')
