"""Pure judgments of facts, one file a family. Each check is one definition and one line here; nothing is imported before a policy asks for it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from drcheck import plugins

if TYPE_CHECKING:
    from drcheck.checks.base import Check

BUILTIN = {
    "coverage.systems": "drcheck.checks.coverage:SYSTEMS",
    "copies.count": "drcheck.checks.copies:COUNT",
    "copies.devices": "drcheck.checks.copies:DEVICES",
    "copies.media": "drcheck.checks.copies:MEDIA",
    "copies.offsite": "drcheck.checks.copies:OFFSITE",
    "copies.offline": "drcheck.checks.offline:OFFLINE",
    "copies.independent": "drcheck.checks.independent:INDEPENDENT",
    "backup.recency": "drcheck.checks.backup:RECENCY",
    "backup.completeness": "drcheck.checks.backup:COMPLETENESS",
    "retention.depth": "drcheck.checks.retention:DEPTH",
    "integrity.checksums": "drcheck.checks.integrity:CHECKSUMS",
    "integrity.unchanged": "drcheck.checks.unchanged:UNCHANGED",
    "restore.tested": "drcheck.checks.restore:TESTED",
    "declared.matches.observed": "drcheck.checks.declared:MATCHES",
    "store.backed_up": "drcheck.checks.store:BACKED_UP",
}
GROUP = "drcheck.checks"


def check_named(name: str, trusted: Collection[str] = ()) -> Check:
    """The check called `name`. Raises ConfigError where nobody provides it."""
    found: Check = plugins.load(name, BUILTIN, GROUP, trusted)
    return found


def all_checks() -> tuple[Check, ...]:
    """Every built-in check, in the order in which they are explained."""
    return tuple(check_named(name) for name in BUILTIN)
