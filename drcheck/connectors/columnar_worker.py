"""
A process that reads one Parquet or ORC file: its standard input is the file, and the rows go to its standard output, which is a file as well.

It stands apart because these formats are read by native code that the file tells how much memory to take and where to look. Whatever a file that
was made to do harm brings about ends this process and no other: its memory and its time are bounded, and it is given no secrets.

A line is a JSON list of columns, each a list of texts: some two thousand rows. Null is the empty text, a moment is in ISO 8601, of UTC and without
a zone. Where something is wrong, the exit code says what, and the one thing that was written says why.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, BinaryIO

START = "import sys; sys.path[:] = sys.argv[2:]; from drcheck.connectors.columnar_worker import main; main(sys.argv[1])"
"""The program; its arguments are what `main` takes and the parent's search path."""
DAMAGED, NO_READER, NO_ROOM = 3, 4, 5
"""Exit codes: the file cannot be read, something of this machine is missing, the rows could not be written."""
MEMORY = 2**30
"""Bytes of address space, where the system bounds them. Files of any size were read in a quarter of it."""
SECONDS = 1800
"""Of processor time: what a hundred million rows take ten times over."""
LONGEST = 2**13
"""Bytes of the longest value. Keys of S3 have 1024 at most."""
_ROWS = 2048
_BUFFER = 2**20
_EXPECTED = {"size": "an integer", "last_modified_date": "a moment in UTC", "is_latest": "a boolean", "is_delete_marker": "a boolean"}


