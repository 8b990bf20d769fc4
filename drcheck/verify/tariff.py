"""
The tariff: what reading costs at each place, from a file that people write and keep up to date.

Prices differ by place, contract and year, so drcheck knows none. Every entry says where its prices come from and of which day they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints

from drcheck.errors import ConfigError, Problem
from drcheck.estate.fields import Day, Money
from drcheck.estate.inline_secrets import inline_secrets
from drcheck.estate.problems import Keys, Written, in_order
from drcheck.estate.schema import Estate, Named
from drcheck.estate.toml_text import shown
from drcheck.estate.written import parse_toml, read_bytes
from drcheck.plugins import suggest
from drcheck.verify.budget import Cost

_GIB = 2**30
_THOUSAND = 1000
_PRICES = ("requests", "egress", "retrieval")


class RequestPrices(BaseModel):
    """What 1,000 requests cost. All of them are given: one that is forgotten would be free."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    list: Money = Field(description="Listing", examples=["0.0050"])
    get: Money = Field(description="Reading an object or a part of it", examples=["0.0004"])
    head: Money = Field(description="Asking about an object", examples=["0.0004"])


class Prices(BaseModel):
    """What reading at one place costs."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    free: StrictBool = Field(default=False, description="Reading costs nothing here; no prices are given then")
    requests: RequestPrices | None = Field(default=None, description="For 1,000 requests, by class")
    egress: Money | None = Field(default=None, description="For a GiB that leaves the place", examples=["0.0900"])
    retrieval: Money | None = Field(default=None, description="For a GiB that is fetched from its storage class", examples=["0.0100"])
    source: Named = Field(description="Where the prices stand: a page, a contract", examples=["contract 4711, annex B"])
    date: Day = Field(description="The day on which they were looked up", examples=["2026-03-01"])

    def of(self, size: int, requests: Mapping[str, int]) -> Decimal:
        """What reading `size` bytes with so many requests by class costs, before taxes, free allowances and discounts by volume."""
        if self.free or self.requests is None or self.egress is None or self.retrieval is None:
            return Decimal(0)
        for_bytes = (self.egress + self.retrieval) * size / _GIB
        return for_bytes + sum((getattr(self.requests, kind) * count for kind, count in requests.items()), Decimal(0)) / _THOUSAND


class _TariffFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, title="drcheck tariff")

    schema_version: Literal["drcheck.tariff/1"] = Field(alias="schema", description="The version of this file's form", examples=["drcheck.tariff/1"])
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")] = Field(description="ISO 4217 code", examples=["GBP"])
    connectors: dict[str, Prices] = Field(default_factory=dict, description="By the kind of connector, for targets that have no prices of their own")
    targets: dict[str, Prices] = Field(default_factory=dict, description="By the id of a target")


@dataclass(frozen=True, slots=True)
class Tariff:
    """What reading costs at each place."""

    currency: str
    """ISO 4217."""
    connectors: Mapping[str, Prices]
    targets: Mapping[str, Prices]
    file: Path

    def prices(self, target: str, connector: str) -> Prices | None:
        """Those of a target, else those of its kind of connector; None where the tariff has neither."""
        return self.targets.get(target) or self.connectors.get(connector)

    def price(self, target: str, connector: str, cost: Cost) -> Decimal:
        """
        What so many bytes and requests at a target cost, in `currency`.

        Raises:
            ConfigError: the tariff has no prices for it. What is not known is not free.
        """
        prices = self.prices(target, connector)
        if prices is None:
            raise ConfigError(f"{self.file}: has no prices for the target {target} ({connector}); add [targets.{target}] or [connectors.{connector}]")
        return prices.of(cost.bytes, cost.requests)

    def oldest(self) -> date | None:
        """The day of the oldest prices; None where there are none."""
        return min((prices.date for prices in (*self.connectors.values(), *self.targets.values())), default=None)


def load_tariff(path: Path, estate: Estate | None = None) -> Tariff:
    """
    The tariff in the file at `path`. With an estate, prices for a target or connector that it does not have are refused: a mistyped id would leave
    the target with other prices.

    Raises:
        ConfigError: the file cannot be read, or anything in it is wrong; holds every problem that could be found.
    """
    content = read_bytes(path, noun="a tariff of prices", if_missing="docs/verify.md shows one; write it with your own prices")
    document = parse_toml(path, content)
    written = Written(path, document)
    parsed, problems = written.validated(_TariffFile)
    for section in ("connectors", "targets"):
        entries = document.get(section)
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            problems |= _incomplete(written, (section, name), entry)
            if estate is not None:
                problems |= _unknown(written, (section, name), estate)
    problems |= {keys: written.problem(keys, message) for keys, message in inline_secrets(document).items()}
    if parsed is None or problems:
        raise ConfigError(in_order(document, problems))
    return Tariff(parsed.currency, parsed.connectors, parsed.targets, path)


def _incomplete(written: Written, at: tuple[str, str], entry: object) -> dict[Keys, Problem]:
    """Prices that are missing, or that stand beside `free`."""
    problems: dict[Keys, Problem] = {}
    if isinstance(entry, dict):
        free = entry.get("free") is True
        for key in _PRICES:
            if free and key in entry:
                problems[*at, key] = written.problem((*at, key), "stands beside free = true", "leave one of them out")
            elif not free and key not in entry:
                hint = 'write "0" where it costs nothing, or free = true where nothing does'
                problems[*at, key] = written.problem((*at, key), f"is missing: {Prices.model_fields[key].description}", hint)
    return problems


def _unknown(written: Written, at: tuple[str, str], estate: Estate) -> dict[Keys, Problem]:
    section, name = at
    known = [target.id for target in estate.targets] if section == "targets" else sorted({target.connector for target in estate.targets})
    if section == "connectors" or name in known:
        return {}
    return {at: written.problem(at, f"no target has the id {shown(name)}; declared: {', '.join(known)}", suggest(name, known))}
