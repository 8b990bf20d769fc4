"""
How the log is written: as text, as JSON lines, or with the journal's priorities.

In the last two everything on stderr has that form, whoever writes it, so that a program which reads it never meets a line of another kind.
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import threading
from datetime import UTC, datetime
from typing import Any, TextIO

LOG_FORMATS = ("auto", "text", "json", "journal")
_EXTRAS = ("target", "channel")
_PRIORITIES = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6}


class Lines(logging.Formatter):
    """How a record becomes lines of the log."""

    run = ""
    """The id of the run, once it has one."""


def shape_log(format_: str) -> Lines:
    """
    Write the log in this form from now on; returns what makes the lines.

    Args:
        format_: one of `LOG_FORMATS`; `auto` is `journal` where stderr leads to systemd's journal, else `text`.
    """
    if format_ == "auto":
        format_ = "journal" if leads_to_journal() else "text"
    if format_ == "text":
        return Lines()
    formatter = JsonLines() if format_ == "json" else JournalLines()
    for handler in logging.getLogger("drcheck").handlers:
        handler.setFormatter(formatter)
    sys.stderr = ShapedStream(sys.stderr, formatter)
    return formatter


def leads_to_journal() -> bool:
    """Whether stderr leads to systemd's journal: JOURNAL_STREAM names the device and inode that it then has (systemd.exec(5))."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        status = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return (device, inode) == (str(status.st_dev), str(status.st_ino))


class JsonLines(Lines):
    """One JSON object a line: `time` (UTC), `level`, `message`, `logger`, `run`, and `target` or `channel` where one is meant."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as an object."""
        moment = datetime.fromtimestamp(record.created, UTC).replace(tzinfo=None)
        line: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds") + "Z",
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "logger": record.name,
            "run": self.run,
        }
        line |= {name: str(getattr(record, name)) for name in _EXTRAS if hasattr(record, name)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


class JournalLines(Lines):
    """Each line with its priority before it, as sd-daemon(3) has it."""

    def format(self, record: logging.LogRecord) -> str:
        """The record, every line of it with a priority."""
        priority = _PRIORITIES.get(record.levelno, 7)
        lines = super().format(record).splitlines() or [""]
        return "\n".join(f"<{priority}>{line}" for line in lines)


class ShapedStream(io.TextIOBase):
    """A stream each line of which becomes a record of the log."""

    def __init__(self, stream: TextIO, formatter: logging.Formatter) -> None:
        self._stream = stream
        self._formatter = formatter
        self._rest = ""
        self._lock = threading.Lock()

    @property
    def encoding(self) -> str:  # type: ignore[override] # a plain attribute there
        """Of the stream behind it."""
        return self._stream.encoding or "utf-8"

    def writable(self) -> bool:
        """True."""
        return True

    def isatty(self) -> bool:
        """Never: nothing that renews itself is a line of a log."""
        return False

    def fileno(self) -> int:
        """Of the stream behind it."""
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Write the lines that are whole, and keep the rest."""
        with self._lock:
            *lines, self._rest = (self._rest + text).split("\n")
            for line in lines:
                self._stream.write(self._formatter.format(_record(line)) + "\n")
        return len(text)

    def flush(self) -> None:
        """Flush the stream behind it."""
        self._stream.flush()


def _record(line: str) -> logging.LogRecord:
    """What was said outside the log; a run that was told to be quiet says nothing that is not at least a warning."""
    said = line.removeprefix("error: ")
    level = logging.WARNING if said == line else logging.ERROR
    return logging.LogRecord("drcheck", level, "", 0, said, None, None)
