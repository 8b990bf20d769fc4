"""Evidence packs: one night, or the nights of a period, as files that a stranger can check without us."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib import metadata
from pathlib import Path

from drcheck.canonical import canonical_json
from drcheck.chain import RECORD, Link
from drcheck.clock import format_moment
from drcheck.errors import EvidenceError, StoreError
from drcheck.evidence import bag
from drcheck.evidence.archive import kind_of
from drcheck.evidence.names import Tokens
from drcheck.evidence.objects import object_lines
from drcheck.evidence.packing import beside, put, refuse_existing, unpack
from drcheck.evidence.scripts import tag_files
from drcheck.evidence.signing import Signer
from drcheck.evidence.statement import attestation, tested
from drcheck.files import write_whole
from drcheck.model import Assessment, Night, Past, number_of, printable
from drcheck.nights import past_of
from drcheck.nights.documents import trend_document
from drcheck.nights.gaps import Rhythm
from drcheck.nights.trend import trend
from drcheck.record import assessment_from_record
from drcheck.reports import BUILTIN, WITH_PAST, ReportOptions, render
from drcheck.store import Store

SCHEMA = "drcheck.pack/1"
REPORTS = {"markdown": "assessment.md", "csv": "assessment.csv", "html": "assessment.html", "statement": "statement.html"}
"""Reports in a pack by their format, with their files' names."""


@dataclass(frozen=True, slots=True)
class Period:
    """The time that a pack is of, UTC; None where it is open."""

    since: datetime | None
    until: datetime | None
    rhythm: Rhythm
    """How often there should have been a night."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What goes into a pack."""

    names: bool = False
    """Whether names of objects stay, rather than tokens in their place."""
    objects: bool = True
    """Whether what the store knows of each object goes with it."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A pack that was made."""

    path: Path
    run: str
    head: str
    """The digest of its last link."""
    left_out: tuple[str, ...]
    """Nights of the period whose papers are no longer kept."""
    signatures: tuple[str, ...]


def export(
    store: Store,
    nights: Sequence[Night],
    output: Path,
    *,
    exported: datetime,
    choice: Choice,
    period: Period | None = None,
    signers: Iterable[Signer] = (),
) -> Exported:
    """
    Make a pack of the last of `nights`, and with a `period` of all of them.

    The same nights give the same bytes but for what tells when they were exported, and what the store knows of objects by then.

    Args:
        nights: one organisation's, the oldest first; at least one.
        exported: the present.

    Raises:
        EvidenceError: it cannot be made of these nights, or a key did not sign.
        OutputError: it could not be written.
        StoreError: the store could not be read, or no longer has the papers of the last night.
    """
    refuse_existing(output)
    with beside(output) as place:
        folder = place / "pack"
        folder.mkdir()
        written = bag.BagWriter(folder)
        maker = _Maker(store, nights, choice, written)
        left_out = maker.write(exported, period)
        manifest = written.finish(maker.info(exported), tag_files())
        outside: dict[str, bytes] = {}
        for signer in signers:
            outside |= _signed(manifest, signer, maker)
        written.add_outside(outside)
        put(folder, output, f"drcheck-evidence-{maker.link.run}")
    return Exported(output, maker.link.run, maker.link.digest, left_out, tuple(sorted(outside)))


def signature_of(manifest: bytes, signer: Signer) -> dict[str, bytes]:
    """The signature of a pack's tag manifest, by the path that it has in the pack. Raises EvidenceError where the key did not sign."""
    return {bag.outside_name(f"{bag.SIGNATURES}{signer.label}.sig"): signer.sign(manifest)}


def add_tag_files(pack: Path, files: Mapping[str, bytes]) -> None:
    """
    Add signatures and time stamps to a finished pack, a folder or an archive; nothing that is there is changed, but for the list of these files.

    Args:
        files: contents by path, each below `signatures/` or `timestamps/`.

    Raises:
        BadPack: the pack is not sound, or a path is another one.
        EvidenceError: one of the files is there already.
        OutputError: it could not be written; an archive is then as it was.
    """
    for name in files:
        bag.outside_name(name)
    if pack.is_dir():
        _add_to_folder(pack, files, pack)
        return
    with beside(pack) as place:
        folder = place / "pack"
        folder.mkdir()
        root = unpack(pack, folder)
        _add_to_folder(folder, files, pack)
        packed = place / f"new.{kind_of(pack)}"
        put(folder, packed, root)
        packed.chmod(pack.stat().st_mode & 0o777)
        os.replace(packed, pack)


