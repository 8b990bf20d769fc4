"""Nagios, Icinga and Checkmk: the commands in their files are ones that drcheck has, and what the local check prints is what Checkmk reads."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from drcheck.cli.main import LazyGroup, cli
from tests.cli.runs import ROOT
from tests.contrib.exported import CONTRIB

NAGIOS = CONTRIB / "nagios" / "drcheck.cfg"
ICINGA = CONTRIB / "icinga2" / "drcheck.conf"
LOCAL = CONTRIB / "checkmk" / "drcheck"
VALUES = {"$ARG1$": "1d", "$ARG2$": "2h"}
_LOCAL_LINE = re.compile(r'(?P<state>[0-3]) "drcheck" (?P<metrics>-|[^ ]+) (?P<summary>.+)\n')
_LOCAL_METRIC = re.compile(r"[a-z_]+=\d+(?:\.\d+)?(?:;\d*){0,4}")


def parsed(words: list[str]) -> click.Context:
    """A command line of drcheck as click understands it. Raises UsageError where it does not."""
    group = cli
    assert isinstance(group, LazyGroup)
    context = click.Context(group)
    command = group.get_command(context, words[0])
    assert command is not None, words[0]
    return command.make_context(words[0], words[1:])


def test_the_commands_of_nagios_are_ones_that_drcheck_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = re.findall(r"^ *(?:command_line +|#   command\[\w+\]=)(.+)$", NAGIOS.read_text(encoding="utf-8"), re.MULTILINE)
    own = [line.partition("/usr/local/bin/drcheck ")[2] for line in lines if "/usr/local/bin/drcheck" in line]
    assert len(own) == 3
    for line in own:
        words = [VALUES.get(word, word) for word in line.split()]
        assert parsed(words).params["format_"] == "nagios"


@pytest.mark.parametrize("file", [NAGIOS, ICINGA])
def test_who_monitors_may_ask_one_thing_and_write_nothing(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    (allowed,) = re.findall(r"NOPASSWD: /usr/local/bin/drcheck (.+)$", text, re.MULTILINE)
    assert not re.search(r"[*?\[!]", allowed), "a wildcard of sudo lets through --output, which writes"
    if file == NAGIOS:
        (service,) = re.findall(r"check_command +check_drcheck!(.+)!(.+)$", text, re.MULTILINE)
        (asked,) = re.findall(r"/usr/local/bin/drcheck (status .*\$ARG1\$.*)$", text, re.MULTILINE)
        assert allowed == asked.replace("$ARG1$", service[0]).replace("$ARG2$", service[1])
    else:
        defaults = dict(re.findall(r'vars\.(\w+) = "([^"]*)"$', text, re.MULTILINE))
        orders = re.findall(r'"(--[a-z]+)" = \{\s*value = "\$(\w+)\$"[^}]*order = (\d)', text)
        given = [f"{name} {defaults[variable]}" for name, variable, _ in sorted(orders, key=lambda each: each[2]) if variable in defaults]
        assert allowed == " ".join(["status --format nagios", *given])


def test_the_objects_of_nagios_are_whole_and_refer_to_each_other() -> None:
    text = re.sub(r"^\s*#.*$", "", NAGIOS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    objects = re.findall(r"define (\w+) \{\n(.*?)\n\}", text, re.DOTALL)
    assert text.count("define ") == len(objects)
    found: list[tuple[str, dict[str, str]]] = []
    for kind, body in objects:
        pairs = [line.split(None, 1) for line in body.splitlines() if line.strip()]
        assert all(len(pair) == 2 for pair in pairs), body
        found.append((kind, {key: value.strip() for key, value in pairs}))
    commands = {fields["command_name"]: fields["command_line"] for kind, fields in found if kind == "command"}
    (service,) = [fields for kind, fields in found if kind == "service"]
    name, *given = service["check_command"].split("!")
    assert len(given) == len(set(re.findall(r"\$ARG\d\$", commands[name])))
    assert service["max_check_attempts"] == "1", "a night is judged once; asking again tells nothing new"
    assert "u" in service["notification_options"], "unknown is told too"


def test_the_command_of_icinga_is_one_that_drcheck_has() -> None:
    text = ICINGA.read_text(encoding="utf-8")
    plain = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    assert plain.count("{") == plain.count("}")
    command = re.findall(r'"([^"]*)"', re.findall(r"command = \[(.*)\]", plain)[0])
    given = {name: value.strip("$") for name, value in re.findall(r'"(--[a-z]+)" = \{\s*value = "([^"]+)"', plain)}
    defaults = dict(re.findall(r'vars\.(\w+) = "([^"]*)"', plain))
    values = {**defaults, "drcheck_store": "store.sqlite", "drcheck_organisation": "north"}
    words = command[command.index("$drcheck_program$") + 1 :]
    for name, variable in given.items():
        words += [name, values[variable]]
    assert parsed(words).params["format_"] == "nagios"
    assert set(given) == {"--store", "--organisation", "--every", "--grace"}


@pytest.fixture
def local(tmp_path: Path) -> dict[str, str]:
    """The environment of an agent on a machine with a drcheck of its own."""
    program = tmp_path / "drcheck"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m drcheck "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DRCHECK_")}
    return kept | {"DRCHECK": str(program), "PYTHONPATH": str(ROOT), "DRCHECK_STORE": str(tmp_path / "store.sqlite")}


def told(environment: dict[str, str]) -> re.Match[str]:
    """What the local check prints, as Checkmk reads it."""
    done = subprocess.run([LOCAL], capture_output=True, encoding="utf-8", env=environment, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    found = _LOCAL_LINE.fullmatch(done.stdout)
    assert found is not None, done.stdout
    if found["metrics"] != "-":
        assert all(_LOCAL_METRIC.fullmatch(metric) for metric in found["metrics"].split("|")), found["metrics"]
    return found


def test_the_local_check_tells_what_the_last_night_found(local: dict[str, str]) -> None:
    command = [sys.executable, "-m", "drcheck", "check", "--estate", str(ROOT / "fixtures" / "hospital" / "estate.toml"), "--quiet", "--no-read"]
    subprocess.run(command, env=local, capture_output=True, timeout=120, check=False, cwd=ROOT)
    found = told(local)
    assert found["state"] == "2"
    assert found["summary"].startswith("CRITICAL - ")
    metrics = dict(metric.partition(";")[0].split("=") for metric in found["metrics"].split("|"))
    assert int(metrics["fail"]) > 0
    assert "oldest_copy" not in metrics, "which is not known here, and a local check has no word for that"
    assert r"\n* FAIL" in found["summary"]


def test_the_local_check_is_unknown_where_nothing_is_known(local: dict[str, str], tmp_path: Path) -> None:
    assert told(local)["state"] == "3", "there is no store"
    assert told(local | {"DRCHECK": str(tmp_path / "nowhere")})["state"] == "3"
    assert "could not be run" in told(local | {"DRCHECK": "/bin/false"})["summary"]
    assert told(local | {"DRCHECK": "/bin/true"})["state"] == "3", "silence is no good news"


@pytest.mark.program("shellcheck")
@pytest.mark.parametrize("script", [LOCAL, CONTRIB / "prometheus" / "check_drcheck_textfile"], ids=lambda path: path.name)
def test_the_scripts_are_plain_sh(script: Path) -> None:
    done = subprocess.run(["shellcheck", "--shell=sh", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    assert os.access(script, os.X_OK)


def test_every_file_is_told_of() -> None:
    told_of = (CONTRIB / "README.md").read_text(encoding="utf-8")
    files = {str(path.relative_to(CONTRIB)) for path in CONTRIB.rglob("*") if path.is_file() and path.name != "README.md"}
    assert {file for file in files if f"`{file}`" not in told_of} == set()
