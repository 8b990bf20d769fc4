"""
Whether a pack is what drcheck made: nothing in it is believed, and whose signatures count is the caller's to say.

What is wrong and what could not be determined are kept apart; a pack of which anything is unknown is never said to be sound.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from drcheck.canonical import canonical_json
from drcheck.chain import RECORD, Link
from drcheck.clock import format_moment, parse_moment
from drcheck.errors import BadPack
from drcheck.evidence import bag
from drcheck.evidence.archive import LIMITS, Limits
from drcheck.evidence.chain_check import Chain, chain_faults, read_chain
from drcheck.evidence.contents import Contents, list_problems, read_contents, within_memory
from drcheck.evidence.outcomes import Counted, count
from drcheck.evidence.pack import SCHEMA
from drcheck.evidence.signed_by import Trust, judge_signatures
from drcheck.model import EXIT_FAIL, EXIT_GOOD, EXIT_UNKNOWN, printable

__all__ = ["Trust", "Verified", "verify"]
_TEXTS = ("schema", "organisation", "name", "run", "head", "names")
_REPORT, _RECORD = "drcheck.assessment/1", "drcheck.record/1"


@dataclass(slots=True)
class Verified:
    """What was found of one pack."""

    path: Path
    problems: list[str] = field(default_factory=list)
    """What is wrong."""
    doubts: list[str] = field(default_factory=list)
    """What could not be determined."""
    notes: list[str] = field(default_factory=list)
    """What is good to know besides."""
    about: dict[str, Any] = field(default_factory=dict)
    """What the pack says that it is; see `drcheck.evidence.pack`."""
    counted: Counted | None = None
    """What its record comes to."""
    chain: Chain | None = None

    @property
    def exit_code(self) -> int:
        """10 where something is wrong, 11 where something is not known, else 0."""
        return EXIT_FAIL if self.problems else EXIT_UNKNOWN if self.doubts else EXIT_GOOD


def verify(path: Path, trust: Trust | None = None, limits: Limits = LIMITS) -> Verified:
    """
    Judge the pack at `path`.

    Args:
        trust: whose signatures count; None where that is not to be judged, which leaves a doubt.

    Raises:
        EvidenceError: it cannot be read at all, so nothing is known of it.
    """
    with within_memory(path):
        return _verified(path, trust, limits)


def _verified(path: Path, trust: Trust | None, limits: Limits) -> Verified:
    found = Verified(path)
    try:
        contents = read_contents(path, limits)
    except BadPack as error:
        found.problems.append(str(error).removeprefix(f"{path}: "))
        return found
    found.problems += list_problems(contents)
    for step in (_tags, _about, _chain, _period, _papers, _counts):
        try:
            found.problems += step(found, contents)
        except BadPack as error:
            found.problems.append(str(error))
    if not found.problems:
        # Who signed what is not whole is of no interest, and would read as praise.
        info = contents.info()
        # By the last link where the findings are too many to be counted again.
        night = found.counted or (found.chain.links[-1] if found.chain is not None else None)
        signed = judge_signatures(contents, trust, info.get("Drcheck-Exported", ""), None if night is None else night.exit_code)
        found.problems += signed.problems
        found.doubts += signed.doubts
        found.notes += signed.notes
    return found


def _tags(_: Verified, contents: Contents) -> Iterator[str]:
    if contents.file(bag.DECLARATION) != bag.VERSION:
        yield f"{bag.DECLARATION}: is not that of a bag of BagIt 1.0"
    oxum = contents.info().get("Payload-Oxum")
    there = f"{contents.octets}.{len(contents.below(bag.PAYLOAD))}"
    if oxum != there:
        yield f"{bag.INFO}: says Payload-Oxum {printable(str(oxum))}, and there is {there}"


def as_of_words(link: Link) -> str:
    """That a night was judged as of another moment than its own, and which."""
    return f"as of {format_moment(link.reference)}, not when it ran ({format_moment(link.started)})"


def look(contents: Contents) -> tuple[dict[str, Any], Counted, Link]:
    """
    What a pack says that it is, what its record comes to, and the link of its night; nothing of it is checked.

    Raises:
        BadPack: it does not say so.
    """
    about = _what(contents)
    name = f"data/{RECORD}"
    try:
        counted = count(contents.file(name))
        name = "data/chain.jsonl"
        return about, counted, read_chain(contents.file(name), "").links[-1]
    except ValueError as error:
        raise BadPack(f"{name}: {error}") from None


def _what(contents: Contents) -> dict[str, Any]:
    name = "data/pack.json"
    content = contents.file(name)
    about: dict[str, Any] = {}
    try:
        about = json.loads(content)
        wrong = not isinstance(about, dict) or canonical_json(about) + b"\n" != content
    except (ValueError, RecursionError):
        wrong = True
    if wrong or not all(isinstance(about.get(key), str) for key in _TEXTS) or about["names"] not in ("plain", "hashed"):
        raise BadPack(f"{name}: is not what says which pack this is")
    if about["schema"] != SCHEMA:
        raise BadPack(f"{name}: is of the schema {printable(about['schema'])}; this drcheck reads {SCHEMA}")
    for key in ("nights", "left_out"):
        if not isinstance(about.get(key, []), list) or not all(isinstance(run, str) for run in about.get(key, [])):
            raise BadPack(f"{name}: {key} is no list of nights")
    return about


def _about(found: Verified, contents: Contents) -> Iterator[str]:
    name, about = "data/pack.json", _what(contents)
    found.about = about
    info = contents.info()
    said = {"External-Identifier": about["run"], "Drcheck-Head": about["head"], "Drcheck-Organisation": about["organisation"]}
    for label, value in said.items():
        if info.get(label) != value:
            yield f"{bag.INFO}: {label} is {printable(str(info.get(label)))}, and {name} says {printable(value)}"


def _chain(found: Verified, contents: Contents) -> Iterator[str]:
    name = "data/chain.jsonl"
    try:
        chain = read_chain(contents.file(name), f"{found.path.name}")
    except ValueError as error:
        raise BadPack(f"{name}: {error}") from None
    found.chain = chain
    yield from (f"{name}: {fault.text.removeprefix(f'{chain.place}: ')}" for fault in chain_faults(chain))
    last = chain.links[-1]
    for key, value in (("run", last.run), ("head", last.digest), ("organisation", last.organisation), ("number", last.number)):
        if found.about and found.about.get(key) != value:
            yield f"{name}: the last link has {key} {printable(str(value))}, and data/pack.json says {printable(str(found.about.get(key)))}"


def _period(found: Verified, contents: Contents) -> Iterator[str]:
    """Every night of the chain that is in the period is said to be in the pack: a bad one is not left out in silence."""
    if found.chain is None or not found.about:
        return
    name = "data/pack.json"
    if "nights" not in found.about:
        if contents.below("data/nights/", "data/trend.json") or {"since", "until", "left_out"} & found.about.keys():
            yield f"{name}: has no list of the nights of its period"
        return
    since, until = (_moment(found.about.get(key), f"{name}: {key}") for key in ("since", "until"))
    nights = set(found.about["nights"])
    if astray := sorted(set(found.about.get("left_out", [])) - nights):
        yield f"{name}: leaves out {printable(astray[0])}, which is no night of its period"
    for link in found.chain.links:
        # A link tells its moment to the second, so nothing is said of the period's own first and last second.
        inside = (since is None or since < link.reference) and (until is None or link.reference < until)
        outside = (since is not None and link.reference < since) or (until is not None and until < link.reference)
        if inside and not link.as_of and link.run not in nights:
            yield f"{name}: does not have the night {printable(link.run)}, which is in its period"
        elif link.run in nights and (outside or link.as_of):
            yield f"{name}: has the night {printable(link.run)}, which is not of its period"


def _moment(value: object, name: str) -> datetime | None:
    if value is None:
        return None
    try:
        return parse_moment(str(value))
    except ValueError as error:
        raise BadPack(f"{name}: {error}") from None


def _papers(found: Verified, contents: Contents) -> Iterator[str]:
    """Every paper of every night is the one that its link names, and no other is there."""
    if found.chain is None or not found.about:
        return
    links = {link.run: link for link in found.chain.links}
    expected = dict(_expected("data/", found.chain.links[-1], found.about["names"]))
    left_out = set(found.about.get("left_out", []))
    for run in found.about.get("nights", []):
        if run not in links:
            yield f"data/pack.json: says that the night {printable(run)} is in it, and the chain has no such night"
        elif run not in left_out:
            expected |= _expected(f"data/nights/{run}/", links[run], found.about["names"])
    if left_out:
        found.doubts.append(
            f"the papers of {len(left_out)} of {len(found.about.get('nights', []))} nights are no longer kept; only their links are here"
        )
    for name, digest in expected.items():
        if name not in contents.digests:
            yield f"{name}: is not there, and the chain names it"
        elif f"sha256:{contents.digests[name]}" != digest:
            yield f"{name}: is not the one that the chain names"
    papers = ("data/estate.json", "data/waivers.toml", f"data/{RECORD}")
    for name in contents.below("data/nights/", "data/policies/", *papers):
        if name not in expected:
            yield f"{name}: is there, and the chain does not name it"


def _expected(folder: str, link: Link, names: str) -> dict[str, str]:
    return {f"{folder}{name}": digest for name, digest in (link.papers if names == "plain" else link.hashed)}


def _counts(found: Verified, contents: Contents) -> Iterator[str]:
    """What the report says that the findings come to is what they come to, in it and in the record."""
    if found.chain is None:
        return
    if contents.too_large:
        named = " and ".join(sorted(contents.too_large))
        found.doubts.append(
            f"{named}: larger than what is looked into, so its findings were not counted again, and whether they are of a REHEARSAL was not seen; "
            "its bytes are those that are listed"
        )
        return
    counted: dict[str, Counted] = {}
    for name, schema in ((f"data/{RECORD}", _RECORD), ("data/assessment.json", _REPORT)):
        try:
            counted[name] = count(contents.file(name))
        except ValueError as error:
            raise BadPack(f"{name}: {error}") from None
        if counted[name].schema != schema:
            raise BadPack(f"{name}: is of the schema {printable(counted[name].schema)}; this drcheck reads {schema}")
    record, report = counted.values()
    found.counted = record
    if record.rehearsal:
        found.notes.append("it is of a REHEARSAL: folders on one machine stand in for places")
    if report.rehearsal != record.rehearsal:
        yield f"data/assessment.json: says of a rehearsal something else than data/{RECORD}"
    link = found.chain.links[-1]
    if {record.run, report.run} != {link.run}:
        of = f"{printable(record.run)} and {printable(report.run)}"
        yield f"data/{RECORD} and data/assessment.json are of {of}, the last link is of {printable(link.run)}"
    if record.exit_code != link.exit_code:
        yield f"data/{RECORD}: comes to exit code {record.exit_code}, and its link says {link.exit_code}"
    if report.summarised != record.summarised:
        yield f"data/assessment.json: has other findings than data/{RECORD}: {report.summarised} and {record.summarised}"
    elif report.told != record.told:
        yield f"data/assessment.json: says of its findings something else than data/{RECORD}"
    for key, value in report.summarised.items():
        if report.summary.get(key) != value:
            yield f"data/assessment.json: its summary says {key} {printable(str(report.summary.get(key)))}, and its findings come to {value}"
