"""Many files of an SFTP server read at once, when the connection is lost or the server is odd."""

from __future__ import annotations

import itertools
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from drcheck.connectors.base import Connector, Entry
from drcheck.digests import Digests
from drcheck.errors import ConnectorError, Malformed, NotThere, TimedOut, Unreachable, Unsupported
from drcheck.model import Reason
from drcheck.verify.sources import CONNECTION
from tests.busy import BUSY
from tests.connectors import odd_sftp_server
from tests.connectors.asking import content
from tests.connectors.odd_sftp_server import CONTENT, SIZE
from tests.connectors.sftp_rig import SftpRig, connector_of
from tests.connectors.sshd import SshServer
from tests.connectors.test_sftp_pipeline import SHA256, Outcome, entry, put_many, sha256
from tests.connectors.wires import Wire

pytestmark = [pytest.mark.program("sshd"), pytest.mark.program("ssh-keygen")]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpRig]:
    """A real sshd for all the tests of this module."""
    with ExitStack() as held:
        yield SftpRig(held.enter_context(SshServer(tmp_path_factory.mktemp("lost"))), held)


# Connections that are lost


def all_answered(connector: Connector, wanted: list[Entry], answers: Iterator[tuple[Entry, Outcome]], error: type[ConnectorError]) -> int:
    """Whether everything was answered once, rightly or with that error; how many rightly."""
    found = list(answers)
    assert Counter(each.key for each, _ in found) <= Counter(each.key for each in wanted)
    right = [each for each, outcome in found if isinstance(outcome, Digests)]
    assert all(outcome == sha256(b"%d" % int(each.key[-5:])) for each, outcome in found if isinstance(outcome, Digests))
    assert {type(outcome) for _, outcome in found} - {Digests} == {error}
    assert isinstance(found[-1][1], error)
    return len(right)


def test_a_server_that_is_killed_costs_what_was_not_answered(tmp_path: Path) -> None:
    with SshServer(tmp_path) as server:
        put_many(server, "folder", 3_000)
        with connector_of(server) as connector:
            wanted = list(connector.list())
            answers = connector.digests((each, SHA256) for each in wanted)
            first = list(itertools.islice(answers, 500))
            server.stop()
            rest = list(answers)
            assert Counter(each.key for each, _ in first + rest) == Counter(each.key for each in wanted)
            all_answered(connector, wanted, iter(rest), Unreachable)
            assert {type(outcome) for _, outcome in connector.digests((each, SHA256) for each in wanted[:3])} == {Unreachable}


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.7])
def test_a_wire_that_is_cut_costs_what_was_not_answered(rig: SftpRig, part: float) -> None:
    folder = rig.once("cut", lambda name: put_many(rig.server, name, 2_000))
    with Wire(rig.server.port) as wire, connector_of(rig.server, port=wire.port) as connector:
        wanted = list(connector.list(folder))
        before = wire.carried
        assert len(list(connector.digests((each, SHA256) for each in wanted))) == 2_000
        wire.limit(int(part * (wire.carried - before)))
        right = all_answered(connector, wanted, connector.digests((each, SHA256) for each in wanted), Unreachable)
    # How many bytes a file costs depends on how many answers share a packet.
    assert right < 2_000
    assert right >= 1_000 * part - 300


def test_a_wire_that_goes_dead_costs_its_deadline(rig: SftpRig) -> None:
    folder = rig.once("cut", lambda name: put_many(rig.server, name, 2_000))
    with Wire(rig.server.port, dead=True) as wire, connector_of(rig.server, port=wire.port, seconds=5) as connector:
        wanted = list(connector.list(folder))
        wire.limit(100_000)
        started = time.monotonic()
        all_answered(connector, wanted, connector.digests((each, SHA256) for each in wanted), TimedOut)
        assert time.monotonic() - started < 5 + BUSY


# Odd servers


def odd(held: ExitStack, tmp_path: Path, way: str, *, seconds: float = 20.0) -> Connector:
    """An open connector to a real sshd whose SFTP server is odd in this way."""
    server = held.enter_context(SshServer(tmp_path, sftp=f"{sys.executable} {Path(odd_sftp_server.__file__)} {way}"))
    return held.enter_context(connector_of(server, root="/", seconds=seconds))


@pytest.mark.parametrize("way", ["plain", "short", "reversed", "bare", "few-handles", "one-handle", "tells-handles"])
def test_a_server_within_the_protocol_is_read_right(tmp_path: Path, way: str) -> None:
    with ExitStack() as held:
        connector = odd(held, tmp_path, way)
        count = 30 if way in ("short", "reversed") else 200
        found = list(connector.digests((entry("object"), SHA256) for _ in range(count)))
        assert content(connector, "object") == CONTENT
    assert [outcome for _, outcome in found] == [sha256(CONTENT)] * count
    assert len(CONTENT) == SIZE


@pytest.mark.parametrize(
    ("way", "error"),
    [
        ("ends-early", Malformed),
        ("too-much", Malformed),
        ("refuses", ConnectorError),
        ("bad-sector", ConnectorError),
        ("no-handle", ConnectorError),
        ("says-nothing", Unsupported),
    ],
)
def test_a_read_that_goes_wrong_is_an_error(tmp_path: Path, way: str, error: type[ConnectorError]) -> None:
    with ExitStack() as held:
        connector = odd(held, tmp_path, way)
        found = list(connector.digests((entry("object"), SHA256) for _ in range(100)))
        with pytest.raises(NotThere):
            connector.stat("absent")
    assert [type(outcome) for _, outcome in found] == [error] * 100
    assert "\x1b" not in str(found[0][1])


@pytest.mark.parametrize("way", ["refuses", "bad-sector", "no-handle"])
def test_a_file_that_the_server_cannot_read_speaks_of_that_file_only(tmp_path: Path, way: str) -> None:
    """Two errors in a row that speak of the place would end a copy's verification."""
    with ExitStack() as held:
        connector = odd(held, tmp_path, way)
        for _, outcome in connector.digests((entry("object"), SHA256) for _ in range(3)):
            assert isinstance(outcome, ConnectorError)
            assert Reason(outcome.reason) not in CONNECTION
            assert "object: the server could not do it" in str(outcome)


def test_a_server_that_cannot_even_see_the_root_is_unreachable(tmp_path: Path) -> None:
    with ExitStack() as held:
        connector = odd(held, tmp_path, "falls-sick")
        found = list(connector.digests((entry("object"), SHA256) for _ in range(10)))
    assert [isinstance(outcome, Unreachable) for _, outcome in found] == [True] * 10


def test_a_server_that_hangs_costs_its_deadline(tmp_path: Path) -> None:
    with ExitStack() as held:
        connector = odd(held, tmp_path, "hangs", seconds=3)
        started = time.monotonic()
        found = list(connector.digests((entry("object"), SHA256) for _ in range(100)))
        assert time.monotonic() - started < 3 + BUSY
    assert [type(outcome) for _, outcome in found] == [TimedOut] * 100
