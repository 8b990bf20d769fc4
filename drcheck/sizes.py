"""Numbers of bytes, and of bytes a second, as people write them."""

from __future__ import annotations

import re
from fractions import Fraction

BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
"""Units of bytes by powers of 1024 (IEC 80000-13), smallest first."""

_BYTES = {unit: 1024**power for power, unit in enumerate(BINARY)} | {
    unit: 1000**power for power, units in enumerate((("kB", "KB"), ("MB",), ("GB",), ("TB",), ("PB",), ("EB",)), 1) for unit in units
}
_BITS = {"bit": 1, "kbit": 1000, "Mbit": 1000**2, "Gbit": 1000**3, "Tbit": 1000**4}
# ASCII digits only: `\d` would also take the digits of other scripts.
_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]+)")
_MOST = 2**63 - 1  # what a database and a file system can count


def parse_size(text: str) -> int:
    """
    The bytes that `text` names, rounded to a whole one: `500GiB`, `1.5 TB`, `64 KiB`, `100B`.

    kB, MB, GB … are powers of 1000 and KiB, MiB, GiB … powers of 1024. A number without a unit is refused, and so are `M` and `mb`, which one program
    takes for 1000² bytes, another for 1024² and a third for bits.

    Raises:
        ValueError: the text is not such a size; the message says what is.
    """
    size = round(_amount(text, text, _BYTES, "a size; write a number and a unit, such as 500GiB, 64KiB or 1.5TB"))
    if size > _MOST:
        raise ValueError(f"{text!r} is more than drcheck can count")
    return size


def parse_rate(text: str) -> float:
    """
    The bytes a second that `text` names: `50MiB/s`, `50 MB/s`, `400Mbit/s`. Bytes as in `parse_size`; bits by powers of 1000, as of networks.

    Raises:
        ValueError: the text is not such a rate; the message says what is.
    """
    what = "a rate; write a number, a unit and /s, such as 50MiB/s, 50MB/s or 400Mbit/s"
    amount, slash, second = text.strip().partition("/")
    if not slash or second != "s":
        raise ValueError(f"{text!r} is not {what}")
    rate = _amount(text, amount, _BYTES | {unit: Fraction(bits, 8) for unit, bits in _BITS.items()}, what)
    if rate > _MOST:
        raise ValueError(f"{text!r} is more than drcheck can count")
    return float(rate)


def format_size(size: int) -> str:
    """Bytes in the largest unit of 1024 that leaves a number of at least one, to one decimal, such as `1.5 GiB`; `parse_size` reads it back."""
    number = float(size)
    for unit in BINARY[:-1]:
        # 1023.95 would be shown as 1024.0.
        if abs(number) < 1023.95:
            return f"{size} B" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} {BINARY[-1]}"


def _amount(text: str, amount: str, units: dict[str, int] | dict[str, int | Fraction], what: str) -> Fraction:
    # As a fraction: a float does not hold every number of bytes from 8 PiB on. Python refuses to read numbers of thousands of digits.
    found = _AMOUNT.fullmatch(amount.strip())
    if found is None or found[2] not in units or len(found[1]) > 40:
        raise ValueError(f"{text!r} is not {what}")
    return Fraction(found[1]) * units[found[2]]
