"""Secrets: every kind of reference, and nothing that gives one away."""

from __future__ import annotations

import copy
import json
import logging
import os
import pickle
import sys
import traceback
from pathlib import Path

import pytest

from drcheck.errors import NoCredentials
from drcheck.secrets import SCHEMES, Secret, is_reference, resolve

WORD = "correct-horse"


def test_nothing_but_reveal_gives_it_away(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(WORD, "env:WORD")
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").debug("%s %r", secret, secret)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>40}", f"{secret!r}", repr([secret]), "%s" % secret, caplog.text]  # noqa: UP031
    assert not [text for text in shown if WORD in text]
    assert "env:WORD" in repr(secret)
    assert secret.reveal() == WORD


def test_it_cannot_be_pickled_copied_or_written_as_json() -> None:
    secret = Secret(WORD)
    for go in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError) as caught:
            go(secret)
        assert WORD not in str(caught.value)
    assert not hasattr(secret, "__dict__")


@pytest.mark.parametrize("text", [f"{scheme}:x" for scheme in SCHEMES])
def test_references_are_known(text: str) -> None:
    assert is_reference(text)


@pytest.mark.parametrize("text", ["", "env", "env:", ":x", "ENV:X", "password", "http://x", "vault:x", " env:X"])
def test_what_is_no_reference(text: str) -> None:
    assert not is_reference(text)


def test_a_secret_that_was_given_in_place_of_a_reference_is_not_repeated() -> None:
    for text in (WORD, f"{WORD}:x"):
        with pytest.raises(NoCredentials) as caught:
            resolve(text)
        assert WORD not in str(caught.value)


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRCHECK_WORD", WORD)
    assert resolve("env:DRCHECK_WORD").reveal() == WORD
    monkeypatch.setenv("DRCHECK_WORD", "")
    with pytest.raises(NoCredentials, match="env:DRCHECK_WORD: is empty"):
        resolve("env:DRCHECK_WORD")
    monkeypatch.delenv("DRCHECK_WORD")
    with pytest.raises(NoCredentials, match="DRCHECK_WORD is not set"):
        resolve("env:DRCHECK_WORD")


@pytest.mark.parametrize(
    ("content", "secret"),
    [(b"word", "word"), (b"word\n", "word"), (b"word\r\n", "word"), (b" word \n\n", " word \n"), (b"a\nb\n", "a\nb"), ("ключ".encode(), "ключ")],
)
def test_from_a_file_without_its_last_line_end(tmp_path: Path, content: bytes, secret: str) -> None:
    path = tmp_path / "word"
    path.write_bytes(content)
    path.chmod(0o600)
    assert resolve(f"file:{path}").reveal() == secret


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o602, 0o777])
def test_a_file_that_others_can_reach_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a word"
    path.write_text(WORD)
    path.chmod(mode)
    with pytest.raises(NoCredentials, match="chmod 600 '"):
        resolve(f"file:{path}")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"\n")
    (tmp_path / "binary").write_bytes(b"\xff" + WORD.encode())
    for path in tmp_path.iterdir():
        path.chmod(0o600)
    (tmp_path / "folder").mkdir(mode=0o700)
    for name, message in (
        ("absent", "No such file"),
        ("empty", "is empty"),
        ("binary", "not UTF-8"),
        ("folder", "directory"),
        ("nul\0", "is not a path"),
        ("n" * 300, "too long"),
    ):
        with pytest.raises(NoCredentials, match=message) as caught:
            resolve(f"file:{tmp_path / name}")
        assert WORD not in "".join(traceback.format_exception(caught.value))
        assert not isinstance(caught.value.__cause__, UnicodeDecodeError), "that error carries the bytes"


def test_from_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(NoCredentials, match="LoadCredential=word"):
        resolve("systemd:word")
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "word").write_text(WORD)
    (tmp_path / "other").write_text("not given")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "given"))
    assert resolve("systemd:word").reveal() == WORD
    for name in ("../other", "..", ".", "a/b", "absent", "nul\0"):
        with pytest.raises(NoCredentials):
            resolve(f"systemd:{name}")


def command(script: str, *arguments: str) -> str:
    quoted = " ".join(f"'{argument}'" for argument in (sys.executable, "-c", script, *arguments))
    return f"command:{quoted}"


def test_from_the_first_line_of_a_command() -> None:
    assert resolve(command(f'print("{WORD}"); print("second")')).reveal() == WORD


def test_a_command_runs_without_a_shell_and_without_input() -> None:
    assert resolve(command("import sys; print(sys.argv[1] + sys.stdin.read())", "$(id); *")).reveal() == "$(id); *"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (command("import sys; sys.exit(3)", "private-argument"), "exit code 3"),
        (command("pass", "private-argument"), "is empty"),
        (command("import sys; sys.stdout.buffer.write(bytes([255]))", "private-argument"), "UTF-8"),
        ("command:/absent/program private-argument", "/absent/program: could not be run: FileNotFoundError"),
        ("command:/absent/program\tprivate-argument", "/absent/program: could not be run"),
        ("command: ", "names no program"),
        ("command:''", "could not be run"),
        ("command:'private-argument", "could not be run"),
        ("command:nul\0private-argument", "could not be run"),
    ],
)
def test_commands_that_fail_say_so_without_their_arguments(reference: str, message: str) -> None:
    with pytest.raises(NoCredentials, match=message) as caught:
        resolve(reference)
    assert "private-argument" not in "".join(traceback.format_exception(caught.value)).replace("nul\0private-argument", "")


def test_the_secret_of_a_command_does_not_show_the_arguments() -> None:
    secret = resolve(command("print(1)", "private-argument"))
    assert "private-argument" not in repr(secret)
    assert sys.executable in repr(secret)


def test_a_keyring_needs_its_package_or_a_whole_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(NoCredentials, match=r"pip install 'drcheck\[keyring\]'"):
        resolve("keyring:service/user")
