"""
Facts as text, so that a night can be judged again: with another policy, at another moment, by somebody else; and whole assessments, as they are
recorded for good.

What is read back was written by others, or edited. It is refused unless every value is understood exactly as it is written: a key that nobody
reads, such as a misspelt `stopped`, would otherwise turn an unfinished reading into a finished one.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pydantic import TypeAdapter, ValidationError

from drcheck.canonical import LARGEST, canonical_json
from drcheck.canonical_findings import canonical_findings, with_surrogates_shown
from drcheck.clock import parse_moment
from drcheck.errors import ConfigError, Problem
from drcheck.model import Assessment, CopyFacts, Facts, TargetFacts, printable

FACTS = "drcheck.facts/1"
RECORD = "drcheck.record/1"
_MOST_DIGITS = 40
"""Of the longest number that is read: nothing that is counted here comes near, and sums and shares of longer ones are beyond a fraction's range."""
_AT_A_TIME = 500
T = TypeVar("T", Facts, Assessment)


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    # Made when first needed: that of a whole assessment takes a while.
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def facts_to_json(facts: Facts) -> str:
    """The facts as one JSON document in ASCII, which keeps names that are no UTF-8; `facts_from_json` gives equal facts back."""
    document = {"schema": FACTS, **_adapter(Facts).dump_python(facts, mode="json")}
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def facts_from_json(text: str, file: Path) -> Facts:
    """
    The facts that `text` holds; `file` is where it came from, for messages.

    Raises:
        ConfigError: the text is no such document; every problem has its key path.
    """
    return _read(Facts, FACTS, text, str(file), "give a file that --keep-facts wrote")


def assessment_to_record(assessment: Assessment) -> bytes:
    """
    The whole assessment, its facts among it, as one line in RFC 8785 form: what a night's digest is of.

    Fractions and what is beyond 2**53 are texts, since not every reader keeps them as numbers; a name that is no UTF-8 shows its bytes as `\\xff`.
    """
    return b"".join(record_parts(assessment))


def record_parts(assessment: Assessment) -> Iterator[bytes]:
    """The same in parts that follow each other: what there may be millions of is written one by one, and never held as a whole."""
    facts = assessment.facts
    rest = replace(assessment, findings=(), facts=replace(facts, copies=(), targets=()))
    shell = {"schema": RECORD, **_adapter(Assessment).dump_python(rest, mode="json")}
    for place in (*shell["sites"], *shell["systems"], *shell["targets"]):
        # A night of before domains were kept is written as it was then: its digest stands in the chain.
        if place["domains"] is None:
            del place["domains"]
    inner: dict[str, Iterable[bytes]] = {name: [_canonical(value)] for name, value in shell.pop("facts").items()}
    inner |= {"copies": _listed(_each(CopyFacts, facts.copies)), "targets": _listed(_each(TargetFacts, facts.targets))}
    outer: dict[str, Iterable[bytes]] = {name: [_canonical(value)] for name, value in shell.items()}
    yield from _table(outer | {"facts": _table(inner), "findings": _listed(canonical_findings(assessment.findings))})


def _canonical(value: Any) -> bytes:
    return canonical_json(_in_integers_and_texts(value))


def _each(kind: type[Any], items: Iterable[Any]) -> Iterator[bytes]:
    dump = _adapter(kind).dump_python
    return (_canonical(dump(item, mode="json")) for item in items)


def _listed(items: Iterator[bytes]) -> Iterator[bytes]:
    before = b"["
    while some := list(islice(items, _AT_A_TIME)):
        yield before + b",".join(some)
        before = b","
    yield b"[]" if before == b"[" else b"]"


def _table(members: Mapping[str, Iterable[bytes]]) -> Iterator[bytes]:
    for place, name in enumerate(sorted(members)):
        yield b'%s"%s":' % (b"," if place else b"{", name.encode("ascii"))
        yield from members[name]
    yield b"}"


def assessment_from_record(content: bytes, name: str) -> Assessment:
    """
    The assessment that a record holds; `name` is where it came from, for messages.

    Raises:
        ConfigError: it is no record; every problem has its key path.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(name, "", f"is not UTF-8 text: {error.reason}", _RECORD_ADVICE)]) from error
    assessment = _read(Assessment, RECORD, text, name, _RECORD_ADVICE)
    if problems := list(_ambiguous(assessment, name)):
        raise ConfigError(problems)
    return assessment


_RECORD_ADVICE = "give a record that drcheck wrote"


def _in_integers_and_texts(value: Any) -> Any:
    match value:
        case float():
            return repr(value)
        case int() if abs(value) > LARGEST:
            return str(value)
        case str():
            return with_surrogates_shown(value)
        case list():
            return [_in_integers_and_texts(item) for item in value]
        case dict():
            return {key: _in_integers_and_texts(item) for key, item in value.items()}
    return value


def _read(kind: type[T], schema: str, text: str, file: str, advice: str) -> T:
    try:
        document: Any = json.loads(text, parse_constant=_refuse_constant, parse_int=_number, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise ConfigError([Problem(file, "", f"is not JSON: {error}", advice)]) from error
    if not isinstance(document, dict) or "schema" not in document:
        raise ConfigError([Problem(file, "schema", f"is missing; {schema!r} is needed", advice)])
    found = document.pop("schema")
    if found != schema:
        raise ConfigError([Problem(file, "schema", f"is {found!r}; this drcheck reads {schema!r}", advice)])
    adapter: TypeAdapter[Any] = _adapter(kind)
    try:
        value: T = adapter.validate_python(document)
    except ValidationError as error:
        raise ConfigError(list(_problems(error, document, file))) from error
    problems = [*_misunderstood(document, adapter.dump_python(value, mode="json"), "", file), *_zoneless(value, "", file)]
    if problems:
        raise ConfigError(problems)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _number(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits is not read")
    return int(digits)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """One object; a key that is there twice would say one thing to this reader and another to the next."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {printable(key)!r} is there twice in one object")
        found[key] = value
    return found


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
        return (type(given) is int and given == understood) or given == repr(understood)
    if isinstance(understood, int) and abs(understood) > LARGEST:
        return len(str(given)) <= _MOST_DIGITS and bool(given == str(understood))
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


def _ambiguous(assessment: Assessment, file: str) -> Iterator[Problem]:
    """Packs, and controls of one pack, that have one id: a finding names its control by both, and would mean either."""
    lists = {"policies": [policy.id for policy in assessment.policies]}
    lists |= {f"policies[{place}].controls": [control.id for control in policy.controls] for place, policy in enumerate(assessment.policies)}
    for path, ids in lists.items():
        yield from (Problem(file, f"{path}[{at}].id", f"is {name!r} once more", _RECORD_ADVICE) for at, name in enumerate(ids) if name in ids[:at])


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
