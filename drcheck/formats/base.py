"""
The contract of a format: what is stored under a copy's path, and how recovery points are told apart there.

A format reads names, sizes, times and small files such as markers; it judges neither age nor policy. It works in bounded memory: a listing is
streamed through a `PointCollector`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict

from drcheck.connectors.base import Connector, Entry
from drcheck.model import Points


class FormatOptions(BaseModel):
    """What the estate says about a copy's layout; unknown keys are refused. Subclassed by each format."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class StoredObject(NamedTuple):
    """One object of a copy, for verification."""

    entry: Entry
    point: str
    """The id of the recovery point that it belongs to; empty for one that belongs to none."""
    auxiliary: bool = False
    """A marker, stamp or other file of the format itself, for which no promise is expected."""


class Format(ABC):
    """
    One layout.

    Attributes:
        kind: the name in the estate, such as `dated`.
        options_class: the options that the estate may give.
    """

    kind: ClassVar[str]
    options_class: ClassVar[type[FormatOptions]] = FormatOptions

    def __init__(self, options: FormatOptions) -> None:
        self.options = options

    @abstractmethod
    def points(self, connector: Connector, path: str, now: datetime) -> Points:
        """
        The recovery points of the copy at `path`, with `now` as the moment against which future ones are told.

        Raises whatever the connector raises; the caller is the boundary.
        """

    @abstractmethod
    def objects(self, connector: Connector, path: str) -> Iterator[StoredObject]:
        """Every object of the copy, streamed in key order, with the recovery point that each belongs to."""

    @abstractmethod
    def manifest_root(self, path: str, point: str) -> str:
        """The key prefix that names in a manifest found in recovery point `point` are relative to."""
