"""
Facts as text, so that a night can be judged again: with another policy, at another moment, by somebody else.

What is read back was written by others, or edited. It is refused unless every value is understood exactly as it is written: a key that nobody
reads, such as a misspelt `stopped`, would otherwise turn an unfinished reading into a finished one.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from pydantic import TypeAdapter, ValidationError

from drcheck.clock import parse_moment
from drcheck.errors import ConfigError, Problem
from drcheck.model import Facts

SCHEMA = "drcheck.facts/1"
_ADAPTER = TypeAdapter(Facts)
_ADVICE = "give a file that --keep-facts wrote"


def facts_to_json(facts: Facts) -> str:
    """The facts as one JSON document in ASCII, which keeps names that are no UTF-8; `facts_from_json` gives equal facts back."""
    document = {"schema": SCHEMA, **_ADAPTER.dump_python(facts, mode="json")}
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def facts_from_json(text: str, file: Path) -> Facts:
    """
    The facts that `text` holds; `file` is where it came from, for messages.

    Raises:
        ConfigError: the text is no such document; every problem has its key path.
    """
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ConfigError([Problem(str(file), "", f"is not JSON: {error}", _ADVICE)]) from error
    if not isinstance(document, dict) or "schema" not in document:
        raise ConfigError([Problem(str(file), "schema", f"is missing, so these are no facts; {SCHEMA!r} is needed", _ADVICE)])
    schema = document.pop("schema")
    if schema != SCHEMA:
        raise ConfigError([Problem(str(file), "schema", f"is {schema!r}; this drcheck reads {SCHEMA!r}", _ADVICE)])
    try:
        facts = _ADAPTER.validate_python(document)
    except ValidationError as error:
        raise ConfigError(list(_problems(error, document, str(file)))) from error
    problems = [*_misunderstood(document, _ADAPTER.dump_python(facts, mode="json"), "", str(file)), *_zoneless(facts, "", str(file))]
    if problems:
        raise ConfigError(problems)
    return facts


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _problems(error: ValidationError, document: Any, file: str) -> Iterator[Problem]:
    for problem in error.errors(include_url=False):
        path = _path(problem["loc"], document)
        if path is not None:
            yield Problem(file, path, problem["msg"])


def _path(location: tuple[int | str, ...], document: Any) -> str | None:
    """The key path of a validation error; None for one of the kind of fact (known or not known) that the document does not mean there."""
    path, here = "", document
    for part in location:
        if part in ("Observed", "Unobserved"):
            meant = "Unobserved" if isinstance(here, dict) and "reason" in here else "Observed"
            if part != meant:
                return None
            continue
        path = f"{path}[{part}]" if isinstance(part, int) else _below(path, part)
        if isinstance(here, dict):
            here = here.get(str(part))
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
    return path


def _misunderstood(given: Any, understood: Any, path: str, file: str) -> Iterator[Problem]:
    """Where the document says something else than what was made of it."""
    if isinstance(given, dict) and isinstance(understood, dict):
        for key, value in given.items():
            if key in understood:
                yield from _misunderstood(value, understood[key], _below(path, key), file)
            else:
                yield Problem(file, _below(path, key), f"is no key of a fact; known here: {', '.join(understood)}")
    elif isinstance(given, list) and isinstance(understood, list) and len(given) == len(understood):
        for index, (value, other) in enumerate(zip(given, understood, strict=True)):
            yield from _misunderstood(value, other, f"{path}[{index}]", file)
    elif not _same(given, understood):
        yield Problem(file, path, f"is {given!r}, which would be understood as {understood!r}; write it so")


def _same(given: Any, understood: Any) -> bool:
    if type(given) is type(understood) and given == understood:
        return True
    if isinstance(understood, float):
        return type(given) is int and given == understood
    if isinstance(given, str) and isinstance(understood, str):
        try:
            return parse_moment(given) == parse_moment(understood)
        except ValueError:
            return False
    return False


def _zoneless(value: Any, path: str, file: str) -> Iterator[Problem]:
    """Moments without a zone: a guessed zone is a wrong age."""
    if isinstance(value, datetime) and value.tzinfo is None:
        yield Problem(file, path, f"is {value.isoformat()}, which has no time zone", "write it as 2026-03-01T02:10:00Z")
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _zoneless(item, f"{path}[{index}]", file)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _zoneless(getattr(value, field.name), _below(path, field.name), file)


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
