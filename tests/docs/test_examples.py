"""Examples of files in the documentation: what somebody copies from a page must be taken by drcheck as it stands there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from drcheck.policy.waivers import parse_waivers
from drcheck.verify.tariff import load_tariff

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^( *)```toml\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
EXAMPLES = [
    (f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, block.start(2)) + 1}", block[2])
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    for text in (page.read_text(encoding="utf-8"),)
    for block in _BLOCK.finditer(text)
]


def _with(words: str) -> list[object]:
    found = [pytest.param(content, id=place) for place, content in EXAMPLES if words in content]
    assert found
    return list(found)


@pytest.mark.parametrize("content", _with(""))
def test_an_example_is_toml(content: str) -> None:
    assert tomllib.loads(content) or content.lstrip().startswith("#")


@pytest.mark.parametrize("content", _with("\n[[waivers]]"))
def test_an_example_of_waivers_is_taken(content: str) -> None:
    assert parse_waivers(Path("waivers.toml"), content.encode())


@pytest.mark.parametrize("content", _with("drcheck.tariff/"))
def test_an_example_of_prices_is_taken(content: str, tmp_path: Path) -> None:
    file = tmp_path / "tariff.toml"
    file.write_text(content, encoding="utf-8")
    assert load_tariff(file)
