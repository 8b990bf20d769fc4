"""Hostile names through every report there is: parametrised over the table, so that a new format joins by itself."""

from __future__ import annotations

import hashlib
import os
import re
from functools import cache
from pathlib import Path

import pytest

from drcheck.model import Assessment
from drcheck.reports import BUILTIN, ReportOptions, render
from tests.e2e.estates import target, write_estate
from tests.e2e.runs import drcheck
from tests.reports import sample
from tests.security.names import MARKS, marked
from tests.security.oracles import ORACLES, Shape, of_terminal, shown

FORMATS = sorted(BUILTIN)
WIDE = frozenset({"markdown", "table"})
"""Formats that show more when asked to."""

SLOW, SOME = frozenset({"pdf"}), frozenset({"address"})
"""Formats that take seconds to make and are made of another that is looked at whole, and the mark that is tried on them."""


def report(assessment: Assessment, form: str, wide: bool = False) -> str | bytes:
    """A report with what earlier nights say, for those that show it."""
    return render(assessment, form, ReportOptions(wide=wide, past=sample.past_of_hospital()))


def shape(assessment: Assessment, form: str, wide: bool = False) -> Shape:
    """What the oracle of the format makes of a report."""
    made = report(assessment, form, wide)
    if form in ORACLES:
        return ORACLES[form](made)
    # A format without an oracle of its own: at least nothing in it acts.
    return of_terminal(made) if isinstance(made, str) else None


@cache
def harmless(form: str, length: int, wide: bool) -> Shape:
    """The shape of the same report with a word of this length in place of the mark."""
    return shape(marked(sample.hospital(), "n" * length), form, wide)


def test_every_format_has_an_oracle_of_its_own() -> None:
    assert set(FORMATS) <= set(ORACLES)


@pytest.mark.parametrize(("form", "name"), [(form, name) for form in FORMATS for name in MARKS if form not in SLOW or name in SOME])
def test_a_name_is_only_ever_a_name(form: str, name: str) -> None:
    mark = MARKS[name]
    # Names that are long are shortened in some places, which is another shape than that of short ones.
    length = len(mark) if len(mark) > 200 else 60
    for wide in (False, True) if form in WIDE else (False,):
        assert shape(marked(sample.hospital(), mark), form, wide) == harmless(form, length, wide)


@pytest.mark.parametrize("form", [form for form in FORMATS if form not in SLOW])
def test_the_caution_of_a_rehearsal_stands_whatever_the_names(form: str) -> None:
    for name in ("everything", "markdown", "script"):
        shape(marked(sample.rehearsal(), MARKS[name]), form)


@pytest.mark.parametrize("form", [form for form in FORMATS if form not in ("prometheus", "nagios", "pdf")])
def test_what_is_shown_is_the_name_and_not_what_it_would_do(form: str) -> None:
    """A template is not filled in, and an entity not taken for what it names."""
    text = report(marked(sample.hospital(), MARKS["template"]), form, wide=True)
    assert isinstance(text, str)
    assert "1337*7331" in text.replace("\\", "")
    assert str(1337 * 7331) not in text


def test_colour_is_the_only_escape_on_a_terminal() -> None:
    for name in ("everything", "ansi and c1", "osc 8 link", "backspace", "bidi", "line ends"):
        mark = MARKS[name]
        text = render(marked(sample.hospital(), mark), "table", ReportOptions(colour=True, wide=True))
        assert isinstance(text, str)
        shown(re.sub("\x1b\\[[0-9;]*m", "", text))


def test_the_marks_are_in_every_kind_of_place() -> None:
    """The test would be worth nothing if names were not reached."""
    whole = marked(sample.hospital(), "MARK")
    assert whole.estate.name.startswith("MARK")
    assert whole.policies[0].url.startswith("MARK")
    assert all(finding.message.startswith("MARK") for finding in whole.findings)
    assert repr(whole).count("MARK") > 300


@pytest.mark.parametrize(
    ("form", "bad"),
    [
        ("csv", "a,=1+1\r\n"),
        ("csv", 'a,"\xa0=1"\r\n'),
        ("html", '<meta http-equiv="Content-Security-Policy" content="default-src x"><a href="javascript:x">'),
        ("html", '<meta http-equiv="Content-Security-Policy" content="default-src x"><img onerror="x">'),
        ("html", "<p>no policy"),
        ("json", '{"a":1,"a":2}'),
        ("json", '{"a":"\u2028"}'),
        ("junit", "<!DOCTYPE a><a/>"),
        ("markdown", "[a](http://x.example)\n"),
        ("markdown", "<b>a</b>\n"),
        ("markdown", "see www.evil.example\n"),
        ("nagios", "DRCHECK OK - a | b | c\n"),
        ("prometheus", 'a{b="c\n"} 1\n'),
        ("table", "\x1b[2J\n"),
        ("table", "\u202e\n"),
    ],
)
def test_an_oracle_notices(form: str, bad: str) -> None:
    with pytest.raises((AssertionError, ValueError)):
        ORACLES[form](bad)


def test_nothing_that_a_name_holds_reaches_a_terminal(tmp_path: Path) -> None:
    """Real files with such names, one of them damaged, looked at with everything logged."""
    marks = [mark.encode("utf-8", "surrogateescape") for name, mark in MARKS.items() if name not in ("lone surrogates", "path") and len(mark) < 70]
    names = [mark.replace(b"/", b"_").replace(b"\0", b"_") for mark in marks]
    objects = {f"folder/{os.fsdecode(name)}": bytes([number]) for number, name in enumerate(dict.fromkeys(names))}
    (tmp_path / "nas" / "data" / "folder").mkdir(parents=True)
    for key, content in objects.items():
        (tmp_path / "nas" / "data" / key).write_bytes(content)
    sums = "".join(_line(key, content if number else b"other") for number, (key, content) in enumerate(objects.items()))
    (tmp_path / "nas" / "data" / "SHA256SUMS").write_bytes(os.fsencode(sums))
    estate = write_estate(tmp_path, [target("nas", "local", {"root": str(tmp_path / "nas")})])
    for arguments in (("-vv", "check", "--estate", estate), ("-vv", "verify", "--estate", estate), ("-vv", "doctor", "--estate", estate)):
        done = drcheck(*arguments, cwd=tmp_path)
        assert done.code in (0, 10, 11), done.stderr
        shown(done.stdout)
        shown(done.stderr)
    assert done.stderr


def _line(key: str, content: bytes) -> str:
    escaped = key.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if escaped == key else chr(92)}{hashlib.sha256(content).hexdigest()}  {escaped}\n"
