"""CRCs: the published check values, and putting parts together."""

from __future__ import annotations

import sys
import zlib
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drcheck.crc import POLYNOMIALS, Crc, combine, in_python, updater

CHECK = {"crc32": "cbf43926", "crc32c": "e3069283", "crc64nvme": "ae8b14860a799888"}
"""The CRC of the nine bytes `123456789`, as catalogues of CRCs print it."""
ALGORITHMS = st.sampled_from(sorted(POLYNOMIALS))


@pytest.mark.parametrize("algorithm", POLYNOMIALS)
def test_check_values(algorithm: str) -> None:
    crc = Crc(algorithm)
    crc.update(b"1234")
    branch = crc.copy()
    crc.update(memoryview(b"56789"))
    assert crc.hexdigest() == CHECK[algorithm]
    assert branch.hexdigest() == f"{in_python(algorithm)(b'1234', 0):0{len(CHECK[algorithm])}x}"
    assert f"{in_python(algorithm)(b'123456789', 0):x}" == CHECK[algorithm]


@given(ALGORITHMS, st.binary(max_size=600), st.integers(0, 600))
def test_the_library_says_what_the_table_says(algorithm: str, content: bytes, cut: int) -> None:
    pytest.importorskip("awscrt", reason="needs the extra crt")
    update, table = updater(algorithm), in_python(algorithm)
    assert update(memoryview(bytearray(content))[cut:], update(content[:cut], 0)) == table(content, 0)


def test_the_library_is_used_where_it_is_installed() -> None:
    awscrt = pytest.importorskip("awscrt.checksums", reason="needs the extra crt")
    assert [updater(algorithm) for algorithm in ("crc32c", "crc64nvme")] == [awscrt.crc32c, awscrt.crc64nvme]


def test_without_the_library_the_table_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "awscrt.checksums", None)
    updater.cache_clear()
    try:
        assert f"{updater('crc64nvme')(memoryview(b'123456789'), 0):x}" == CHECK["crc64nvme"]
        assert "in_python" in updater("crc32c").__qualname__
    finally:
        updater.cache_clear()


def test_a_release_that_takes_bytes_only_is_given_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    def old(chunk: object, before: int = 0) -> int:
        if not isinstance(chunk, bytes):
            raise TypeError("a bytes-like object is required")
        return in_python("crc32c")(chunk, before)

    monkeypatch.setitem(sys.modules, "awscrt.checksums", SimpleNamespace(crc32c=old))
    updater.cache_clear()
    try:
        assert f"{updater('crc32c')(memoryview(b'123456789'), 0):x}" == CHECK["crc32c"]
    finally:
        updater.cache_clear()


def test_leading_zeros_are_kept() -> None:
    assert Crc("crc64nvme").hexdigest() == "0" * 16


@given(st.binary())
def test_the_table_says_what_zlib_says(content: bytes) -> None:
    assert in_python("crc32")(content, 0) == zlib.crc32(content)


@given(ALGORITHMS, st.lists(st.binary(max_size=200), max_size=6))
def test_parts_put_together_are_the_whole(algorithm: str, parts: list[bytes]) -> None:
    update = updater(algorithm)
    assert combine(algorithm, [(update(part, 0), len(part)) for part in parts]) == update(b"".join(parts), 0)


@given(ALGORITHMS, st.lists(st.binary(min_size=1, max_size=50), min_size=2, max_size=4))
def test_a_changed_part_changes_the_whole(algorithm: str, parts: list[bytes]) -> None:
    update = updater(algorithm)
    damaged = [bytes([parts[0][0] ^ 1]) + parts[0][1:], *parts[1:]]
    assert combine(algorithm, [(update(part, 0), len(part)) for part in damaged]) != update(b"".join(parts), 0)
