"""What is wrong in a file that somebody wrote, in words: each problem with the path of its key, the wrong value and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from drcheck.errors import Problem
from drcheck.estate.inline_secrets import NOT_SHOWN, giveaway, may_be_secret, private_texts, without
from drcheck.estate.toml_text import shown, toml_key, toml_value
from drcheck.model import printable
from drcheck.plugins import suggest

M = TypeVar("M", bound=BaseModel)
Keys = tuple[str | int, ...]

_KINDS = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dict_type": "must be a table, written as { key = value }",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "frozen_set_type": "must be a list, written as [ … ]",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "list_type": "must be a list, written as [ … ]",
    "model_type": "must be a table, written as { key = value }",
    "path_type": "must be a path, as text in quotes",
    "set_type": "must be a list, written as [ … ]",
    "string_sub_type": "must be text in quotes",
    "string_type": "must be text in quotes",
    "string_unicode": "must be text without half characters (lone surrogates)",
    "tuple_type": "must be a list, written as [ … ]",
}
_LIMITS = {
    "greater_than": ("must be more than {}", "gt"),
    "greater_than_equal": ("must be at least {}", "ge"),
    "less_than": ("must be less than {}", "lt"),
    "less_than_equal": ("must be at most {}", "le"),
    "string_too_long": ("must have at most {} characters", "max_length"),
    "too_long": ("must have at most {} entries", "max_length"),
}


class Written:
    """One file that somebody wrote, as it was parsed: makes problems that point into it and give no secret away."""

    def __init__(self, file: Path | str, document: object, prefix: str = "") -> None:
        self.file = str(file)
        self.document = document
        self._prefix = prefix
        self._private = private_texts(document)

    def problem(self, keys: Keys, message: str, hint: str = "") -> Problem:
        """A problem at these keys, on one line; private texts are taken out of the message."""
        return Problem(self.file, self.key(keys), printable(without(self._private, message)), printable(without(self._private, hint)))

    def key(self, keys: Keys) -> str:
        """The path of a key, such as `targets[2] (offsite-sftp).options.host`, with the id of each entry where it is known."""
        text, here = self._prefix, self.document
        for part in keys:
            if isinstance(part, int):
                here = here[part] if isinstance(here, list) and part < len(here) else None
                text += f"[{part}]" + (f" ({name})" if (name := self._name(here)) else "")
            else:
                here = here.get(part) if isinstance(here, dict) else None
                text += ("." if text else "") + ("(a key that is not shown)" if giveaway(part) else toml_key(printable(part)))
        return text

    def validated(self, model: type[M], at: Keys = (), base: Path | None = None) -> tuple[M | None, dict[Keys, Problem]]:
        """The model of the part of the document at `at`, or None and every problem in it by its keys. `base` is where relative paths start."""
        part: Any = self.document
        for key in at:
            part = part[key]
        try:
            return model.model_validate(part, context={"base": base} if base is not None else None), {}
        except ValidationError as error:
            return None, self._explained(error, model, at)

    def _explained(self, error: ValidationError, model: type[BaseModel], at: Keys) -> dict[Keys, Problem]:
        problems: dict[Keys, Problem] = {}
        for one in error.errors(include_url=False):
            if one["type"] == "too_short" and len(one["input"]) >= one["ctx"]["min_length"]:
                continue  # pydantic counts the valid entries only; what is wrong with the others is said anyway
            keys = self._followed((*at, *one["loc"]))
            message, hint = self._said(keys, dict(one), model)
            problem = self.problem(keys, message, hint)
            if keys in problems:
                # Each branch of a union objects by itself; to the reader they are one problem.
                if problem.message not in problems[keys].message:
                    problems[keys] = Problem(
                        self.file, problem.key, f"{problems[keys].message}; or {problem.message}", problems[keys].hint or problem.hint
                    )
            else:
                problems[keys] = problem
        return problems

    def _followed(self, location: tuple[str | int, ...]) -> Keys:
        """The location without what pydantic adds for itself, such as the names of a union's branches."""
        kept: list[str | int] = []
        here: Any = self.document
        for place, part in enumerate(location):
            inside = part in here if isinstance(here, dict) else isinstance(here, list) and isinstance(part, int) and part < len(here)
            if inside:
                here = here[part]
            elif not isinstance(here, dict) or not isinstance(part, str) or part == "[key]" or place < len(location) - 1:
                continue
            kept.append(part)
        return tuple(kept)

    def _said(self, keys: Keys, one: dict[str, Any], model: type[BaseModel]) -> tuple[str, str]:
        kind, context, value = one["type"], one.get("ctx", {}), one["input"]
        last = str(keys[-1]) if keys else ""
        if kind == "missing":
            field = next((found for name, found in _fields(model, one["loc"]) if name == last), None)
            about = f": {field.description}" if field is not None and field.description else ""
            example = f"for example {toml_key(last)} = {toml_value(field.examples[0])}" if field is not None and field.examples else ""
            return f"is missing{about}", example
        if kind == "extra_forbidden":
            allowed = list(dict.fromkeys(name for name, _ in _fields(model, one["loc"])))
            return f"unknown key; allowed here: {', '.join(allowed) or 'nothing'}", suggest(last, allowed)
        if one["loc"] and one["loc"][-1] == "[key]":
            allowed = _choices(context)
            return f"unknown key; allowed here: {', '.join(allowed)}", suggest(last, allowed)
        if kind in ("literal_error", "enum"):
            allowed = _choices(context)
            hint = suggest(value, allowed) if isinstance(value, str) else ""
            return self._with_value(keys, value, f"must be {allowed[0]}" if len(allowed) == 1 else f"must be one of {', '.join(allowed)}"), hint
        if kind == "value_error":
            message = str(context["error"])
            whole = isinstance(value, dict | list | tuple) or (isinstance(value, str) and value != "" and value in message)
            return (message if whole else f"{self._value(keys, value)}: {message}"), ""
        if kind in ("string_too_short", "too_short"):
            least = context.get("min_length", 1)
            if isinstance(value, str):
                return ("must not be empty" if least == 1 else self._with_value(keys, value, f"must have at least {least} characters")), ""
            return f"must have at least {'one entry' if least == 1 else f'{least} entries'}", ""
        if kind in _LIMITS:
            text, limit = _LIMITS[kind]
            return self._with_value(keys, value, text.format(context.get(limit))), ""
        if kind == "string_pattern_mismatch":
            return self._with_value(keys, value, f"must have the form {context.get('pattern')}"), ""
        message = str(one["msg"])
        return self._with_value(keys, value, _KINDS.get(kind, message[:1].lower() + message[1:])), ""

    def _with_value(self, keys: Keys, value: object, message: str) -> str:
        return f"{message}, not {self._value(keys, value)}"

    def _value(self, keys: Keys, value: object) -> str:
        if may_be_secret(keys) or (isinstance(value, str) and giveaway(value)):
            return f"what is there {NOT_SHOWN}"
        return shown(value)

    def _name(self, entry: object) -> str:
        if not isinstance(entry, dict):
            return ""
        names = [entry.get("id")] if "id" in entry else [entry.get("system"), entry.get("target")]
        text = "@".join(name for name in names if isinstance(name, str) and name)
        return printable(text)[:60] if without(self._private, text) == text else NOT_SHOWN.strip("()")


def in_order(document: dict[str, object], problems: dict[Keys, Problem]) -> list[Problem]:
    """The problems in the order of the document's sections and entries; what is missing comes last."""
    places = {key: place for place, key in enumerate(document)}

    def place(keys: Keys) -> tuple[int, int]:
        section = places.get(str(keys[0]), len(places)) if keys else -1
        return section, keys[1] if len(keys) > 1 and isinstance(keys[1], int) else -1

    return [problems[keys] for keys in sorted(problems, key=place)]


def _choices(context: dict[str, Any]) -> list[str]:
    # pydantic gives the choices as one text: 'a', 'b' or 'c'.
    return re.findall(r"'([^']*)'", str(context.get("expected", ""))) or [str(context.get("expected", ""))]


def _fields(model: type[BaseModel], location: Sequence[str | int]) -> Iterator[tuple[str, Any]]:
    """Every field, by its name in the file, of the models that the last part of `location` may belong to."""
    models = {model}
    for part in location[:-1]:
        inner = {found for one in models for name, field in _named_fields(one) if name == part for found in _models_in(field.annotation)}
        models = inner or models
    for one in sorted(models, key=lambda found: found.__name__):
        yield from _named_fields(one)


def _named_fields(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        yield field.alias or name, field


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
