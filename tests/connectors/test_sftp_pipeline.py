"""Many files of an SFTP server read at once: every promise of reading one is kept, whatever happens meanwhile."""

from __future__ import annotations

import hashlib
import itertools
import os
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from drcheck.connectors import sftp_above, sftp_pipeline
from drcheck.connectors.base import Connector, Entry
from drcheck.digests import Digests
from drcheck.errors import AccessDenied, ConnectorError, InProgress, NotThere, Unreachable, Unsupported
from tests.busy import BUSY
from tests.connectors.asking import Told, content, keys, resident
from tests.connectors.rig import MIB, NAMES, NOT_UTF8
from tests.connectors.sftp_rig import SftpRig, connector_of
from tests.connectors.sshd import SshServer

pytestmark = [pytest.mark.program("sshd"), pytest.mark.program("ssh-keygen")]

SHA256 = frozenset({"sha256"})
LONG_AGO = (1e9, 1e9)
Outcome = Digests | ConnectorError


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpRig]:
    """A real sshd for all the tests of this module."""
    with ExitStack() as held:
        yield SftpRig(held.enter_context(SshServer(tmp_path_factory.mktemp("pipeline"))), held)


def put(server: SshServer, key: str, content: bytes) -> None:
    """Make a file that was last changed long ago, so that nobody waits for its second to be over."""
    path = server.root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, LONG_AGO)


def put_many(server: SshServer, folder: str, count: int, content: bytes = b"") -> None:
    (server.root / folder).mkdir(parents=True)
    for number in range(count):
        (server.root / folder / f"{number:05d}").write_bytes(content or b"%d" % number)


def sha256(content: bytes) -> Digests:
    return Digests({"sha256": hashlib.sha256(content).hexdigest()}, len(content))


def entry(key: str) -> Entry:
    """An entry as if it had been listed, for what a listing would not show."""
    return Entry(key, 1, None)


def outcomes(connector: Connector, *wanted: str) -> dict[str, Outcome]:
    """The outcome of each key, asked for together; each was answered once."""
    answered = list(connector.digests((entry(key), SHA256) for key in wanted))
    assert sorted(each.key for each, _ in answered) == sorted(wanted)
    return {each.key: outcome for each, outcome in answered}


def test_20_000_files_have_20_000_answers(rig: SftpRig) -> None:
    wanted = {}
    for number in range(20_000):
        key = f"many/{number % 7}/{number % 41}/{number:05d}"
        if number < 7 * 41:
            rig.path(key).parent.mkdir(parents=True)
        wanted[key] = b"%d" % number * (number % 90)
        rig.path(key).write_bytes(wanted[key])
    with rig.connector(seconds=120) as connector:
        entries = list(connector.list("many"))
        answered = list(connector.digests((each, SHA256) for each in entries))
        calls = dict(connector.calls.counts())
    assert Counter(each.key for each, _ in answered) == Counter(list(wanted))
    assert {each.key: outcome for each, outcome in answered} == {key: sha256(content) for key, content in wanted.items()}
    assert {id(each) for each, _ in answered} == {id(each) for each in entries}
    assert calls["sftp:open"] == 20_000
    # Two looks at the two folders above, for 64 files at most; the rest are one look a file.
    assert calls["sftp:lstat"] < 20_000 + 2 * 2 * (20_000 / 30)


