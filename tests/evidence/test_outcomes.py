"""A stranger's record, chain or pack takes no more memory than one of ours of its length, by a few times."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from drcheck.errors import BadPack, EvidenceError
from drcheck.evidence import contents
from drcheck.evidence import verify as verifying
from drcheck.evidence.allowed_signers import load_allowed_signers
from drcheck.evidence.chain_check import LONGEST_LINK, read_chain
from drcheck.evidence.outcomes import count
from drcheck.evidence.verify import Trust, verify
from drcheck.record import assessment_to_record
from tests.cli.inside import drcheck
from tests.evidence.conftest import PRINCIPAL, Made
from tests.evidence.test_chain_check import LINES, chained, link
from tests.reports.sample import hospital

MANY = 1 << 20
CROWDED: dict[str, bytes] = {
    "lists": b'{"findings":[' + b"[]," * MANY + b"1]}",
    "objects": b'{"findings":[' + b"{}," * MANY + b"1]}",
    "kept objects": b'{"findings":[' + b'{"exit_code":1},' * (MANY // 4) + b"1]}",
    "numbers": b'{"findings":[' + b"1.5," * MANY + b"1]}",
    "texts": b'{"findings":[' + b'"\\"a",' * (MANY // 4) + b'""]}',
    "no end of a text": b'{"findings":[' + b"[]," * MANY + b'"x',
}


def peak(work: Callable[[], object]) -> int:
    """The most bytes that it took."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("content", CROWDED.values(), ids=CROWDED.keys())
def test_a_document_of_nothing_but_values_is_refused_before_it_is_read(content: bytes) -> None:
    def work() -> None:
        with pytest.raises(ValueError, match="more values than"):
            count(content)

    assert peak(work) < 8 << 20


def test_names_of_whatever_marks_do_not_make_a_record_a_strangers() -> None:
    record = json.loads(assessment_to_record(hospital()))
    counted = count(json.dumps(record).encode())
    record["notes"] = ['[{,\\"' * 100] * 10_000
    content = json.dumps(record).encode()
    assert len(content) > 4 * MANY
    assert count(content).told == counted.told


def test_a_chain_is_read_line_by_line_up_to_what_is_wrong() -> None:
    def refused(content: bytes, said: str) -> None:
        with pytest.raises(ValueError, match=said):
            read_chain(content, "x")

    lists, lines = b"[" + b"[]," * (4 * MANY) + b"1]\n", LINES + b"\n" * (16 * MANY)
    assert peak(lambda: refused(lists, "line 1: has more than")) < 4 << 20
    assert peak(lambda: refused(lines, "line 4: is not JSON")) < 4 << 20
    papers = tuple((f"{number:07}", "") for number in range(LONGEST_LINK // 40))
    refused(LINES + link(4, chained(3)[-1].digest, papers=papers).canonical() + b"\n", "line 4: names a paper without its SHA-256")


@pytest.mark.program("ssh-keygen")
def test_findings_that_are_too_many_to_be_counted_again_are_a_doubt_and_no_fault(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    trust = Trust(load_allowed_signers(made.allowed), (PRINCIPAL,))
    assert verify(made.pack, trust).exit_code == 0
    for name in ("data/record.json", "data/assessment.json"):
        with monkeypatch.context() as patch:
            patch.setitem(contents._LOOKED_INTO, name, 100)
            found = verify(made.pack, trust)
            assert (found.exit_code, found.problems) == (11, [])
            (doubt,) = found.doubts
            assert doubt.startswith(f"{name}: larger than what is looked into, so its findings were not counted again")
            said = drcheck("evidence", "verify", made.pack, "--allowed-signers", made.allowed, "--principal", PRINCIPAL, cwd=made.folder)
            assert (said.returncode, "sound, as far as could be determined" in said.stdout) == (11, True)
            assert ": findings not counted\n  head sha256:" in said.stdout
            assert "of a REHEARSAL was not seen" in said.stdout
            read = contents.read_contents(made.pack)
            with pytest.raises(BadPack, match=f"{name}: has more than 100 bytes, and is not looked into"):
                read.file(name)
    monkeypatch.setitem(contents._LOOKED_INTO, "data/chain.jsonl", 100)
    assert verify(made.pack, trust).exit_code == 10


def test_what_there_is_no_memory_for_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(verifying, "read_contents", greedy)
    with pytest.raises(EvidenceError, match="than what this machine has memory for, so nothing is known of it") as refused:
        verify(tmp_path)
    assert refused.value.exit_code == 12
    assert not isinstance(refused.value, BadPack)
