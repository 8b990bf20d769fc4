"""Terminal sessions in the documentation, and whether they still say the truth."""

from __future__ import annotations

import re
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
    before: tuple[str, ...] = ()
    """The commands before it in the same block, which it goes on from."""

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"

    @property
    def drawn(self) -> bool:
        """Whether what it prints was drawn by chance, on the day on which it runs; other commands are told which moment to judge."""
        return self.command.startswith("drcheck verify ")


def sessions(document: Path) -> list[Session]:
    """Every command after a `$` in the document's console blocks."""
    text = document.read_text(encoding="utf-8")
    found = []
    for block in _BLOCK.finditer(text):
        first = text[: block.start(1)].count("\n") + 1
        command, start, lines, before = "", first, list[str](), tuple[str, ...]()
        for number, line in enumerate(block.group(1).splitlines(), first):
            if line.startswith("$ "):
                if command:
                    found.append(Session(document.name, start, command, "\n".join(lines), before))
                    before = (*before, command)
                command, start, lines = line[2:], number, []
            else:
                lines.append(line)
        found.append(Session(document.name, start, command, "\n".join(lines), before))
    return found


def says(expected: str, printed: str, *, drawn: bool = False) -> bool:
    """
    Whether `printed` is what is expected, where a line `…` stands for any number of lines.

    Args:
        drawn: whether numbers and dates stand for any, however wide the columns are for them.
    """
    if drawn:
        expected, printed = _any_number(expected), _any_number(printed)
    parts = [re.escape(part.strip("\n")) for part in re.split(r"^…$", expected, flags=re.MULTILINE)]
    pattern = r"(?:.*?)".join(parts)
    # Run ids are new each time.
    pattern = re.sub(r"\d{8}T\d{6}Z\\-[0-9a-f]{8}", r"\\d{8}T\\d{6}Z-[0-9a-f]{8}", pattern)
    return re.fullmatch(pattern, printed.strip("\n"), re.DOTALL) is not None


def _any_number(text: str) -> str:
    """The text with one and the same number in place of each, and one space or dash in place of several."""
    return re.sub(r"-{3,}", "---", re.sub(r" +", " ", re.sub(r"\b\d[\d,.-]*\b", "0", text)))
