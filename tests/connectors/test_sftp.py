"""The SFTP connector: the contract on a real sshd, and what only an SFTP server can do."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

import pytest

from drcheck.connectors.base import attempt
from drcheck.errors import AccessDenied, ConnectorError, Malformed, NotThere, TimedOut, Unreachable, Unsupported
from drcheck.model import Observed, Reason
from tests.busy import BUSY
from tests.connectors.contract import MIB, ConnectorContract, content, keys, reason
from tests.connectors.sftp_rig import SftpRig, connector_of
from tests.connectors.sshd import SshServer, fingerprint_of
from tests.connectors.wires import Wire

pytestmark = [pytest.mark.program("sshd"), pytest.mark.program("ssh-keygen")]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpRig]:
    """A real sshd for all the tests of this module."""
    with ExitStack() as held:
        yield SftpRig(held.enter_context(SshServer(tmp_path_factory.mktemp("sftp"))), held)


class TestSftp(ConnectorContract):
    cannot: ClassVar = {
        "test_a_key_that_is_an_object_and_a_folder_is_both": "a name in a folder is one or the other",
        "test_an_archived_object_is_listed_and_not_read": "a file server has no storage classes",
        "test_a_clock_that_is_wrong_shows_its_skew": "SFTP does not tell the server's time",
    }


PEAK_OF_LISTINGS = """
import json, sys
from drcheck.clock import Deadline
from drcheck.connectors.base import CallLog
from drcheck.connectors.sftp import SftpConnector
from drcheck.connectors.sftp_options import SftpOptions
from drcheck.secrets import resolve

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024

options = SftpOptions(**json.loads(sys.argv[1]))
with SftpConnector(options, secrets=resolve, deadline=Deadline(120), calls=CallLog("test")) as connector:
    for folder in sys.argv[2:]:
        print(sum(1 for _ in connector.list(folder)), peak())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a process's peak of memory is read from /proc")
def test_a_listing_of_200_000_costs_little_memory(rig: SftpRig) -> None:
    rig.put_many("20k", 20_000)
    rig.put_many("200k", 200_000)
    command = [sys.executable, "-c", PEAK_OF_LISTINGS, json.dumps(rig.server.options()), "20k", "200k"]
    few, many = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert (few.split()[0], many.split()[0]) == ("20000", "200000")
    assert int(many.split()[1]) - int(few.split()[1]) < 30 * MIB, f"{few} and {many} bytes"


def test_a_server_killed_while_listing_is_unreachable(tmp_path: Path) -> None:
    with SshServer(tmp_path) as server:
        for folder in range(200):
            (server.root / f"{folder:03d}").mkdir()
            (server.root / f"{folder:03d}" / "object").touch()
        with connector_of(server) as connector:
            listing = connector.list()
            assert next(listing).key == "000/object"
            server.stop()
            with pytest.raises(Unreachable):
                list(listing)
            assert reason(attempt(connector.identity)) is Reason.UNREACHABLE
            assert reason(attempt(lambda: keys(connector))) is Reason.UNREACHABLE


def test_a_server_killed_while_reading_is_unreachable(tmp_path: Path) -> None:
    with SshServer(tmp_path) as server:
        (server.root / "object").write_bytes(bytes(64 * MIB))
        os.utime(server.root / "object", (1e9, 1e9))
        with connector_of(server) as connector:
            stream = connector.read("object")
            assert next(stream)
            server.stop()
            with pytest.raises(Unreachable):
                for _ in stream:
                    pass


def test_a_wire_that_goes_dead_costs_its_deadline_and_closing_does_not_wait(rig: SftpRig) -> None:
    rig.put("dead/object", bytes(8 * MIB))
    os.utime(rig.path("dead/object"), (1e9, 1e9))
    with Wire(rig.server.port, dead=True) as wire:
        connector = connector_of(rig.server, port=wire.port, seconds=4)
        with connector:
            wire.limit(MIB)
            started = time.monotonic()
            with pytest.raises(TimedOut):
                content(connector, "dead/object")
            assert time.monotonic() - started < 4 + BUSY
            closing = time.monotonic()
        assert time.monotonic() - closing < 3


