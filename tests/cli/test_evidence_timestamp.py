"""`drcheck evidence timestamp`: a request carried out, its answer brought back, and what it proves."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from drcheck.evidence.bag import BagWriter
from drcheck.evidence.contents import list_problems, read_contents
from drcheck.evidence.packing import beside, put
from drcheck.evidence.private_keys import load_signer, write_new
from tests.cli.inside import drcheck
from tests.evidence.authority import OPENSSL, Authority, sends, serving

pytestmark = OPENSSL
WHO = ("backups@hospital.example", "clinic@hospital.example")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "one")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def make_pack(path: Path, signers: int = 2) -> Path:
    """A small pack with so many signatures."""
    with beside(path) as place:
        folder = place / "pack"
        folder.mkdir()
        written = BagWriter(folder)
        written.add("record.json", (b"{}",))
        manifest = written.finish({"Source-Organization": "St Elsewhere"}, {})
        signatures = {}
        for number in range(signers):
            write_new(place / str(number), WHO[number])
            signer = load_signer(place / str(number))
            signatures[f"signatures/{signer.label}.sig"] = signer.sign(manifest)
        written.add_outside(signatures)
        put(folder, path, "pack")
    return path


@pytest.mark.parametrize("name", ["pack", "pack.tar.gz", "pack.zip"])
def test_a_request_is_carried_out_and_its_answer_brought_back(authority: Authority, tmp_path: Path, name: str) -> None:
    pack = make_pack(tmp_path / name)
    asked = drcheck("evidence", "timestamp", "request", name, cwd=tmp_path)
    assert (asked.returncode, asked.stderr) == (0, "")
    assert re.fullmatch(rf"{name}\.tsq: a request to stamp signatures/backups.hospital\.example-[0-9a-f]{{8}}\.sig\n", asked.stdout)
    request = tmp_path / f"{name}.tsq"
    assert b"Message data" in subprocess.run(["openssl", "ts", "-query", "-in", request, "-text"], capture_output=True, check=True, timeout=60).stdout
    (tmp_path / "a.tsr").write_bytes(authority.answer(request.read_bytes()))
    brought = drcheck("evidence", "timestamp", "bring", name, "a.tsr", cwd=tmp_path)
    assert brought.returncode == 0
    assert "is said to have existed at 20" in brought.stdout
    assert "Whether the authority said so was not checked" in brought.stderr
    proved = drcheck("evidence", "timestamp", "verify", name, "--authorities", authority.ca, cwd=tmp_path)
    assert proved.returncode == 0
    said = r"signatures/backups.hospital\.example-\S+\.sig existed at 20\S+Z, by CN=Test TSA,O=Notary, serial number \d+\n"
    assert re.fullmatch(said, proved.stdout)
    assert list(list_problems(read_contents(pack))) == []
    twice = drcheck("evidence", "timestamp", "bring", name, "a.tsr", cwd=tmp_path)
    assert (twice.returncode, "already" in twice.stderr) == (12, True)


def test_openssl_checks_a_pack_in_a_folder_by_the_command_of_its_readme(authority: Authority, tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "pack")
    drcheck("evidence", "timestamp", "request", pack, "-o", "mine.tsq", cwd=tmp_path)
    (tmp_path / "a.tsr").write_bytes(authority.answer((tmp_path / "mine.tsq").read_bytes()))
    drcheck("evidence", "timestamp", "bring", pack, "a.tsr", "--tsa-ca", authority.ca, cwd=tmp_path)
    (stamp,) = (pack / "timestamps").iterdir()
    signature = pack / "signatures" / f"{stamp.stem}.sig"
    subprocess.run(
        ["openssl", "ts", "-verify", "-data", signature, "-in", stamp, "-CAfile", authority.ca], check=True, capture_output=True, timeout=60
    )


def test_an_authority_is_asked(authority: Authority, tmp_path: Path) -> None:
    make_pack(tmp_path / "pack.zip")
    with serving(lambda handler, body: sends(200, authority.answer(body))(handler, body)) as url:
        for label in ("", "clinic"):
            labels = [Path(name).stem for name in read_contents(tmp_path / "pack.zip").below("signatures/") if Path(name).stem.startswith(label)]
            chosen = ("--signature", labels[0]) if label else ()
            fetched = drcheck("evidence", "timestamp", "fetch", "pack.zip", "--tsa", url, "--authorities", authority.ca, *chosen, cwd=tmp_path)
            assert (fetched.returncode, fetched.stderr) == (0, "")
    proved = drcheck("evidence", "timestamp", "verify", "pack.zip", "--authorities", authority.ca, cwd=tmp_path)
    assert [line.partition("-")[0] for line in proved.stdout.splitlines()] == ["signatures/backups", "signatures/clinic"]


def test_what_is_wrong_is_named_and_changes_nothing(authority: Authority, tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "pack.zip", 1)
    before = pack.read_bytes()
    other = Authority(tmp_path / "other")
    signature = next(content for name, content in read_contents(pack).kept.items() if name.endswith(".sig"))
    (tmp_path / "right.tsr").write_bytes(authority.answer(authority.asked(signature, "-sha256", "-cert")))
    (tmp_path / "wrong.tsr").write_bytes(authority.answer(authority.asked(b"something else", "-cert")))
    (tmp_path / "refused.tsr").write_bytes(authority.answer(authority.asked(signature, "-sha1")))
    make_pack(tmp_path / "unsigned.zip", 0)
    for arguments, because in (
        (("bring", "pack.zip", "wrong.tsr"), "is of something else"),
        (("bring", "pack.zip", "refused.tsr"), "the authority refused"),
        (("bring", "pack.zip", "pack.zip"), "is no answer to a request"),
        (("bring", "pack.zip", "right.tsr", "--authorities", other.ca), "does not hold"),
        (("bring", "pack.zip", "right.tsr", "--authorities", "right.tsr"), "holds no certificate"),
        (("bring", "pack.zip", "right.tsr", "--signature", "nobody"), "has no signature 'nobody'; it has backups"),
        (("bring", "pack.zip", "none.tsr"), "there is no such file"),
        (("request", "none.zip"), "there is no such pack"),
        (("request", "unsigned.zip"), "is not signed; a time stamp is of a signature"),
        (("verify", "pack.zip", "--authorities", authority.ca), "has no time stamp"),
        (("fetch", "pack.zip", "--tsa", "http://tsa.example.org/"), "over plain http"),
    ):
        ended = drcheck("evidence", "timestamp", *arguments, cwd=tmp_path)
        assert (ended.returncode, because in ended.stderr) == (12, True), ended.stderr
        assert ended.stdout == ""
    assert pack.read_bytes() == before
    assert drcheck("evidence", "timestamp", "bring", "pack.zip", "right.tsr", "--authorities", authority.ca, cwd=tmp_path).returncode == 0
    proved = drcheck("evidence", "timestamp", "verify", "pack.zip", "--authorities", other.ca, cwd=tmp_path)
    assert (proved.returncode, "does not hold" in proved.stderr) == (12, True)
