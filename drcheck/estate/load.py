"""Loading an estate: the whole file is judged before anything is looked at, and every problem is said at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from drcheck.canonical import digest_bytes
from drcheck.errors import ConfigError, Problem
from drcheck.estate.inline_secrets import inline_secrets
from drcheck.estate.problems import Keys, Written, in_order
from drcheck.estate.schema import Estate
from drcheck.estate.toml_text import shown
from drcheck.estate.written import parse_toml, read_bytes
from drcheck.plugins import suggest

OptionsLookup = Callable[[Literal["connector", "format"], str, Sequence[str]], type[BaseModel]]
"""The options of the connector or format with this name, where the third argument is the estate's trusted plugins. Raises ConfigError where nobody
provides it."""

_REFERENCES = (
    ("systems", ("production", "site"), "sites", "site"),
    ("targets", ("site",), "sites", "site"),
    ("copies", ("system",), "systems", "system"),
    ("copies", ("target",), "targets", "target"),
)


def load_estate(path: Path, options_of: OptionsLookup | None = None) -> Estate:
    """
    The estate that the file at `path` declares. With `options_of`, the options of connectors and formats are validated too.

    Raises:
        ConfigError: the file cannot be read, or anything in it is wrong; holds every problem that could be found.
    """
    return parse_estate(path, read_bytes(path, noun="an estate file", if_missing=f"write one with: drcheck init {path}"), options_of)


def parse_estate(path: Path, content: bytes, options_of: OptionsLookup | None = None) -> Estate:
    """
    The estate that `content` declares, as if it stood in the file at `path`.

    Raises:
        ConfigError: as `load_estate`.
    """
    document = parse_toml(path, content)
    if not document:
        raise ConfigError([Problem(str(path), "", "is empty", f"write a starter with: drcheck init --force {path}")])
    written = Written(path, document)
    estate, problems = written.validated(Estate, base=path.parent)
    if options_of is not None:
        problems |= _in_options(written, document, options_of, path.parent)
    problems |= dict(_in_references(written, document)) | dict(_repeated(written, document)) | dict(_unpriced(written, document))
    for keys, message in inline_secrets(document).items():
        unknown = keys in problems and problems[keys].message.startswith("unknown key")
        problems[keys] = written.problem(keys, f"{problems[keys].message}; and {message}" if unknown else message)
    if estate is None or problems:
        raise ConfigError(in_order(document, problems))
    estate._file = path
    estate._digest = digest_bytes(content)
    return estate


def _in_options(written: Written, document: Mapping[str, Any], options_of: OptionsLookup, base: Path) -> dict[Keys, Problem]:
    trusted = [name for name in _list(document.get("plugins")) if isinstance(name, str)]
    problems: dict[Keys, Problem] = {}
    kinds: tuple[tuple[Literal["connector", "format"], str], ...] = (("connector", "targets"), ("format", "copies"))
    for noun, section in kinds:
        for place, entry in _entries(document, section):
            name = entry.get(noun)
            if not isinstance(name, str) or not name.strip():
                continue
            try:
                model = options_of(noun, name.strip(), trusted)
            except ConfigError as error:
                problems[section, place, noun] = written.problem((section, place, noun), str(error))
                continue
            # An entry without options is one with none, and the model says which are missing.
            if isinstance(entry.setdefault("options", {}), dict):
                problems |= written.validated(model, (section, place, "options"), base)[1]
    return problems


def _in_references(written: Written, document: Mapping[str, Any]) -> Iterator[tuple[Keys, Problem]]:
    for section, keys, where, noun in _REFERENCES:
        known = dict.fromkeys(name for _, entry in _entries(document, where) if (name := _text(entry.get("id"))))
        if not known:
            continue
        for place, entry in _entries(document, section):
            value: Any = entry
            for key in keys:
                value = value.get(key) if isinstance(value, dict) else None
            wanted = _text(value)
            if wanted and wanted not in known:
                message = f"no {noun} has the id {shown(wanted)}; declared: {_some(list(known))}"
                yield (section, place, *keys), written.problem((section, place, *keys), message, suggest(wanted, known))


def _repeated(written: Written, document: Mapping[str, Any]) -> Iterator[tuple[Keys, Problem]]:
    for section in ("sites", "systems", "targets"):
        first: dict[str, int] = {}
        for place, entry in _entries(document, section):
            if (name := _text(entry.get("id"))) and first.setdefault(name, place) != place:
                yield (section, place, "id"), written.problem((section, place, "id"), f"{shown(name)} is already the id of {section}[{first[name]}]")
    copies: dict[tuple[str, str], int] = {}
    for place, entry in _entries(document, "copies"):
        pair = _text(entry.get("system")), _text(entry.get("target"))
        if all(pair) and copies.setdefault(pair, place) != place:
            message = f"the copy of {shown(pair[0])} at {shown(pair[1])} is already declared by copies[{copies[pair]}]"
            yield ("copies", place), written.problem(("copies", place), message, "one system has one copy at one target; declare a second target")
    for key in ("policies", "plugins"):
        named: set[str] = set()
        for place, name in enumerate(_list(document.get(key))):
            if (text := _text(name)) not in named:
                named.add(text)
            elif text:
                yield (key, place), written.problem((key, place), f"{shown(text)} is named twice")


def _unpriced(written: Written, document: Mapping[str, Any]) -> Iterator[tuple[Keys, Problem]]:
    """Limits of money that nothing can be held against, for want of prices."""
    verify = document.get("verify")
    if isinstance(verify, dict) and "tariff" in verify:
        return
    budgets: list[tuple[Keys, object]] = [(("verify", "budget"), verify.get("budget") if isinstance(verify, dict) else None)]
    budgets += [(("targets", place, "budget"), entry.get("budget")) for place, entry in _entries(document, "targets")]
    for keys, budget in budgets:
        if isinstance(budget, dict) and "money" in budget:
            message, hint = "money is reckoned by a tariff, and none is named", 'add tariff = "tariff.toml" to [verify]; docs/verify.md shows one'
            yield (*keys, "money"), written.problem((*keys, "money"), message, hint)


def _entries(document: Mapping[str, Any], section: str) -> list[tuple[int, dict[str, Any]]]:
    return [(place, entry) for place, entry in enumerate(_list(document.get(section))) if isinstance(entry, dict)]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _some(names: Sequence[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