def test_every_size_and_every_algorithm(rig: SftpRig) -> None:
    with rig.connector() as connector:
        step = connector._session.read_size  # type: ignore[attr-defined]
        sizes = [0, 1, step - 1, step, step + 1, 2 * step, 3 * step - 1, 5 * MIB + 3, *range(2, 150)]
        whole = os.urandom(max(sizes))
        for number, size in enumerate(sizes):
            put(rig.server, f"sizes/{number:03d}", whole[:size])
        algorithms = ("md5", "sha1", "sha256", "sha512", "blake2b", "blake2b-256", "crc32")
        wanted = [(each, frozenset(algorithms[: each.size % 8 or 7])) for each in connector.list("sizes")]
        found = {each.key: outcome for each, outcome in connector.digests(wanted)}
    for each, asked in wanted:
        outcome = found[each.key]
        assert isinstance(outcome, Digests)
        data = whole[: each.size]
        assert outcome.size == each.size
        assert outcome.hex.keys() == asked
        for algorithm in asked & {"md5", "sha1", "sha256", "sha512"}:
            assert outcome.hex[algorithm] == hashlib.new(algorithm, data).hexdigest()
        if "crc32" in asked:
            assert outcome.hex["crc32"] == f"{zlib.crc32(data):08x}"


def test_every_name(rig: SftpRig) -> None:
    for name in (*NAMES, NOT_UTF8):
        put(rig.server, f"names/{name}/{name}", os.fsencode(name))
    with rig.connector() as connector:
        found = outcomes(connector, *keys(connector, "names"))
    assert found == {f"names/{name}/{name}": sha256(os.fsencode(name)) for name in (*NAMES, NOT_UTF8)}


def test_each_object_has_its_own_error(rig: SftpRig) -> None:
    good = [f"errors/good/{number}" for number in range(100)]
    for key in (*good, "errors/denied", "errors/closed/object"):
        put(rig.server, key, b"x")
    rig.path("errors/folder").mkdir()
    rig.link("errors/link", "good/1")
    rig.link("errors/way", "good")
    rig.pipe("errors/pipe")
    bad = {
        "errors/absent": NotThere,
        "errors/absent/deeper/object": NotThere,
        "errors/folder": NotThere,
        "errors/denied/below-a-file": NotThere,
        "errors/denied": AccessDenied,
        "errors/closed/object": AccessDenied,
        "errors/link": Unsupported,
        "errors/way/1": Unsupported,
        "errors/pipe": Unsupported,
        "errors/../errors/good/1": Unsupported,
        "errors/nul\0": Unsupported,
    }
    mixed = [key for pair in itertools.zip_longest(good, bad) for key in pair if key is not None]
    rig.path("errors/closed").chmod(0o000)
    try:
        with rig.deny_reading("errors/denied") as connector, connector:
            found = outcomes(connector, *mixed)
            opened = dict(connector.calls.counts())["sftp:open"]
    finally:
        rig.path("errors/closed").chmod(0o755)
    assert {key: outcome for key, outcome in found.items() if isinstance(outcome, Digests)} == dict.fromkeys(good, sha256(b"x"))
    assert {key: type(found[key]) for key in bad} == bad
    assert opened == len(good) + 1
    for key in bad:
        assert key.rpartition("/")[2][:3] in str(found[key]), "a message names its object"


def test_an_algorithm_that_there_is_none_of_costs_one_object(rig: SftpRig) -> None:
    for number in range(3):
        put(rig.server, f"unknown/{number}", b"x")
    with rig.connector() as connector:
        wanted = [(each, {"sha256", "rot13"} if each.key.endswith("1") else SHA256) for each in connector.list("unknown")]
        found = {each.key: outcome for each, outcome in connector.digests(wanted)}
    assert type(found["unknown/1"]) is ConnectorError
    assert found["unknown/0"] == found["unknown/2"] == sha256(b"x")


def test_others_may_use_the_connector_between_answers(rig: SftpRig) -> None:
    put_many(rig.server, "between", 300)
    with rig.connector() as connector:
        wanted = list(connector.list("between"))
        seen = 0
        for each, outcome in connector.digests((each, SHA256) for each in wanted):
            seen += 1
            assert outcome == sha256(b"%d" % int(each.key[-5:]))
            if seen % 50 == 0:
                assert len(keys(connector, "between")) == 300
                assert content(connector, each.key) == b"%d" % int(each.key[-5:])
                assert len(list(connector.digests((again, SHA256) for again in wanted[:100]))) == 100
    assert seen == 300


