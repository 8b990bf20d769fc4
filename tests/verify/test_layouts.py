"""Where manifests are looked for in each format, and which recovery points are asked for one."""

from __future__ import annotations

import hashlib
from pathlib import Path

from drcheck.model import Observed, Reason, Unobserved
from tests.verify.places import copy_of, counts, estate_of, fill, look, sums, verified

DAY = {"data.tar": b"d" * 900, "meta/index.json": b"{}"}


def dated(tmp_path: Path, manifest: dict[str, str], **options: str):  # type: ignore[no-untyped-def]
    return estate_of(copy_of(manifest, "dated", options={"pattern": "%Y-%m-%d", "shrink_ratio": 0.5, **options}), base=tmp_path)


def dump(tmp_path: Path, manifest: dict[str, str], pattern: str = "ehr-%Y-%m-%d.dump"):  # type: ignore[no-untyped-def]
    return estate_of(copy_of(manifest, "dump", options={"pattern": pattern}), base=tmp_path)


def days(root: Path, *names: str) -> None:
    for name in names:
        fill(root / name, {**DAY, "SHA256SUMS": sums(DAY)})


def test_dated_directories_have_a_manifest_each(tmp_path: Path) -> None:
    days(tmp_path / "nas", "2026-03-01", "2026-03-02")
    found = verified(dated(tmp_path, {"name": "SHA256SUMS"}))
    assert counts(found) == {"match": 4}
    assert [manifest.name for manifest in found.manifests] == ["2026-03-01/SHA256SUMS", "2026-03-02/SHA256SUMS"]


def test_a_point_without_a_manifest_is_extra_and_the_others_stand(tmp_path: Path) -> None:
    days(tmp_path / "nas", "2026-03-01", "2026-03-02")
    (tmp_path / "nas/2026-03-02/SHA256SUMS").unlink()
    found = verified(dated(tmp_path, {"name": "SHA256SUMS"}))
    assert counts(found) == {"match": 2, "extra": 2}
    assert {problem.detail for problem in found.problems} == {"recovery point 2026-03-02 has no manifest"}


def test_a_point_with_an_unusable_manifest_is_not_read_and_the_others_stand(tmp_path: Path) -> None:
    days(tmp_path / "nas", "2026-03-01", "2026-03-02", "2026-03-03")
    fill(tmp_path / "nas", {"2026-03-02/SHA256SUMS": b"nonsense\n"})
    found = verified(dated(tmp_path, {"name": "SHA256SUMS"}))
    assert counts(found) == {"match": 4, "not-read": 2}
    assert len(found.unusable_manifests) == 1
    assert "2026-03-02/SHA256SUMS: line 1" in found.unusable_manifests[0]


def test_a_manifest_one_folder_down_names_things_from_the_points_root(tmp_path: Path) -> None:
    fill(tmp_path / "nas/2026-03-01", {**DAY, "meta/SUMS": sums(DAY)})
    found = verified(dated(tmp_path, {"name": "meta/SUMS"}))
    assert counts(found) == {"match": 2}


def test_payload_called_like_the_manifest_is_payload(tmp_path: Path) -> None:
    payload = {**DAY, "iso/SHA256SUMS": b"not ours\n"}
    fill(tmp_path / "nas/2026-03-01", {**payload, "SHA256SUMS": sums(payload)})
    found = verified(dated(tmp_path, {"name": "SHA256SUMS"}))
    assert (counts(found), found.unusable_manifests) == ({"match": 3}, ())


def test_several_manifests_by_pattern_are_all_promises(tmp_path: Path) -> None:
    fill(tmp_path / "nas/2026-03-01", {**DAY, "manifest-md5.txt": sums(DAY, "md5"), "manifest-sha512.txt": sums({"data.tar": b"else"}, "sha512")})
    found = verified(dated(tmp_path, {"name": "manifest-*.txt"}))
    assert counts(found) == {"match": 1, "mismatch": 1}
    assert found.weak_only == 1
    assert len(found.manifests) == 2


def test_points_that_are_not_finished_are_left_aside(tmp_path: Path) -> None:
    days(tmp_path / "nas", "2026-03-01", "2026-03-02", "2026-03-09.partial", "2027-01-01")
    (tmp_path / "nas/2026-03-09.partial/SHA256SUMS").unlink()
    (tmp_path / "nas/2027-01-01/data.tar").write_bytes(b"not right")
    everything = {
        f"{day}/{name}": content for day in ("2026-03-01", "2026-03-02", "2026-03-09.partial", "2027-01-01") for name, content in DAY.items()
    }
    everything["2026-03-09.partial/still-to-come"] = b"x"
    fill(tmp_path / "kept", {"sums": sums(everything)})
    found = verified(dated(tmp_path, {"name": "SHA256SUMS", "path": "kept/sums"}))
    assert (counts(found), found.objects_total) == ({"match": 4}, 4)


