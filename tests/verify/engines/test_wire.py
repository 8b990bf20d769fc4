"""What goes to a worker and comes back, and how objects are put together for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drcheck import errors
from drcheck.connectors.base import Entry
from drcheck.digests import Digests
from drcheck.errors import ConnectorError, InProgress, Malformed, NotThere, TimedOut, Unreachable
from drcheck.verify.engines import reading
from drcheck.verify.engines.reading import TellingPace, read
from drcheck.verify.engines.shard import BYTES, NAMES, OBJECTS, Shard, shards
from drcheck.verify.engines.wire import Report, Task
from tests.verify.engines.sites import ODD, estate_at, fill

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ConnectorError)]
names = st.text(st.characters(exclude_categories=["Cs"])) | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape"))
entries = st.builds(
    Entry, names, st.integers(0, 1 << 60), st.none() | st.datetimes(timezones=st.just(UTC)), st.text(), st.booleans()
)  # fmt: skip
answers = st.builds(Digests, st.dictionaries(st.text(), st.text()), st.integers(0), st.booleans())


def test_every_kind_of_error_is_tried() -> None:
    assert len(KINDS) == 10


@given(st.lists(st.tuples(entries, st.lists(st.text()).map(tuple))), st.none() | st.floats(0, 1e9), st.none() | st.floats(1, 1e12))
def test_a_task_arrives_as_it_was_sent(wanted: list[tuple[Entry, tuple[str, ...]]], seconds: float | None, rate: float | None) -> None:
    sent = Task("1.2", Path("/etc/estate.toml"), "content = 'é'", "nas", seconds, rate, wanted)
    arrived = Task.from_bytes(sent.to_bytes())
    assert [(entry, tuple(algorithms)) for entry, algorithms in arrived.wanted] == wanted
    assert (arrived.version, arrived.estate, arrived.content, arrived.target) == ("1.2", sent.estate, sent.content, "nas")
    assert (arrived.seconds, arrived.rate) == (seconds, rate)


@given(answers, st.sampled_from(KINDS), st.text())
def test_a_report_arrives_as_it_was_sent_with_an_answer_for_each(digests: Digests, kind: type[ConnectorError], message: str) -> None:
    shard = Shard([(Entry(str(number), 1, None), ("sha256",)) for number in range(4)], 4)
    told = Report("process 1", [("sftp:open", 2)], {0: digests, 2: kind(message)})
    arrived = Report.from_bytes(told.to_bytes(), shard)
    assert arrived.answers[0] == digests
    assert (type(arrived.answers[2]), str(arrived.answers[2])) == (kind, message)
    assert [str(arrived.answers[place]) for place in (1, 3)] == ["process 1 did not say what became of it"] * 2
    assert (arrived.worker, arrived.calls) == ("process 1", [("sftp:open", 2)])
    ended = Report.from_bytes(Report("process 1", [], {0: digests}, kind(message)).to_bytes(), shard)
    assert [(type(ended.answers[place]), str(ended.answers[place])) for place in (1, 2, 3)] == [(kind, f"process 1: {message}")] * 3


def test_a_kind_of_a_plugin_arrives_as_the_nearest_of_ours() -> None:
    class TapeAway(NotThere):
        """What only a plugin knows."""

    shard = Shard([(Entry("a", 1, None), ())], 1)
    arrived = Report.from_bytes(Report("w", [], {0: TapeAway("not in the robot")}).to_bytes(), shard)
    assert type(arrived.answers[0]) is NotThere


@pytest.mark.parametrize("sent", [b"", b"{}", b"[1]", b"null", b'{"worker": "w", "calls": [], "answers": [[0]], "ended": null}', b"\xff"])
def test_what_is_no_report_is_malformed(sent: bytes) -> None:
    with pytest.raises(Malformed, match="report cannot be understood"):
        Report.from_bytes(sent, Shard([(Entry("a", 1, None), ())], 1))


def test_what_is_no_task_is_answered_and_not_raised() -> None:
    report = Report.from_bytes(read(b"{}", lambda _: None), Shard([(Entry("a", 1, None), ())], 1))
    assert isinstance(report.answers[0], Malformed)
    assert "is the same drcheck on the worker" in str(report.answers[0])


def task(folder: Path, version: str = "", target: str = "nas-north", seconds: float | None = 60) -> Task:
    """To read two objects, one of them twice, and one that is gone."""
    estate = estate_at(folder)
    wanted = [(Entry(key, 1, None), ("sha256",)) for key in (ODD, "000000/000000.dat", ODD, "gone")]
    return Task(version or metadata.version("drcheck"), estate.file, estate.file.read_text(), target, seconds, None, wanted)


def test_a_worker_answers_each_object_once_also_one_that_is_asked_for_twice(tmp_path: Path) -> None:
    fill(tmp_path / "north", 3)
    sent = task(tmp_path)
    told: list[int] = []
    report = Report.from_bytes(read(sent.to_bytes(), told.append), Shard(list(sent.wanted), 4))
    assert told[0] == 0  # it has begun
    assert [type(answer) for _, answer in sorted(report.answers.items())] == [Digests, Digests, Digests, NotThere]
    assert report.answers[0] == report.answers[2] != report.answers[1]
    assert dict(report.calls)["local:open"] >= 4


@pytest.mark.parametrize(
    ("more", "kind", "said"),
    [
        ({"version": "0.0.1"}, errors.Unsupported, "asked by drcheck 0.0.1"),
        ({"target": "nas-west"}, Unreachable, "is not there"),
        ({"seconds": 0.0}, TimedOut, "deadline of 0 s"),
    ],
)
def test_what_keeps_a_worker_from_reading_is_the_answer_to_all(
    tmp_path: Path, more: dict[str, object], kind: type[ConnectorError], said: str
) -> None:
    fill(tmp_path / "north", 3)
    sent = task(tmp_path, **more)  # type: ignore[arg-type]
    report = Report.from_bytes(read(sent.to_bytes(), lambda _: None), Shard(list(sent.wanted), 4))
    assert {type(answer) for answer in report.answers.values()} == {kind}
    assert said in str(report.answers[0])
    assert str(report.answers[0]).startswith("process ")


def test_shards_are_filled_by_number_by_bytes_or_by_names() -> None:
    small = [Entry(str(number), 1, None) for number in range(OBJECTS * 2 + 1)]
    assert [len(shard.wanted) for shard in shards((each, ()) for each in small)] == [OBJECTS, OBJECTS, 1]
    large = [Entry("a", BYTES * 3, None), Entry("b", 1, None), Entry("c", BYTES // 2, None), Entry("d", BYTES // 2, None)]
    assert [[entry.key for entry, _ in shard.wanted] for shard in shards((each, ()) for each in large)] == [["a"], ["b", "c"], ["d"]]
    assert [shard.bytes for shard in shards((each, ()) for each in large)] == [BYTES * 3, 1 + BYTES // 2, BYTES // 2]
    long = [Entry("x" * (NAMES // 2), 0, None)] * 3
    assert [len(shard.wanted) for shard in shards((each, ()) for each in long)] == [2, 1]


def test_shards_are_drawn_no_further_than_asked_for_and_keep_what_came_before_an_error() -> None:
    drawn = 0

    def listed() -> Iterator[tuple[Entry, tuple[str, ...]]]:
        nonlocal drawn
        for number in range(OBJECTS + 5):
            drawn += 1
            yield Entry(str(number), 1, datetime(2026, 1, 1, tzinfo=UTC)), ()
        raise InProgress("broke off")

    made = shards(listed())
    assert len(next(made).wanted) == OBJECTS
    assert drawn == OBJECTS + 1
    assert len(next(made).wanted) == 5
    with pytest.raises(InProgress):
        next(made)


def test_signs_of_life_are_few_and_count_every_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    clock = 0.0
    monkeypatch.setattr(reading, "monotonic", lambda: clock)
    pace = TellingPace(None, told.append)
    for _ in range(10):
        clock += reading.TELLING / 4
        pace.add(3)
    assert told == [12, 12]
    assert pace.bytes == 30
