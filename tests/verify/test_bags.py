"""Bags made by bagit-python and damaged on purpose: the verdict is bagit-python's own, and says more."""

from __future__ import annotations

import logging
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import bagit
import pytest

from drcheck.model import Depth, Verification
from tests.verify.places import age, copy_of, counts, estate_of, fill, verified

PAYLOAD = {"scan 1.dcm": b"1" * 500, "b/scan2.dcm": b"2" * 700, "empty": b"", "Åse.txt": b"name", "100%.txt": b"all", "line\nend": b"l"}


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    fill(tmp_path / "nas", PAYLOAD)
    logging.disable(logging.CRITICAL)
    bagit.make_bag(str(tmp_path / "nas"), {"Contact-Name": "Archive"}, checksums=["sha256", "sha512"])
    logging.disable(logging.NOTSET)
    age(tmp_path / "nas")
    return tmp_path / "nas"


def peer(bag: Path) -> bool:
    """What bagit-python says."""
    logging.disable(logging.CRITICAL)
    try:
        return bool(bagit.Bag(str(bag)).is_valid())
    except (bagit.BagError, ValueError):
        return False
    finally:
        logging.disable(logging.NOTSET)


def ours(bag: Path) -> Verification:
    age(bag)
    return verified(estate_of(copy_of({"kind": "bagit"}), base=bag.parent))


def good(found: Verification) -> bool:
    """Whether nothing at all is said against the bag."""
    return set(counts(found)) == {"match"} and not found.faults and not found.unusable_manifests and found.stopped is None


def edit(name: str, old: bytes, new: bytes) -> Callable[[Path], None]:
    def change(bag: Path) -> None:
        content = (bag / name).read_bytes()
        assert old in content
        (bag / name).write_bytes(content.replace(old, new, 1))

    return change


def retag(bag: Path) -> None:
    """Make the tag manifests fit again, so that only the damage before speaks."""
    for manifest in bag.glob("tagmanifest-*.txt"):
        manifest.unlink()


def remove_manifests(bag: Path) -> None:
    for manifest in bag.glob("*manifest-*.txt"):
        manifest.unlink()


def both(*changes: Callable[[Path], object]) -> Callable[[Path], None]:
    def change(bag: Path) -> None:
        for each in changes:
            each(bag)

    return change


def append(name: str, content: bytes) -> Callable[[Path], None]:
    def change(bag: Path) -> None:
        with (bag / name).open("ab") as file:
            file.write(content)

    return change


def drop_line(name: str, holding: bytes) -> Callable[[Path], None]:
    def change(bag: Path) -> None:
        lines = (bag / name).read_bytes().splitlines(keepends=True)
        (bag / name).write_bytes(b"".join(line for line in lines if holding not in line))

    return change


def other_form(bag: Path) -> None:
    (bag / "data" / "Åse.txt").rename(bag / "data" / unicodedata.normalize("NFD", "Åse.txt"))


