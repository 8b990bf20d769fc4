"""The process that reads a file of Parquet or ORC, alone: damage, ends that are no good, and what it is given."""

from __future__ import annotations

import io
import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drcheck.connectors import columnar_worker, s3_columnar
from drcheck.errors import Malformed, TimedOut, Unsupported
from tests.connectors.inventory_reports import COLUMNAR, COLUMNS, orc_of, table_of
from tests.connectors.test_s3_inventory_columnar import WRITERS, both, row


class Waiting:
    """As much of a client as a reader needs, and one whose time is over where that is asked for."""

    def __init__(self, over: bool = False) -> None:
        self._over = over

    def tick(self) -> None:
        if self._over:
            raise TimedOut("over")


def read_alone(content: bytes, kind: str) -> list[list[list[str]]]:
    """The columns of what is in no bucket, as its reader gives them. Raises ConnectorError."""
    columns = [COLUMNAR[column] for column in COLUMNS]
    with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as found:
        file.write(content)
        file.seek(0)
        s3_columnar._run(Waiting(), "name", {"kind": kind, "names": columns, "wanted": columns, "most": 10**7}, file, found)  # type: ignore[arg-type]
        found.seek(0)
        return [json.loads(line) for line in found]


def damages(content: bytes) -> Iterator[bytes]:
    yield from (b"", content[:-1], content[: len(content) // 2])
    for at in (len(content) // 3, len(content) - 40):
        yield content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :]


@both
def test_damage_that_no_checksum_shows_is_an_error_or_none(kind: str) -> None:
    """As where somebody makes the manifest's MD5 fit it."""
    content = WRITERS[kind](table_of([row("b", f"key-{number}") for number in range(50)]))
    assert [len(columns[1]) for columns in read_alone(content, kind)] == [50]
    refused = 0
    for damaged in damages(content):
        said = ""
        try:
            assert [len(columns[1]) for columns in read_alone(damaged, kind)] == [50]
        except Malformed as error:
            said = str(error)
            refused += 1
        assert not said or said.startswith("name: ")
    assert refused >= 3


def test_a_reader_that_does_not_end_is_ended_with_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columnar_worker, "START", "import time; time.sleep(600)")
    monkeypatch.setattr(s3_columnar, "_LOOK", 0.05)
    started: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    with tempfile.TemporaryFile() as content, pytest.raises(TimedOut):
        s3_columnar._run(Waiting(over=True), "name", {}, content, content)  # type: ignore[arg-type]
    assert [process.returncode for process in started] == [-9]


def test_the_reader_is_given_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrzlbrmpf")
    monkeypatch.setattr(columnar_worker, "START", "import os; print(sorted(os.environ))")
    with tempfile.TemporaryFile() as content, tempfile.TemporaryFile() as found:
        s3_columnar._run(Waiting(), "name", {}, content, found)  # type: ignore[arg-type]
        found.seek(0)
        assert b"AWS" not in found.read()


@both
def test_a_file_that_says_that_it_has_more_rows_than_it_gives_is_not_used(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = WRITERS[kind](table_of([row("b", "k")]))
    columns = list(table_of([], COLUMNS).column_names)
    reader = columnar_worker._parquet if kind == "Parquet" else columnar_worker._orc
    monkeypatch.setattr(columnar_worker, reader.__name__, lambda *asked: (2, reader(*asked)[1]))
    with pytest.raises(columnar_worker.Wrong, match="gave 1 rows, and says that it has 2"):
        list(columnar_worker.lines(io.BytesIO(content), kind=kind, names=columns, wanted=columns, most=10**6))


def test_without_the_time_zones_of_the_system_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    content = orc_of(table_of([row("b", "k")]))
    monkeypatch.setenv("TZDIR", str(tmp_path))
    with pytest.raises(Unsupported, match="install tzdata, or name their folder in TZDIR; or let the inventory be written as CSV"):
        read_alone(content, "ORC")
