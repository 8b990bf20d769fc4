"""Faults of manifests: what was promised is gone, wrong, weak, or of no use."""

from __future__ import annotations

import hashlib
import unicodedata
from pathlib import Path

import pytest

from tests.faults import trees
from tests.faults.healthy import Place, local_place
from tests.faults.test_bytes import flip
from tests.faults.zoo import Fault, Findings, Zoo, fails, passes, try_out, unknown

ZOO: Zoo[Place] = Zoo()
INTEGRITY = "integrity.checksums"


@pytest.mark.parametrize("fault", ZOO, ids=str)
def test_fault(fault: Fault[Place], folder: Path, healthy: Findings) -> None:
    try_out(fault, local_place(folder), healthy)


def written_again(night: Path, algorithm: str = "sha256", name: str = "SHA256SUMS") -> bytes:
    """A manifest of one night of the laboratory, as its folder is now."""
    files = {each: (night / each).read_bytes() for each in ("results.csv", "reports/report-1.txt")}
    (night / "SHA256SUMS").unlink(missing_ok=True)
    content = trees.sums(files, algorithm)
    (night / name).write_bytes(content)
    return content


@ZOO.fault(passes(INTEGRITY, "laboratory@onsite", "this shows completeness and accidents, not tampering"))
def data_and_the_manifest_beside_it_rewritten_together(place: Place) -> None:
    night = place.night("onsite")
    flip(night / "results.csv")
    written_again(night)


@ZOO.fault(fails(INTEGRITY, "record@archive", ".dump (mismatch)"))
def data_and_checksums_rewritten_together_with_a_manifest_away(place: Place) -> None:
    dump = place.dump("archive")
    flip(dump)
    Path(f"{dump}.sha256").write_bytes(trees.sums({dump.name: dump.read_bytes()}))


@ZOO.fault(unknown(INTEGRITY, "laboratory@onsite", "the digest has 128 digits, but it is sha256 according to its file name, which has 64"))
def a_manifest_of_another_algorithm_than_its_name_says(place: Place) -> None:
    written_again(place.night("onsite"), "sha512")


@ZOO.fault(unknown(INTEGRITY, "laboratory@onsite", "the digest has 64 digits, but it is sha512 according to the estate"))
def the_wrong_algorithm_declared(place: Place) -> None:
    place.copy("laboratory@onsite")["manifest"]["algorithm"] = "sha512"


@ZOO.fault(unknown(INTEGRITY, "laboratory@south", "line 2: is neither `digest  name` nor `ALGORITHM (name) = digest`"))
def a_malformed_manifest(place: Place) -> None:
    manifest = place.night("south") / "SHA256SUMS"
    manifest.write_bytes(manifest.read_bytes()[:-30].replace(b"  reports", b"\treports"))


@ZOO.fault(unknown(INTEGRITY, "laboratory@south", "SHA256SUMS"))
def a_manifest_cut_short(place: Place) -> None:
    manifest = place.night("south") / "SHA256SUMS"
    manifest.write_bytes(manifest.read_bytes()[:100])


@ZOO.fault(unknown(INTEGRITY, "laboratory@south", "nothing was promised for 2 objects"))
def a_manifest_missing(place: Place) -> None:
    (place.night("south", days=1) / "SHA256SUMS").unlink()


@ZOO.fault(unknown(INTEGRITY, "laboratory@south", "is empty and promises nothing; write it again"))
def an_empty_manifest(place: Place) -> None:
    (place.night("south", days=1) / "SHA256SUMS").write_bytes(b"")


@ZOO.fault(unknown(INTEGRITY, "record@archive", "manifests/record.sha256: is not there"))
def the_manifest_on_this_machine_gone(place: Place) -> None:
    place.path("manifests/record.sha256").unlink()


@ZOO.fault(unknown(INTEGRITY, "record@archive", "nothing was promised for 1 object"))
def the_manifest_on_this_machine_not_kept_up(place: Place) -> None:
    manifest = place.path("manifests/record.sha256")
    manifest.write_bytes(b"".join(line for line in manifest.read_bytes().splitlines(True) if place.dump("archive").name.encode() not in line))


@ZOO.fault(unknown(INTEGRITY, "imaging@onsite", "nothing was promised for 3 objects"))
def a_name_of_a_manifest_that_is_nowhere(place: Place) -> None:
    place.copy("imaging@onsite")["manifest"] = {"name": "SHA512SUMS"}


@ZOO.fault(unknown(INTEGRITY, "imaging@onsite", "no manifest is declared"))
def no_manifest_declared(place: Place) -> None:
    del place.copy("imaging@onsite")["manifest"]


@ZOO.fault(passes(INTEGRITY, "laboratory@onsite", "of 26 objects match"))
def a_manifest_with_every_line_twice(place: Place) -> None:
    manifest = place.night("onsite") / "SHA256SUMS"
    manifest.write_bytes(manifest.read_bytes() * 2)


