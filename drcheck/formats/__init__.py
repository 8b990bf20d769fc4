"""What is stored at a target. Each format is one module and one line here; nothing is imported before an estate asks for it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from drcheck import plugins

if TYPE_CHECKING:
    from drcheck.estate.schema import Copy, Estate
    from drcheck.formats.base import Format

BUILTIN = {
    "dated": "drcheck.formats.dated:DatedFormat",
    "dump": "drcheck.formats.dump:DumpFormat",
    "mirror": "drcheck.formats.mirror:MirrorFormat",
}
GROUP = "drcheck.formats"


def format_class(kind: str, trusted: Collection[str] = ()) -> type[Format]:
    """The format called `kind`. Raises ConfigError where nobody provides it."""
    found: type[Format] = plugins.load(kind, BUILTIN, GROUP, trusted)
    return found


def format_for(copy: Copy, estate: Estate) -> Format:
    """The format of one copy. Raises ConfigError where nobody provides it (validation leaves none)."""
    kind = format_class(copy.format, estate.plugins)
    return kind(kind.options_class.model_validate(copy.options, context={"base": estate.file.parent}))