ZEROS = b"0" * 64
DAMAGES: dict[str, tuple[Callable[[Path], object], dict[str, int], str]] = {
    "none": (lambda _: None, {"match": 10}, ""),
    "another tag file": (lambda bag: (bag / "notes.txt").write_bytes(b"n"), {"match": 10}, ""),
    "no tag manifests": (retag, {"match": 6}, ""),
    "unicode": (other_form, {"match": 10}, ""),
    "flipped": (lambda bag: (bag / "data/scan 1.dcm").write_bytes(b"1" * 499 + b"2"), {"match": 9, "mismatch": 1}, ""),
    "truncated": (lambda bag: os.truncate(bag / "data/b/scan2.dcm", 10), {"match": 9, "mismatch": 1}, "Payload-Oxum"),
    "missing": (lambda bag: (bag / "data/empty").unlink(), {"match": 9, "missing": 1}, "Payload-Oxum"),
    "extra": (lambda bag: (bag / "data/new.sha256").write_bytes(b"x"), {"match": 10, "extra": 1}, "Payload-Oxum"),
    "renamed": (lambda bag: (bag / "data/empty").rename(bag / "data/void"), {"match": 9, "missing": 1, "extra": 1}, ""),
    "tag file changed": (append("bag-info.txt", b"Note: later\n"), {"match": 9, "mismatch": 1}, ""),
    "tag file gone": (lambda bag: (bag / "bag-info.txt").unlink(), {"match": 9, "missing": 1}, ""),
    "manifest rewritten": (append("manifest-sha256.txt", b"\n"), {"match": 9, "mismatch": 1}, ""),
    "not in any manifest": (
        both(drop_line("manifest-sha256.txt", b"data/empty"), drop_line("manifest-sha512.txt", b"data/empty"), retag),
        {"match": 5, "extra": 1},
        "",
    ),
    "wrong oxum": (both(edit("bag-info.txt", b"Payload-Oxum: ", b"Payload-Oxum: 9"), retag), {"match": 6}, "Payload-Oxum"),
    "broken oxum": (both(edit("bag-info.txt", b"Payload-Oxum: ", b"Payload-Oxum: x"), retag), {"match": 6}, "Payload-Oxum"),
    "no bagit.txt": (both(lambda bag: (bag / "bagit.txt").unlink(), retag), {"not-read": 6}, "bagit.txt"),
    "byte-order mark": (
        both(lambda bag: (bag / "bagit.txt").write_bytes(b"\xef\xbb\xbf" + (bag / "bagit.txt").read_bytes()), retag),
        {"not-read": 6},
        "mark",
    ),
    "version 2": (both(edit("bagit.txt", b"0.97", b"2.0"), retag), {"not-read": 6}, "BagIt 2.0"),
    "no encoding": (both(lambda bag: (bag / "bagit.txt").write_bytes(b"BagIt-Version: 0.97\n"), retag), {"not-read": 6}, "encoding"),
    "no payload manifest": (
        remove_manifests,
        {"not-read": 6},
        "no payload manifest",
    ),
    "no payload": (both(lambda bag: (bag / "data").rename(bag.parent / "gone"), retag), {"missing": 6}, "no payload"),
    "path up": (both(append("manifest-sha256.txt", ZEROS + b"  data/../../etc/passwd\n"), retag), {"match": 6}, ".."),
    "path absolute": (both(append("manifest-sha256.txt", ZEROS + b"  /etc/passwd\n"), retag), {"match": 6}, "absolute"),
    "path home": (both(append("manifest-sha256.txt", ZEROS + b"  ~/.bashrc\n"), retag), {"match": 6}, "dangerous"),
    "conflict": (both(append("manifest-sha256.txt", ZEROS + b"  data/empty\n"), retag), {"match": 6}, "something else"),
    "fetch of what is gone": (
        both(lambda bag: (bag / "data/empty").unlink(), lambda bag: (bag / "fetch.txt").write_bytes(b"https://a.example/e 0 data/empty\n"), retag),
        {"match": 5, "missing": 1},
        "never fetched",
    ),
    "fetch out of the bag": (both(lambda bag: (bag / "fetch.txt").write_bytes(b"https://a.example/e 0 ../e\n"), retag), {"match": 6}, ".."),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_the_verdict_is_that_of_bagit(bag: Path, name: str) -> None:
    damage, expected, says = DAMAGES[name]
    damage(bag)
    found = ours(bag)
    assert counts(found) == expected
    assert good(found) is peer(bag)
    said = [*found.faults, *found.unusable_manifests]
    assert any(says in text for text in said) if says else not said


def test_a_whole_bag_says_what_it_rests_on(bag: Path) -> None:
    found = ours(bag)
    assert good(found)
    assert {manifest.kind for manifest in found.manifests} == {"bagit"}
    assert len(found.manifests) == 4
    assert found.depth is Depth.READ


def test_a_file_that_one_manifest_of_a_1_0_bag_lists_and_another_does_not_is_a_fault(bag: Path) -> None:
    both(drop_line("manifest-sha256.txt", b"data/empty"), retag)(bag)
    assert good(ours(bag))
    edit("bagit.txt", b"0.97", b"1.0")(bag)
    (fault,) = ours(bag).faults
    assert "data/empty is in one payload manifest and not in another" in fault


def test_percent_is_encoded_since_1_0_and_meant_literally_by_some(bag: Path) -> None:
    both(edit("bagit.txt", b"0.97", b"1.0"), edit("manifest-sha256.txt", b"100%.txt", b"100%25.txt"), retag)(bag)
    assert counts(ours(bag)) == {"match": 6}
    (bag / "data/100%.txt").rename(bag / "data/100%25.txt")
    edit("manifest-sha512.txt", b"100%.txt", b"100%25.txt")(bag)
    assert counts(ours(bag)) == {"match": 6}


def test_an_unknown_algorithm_is_not_passed_over(bag: Path) -> None:
    (bag / "manifest-whirlpool.txt").write_bytes(b"00 data/empty\n")
    found = ours(bag)
    assert counts(found) == {"match": 10}
    assert "whirlpool is unknown" in found.unusable_manifests[0]
    assert not good(found)


def test_a_file_listed_twice_alike_is_a_fault_since_1_0(bag: Path) -> None:
    both(append("manifest-sha256.txt", (bag / "manifest-sha256.txt").read_bytes()), retag)(bag)
    assert good(ours(bag)) is peer(bag) is True
    edit("bagit.txt", b"0.97", b"1.0")(bag)
    assert good(ours(bag)) is peer(bag) is False


def test_another_encoding_is_read_as_the_bag_says(bag: Path) -> None:
    retag(bag)
    edit("bagit.txt", b"UTF-8", b"ISO-8859-1")(bag)
    for name in ("manifest-sha256.txt", "manifest-sha512.txt"):
        (bag / name).write_bytes((bag / name).read_bytes().decode().encode("latin-1"))
    assert good(ours(bag)) is peer(bag) is True


def test_windows_separators_are_refused(bag: Path) -> None:
    both(edit("manifest-sha256.txt", b"data/empty", b"data\\empty"), retag)(bag)
    found = ours(bag)
    assert "Windows separators" in found.unusable_manifests[0]
    assert not good(found)


def test_each_dated_directory_is_its_own_bag(tmp_path: Path) -> None:
    for day in ("2026-03-01", "2026-03-02", "2026-03-03"):
        fill(tmp_path / "nas" / day, {"a": b"a"})
        logging.disable(logging.CRITICAL)
        bagit.make_bag(str(tmp_path / "nas" / day), checksums=["sha256"])
        logging.disable(logging.NOTSET)
    (tmp_path / "nas/2026-03-02/bagit.txt").unlink()
    (tmp_path / "nas/2026-03-03/data/a").write_bytes(b"b")
    fill(tmp_path / "nas/2026-03-04", {"plain": b"p" * 400})
    age(tmp_path / "nas")
    declared = copy_of({"name": "bagit.txt"}, "dated", options={"pattern": "%Y-%m-%d"})
    found = verified(estate_of(declared, base=tmp_path))
    assert counts(found) == {"not-read": 1, "match": 7, "mismatch": 1}
    assert [text.split(":")[0] for text in found.unusable_manifests] == ["the bag 2026-03-02", "recovery point 2026-03-04"]


def test_a_manifest_of_a_bag_that_is_kept_away_is_read_like_a_bags(bag: Path) -> None:
    fill(bag.parent / "kept", {"manifest-sha256.txt": (bag / "manifest-sha256.txt").read_bytes()})
    found = verified(estate_of(copy_of({"kind": "bagit", "path": "kept/manifest-sha256.txt"}), base=bag.parent))
    assert counts(found)["match"] == 6
    assert [(manifest.kind, manifest.beside) for manifest in found.manifests] == [("bagit", False)]
