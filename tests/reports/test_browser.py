"""The pages as people meet them: in Chromium, with and without scripts, in light and dark, on a phone, on paper."""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright
from pypdf import PdfReader

from tests.reports import sample
from tests.reports.afternoon import hot_afternoon
from tests.reports.large import large
from tests.reports.rendering import text_of

pytestmark = pytest.mark.program("chromium")

PAGES: dict[str, Callable[[], str]] = {
    "html": lambda: text_of(sample.rehearsal(), "html", past=sample.past_of_hospital()),
    "html-nothing": lambda: text_of(sample.nothing(), "html"),
    "statement": lambda: text_of(sample.hospital(), "statement"),
    "statement-rehearsal": lambda: text_of(sample.rehearsal(), "statement"),
    "statement-afternoon": lambda: text_of(hot_afternoon(), "statement"),
}
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
"""The rules of WCAG 2.2 at level AA, as axe calls them."""
FOCUS = """() => {
  const one = document.activeElement, filter = document.getElementById("filter");
  if (one === document.body) return ["", true, false];
  const box = one.getBoundingClientRect(), bar = filter.getBoundingClientRect();
  const stuck = getComputedStyle(filter).position === "sticky" && bar.top <= 1 && !filter.contains(one);
  const name = (one.textContent || one.getAttribute("aria-label") || one.name || one.id).trim().slice(0, 60);
  return [name, getComputedStyle(one).outlineStyle !== "none", stuck && box.top >= bar.top && box.bottom <= bar.bottom];
}"""
"""What has the focus, whether an outline says so, and whether all of it is behind the filter."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # The sandbox of a browser cannot be had by root in a container, and what is opened here is our own.
        found = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield found
        found.close()


class Visit:
    """One page in a browser that can reach nothing, and everything that it did besides."""

    def __init__(self, context: BrowserContext, file: Path) -> None:
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self._own = file.as_uri()
        context.route("**/*", self._answer)
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.goto(self._own)

    def _answer(self, route: Route) -> None:
        if route.request.url == self._own:
            route.continue_()
        else:
            self.asked.append(route.request.url)
            route.abort()


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Visit]]:
    contexts: list[BrowserContext] = []

    def opened(text: str, **options: Any) -> Visit:
        file = tmp_path / f"page-{len(contexts)}.html"
        file.write_text(text, encoding="utf-8")
        contexts.append(browser.new_context(**options))
        return Visit(contexts[-1], file)

    yield opened
    for context in contexts:
        context.close()


def test_the_browser_would_tell_of_a_request_and_of_a_script_that_is_not_ours(visit: Callable[..., Visit]) -> None:
    loads = visit("<title>x</title><img src='http://127.0.0.1:9/x.png'>")
    loads.page.wait_for_load_state("networkidle")
    assert loads.asked
    text = PAGES["html"]().replace("</main>", "<script>alert(1)</script><img src='http://127.0.0.1:9/x.png' onerror='alert(2)'></main>")
    injected = visit(text)
    injected.page.wait_for_load_state("networkidle")
    assert injected.asked == []
    assert len(injected.complaints) >= 2, injected.complaints
    assert all("Content Security Policy" in complaint for complaint in injected.complaints)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_for_nothing_and_complains_of_nothing(name: str, visit: Callable[..., Visit]) -> None:
    seen = visit(PAGES[name]())
    seen.page.wait_for_load_state("networkidle")
    _open_everything(seen.page)
    assert (seen.asked, seen.complaints) == ([], [])
    assert seen.page.locator("script").count() == (0 if name.startswith("statement") else 1)


def test_axe_would_tell(visit: Callable[..., Visit]) -> None:
    text = PAGES["html"]().replace("Content-Security-Policy", "Nothing").replace("--muted: #585c66", "--muted: #b8bcc6").replace(' lang="en"', "")
    page = visit(text).page
    assert {"color-contrast", "html-has-lang"} <= {found["id"] for found in Axe().run(page).response["violations"]}


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible(name: str, colours: str, visit: Callable[..., Visit]) -> None:
    page = visit(PAGES[name](), color_scheme=colours).page
    _open_everything(page)
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": WCAG}})
    assert found.violations_count == 0, found.generate_report()
    assert len(found.response["passes"]) > 10


@pytest.mark.parametrize("name", PAGES)
def test_nothing_hangs_over_the_edge_of_a_phone(name: str, visit: Callable[..., Visit]) -> None:
    page = visit(PAGES[name](), viewport={"width": 360, "height": 740}).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator("h1").is_visible()


# Where the filter stands beside the page's left edge in one line, in two, and in three.
@pytest.mark.parametrize(("width", "height"), [(1280, 700), (800, 600), (720, 450)])
def test_whatever_has_the_focus_is_seen_to_have_it(width: int, height: int, visit: Callable[..., Visit]) -> None:
    """WCAG 2.4.7 and 2.4.11: an outline, and not behind the filter, whichever way one goes."""
    page = visit(PAGES["html"](), viewport={"width": width, "height": height}).page
    for key in ("Tab", "Shift+Tab"):
        names = []
        for _ in range(200):
            page.keyboard.press(key)
            name, outlined, covered = page.evaluate(FOCUS)
            if not name:
                break
            names.append(name)
            assert outlined, name
            assert not covered, name
        assert len(names) > 50
        assert (names if key == "Tab" else names[::-1])[0] == "Skip to what is wrong"


def test_one_skips_to_what_is_wrong(visit: Callable[..., Visit]) -> None:
    page = visit(PAGES["html"]()).page
    skip = page.get_by_role("link", name="Skip to what is wrong")
    hidden = skip.bounding_box()
    page.keyboard.press("Tab")
    shown = skip.bounding_box()
    assert hidden
    assert shown
    assert (hidden["width"], shown["width"] > 100) == (1, True)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('article.problem').id") == "f-0"


def test_what_matters_is_there_without_scripts(visit: Callable[..., Visit]) -> None:
    page = visit(PAGES["html"](), java_script_enabled=False).page
    assert not page.locator("#filter").is_visible()
    for words in (
        "Are we safe? No.",
        "imaging@offsite-s3",
        "Keep the damaged object for the inquiry",
        "1 of 4 targets did not answer",
        "1 worse or not known any more, 1 mended",
    ):
        assert page.get_by_text(words).first.is_visible(), words
    problem = page.locator("article.problem.fail").first
    facts = problem.locator("table")
    assert not facts.is_visible()
    problem.locator("summary").click()
    assert facts.is_visible()
    assert "10 match, 1 mismatch, 1 missing" in facts.inner_text()
    page.goto(page.url + "#c-0-2")
    clause = page.locator("#c-0-2")
    assert clause.is_visible(), "a link to a clause opens what hides it"
    assert "principle 4" in clause.inner_text()


def test_the_page_is_filtered_by_words_and_results(visit: Callable[..., Visit]) -> None:
    page = visit(PAGES["html"]()).page
    articles = page.locator("article.problem")
    everything = articles.count()
    page.get_by_label("Show only").fill("PATHOLOGY@offsite")
    page.locator("#filter-count:not(:empty)").wait_for()
    shown = articles.locator("visible=true")
    assert [shown.count(), everything] == [1, 5]
    assert "pathology@offsite-sftp" in shown.inner_text()
    assert page.locator("table.copies tbody tr").locator("visible=true").count() == 1
    page.get_by_label("Show only").fill("")
    page.get_by_label("FAIL", exact=True).uncheck()
    assert page.locator("article.problem.fail").locator("visible=true").count() == 0
    assert page.locator("article.problem.unknown").locator("visible=true").count() == 1
    assert "rows fit" in page.locator("#filter-count").inner_text()
    page.get_by_label("FAIL", exact=True).check()
    assert articles.locator("visible=true").count() == everything


def test_copies_are_sorted_by_what_a_column_means(visit: Callable[..., Visit]) -> None:
    page = visit(PAGES["html"]()).page
    head = page.locator("table.copies").get_by_role("button", name="Newest usable")
    names = page.locator("table.copies tbody th")
    head.click()
    assert names.all_inner_texts()[:3] == ["imaging@onsite", "imaging@offsite-s3", "patient-record@second-site"]
    head.click()
    assert names.all_inner_texts()[-1] == "imaging@onsite"
    assert page.locator("table.copies thead th[aria-sort=descending]").inner_text().startswith("Newest usable")


def test_paper_has_the_facts_without_a_click(visit: Callable[..., Visit]) -> None:
    text = _printed(visit(PAGES["html"](), color_scheme="dark").page)
    assert "10 match, 1 mismatch, 1 missing" in text
    assert "Show only" not in text


@pytest.mark.parametrize("name", ["statement", "statement-rehearsal", "statement-afternoon"])
def test_the_statement_of_a_small_estate_is_one_sheet(name: str, visit: Callable[..., Visit]) -> None:
    page = visit(PAGES[name]()).page
    assert len(PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True))).pages) == 1


def test_two_thousand_systems_open_and_are_filtered_at_once(visit: Callable[..., Visit]) -> None:
    text = text_of(large(2_000), "html")
    assert len(text) < 12_000_000
    seen = visit(text)
    shown = seen.page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    print(f"{len(text) / 1e6:.1f} MB, loaded in {shown:.0f} ms")
    assert 0 < shown < 6_000, "2 s is what was promised; three times that where the machine is busy"
    started = time.monotonic()
    seen.page.get_by_label("Show only").fill("system-00017")
    seen.page.locator("#filter-count:not(:empty)").wait_for()
    assert time.monotonic() - started < 15
    assert seen.complaints == []


def _open_everything(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")


def _printed(page: Page) -> str:
    return " ".join(" ".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True))).pages).split())
