"""
Canonical JSON and digests: the same value always gives the same bytes.

Records hold integers, strings, booleans, null, lists and objects with ASCII keys only, for which the standard library's output is RFC 8785
(JSON Canonicalization Scheme). Anything else is refused rather than rounded.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

LARGEST = 2**53 - 1
"""The largest integer that every JSON reader keeps exactly (RFC 7493, 2.2)."""


def canonical_json(value: Any) -> bytes:
    """
    The RFC 8785 form of `value`, as UTF-8 bytes.

    Raises:
        ValueError: the value holds a float, an integer beyond 2**53-1 (RFC 7493), a key that is not ASCII, or a text with a lone surrogate
            (RFC 8785, 3.2.2.2: a name that was not UTF-8 has no canonical form; `drcheck.model.printable` gives it one).
    """
    if not _has_one_form(value):
        _refuse_what_has_no_one_form(value, "$")
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: Any) -> str:
    """`sha256:` and the hex digest of the canonical form of `value`."""
    return f"sha256:{hashlib.sha256(canonical_json(value)).hexdigest()}"


def digest_bytes(content: bytes) -> str:
    """`sha256:` and the hex digest of `content`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _has_one_form(value: Any) -> bool:
    """Whether it surely has one: nearly everything has, and is passed without naming each place. What is no plain type is looked at again."""
    kind = type(value)
    if kind is str:
        return value.isascii() or _is_text(value)
    if kind is dict:
        return all(type(key) is str and key.isascii() for key in value) and all(map(_has_one_form, value.values()))
    if kind is list or kind is tuple:
        return all(map(_has_one_form, value))
    return value is None or kind is bool or (kind is int and -LARGEST <= value <= LARGEST)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_what_has_no_one_form(value: Any, place: str) -> None:
    match value:
        case None | bool():
            return
        case str():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise ValueError(f"{place}: the text {value!a} holds a lone surrogate") from None
        case int():
            if abs(value) > LARGEST:
                raise ValueError(f"{place}: {value} is beyond what JSON readers keep exactly")
        case list() | tuple():
            for index, item in enumerate(value):
                _refuse_what_has_no_one_form(item, f"{place}[{index}]")
        case dict():
            for key, item in value.items():
                if not isinstance(key, str) or not key.isascii():
                    raise ValueError(f"{place}: the key {key!r} is not ASCII text")
                _refuse_what_has_no_one_form(item, f"{place}.{key}")
        case _:
            raise ValueError(f"{place}: a {type(value).__name__} has no canonical form")
