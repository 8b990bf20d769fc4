"""As much of a terminal as is needed to see what one shows."""

from __future__ import annotations

import re

from drcheck.reports.wrapping import columns

WIDE = "\ue000"
"""Stands behind a character that takes two columns, so that places in a line are columns."""


class Terminal:
    """A window of so many columns. It knows what rich writes for live displays, and refuses everything else."""

    _PIECE = re.compile(r"\x1b\[(\?25[lh]|2K|\d*A|[\d;]*m)|\r|\n|[^\x00-\x1f\x7f-\x9f]+")

    def __init__(self, width: int) -> None:
        self.width = width
        self.lines: list[str] = [""]
        self.at = (0, 0)
        self.cursor = True
        self.colours: set[str] = set()

    def feed(self, text: str) -> None:
        """Show more."""
        while text:
            found = self._PIECE.match(text)
            assert found, f"a terminal should not get {text[:20]!r}"
            text = text[found.end() :]
            self._take(found[0], found[1])

    def _take(self, piece: str, control: str | None) -> None:
        line, column = self.at
        if control is None and piece == "\r":
            self.at = line, 0
        elif control is None and piece == "\n":
            self.lines += [""] * (line + 2 - len(self.lines))
            self.at = line + 1, column
        elif control is None:
            for character in piece:
                self._put(character)
        elif control.endswith("K"):
            self.lines[line] = ""
        elif control.endswith("A"):
            self.at = line - int(control[:-1] or 1), column
            assert self.at[0] >= 0
        elif control.startswith("?"):
            self.cursor = control.endswith("h")
        else:
            self.colours |= {code for code in control[:-1].split(";") if code}

    def _put(self, character: str) -> None:
        line, column = self.at
        if column + columns(character) > self.width:
            line, column = line + 1, 0
            self.lines += [""] * (line + 1 - len(self.lines))
        self.lines[line] = self.lines[line][:column].ljust(column) + character.ljust(columns(character), WIDE) + self.lines[line][column + 1 :]
        self.at = line, column + columns(character)
