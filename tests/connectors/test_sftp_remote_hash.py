"""Hashing by an SFTP server itself: only where the estate allows it, told as what it is, and strict about what the server says."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from pydantic import ValidationError

from drcheck.clock import Deadline
from drcheck.connectors.base import CallLog, Connector, Entry
from drcheck.connectors.sftp_options import SftpOptions
from drcheck.connectors.sftp_remote_hash import TOOLS, RemoteHash
from drcheck.digests import Digests
from drcheck.errors import ConnectorError, Malformed, NotThere, TimedOut, Unreachable, Unsupported
from drcheck.model import Depth, ObjectResult
from drcheck.pace import Pace
from tests.busy import BUSY
from tests.connectors.asking import Told
from tests.connectors.rig import MIB, NAMES, NOT_UTF8
from tests.connectors.sftp_rig import SftpRig, connector_of
from tests.connectors.sshd import SshServer
from tests.verify.places import age, copy_of, counts, estate_of, fill, problems, sums, verified

pytestmark = [pytest.mark.program("sshd"), pytest.mark.program("ssh-keygen"), pytest.mark.program("xargs"), pytest.mark.program("sha256sum")]

SHA256 = frozenset({"sha256"})

ODD_XARGS = """#!{python}
import hashlib, os, signal, sys, time
way = "{way}"
names = [name for name in sys.stdin.buffer.read().split(b"\\0") if name]
lines = [hashlib.sha256(open(name, "rb").read()).hexdigest().encode() + b"  " + name for name in names]
if way == "leaves-out":
    sys.stderr.write("sha256sum: \\x1b[31m: Permission denied\\n")
    lines = lines[1:]
elif way == "invents":
    lines[1] = b"0" * 64 + b"  /etc/passwd"
elif way == "twice":
    lines[1] = b"0" * 64 + lines[0][64:]
elif way == "garbage":
    lines[1] = b"sh: warning: " + lines[1]
elif way == "other-algorithm":
    lines[1] = lines[1][24:]
elif way == "upper":
    lines[1] = lines[1][:64].upper() + lines[1][64:]
elif way == "escapes":
    lines[1] = b"\\\\" + lines[1]
elif way == "wrong":
    lines[1] = b"0" * 64 + lines[1][64:]
elif way == "reversed":
    lines.reverse()
elif way == "silent":
    lines = []
elif way == "hangs":
    time.sleep(60)
