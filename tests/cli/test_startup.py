"""Help costs nothing and leaves nothing out: no heavy import, a text for every command and every option."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

from drcheck.cli.main import COMMANDS
from drcheck.cli.sections import SECTIONS, SectionedCommand
from tests.cli.runs import ROOT, drcheck

HEAVY = {"boto3", "botocore", "paramiko", "pydantic", "pydantic_core", "cryptography", "tabulate"}
IMPORTED = """
import json, sys
from drcheck.cli.main import main
code = main(sys.argv[1:])
print(json.dumps({"code": code, "modules": sorted(sys.modules)}))
"""


def commands() -> Iterator[tuple[str, ...]]:
    for name in COMMANDS:
        yield (name,)
        command = command_of((name,))
        if isinstance(command, click.Group):
            yield from ((name, inner) for inner in command.commands)


def command_of(path: tuple[str, ...]) -> click.Command:
    module, _, attribute = COMMANDS[path[0]][0].partition(":")
    command = getattr(import_module(module), attribute)
    for name in path[1:]:
        command = command.commands[name]
    assert isinstance(command, click.Command)
    return command


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["estate", "--help"], ["check", "--help"], ["init", "--help"], ["drill", "list", "--help"]]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTED, *arguments], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60)
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["code"] == 0
    assert {name.partition(".")[0] for name in said["modules"]} & HEAVY == set()


def test_help_lists_every_command_with_what_it_is_for(tmp_path: Path) -> None:
    done = drcheck("--help", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    said = " ".join(done.stdout.split())
    assert [name for name, (_, summary) in COMMANDS.items() if f"{name} {summary}" not in said] == []


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_every_command_and_every_option_has_help(path: tuple[str, ...]) -> None:
    command = command_of(path)
    assert command.help
    assert command.short_help
    assert command.get_help(click.Context(command, info_name=" ".join(path)))
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{' '.join(path)} {parameter.opts[0]}"


@pytest.mark.parametrize("name", ["check", "verify"])
def test_the_help_of_many_options_has_each_of_them_once_in_its_section(name: str) -> None:
    command = command_of((name,))
    assert isinstance(command, SectionedCommand)
    placed = [option for names in SECTIONS.values() for option in names]
    assert len(placed) == len(set(placed))
    assert {parameter.name for parameter in command.params} <= {*placed}, "an option of a new kind needs a section"
    said = command.get_help(click.Context(command, info_name=name, terminal_width=110)).partition(f"{next(iter(SECTIONS))}:")[2]
    flags = [line.split()[0] for line in said.splitlines() if line.startswith("  -")]
    assert len(flags) == len(command.params) + 1, "and the help itself"
    titles = [line[:-1] for line in said.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert titles == [*SECTIONS, "Other"][1:]


def test_the_table_says_of_a_command_what_the_command_says_of_itself() -> None:
    for name, (_, summary) in COMMANDS.items():
        assert command_of((name,)).short_help == summary


@pytest.mark.parametrize("arguments", [["chekc"], ["estate", "vaildate"], ["estate", "show", "--format", "yaml"], ["--wrong"]])
def test_what_is_not_understood_is_exit_2_on_stderr(tmp_path: Path, arguments: list[str]) -> None:
    done = drcheck(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage:" in done.stderr
