"""
One page: a template filled in, with its style and its script inside, that asks no network for anything.

Whatever a template shows is made printable and then escaped, without the template doing anything for it: what came from outside cannot be markup, end
a line or turn the direction of writing. The page's Content-Security-Policy names the digests of its own style and script and allows nothing else, so
even markup that got in could run nothing and load nothing.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

from drcheck.model import printable
from drcheck.reports.wrapping import shorten_words

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_POLICY = "default-src 'none'; style-src {style}; script-src {script}; img-src data:; base-uri 'none'; form-action 'none'"
"""Content Security Policy Level 3 (W3C); `data:` is for the empty icon that keeps a browser from asking for one."""


def page(template: str, styles: Sequence[str], script: str = "", *, longest_word: int = 0, **values: Any) -> str:
    """
    The template called `template` with these values, and with the named styles and script (none where empty) inside.

    Args:
        longest_word: to how many columns each word is shortened, for a reader that is slow with long ones; 0 leaves all as they are.
    """
    from markupsafe import Markup

    css, js = "".join(map(_packaged, styles)), _packaged(script) if script else ""
    policy = _POLICY.format(style=_source(css), script=_source(js))
    filled = _environment(longest_word).get_template(template).render(style=Markup(css), script=Markup(js), policy=policy, **values)  # noqa: S704  our own files
    return filled.rstrip("\n") + "\n"


def _packaged(name: str) -> str:
    return resources.files("drcheck.reports.templates").joinpath(name).read_text(encoding="utf-8")


def _source(text: str) -> str:
    """How a policy names an inline style or script: by its digest."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" if text else "'none'"


@functools.cache
def _environment(longest_word: int) -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("drcheck.reports"),
        autoescape=True,
        finalize=functools.partial(_shown, longest_word),
        keep_trailing_newline=True,
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["lines"] = functools.partial(_lines, longest_word)
    return environment


def _lines(longest_word: int, parts: Iterable[str]) -> Markup:
    """Texts below each other."""
    from markupsafe import Markup

    return Markup("<br>").join(_fitted(longest_word, part) for part in parts)


def _fitted(longest_word: int, text: str) -> str:
    safe = printable(text)
    return shorten_words(safe, longest_word) if longest_word and len(safe) > longest_word else safe


def _shown(longest_word: int, value: object) -> object:
    """A value as it is shown, before it is escaped; what is markup already is our own."""
    if hasattr(value, "__html__"):
        return value
    if value is None:
        raise TypeError("a template would show None; say in words what is not known")
    return _fitted(longest_word, str(value))
