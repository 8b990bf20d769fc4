"""No name leads out of its root: those of manifests, of objects at a place, of packs, and links on the way."""

from __future__ import annotations

import hashlib
import ntpath
import os
import posixpath
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from drcheck.clock import Deadline
from drcheck.connectors.base import CallLog, Connector, Entry
from drcheck.connectors.local import LocalConnector, LocalOptions
from drcheck.errors import ConfigError, ConnectorError, ManifestError, NotThere, Unsupported
from drcheck.manifests import base, read_manifest
from drcheck.manifests.base import relative
from drcheck.policy.loading import load_pack
from drcheck.secrets import resolve
from tests.connectors.sftp_rig import connector_of
from tests.connectors.sshd import SshServer
from tests.e2e.estates import fill, manifest, numbered, target, write_estate
from tests.e2e.runs import check

Place = Callable[[Path], AbstractContextManager[Connector]]
OUTSIDE = b"what lies outside, and nobody may read"
PARTS = st.sampled_from(
    [
        "..",
        ".",
        "",
        "a",
        "in",
        "out",
        "link",
        "file",
        "C:",
        "~",
        "\\",
        "..\\",
        "\0",
        "%2e%2e",
        "%2E%2E%2F",
        "\u2025",
        "\uff0e\uff0e",
        " ..",
        ".. ",
        "...",
    ]
)
NAMES = st.builds(str.join, st.sampled_from(["/", "\\", "//"]), st.lists(PARTS, min_size=1, max_size=6)) | st.text(max_size=20)
HARD = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))


def lay_out(folder: Path) -> Path:
    """A root with files, and links of every kind that lead out of it."""
    root, out = folder / "root", folder / "out"
    (root / "in" / "a").mkdir(parents=True)
    out.mkdir()
    (out / "file").write_bytes(OUTSIDE)
    (folder / "file").write_bytes(OUTSIDE)
    for name in ("file", "in/file", "in/a/file"):
        (root / name).write_bytes(b"inside")
    (root / "link").symlink_to(out)
    (root / "in" / "link").symlink_to("../../out", target_is_directory=True)
    (root / "in" / "absolute").symlink_to(out / "file")
    (root / "in" / "loop").symlink_to("loop")
    (root / "in" / "above").symlink_to("../..")
    return root


@contextmanager
def a_folder(folder: Path) -> Iterator[Connector]:
    """A target on this machine."""
    options = LocalOptions.model_validate({"root": str(lay_out(folder))}, context={"base": folder})
    with LocalConnector(options, secrets=resolve, deadline=Deadline(60), calls=CallLog("test")) as connector:
        yield connector


@contextmanager
def a_server(folder: Path) -> Iterator[Connector]:
    """A target on an SSH server, which follows links by itself."""
    folder.joinpath("served").mkdir()
    with SshServer(folder, root=lay_out(folder / "served")) as server, connector_of(server) as connector:
        yield connector


PLACES = [
    pytest.param(a_folder, id="local"),
    pytest.param(a_server, id="sftp", marks=[pytest.mark.program("sshd"), pytest.mark.program("ssh-keygen")]),
]


@pytest.mark.parametrize("place", PLACES)
def test_no_key_reads_what_lies_outside(place: Place, tmp_path: Path) -> None:
    with place(tmp_path) as connector:
        assert b"".join(connector.read("in/file")) == b"inside"

        @settings(HARD, max_examples=150)
        @given(NAMES | st.lists(st.sampled_from(["in", "link", "above", "absolute", "out", "file", ".."]), min_size=1, max_size=5).map("/".join))
        def every(key: str) -> None:
            for ask in (lambda: b"".join(connector.read(key)), lambda: connector.stat(key), lambda: list(connector.list(key))):
                with suppress(ConnectorError, NotThere):
                    told = ask()
                    assert told != OUTSIDE
                    for entry in told if isinstance(told, list) else ():
                        assert isinstance(entry, Entry)
                        assert b"".join(connector.read(entry.key)) == b"inside"

        every()
        for key in ("link/file", "in/link/file", "in/absolute", "in/above/out/file", "in/loop"):
            with pytest.raises((Unsupported, NotThere)):
                list(connector.read(key))
            for _, answer in connector.digests([(Entry(key, len(OUTSIDE), None), ("sha256",))]):
                assert isinstance(answer, ConnectorError), key


