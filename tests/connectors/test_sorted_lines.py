"""Sorting on disk: any names, any order, any number of runs."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drcheck.connectors import sorted_lines
from drcheck.connectors.sorted_lines import SortedLines

NAMES = st.binary(max_size=12) | st.sampled_from([b"\\", b"\\t", b"\t", b"\n", b"\\n", b"a\\\tb", b"", b"\xff"])
WORDS = st.binary(max_size=8).filter(lambda words: b"\n" not in words)


def settled(rows: list[tuple[bytes, bytes]]) -> SortedLines:
    lines = SortedLines()
    for name, words in rows:
        lines.add(name, words)
    lines.settle()
    return lines


@settings(deadline=None)
@given(st.lists(st.tuples(NAMES, WORDS), max_size=60), NAMES, st.sampled_from([1, 400, 10**6]))
def test_rows_come_in_order_from_any_name_on(rows: list[tuple[bytes, bytes]], start: bytes, run: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorted_lines, "RUN_BYTES", run)
        patch.setattr(sorted_lines, "_INDEX", 3)
        patch.setattr(sorted_lines, "_BLOCK", 16)
        lines = settled(rows)
        assert list(lines.from_name(b"")) == sorted(rows)
        assert list(lines.from_name(start)) == [row for row in sorted(rows) if row[0] >= start]
        assert lines.count == len(rows)
        lines.close()
        lines.close()
        assert list(lines.from_name(b"")) == []


def test_several_may_read_at_once() -> None:
    rows = [(b"%06d" % number, b"w" * 20) for number in range(20_000)]
    lines = settled(rows)
    seen: list[int] = []
    threads = [threading.Thread(target=lambda at=at: seen.append(len(list(lines.from_name(b"%06d" % at))))) for at in (0, 5_000, 19_999)]
    for thread in threads:
        thread.start()
    one, other = lines.from_name(b""), lines.from_name(b"010000")
    assert [next(one)[0], next(other)[0], next(one)[0]] == [b"000000", b"010000", b"000001"]
    for thread in threads:
        thread.join(60)
    assert sorted(seen) == [1, 15_000, 20_000]
    lines.close()


def test_it_can_be_stopped_while_it_sorts() -> None:
    lines = SortedLines()
    for number in range(10):
        lines.add(b"%d" % number, b"")

    def stop() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        lines.settle(stop)
    lines.close()
