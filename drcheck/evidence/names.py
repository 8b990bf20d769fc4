"""
Names of objects, hashed: in health systems a file's name can be a patient's.

The hash is keyed (HMAC-SHA-256, RFC 2104) with a secret that stays in the store, since names can be guessed; equal names give equal hashes, so that a
bad object can still be followed from night to night, and whoever has the store can say which one it is.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import re
from collections.abc import Iterator
from typing import Any, TypeVar

from drcheck.model import Assessment, BrokenObject, CopyFacts, ManifestRead, ObjectVerdict, Points, RecoveryPoint, Unobserved, Verification, printable

T = TypeVar("T")
_PRIVATE: dict[type[Any], tuple[str, ...]] = {
    RecoveryPoint: ("id", "detail", "sample"),
    Points: ("unrecognised_sample",),
    ObjectVerdict: ("key", "manifest", "detail"),
    ManifestRead: ("name",),
    Verification: ("unusable_manifests", "faults"),
    BrokenObject: ("key", "detail"),
    Unobserved: ("detail",),
}
"""The fields of a copy's facts in which names of objects stand."""


def token(key: bytes, name: str) -> str:
    """`name-` and 80 bits of the keyed hash of `name`, as hex."""
    return f"name-{hmac.digest(key, name.encode('utf-8', 'surrogatepass'), hashlib.sha256).hex()[:20]}"


def hash_names(assessment: Assessment, key: bytes) -> tuple[Assessment, dict[str, str]]:
    """
    The assessment with every name of an object, and every text about a copy that may hold one, replaced by its token, wherever it appears; and the
    name behind each token, which must not leave the house.
    """
    names = {name for copy in assessment.facts.copies for name in _private(copy) if name}
    tokens = {name: token(key, name) for name in names}
    forms = {form: tokens[name] for name in names for form in (name, printable(name))}
    # The longest first, so that a name which is part of another does not break it.
    pattern = re.compile("|".join(re.escape(form) for form in sorted(forms, key=lambda form: (-len(form), form)))) if forms else None
    return _replaced(assessment, pattern, forms), {found: name for name, found in tokens.items()}


def _private(value: Any) -> Iterator[str]:
    if isinstance(value, tuple):
        for item in value:
            yield from _private(item)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = _PRIVATE.get(type(value), ())
        for field in dataclasses.fields(value):
            inner = getattr(value, field.name)
            if field.name in fields:
                yield from (inner,) if isinstance(inner, str) else inner
            elif not (isinstance(value, CopyFacts) and field.name in ("system", "target")):
                yield from _private(inner)


def _replaced(value: T, pattern: re.Pattern[str] | None, forms: dict[str, str]) -> T:
    if pattern is None:
        return value
    result: Any = value
    if isinstance(value, str) and type(value) is str:
        result = pattern.sub(lambda found: forms[found.group()], value)
    elif isinstance(value, tuple):
        result = tuple(_replaced(item, pattern, forms) for item in value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        inner = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        result = dataclasses.replace(value, **{name: _replaced(item, pattern, forms) for name, item in inner.items()})
    return result  # type: ignore[no-any-return]