def test_a_copy_without_any_finished_point_is_not_verified(tmp_path: Path) -> None:
    days(tmp_path / "nas", "2026-03-09.partial")
    (fact,) = look(dated(tmp_path, {"name": "SHA256SUMS"})).values()
    assert isinstance(fact, Unobserved)
    assert fact.reason is Reason.NOT_ATTEMPTED


def test_an_emptied_point_misses_what_is_promised_elsewhere(tmp_path: Path) -> None:
    days(tmp_path / "nas", "2026-03-01", "2026-03-02")
    fill(tmp_path / "kept", {"sums": sums({f"{day}/data.tar": DAY["data.tar"] for day in ("2026-03-01", "2026-03-02")})})
    fill(tmp_path / "nas", {"2026-03-02/data.tar": b"", "2026-03-02/meta/index.json": b""})
    (tmp_path / "nas/2026-03-02/SHA256SUMS").unlink()
    found = verified(dated(tmp_path, {"name": "SHA256SUMS", "path": "kept/sums"}))
    assert counts(found) == {"match": 2, "mismatch": 1}


def test_markers_and_strangers_need_no_promise(tmp_path: Path) -> None:
    days(tmp_path / "nas", "2026-03-01")
    fill(tmp_path / "nas", {"2026-03-01/COMPLETE": b"", "README": b"hello"})
    found = verified(dated(tmp_path, {"name": "SHA256SUMS"}, marker="COMPLETE"))
    assert (counts(found), found.objects_total) == ({"match": 2}, 2)


def test_dumps_have_sidecars(tmp_path: Path) -> None:
    dumps = {f"ehr-2026-03-0{day}.dump": bytes([day]) * 500 for day in (1, 2, 3)}
    sidecars = {f"{name}.sha256": sums({name: content}) for name, content in dumps.items()}
    sidecars["ehr-2026-03-02.dump.sha256"] = hashlib.sha256(dumps["ehr-2026-03-02.dump"]).hexdigest().encode() + b"\n"
    del sidecars["ehr-2026-03-03.dump.sha256"]
    fill(tmp_path / "nas", {**dumps, **sidecars})
    found = verified(dump(tmp_path, {"name": "*.sha256"}))
    assert counts(found) == {"match": 2, "extra": 1}
    assert found.problems[0].detail == "recovery point ehr-2026-03-03.dump has no manifest"


def test_dumps_in_folders_have_their_sidecars_beside_them(tmp_path: Path) -> None:
    fill(tmp_path / "nas/2026/03", {"01.dump": b"x" * 50, "01.dump.sha256": sums({"01.dump": b"x" * 50})})
    assert counts(verified(dump(tmp_path, {"name": "*.sha256"}, "%Y/%m/%d.dump"))) == {"match": 1}


def test_dumps_may_share_one_manifest(tmp_path: Path) -> None:
    dumps = {f"ehr-2026-03-0{day}.dump": bytes([day]) * 500 for day in (1, 2, 3)}
    fill(tmp_path / "nas", {**dumps, "SHA256SUMS": sums(dumps)})
    assert counts(verified(dump(tmp_path, {"name": "SHA256SUMS"}))) == {"match": 3}
    (tmp_path / "nas/ehr-2026-03-02.dump").unlink()
    assert counts(verified(dump(tmp_path, {"name": "SHA256SUMS"}))) == {"match": 2, "missing": 1}


def test_a_truncated_dump_is_looked_at_although_it_is_suddenly_small(tmp_path: Path) -> None:
    dumps = {f"ehr-2026-03-0{day}.dump": bytes([day]) * 500 for day in (1, 2, 3, 4)}
    fill(tmp_path / "nas", {**dumps, "SHA256SUMS": sums(dumps), "ehr-2026-03-04.dump": b"\x04"})
    assert counts(verified(dump(tmp_path, {"name": "SHA256SUMS"}))) == {"match": 3, "mismatch": 1}


def test_copies_at_one_target_and_at_others_are_each_verified(tmp_path: Path) -> None:
    for place in ("nas/one", "nas/two", "far/one"):
        fill(tmp_path / place, {"a": b"a", "SUMS": sums({"a": b"a"})})
    fill(tmp_path / "nas/two", {"a": b"A"})
    declared = [
        copy_of({"name": "SUMS"}, path="one", system="one"),
        copy_of({"name": "SUMS"}, path="two", system="two"),
        copy_of({"name": "SUMS"}, path="one", target="far", system="one"),
        copy_of({"name": "SUMS"}, path="one", target="gone", system="one"),
    ]
    facts = look(estate_of(*declared, base=tmp_path))
    assert list(facts) == ["one@nas", "two@nas", "one@far", "one@gone"]
    results = {name: counts(fact.value) if isinstance(fact, Observed) else fact.reason for name, fact in facts.items()}
    assert results == {"one@nas": {"match": 1}, "two@nas": {"mismatch": 1}, "one@far": {"match": 1}, "one@gone": Reason.UNREACHABLE}
