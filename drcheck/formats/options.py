"""Options that several formats share."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from drcheck.estate.fields import Duration
from drcheck.formats.base import FormatOptions
from drcheck.formats.pattern import time_zone


def _known_zone(name: str) -> str:
    time_zone(name)
    return name


def _inside(name: str) -> str:
    if name and not {"", ".", ".."}.isdisjoint(name.split("/")):
        raise ValueError(f"{name!r} is not a relative name without empty, . or .. parts")
    return name


Suffix = Annotated[str, StringConstraints(min_length=1, pattern=r"^[^/]+$")]
"""The end of a file name."""

InnerName = Annotated[str, AfterValidator(_inside)]
"""A name relative to a recovery point; empty where there is none."""

ZoneName = Annotated[str, AfterValidator(_known_zone)]
"""An IANA time zone, or UTC."""


class WritingOptions(FormatOptions):
    """How it is told that a recovery point is still being written."""

    partial: tuple[Suffix, ...] = Field(
        default=(".part", ".partial", ".tmp", ".incomplete", ".filepart"), description="Endings of names that say: being written"
    )
    settle: Duration = Field(default=timedelta(minutes=15), description="What changed less than this long ago may still be being written")


class NamedOptions(WritingOptions):
    """How recovery points that tell their time by name are told apart."""

    zone: ZoneName = Field(default="UTC", description="The time zone in which names are written: an IANA name or UTC")
    shrink_ratio: float = Field(
        default=0.5, ge=0, le=1, description="Smaller than this part of the median of the 7 finished points before it is suddenly small; 0 never is"
    )
