"""
The parts of the documentation, and of the package, that are made from the code: `python -m docs.generate`, or with `--check` to see whether they are
fresh.

Each page is a path in the project and the function that returns its text.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

FOLDER = Path(__file__).parents[1]


def estate_page() -> str:
    """`estate.md`: the reference of the estate file and of the file of drills."""
    from docs.estate_page import page

    return page()


def estate_schema_page() -> str:
    """`estate.schema.json`: the JSON Schema of the estate file."""
    from drcheck.estate.reference import estate_schema

    return json.dumps(estate_schema(), indent=2, ensure_ascii=False) + "\n"


def checks_page() -> str:
    """`checks.md`: the reference of the checks."""
    from drcheck.checks.reference import checks_reference

    return checks_reference()


def phrases_page() -> str:
    """`phrases.json`, beside the code that reads it: the words of drcheck's own messages."""
    from docs.phrases import phrases

    return json.dumps(sorted(phrases()), indent=0) + "\n"


PAGES: list[tuple[str, Callable[[], str]]] = [
    ("docs/estate.md", estate_page),
    ("docs/estate.schema.json", estate_schema_page),
    ("docs/checks.md", checks_page),
    ("drcheck/evidence/phrases.json", phrases_page),
]


def stale() -> list[str]:
    """The pages whose files do not hold what the code says."""
    return [name for name, made in PAGES if not (FOLDER / name).is_file() or (FOLDER / name).read_text(encoding="utf-8") != made()]


def main(arguments: Sequence[str]) -> int:
    """Write every page, or with `--check` only say which are stale; returns the exit code."""
    if list(arguments) == ["--check"]:
        found = stale()
        for name in found:
            sys.stderr.write(f"{name} is stale; run: python -m docs.generate\n")
        return 1 if found else 0
    if arguments:
        sys.stderr.write("usage: python -m docs.generate [--check]\n")
        return 2
    for name, made in PAGES:
        (FOLDER / name).write_text(made(), encoding="utf-8")
        sys.stdout.write(f"{name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
