"""The page: harmless whatever the names, honest about what is unknown, whole in its links, and bounded."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drcheck.model import Assessment, Night, Outcome, Past, SubjectKind
from drcheck.reports import ReportOptions
from drcheck.reports.html import values
from drcheck.reports.html_chart import NONE, columns
from drcheck.reports.html_controls import ControlLinks
from drcheck.reports.html_limits import PAPER, SCREEN
from drcheck.reports.html_matrix import matrices
from drcheck.reports.html_page import page
from drcheck.reports.html_problems import problems
from drcheck.reports.html_tally import Tally
from drcheck.reports.html_trend import MOST_DAYS, trend
from tests import strategies
from tests.reports import sample
from tests.reports.large import large
from tests.reports.rendering import text_of

HARD = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
_TAGS = """
html head meta link title style script body header main footer section nav form fieldset legend label input output article details summary
h1 h2 h3 h4 p ul ol li table thead tbody tr th td colgroup col div span strong small b bdi br a svg g line rect text
"""
TAGS = frozenset(_TAGS.split())
_ATTRIBUTES = """
lang charset http-equiv content name rel href class id aria-label aria-labelledby aria-live aria-hidden role hidden type autocomplete placeholder
value checked tabindex scope open data-result data-label data-sort colspan viewbox width height x y x1 x2 y1 y2 dy fill stroke stroke-width
text-anchor transform
"""
ATTRIBUTES = frozenset(_ATTRIBUTES.split())


class Parsed(HTMLParser):
    """What a browser would see of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.texts: list[str] = []
        self.contents: dict[str, str] = {}
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self._inside = tag
        for name, value in attrs:
            self.attributes.add(name)
            if name == "id":
                self.ids.append(value or "")
            elif name == "href":
                self.links.append(value or "")
            elif name in ("src", "action", "style") or name.startswith("on"):
                self.sources.append(f"{tag} {name}")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("style", "script"):
            self.contents[self._inside] = data
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        """Everything that is shown."""
        return " ".join(" ".join(self.texts).split())


def harmless(text: str) -> Parsed:
    """The page, once it is seen that nothing in it is more than text."""
    parsed = Parsed(text)
    assert set(parsed.tags) <= TAGS, set(parsed.tags) - TAGS
    assert parsed.attributes <= ATTRIBUTES, parsed.attributes - ATTRIBUTES
    assert parsed.sources == []
    assert parsed.tags["script"] <= 1
    assert parsed.tags["style"] == 1
    assert all(link.startswith(("#", "https://")) or link == "data:," for link in parsed.links)
    return parsed


@pytest.mark.parametrize("format_", ["html", "statement"])
def test_no_assessment_can_put_more_than_text_into_a_page(format_: str) -> None:
    @HARD
    @given(strategies.assessments())
    def every(assessment: Assessment) -> None:
        harmless(text_of(assessment, format_, past=sample.past_of_hospital()))

    every()


def test_the_policy_of_a_page_names_its_own_style_and_script_and_nothing_else() -> None:
    for format_, parts in (("html", ("style", "script")), ("statement", ("style",))):
        text = text_of(sample.hospital(), format_)
        parsed = harmless(text)
        policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
        assert policy is not None
        named = dict(part.strip().split(" ", 1) for part in policy[1].replace("&#39;", "'").split(";"))
        assert named["default-src"] == "'none'"
        for part in ("style", "script"):
            digest = base64.b64encode(hashlib.sha256(parsed.contents.get(part, "").encode()).digest()).decode()
            assert named[f"{part}-src"] == (f"'sha256-{digest}'" if part in parts else "'none'")


@pytest.mark.parametrize("make", [sample.hospital, sample.rehearsal, sample.good, sample.nothing, lambda: large(90)])
def test_every_link_leads_somewhere_and_no_place_has_two(make: object) -> None:
    assert callable(make)
    for past in (None, sample.past_of_hospital()):
        parsed = harmless(text_of(make(), "html", past=past))
        assert [name for name, count in Counter(parsed.ids).items() if count > 1] == []
        assert {link[1:] for link in parsed.links if link.startswith("#")} <= set(parsed.ids)


def test_hostile_names_are_shown_and_never_obeyed() -> None:
    text = harmless(text_of(sample.hospital(), "html")).text
    assert r"\x1b[2J\x1b]0;owned\x07\u202egpj.exe\x0a=HYPERLINK" in text
    assert "<script>alert(1)</script>" in text


