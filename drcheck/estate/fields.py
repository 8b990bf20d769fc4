"""Kinds of value that people write into files, with the checks that belong to them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, ValidationInfo, WithJsonSchema

from drcheck.clock import parse_duration, parse_moment
from drcheck.secrets import SCHEMES, is_reference
from drcheck.sizes import BINARY, parse_size

_IDENTIFIER = r"^[a-z0-9][a-z0-9._-]{0,62}$"
_COUNTRY = r"^[A-Z]{2}$"
_AMOUNT = r"^[0-9]{1,12}(\.[0-9]{1,12})?$"
_COUNTRIES_OFTEN_WRITTEN = {"UK": "GB", "EN": "GB", "EL": "GR"}


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        # pydantic would take a bare number for seconds: `rpo = 24` must not become 24 seconds.
        raise ValueError('a duration is text with a number and a unit, such as "90s", "15m", "24h", "35d" or "2w"')
    return parse_duration(value)


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("a duration must be longer than nothing")
    return value


def exact_duration(length: timedelta) -> str:
    """The length of time without rounding, in the form that `drcheck.clock.parse_duration` reads: `1d12h`, `0s`. Not for negative ones."""
    seconds, microseconds = length.days * 86400 + length.seconds, length.microseconds
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    if microseconds:
        parts.append(f"{seconds}.{microseconds:06d}".rstrip("0") + "s")
    elif seconds or not parts:
        parts.append(f"{seconds}s")
    return "".join(parts)


def _size(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError('a size is text with a number and a unit, such as "500GiB", "64KiB" or "1.5TB"')
    size = parse_size(value)
    if size <= 0:
        raise ValueError("a size must be more than nothing")
    return size


def exact_size(size: int) -> str:
    """The bytes without rounding, in the form that `drcheck.sizes.parse_size` reads: `2TiB`, `1000B`. Not for negative ones."""
    power = 0
    while size and size % 1024 == 0 and power < len(BINARY) - 1:
        size, power = size // 1024, power + 1
    return f"{size}{BINARY[power]}"


def parse_money(value: object) -> Decimal:
    """
    The amount that was written as text or as a number: `"5.00"`, `0.0004`.

    Raises:
        ValueError: it is no such amount; the message says what is.
    """
    text = value.strip() if isinstance(value, str) else format(Decimal(repr(value)), "f") if type(value) in (int, float) else ""
    if not re.fullmatch(_AMOUNT, text):
        raise ValueError('an amount of money is a number without sign, currency or thousands separators, such as "5.00" or 0.0004')
    return Decimal(text)


def _reference(value: str) -> str:
    if not is_reference(value):
        # The value is not repeated: it may be the secret itself.
        raise ValueError(
            f"a secret is never written into the estate; write a reference: env:NAME, file:/path, systemd:NAME, "
            f"command:program or keyring:service/user (known: {', '.join(SCHEMES)})"
        )
    return value


def _not_empty(value: object) -> object:
    if value == "":
        raise ValueError("a path must not be empty")
    return value


def _beside_the_estate(value: Path, info: ValidationInfo) -> Path:
    if "\0" in str(value):
        raise ValueError("a path holds no NUL character")
    base = (info.context or {}).get("base")
    try:
        path = value.expanduser()
    except RuntimeError as error:
        raise ValueError(f"the home folder of {value.parts[0]} is not known on this machine; write the whole path") from error
    return path if base is None or path.is_absolute() else Path(base) / path


def _identifier(value: str) -> str:
    if not value:
        raise ValueError("must not be empty")
    if not re.fullmatch(_IDENTIFIER, value):
        near = re.sub(r"[^a-z0-9._-]+", "-", value.lower()).strip("-._")[:63]
        example = f', such as "{near}"' if near else ""
        raise ValueError(
            f"an id has lower-case letters, digits, dot, dash and underline, starts with a letter or digit, and is at most 63 long{example}"
        )
    return value


def _country(value: str) -> str:
    if not re.fullmatch(_COUNTRY, value):
        example = value.upper() if re.fullmatch(r"[A-Za-z]{2}", value) else "GB"
        raise ValueError(f'a country is written as two capital letters (ISO 3166-1), such as "{_COUNTRIES_OFTEN_WRITTEN.get(example, example)}"')
    if value in _COUNTRIES_OFTEN_WRITTEN:
        raise ValueError(f'that is no ISO 3166-1 code; write "{_COUNTRIES_OFTEN_WRITTEN[value]}"')
    return value


def _moment(value: object) -> object:
    if isinstance(value, str):
        return parse_moment(value)
    if not isinstance(value, datetime):
        raise ValueError("a moment is a date, a time and a zone, such as 2026-03-01T02:10:00Z")
    if value.utcoffset() is None:
        # A guessed zone is a wrong age.
        raise ValueError("a moment needs its time zone; write it as 2026-03-01T02:10:00Z or with +01:00")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("that moment is out of the range of the calendar") from None


def _day(value: object) -> object:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            pass
    elif isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ValueError("a date is written as 2026-03-01")


def _moment_or_day(value: object) -> object:
    is_day = (isinstance(value, date) and not isinstance(value, datetime)) or (
        isinstance(value, str) and re.fullmatch(r"\s*\d{4}-\d\d-\d\d\s*", value)
    )
    return _day(value) if is_day else _moment(value)


def _names(value: object) -> object:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise ValueError("write one name, or a list of names; none of them empty")
    return value.strip() if isinstance(value, str) else tuple(name.strip() for name in names)


def _below(value: str) -> str:
    parts = value.rstrip("/").split("/") if value else []
    if value.startswith("/") or "\0" in value or any(part in ("", ".", "..") for part in parts):
        raise ValueError('a path below the root of the target: parts joined by /, without "..", "." or a leading /')
    return value.rstrip("/")


def _schema(**keywords: Any) -> WithJsonSchema:
    # `format` is an annotation in JSON Schema, and an unknown one is ignored; ours lets the reference name the kind of value.
    return WithJsonSchema({"type": "string", **keywords})


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    AfterValidator(_positive),
    PlainSerializer(exact_duration, return_type=str),
    _schema(format="drcheck-duration", pattern=r"^\s*([0-9]+(\.[0-9]+)?[smhdw])+\s*$"),
]
"""A length of time, written as `24h` or `35d`; longer than nothing."""

DurationOrNothing = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(exact_duration, return_type=str),
    _schema(format="drcheck-duration", pattern=r"^\s*([0-9]+(\.[0-9]+)?[smhdw])+\s*$"),
]
"""A length of time that may be `0s`."""

Size = Annotated[
    int,
    BeforeValidator(_size),
    PlainSerializer(exact_size, return_type=str),
    _schema(format="drcheck-size", pattern=r"^\s*[0-9]+(\.[0-9]+)? ?([kKMGTPE]B|[KMGTPE]iB|B)\s*$"),
]
"""A number of bytes, written as `500GiB` or `1.5TB`; more than nothing."""

Money = Annotated[
    Decimal,
    BeforeValidator(parse_money),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": _AMOUNT}, {"type": "number", "minimum": 0}], "format": "drcheck-money"}),
]
"""An amount of money, written as `"5.00"` or `0.0004`; the currency stands elsewhere. May be nothing."""

SecretReference = Annotated[str, AfterValidator(_reference), _schema(format="drcheck-secret-reference")]
"""Where a secret is kept; see `drcheck.secrets`."""

EstatePath = Annotated[Path, BeforeValidator(_not_empty), AfterValidator(_beside_the_estate), _schema(format="path", minLength=1)]
"""A path on this machine; a relative one is relative to the estate file (given as `base` in the validation context)."""

TargetPath = Annotated[str, AfterValidator(_below), _schema(format="drcheck-target-path")]
"""A path below a target's root, parts joined by `/`; empty for the root itself."""

Identifier = Annotated[str, AfterValidator(_identifier), _schema(format="drcheck-id", pattern=_IDENTIFIER)]
"""Lower-case letters, digits, dot, dash and underline; at most 63."""

Country = Annotated[str, AfterValidator(_country), _schema(pattern=_COUNTRY)]
"""An ISO 3166-1 alpha-2 code."""

Moment = Annotated[datetime, BeforeValidator(_moment), _schema(format="date-time")]
"""A moment with its zone, kept in UTC."""

Day = Annotated[date, BeforeValidator(_day), _schema(format="date")]
"""A date."""

MomentOrDay = Annotated[
    datetime | date, BeforeValidator(_moment_or_day), WithJsonSchema({"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]})
]
"""A date, or a moment with its zone."""

Names = Annotated[
    tuple[str, ...] | str,
    BeforeValidator(_names),
    WithJsonSchema({"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1}]}),
]
"""One name, or several."""
