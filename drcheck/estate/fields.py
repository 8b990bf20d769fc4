"""Kinds of value that an estate holds, with the checks that belong to them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, StringConstraints, ValidationInfo

from drcheck.clock import format_duration, parse_duration
from drcheck.secrets import SCHEMES, is_reference


def _duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("a duration must be longer than nothing")
    return value


def _reference(value: str) -> str:
    if not is_reference(value):
        # The value is not repeated: it may be the secret itself.
        raise ValueError(
            f"a secret is never written into the estate; write a reference: env:NAME, file:/path, systemd:NAME, "
            f"command:program or keyring:service/user (known: {', '.join(SCHEMES)})"
        )
    return value


def _beside_the_estate(value: Path, info: ValidationInfo) -> Path:
    base = (info.context or {}).get("base")
    path = value.expanduser()
    return path if base is None or path.is_absolute() else Path(base) / path


Duration = Annotated[timedelta, BeforeValidator(_duration, json_schema_input_type=str), AfterValidator(_positive), PlainSerializer(format_duration)]
"""A length of time, written as `24h` or `35d`."""

SecretReference = Annotated[str, AfterValidator(_reference)]
"""Where a secret is kept; see `drcheck.secrets`."""

EstatePath = Annotated[Path, AfterValidator(_beside_the_estate)]
"""A path on this machine; a relative one is relative to the estate file (given as `base` in the validation context)."""

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
"""Lower-case letters, digits, dot, dash and underline; at most 63."""
