"""Names that mean harm, and an assessment in which every name is one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any, TypeVar

from drcheck.model import Assessment
from tests.reports import sample

T = TypeVar("T")

MARKS: Mapping[str, str] = {
    "everything": sample.HOSTILE,
    "osc 8 link": "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
    "ansi and c1": "\x1b[31m\x1b[2J\x9b2J\x9d0;owned\x9c\x85",
    "backspace": "good\b\b\b\bevil\r",
    "bidi": "\u202e\u2066evil\u2069\u200f",
    "zero width": "a\u200b\u200c\u200d\u2060\ufeffb\U000e0041",
    "nul": "a\0b",
    "lone surrogates": "\ud800\udfff\udc80\udcff",
    "very long": "x" * 6000,
    "long without a break in another script": "\u0e01" * 3000,
    "formula after a tab": "\t=1+1",
    "formula after a return": "\r=1+1",
    "formula after a line end": "\n=cmd|'/C calc'!A0",
    "formula": "=1+1",
    "plus": "+1",
    "minus": "-2+3",
    "at": "@SUM(1+1)*cmd|' /C calc'!A0",
    "wide formula": "\uff1d1+1",
    "formula after a blank that is none": "\u00a0=1+1",
    "script": "<script>alert(1)</script>",
    "end of a script": "</script><script>alert(1)</script>",
    "handler": "<img src=x onerror=alert(1)>",
    "out of an attribute": '"><svg/onload=alert(1)>',
    "out of a quoted attribute": "' onmouseover='alert(1)' x='",
    "style": "</style><style>@import 'http://evil.example';</style>",
    "comment": "<!-- --> <![CDATA[ ]]> <?php ?>",
    "address": "javascript:alert(1)//",
    "data address": "data:text/html,<script>alert(1)</script>",
    "markdown": "[x](javascript:alert(1)) ![i](http://evil.example/i.png) <http://evil.example> **b** # t\n\n- l\n\n```\n",
    "reference": "[x]: http://evil.example",
    "template": "{{1337*7331}}{% raw %}${1337*7331}#{1337*7331}<%= 1337*7331 %>{{''.__class__}}",
    "format": "%s%n%d {0} {name!r} $HOME `id` $(id)",
    "perfdata": "| critical=1;2;3 'x'=5 |",
    "label": 'x"} 1\nevil_metric{a="b',
    "backslash": "\\\\\\",
    "backslash and quote": '\\"',
    "json": '"},{"outcome":"pass"},{"x":"',
    "not xml": "\ufffe\uffff\x0b\x0c\x1f\U0001ffff",
    "line ends": "\u2028\u2029\x85\x0b\x0c\r\n",
    "escaped once": "&lt;script&gt;alert(1)&#60;/script&#62;&amp;",
    "path": "../../../../etc/passwd",
    "private use": "\ue000\U0010ffff",
}
"""Each begins whatever text it is put before."""

_PLAIN = {"target", "system", "id", "copies"}
"""Fields with ids that an estate may hold only where they are plain."""


def marked(assessment: Assessment, mark: str) -> Assessment:
    """The assessment with `mark` before every text in it that anybody could choose, equal texts staying equal."""
    return changed(assessment, lambda text: mark + text)


def changed(value: T, change: Callable[[str], str], name: str = "") -> T:
    """The same with every text changed that is neither empty nor a word of drcheck's own."""
    found: Any = value
    match value:
        case Enum() | None | bool() | int() | float() | datetime() | date() | timedelta():
            pass
        case str():
            found = change(value) if value and name not in _PLAIN else value
        case tuple():
            found = tuple(changed(one, change, name) for one in value)
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {field.name: changed(getattr(value, field.name), change, field.name) for field in dataclasses.fields(value)}
            found = dataclasses.replace(value, **fields)
        case _:
            raise TypeError(f"{type(value).__name__} in an assessment")
    return found  # type: ignore[no-any-return]
