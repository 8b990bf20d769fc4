"""`drcheck policy` and the reference of the checks: what a person reads of packs and checks."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from drcheck.checks import BUILTIN, all_checks
from drcheck.checks.base import FACTS, Check
from drcheck.checks.reference import checks_reference
from drcheck.cli.main import cli
from drcheck.errors import ConfigError
from drcheck.policy import load_pack
from tests.policy.rig import EVERY_CHECK, PACKS


def said(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["policy", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_list_names_every_pack() -> None:
    output = said("list")
    assert all(name in output for name in PACKS)


@pytest.mark.parametrize("name", PACKS)
def test_a_pack_is_shown_with_its_clauses_sureness_and_numbers(name: str) -> None:
    output = words(said("show", name))
    pack = load_pack(name)
    assert pack.written.url in output
    for control in pack.controls:
        assert control.id in output
        assert words(f"{control.written.clause} ({control.written.sure})") in output
        assert words(control.written.because) in output
    assert max(map(len, said("show", name).splitlines())) <= 110


def test_the_issuers_numbers_are_told_from_ours() -> None:
    output = words(said("show", "uk-ncsc-offline-backups"))
    assert "issuer's minimum = 3 ours production_counts = yes because" in output
    assert "governance_counts = no (default)" in output


def test_a_pack_of_a_stranger_cannot_paint_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    control = '[[controls]]\nid = "a"\nclause = "c\\u001b[31m"\ntitle = "t\\u001b]0;x\\u0007"\ntext = "x"\nsure = "memory"\ncheck = "copies.count"\n'
    (tmp_path / "pack.toml").write_text(EVERY_CHECK + control, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    output = said("show", "./pack.toml")
    assert "\x1b" not in output
    assert "\\x1b[31m" in output


@pytest.mark.parametrize("name", BUILTIN)
def test_a_check_is_explained_on_the_command_line_and_in_the_reference(name: str) -> None:
    check = next(one for one in all_checks() if one.id == name)
    output, page = words(said("checks", name)), words(checks_reference())
    for text in (check.passes, check.remediation, *(parameter.meaning for parameter in check.parameters)):
        assert words(text) in output
        assert words(text) in page
    assert name in said("checks")
    assert f"## `{name}`" in page


def test_a_check_that_is_not_there_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ConfigError, match=r'no check is called .copies.cuont.*did you mean "copies.count"'):
        said("checks", "copies.cuont")


def test_the_definitions_agree_with_themselves() -> None:
    known = {name for names in FACTS.values() for name in names}
    for name, check in zip(BUILTIN, all_checks(), strict=True):
        assert check.id == name
        assert set(check.looks_at) <= known
        for parameter in check.parameters:
            assert parameter.default is None or type(parameter.default).__name__ in ("int", "bool", "timedelta", "str", "tuple")


def test_a_check_that_needs_what_there_is_not_cannot_be_defined() -> None:
    check = all_checks()[0]
    fields = {name: getattr(check, name) for name in Check.__slots__}
    with pytest.raises(ValueError, match="needs vibes"):
        Check(**(fields | {"needs": ("vibes",)}))
    with pytest.raises(ValueError, match="needs no fact"):
        Check(**(fields | {"needs": ()}))
