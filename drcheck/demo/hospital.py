"""The backups of an invented hospital: small, repeatable, and laid out as real ones are."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

Tree = dict[str, bytes]
"""Keys relative to a copy's path, and their content."""

DUMP_PATTERN = "ehr-%Y-%m-%dT%H%M%SZ.sql.gz"
DAY_PATTERN = "%Y-%m-%dT%H%M%SZ"
MANIFEST = "SHA256SUMS"
MARKER = "COMPLETE"
STAMP = "LAST_SYNC"


def nights(newest: datetime, weeks: int) -> tuple[datetime, ...]:
    """Seven moments a day apart and then `weeks` a week apart, newest first: what is left when old nights are thinned out."""
    return tuple(newest - timedelta(days=day) for day in (*range(7), *range(7, 7 * weeks + 1, 7)))


def patient_record(moments: tuple[datetime, ...]) -> Tree:
    """Database dumps of the patient record, a compressed SQL file each, with its checksum beside it."""
    tree: Tree = {}
    for moment in moments:
        rows = "".join(f"{number}\tPatient {_number('patient', number):06d}\t{moment:%Y-%m-%d}\n" for number in range(400))
        # No name and no time in the gzip header: the same night gives the same bytes.
        dump = gzip.compress(f"-- patient record at {moment:%Y-%m-%dT%H:%M:%SZ}\nCOPY appointment FROM stdin;\n{rows}\\.\n".encode(), mtime=0)
        name = moment.strftime(DUMP_PATTERN)
        tree[name] = dump
        tree[f"{name}.sha256"] = _line(name, dump)
    return tree


def imaging(synchronised: datetime, studies: int = 24) -> Tree:
    """A mirror of imaging studies, with the moment of its last synchronisation and a manifest at its root."""
    tree: Tree = {}
    for number in range(studies):
        modality = ("CT", "MR", "XR")[number % 3]
        tree[f"studies/{modality}/{modality}-{number:04d}.dcm"] = b"\0" * 128 + b"DICM" + _bytes(f"study {number}", 3000 + 37 * number)
    tree[MANIFEST] = manifest(tree)
    tree[STAMP] = f"{synchronised:%Y-%m-%dT%H:%M:%SZ}\n".encode()
    return tree


def pathology(moments: tuple[datetime, ...]) -> Tree:
    """A directory a night with the laboratory's results and reports, a manifest, and the marker that says it is finished."""
    tree: Tree = {}
    for moment in moments:
        results = "".join(
            f"{_number('sample', number):08d};potassium;{_number(f'k{moment:%j}', number) % 30 / 10 + 3:.1f}\n" for number in range(300)
        )
        night = {"results.csv": f"sample;test;value\n{results}".encode()}
        for number in range(4):
            night[f"reports/report-{number}.txt"] = (
                f"Report {number} of {moment:%Y-%m-%d}\n".encode() + _bytes(f"{moment:%Y%m%d}{number}", 400).hex().encode()
            )
        night[MANIFEST] = manifest(night)
        night[MARKER] = b""
        tree.update({f"{moment.strftime(DAY_PATTERN)}/{name}": content for name, content in night.items()})
    return tree


def manifest(tree: Mapping[str, bytes]) -> bytes:
    """A GNU SHA-256 manifest of everything in the tree."""
    return b"".join(_line(name, content) for name, content in sorted(tree.items()))


def promises(tree: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """What of a tree is payload: everything but manifests, checksums, markers and stamps."""
    for name, content in tree.items():
        if not name.endswith((".sha256", MANIFEST, MARKER, STAMP)):
            yield name, content


def flip(content: bytes) -> bytes:
    """The content with one byte in its middle changed."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def _line(name: str, content: bytes) -> bytes:
    return f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode()


def _bytes(seed: str, length: int) -> bytes:
    return hashlib.shake_128(seed.encode()).digest(length)


def _number(seed: str, number: int) -> int:
    return int.from_bytes(_bytes(f"{seed}/{number}", 3), "big") % 1_000_000