def test_only_a_link_that_is_one_becomes_one() -> None:
    given_ = sample.hospital()
    for url in ("javascript:alert(1)", "http://plain.example", "HTTPS://x", "data:text/html,x"):
        changed = replace(given_, policies=(replace(given_.policies[0], url=url),))
        parsed = harmless(text_of(changed, "html"))
        assert url not in parsed.links
        assert url in parsed.text
    assert "https://www.ncsc.example/offline" in harmless(text_of(given_, "html")).links


@pytest.mark.parametrize(
    ("make", "answer"),
    [
        (sample.hospital, "Are we safe? No. Something that must hold does not."),
        (sample.nothing, "Are we safe? That is not known."),
        (sample.good, "Are we safe? Yes, as far as the policies below ask."),
    ],
)
def test_the_first_screen_answers(make: object, answer: str) -> None:
    assert callable(make)
    text = harmless(text_of(make(), "html")).text
    assert answer in text
    assert text.index(answer) < text.index("What is wrong, and what is not known")


def test_what_was_accepted_does_not_make_it_safe() -> None:
    given_ = sample.hospital()
    text = text_of(replace(given_, findings=tuple(one for one in given_.findings if one.waiver or one.outcome is Outcome.PASS)), "html")
    assert "<title>PASS but for 1 waived finding: " in text
    assert '<section class="answer waived"' in text
    assert "Are we safe? Yes" not in harmless(text).text
    assert "Are we safe? Not in everything." in harmless(text).text


def test_what_the_page_is_not_stands_first() -> None:
    text = text_of(sample.rehearsal(), "html")
    body = text[text.index("<body>") :]
    assert body.index("Judged as of 2026-03-31T06:00:00Z, not now. REHEARSAL") < body.index("<h1>")


def test_counts_and_words_are_those_of_the_assessment() -> None:
    given_ = sample.hospital()
    text = text_of(given_, "html")
    for outcome, count in given_.counts().items():
        assert re.search(rf'<li class="tile {outcome}( zero)?"><a href="#[a-z]+"><b>{count}</b>', text), outcome
    parsed = harmless(text)
    for words in (
        "1 waived",
        "A. Person",
        "2026-04-30",
        "tape library arrives in April",
        "list_objects_v2 × 12",
        "did not answer",
        "sha256:11",
        "ab" * 32,
    ):
        assert words in parsed.text, words
    assert "production counts = no" in parsed.text
    assert "copies = 2" in parsed.text


def test_what_is_unknown_never_looks_like_a_pass() -> None:
    text = text_of(sample.hospital(), "html")
    row = next(part for part in text.split("<tr data-result=") if '"row"><bdi>pathology@offsite-sftp<' in part)
    assert row.startswith('"unknown"')
    assert "badge unknown" in row
    assert "pass" not in row.split("</tr>")[0]
    unjudged = next(part for part in text.split("<tr data-result=") if '"row"><bdi>pathology@onsite<' in part)
    assert "not judged" in unjudged
    assert "pass" not in unjudged.split("</tr>")[0]


@HARD
@given(strategies.assessments())
def test_every_finding_that_is_no_pass_belongs_to_a_problem_with_its_subject(assessment: Assessment) -> None:
    links = ControlLinks(assessment.policies)
    found = problems(assessment, links, None, SCREEN.in_full)
    open_ = [one for one in assessment.findings if one.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE)]
    for one in open_:
        problem = found.all[found.numbers[one.policy, one.control, one.subject]]
        assert one.subject in problem.row.subjects


def test_a_cell_is_the_worst_of_a_system_and_its_copies() -> None:
    given_ = large(90, packs=1, controls=3)
    links = ControlLinks(given_.policies)
    (table,) = matrices(given_, links, Tally(given_, problems(given_, links, None, SCREEN.in_full).numbers), SCREEN)
    rows = {name: row for row in table.rows for name in row.names}
    worst: dict[tuple[str, str], set[Outcome]] = {}
    for one in given_.findings:
        system = one.subject.id.partition("@")[0]
        worst.setdefault((system, one.control), set()).add(one.outcome)
    order = (Outcome.FAIL, Outcome.UNKNOWN, Outcome.PASS)
    for (system, control), outcomes in worst.items():
        place = [link.name for link in table.controls].index(control)
        assert rows[system].cells[place].result == next(outcome for outcome in order if outcome in outcomes)
    assert len(rows) == 90
    assert len(table.rows) < 60, "rows that are alike are told together"
    assert sum(count for _, count in table.counts) == 90


