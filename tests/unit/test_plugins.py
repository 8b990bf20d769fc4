"""Finding things by name: built in, or from a distribution that the estate trusts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from drcheck.errors import ConfigError
from drcheck.plugins import available, load, suggest, versions

BUILTIN = {"local": "json:loads", "sftp": "module_that_is_absent:Thing"}
GROUP = "drcheck.connectors"
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a distribution with entry points on the path, as pip would."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def go(distribution: str, module: str, code: str, **points: str) -> None:
        (tmp_path / f"{module}.py").write_text(code)
        monkeypatch.delitem(sys.modules, module, raising=False)
        folder = tmp_path / f"{distribution.replace('-', '_')}-1.2.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        lines = [f"[{GROUP}]", *(f"{name} = {value}" for name, value in points.items())]
        (folder / "entry_points.txt").write_text("\n".join(lines) + "\n")

    return go


def test_a_built_in_is_imported_when_asked_for() -> None:
    import json

    assert load("local", BUILTIN, GROUP) is json.loads
    with pytest.raises(ModuleNotFoundError):
        load("sftp", BUILTIN, GROUP)


def test_an_unknown_name_is_told_with_the_known_ones_and_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no connector is called 'locall'; known: local, sftp \(did you mean \"local\"\?\)"):
        load("locall", BUILTIN, GROUP)


@pytest.mark.parametrize(("word", "hint"), [("locla", 'did you mean "local"?'), ("LOCAL", ""), ("xyz", ""), ("", "")])
def test_suggestions(word: str, hint: str) -> None:
    assert suggest(word, BUILTIN) == hint


@pytest.mark.parametrize("trusted", ["drcheck-tape", "Drcheck_Tape", "drcheck.tape"])
def test_a_trusted_distribution_provides(install: Install, trusted: str) -> None:
    install("drcheck-tape", "drcheck_tape", "class Tape: pass", tape="drcheck_tape:Tape")
    assert load("tape", BUILTIN, GROUP, [trusted]).__name__ == "Tape"
    assert available(BUILTIN, GROUP, [trusted]) == ("local", "sftp", "tape")


def test_a_distribution_that_is_not_trusted_is_never_imported(install: Install) -> None:
    install("drcheck-evil", "drcheck_evil", "raise SystemExit('imported')", tape="drcheck_evil:Tape")
    for trusted in ((), ("drcheck-other",), ("drcheck",)):
        with pytest.raises(ConfigError, match=r"no connector is called 'tape'; known: local, sftp \(drcheck-evil provides it, and is not trusted"):
            load("tape", BUILTIN, GROUP, trusted)
        assert available(BUILTIN, GROUP, trusted) == ("local", "sftp")
    assert "drcheck_evil" not in sys.modules


def test_a_name_cannot_be_provided_twice(install: Install) -> None:
    install("drcheck-one", "drcheck_one", "class Tape: pass", tape="drcheck_one:Tape", local="drcheck_one:Tape")
    install("drcheck-two", "drcheck_two", "class Tape: pass", tape="drcheck_two:Tape")
    trusted = ("drcheck-one", "drcheck-two")
    with pytest.raises(ConfigError, match="'tape' is provided twice: by drcheck-one and by drcheck-two"):
        load("tape", BUILTIN, GROUP, trusted)
    with pytest.raises(ConfigError, match="'local' is built in; drcheck-one may not"):
        load("local", BUILTIN, GROUP, trusted)
    assert load("tape", BUILTIN, GROUP, trusted[:1]).__module__ == "drcheck_one"


@pytest.mark.parametrize("code", ["import module_that_is_absent", "", "class Tape"])
def test_what_cannot_be_imported_is_told(install: Install, code: str) -> None:
    install("drcheck-broken", "drcheck_broken", code, tape="drcheck_broken:Tape")
    with pytest.raises(ConfigError, match="'tape' of drcheck-broken cannot be imported"):
        load("tape", BUILTIN, GROUP, ["drcheck-broken"])


def test_versions_of_what_is_trusted(install: Install) -> None:
    install("drcheck-tape", "drcheck_tape", "")
    assert versions(["drcheck-tape", "absent-distribution", ""]) == (("", "missing"), ("absent-distribution", "missing"), ("drcheck-tape", "1.2"))
