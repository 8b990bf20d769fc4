"""A small estate that is right, and ways to make it wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator

from drcheck.errors import ConfigError, Problem
from drcheck.estate.fields import EstatePath, SecretReference
from drcheck.estate.load import load_estate

GOOD = """\
schema = "drcheck.estate/1"
policies = ["uk-caf-b5"]
drills = "drills.toml"

[organisation]
id = "north"
name = "North Hospital"
country = "GB"

[[sites]]
id = "main"
name = "Main"
domains = { power = "feed-a", cooling = ["chiller-1", "chiller-2"], key = "vault-key" }

[[sites]]
id = "away"
name = "Away"

[[systems]]
id = "epr"
name = "Patient record"
tier = "critical"
owner = "CCIO"
production = { site = "main", device = "san-1" }
rpo = "24h"

[[systems]]
id = "lab"
name = "Laboratory"
tier = "routine"
owner = "Laboratory"
production = { site = "main" }
rpo = "2d"

[[targets]]
id = "nas"
connector = "box"
site = "main"
options = { host = "nas.example" }

[[targets]]
id = "vault"
connector = "box"
site = "away"
options = { host = "vault.example", password = "env:VAULT", known_hosts = "hosts" }

[[copies]]
system = "epr"
target = "nas"
format = "plain"

[[copies]]
system = "epr"
target = "vault"
format = "plain"
path = "epr/full"
"""


class Box(BaseModel):
    """The options of a connector that is only for tests."""

    model_config = ConfigDict(extra="forbid")

    host: str
    port: int = 22
    password: SecretReference | None = None
    known_hosts: EstatePath | None = None


class Plain(BaseModel):
    """The options of a format that is only for tests."""

    model_config = ConfigDict(extra="forbid")

    pattern: str = ""

    @field_validator("pattern")
    @classmethod
    def _not_forged(cls, pattern: str) -> str:
        if "forged" in pattern:
            raise ValueError(f"{pattern} is refused as it stands")
        return pattern


def options_of(noun: Literal["connector", "format"], kind: str, trusted: Sequence[str]) -> type[BaseModel]:
    """Knows the connector `box`, the format `plain`, and the connector `tape` of the plugin `drcheck-tape`."""
    known: dict[tuple[str, str], type[BaseModel]] = {("connector", "box"): Box, ("format", "plain"): Plain}
    if "drcheck-tape" in trusted:
        known["connector", "tape"] = Box
    if (noun, kind) not in known:
        raise ConfigError(f"no {noun} is called {kind!r}")
    return known[noun, kind]


def problems_of(tmp_path: Path, content: str | bytes) -> tuple[Problem, ...]:
    """Every problem of an estate file with this content; none where it is right."""
    file = tmp_path / "estate.toml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    try:
        load_estate(file, options_of)
    except ConfigError as error:
        problems = error.problems
    else:
        return ()
    assert problems, "a ConfigError about a file names its problems"
    assert {problem.file for problem in problems} == {str(file)}
    return problems


def replaced(old: str, new: str, text: str = GOOD) -> str:
    """The good estate with `old`, which must be in it, replaced once."""
    assert old in text
    return text.replace(old, new, 1)