def test_what_a_large_page_leaves_out_is_counted_and_said() -> None:
    given_ = large(30)
    small = replace(SCREEN, problems=3, in_full=1, cells=20, sparse=2, copies=4, good_copies=5, targets=1, passed_with_facts=0, passed_named=0)
    text = page("page.html", ("page.css",), "page.js", **values(given_, ReportOptions(), small))
    shown = harmless(text).text
    assert "The first 3 are shown; the HTML page and the JSON report have all." in shown
    assert "The first 1 are shown with their facts and clauses, the others without" in shown
    assert len(re.findall('<article class="problem fail"', text)) == 3
    assert "more rows are not shown here" in shown
    assert "more copies of which something is open are not shown here" in shown
    assert "Their names and facts are left out here." in shown
    assert "copies at target-0" in shown
    rows = len(re.findall(r'<tr data-result="[a-z-]+"><th scope="row"><bdi>system-\d+@', text))
    counted = sum(int(count) for count in re.findall(r"</bdi>: (\d+) more, the newest", text))
    left_out = re.search(r"(\d+) more copies of which", shown)
    assert left_out is not None
    assert rows + counted + int(left_out[1]) == 90


def test_paper_is_bounded_whatever_the_estate() -> None:
    given_ = large(120, packs=1, controls=2, failing=1)
    text = page("page.html", ("page.css", "paper.css"), "", **values(given_, ReportOptions(), PAPER))
    shown = harmless(text).text
    assert "The first 200 are shown; the HTML page and the JSON report have all." in shown
    assert "The first 40 are shown with their facts and clauses" in shown
    assert "<script" not in text
    assert len(text) < 700_000


def test_a_page_names_each_copy_that_is_not_well_however_many_there_are() -> None:
    given_ = large(400)
    text = text_of(given_, "html")
    for one in given_.findings:
        if one.outcome is not Outcome.PASS and one.subject.kind is SubjectKind.COPY:
            assert f">{one.subject.id}<" in text


def test_what_changed_is_told_with_since_when() -> None:
    text = harmless(text_of(sample.hospital(), "html", past=sample.past_of_hospital())).text
    assert "1 worse or not known any more, 1 mended, 1 not judged any more, 5 open as they were." in text
    assert "imaging@offsite-s3 : pass → FAIL ( checksums )" in text
    assert "imaging@onsite : UNKNOWN → pass" in text
    assert "· since 2026-02-20T06:00:00Z" in text
    assert re.search(r"critical new imaging@offsite-s3", text)
    assert "since what is new" not in text


def test_without_a_store_nothing_is_said_to_be_new() -> None:
    text = harmless(text_of(sample.hospital(), "html")).text
    assert "No store was asked for earlier nights" in text
    assert " new " not in text.replace("what is new is not known", "").replace("new recovery", "")
    first = harmless(text_of(sample.hospital(), "html", past=Past())).text
    assert "No earlier night is known." in first


def test_days_without_a_night_are_seen_and_old_nights_are_counted() -> None:
    past = sample.past_of_hospital()
    found = trend(sample.hospital(), past)
    assert found.missing == ("2026-02-19 to 2026-02-20 (2 days)",)
    assert len(found.nights) == len(past.nights) + 1
    assert found.nights[0].run == sample.hospital().run.id
    assert [name for name, _ in found.charts] == ["fail", "error", "unknown"]
    assert all(svg.count(NONE) == 2 for _, svg in found.charts)
    feet = {text: {float(y) for y in re.findall(rf' y="([\d.]+)"[^>]*>{text}<', found.charts[0][1])} for text in (NONE, "2026-03-01")}
    assert max(feet[NONE]) < min(feet["2026-03-01"]), "no cross stands in the line of the names of days"

    def night(day: int) -> Night:
        return replace(past.nights[0], run=f"old-{day}", reference=sample.AT - timedelta(days=day))

    many = trend(sample.hospital(), Past(tuple(night(day) for day in range(100, 0, -1))))
    assert len(many.nights) == MOST_DAYS
    assert many.earlier == 100 + 1 - MOST_DAYS


def test_a_day_without_a_number_keeps_its_name() -> None:
    svg = columns("fail", ["2026-03-01", "2026-03-02", "2026-03-03"], [1, None, 2], "#b3261e")
    assert re.findall(r">(2026-[^<]*|×)<", svg) == ["2026-03-01", NONE, "2026-03-02", "2026-03-03"]


@HARD
@given(st.lists(st.one_of(st.none(), st.integers(0, 10**9)), max_size=70).filter(any))
def test_a_chart_is_shapes_only(numbers: list[int | None]) -> None:
    svg = columns("fail", [f"day-{place}" for place in range(len(numbers))], numbers, "#b3261e")
    parsed = Parsed(svg)
    assert set(parsed.tags) <= {"svg", "g", "line", "rect", "text"}
    assert parsed.attributes <= ATTRIBUTES
    assert svg.count(NONE) == numbers.count(None)
    assert parsed.tags["rect"] <= len(numbers)
    assert len(svg) < 40_000
