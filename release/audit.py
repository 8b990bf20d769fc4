"""
Whether a weakness is known of anything in the bill of materials, by pip-audit, which asks the Python Packaging Advisory Database.

It needs the network. Where it cannot ask, the answer is "unknown", which is never a pass.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

SECONDS = 300
PROGRAM = (sys.executable, "-m", "pip_audit")


class Verdict(StrEnum):
    """What an audit came to. The first is what there is where nothing was asked."""

    UNKNOWN = "unknown"
    CLEAN = "clean"
    WEAK = "weak"


@dataclass(frozen=True)
class Audit:
    """One audit."""

    verdict: Verdict
    lines: tuple[str, ...]
    """Each weakness, or why nothing is known."""
    asked: int = 0
    """How many distributions were asked about."""


def audit(pinned: str, program: Sequence[str] = PROGRAM) -> Audit:
    """What is known of the distributions in `pinned`, the text of a requirements file in which each has its version."""
    with tempfile.TemporaryDirectory(prefix="drcheck-audit-") as folder:
        listed, told = Path(folder, "pinned.txt"), Path(folder, "told.json")
        listed.write_text(pinned, encoding="utf-8")
        options = ["--requirement", str(listed), "--no-deps", "--disable-pip", "--format", "json", "--output", str(told), "--progress-spinner", "off"]
        try:
            done = subprocess.run([*program, *options], capture_output=True, check=False, timeout=SECONDS, text=True, errors="replace")
        except (OSError, subprocess.TimeoutExpired) as error:
            return Audit(Verdict.UNKNOWN, (f"pip-audit did not end: {type(error).__name__}",))
        try:
            document: Any = json.loads(told.read_text(encoding="utf-8"))
            return _read(document, {canonicalize_name(line.partition("==")[0]) for line in pinned.splitlines()})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            said = done.stderr.strip().splitlines()
            return Audit(Verdict.UNKNOWN, (f"pip-audit ended with {done.returncode} and told nothing: {said[-1] if said else 'no message'}",))


def _read(document: Any, wanted: set[str]) -> Audit:
    told = document["dependencies"]
    weak = [f"{one['name']} {one['version']}: {found['id']}" for one in told for found in one.get("vulns", ())]
    asked = {canonicalize_name(one["name"]) for one in told if isinstance(one.get("vulns"), list)}
    if weak:
        return Audit(Verdict.WEAK, tuple(weak), len(asked))
    # pip-audit leaves out, with a reason, what it could not ask about; that must not pass.
    left_out = [f"{one['name']}: {one['skip_reason']}" for one in told if "skip_reason" in one]
    left_out += [f"{name}: was not asked about" for name in sorted(wanted - asked)]
    return Audit(Verdict.UNKNOWN if left_out else Verdict.CLEAN, tuple(left_out), len(asked))
