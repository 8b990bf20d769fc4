"""A real cluster: a scheduler and workers in processes of their own, with TLS, of which one is killed in the middle."""

from __future__ import annotations

import base64
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
import distributed
import pytest

from drcheck.connectors.base import Entry
from drcheck.demo.servers import SftpServer
from drcheck.digests import Digests
from drcheck.errors import ConnectorError, NotThere, TimedOut, Unreachable, Unsupported, Untrusted
from drcheck.verify.engines.cluster import Cluster
from drcheck.verify.engines.dask import DaskEngine
from drcheck.verify.engines.local import LocalEngine
from tests.verify.engines.certificates import Authority
from tests.verify.engines.dask_cluster import DaskCluster
from tests.verify.engines.sites import ODD, Place, estate_at, fill, plain

CANARY = "cAnArY-of-a-worker-/+&%7!"
OBJECTS = 20_000
NOTHING = Entry("nothing", 1, datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """Workers of the north, of the south, of both, and of no site."""
    with DaskCluster(tmp_path_factory.mktemp("dask")) as started:
        started.start("north", "north", environment={"NAS_PASSWORD": CANARY})
        started.start("south", "south")
        started.start("both", "north", "south", environment={"NAS_PASSWORD": CANARY})
        started.start("none")
        started.ready()
        yield started


def reached(cluster: DaskCluster, authority: Authority | None = None) -> Cluster:
    """The cluster as a user names it, with the certificates of its own authority or of another."""
    known = authority or cluster.authority
    return Cluster(cluster.scheduler, known.ca, known.cert, known.key)


@pytest.fixture
def engine(cluster: DaskCluster) -> Iterator[DaskEngine]:
    """The engine on that cluster."""
    with DaskEngine(reached(cluster)) as opened:
        yield opened


@pytest.fixture
def watcher(cluster: DaskCluster) -> Iterator[distributed.Client]:
    """A client of our own, to ask the scheduler with."""
    known = cluster.authority
    security = distributed.Security(
        require_encryption=True, tls_ca_file=str(known.ca), tls_client_cert=str(known.cert), tls_client_key=str(known.key)
    )
    with distributed.Client(cluster.scheduler, security=security, set_as_default=False) as client:
        yield client


def test_a_secret_is_resolved_by_the_worker_and_in_no_task(
    engine: DaskEngine, cluster: DaskCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "served", 20)
    server = SftpServer(tmp_path / "served", CANARY)
    options = {
        "host": "127.0.0.1",
        "port": server.port,
        "user": "drcheck",
        "root": "/",
        "host_key": server.fingerprint,
        "password": "env:NAS_PASSWORD",
    }
    estate = estate_at(tmp_path, {"north": options})
    tasks: list[bytes] = []
    submit = distributed.Client.submit

    def spied(self: distributed.Client, *arguments: Any, **more: Any) -> Any:
        tasks.append(cloudpickle.dumps((arguments, more)))
        return submit(self, *arguments, **more)

    monkeypatch.setattr(distributed.Client, "submit", spied)
    place = Place(estate, "north")  # not opened: this process has no password
    wanted = [Entry(f"000000/{number:06d}.dat", 1, None) for number in range(19)]
    answers = dict(place.read(engine, wanted))
    server.stop()
    assert {type(answer) for answer in answers.values()} == {Digests}, answers
    assert len(answers) == 19
    assert len(tasks) == 1
    told = tasks[0].decode("latin-1") + "".join(map(cluster.log, ("scheduler", *cluster.workers)))
    assert "env:NAS_PASSWORD" in told
    forms = (CANARY, CANARY[-12:], CANARY.encode().hex(), base64.b64encode(CANARY.encode()).decode().rstrip("="))
    assert not [form for form in forms if form in told]


def test_a_secret_that_a_worker_lacks_is_its_answer(engine: DaskEngine, tmp_path: Path) -> None:
    options = {"host": "127.0.0.1", "port": 9, "user": "drcheck", "root": "/", "host_key": "SHA256:" + "A" * 43, "password": "env:NAS_SECRET"}
    place = Place(estate_at(tmp_path, {"south": options}), "south")
    ((_, answer),) = place.read(engine, [NOTHING])
    assert isinstance(answer, ConnectorError)
    assert answer.reason == "no-credentials"
    assert "env:NAS_SECRET" in str(answer)
    assert "process " in str(answer)  # which worker lacks it


def test_a_site_without_workers_is_unreachable_after_a_while_and_others_are_read(cluster: DaskCluster, tmp_path: Path) -> None:
    estate = estate_at(tmp_path)
    fill(tmp_path / "south", 5)
    with DaskEngine(reached(cluster), patience=1.0) as engine, Place(estate, "south") as south:
        answers = list(Place(estate, "west").read(engine, [NOTHING, NOTHING]))
        assert [type(answer) for _, answer in answers] == [Unreachable, Unreachable]
        assert "site:west" in str(answers[0][1])
        assert '--resources "site:west=1"' in str(answers[0][1])
        assert {type(answer) for _, answer in south.read(engine, south.connector.list())} == {Digests}


def test_a_deadline_holds_while_workers_are_waited_for(engine: DaskEngine, tmp_path: Path) -> None:
    place = Place(estate_at(tmp_path), "west", seconds=0.5)
    assert [type(answer) for _, answer in place.read(engine, [NOTHING])] == [TimedOut]


def test_a_scheduler_that_is_not_there_is_unreachable(cluster: DaskCluster, tmp_path: Path) -> None:
    known = cluster.authority
    with DaskEngine(Cluster("tls://127.0.0.1:9", known.ca, known.cert, known.key), connect=1.0) as engine:
        ((_, answer),) = Place(estate_at(tmp_path), "north").read(engine, [NOTHING])
    assert isinstance(answer, Unreachable)
    assert "tls://127.0.0.1:9 cannot be reached" in str(answer)


def test_closing_it_ends_what_waits_in_another_thread(cluster: DaskCluster, tmp_path: Path) -> None:
    place, answers = Place(estate_at(tmp_path), "west"), list[object]()
    engine = DaskEngine(reached(cluster))
    thread = threading.Thread(target=lambda: answers.extend(answer for _, answer in place.read(engine, [NOTHING])), daemon=True)
    thread.start()
    time.sleep(0.5)  # it is connected, or about to be
    engine.close()
    engine.close()
    thread.join(60)
    assert [type(answer) for answer in answers] == [Unreachable]


def test_what_is_wanted_may_end_in_an_error_after_what_came_before_it(engine: DaskEngine, tmp_path: Path) -> None:
    estate = estate_at(tmp_path)
    fill(tmp_path / "north", 3)

    def listed() -> Iterator[Entry]:
        yield Entry(ODD, 3, None)
        raise Unreachable("the listing broke off")

    with Place(estate, "north") as place:
        answers = place.read(engine, listed())
        assert isinstance(next(answers)[1], Digests)
        with pytest.raises(Unreachable, match="broke off"):
            next(answers)


def test_nothing_wanted_asks_nobody(engine: DaskEngine, tmp_path: Path) -> None:
    assert list(Place(estate_at(tmp_path), "west").read(engine, [])) == []


def test_an_estate_that_was_changed_is_not_given_to_workers(engine: DaskEngine, tmp_path: Path) -> None:
    estate = estate_at(tmp_path)
    with estate.file.open("a") as opened:
        opened.write("# later\n")
    ((_, answer),) = Place(estate, "north").read(engine, [NOTHING])
    assert isinstance(answer, Unsupported)
    assert "was changed" in str(answer)


@pytest.mark.parametrize("side", ["both", "ours", "theirs"])
def test_a_scheduler_of_another_authority_is_not_trusted(cluster: DaskCluster, tmp_path: Path, side: str) -> None:
    mine, other = cluster.authority, Authority(tmp_path / "other")
    shown = mine if side == "theirs" else other
    known = mine if side == "ours" else other
    place = Place(estate_at(tmp_path), "north")
    with DaskEngine(Cluster(cluster.scheduler, known.ca, shown.cert, shown.key), connect=10.0) as engine:
        answers = list(place.read(engine, [NOTHING, NOTHING]))
    assert [type(answer) for _, answer in answers] == [Untrusted, Untrusted]
    assert cluster.scheduler in str(answers[0][1])


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_and_doubles_no_result(
    engine: DaskEngine, watcher: distributed.Client, cluster: DaskCluster, tmp_path: Path
) -> None:
    estate = estate_at(tmp_path)
    for site in ("north", "south"):
        fill(tmp_path / site, OBJECTS // 2)
    with Place(estate, "north") as north, Place(estate, "south") as south, LocalEngine() as local:
        wanted = {place: list(place.connector.list()) for place in (north, south)}
        for site in ("north", "south"):
            (tmp_path / site / "000000" / "000007.dat").unlink()  # listed, and gone
        expected = {place: {entry.key: plain(answer) for entry, answer in place.read(local, wanted[place])} for place in wanted}
        for place in wanted:
            place.subjects.clear()

        answers: dict[Place, list[tuple[str, object]]] = {place: [] for place in wanted}
        readings = {place: place.read(engine, wanted[place]) for place in wanted}
        lost: list[object] = []
        while readings:
            for place, reading in list(readings.items()):
                answered = next(reading, None)
                if answered is None:
                    del readings[place]
                else:
                    answers[place].append((answered[0].key, plain(answered[1])))
            done = sum(map(len, answers.values()))
            if not lost and done > OBJECTS // 3 and done % 500 == 0:
                lost = killed(cluster, watcher, "both")
                half = done
        assert lost, "the worker was never found at work"
        assert OBJECTS // 3 < half < OBJECTS * 2 // 3
        for place in wanted:
            assert set(Counter(key for key, _ in answers[place]).values()) == {1}
            assert dict(answers[place]) == expected[place]
            assert len(answers[place]) == OBJECTS // 2
            assert [key for key, answer in answers[place] if not isinstance(answer, Digests)] == ["000000/000007.dat"]
            assert dict(answers[place])["000000/000007.dat"][0] is NotThere  # type: ignore[index]
        assert {"north"} <= workers_of(north, cluster) <= {"north", "both"}
        assert {"south"} <= workers_of(south, cluster) <= {"south", "both"}


def killed(cluster: DaskCluster, watcher: distributed.Client, name: str) -> list[object]:
    """The tasks that a worker was killed with; where it had none it lives on."""
    (address,) = (address for address, worker in watcher.scheduler_info()["workers"].items() if worker["name"] == name)
    cluster.signal(name, signal.SIGSTOP)
    time.sleep(0.2)  # what it had sent before has arrived
    tasks = list(watcher.processing(workers=[address])[address])
    cluster.signal(name, signal.SIGKILL if tasks else signal.SIGCONT)
    return tasks


def workers_of(place: Place, cluster: DaskCluster) -> set[str]:
    """The names of the workers that read anything of a target, as the log of its calls has them."""
    names = {f"process {process.pid} on": name for name, process in cluster.workers.items()}
    return {names[" ".join(subject.rsplit(" by ", 1)[1].split(" ")[:3])] for subject in place.subjects if " by process " in subject}


def test_a_scheduler_that_is_lost_ends_in_an_error_for_each_object(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    estate = estate_at(tmp_path)
    with DaskCluster(tmp_path / "cluster") as short, DaskEngine(reached(short), patience=1.0, connect=2.0) as engine:
        answers = list(Place(estate, "west", seconds=120).read(engine, listed_until(short)))
        assert [type(answer) for _, answer in answers] == [Unreachable, Unreachable]
        assert short.scheduler in str(answers[0][1])


def listed_until(cluster: DaskCluster) -> Iterator[Entry]:
    """One object; the scheduler ends before the next is known."""
    yield NOTHING
    cluster.stop_scheduler()
    yield NOTHING
