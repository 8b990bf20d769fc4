"""Reading a TOML file that somebody wrote."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from drcheck.errors import ConfigError, Problem
from drcheck.estate.inline_secrets import walk
from drcheck.estate.problems import Written

LARGEST_FILE = 8 * 1024 * 1024
"""Bytes. Nobody writes more by hand; a wrong path may lead to a backup, or to a device that never ends."""
_DEEPEST = 20
_LARGEST_NUMBER = 2**63


def read_bytes(path: Path, *, noun: str, if_missing: str = "") -> bytes:
    """
    The bytes of a small file that somebody wrote. `noun` says what it should be, `if_missing` what to do where there is none.

    Raises:
        ConfigError: it is not there, cannot be read, or is far too large.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise _refusal(path, f"there is no such file; expected {noun}", if_missing) from None
    except IsADirectoryError:
        raise _refusal(path, f"is a folder; expected {noun}", "name the file in it") from None
    except PermissionError:
        hint = "name the file in it" if path.is_dir() else "let the account that runs drcheck read it"
        raise _refusal(path, f"may not be read; expected {noun}", hint) from None
    except OSError as error:
        raise _refusal(path, f"could not be read: {error.strerror or error}; expected {noun}") from error
    except ValueError as error:
        raise _refusal(path, f"is not the name of a file: {error}") from error
    if len(content) > LARGEST_FILE:
        raise _refusal(path, f"is larger than {LARGEST_FILE // 1024 // 1024} MiB, so it is hardly {noun}")
    return content


def decoded(path: Path, content: bytes) -> str:
    """
    The text of the file, without a byte order mark.

    Raises:
        ConfigError: it is not UTF-8; the problem names the line.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _refusal(path, f"is not UTF-8 text: byte 0x{content[error.start]:02x} in line {line}", "save it as UTF-8") from None


def parse_toml(path: Path, content: bytes) -> dict[str, Any]:
    """
    The document in a TOML file.

    Raises:
        ConfigError: it is no TOML; the problem names the line and column.
    """
    text = decoded(path, content)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _refusal(path, f"is not TOML: {error}", "text stands in quotes, and a [[section]] comes before its keys") from None
    except (ValueError, RecursionError) as error:
        # Numbers with thousands of digits, and lists in lists in lists: the parser gives up without saying where.
        what = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise _refusal(path, f"is not TOML that drcheck can read: {what}") from None
    refuse_extremes(Written(path, document))
    return document


def refuse_extremes(written: Written) -> None:
    """
    Return where the document is of a size that everything else may rely on.

    Raises:
        ConfigError: it is nested too deeply, or holds a number that TOML does not allow (more than 64 bits).
    """
    for keys, value in walk(written.document):
        if len(keys) > _DEEPEST:
            raise ConfigError([written.problem(keys[:1], f"is nested more than {_DEEPEST} deep")])
        if isinstance(value, int) and not -_LARGEST_NUMBER <= value < _LARGEST_NUMBER:
            raise ConfigError([written.problem(keys, "the number is too large")])


def _refusal(path: Path, message: str, hint: str = "") -> ConfigError:
    return ConfigError([Problem(str(path), "", message, hint)])
