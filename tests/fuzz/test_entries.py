"""Every entry of the fuzzers, with a few hundred inputs each: bytes, words put together, and good inputs that were damaged."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.__main__ import main
from tests.fuzz.entries import ENTRIES
from tests.fuzz.entry import Entry, TooSlow

Edit = tuple[int, int, bytes]
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


def inputs(entry: Entry) -> st.SearchStrategy[bytes]:
    """Inputs for an entry."""
    put = st.binary(max_size=4) | (st.sampled_from(entry.words) if entry.words else st.nothing())
    edits = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 12), put), max_size=6)
    return st.one_of(
        st.binary(max_size=300),
        st.lists(put, max_size=25).map(b"".join),
        st.builds(damaged, st.sampled_from(entry.seeds), edits),
    )


def damaged(seed: bytes, edits: list[Edit]) -> bytes:
    """The seed with some bytes taken out and others put in."""
    for place, count, put in edits:
        at = place % (len(seed) + 1)
        seed = seed[:at] + put + seed[at + count :]
    return seed


by_name = pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)


FOUND = [
    ("report", b'{"worker":"w","calls":[],"answers":[],"ended":[["a",1]]}'),
    ("report", b"[" * 20_000),
    ("task", b'{"objects":' + b"[" * 20_000),
    ("known-hosts", b"*" * 104 + b"k ssh-ed25519 AAAA"),
    ("s3-page", b"<?xml version='1.0' encoding='utf-77'?><ListBucketResult/>"),
    ("s3-page", b"<?xml version='1.0' encoding='shift_jis'?><ListBucketResult/>"),
    ("s3-answer", b"\x00\x0a"),
    ("s3-answer", b"\x01\x04"),
    ("s3-answer", b"\x07\x00x-amz-object-lock-retain-until-date:,31"),
    ("s3-answer", b"\x07\x00x-amz-object-lock-mode:GOVERNANCE\nx-amz-object-lock-retain-until-date:--1"),
    ("mounts", b"9" * 5_000 + b" 35 98:0 /mnt1 /mnt2 rw - ext3 /dev/root rw"),
    ("run-of-objects", b"zrun1"),
]
"""What broke an entry once. The first byte of an answer chooses the question, the second its status."""


@pytest.mark.parametrize(("name", "data"), FOUND, ids=[f"{name} {data[:20]!r}" for name, data in FOUND])
def test_what_broke_an_entry_once_does_so_no_more(name: str, data: bytes) -> None:
    ENTRIES[name](data)


@by_name
def test_whatever_comes_nothing_but_what_is_documented_is_raised(entry: Entry) -> None:
    @settings(max_examples=120, deadline=None, suppress_health_check=_SLOW)
    @given(inputs(entry))
    def every(data: bytes) -> None:
        entry(data)

    every()


@by_name
def test_the_seeds_are_taken(entry: Entry) -> None:
    assert entry.seeds
    for seed in entry.seeds:
        entry(seed)


@by_name
def test_long_inputs_take_no_longer_than_they_should(entry: Entry) -> None:
    for unit in (*entry.words[:12], b"a", b"(", b"[", b"\\", b" ", b"\n"):
        entry(unit * (20_000 // len(unit)))
        entry(entry.seeds[0] + unit * (4_000 // len(unit)))


def test_an_entry_notices_a_defect_and_a_parser_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    def fragile(data: bytes) -> None:
        if b"\xff" in data:
            raise IndexError("a defect")

    with pytest.raises(IndexError):
        Entry("fragile", fragile, (b"",))(b"a\xff")
    monkeypatch.setattr("tests.fuzz.entry.SECONDS", -1.0)
    with pytest.raises(TooSlow, match="fragile: 1 bytes took"):
        Entry("fragile", fragile, (b"",))(b"a")


def test_without_atheris_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("tests.fuzz.__main__.find_spec", lambda _: None)
    assert main([]) == 2
    assert "nothing was fuzzed" in capsys.readouterr().err
    assert main(["--list"]) == 0
    assert capsys.readouterr().out.split() == list(ENTRIES)
