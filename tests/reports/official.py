"""The official schemas of formats that others have defined; tests/reports/schemas/README.md says where each is from."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.protocols import Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

SCHEMAS = Path(__file__).parent / "schemas"


@cache
def oscal_validator() -> Validator:
    """Of OSCAL assessment results."""
    text = (SCHEMAS / "oscal-assessment-results-1.2.1.json").read_text(encoding="utf-8")
    # Python's regular expressions have no classes of Unicode. ASCII's letters and digits are less than what the schema allows, so nothing is let by.
    schema = json.loads(text.replace(r"\\p{L}", "[A-Za-z]").replace(r"\\p{N}", "[0-9]"))
    return Draft7Validator(schema, format_checker=Draft7Validator.FORMAT_CHECKER)


@cache
def sarif_validator() -> Validator:
    """Of SARIF logs."""
    schema = json.loads((SCHEMAS / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


@cache
def ocsf_validator(version: str) -> Validator:
    """Of one event of the class Compliance Finding, in one version of OCSF."""
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version)).get_class_schema(class_name="compliance_finding", profiles=[])
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def complaints(validator: Validator, document: Any) -> list[str]:
    """What a schema says against a document, each with its path."""
    return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(document)]
