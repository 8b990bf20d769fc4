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

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_POLICY = "default-src 'none'; style-src {style}; script-src {script}; img-src data:; base-uri 'none'; form-action 'none'"
"""Content Security Policy Level 3 (W3C); `data:` is for the empty icon that keeps a browser from asking for one."""


def page(template: str, styles: Sequence[str], script: str = "", **values: Any) -> str:
    """The template called `template` with these values, and with the named styles and script (none where empty) inside."""
    from markupsafe import Markup

    css, js = "".join(map(_packaged, styles)), _packaged(script) if script else ""
    policy = _POLICY.format(style=_source(css), script=_source(js))
    filled = _environment().get_template(template).render(style=Markup(css), script=Markup(js), policy=policy, **values)  # noqa: S704  our own files
    return filled.rstrip("\n") + "\n"


def _packaged(name: str) -> str:
    return resources.files("drcheck.reports.templates").joinpath(name).read_text(encoding="utf-8")


def _source(text: str) -> str:
    """How a policy names an inline style or script: by its digest."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" if text else "'none'"


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("drcheck.reports"),
        autoescape=True,
        finalize=_shown,
        keep_trailing_newline=True,
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["lines"] = _lines
    return environment


def _lines(parts: Iterable[str]) -> Markup:
    """Texts below each other."""
    from markupsafe import Markup

    return Markup("<br>").join(map(printable, parts))


def _shown(value: object) -> object:
    """A value as it is shown, before it is escaped; what is markup already is our own."""
    if hasattr(value, "__html__"):
        return value
    if value is None:
        raise TypeError("a template would show None; say in words what is not known")
    return printable(str(value))
