"""Opening an estate: loading it with the options of every connector and format that it names. Only those are imported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from drcheck.connectors import connector_class
from drcheck.estate.load import load_estate, parse_estate
from drcheck.formats import format_class

if TYPE_CHECKING:
    from pydantic import BaseModel

    from drcheck.estate.schema import Estate


def open_estate(path: Path) -> Estate:
    """
    The estate that the file at `path` declares, with every option validated. Nothing is connected to.

    Raises:
        ConfigError: the file cannot be read, or anything in it is wrong; holds every problem.
    """
    return load_estate(path, _options_of)


def checked_estate(path: Path, content: bytes) -> Estate:
    """The estate that `content` would declare if it stood at `path`. Raises ConfigError as `open_estate`."""
    return parse_estate(path, content, _options_of)


def _options_of(noun: Literal["connector", "format"], kind: str, trusted: Sequence[str]) -> type[BaseModel]:
    return connector_class(kind, trusted).options_class if noun == "connector" else format_class(kind, trusted).options_class
