"""What is listed and what is promised, matched on disk, is what a plain dictionary says."""

from __future__ import annotations

import hashlib
import tempfile
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drcheck.connectors.base import Entry
from drcheck.errors import ManifestError
from drcheck.manifests import Promise
from drcheck.verify.spool import Found, Spool
from drcheck.verify.standing import Role

STEMS = ["a", "b/é", "b/ö", "b.x", "b0", "z\udcff", "d/e/f", "中"]
NAMES = st.sampled_from([unicodedata.normalize(form, stem) for stem in STEMS for form in ("NFC", "NFD")])
ROLES = st.sampled_from(Role)
DIGESTS = {name: hashlib.new(name, b"").hexdigest() for name in ("md5", "sha256")}


@settings(max_examples=200, deadline=None)
@given(objects=st.dictionaries(NAMES, ROLES), promised=st.dictionaries(NAMES, st.sets(st.sampled_from(sorted(DIGESTS)), min_size=1)))
def test_objects_and_promises_are_matched(objects: dict[str, Role], promised: dict[str, set[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder, Spool(Path(folder) / "spool") as spool:
        for key, role in objects.items():
            spool.add_object(Entry(key, 1, None), "", role)
        promises = [Promise(key, algorithm, DIGESTS[algorithm], None, 1) for key, names in promised.items() for algorithm in names]
        assert spool.add_manifest("SUMS", promises, "").promises == len(promises)
        spool.settle(())
        wanted = {each.entry.key: {promise.algorithm for promise in each.promises} for each in spool.wanted()}
        order = [each.entry.key for each in spool.wanted()]
        missing = {each[0] for each in spool.missing()}
        unpromised = {each.entry.key for each in spool.unpromised()}
        planned, total = spool.planned(), spool.objects_total()

    left = {key: names for key, names in promised.items() if objects.get(key) is not Role.ASIDE}
    expected = {key: names for key, names in left.items() if key in objects}
    for key in sorted(set(left) - set(expected)):
        other = next(
            (
                each
                for each, role in objects.items()
                if role is not Role.ASIDE and each not in promised and unicodedata.normalize("NFC", each) == unicodedata.normalize("NFC", key)
            ),
            None,
        )
        if other is not None:
            expected[other] = left.pop(key)
    assert wanted == expected
    assert order == sorted(order, key=lambda key: key.encode("utf-8", "surrogateescape"))
    assert missing == set(left) - set(objects)
    assert unpromised == {key for key, role in objects.items() if role is Role.EXPECTED} - set(expected)
    assert planned == len(wanted) + len(missing)
    assert total == len(set(expected) | unpromised)


def test_promises_below_unfinished_points_are_dropped_and_their_neighbours_stay(tmp_path: Path) -> None:
    names = ["day/a", "day/b/c", "day", "day0", "day-2/a", "dax/a"]
    with Spool(tmp_path / "spool") as spool:
        spool.add_manifest("SUMS", [Promise(name, "md5", DIGESTS["md5"], None, 1) for name in names], "root")
        spool.settle(["root/day"])
        assert [key for key, *_ in spool.missing()] == ["root/dax/a", "root/day", "root/day-2/a", "root/day0"]


def test_nothing_of_a_manifest_that_contradicts_itself_is_left(tmp_path: Path) -> None:
    good = Promise("a", "md5", DIGESTS["md5"], None, 1)
    with Spool(tmp_path / "spool") as spool:
        assert spool.add_manifest("good", [good, good], "").repeated == "a"
        with pytest.raises(ManifestError, match=r"bad: line 3: .* than line 2"):
            spool.add_manifest("bad", [Promise("b", "md5", "0" * 32, None, 2), Promise("b", "md5", "1" * 32, None, 3)], "")
        spool.settle(())
        assert [(key, manifest) for key, _, _, manifest, _ in spool.missing()] == [("a", "good")]


def test_manifests_that_were_found_come_by_root(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool") as spool:
        for root, key in (("b", "b/2"), ("a", "a/1"), ("b", "b/1")):
            spool.add_found(Found(root, key, 1, root, False))
        assert [(root, [found.key for found in group]) for root, group in spool.found()] == [("a", ["a/1"]), ("b", ["b/1", "b/2"])]
