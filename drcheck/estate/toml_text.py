"""TOML as text: values written the way a person would write them."""

from __future__ import annotations

import json
import re
from datetime import date, datetime, time

from drcheck.model import printable

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_key(key: str) -> str:
    """The key as TOML writes it: bare where it can be, else in quotes."""
    return key if _BARE.fullmatch(key) else toml_string(key)


def toml_string(text: str) -> str:
    """The text as a TOML basic string, which is a JSON string that also escapes DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_value(value: object) -> str:
    """
    The value as TOML: text, numbers, true and false, dates and times, lists, and tables on one line.

    Raises:
        TypeError: TOML has no such value.
    """
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return toml_string(value)
        case int() | float():
            return repr(value)
        case datetime() | date() | time():
            return value.isoformat()
        case list() | tuple():
            return f"[{', '.join(toml_value(item) for item in value)}]"
        case dict():
            return "{ " + ", ".join(f"{toml_key(key)} = {toml_value(item)}" for key, item in value.items()) + " }" if value else "{}"
        case _:
            raise TypeError(f"TOML has no {type(value).__name__}")


def shown(value: object, longest: int = 60) -> str:
    """A wrong value for a message: as TOML on one line, cut at `longest` characters; lists and tables are named, not repeated."""
    match value:
        case dict():
            return "a table"
        case list() | tuple():
            return "a list"
        case None:
            return "nothing (null)"
        case str():
            text = printable(value)
            return f'"{text if len(text) <= longest else text[:longest] + "…"}"'
        case _:
            return toml_value(value)
