"""Names that tell a time: a pattern such as `backup-%Y%m%dT%H%M%SZ`, and the moment that a name written by it means."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

# Every field has one width (or, for %z, no value that begins another), so that all names of one moment begin alike and are listed together.
_FIELDS = {
    "Y": "[0-9]{4}",
    "y": "[0-9]{2}",
    "m": "[0-9]{2}",
    "b": "(?i:" + "|".join(MONTHS) + ")",
    "d": "[0-9]{2}",
    "j": "[0-9]{3}",
    "H": "[0-9]{2}",
    "M": "[0-9]{2}",
    "S": "[0-9]{2}",
    "f": "[0-9]{6}",
    "z": "(?:Z|[+-][0-9]{2}:?[0-9]{2})",
    "s": "[0-9]{10}",
}
_TOKEN = re.compile(r"%(?P<field>.)|(?P<free>\*)|(?P<text>[^%*]+)|(?P<lone>%)", re.DOTALL)
_MOST_FREE_PARTS = 2
_DATES = ({"Y", "m", "d"}, {"Y", "b", "d"}, {"Y", "j"}, {"y", "m", "d"}, {"y", "b", "d"}, {"y", "j"})


def time_zone(name: str) -> tzinfo:
    """
    The zone with this IANA name, or UTC.

    Raises:
        ValueError: nobody knows such a zone.
    """
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f'{name!r} is not a time zone that this machine knows; write "UTC" or an IANA name such as "Europe/London"') from None


class NamePattern:
    """
    How names tell their time.

    Fields are written as in strptime: `%Y %y %m %b %d %j %H %M %S %f %z %s %%`, in fixed width (`%b` is the English abbreviation, `%s` the Unix
    time in ten digits). A field that appears twice must have the same value in both places. `*` stands for any characters but `/`.

    Attributes:
        levels: how many directory levels the names span.
        free: whether the pattern has a `*`.
        scattered: whether a `*` precedes a field, so that names of one moment need not be listed together.
    """

    def __init__(self, text: str, zone: tzinfo = UTC) -> None:
        """Raises ValueError where the text is no pattern that tells at least a day; the message says what is."""
        if not text or text.startswith("/") or text.endswith("/") or not {"", ".", ".."}.isdisjoint(text.split("/")):
            raise ValueError(f"{text!r} is not a relative name without empty, . or .. parts")
        self.text = text
        self.zone = zone
        self.levels = text.count("/") + 1
        self._expression, fields, self.free, self.scattered = _compiled(text)
        _check_fields(text, fields)

    def read(self, name: str) -> tuple[str, datetime] | None:
        """
        The identity and the moment (UTC) that `name` tells; None where the name does not follow the pattern or its date does not exist.

        The identity is the name with `*` in place of its free parts. A local time that a zone has twice, or not at all, means the earlier of the
        two moments that it can mean: a backup is never taken for newer than it is.
        """
        match = self._expression.fullmatch(name)
        if match is None:
            return None
        moment = _moment({key: value for key, value in match.groupdict().items() if len(key) == 1}, self.zone)
        if moment is None:
            return None
        if self.free:
            for key in sorted((key for key in match.groupdict() if len(key) > 1), reverse=True):
                start, end = match.span(key)
                name = f"{name[:start]}*{name[end:]}"
        return name, moment


def _compiled(text: str) -> tuple[re.Pattern[str], set[str], bool, bool]:
    parts: list[str] = []
    fields: set[str] = set()
    free = 0
    scattered = False
    for token in _TOKEN.finditer(text):
        if token["text"]:
            parts.append(re.escape(token["text"]))
        elif token["free"]:
            parts.append(f"(?P<free{free}>[^/]*)")
            free += 1
        elif token["field"] == "%":
            parts.append("%")
        elif token["field"] in _FIELDS:
            field = token["field"]
            scattered = scattered or free > 0
            parts.append(f"(?P={field})" if field in fields else f"(?P<{field}>{_FIELDS[field]})")
            fields.add(field)
        else:
            raise ValueError(
                f"{token[0]!r} in {text!r} is not a field; known: {' '.join('%' + field for field in _FIELDS)} and %% for a percent sign"
            )
    if free > _MOST_FREE_PARTS:
        raise ValueError(f"{text!r} has {free} free parts (*); at most {_MOST_FREE_PARTS} can be told apart")
    return re.compile("".join(parts), re.DOTALL), fields, free > 0, scattered


def _check_fields(text: str, fields: set[str]) -> None:
    days = fields - {"H", "M", "S", "f", "z"}
    if days == {"s"}:
        if fields != {"s"}:
            raise ValueError(f"{text!r} gives the Unix time (%s) and other fields too; one of them is enough")
        return
    if days not in _DATES:
        raise ValueError(f"{text!r} does not tell one day: it needs a year (%Y) with month and day (%m %d) or the day of the year (%j), or %s alone")
    for field, needed in (("M", "H"), ("S", "M"), ("f", "S"), ("z", "H")):
        if field in fields and needed not in fields:
            raise ValueError(f"{text!r} has %{field} without %{needed}")


def _moment(values: dict[str, str], zone: tzinfo) -> datetime | None:
    try:
        if "s" in values:
            return datetime.fromtimestamp(int(values["s"]), UTC)
        day = _day(values)
        naive = datetime(  # noqa: DTZ001 - the zone is put on below, in both its readings
            day.year, day.month, day.day, int(values.get("H", 0)), int(values.get("M", 0)), int(values.get("S", 0)), int(values.get("f", 0))
        )
        if "z" in values:
            return naive.replace(tzinfo=_offset(values["z"])).astimezone(UTC)
        if zone is UTC:
            return naive.replace(tzinfo=UTC)
        return min(naive.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    except (ValueError, OverflowError):
        return None


def _day(values: dict[str, str]) -> date:
    # %y: 69 to 99 mean 1969 to 1999 (POSIX strptime).
    year = int(values["Y"]) if "Y" in values else int(values["y"]) + (1900 if int(values["y"]) >= 69 else 2000)
    if "j" in values:
        day = date(year, 1, 1) + timedelta(days=int(values["j"]) - 1)
        if day.year != year:
            raise ValueError("the year has no such day")
        return day
    month = int(values["m"]) if "m" in values else MONTHS.index(values["b"].lower()) + 1
    return date(year, month, int(values["d"]))


def _offset(text: str) -> tzinfo:
    if text == "Z":
        return UTC
    digits = text[1:].replace(":", "")
    length = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-length if text[0] == "-" else length)
