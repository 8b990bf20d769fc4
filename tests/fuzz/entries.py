"""All entries by name."""

from __future__ import annotations

from tests.fuzz import files, packs, places
from tests.fuzz.entry import Entry

ENTRIES: dict[str, Entry] = {entry.name: entry for entry in (*files.ENTRIES, *places.ENTRIES, *packs.ENTRIES)}
