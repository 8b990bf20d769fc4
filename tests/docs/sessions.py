"""Terminal sessions in the documentation, and whether they still say the truth."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Session:
    """One command of a document, and what it is said to print."""

    document: str
    line: int
    command: str
    printed: str
    """Lines; one that is only `…` stands for any number of lines."""

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def sessions(document: Path) -> list[Session]:
    """Every command after a `$` in the document's console blocks."""
    text = document.read_text(encoding="utf-8")
    found = []
    for block in _BLOCK.finditer(text):
        first = text[: block.start(1)].count("\n") + 1
        command, start, lines = "", first, list[str]()
        for number, line in enumerate(block.group(1).splitlines(), first):
            if line.startswith("$ "):
                if command:
                    found.append(Session(document.name, start, command, "\n".join(lines)))
                command, start, lines = line[2:], number, []
            else:
                lines.append(line)
        found.append(Session(document.name, start, command, "\n".join(lines)))
    return found


def says(expected: str, printed: str) -> bool:
    """Whether `printed` is what is expected, where a line `…` stands for any number of lines."""
    parts = [re.escape(part.strip("\n")) for part in re.split(r"^…$", expected, flags=re.MULTILINE)]
    pattern = r"(?:.*?)".join(parts)
    # Run ids are new each time.
    pattern = re.sub(r"\d{8}T\d{6}Z\\-[0-9a-f]{8}", r"\\d{8}T\\d{6}Z-[0-9a-f]{8}", pattern)
    return re.fullmatch(pattern, printed.strip("\n"), re.DOTALL) is not None


def arguments(session: Session) -> list[str]:
    """The command as an argument list. A trailing `; echo $?` is left to the caller."""
    return shlex.split(session.command)