class Wrong(Exception):
    """The file cannot be used; its text says why."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


def main(asked: str) -> None:
    """Read the file on standard input as `asked` (the arguments of `lines` in JSON), and end with an exit code."""
    import signal

    # Ctrl-C reaches the whole group, and a service's end all of its processes: the parent decides, and ends us.
    for unwanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(unwanted, signal.SIG_IGN)
    _bound()
    out, parent = sys.stdout.buffer, os.getppid()
    code, why = 0, ""
    try:
        for line in lines(sys.stdin.buffer, **json.loads(asked)):
            out.write(line)
            if os.getppid() != parent:  # it was killed, and nobody waits for the rest
                sys.exit(1)
        out.flush()
    except Wrong as wrong:
        code, why = wrong.code, str(wrong)
    except OSError as error:
        code, why = NO_ROOM, str(error.strerror or error)
    if code:
        with suppress(OSError):
            out.seek(0)
            out.truncate()
            out.write(why[:1000].encode("utf-8", "replace"))
            out.flush()
    sys.exit(code)


def lines(file: BinaryIO, *, kind: str, names: Sequence[str], wanted: Sequence[str], most: int) -> Iterator[bytes]:
    """
    The rows of a file, in its order.

    Args:
        kind: `Parquet` or `ORC`.
        names: the columns that it must have, no more and no fewer, in any order.
        wanted: those that are given, in this order.
        most: bytes that all lines together may come to.

    Raises:
        Wrong: it is damaged, is something else, or is larger than it may be.
    """
    try:
        import pyarrow as pa
    except ImportError as error:
        raise Wrong(NO_READER, f"pyarrow cannot be loaded ({error}); run: pip install 'drcheck[inventory]'") from None
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    seen = rows = 0
    try:
        told, batches = (_parquet if kind == "Parquet" else _orc)(pa, pa.PythonFile(file, mode="r"), names, wanted)
        for batch in batches:
            columns = [_texts(pa, batch.column(name), name) for name in wanted]
            line = json.dumps(columns, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            seen += len(line)
            if seen > most:
                raise Wrong(DAMAGED, f"comes to more than {most} bytes when it is unpacked")
            rows += batch.num_rows
            yield line
    except MemoryError:
        raise Wrong(DAMAGED, f"needs more than {MEMORY} bytes of memory to be read") from None
    except UnicodeDecodeError:
        raise Wrong(DAMAGED, "holds what is not UTF-8") from None
    except (pa.ArrowException, OSError, ValueError, LookupError, TypeError, ArithmeticError, RuntimeError) as error:
        why = " ".join(str(error).split())
        if "Time zone file" in why:  # ORC's reader asks for GMT, whatever it reads
            raise Wrong(NO_READER, "needs the time zones of this system to be read; install tzdata, or name their folder in TZDIR") from None
        raise Wrong(DAMAGED, f"is not {kind} that can be read ({why})") from None
    if rows != told:
        raise Wrong(DAMAGED, f"gave {rows} rows, and says that it has {told}")


# Neither takes a row group or a stripe into memory as a whole: either can be as large as the file.


def _parquet(pa: Any, file: Any, names: Sequence[str], wanted: Sequence[str]) -> tuple[int, Iterator[Any]]:
    """How many rows a file says that it has, and its rows, some at a time."""
    from pyarrow.parquet import ParquetFile

    found = ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False, page_checksum_verification=True)
    _check(pa, found.schema_arrow, names, wanted)
    moment = found.schema_arrow.field("last_modified_date").type
    if moment.tz is None:
        raise Wrong(DAMAGED, f"has a column last_modified_date of the type {moment}, where a moment in UTC is written")
    return found.metadata.num_rows, iter(found.iter_batches(batch_size=_ROWS, columns=list(wanted), use_threads=False))


def _orc(pa: Any, file: Any, names: Sequence[str], wanted: Sequence[str]) -> tuple[int, Iterator[Any]]:
    """The same of ORC, whose timestamps have no zone: S3 writes them in UTC."""
    from pyarrow.dataset import OrcFileFormat
    from pyarrow.orc import ORCFile

    told = ORCFile(file).nrows  # which itself reads no less than a stripe
    found = OrcFileFormat().make_fragment(file)
    _check(pa, found.physical_schema, names, wanted)
    return told, iter(found.to_batches(columns=list(wanted), batch_size=_ROWS, batch_readahead=0, fragment_readahead=0, use_threads=False))


def _check(pa: Any, schema: Any, names: Sequence[str], wanted: Sequence[str]) -> None:
    missing, more = [name for name in names if name not in schema.names], [name for name in schema.names if name not in names]
    if missing:
        raise Wrong(DAMAGED, f"has no column {missing[0]}, and its manifest names one")
    # What tells old versions and delete markers from objects could stand there.
    if more or len(schema.names) != len(names):
        raise Wrong(DAMAGED, f"has the column {more[0]}, which its manifest does not name" if more else "has a column twice")
    fits = {
        "an integer": pa.types.is_integer,
        "a moment in UTC": pa.types.is_timestamp,
        "a boolean": pa.types.is_boolean,
        "a text": lambda type_: pa.types.is_string(type_) or pa.types.is_large_string(type_),
    }
    for name in wanted:
        type_, expected = schema.field(name).type, _EXPECTED.get(name, "a text")
        if not fits[expected](type_):
            raise Wrong(DAMAGED, f"has a column {name} of the type {type_}, where {expected} is written")


def _texts(pa: Any, column: Any, name: str) -> list[str]:
    import pyarrow.compute as pc

    if pa.types.is_timestamp(column.type):
        # Its number counts from 1970 in UTC, whatever zone the type names. Less than a microsecond is dropped.
        unit = column.type.unit
        column = column.cast(pa.int64()).cast(pa.timestamp(unit)).cast(pa.timestamp("us"), safe=unit != "ns")
    column = column.cast(pa.large_string()).fill_null("")
    if len(column) and pc.max(pc.binary_length(column)).as_py() > LONGEST:
        raise Wrong(DAMAGED, f"has a {name} of more than {LONGEST} bytes")
    texts: list[str] = column.to_pylist()
    return texts


def _bound() -> None:
    """Bound this process, as far as the system can (Linux: all of it)."""
    with suppress(ImportError):  # Windows
        import resource

        for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_CORE, 0)):
            with suppress(OSError, ValueError):
                resource.setrlimit(what, (most, most))