@pytest.mark.parametrize("place", PLACES)
def test_links_are_not_listed(place: Place, tmp_path: Path) -> None:
    with place(tmp_path) as connector:
        assert [entry.key for entry in connector.list()] == ["file", "in/a/file", "in/file"]


@HARD
@given(NAMES)
def test_a_name_of_a_manifest_stays_below_its_root_on_any_system(name: str) -> None:
    try:
        kept = relative(name, "m", 1)
    except ManifestError:
        return
    for system, root in ((posixpath, "/root/of"), (ntpath, "C:\\root\\of")):
        if system is ntpath and (":" in kept or kept.startswith("\\")):
            continue  # no file there can be called that: a name that is not listed is not opened, and the latter is refused there
        whole = system.normpath(system.join(root, kept))
        assert whole == root or whole.startswith(root + system.sep), (name, kept, whole)


@HARD
@given(NAMES, st.sampled_from(["gnu", "bsd", "hashdeep", "sfv", "bagit"]))
@example("./\\", "gnu")
@example(".//C:/a", "bsd")
def test_so_does_every_name_of_every_kind_of_manifest(name: str, kind: str) -> None:
    spelt = name.replace("\n", "").replace("\r", "").encode("utf-8", "surrogateescape")
    sha = hashlib.sha256(b"").hexdigest().encode()
    content = {
        "gnu": b"%s  %s\n" % (sha, spelt),
        "bsd": b"SHA256 (%s) = %s\n" % (spelt, sha),
        "sfv": b"%s 0a1b2c3d\n" % spelt,
        "hashdeep": b"%%%%%%%% HASHDEEP-1.0\n%%%%%%%% size,sha256,filename\n0,%s,%s\n" % (sha, spelt),
        "bagit": b"%s  data/%s\n" % (sha, spelt),
    }[kind]
    with suppress(ManifestError):
        for promise in read_manifest([content], file="manifest-sha256.txt", kind=kind).promises:
            # ./ says that a backslash is the first letter of a file's name, as it can be but on Windows.
            assert not promise.name.startswith("/" if spelt.lstrip().startswith(b"./") else ("/", "\\"))
            assert ".." not in promise.name.replace("\\", "/").split("/")


@pytest.mark.parametrize("name", ["./\\a", ".//C:/a", "././\\\\host\\share"])
def test_what_would_be_absolute_on_windows_is_refused_there(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert relative(name, "m", 1) == name.lstrip("./")
    monkeypatch.setattr(base, "_WINDOWS", True)
    with pytest.raises(ManifestError, match="is absolute"):
        relative(name, "m", 1)


def test_a_manifest_that_names_what_lies_outside_proves_nothing_and_reads_nothing(tmp_path: Path) -> None:
    place = tmp_path / "nas"
    fill(place / "data", numbered(3))
    (tmp_path / "outside").write_bytes(OUTSIDE)
    line = f"{hashlib.sha256(OUTSIDE).hexdigest()}  ../../outside\n"
    (place / "data" / "SHA256SUMS").write_text(manifest(numbered(3)) + line)
    calls = tmp_path / "calls.jsonl"
    done = check(write_estate(tmp_path / "estate", [target("nas", "local", {"root": str(place)})]), "--calls", calls)
    finding = done.only("integrity.checksums", "records@nas")
    assert finding["outcome"] != "pass"
    assert "could leave its folder" in str(finding)
    assert "outside" not in calls.read_text()


@pytest.mark.parametrize("name", ["../secrets", "./../../etc/passwd", "/etc/passwd", "..", "~/x", "uk-caf-b5/../../x", "uk\0caf"])
def test_a_pack_is_found_by_its_id_and_never_on_a_way_that_its_name_tells(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_pack(name, base=tmp_path)
    assert "root:" not in str(caught.value), "what a file holds that is no pack is not repeated"


def test_a_folder_that_becomes_a_link_while_it_is_read_is_not_followed(tmp_path: Path) -> None:
    """Between the listing and the reading somebody puts a link to elsewhere where a folder was."""
    with a_folder(tmp_path) as connector:
        entries = list(connector.list("in"))
        root = tmp_path / "root"
        os.rename(root / "in", root / "was")
        (root / "in").symlink_to(tmp_path / "out")
        answers = {entry.key: answer for entry, answer in connector.digests((entry, ("sha256",)) for entry in entries)}
        assert all(isinstance(answer, ConnectorError) for answer in answers.values()), answers
        with pytest.raises(ConnectorError):
            list(connector.read("in/file"))
