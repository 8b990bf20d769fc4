"""
`python -m release` (`make dist`): builds everything that belongs to a release into one folder.

Exit codes are drcheck's: 0 all of it is there and no weakness is known, 10 a weakness is known of something that drcheck needs, 11 everything was
built and the audit could not be done, 12 something could not be built. There is no switch that turns 11 into 0.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from pathlib import Path

from release.archives import NotBuilt, build, commit_time, uncommitted
from release.audit import Audit, Verdict, audit
from release.materials import NotListed, bill, materials

ROOT = Path(__file__).resolve().parent.parent
CODES = {Verdict.CLEAN: 0, Verdict.WEAK: 10, Verdict.UNKNOWN: 11}
BILL, AUDIT, SUMS = "drcheck.cdx.json", "audit.json", "SHA256SUMS"


def main(arguments: list[str] | None = None) -> int:
    """Build a release; returns the exit code."""
    parser = argparse.ArgumentParser(prog="release", description="Build a release, what it consists of, and what is known against it.")
    parser.add_argument("--into", type=Path, default=ROOT / "dist", help="the folder for everything; what an earlier build left there goes")
    parser.add_argument("--archives-only", action="store_true", help="build the source archive and the wheel, and nothing else")
    chosen = parser.parse_args(arguments)
    try:
        epoch = commit_time(ROOT)
        if changed := uncommitted(ROOT):
            print(f"note: {len(changed)} files differ from the last commit; what is built is the commit", file=sys.stderr)
        _clear(chosen.into)
        with tempfile.TemporaryDirectory(prefix="drcheck-release-") as work:
            archives = build(ROOT, chosen.into, epoch, Path(work))
        for path in archives:
            print(path)
        if chosen.archives_only:
            return 0
        version = archives[1].name.split("-")[1]
        found = materials(archives[1])
        (chosen.into / BILL).write_text(bill("drcheck", version, found, archives, epoch), encoding="utf-8")
    except (NotBuilt, NotListed) as error:
        print(f"error: {error}", file=sys.stderr)
        return 12
    print(chosen.into / BILL)
    told = audit(found.pinned())
    _write_audit(chosen.into / AUDIT, told)
    _write_sums(chosen.into)
    print(chosen.into / SUMS)
    _say(told)
    return CODES[told.verdict]


def _clear(folder: Path) -> None:
    """Remove what an earlier build left, and nothing else."""
    for pattern in ("drcheck-*.tar.gz", "drcheck-*.whl", BILL, AUDIT, SUMS):
        for path in folder.glob(pattern):
            path.unlink()


def _write_audit(path: Path, told: Audit) -> None:
    document = {"verdict": told.verdict, "asked": told.asked, "lines": list(told.lines)}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _write_sums(folder: Path) -> None:
    """SHA256SUMS over everything that lies there, as `sha256sum --check` reads it."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(folder.iterdir()) if path.name != SUMS and path.is_file()
    ]
    (folder / SUMS).write_text("".join(lines), encoding="ascii")


def _say(told: Audit) -> None:
    for line in told.lines:
        print(f"  {line}", file=sys.stderr)
    if told.verdict is Verdict.CLEAN:
        print(f"audit: no weakness is known of {told.asked} distributions")
    elif told.verdict is Verdict.WEAK:
        print("audit: WEAK; raise the floors in pyproject.toml before this is released", file=sys.stderr)
    else:
        print("audit: UNKNOWN, it could not be done; run make dist where the network is before this is released", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