def test_a_wire_that_goes_dead_while_listing_costs_its_deadline(rig: SftpRig) -> None:
    folder = rig.once("many", lambda name: rig.put_many(name, 10_001))
    with Wire(rig.server.port, dead=True) as wire, connector_of(rig.server, port=wire.port, seconds=4) as connector:
        wire.limit(100_000)
        assert reason(attempt(lambda: keys(connector, folder))) is Reason.TIMED_OUT


@pytest.fixture(scope="module")
def login_bytes(rig: SftpRig) -> int:
    """How much the server says until a connector is open."""
    with Wire(rig.server.port) as wire, connector_of(rig.server, port=wire.port):
        return wire.carried


STEPS = [0.0, 0.01, 0.2, 0.5, 0.8, 0.9, 0.97]


@pytest.mark.parametrize("part", STEPS)
def test_a_wire_that_is_cut_at_any_step_of_the_login_is_unreachable(rig: SftpRig, login_bytes: int, part: float) -> None:
    with Wire(rig.server.port, limit=int(part * login_bytes)) as wire:
        connector = connector_of(rig.server, port=wire.port)
        with pytest.raises(Unreachable):
            connector.open()
        connector.close()


@pytest.mark.parametrize("part", STEPS[1:])
def test_a_wire_that_goes_dead_at_any_step_of_the_login_times_out(rig: SftpRig, login_bytes: int, part: float) -> None:
    with Wire(rig.server.port, limit=int(part * login_bytes), dead=True) as wire:
        connector = connector_of(rig.server, port=wire.port, seconds=1)
        started = time.monotonic()
        with pytest.raises(TimedOut):
            connector.open()
        connector.close()
        assert time.monotonic() - started < 1 + BUSY


def test_no_thread_and_no_timer_is_left_behind(rig: SftpRig) -> None:
    before = set(threading.enumerate())
    with rig.connector() as connector:
        assert keys(connector, "absent") == []
    with pytest.raises(TimedOut):
        rig.hanging(0.5).open()
    connector = rig.impostor()
    with pytest.raises(ConnectorError):
        connector.open()
    left = [thread for thread in set(threading.enumerate()) - before if not thread.daemon]
    assert left == []


def test_the_root_can_be_relative_a_link_or_everything(rig: SftpRig) -> None:
    rig.put("roots/real/object", b"x")
    rig.link("roots/link", "real")
    with rig.connector(root=str(rig.path("roots/link"))) as connector:
        assert keys(connector) == ["object"]
        assert connector.identity().trait("root") == str(rig.path("roots/real"))
    with rig.connector(root="/") as connector:
        key = str(rig.path("roots/real/object")).lstrip("/")
        assert content(connector, key) == b"x"
        assert keys(connector, key.removesuffix("/object")) == [key]
    with rig.connector(root=".") as connector:
        assert connector.identity().trait("root") == os.path.realpath(pwd.getpwnam(rig.server.user).pw_dir)


@pytest.mark.parametrize("root", ["/nowhere/at/all", "/etc/passwd", "absent"])
def test_a_root_that_is_not_there_is_unreachable(rig: SftpRig, root: str) -> None:
    with pytest.raises(Unreachable, match="is not there"):
        rig.connector(root=root).open()


def test_a_root_that_goes_away_is_unreachable_not_empty(rig: SftpRig) -> None:
    rig.put("going/object", b"x")
    with rig.connector(root=str(rig.path("going"))) as connector:
        assert keys(connector) == ["object"]
        rig.remove("going/object")
        assert keys(connector) == []
        rig.path("going").rmdir()
        assert reason(attempt(lambda: keys(connector))) is Reason.UNREACHABLE
        with pytest.raises(Unreachable):
            connector.stat("object")


def test_what_a_file_is_asked_for_below_a_file_is_not_there(rig: SftpRig) -> None:
    rig.put("below/object", b"x")
    with rig.connector() as connector:
        for key in ("below/object/x", "below/absent/x/y", "below"):
            with pytest.raises(NotThere):
                connector.stat(key)
        with pytest.raises(Unsupported):
            connector.stat("below/../below/object")


