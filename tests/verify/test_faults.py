"""Every fault of a backup that has promises gives exactly its own result, over real folders."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from drcheck.model import Depth, ObjectResult, Observed, Reason, Unobserved
from tests.verify.places import Told, age, copy_of, counts, estate_of, fill, look, problems, sums, verified

FILES = {"a.img": b"a" * 1000, "b.img": b"b" * 2000, "sub/c.img": b"c" * 3000, "empty": b""}
SIZE = sum(map(len, FILES.values()))


@pytest.fixture
def nas(tmp_path: Path) -> Path:
    fill(tmp_path / "nas", {**FILES, "SHA256SUMS": sums(FILES)})
    return tmp_path / "nas"


def estate(nas: Path, **manifest: str):  # type: ignore[no-untyped-def]
    return estate_of(copy_of(manifest or {"name": "SHA256SUMS"}), base=nas.parent)


def test_all_is_well(nas: Path) -> None:
    found = verified(estate(nas))
    assert counts(found) == {"match": 4}
    assert (found.objects_total, found.objects_read, found.bytes_read) == (4, 4, SIZE)
    assert (found.depth, found.weak_only, found.stopped, found.problems, found.bad) == (Depth.READ, 0, None, (), 0)
    (manifest,) = found.manifests
    assert (manifest.name, manifest.kind, manifest.beside, manifest.algorithms, manifest.promises) == ("SHA256SUMS", "gnu", True, ("sha256",), 4)


def flip(nas: Path) -> None:
    content = bytearray((nas / "b.img").read_bytes())
    content[777] ^= 1
    (nas / "b.img").write_bytes(content)


def swap(nas: Path) -> None:
    (nas / "a.img").write_bytes(FILES["b.img"])
    (nas / "b.img").write_bytes(FILES["a.img"])


def replace_by_folder(nas: Path) -> None:
    (nas / "a.img").unlink()
    (nas / "a.img").mkdir()


def replace_by_link(nas: Path) -> None:
    (nas / "a.img").rename(nas.parent / "elsewhere")
    (nas / "a.img").symlink_to(nas.parent / "elsewhere")


@pytest.mark.parametrize(
    ("damage", "expected", "key"),
    [
        (flip, {"match": 3, "mismatch": 1}, "b.img"),
        (lambda nas: os.truncate(nas / "b.img", 500), {"match": 3, "mismatch": 1}, "b.img"),
        (lambda nas: os.truncate(nas / "b.img", 0), {"match": 3, "mismatch": 1}, "b.img"),
        (lambda nas: os.truncate(nas / "b.img", 4000), {"match": 3, "mismatch": 1}, "b.img"),
        (swap, {"match": 2, "mismatch": 2}, "a.img"),
        (lambda nas: (nas / "sub/c.img").unlink(), {"match": 3, "missing": 1}, "sub/c.img"),
        (lambda nas: (nas / "new.img").write_bytes(b"n"), {"match": 4, "extra": 1}, "new.img"),
        (lambda nas: (nas / "a.img").rename(nas / "z.img"), {"match": 3, "missing": 1, "extra": 1}, "z.img"),
        (lambda nas: (nas / "empty").write_bytes(b"x"), {"match": 3, "mismatch": 1}, "empty"),
        (replace_by_folder, {"match": 3, "missing": 1}, "a.img"),
        (replace_by_link, {"match": 3, "missing": 1}, "a.img"),
    ],
)
def test_each_fault_gives_its_own_result(nas: Path, damage: Callable[[Path], object], expected: dict[str, int], key: str) -> None:
    damage(nas)
    age(nas)
    found = verified(estate(nas))
    assert counts(found) == expected
    assert key in [problem.key for problem in found.problems]
    assert found.stopped is None


def test_a_mismatch_says_what_was_promised_and_what_was_found(nas: Path) -> None:
    flip(nas)
    age(nas)
    (problem,) = verified(estate(nas)).problems
    assert problem.promised == hashlib.sha256(FILES["b.img"]).hexdigest()
    assert problem.found == hashlib.sha256((nas / "b.img").read_bytes()).hexdigest()
    assert (problem.algorithm, problem.manifest, problem.size) == ("sha256", "SHA256SUMS", 2000)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "promises nothing"),
        (b"# nothing yet\n", "promises nothing"),
        (b"this is no manifest\n", "line 1"),
        (sums(FILES) + b"cut sho", "line 5"),
        (sums(FILES) + sums({"a.img": b"other"}), "something else"),
        (sums({"../a.img": b"a"}), "contains .."),
        (sums({"/etc/passwd": b"a"}), "absolute"),
        (sums({"C:/a.img": b"a"}), "absolute"),
        (sums({"sub/../../a.img": b"a"}), "contains .."),
        (sums(FILES, "md5"), "64"),
        (b"\xff\xfe" + sums(FILES).decode().encode("utf-16-le"), "UTF-16"),
    ],
)
def test_an_unusable_manifest_leaves_everything_unread_and_says_why(nas: Path, content: bytes, says: str) -> None:
    (nas / "SHA256SUMS").write_bytes(content)
    age(nas)
    found = verified(estate(nas))
    assert counts(found) == {"not-read": 4}
    (reason,) = found.unusable_manifests
    assert says in reason
    assert "SHA256SUMS" in reason
    assert (found.manifests, found.objects_read, found.bytes_read, found.depth) == ((), 0, 0, Depth.LISTED)


def test_lines_that_say_the_same_twice_are_one_promise(nas: Path) -> None:
    (nas / "SHA256SUMS").write_bytes(sums(FILES) * 2 + sums({"./a.img": FILES["a.img"]}))
    age(nas)
    found = verified(estate(nas))
    assert counts(found) == {"match": 4}
    assert found.manifests[0].promises == 4


def test_a_missing_manifest_leaves_every_object_extra(nas: Path) -> None:
    (nas / "SHA256SUMS").unlink()
    found = verified(estate(nas))
    assert counts(found) == {"extra": 4}
    assert "has no manifest" in found.problems[0].detail
    assert found.depth is Depth.LISTED


def test_the_wrong_algorithm_is_a_mismatch_or_unusable_never_a_match(nas: Path) -> None:
    assert counts(verified(estate(nas, name="SHA256SUMS", algorithm="blake2b"))) == {"mismatch": 4}
    assert counts(verified(estate(nas, name="SHA256SUMS", algorithm="sha512"))) == {"not-read": 4}


def test_weak_matches_are_counted(nas: Path) -> None:
    (nas / "SHA256SUMS").unlink()
    strong = {"a.img": FILES["a.img"]}
    rest = {name: content for name, content in FILES.items() if name not in strong}
    (nas / "CHECKSUMS").write_bytes(sums(strong) + sums(rest, "md5") + sums(strong, "sha1"))
    age(nas)
    found = verified(estate(nas, name="CHECKSUMS"))
    assert (counts(found), found.weak_only) == ({"match": 4}, 3)
    assert found.manifests[0].algorithms == ("md5", "sha1", "sha256")


def test_every_promise_for_an_object_must_hold(nas: Path) -> None:
    (nas / "CHECKSUMS").write_bytes(sums(FILES) + sums({"a.img": b"other"}, "md5"))
    (nas / "SHA256SUMS").unlink()
    age(nas)
    found = verified(estate(nas, name="CHECKSUMS"))
    assert counts(found) == {"match": 3, "mismatch": 1}
    assert found.problems[0].algorithm == "md5"
    assert "1 of 2 promises" in found.problems[0].detail


def test_a_manifest_away_from_the_data_is_told_apart(nas: Path) -> None:
    away = nas.parent / "kept" / "imaging.sha256"
    fill(away.parent, {away.name: sums(FILES)})
    (nas / "SHA256SUMS").unlink()
    found = verified(estate(nas, path="kept/imaging.sha256"))
    assert counts(found) == {"match": 4}
    assert [(manifest.name, manifest.beside) for manifest in found.manifests] == [(str(away), False)]


def test_data_and_manifest_rewritten_together_are_found_by_the_manifest_kept_away(nas: Path) -> None:
    fill(nas.parent / "kept", {"sums": sums(FILES)})
    forged = {**FILES, "a.img": b"forged" * 10}
    fill(nas, {**forged, "SHA256SUMS": sums(forged)})
    assert counts(verified(estate(nas))) == {"match": 4}
    found = verified(estate(nas, name="SHA256SUMS", path="kept/sums"))
    assert counts(found) == {"match": 3, "mismatch": 1}
    assert [manifest.beside for manifest in found.manifests] == [True, False]


@pytest.mark.parametrize("damage", [lambda file: file.unlink(), lambda file: (file.unlink(), file.mkdir()), lambda file: file.write_bytes(b"?")])
def test_a_manifest_away_that_cannot_be_had_is_unusable_and_the_other_stands(nas: Path, damage: Callable[[Path], object]) -> None:
    fill(nas.parent / "kept", {"sums": sums(FILES)})
    damage(nas.parent / "kept" / "sums")
    both = verified(estate(nas, name="SHA256SUMS", path="kept/sums"))
    assert counts(both) == {"match": 4}
    assert len(both.unusable_manifests) == 1
    alone = verified(estate(nas, path="kept/sums"))
    assert counts(alone) == {"not-read": 4}


def test_an_empty_folder_misses_everything_that_was_promised_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "nas").mkdir()
    fill(tmp_path / "kept", {"sums": sums(FILES)})
    found = verified(estate_of(copy_of({"path": "kept/sums"}), base=tmp_path))
    assert (counts(found), found.objects_total, found.bad) == ({"missing": 4}, 0, 4)


def test_an_empty_folder_with_nothing_promised_is_not_verified(tmp_path: Path) -> None:
    (tmp_path / "nas").mkdir()
    (fact,) = look(estate_of(copy_of({"name": "SHA256SUMS"}), base=tmp_path)).values()
    assert isinstance(fact, Unobserved)
    assert fact.reason is Reason.NOT_ATTEMPTED


def test_without_a_manifest_nothing_is_verified(nas: Path) -> None:
    (fact,) = look(estate_of(copy_of(None), base=nas.parent)).values()
    assert fact == Unobserved(Reason.NOT_ATTEMPTED, "no manifest is declared for this copy; nothing was promised, so nothing could be compared")


def test_a_target_that_is_not_there_gives_its_reason(tmp_path: Path) -> None:
    (fact,) = look(estate_of(copy_of({"name": "SHA256SUMS"}), base=tmp_path)).values()
    assert isinstance(fact, Unobserved)
    assert fact.reason is Reason.UNREACHABLE


@pytest.mark.parametrize("written", ["NFC", "NFD"])
def test_names_in_another_unicode_form_are_the_same_name(tmp_path: Path, written: str) -> None:
    name = "Röntgen/Å.img"
    there = unicodedata.normalize("NFD" if written == "NFC" else "NFC", name)
    promised = unicodedata.normalize(written, name)  # type: ignore[arg-type]
    promises = sums({promised: b"x"}) + sums({promised: b"x"}, "sha512")
    fill(tmp_path / "nas", {there: b"x", "CHECKSUMS": promises})
    told = Told()
    (fact,) = look(estate_of(copy_of({"name": "CHECKSUMS"}), base=tmp_path), results=told).values()
    assert isinstance(fact, Observed)
    assert counts(fact.value) == {"match": 1}
    ((_, verdict),) = told.verdicts
    assert (verdict.key, verdict.algorithm) == (there, "sha512")
    assert "another form" in verdict.detail


def test_two_forms_that_are_both_there_are_two_objects(tmp_path: Path) -> None:
    composed, parted = unicodedata.normalize("NFC", "é.img"), unicodedata.normalize("NFD", "é.img")
    files = {composed: b"one", parted: b"two"}
    fill(tmp_path / "nas", {**files, "SHA256SUMS": sums(files)})
    assert counts(verified(estate_of(copy_of({"name": "SHA256SUMS"}), base=tmp_path))) == {"match": 2}
    (tmp_path / "nas" / parted).write_bytes(b"one")
    age(tmp_path)
    found = verified(estate_of(copy_of({"name": "SHA256SUMS"}), base=tmp_path))
    assert counts(found) == {"match": 1, "mismatch": 1}
    assert problems(found, ObjectResult.MISMATCH) == [parted]


def test_names_that_are_not_utf_8_are_compared_by_their_bytes(tmp_path: Path) -> None:
    (tmp_path / "nas").mkdir()
    with open(os.fsencode(tmp_path / "nas") + b"/scan\xff.img", "wb") as file:
        file.write(b"x")
    (tmp_path / "nas/SHA256SUMS").write_bytes(hashlib.sha256(b"x").hexdigest().encode() + b"  scan\xff.img\n")
    age(tmp_path)
    assert counts(verified(estate_of(copy_of({"name": "SHA256SUMS"}), base=tmp_path))) == {"match": 1}


def test_nothing_outside_the_copy_is_read_whatever_is_promised(tmp_path: Path) -> None:
    fill(tmp_path / "nas", {"secret": b"s", "copy/a.img": b"a", "copy/SHA256SUMS": sums({"a.img": b"a", "..\\secret": b"s"})})
    declared = estate_of(copy_of({"name": "SHA256SUMS"}, path="copy"), base=tmp_path)
    found = verified(declared)
    assert counts(found) == {"not-read": 1}
    fill(tmp_path / "nas", {"copy/SHA256SUMS": sums({"a.img": b"a", "secret": b"s"})})
    assert counts(verified(declared)) == {"match": 1, "missing": 1}


def test_a_manifest_of_sizes_finds_a_short_object_without_reading_it(nas: Path) -> None:
    digest = hashlib.sha256(FILES["a.img"]).hexdigest()
    content = f"%%%% HASHDEEP-1.0\n%%%% size,sha256,filename\n## Invoked from: /x\n##\n999,{digest},a.img\n".encode()
    fill(nas, {"sums.hashdeep": content})
    found = verified(estate(nas, name="sums.hashdeep"))
    assert counts(found) == {"mismatch": 1, "extra": 3}
    assert "999 bytes were promised and 1000 are there" in found.problems[-1].detail
    assert found.objects_read == 0