def _add_to_folder(folder: Path, files: Mapping[str, bytes], pack: Path) -> None:
    sums = folder / bag.SUMS
    listed = bag.read_sums(sums.read_bytes(), bag.SUMS)
    there = sorted(name for name in files if name in listed or (folder / name).exists())
    if there:
        raise EvidenceError(f"{pack}: has {', '.join(there)} already")
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        write_whole(folder / name, content)
        listed[name] = bag.digest_of(folder / name)
    write_whole(sums, bag.sums_of(listed))


class _Maker:
    """Writes what a pack holds."""

    def __init__(self, store: Store, nights: Sequence[Night], choice: Choice, written: bag.BagWriter) -> None:
        self.store = store
        self.nights = nights
        self.last = nights[-1]
        self.choice = choice
        self.written = written
        links = store.links(self.last.organisation)
        self.link = next(link for link in links if link.run == printable(self.last.run))
        self.links = links[: self.link.number]
        self.policies: dict[str, bytes] = {}
        content = self.paper(self.link, RECORD)
        self.assessment = assessment_from_record(content, f"run {self.link.run}")

    def paper(self, link: Link, name: str) -> bytes:
        """One paper of a night, with the names of objects or tokens in their place, as asked for."""
        return self.store.paper(link.run, name, hashed=not self.choice.names)

    def write(self, exported: datetime, period: Period | None) -> tuple[str, ...]:
        """Write everything below `data/`; returns the nights of the period that are left out."""
        for name, _ in self.link.papers:
            content = self.paper(self.link, name)
            self._add(name, content)
            if name.startswith("policies/"):
                self.policies[bag.PAYLOAD + name] = content
        self._add("assessment.json", self._report("json"))
        for format_, file in REPORTS.items():
            if format_ in BUILTIN:
                self._add(f"reports/{file}", self._report(format_))
        self._add("versions.json", canonical_json(self._versions()) + b"\n")
        calls = [{"target": printable(target), "call": printable(call), "count": count} for target, call, count in self.store.calls(self.last.run)]
        self._add("calls.jsonl", b"".join(canonical_json(call) + b"\n" for call in calls))
        self._add("chain.jsonl", b"".join(link.canonical() + b"\n" for link in self.links))
        if self.choice.objects:
            self.written.add("objects.jsonl", self._objects(exported))
        left_out = self._nights() if period is not None else ()
        if period is not None:
            self._add("trend.json", self._trend(period))
        self._add("pack.json", canonical_json(self._about(period, left_out)) + b"\n")
        return left_out

    def _add(self, name: str, content: bytes) -> None:
        self.written.add(name, (content,))

    def _report(self, format_: str) -> bytes:
        past: Past | None = None
        if format_ in WITH_PAST:
            past = past_of(self.assessment, self.store.assessments(self.last.organisation), self.store.intervals(self.last.organisation))
        text = render(self.assessment, format_, ReportOptions(wide=True, past=past))
        return text if isinstance(text, bytes) else text.encode("utf-8", "backslashreplace")

    def _objects(self, exported: datetime) -> Iterator[bytes]:
        organisation = self.last.organisation
        shown: Callable[[str], str] = printable if self.choice.names else Tokens(self.store.names_key(organisation), ()).name
        copies = [f"{copy.system}@{copy.target}" for copy in self.assessment.copies]
        return object_lines(self.store, organisation, copies, shown, exported)

    def _nights(self) -> tuple[str, ...]:
        links = {link.run: link for link in self.links}
        left_out = []
        for night in self.nights:
            link = links[printable(night.run)]
            if not _kept(night, link):
                left_out.append(link.run)
                continue
            for name, _ in link.papers:
                self._add(f"nights/{link.run}/{name}", self.paper(link, name))
        return tuple(left_out)

    def _trend(self, period: Period) -> bytes:
        organisation = self.last.organisation
        now = period.until or self.last.reference
        last = self.last.number
        nights = [night for night in self.store.assessments(organisation) if night.number <= last]
        # What came after is another pack's: the same period always gives the same trend.
        begun = (interval for interval in self.store.intervals(organisation) if interval.first <= last)
        intervals = [each if each.last <= last else replace(each, last=last, until=self.last.reference) for each in begun]
        found = trend(organisation, nights, intervals, now=now, since=period.since, rhythm=period.rhythm)
        return canonical_json(trend_document(found)) + b"\n"

    def _about(self, period: Period | None, left_out: Sequence[str]) -> dict[str, object]:
        about: dict[str, object] = {
            "schema": SCHEMA,
            "organisation": self.link.organisation,
            "name": printable(self.assessment.estate.name),
            "run": self.link.run,
            "number": self.link.number,
            "head": self.link.digest,
            "names": "plain" if self.choice.names else "hashed",
        }
        if period is not None:
            about["since"] = None if period.since is None else format_moment(period.since)
            about["until"] = None if period.until is None else format_moment(period.until)
            about["nights"] = [printable(night.run) for night in self.nights]
            about["left_out"] = list(left_out)
        return about

    def _versions(self) -> dict[str, object]:
        run = self.assessment.run
        return {
            "assessed": {"drcheck": printable(run.version), "plugins": [[printable(name), printable(version)] for name, version in run.plugins]},
            "exported": {"drcheck": metadata.version("drcheck"), "python": platform.python_version(), "libraries": _libraries()},
        }

    def info(self, exported: datetime) -> dict[str, str]:
        """The lines of bag-info.txt."""
        what = f"the night {self.link.run}" if len(self.nights) == 1 else f"{number_of(len(self.nights), 'night')} up to {self.link.run}"
        as_of = f", judged as of {format_moment(self.last.reference)}" if self.last.as_of else ""
        return {
            "Source-Organization": printable(self.assessment.estate.name),
            "External-Identifier": self.link.run,
            "External-Description": f"Evidence of a backup check: {what}{as_of}",
            "Bagging-Date": f"{exported:%Y-%m-%d}",
            "Bag-Software-Agent": f"drcheck {metadata.version('drcheck')}",
            "Drcheck-Organisation": self.link.organisation,
            "Drcheck-Exported": format_moment(exported),
            "Drcheck-Head": self.link.digest,
        }

    def assessments(self) -> Iterator[Assessment]:
        """The assessments in the pack."""
        links = {link.run: link for link in self.links}
        for night in self.nights[:-1]:
            link = links[printable(night.run)]
            if _kept(night, link):
                yield assessment_from_record(self.paper(link, RECORD), f"run {link.run}")
        yield self.assessment


def _kept(night: Night, link: Link) -> bool:
    """Whether a night's record is there: it was not pruned, and no older drcheck made it."""
    return not night.pruned and RECORD in dict(link.papers)


def _signed(manifest: bytes, signer: Signer, maker: _Maker) -> dict[str, bytes]:
    return {**signature_of(manifest, signer), **attestation(manifest, tested(maker.assessments()), maker.policies, signer)}


def _libraries() -> dict[str, str]:
    """What drcheck rests on, with the versions that are installed here."""
    needed = [re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in metadata.requires("drcheck") or () if "extra ==" not in line]
    return {name: metadata.version(name) for name in sorted(needed)}


def nights_of(store: Store, organisation: str, since: datetime | None, until: datetime | None) -> list[Night]:
    """The organisation's nights of their own moments in this time, the oldest first. Raises StoreError where there is none."""
    found = [night for night in reversed(store.assessments(organisation, since=since, until=until)) if not night.as_of]
    if not found:
        raise StoreError(
            f"the store {store.place} has no night of {printable(organisation)} in that time; `drcheck evidence list` shows those it has"
        )
    return found
