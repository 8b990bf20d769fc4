"""A store with nights in it, packs of them, and ways to alter a pack as somebody would who knows how it is made."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from drcheck.assess import assess
from drcheck.connectors.base import Entry
from drcheck.evidence import bag
from drcheck.evidence.pack import Choice, Exported, Period, export
from drcheck.evidence.papers import papers_of
from drcheck.evidence.signing import Signer
from drcheck.model import Assessment, Depth, Night, ObjectResult, ObjectVerdict
from drcheck.policy import load_pack
from drcheck.store import Digest, Reading, Store, open_store
from tests.policy import rig

ESTATE = rig.estate(tape=True)
PACKS = tuple(load_pack(name) for name in rig.PACKS)
EXPORTED = rig.NOW + timedelta(days=30)
PATIENT = "Qvxzjk-Wyrmbolt-9434765919"
"""In every name of an object; no text of drcheck's holds a part of it."""
SCRIPT = Path("drcheck/evidence/verify.sh").absolute()
ALLOWED_PROGRAMS = ("cut", "date", "dirname", "grep", "head", "openssl", "sed", "sha256sum", "sort", "ssh-keygen", "tail", "tr", "uniq")


def facts_of(number: int) -> Any:
    """What was seen on a numbered night: one name of a patient's in each place, and on every second night a copy that does not answer."""
    facts = rig.facts(ESTATE, silent=["archive"] if number % 2 else [])
    name = f"scans/{PATIENT}-{number}.dcm"
    copies = list(facts.copies)
    bad = rig.verification(
        counts={ObjectResult.MATCH: 99, ObjectResult.MISMATCH: 1},
        problems=(ObjectVerdict(name, ObjectResult.MISMATCH, 5, "sha256", "00", "11", detail=f"{name}: changed while it was being read"),),
    )
    copies[0] = replace(copies[0], verification=rig.seen(bad), points=rig.seen(rig.points(rig.point(timedelta(hours=7), id=f"{PATIENT}.dump"))))
    targets = tuple(replace(target, calls=(("stat", 3), ("open", 1))) for target in facts.targets)
    return replace(facts, copies=tuple(copies), targets=targets)


def assessment_of(number: int, facts: Any = None) -> Assessment:
    """The assessment of a numbered night; its run's id is always the same."""
    at = rig.NOW + timedelta(days=number)
    seen = replace(facts or facts_of(number), at=at)
    found = assess(ESTATE, PACKS, seen, reference=at, started=at)
    return replace(found, run=replace(found.run, id=f"{at:%Y%m%dT%H%M%SZ}-{number:08x}", finished=at + timedelta(minutes=3)))


def fill(store: Store, nights: Iterable[int] = range(4), make: Callable[[int], Assessment] = assessment_of) -> list[Night]:
    """Record nights in a store, and what was read of two objects."""
    key = store.names_key(ESTATE.organisation.id)
    recorded = []
    for number in nights:
        assessment = make(number)
        recorded.append(store.record(assessment, papers_of(assessment, ESTATE, PACKS, key)))
    objects = store.objects(ESTATE.organisation.id, "pas@nas")
    names = [f"scans/{PATIENT}-{number}.dcm" for number in range(2)]
    for _ in objects.merge(iter([Entry(name, 7, rig.NOW) for name in names]), rig.NOW):
        pass
    objects.record([Reading(names[0], ObjectResult.MATCH, rig.NOW, Depth.READ, 7, (Digest("sha256", "ab" * 32, "ab" * 32),))])
    return recorded


def store_at(folder: Path, nights: Iterable[int] = range(4), make: Callable[[int], Assessment] = assessment_of) -> Store:
    """An open store with nights in it, whose secret is always the same."""
    store = open_store(folder / "drcheck.db")
    fill(store, nights, make)
    return store


def made(
    store: Store,
    output: Path,
    *,
    names: bool = False,
    period: Period | None = None,
    signers: Iterable[Signer] = (),
    exported: datetime = EXPORTED,
    last: int = 0,
) -> Exported:
    """A pack of the last night but `last`, or of all up to it."""
    nights = [night for night in reversed(store.assessments()) if not night.as_of]
    nights = nights[: len(nights) - last]
    return export(store, nights if period else nights[-1:], output, exported=exported, choice=Choice(names=names), period=period, signers=signers)


def relist(pack: Path) -> None:
    """Make every list of a pack in a folder anew, as somebody does who alters a file and knows how packs are made."""
    payload = _digests(pack, lambda name: name.startswith(bag.PAYLOAD))
    octets = sum((pack / name).stat().st_size for name in payload)
    info = (pack / bag.INFO).read_text("utf-8").splitlines()
    lines = [line if not line.startswith("Payload-Oxum") else f"Payload-Oxum: {octets}.{len(payload)}" for line in info]
    (pack / bag.INFO).write_text("\n".join(lines) + "\n", "utf-8")
    (pack / bag.MANIFEST).write_bytes(bag.sums_of(payload))
    outside = (bag.PAYLOAD, bag.SIGNATURES, bag.TIMESTAMPS)
    (pack / bag.TAG_MANIFEST).write_bytes(
        bag.sums_of(_digests(pack, lambda name: not name.startswith(outside) and name not in (bag.SUMS, bag.TAG_MANIFEST)))
    )
    resum(pack)


def resum(pack: Path) -> None:
    """Make the outermost list anew."""
    listed = _digests(pack, lambda name: name == bag.TAG_MANIFEST or name.startswith((bag.SIGNATURES, bag.TIMESTAMPS)))
    (pack / bag.SUMS).write_bytes(bag.sums_of(listed))


def _digests(pack: Path, wanted: Callable[[str], bool]) -> dict[str, str]:
    names = (file.relative_to(pack).as_posix() for file in pack.rglob("*") if file.is_file())
    return {name: hashlib.sha256((pack / name).read_bytes()).hexdigest() for name in names if wanted(name)}


def edit_json(file: Path, edit: Callable[[Any], object]) -> None:
    """Change a JSON document in place, in its canonical form."""
    document = json.loads(file.read_bytes())
    edit(document)
    end = b"\n" if file.read_bytes().endswith(b"\n") else b""
    file.write_bytes(json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + end)


def few_programs(folder: Path) -> Path:
    """A folder with the programs that a pack needs to be checked, and no others."""
    place = folder / "bin"
    place.mkdir()
    for name in ALLOWED_PROGRAMS:
        found = shutil.which(name)
        assert found is not None, name
        (place / name).symlink_to(found)
    return place


def run_script(pack: Path, programs: Path, *arguments: str | Path, script: Path = SCRIPT) -> subprocess.CompletedProcess[str]:
    """verify.sh, with no other programs than these."""
    shell = shutil.which("sh")
    assert shell is not None
    return subprocess.run(
        [shell, str(script), "-p", str(pack), *map(str, arguments)],
        env={"PATH": str(programs), "HOME": os.fspath(pack.parent)},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=120,
        check=False,
    )


def tar_of(members: Iterable[tuple[tarfile.TarInfo, bytes]], kind: str = "w:gz", **options: Any) -> bytes:
    """An archive with these members, whatever they are."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode=kind, **options) as archive:  # type: ignore[call-overload]
        for member, content in members:
            if member.isreg():
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return written.getvalue()
