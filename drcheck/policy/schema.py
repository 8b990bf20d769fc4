"""The form of a pack file: one issuer's guidance, in our words, with its source and how sure we are of it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from drcheck.estate.fields import Country, Day, Identifier
from drcheck.estate.schema import Named, Tier
from drcheck.model import Severity

Sure = Literal["verified", "second-hand", "memory", "inference"]

SURENESS: dict[str, str] = {
    "verified": "the text itself was read",
    "second-hand": "found in a description by others; probably right, the wording is not proven",
    "memory": "the text was not read; to be checked before anyone relies on it",
    "inference": "a conclusion of ours, not a statement of the issuer",
}
"""What each degree of sureness means."""


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class WrittenControl(_Written):
    """One requirement."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,62}$", description="Unique in the pack", examples=["NCSC-OFF-3.copies"])
    clause: Named = Field(description="Where it stands in the document", examples=["the 3-2-1 rule"])
    title: Named = Field(description="Its name, in our words", examples=["Three copies"])
    text: Named = Field(description="What it asks, in our words")
    sure: Sure = Field(description="How sure we are that the issuer asks for this", examples=["verified"])
    check: Named = Field(description="The check that judges it", examples=["copies.count"])
    severity: Severity | None = Field(default=None, description="How much a failure matters; default: the check's", examples=["high"])
    tiers: tuple[Tier, ...] = Field(default=(), description="Tiers of systems that it applies to; default: all", examples=[["critical"]])
    issuer: dict[str, Any] = Field(default_factory=dict, description="Parameters that the issuer's text gives", examples=[{"minimum": 3}])
    ours: dict[str, Any] = Field(default_factory=dict, description="Parameters that we chose", examples=[{"max_age": "365d"}])
    because: str = Field(default="", description="Why we chose them so")


class WrittenPack(_Written):
    """One version of one document."""

    schema_version: Literal["drcheck.policy/1"] = Field(alias="schema", description="The version of this file's form", examples=["drcheck.policy/1"])
    id: Identifier = Field(description="Named by estates", examples=["uk-ncsc-offline-backups"])
    version: Named = Field(description="Of this pack: a pack that was published is never edited in place", examples=["1"])
    title: Named = Field(description="What it is called in reports", examples=["NCSC: Offline backups in an online world"])
    about: Named = Field(description="What following it supports, and what it leaves out")
    issuer: Named = Field(description="Who published the guidance", examples=["National Cyber Security Centre (UK)"])
    document: Named = Field(description="The guidance's own title", examples=["Offline backups in an online world"])
    document_version: Named = Field(description="Its version or date", examples=["June 2021"])
    url: str = Field(pattern=r"^(https://|$)", description="Where it is published; empty where it is not", examples=["https://www.ncsc.gov.uk/"])
    date_read: Day = Field(description="When it was last read for this pack", examples=["2026-11-21"])
    country: Country = Field(description="ISO 3166-1 alpha-2 code of where it applies", examples=["GB"])
    sectors: tuple[Named, ...] = Field(min_length=1, description="Whom it addresses", examples=[["health"]])
    licence: Named = Field(description="Under which terms the document is published, and what of it is used here")
    sure: Sure = Field(description="How sure we are of the document as a whole", examples=["verified"])
    controls: tuple[WrittenControl, ...] = Field(min_length=1, description="What it asks")
