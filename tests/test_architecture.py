"""The shape of the project: what ships, how large files are, who may ask for the time."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "drcheck").rglob("*.py"))


def test_every_package_is_listed_for_shipping() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    folders = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "drcheck").rglob("__init__.py")}
    assert listed == folders | {"drcheck_policies"}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_holds_one_noun(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= 400


def test_the_orchestrator_stays_small_and_prints_nothing() -> None:
    text = (ROOT / "drcheck" / "assess.py").read_text()
    assert len(text.splitlines()) <= 150
    assert "print(" not in text
    assert "click" not in text


def test_broad_excepts_stand_only_where_the_design_marks_them() -> None:
    found = {
        str(module.relative_to(ROOT / "drcheck"))
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and not _raises_again(node)
    }
    assert found == {"connectors/base.py", "policy/evaluate.py", "cli/main.py", "workers.py"}


def _is_broad(clause: ast.ExceptHandler) -> bool:
    names = {getattr(part, "id", "") for part in ast.walk(clause.type)} if clause.type else set()
    return clause.type is None or bool({"Exception", "BaseException"} & names)


def _raises_again(clause: ast.ExceptHandler) -> bool:
    """Whether the clause only cleans up: it ends by raising what it caught, and has no other way out."""
    last = clause.body[-1]
    ways_out = (ast.Return, ast.Continue, ast.Break, ast.Yield, ast.YieldFrom)
    return isinstance(last, ast.Raise) and last.exc is None and not any(isinstance(node, ways_out) for node in ast.walk(clause))
