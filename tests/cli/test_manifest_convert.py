"""`drcheck manifest convert`: there and back is the same, what is lost is named, and what cannot be held is refused."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.inside import drcheck
from tests.verify.places import fill


def converted(folder: Path, *more: str, to: str, file: str = "in") -> tuple[int, str, str]:
    done = drcheck("manifest", "convert", file, "--to", to, "-o", f"out.{to}", *more, cwd=folder)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.program("sha256sum")
def test_convert_there_and_back_is_the_same(tmp_path: Path) -> None:
    fill(tmp_path, {"a": b"1", "new\nline": b"2", "b": b"3"})
    names = ["a", "b", "new\nline"]
    (tmp_path / "in").write_bytes(subprocess.run(["sha256sum", "--", *names], cwd=tmp_path, capture_output=True, check=True).stdout)
    tagged = subprocess.run(["sha256sum", "--tag", "--", *names], cwd=tmp_path, capture_output=True, check=True).stdout
    code, said, _ = converted(tmp_path, to="bsd")
    assert (code, said) == (0, "Wrote out.bsd: 3 names, sha256, kind bsd (from gnu).\nNothing was lost.\n")
    assert (tmp_path / "out.bsd").read_bytes() == tagged
    assert converted(tmp_path, to="gnu", file="out.bsd")[0] == 0
    assert (tmp_path / "out.gnu").read_bytes() == (tmp_path / "in").read_bytes()


@pytest.mark.program("hashdeep")
def test_what_a_conversion_loses_is_named_and_what_it_cannot_hold_is_refused(tmp_path: Path) -> None:
    fill(tmp_path / "data", {"a": b"1", "b": b"2"})
    made = subprocess.run(["hashdeep", "-l", "-c", "md5,sha256", "-r", "."], cwd=tmp_path / "data", capture_output=True, check=True).stdout
    (tmp_path / "in").write_bytes(made)
    code, said, err = converted(tmp_path, to="gnu")
    assert (code, said) == (2, "")
    assert "keep one of md5, sha256 with --algorithm" in err
    code, said, _ = converted(tmp_path, "--algorithm", "sha256", to="gnu")
    assert code == 0
    assert "lost: the digests of md5 were left out, as asked\nlost: the sizes" in said
    subprocess.run(["sha256sum", "--check", "--strict", "../out.gnu"], cwd=tmp_path / "data", capture_output=True, check=True)
    assert converted(tmp_path, to="hashdeep")[0] == 0
    subprocess.run(["hashdeep", "-a", "-l", "-r", "-k", "../out.hashdeep", "."], cwd=tmp_path / "data", capture_output=True, check=True)
    for to, file, says in (
        ("sfv", "in", "cannot hold md5, sha256, only crc32"),
        ("hashdeep", "out.gnu", "holds the size"),
        ("gnu", "data/a", "kind"),
        ("gnu", "nowhere", "is not there"),
    ):
        code, _, err = converted(tmp_path, "--force", to=to, file=file)
        assert code == 2
        assert says in err
    assert not (tmp_path / "out.sfv").exists()
    code, _, err = converted(tmp_path, "--algorithm", "sha256", to="gnu")
    assert (code, "is there already" in err) == (2, True)