out = b"".join(line + b"\\n" for line in lines)
if way == "killed":
    os.write(1, out[: len(out) // 2])
    os.kill(os.getpid(), signal.SIGKILL)
os.write(1, out[:-30] if way == "half" else out)
"""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpRig]:
    """A real sshd for all the tests of this module."""
    with ExitStack() as held:
        yield SftpRig(held.enter_context(SshServer(tmp_path_factory.mktemp("remote"))), held)


@contextmanager
def odd(tmp_path: Path, way: str, *, seconds: float = 30.0) -> Iterator[tuple[SshServer, Connector]]:
    """A server with ten files whose `xargs` is odd in this way, or that has none; its SFTP is as it should be."""
    programs = tmp_path / "programs"
    programs.mkdir()
    if way != "no-xargs":
        (programs / "xargs").write_text(ODD_XARGS.format(python=sys.executable, way=way))
        (programs / "xargs").chmod(0o755)
    with SshServer(tmp_path, settings=f"SetEnv PATH={programs}") as server:
        for number in range(10):
            (server.root / str(number)).write_bytes(b"%d" % number)
        age(server.root)
        with connector_of(server, seconds=seconds, server_hash="sha256sum") as connector:
            yield server, connector


def there(content: bytes, algorithm: str = "sha256") -> Digests:
    return Digests({algorithm: hashlib.new(algorithm, content).hexdigest()}, len(content), there=True)


def here(content: bytes) -> Digests:
    return Digests({"sha256": hashlib.sha256(content).hexdigest()}, len(content))


def asked(connector: Connector, entries: list[Entry] | None = None) -> dict[str, Digests | ConnectorError]:
    """The outcome of every object, each answered once."""
    entries = list(connector.list()) if entries is None else entries
    answered = list(connector.digests((each, SHA256) for each in entries))
    assert Counter(each.key for each, _ in answered) == Counter(each.key for each in entries)
    return {each.key: outcome for each, outcome in answered}


# What is asked


@pytest.mark.parametrize("tool", [pytest.param("openssl", marks=pytest.mark.program("openssl")), "sha256sum", "sha512sum"])
def test_the_server_hashes_and_nothing_is_read(rig: SftpRig, tool: str) -> None:
    algorithm = TOOLS[tool].algorithm
    content = {f"tools-{tool}/{number % 3}/{number}": b"%d" % number * number for number in range(1_000)}
    fill(rig.server.root, content)
    with rig.connector(server_hash=tool) as connector:
        wanted = [(each, {algorithm}) for each in connector.list(f"tools-{tool}")]
        connector.pace = told = Told()
        found = {each.key: outcome for each, outcome in connector.digests(wanted)}
        calls = dict(connector.calls.counts())
    assert found == {key: there(each, algorithm) for key, each in content.items()}
    assert calls["ssh:exec"] == 1
    assert "sftp:open" not in calls
    assert "ssh:exec" in connector.allowed_calls
    assert told.amounts, "its answers are signs of life"
    assert told.bytes == 0


def test_without_the_option_no_command_is_run(rig: SftpRig) -> None:
    fill(rig.server.root, {"off/object": b"x"})
    with rig.connector() as connector:
        assert asked(connector, list(connector.list("off"))) == {"off/object": here(b"x")}
        assert "ssh:exec" not in dict(connector.calls.counts())
        for tool in ("", "rm", "sha256sum; rm"):
            with pytest.raises(Unsupported, match="runs no command"):
                RemoteHash(
                    connector._connection,  # type: ignore[attr-defined]
                    tool,
                    connector._tree,  # type: ignore[attr-defined]
                    deadline=Deadline(1),
                    calls=CallLog("test"),
                    pace=Pace(),
                )


@pytest.mark.parametrize("tool", ["rm", "sha256sum -b", "sha256sum; rm -rf /", "md5sum", " "])
def test_only_a_known_tool_can_be_named(rig: SftpRig, tool: str) -> None:
    with pytest.raises(ValidationError):
        SftpOptions.model_validate(rig.server.options(server_hash=f"{tool}x" if tool == " " else tool))


def test_the_command_is_one_of_three_texts(rig: SftpRig) -> None:
    """Whatever the estate and the server name: what the shell is told does not change."""
    root = rig.path("$(touch injected); `touch injected` && x")
    fill(rig.server.root, {f"{root.name}/{name}": b"x" for name in NAMES})
    said: list[tuple[str, str]] = []
    before = {path.name for path in rig.server.root.iterdir()}
    with rig.connector(root=str(root), server_hash="sha256sum") as connector:
        connector.calls = CallLog("test", lambda _at, _target, call, subject, times: said.extend([(call, subject)] * times))
        found = asked(connector)
    ambiguous = [name for name in NAMES if set(name) & set("\n\r\\")]
    assert len(ambiguous) >= 4
    assert {key for key, outcome in found.items() if outcome == there(b"x")} == set(NAMES) - set(ambiguous)
    assert {key for key, outcome in found.items() if outcome == here(b"x")} == set(ambiguous)
    assert [subject for call, subject in said if call == "ssh:exec"] == [TOOLS["sha256sum"].command]
    assert {path.name for path in rig.server.root.iterdir()} == before
    assert all(word not in tool.command for tool in TOOLS.values() for word in ("{", "$", "`", ";", "&", "|", "<", "sh "))


def test_what_the_server_cannot_be_asked_is_read(rig: SftpRig) -> None:
    fill(rig.server.root, {f"mixed/{NOT_UTF8}": b"x", "mixed/two": b"y", "mixed/other": b"z"})
    algorithms = {"mixed/two": {"sha256", "sha512"}, "mixed/other": {"md5"}}
    with rig.connector(server_hash="sha256sum") as connector:
        wanted = [(each, algorithms.get(each.key, SHA256)) for each in connector.list("mixed")]
        found = {each.key: outcome for each, outcome in connector.digests(wanted)}
    assert found.pop(f"mixed/{NOT_UTF8}") == there(b"x")
    assert all(isinstance(outcome, Digests) and not outcome.there for outcome in found.values())
    assert {key: outcome.hex.keys() for key, outcome in found.items() if isinstance(outcome, Digests)} == {k: set(v) for k, v in algorithms.items()}


def test_more_files_than_one_command_takes(rig: SftpRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drcheck.connectors.sftp_remote_hash._NAMES", 100)
    fill(rig.server.root, {f"several/{number:03d}": b"%d" % number for number in range(950)})
    with rig.connector(server_hash="sha256sum") as connector:
        found = asked(connector, list(connector.list("several")))
        assert dict(connector.calls.counts())["ssh:exec"] == 10
    assert found == {f"several/{number:03d}": there(b"%d" % number) for number in range(950)}


# What goes wrong


def test_each_object_has_its_own_error(rig: SftpRig) -> None:
    fill(rig.server.root, {f"errors/{name}": b"x" for name in ("gone", "good", "denied", "link")})
    with rig.connector(server_hash="sha256sum") as connector:
        entries = list(connector.list("errors"))
        rig.remove("errors/gone")
        mode = stat.S_IMODE(rig.path("errors/denied").stat().st_mode)
        rig.path("errors/denied").chmod(0)
        try:
            found = asked(connector, entries)
        finally:
            rig.path("errors/denied").chmod(mode)
    assert found["errors/good"] == there(b"x")
    assert isinstance(found["errors/gone"], NotThere)
    assert isinstance(found["errors/denied"], Malformed)
    assert "denied" in str(found["errors/denied"])


def test_what_lies_behind_a_folder_that_became_a_link_is_not_answered(rig: SftpRig) -> None:
    fill(rig.server.root, {f"link/{side}/{number}": b"x" for side in ("real", "decoy") for number in range(100)})
    with rig.connector(server_hash="sha256sum") as connector:
        entries = list(connector.list("link/real"))
        rig.path("link/real").rename(rig.path("link/away"))
        rig.link("link/real", "decoy")
        found = asked(connector, entries)
    assert {type(outcome) for outcome in found.values()} == {Unsupported}


@pytest.mark.parametrize("way", ["plain", "reversed"])
def test_a_command_that_answers_right_is_believed(tmp_path: Path, way: str) -> None:
    with odd(tmp_path, way) as (_, connector):
        assert asked(connector) == {str(number): there(b"%d" % number) for number in range(10)}


@pytest.mark.parametrize("way", ["invents", "twice", "garbage", "other-algorithm", "upper", "escapes", "half"])
def test_after_an_answer_that_is_none_nothing_is_believed(tmp_path: Path, way: str) -> None:
    with odd(tmp_path, way) as (_, connector):
        found = asked(connector)
    right = {key for key, outcome in found.items() if outcome == there(key.encode())}
    assert right == (set("012345678") if way == "half" else set("0"))
    assert {type(outcome) for key, outcome in found.items() if key not in right} == {Malformed}


def test_a_name_that_is_not_answered_is_an_error(tmp_path: Path) -> None:
    with odd(tmp_path, "leaves-out") as (_, connector):
        found = asked(connector)
    assert isinstance(found["0"], Malformed)
    assert "Permission denied" in str(found["0"])
    assert "\x1b" not in str(found["0"])
    assert all(found[str(number)] == there(b"%d" % number) for number in range(1, 10))


@pytest.mark.parametrize("way", ["no-xargs", "silent"])
def test_a_server_that_does_not_hash_is_unsupported(tmp_path: Path, way: str) -> None:
    with odd(tmp_path, way) as (_, connector):
        found = asked(connector)
    assert {type(outcome) for outcome in found.values()} == {Unsupported}
    assert all("server_hash" in str(outcome) for outcome in found.values())


def test_a_server_that_runs_no_commands_is_an_error(tmp_path: Path) -> None:
    with SshServer(tmp_path, settings="ForceCommand internal-sftp -R") as server:
        fill(server.root, {"object": b"x"})
        with connector_of(server, server_hash="sha256sum", seconds=20) as connector:
            (found,) = asked(connector).values()
    assert isinstance(found, ConnectorError)


def test_a_command_that_is_killed_is_unreachable(tmp_path: Path) -> None:
    with odd(tmp_path, "killed") as (_, connector):
        found = asked(connector)
    kinds = Counter(type(outcome) for outcome in found.values())
    assert kinds.keys() == {Digests, Unreachable}
    assert all(outcome == there(key.encode()) for key, outcome in found.items() if isinstance(outcome, Digests))


def test_a_command_that_hangs_costs_its_deadline(tmp_path: Path) -> None:
    with odd(tmp_path, "hangs", seconds=4) as (_, connector):
        started = time.monotonic()
        found = asked(connector)
        assert time.monotonic() - started < 4 + BUSY
    assert {type(outcome) for outcome in found.values()} == {TimedOut}


def test_a_server_that_is_killed_meanwhile_is_unreachable(tmp_path: Path) -> None:
    with SshServer(tmp_path) as server:
        fill(server.root, {f"{number:04d}": b"%d" % number for number in range(3_000)})
        (server.root / "zzzz").touch()
        os.truncate(server.root / "zzzz", 1 << 32)  # the last takes so long that nobody stops the server too late
        with connector_of(server, server_hash="sha256sum") as connector:
            entries = list(connector.list())
            answers = connector.digests((each, SHA256) for each in entries)
            found = [next(answers)]
            server.stop()
            found += answers
    assert len(found) == len(entries)
    assert {type(outcome) for _, outcome in found} == {Digests, Unreachable}


# What it counts for


def test_a_verification_says_that_the_server_hashed(rig: SftpRig) -> None:
    files = {f"pas/{number}": os.urandom(100) for number in range(50)}
    fill(rig.server.root / "verified", {**files, "SHA256SUMS": sums(files)})
    options = rig.server.options(root=str(rig.server.root / "verified"), server_hash="sha256sum")
    estate = estate_of(copy_of({"name": "SHA256SUMS"}), base=rig.server.folder, connector="sftp", options=options)
    found = verified(estate)
    assert (counts(found), found.hashed_there, found.objects_read, found.bytes_read) == ({"match": 50}, 50, 0, 0)
    assert found.depth is Depth.ATTRIBUTES


def test_what_the_server_finds_wrong_is_read_before_it_is_called_so(tmp_path: Path) -> None:
    with odd(tmp_path, "wrong") as (server, _):
        files = {str(number): b"%d" % number for number in range(10)}
        fill(server.root, {"SHA256SUMS": sums(files | {"5": b"damaged"})})
        options = server.options(server_hash="sha256sum")
        found = verified(estate_of(copy_of({"name": "SHA256SUMS"}), base=tmp_path, connector="sftp", options=options))
    assert counts(found) == {"match": 9, "mismatch": 1}
    assert problems(found, ObjectResult.MISMATCH) == ["5"]
    assert not found.problems[0].there
    assert (found.objects_read, found.hashed_there) == (2, 8)


def test_a_large_file_is_hashed_there_too(rig: SftpRig) -> None:
    fill(rig.server.root, {"big/object": bytes(20 * MIB)})
    with rig.connector(server_hash="sha256sum") as connector:
        assert asked(connector, list(connector.list("big"))) == {"big/object": there(bytes(20 * MIB))}
