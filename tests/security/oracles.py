"""What a report must be whatever names stand in it: well-formed, and of the same shape as with harmless names."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

from markdown_it import MarkdownIt

from tests.reports.plugin_output import read

NOT_SHOWN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Cn"})
"""Unicode categories of characters that act on a screen or a reader instead of being shown."""
Shape = Any
"""What two reports have in common that differ in names only; compared with `==`."""


def shown(text: str, ends: str = "\n") -> None:
    """Every character is one that is shown; lines end as they should."""
    text.encode("utf-8")
    acting = {hex(ord(character)) for character in text.replace(ends, "") if unicodedata.category(character) in NOT_SHOWN}
    assert not acting, acting


# Each oracle returns the shape of a report, or fails.


def of_csv(text: str) -> Shape:
    shown(text, "\r\n")
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    for row in rows:
        for cell in row:
            bare = cell.strip().lstrip("\u200b\ufeff")
            assert not unicodedata.normalize("NFKC", bare).startswith(("=", "+", "-", "@")), cell
    return [len(row) for row in rows]


def of_json(text: str) -> Shape:
    shown(text)
    return _shape(json.loads(text, object_pairs_hook=_unrepeated, parse_constant=_refused))


def of_json_lines(text: str) -> Shape:
    shown(text)
    return [of_json(line) for line in text.splitlines()]


def of_xml(text: str) -> Shape:
    shown(text)
    assert "<!" not in text, "neither a document type nor CDATA, which somebody could end"
    return [(element.tag, sorted(element.attrib), len(element)) for element in ElementTree.fromstring(text).iter()]


def of_markdown(text: str) -> Shape:
    shown(text)
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    assert not [token for token in inline if token.type in ("link_open", "image")], "a name became a link or an image"
    assert {token.content for token in (*tokens, *inline) if token.type.startswith("html")} <= {"<br>"}
    # What GitHub and its like make links and mentions of stands in code.
    plain = " ".join(child.content for child in inline if child.type == "text")
    assert not re.search(r"://|www\.|(?<!\w)@\w", plain, re.IGNORECASE), plain
    return [token.type for token in tokens]


def of_plugin(text: str) -> Shape:
    shown(text)
    found = read(text)
    return found.service, found.state, sorted(found.measures.items()), text.count("|"), len(text.splitlines())


_SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (-?[0-9.e+-]+|NaN|[+-]Inf)')


def of_exposition(text: str) -> Shape:
    shown(text)
    found: list[Shape] = []
    for line in text.splitlines():
        if line.startswith("# "):
            assert line.split(" ")[1] in ("HELP", "TYPE", "EOF"), line
            found.append(line.split(" ")[2] if " " in line[2:] else line)
            continue
        match = _SAMPLE.fullmatch(line)
        assert match, line
        found.append((match[1], re.findall(r'([a-z_]+)="', re.sub(r'"(?:[^"\\]|\\.)*"', '""', match[2] or "")), match[3]))
    return found


class _Page(HTMLParser):
    """The tags of a page, and what stands in the elements whose content is code."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[tuple[str, tuple[str, ...]]] = set()
        self.code: list[str] = []
        self.counts: dict[str, int] = {}
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add((tag, tuple(sorted(given))))
        self.counts[tag] = self.counts.get(tag, 0) + 1
        assert not [name for name in given if name.startswith("on") or name in ("srcdoc", "formaction", "action", "background")], given
        for name in ("href", "src", "xlink:href"):
            value = given.get(name)
            assert value is None or re.match(r"#|https?://|data:,$|data:image/", value), value
        if tag in ("script", "style"):
            self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = "" if tag == self._inside else self._inside

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.code.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"a processing instruction: {data}")


def of_html(text: str) -> Shape:
    shown(text)
    page = _Page()
    page.feed(text)
    page.close()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy, "the page says what it may load"
    assert "default-src" in policy[1]
    once = {tag: page.counts.get(tag, 0) for tag in ("script", "style", "iframe", "object", "embed", "form", "base", "meta", "link", "svg", "img")}
    return page.tags, page.code, once, policy[1]


def of_terminal(text: str) -> Shape:
    shown(text)
    return None


def of_pdf(content: bytes) -> Shape:
    from pypdf import PdfReader

    found = PdfReader(io.BytesIO(content), strict=True)
    root: Any = found.trailer["/Root"]
    assert "/OpenAction" not in root
    for page in found.pages:
        for annotation in page.get("/Annots") or ():
            action = annotation.get_object().get("/A") or {}
            assert action.get("/S") in (None, "/URI", "/GoTo"), action
            assert re.match(r"https?://|$", str(action.get("/URI") or "")), action
    return None


ORACLES: Mapping[str, Callable[[Any], Shape]] = {
    "csv": of_csv,
    "html": of_html,
    "json": of_json,
    "junit": of_xml,
    "markdown": of_markdown,
    "nagios": of_plugin,
    "ocsf": of_json,
    "oscal": of_json,
    "pdf": of_pdf,
    "prometheus": of_exposition,
    "sarif": of_json,
    "statement": of_html,
    "table": of_terminal,
}
"""By format."""


def _shape(value: Any) -> Shape:
    if isinstance(value, dict):
        return {key: _shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_shape(one) for one in value]
    return "text" if isinstance(value, str) else value


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({key for key, _ in pairs}) == len(pairs), "a key twice: readers differ in which they believe"
    return dict(pairs)


def _refused(name: str) -> Iterator[None]:
    raise AssertionError(f"{name} is not JSON")
