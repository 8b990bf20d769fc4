"""
Finding connectors, formats, checks and reports by name.

Built-ins are tables of `name -> "module:attribute"`, so nothing is imported before it is asked for. A third party's is an entry point in the
group `drcheck.connectors`, `drcheck.formats`, `drcheck.checks` or `drcheck.reports`; it runs with the estate's credentials, so only
distributions that the estate lists under `plugins` are ever imported. A name cannot be provided twice.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from importlib import import_module, metadata
from typing import Any

from drcheck.errors import ConfigError


def suggest(word: str, known: Collection[str]) -> str:
    """`did you mean "x"?` for the known word nearest to `word`; empty where none is near."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else ""


def available(builtin: Mapping[str, str], group: str, trusted: Collection[str] = ()) -> tuple[str, ...]:
    """Every name that `load` would find, sorted."""
    return tuple(sorted({*builtin, *(point.name for point in _trusted_points(group, trusted))}))


def load(name: str, builtin: Mapping[str, str], group: str, trusted: Collection[str] = ()) -> Any:
    """
    The thing called `name`: a built-in, or one from a trusted distribution's entry point.

    Raises:
        ConfigError: nobody provides it, two do, or it cannot be imported.
    """
    points = [point for point in _trusted_points(group, trusted) if point.name == name]
    noun = group.removeprefix("drcheck.").removesuffix("s")
    if name in builtin:
        if points:
            raise ConfigError(f"the {noun} {name!r} is built in; {_distribution(points[0])} may not provide it too")
        module, _, attribute = builtin[name].partition(":")
        return getattr(import_module(module), attribute)
    if not points:
        known = available(builtin, group, trusted)
        untrusted = sorted({_distribution(point) for point in metadata.entry_points(group=group) if point.name == name})
        hint = f"{untrusted[0]} provides it, and is not trusted: add it to `plugins` to run its code" if untrusted else suggest(name, known)
        raise ConfigError(f"no {noun} is called {name!r}; known: {', '.join(known)}" + (f" ({hint})" if hint else ""))
    if len(points) > 1:
        raise ConfigError(f"the {noun} {name!r} is provided twice: by {' and by '.join(sorted(map(_distribution, points)))}")
    try:
        return points[0].load()
    except (ImportError, AttributeError, SyntaxError) as error:
        raise ConfigError(f"the {noun} {name!r} of {_distribution(points[0])} cannot be imported: {error}") from error


def versions(trusted: Collection[str]) -> tuple[tuple[str, str], ...]:
    """The version of each trusted distribution, `missing` where it is not installed."""
    found = []
    for name in sorted(trusted):
        try:
            found.append((name, metadata.version(name)))
        except (metadata.PackageNotFoundError, ValueError):  # the latter for an empty name
            found.append((name, "missing"))
    return tuple(found)


def _trusted_points(group: str, trusted: Collection[str]) -> list[metadata.EntryPoint]:
    if not trusted:
        return []
    names = {_normal(name) for name in trusted}
    return [point for point in metadata.entry_points(group=group) if _normal(_distribution(point)) in names]


def _normal(distribution: str) -> str:
    """A distribution's name in the one form in which names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _distribution(point: metadata.EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "an unknown distribution"
