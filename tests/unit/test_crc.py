"""CRCs: the published check values, and putting parts together."""

from __future__ import annotations

import zlib

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