@ZOO.fault(unknown(INTEGRITY, "laboratory@onsite", 'promises something else for "results.csv" than line 1; nobody can tell which is right'))
def a_manifest_with_two_promises_for_one_name(place: Place) -> None:
    manifest = place.night("onsite") / "SHA256SUMS"
    manifest.write_bytes(manifest.read_bytes() + trees.sums({"results.csv": b"something else"}))


@ZOO.fault(unknown(INTEGRITY, "laboratory@onsite", 'the name "../../../manifests/record.sha256" contains .. and could leave its folder'))
def a_manifest_that_climbs_out_of_its_folder(place: Place) -> None:
    manifest = place.night("onsite") / "SHA256SUMS"
    promised = trees.sums({"../../../manifests/record.sha256": place.path("manifests/record.sha256").read_bytes()})
    manifest.write_bytes(manifest.read_bytes() + promised)


@ZOO.fault(unknown(INTEGRITY, "laboratory@onsite", 'the name "/etc/passwd" is absolute'))
def a_manifest_with_an_absolute_name(place: Place) -> None:
    manifest = place.night("onsite") / "SHA256SUMS"
    manifest.write_bytes(manifest.read_bytes() + trees.sums({"/etc/passwd": Path("/etc/passwd").read_bytes()}))


@ZOO.fault(unknown(INTEGRITY, "laboratory@onsite", "2 objects are promised by a weak algorithm only (md5"))
def a_manifest_of_md5_only(place: Place) -> None:
    night = place.night("onsite")
    written_again(night, "md5", "MD5SUMS")
    place.copy("laboratory@onsite")["manifest"] = {"name": "*SUMS"}


@ZOO.fault(fails(INTEGRITY, "laboratory@onsite", "results.csv (mismatch)"))
def a_flipped_bit_that_a_weak_manifest_shows(place: Place) -> None:
    night = place.night("onsite")
    written_again(night, "md5", "MD5SUMS")
    flip(night / "results.csv")
    place.copy("laboratory@onsite")["manifest"] = {"name": "*SUMS"}


@ZOO.fault(passes(INTEGRITY, "imaging@archive", "4 of 4 objects match"))
def a_manifest_whose_names_are_composed_where_the_disk_has_them_decomposed(place: Place) -> None:
    name, content = "Röntgen Straße.dcm", b"a study"
    place.path("archive/imaging/studies", unicodedata.normalize("NFD", name)).write_bytes(content)
    with place.path("manifests/imaging.sha256").open("ab") as manifest:
        manifest.write(trees.sums({f"studies/{unicodedata.normalize('NFC', name)}": content}))


@ZOO.fault(fails(INTEGRITY, "imaging@south", "its Payload-Oxum says 801 bytes in 2 files, and 800 bytes in 2 files are there"))
def a_bag_with_a_wrong_oxum(place: Place) -> None:
    night = place.night("south", system="imaging")
    payload = {f"data/{path.name}": path.read_bytes() for path in (night / "data").iterdir()}
    for name, content in trees.bag(payload, oxum="801.2").items():
        (night / name).write_bytes(content)


@ZOO.fault(fails(INTEGRITY, "imaging@south", "1 files that a fetch.txt names were never fetched, such as"))
def a_bag_that_was_never_fetched(place: Place) -> None:
    night = place.night("south", system="imaging")
    (night / "data" / "CT-1.dcm").unlink()
    (night / "fetch.txt").write_text("https://images.example/CT-1.dcm 400 data/CT-1.dcm\n")


@ZOO.fault(fails(INTEGRITY, "imaging@south", "manifest-sha256.txt (mismatch)"))
def a_bag_whose_manifest_was_rewritten(place: Place) -> None:
    night = place.night("south", system="imaging")
    study = night / "data" / "CT-1.dcm"
    before = hashlib.sha256(study.read_bytes()).hexdigest().encode()
    flip(study)
    manifest = night / "manifest-sha256.txt"
    manifest.write_bytes(manifest.read_bytes().replace(before, hashlib.sha256(study.read_bytes()).hexdigest().encode()))


@ZOO.fault(unknown(INTEGRITY, "imaging@south", "has no bagit.txt"))
def a_bag_without_its_declaration(place: Place) -> None:
    (place.night("south", system="imaging") / "bagit.txt").unlink()


@ZOO.fault(unknown(INTEGRITY, "imaging@south", "nothing was promised for 1 object"))
def an_object_in_a_bag_that_its_manifest_does_not_know(place: Place) -> None:
    night = place.night("south", system="imaging")
    payload = {f"data/{path.name}": path.read_bytes() for path in (night / "data").iterdir()}
    tags = trees.bag(payload)
    (night / "data" / "CT-9.dcm").write_bytes(b"a study")
    (night / "bag-info.txt").write_text("")
    tags = {name: content for name, content in tags.items() if not name.startswith("data/")} | {"bag-info.txt": b""}
    del tags["tagmanifest-sha256.txt"]
    (night / "tagmanifest-sha256.txt").write_bytes(trees.sums(tags))
