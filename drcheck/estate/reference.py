"""The estate file described: its JSON Schema, and the reference that people read, both made from the models."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, TypeAdapter

from drcheck.estate.fields import exact_duration
from drcheck.estate.schema import Estate
from drcheck.estate.toml_text import toml_key, toml_value

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_ID = "urn:drcheck:estate:1"
_KINDS = {
    "drcheck-duration": "duration",
    "drcheck-size": "size",
    "drcheck-money": "amount of money",
    "drcheck-secret-reference": "secret reference",
    "drcheck-target-path": "path at the target",
    "drcheck-id": "id",
    "path": "path",
    "date": "date",
    "date-time": "moment",
}


def estate_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the estate file."""
    return {"$schema": DIALECT, "$id": SCHEMA_ID, **Estate.model_json_schema(by_alias=True)}


def key_table(model: type[BaseModel]) -> str:
    """One model's keys as a Markdown table: key, kind of value, default, meaning and an example."""
    schema = model.model_json_schema(by_alias=True)
    return _table(schema, schema.get("$defs", {}))


def sections(schema: Mapping[str, Any]) -> dict[str, str]:
    """A Markdown table for the file itself (under the empty name) and for every section that its schema defines, by name."""
    definitions = schema["$defs"]
    return {"": _table(schema, definitions)} | {name: _table(part, definitions) for name, part in definitions.items()}


def _table(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    required = set(schema.get("required", ()))
    lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for key, field in schema.get("properties", {}).items():
        meaning = field.get("description", "")
        if field.get("examples"):
            meaning += f"{'.' if meaning else ''} Example: `{toml_key(key)} = {toml_value(field['examples'][0])}`"
        default = "**required**" if key in required else _default(field)
        lines.append(f"| `{toml_key(key)}` | {_cell(_kind(field, definitions))} | {_cell(default)} | {_cell(meaning.strip())} |")
    return "\n".join(lines) if len(lines) > 2 else "No keys."


def _default(field: Mapping[str, Any]) -> str:
    value = field.get("default")
    if value in (None, "", [], {}):
        return "none"
    if field.get("format") == "drcheck-duration":
        # pydantic writes a default in the ISO form, whatever the field's own.
        value = exact_duration(TypeAdapter(timedelta).validate_python(value))
    return f"`{toml_value(value)}`"


def _kind(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        target = definitions.get(name, {})
        return f"table, see [{name.lower()}](#{name.lower()})" if target.get("type") == "object" else _kind(target, definitions)
    if "const" in field:
        return f"`{toml_value(field['const'])}`"
    if "enum" in field:
        return ", ".join(f"`{toml_value(choice)}`" for choice in field["enum"])
    if field.get("format") in _KINDS:
        return _KINDS[field["format"]]
    for branches in ("anyOf", "oneOf"):
        kinds = [_kind(branch, definitions) for branch in field.get(branches, ()) if branch.get("type") != "null"]
        if kinds:
            return " or ".join(dict.fromkeys(kinds))
    match field.get("type"):
        case "array":
            items = field.get("items", {})
            return f"list of {_kind(items, definitions)}" if items else "list"
        case "object":
            return "table"
        case "string":
            return "text"
        case "boolean":
            return "true or false"
        case "integer":
            return f"whole number{_range(field)}"
        case "number":
            return f"number{_range(field)}"
        case _:
            return "any"


def _range(field: Mapping[str, Any]) -> str:
    low, high = field.get("minimum", field.get("exclusiveMinimum")), field.get("maximum", field.get("exclusiveMaximum"))
    if low is None and high is None:
        return ""
    return f", {low} to {high}" if low is not None and high is not None else f", at least {low}" if low is not None else f", at most {high}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