def test_what_is_given_up_half_way_leaves_no_file_open(rig: SftpRig) -> None:
    put_many(rig.server, "left", 300)
    put(rig.server, "left/large", bytes(24 * MIB))
    with rig.connector() as connector:
        for taken in (1, 70, 200):
            answers = connector.digests((each, SHA256) for each in connector.list("left"))
            assert len(list(itertools.islice(answers, taken))) == taken
            answers.close()  # type: ignore[attr-defined]
        assert content(connector, "left/00000") == b"0"
        calls = dict(connector.calls.counts())
        assert calls["sftp:open"] + calls["sftp:opendir"] == calls["sftp:close"]


def test_nothing_wanted_is_nothing_asked(rig: SftpRig) -> None:
    with rig.connector() as connector:
        before = connector.calls.counts()
        assert list(connector.digests([])) == []
        assert connector.calls.counts() == before


def test_large_files_of_one_folder_do_not_wait_for_each_other(rig: SftpRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is killed meanwhile loses what has no answer: at most so many bytes, not a folder's 60 files."""
    monkeypatch.setattr(sftp_above, "ENOUGH", 4 * MIB)
    for number in range(60):
        put(rig.server, f"enough/{number:02d}", b"")
        os.truncate(rig.path(f"enough/{number:02d}"), MIB)
        os.utime(rig.path(f"enough/{number:02d}"), LONG_AGO)
    with rig.connector() as connector:
        wanted = list(connector.list("enough"))
        connector.pace = told = Told()
        unanswered = [told.bytes - number * MIB for number, _ in enumerate(connector.digests((each, SHA256) for each in wanted))]
    assert len(unanswered) == 60
    # What is finished, what is on its way, and what comes while the folders are looked at.
    assert max(unanswered) < 30 * MIB


def test_answers_are_signs_of_life_though_nothing_is_read(rig: SftpRig) -> None:
    put_many(rig.server, "alive", 3)
    with rig.connector() as connector:
        for act in (lambda: keys(connector, "alive"), lambda: connector.stat("alive/00000"), lambda: outcomes(connector, "alive/absent")):
            connector.pace = told = Told()
            act()
            assert told.amounts
            assert told.bytes == 0


# What changes meanwhile


def slow(connector: Connector, *last: str) -> Iterator[tuple[Entry, Outcome]]:
    """The answers for some small files, and for those large ones that are still being read when the first answer comes."""
    return connector.digests((entry(key), SHA256) for key in (*keys(connector, "small"), *last))


@pytest.mark.parametrize("how", ["grows", "is cut short", "is replaced in place", "is emptied"])
def test_a_file_that_changes_while_read_is_in_progress(rig: SftpRig, how: str) -> None:
    rig.once("small", lambda name: put_many(rig.server, name, 10))
    put(rig.server, "changing/object", bytes(96 * MIB))
    with rig.connector() as connector:
        answers = slow(connector, "changing/object")
        found = dict([next(answers)])
        with rig.path("changing/object").open("r+b") as file:
            if how == "grows":
                file.seek(0, os.SEEK_END)
                file.write(b"more")
            elif how == "is replaced in place":
                file.write(b"new" * 1000)
            else:
                file.truncate(95 * MIB if how == "is cut short" else 0)
        found |= dict(answers)
    by_key = {each.key: outcome for each, outcome in found.items()}
    assert isinstance(by_key.pop("changing/object"), InProgress)
    assert len(by_key) == 10
    assert all(isinstance(outcome, Digests) for outcome in by_key.values())


def test_a_file_that_is_renamed_over_while_read_is_never_a_mixture(rig: SftpRig) -> None:
    rig.once("small", lambda name: put_many(rig.server, name, 10))
    old, new = b"o" * (48 * MIB), b"n" * (48 * MIB)
    put(rig.server, "renamed/object", old)
    put(rig.server, "renamed/new", new)
    with rig.connector() as connector:
        answers = slow(connector, "renamed/object")
        found = dict([next(answers)])
        rig.path("renamed/new").rename(rig.path("renamed/object"))
        found |= dict(answers)
    (outcome,) = [outcome for each, outcome in found.items() if each.key == "renamed/object"]
    assert isinstance(outcome, InProgress) or outcome in (sha256(old), sha256(new))


@pytest.mark.parametrize("level", ["swapped", "swapped/below", "swapped/below/deeper"])
def test_what_lies_behind_a_folder_that_became_a_link_is_never_answered(rig: SftpRig, level: str) -> None:
    """Decoys of the same names, sizes and times lie where the link leads; with other bytes, to be told apart."""
    top = rig.folder()
    for number in range(2_000):
        put(rig.server, f"{top}/swapped/below/deeper/{number:04d}", b"real")
        put(rig.server, f"{top}/decoy/swapped/below/deeper/{number:04d}", b"fake")
    with rig.connector() as connector:
        wanted = list(connector.list(f"{top}/swapped"))
        answers = connector.digests((each, SHA256) for each in wanted)
        found = [next(answers)]
        rig.path(f"{top}/{level}").rename(rig.path(f"{top}/{level}").with_name("away"))
        rig.path(f"{top}/{level}").symlink_to(rig.path(f"{top}/decoy/{level}"))
        found += answers
        assert len(found) == len(wanted)
        kinds = Counter(type(outcome) for _, outcome in found)
        assert kinds.keys() <= {Digests, InProgress, Unsupported}
        assert kinds[Unsupported] > 1_000, "files that come later are refused for what they are"
        assert all(outcome == sha256(b"real") for _, outcome in found if isinstance(outcome, Digests))
        assert all(isinstance(outcome, Unsupported) for outcome in outcomes(connector, wanted[0].key, wanted[-1].key).values())
        with pytest.raises(Unsupported):
            content(connector, wanted[0].key)


def test_a_root_that_goes_away_is_unreachable_not_missing(tmp_path: Path) -> None:
    with SshServer(tmp_path) as server:
        put_many(server, "root/folder", 500)
        with connector_of(server, root=str(server.root / "root")) as connector:
            answers = connector.digests((each, SHA256) for each in list(connector.list()))
            found = [next(answers)]
            (server.root / "root").rename(server.root / "away")
            found += answers
    assert len(found) == 500
    kinds = Counter(type(outcome) for _, outcome in found)
    assert kinds.keys() <= {Digests, InProgress, Unreachable}
    assert kinds[Unreachable] > 100


def test_a_file_that_was_just_written_rests_while_others_are_read(rig: SftpRig) -> None:
    put_many(rig.server, "resting/small", 20)
    with rig.connector() as connector:
        wanted = ["resting/large", *keys(connector, "resting/small")]
        time.sleep(1 - time.time() % 1)  # the second that it was written in has just begun
        rig.path("resting/large").write_bytes(bytes(MIB))
        started = time.monotonic()
        order = [each.key for each, outcome in connector.digests((entry(key), SHA256) for key in wanted) if isinstance(outcome, Digests)]
        took = time.monotonic() - started
    assert len(order) == 21
    assert order[-1] == "resting/large"
    assert 0.5 < took < 2 + BUSY


# Memory


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a process's memory is read from /proc")
def test_many_large_files_cost_little_memory(rig: SftpRig) -> None:
    for number in range(64):
        put(rig.server, f"memory/{number:02d}", b"")
        os.truncate(rig.path(f"memory/{number:02d}"), 4 * MIB)
        os.utime(rig.path(f"memory/{number:02d}"), LONG_AGO)
    most = 0
    with rig.connector(seconds=120) as connector:
        before = resident()
        for _, outcome in connector.digests((each, SHA256) for each in list(connector.list("memory"))):
            assert outcome == sha256(bytes(4 * MIB))
            most = max(most, resident() - before)
    assert most < 8 * sftp_pipeline.BYTES