def test_identity_names_the_server_by_its_key(rig: SftpRig) -> None:
    with rig.connector() as connector:
        identity = connector.identity()
    shown = fingerprint_of(rig.server.host_key)
    assert identity.principal == f"{rig.server.user}@127.0.0.1"
    assert identity.device.startswith(f"ssh:{shown}")
    assert identity.trait("host_key") == shown
    assert "OpenSSH" in identity.trait("server")


def test_the_cipher_is_known_and_encryption_at_rest_is_not(rig: SftpRig) -> None:
    with rig.connector() as connector:
        fact = connector.encryption()
    assert (fact.at_rest, fact.in_transit) == ("", "aes128-gcm@openssh.com")


def test_permissions_tell_what_is_seen(rig: SftpRig) -> None:
    rig.put("open-folder/object", b"x")
    rig.path("open-folder").chmod(0o777)
    with rig.connector(root=str(rig.path("open-folder"))) as connector:
        seen = connector.permissions()
    assert (seen.can_list, seen.can_read, seen.can_write, seen.can_delete) == (True, None, True, True)
    rig.path("open-folder").chmod(0o1777)
    with rig.connector(root=str(rig.path("open-folder"))) as connector:
        assert connector.permissions().can_delete is None
    with rig.deny_listing("open-folder"), rig.connector(root=str(rig.path("open-folder"))) as connector:
        assert connector.permissions().can_list is False


def test_a_read_only_server_is_told_from_one_that_writes(tmp_path: Path) -> None:
    with SshServer(tmp_path, sftp="internal-sftp -R") as server:
        server.root.chmod(0o777)
        with connector_of(server) as connector:
            seen = connector.permissions()
    assert (seen.can_write, seen.can_delete) == (False, False)
    assert "-R" in seen.how


def test_a_server_that_refuses_some_requests_is_not_taken_for_read_only(tmp_path: Path) -> None:
    with SshServer(tmp_path, sftp="internal-sftp -P posix-rename,hardlink,fsync") as server:
        server.root.chmod(0o755)
        with connector_of(server) as connector:
            assert connector.permissions().can_write is not False


@pytest.mark.parametrize(
    ("refused", "key", "error"), [("readdir", "", AccessDenied), ("opendir", "", AccessDenied), ("open", "object", AccessDenied)]
)
def test_a_request_that_the_server_refuses_is_access_denied(tmp_path: Path, refused: str, key: str, error: type[Exception]) -> None:
    with SshServer(tmp_path, sftp=f"internal-sftp -P {refused}") as server:
        (server.root / "object").write_bytes(b"x")
        with connector_of(server) as connector:
            with pytest.raises(error):
                content(connector, key) if key else keys(connector)
            assert connector.stat("object").size == 1


@pytest.mark.parametrize(
    ("sftp", "settings", "error"),
    [
        ("", "", Unsupported),
        ("internal-sftp", "ForceCommand echo This account is not available.", Malformed),
        ("internal-sftp", "ForceCommand true", Unreachable),
    ],
)
def test_a_server_without_sftp_says_so(tmp_path: Path, sftp: str, settings: str, error: type[Exception]) -> None:
    with SshServer(tmp_path, sftp=sftp, settings=settings) as server, pytest.raises(error):
        connector_of(server).open()


def test_a_file_that_grows_while_read_is_in_progress(rig: SftpRig) -> None:
    rig.put("growing/object", bytes(16 * MIB))
    with rig.connector() as connector:
        stream = connector.read("growing/object")
        next(stream)
        with rig.path("growing/object").open("ab") as file:
            file.write(b"more")
        fact = attempt(lambda: b"".join(stream))
    assert reason(fact) is Reason.IN_PROGRESS


def test_calls_are_logged_with_what_they_were_about(rig: SftpRig) -> None:
    rig.put("logged/object", b"x")
    with rig.connector() as connector:
        fact = attempt(lambda: content(connector, "logged/object"))
        assert isinstance(fact, Observed)
        counted = dict(connector.calls.counts())
    assert counted["sftp:open"] == 1
    assert counted["sftp:read"] == 1
    assert counted["ssh:connect"] == counted["ssh:login"] == 1
