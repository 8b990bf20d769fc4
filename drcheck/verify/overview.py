"""In words and as JSON: what a manifest promises, and what holding it against a place showed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tabulate import tabulate

from drcheck.clock import format_moment
from drcheck.estate.schema import Copy, Estate
from drcheck.estate.toml_text import toml_value
from drcheck.model import ObjectResult, Verification, printable
from drcheck.verify.promise import Names, Promised

SHOWN = 20
"""How many names of one list are shown where nobody asked for all."""
_ORDER = (
    ObjectResult.MISMATCH,
    ObjectResult.MISSING,
    ObjectResult.UNREADABLE,
    ObjectResult.NOT_READ,
    ObjectResult.EXTRA,
    ObjectResult.MATCH,
)
_WORTH = """\
What it is worth: it records what is there today. From now on a change shows; whether anything was changed or damaged before, it cannot tell.
Keep it where the accounts that write backups cannot write."""


def promised_as_text(done: Promised, copy: Copy, estate: Estate) -> str:
    """What became of a manifest that was asked for, what it is worth, and how to declare it."""
    file = printable(str(done.request.file))
    lines = [_first_line(done, file, copy)]
    for names, words in (
        (done.unreadable, "Could not be read, so nothing is promised for it"),
        (done.changed, "No longer of the size that is promised; the line stays as it is until --accept names it"),
        (done.vanished, "Promised, and no longer there; the line stays as it is until --accept names it"),
        (done.accepted if done.written else Names(), "Accepted to be otherwise"),
        (done.aside, "Left aside, for it is no finished recovery point"),
    ):
        lines += _listed(names, words)
    if done.stopped is not None:
        lines.append(f"\nIt ended early: {printable(str(done.stopped))}. {done.unread:,} objects were not tried.")
    if done.hashed_there:
        lines.append(
            f"\n{done.hashed_there:,} of them were hashed by the place itself: a server that lies is believed. Nothing of them was read here."
        )
    if done.kept and done.written and done.kind != "hashdeep":
        lines.append(
            f"\nLines of kind {done.kind} hold no sizes: that the objects of the {done.kept:,} kept lines are as promised was not looked at. "
            "drcheck manifest verify reads them."
        )
    if done.written:
        lines += ["", _WORTH]
    if done.written and not done.kept:
        lines += ["", _how_to_declare(done.request.file, copy, estate)]
    return "\n".join(lines) + "\n"


def _first_line(done: Promised, file: str, copy: Copy) -> str:
    algorithms = " and ".join(done.algorithms)
    if done.written:
        what = f"{done.lines:,} objects of {copy.id}, {algorithms}, kind {done.kind}"
        how = f"{done.added:,} read now ({done.bytes_read:,} bytes)" + (f", {done.kept:,} lines kept" if done.request.update else "")
        return f"Wrote {file}: {what}; {how}." + ("" if done.whole else " IT IS PARTIAL: see below for what is not in it.")
    if not done.lines and done.whole:
        return f"Wrote nothing: {copy.id} has no finished recovery point, so there is nothing to promise."
    if done.whole:
        return f"{file} stays as it is: there is nothing new in {copy.id}; it has {done.lines:,} objects."
    if not done.request.partial:
        return f"Wrote nothing: not everything could be read. With --partial a manifest of the rest is written. {file} was not touched."
    return f"Wrote nothing: nothing new could be read. {file} was not touched."


def _listed(names: Names, words: str) -> Iterator[str]:
    if names.count:
        yield f"\n{words} ({names.count:,}):"
        yield from (f"  {printable(name) or '(the path itself)'}: {printable(detail)}" for name, detail in names.first)
        if names.count > len(names.first):
            yield f"  … and {names.count - len(names.first):,} more"


def _how_to_declare(file: Path, copy: Copy, estate: Estate) -> str:
    base, real = estate.file.parent.resolve(), Path(os.path.realpath(file))
    path = real.relative_to(base).as_posix() if real.is_relative_to(base) else str(real)
    declared = copy.manifest
    table = {"name": declared.name, "path": path} if declared is not None and declared.name else {"path": path}
    if declared is not None and declared.path is not None and Path(os.path.realpath(declared.path)) == real:
        return f"{printable(str(estate.file))} declares it already; drcheck check reads it."
    where = f"{printable(str(estate.file))}, under the copy of {copy.system} at {copy.target}"
    return f"Declare it in {where}:\n\n  manifest = {printable(toml_value(table))}"


def verification_as_text(seen: Verification, manifest: Path, place: str, code: int) -> str:
    """The results of one manifest as a table of what is not right, and one line of counts."""
    verdict = {0: "as promised", 10: "NOT AS PROMISED"}.get(code, "UNKNOWN whether all is as promised")
    counts = ", ".join(f"{seen.count(result):,} {result}" for result in _ORDER if seen.count(result)) or "no object has a result"
    lines = [f"{printable(place)}: {verdict} by {printable(str(manifest))}", f"{counts}; {seen.bytes_read:,} bytes read"]
    lines += [f"unusable: {printable(reason)}" for reason in seen.unusable_manifests]
    lines += [f"against the whole: {printable(fault)}" for fault in seen.faults]
    if seen.stopped is not None:
        lines.append(f"ended early: {printable(str(seen.stopped))}")
    if seen.weak_only:
        lines.append(
            f"{seen.weak_only:,} matches rest on a weak algorithm alone, which shows accidents and no attack (--weak-allowed lets them pass)"
        )
    if seen.hashed_there:
        lines.append(
            f"{seen.hashed_there:,} matches are the server's own word, and nothing of them was read here (--server-hash-counts lets them pass)"
        )
    if seen.count(ObjectResult.EXTRA) and code == 11:
        lines.append("nothing is promised for the extra ones (--extra-allowed lets them pass)")
    rows = [
        (problem.result, printable(problem.key), printable(problem.detail) or _digests(problem.promised, problem.found)) for problem in _sorted(seen)
    ]
    if rows:
        lines += ["", tabulate(rows[:SHOWN], headers=("result", "object", "detail"), tablefmt="simple", disable_numparse=True)]
        more = sum(seen.count(result) for result in _ORDER if result is not ObjectResult.MATCH) - min(len(rows), SHOWN)
        if more > 0:
            lines.append(f"… and {more:,} more; --format json names up to {len(rows):,}")
    return "\n".join(lines) + "\n"


def _sorted(seen: Verification) -> list[Any]:
    return sorted(seen.problems, key=lambda problem: (_ORDER.index(problem.result), problem.key))


def _digests(promised: str, found: str) -> str:
    return f"promised {promised[:16]}…, found {found[:16]}…" if promised and found else ""


def verification_as_json(seen: Verification, manifest: Path, place: str, code: int) -> str:
    """The results of one manifest as one JSON document; at most a thousand objects that are not as promised are named, and the counts are exact."""
    document = {
        "schema": "drcheck.manifest-verification/1",
        "manifest": printable(str(manifest)),
        "place": printable(place),
        "started": format_moment(seen.started),
        "finished": format_moment(seen.finished),
        "exit_code": code,
        "counts": {str(result): seen.count(result) for result in _ORDER},
        "objects_read": seen.objects_read,
        "bytes_read": seen.bytes_read,
        "weak_only": seen.weak_only,
        "hashed_there": seen.hashed_there,
        "manifests": [
            {"name": printable(each.name), "kind": each.kind, "algorithms": each.algorithms, "promises": each.promises} for each in seen.manifests
        ],
        "unusable": list(map(printable, seen.unusable_manifests)),
        "faults": list(map(printable, seen.faults)),
        "stopped": None if seen.stopped is None else {"reason": seen.stopped.reason, "detail": printable(seen.stopped.detail)},
        "problems": [
            {
                "object": printable(problem.key),
                "result": problem.result,
                "size": problem.size,
                "algorithm": problem.algorithm,
                "promised": problem.promised,
                "found": problem.found,
                "detail": printable(problem.detail),
            }
            for problem in _sorted(seen)
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
