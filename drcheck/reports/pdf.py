"""
The page as a PDF, for a file or a board, laid out by WeasyPrint (the extra `pdf`).

It is the HTML page with less of what passed. Nothing outside the page is asked for, whatever the page says; equal input gives equal bytes. This
module cannot be imported where the extra is missing, so that whoever asks for the format is told before any target is looked at.
"""

from __future__ import annotations

import hashlib
import logging
from typing import NoReturn

from drcheck.errors import ConfigError
from drcheck.model import Assessment
from drcheck.reports.base import ReportOptions
from drcheck.reports.html import values
from drcheck.reports.html_limits import PAPER
from drcheck.reports.html_page import page

try:
    from weasyprint import HTML
except ImportError as error:
    raise ConfigError("a report as PDF needs an extra; run: pip install 'drcheck[pdf]'") from error
except OSError as error:
    raise ConfigError(
        f"a report as PDF needs the library Pango, which could not be loaded ({error}); on Debian run: apt-get install libpangoft2-1.0-0"
    ) from error

logging.getLogger("weasyprint").setLevel(logging.ERROR)  # otherwise it tells of each property of the style that is for browsers only
_LONGEST_WORD = 120
"""A word is broken into lines in a time that grows with the square of its length, and whoever writes backups chooses names of any length."""


def pdf(assessment: Assessment, options: ReportOptions) -> bytes:
    """The assessment as a PDF with tags, so that it can be read aloud."""
    text = page("page.html", ("page.css", "paper.css"), longest_word=_LONGEST_WORD, **values(assessment, options, PAPER))
    identifier = hashlib.sha256(text.encode()).digest()[:16]
    made: bytes = HTML(string=text, url_fetcher=_refuse).write_pdf(pdf_identifier=identifier, pdf_tags=True)
    return made


def _refuse(url: str, *_: object, **__: object) -> NoReturn:
    """What would be fetched for the page: nothing."""
    raise ValueError(f"{url}: a report fetches nothing")
