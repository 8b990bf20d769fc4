"""
Charts as SVG that can stand inside a page.

leather (https://leather.readthedocs.io) computes scales and shapes; it is small, depends on nothing and writes neither scripts nor styles. pygal
knows more kinds of charts, puts a hook into Python's import machinery, and loads what else is installed as its plugins. Of what leather draws only
shapes are taken over, with attributes that are known to be harmless and numbers that are as short as they can be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_WIDTH, _HEIGHT = 960, 220
_MARGIN = 48
"""leather leaves so much on every side, for a title that the page has elsewhere."""
_TOP, _BOTTOM = _MARGIN - 12, 18
_NUMBERS = ("x", "y", "width", "height", "x1", "x2", "y1", "y2")
_OTHERS = ("transform", "dy", "fill", "stroke", "stroke-width", "text-anchor")
_INK = "#1b1c20"
"""Of texts, where whatever draws them does not heed the page's style, as a program that lays out paper."""
_LABELS = 8
"""About so many days are named below the columns."""
NONE = "×"
"""Stands where there is no number, where a column would: below, it would run into the names of days."""
_FOOT = 98
"""Where a text ends that stands on the axis."""


def columns(name: str, labels: Sequence[str], numbers: Sequence[int | None], fill: str) -> str:
    """A column for each label as an SVG element of the class `chart` and `chart-` with the name; a cross for a label that has no number; one has."""
    from leather import Chart

    most = max((number for number in numbers if number is not None), default=0) or 1
    chart = Chart()
    chart.add_y_scale(0, most)
    chart.add_y_axis(ticks=[0, most])
    chart.add_columns(list(zip(labels, numbers, strict=True)), fill_color=fill)
    named = range(len(labels) - 1, -1, -max(1, -(-len(labels) // _LABELS)))
    shown = {*(labels[place] for place in named), "0", str(most)}
    none = {label for label, number in zip(labels, numbers, strict=True) if number is None}
    shapes = "".join(_shapes(chart.to_svg_group(_WIDTH, _HEIGHT), shown, none))
    size = f'viewBox="0 {_TOP} {_WIDTH} {_HEIGHT - _TOP - _BOTTOM}" width="{_WIDTH}" height="{_HEIGHT - _TOP - _BOTTOM}"'
    return f'<svg {size} role="img" aria-label={quoteattr(f"{name} on each day")} class="chart chart-{name}">{shapes}</svg>'


def _shapes(element: Element, shown: Collection[str], none: Collection[str]) -> Iterator[str]:
    """An element and what is in it, but no background; of texts those that are to be shown, and a cross for a day that has no number."""
    text = (element.text or "").strip()
    attributes = {name: f"{float(element.get(name, '')):.1f}".removesuffix(".0") for name in _NUMBERS if element.get(name)}
    if element.tag == "text":
        if text in none:
            yield f'<text x="{attributes["x"]}" y="{_FOOT}" fill="{_INK}" text-anchor="middle">{NONE}</text>'
        if text not in shown:
            return
    elif element.tag not in ("g", "line", "rect") or element.get("width") == str(_WIDTH):
        return
    attributes |= {name: element.get(name, "") for name in _OTHERS if element.get(name)} | ({"fill": _INK} if element.tag == "text" else {})
    inner = escape(text) if element.tag == "text" else "".join(part for child in element for part in _shapes(child, shown, none))
    yield f"<{element.tag}" + "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items()) + (">" if inner else "/>")
    if inner:
        yield f"{inner}</{element.tag}>"
