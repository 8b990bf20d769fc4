"""Files that cannot be read, are no text or no TOML: each says what it is and what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from drcheck.errors import ConfigError
from drcheck.estate.load import load_estate
from drcheck.estate.written import LARGEST_FILE
from tests.estate.examples import GOOD, problems_of


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_estate(path)
    return str(caught.value)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    assert refusal(tmp_path / "estate.toml").endswith(
        f"there is no such file; expected an estate file (write one with: drcheck init {tmp_path}/estate.toml)"
    )


def test_a_folder_is_named_as_one(tmp_path: Path) -> None:
    assert "is a folder; expected an estate file" in refusal(tmp_path)


def test_a_file_as_a_folder_and_a_name_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "could not be read: Not a directory" in refusal(tmp_path / "file" / "estate.toml")
    assert "is not the name of a file" in refusal(tmp_path / "a\0b")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "estate.toml"
    file.write_text(GOOD)
    file.chmod(0)
    if os.access(file, os.R_OK):
        # Root reads everything, so another account has to try.
        from tests.estate.other_account import refused_as_nobody

        assert "may not be read; expected an estate file (let the account that runs drcheck read it)" in refused_as_nobody(file)
        return
    assert "may not be read" in refusal(file)


def test_a_file_that_is_far_too_large(tmp_path: Path) -> None:
    file = tmp_path / "estate.toml"
    with file.open("wb") as opened:
        opened.truncate(LARGEST_FILE + 1)
    assert "is larger than 8 MiB" in refusal(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty (write a starter with: drcheck init --force"),
        (b"# only a comment\n", "is empty"),
        (b'a = "x\xff"\n', "is not UTF-8 text: byte 0xff in line 1 (save it as UTF-8)"),
        (b'a = 1\nb = "\xe4"\n', "byte 0xe4 in line 2"),
        ("a = 1".encode("utf-16"), "is not UTF-8 text"),
        (b"a = 1\nb =\n", "is not TOML: Invalid value (at line 2, column 4)"),
        (b"a = main\n", "(at line 1, column 5)"),
        (b"a = 1\na = 2\n", "is not TOML: Cannot overwrite a value (at line 2, column 6)"),
        (b"a = " + b"[" * 100_000, "nested too deeply"),
        (b"a = " + b"9" * 5000, "is not TOML that drcheck can read"),
    ],
)
def test_what_is_no_toml_says_where_it_stops_being_one(tmp_path: Path, content: bytes, message: str) -> None:
    (problem,) = problems_of(tmp_path, content)
    assert message in str(problem)


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf" + GOOD.encode(), GOOD.replace("\n", "\r\n").encode()])
def test_what_windows_editors_write_is_read(tmp_path: Path, content: bytes) -> None:
    assert problems_of(tmp_path, content) == ()
