"""What the estate says of notices, and what is wrong in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from drcheck.estate.load import load_estate
from tests.estate.examples import GOOD, options_of, problems_of

SMTP = '[notices.smtp]\nhost = "smtp.example.org"\nfrom = "drcheck@example.org"\nto = ["it@example.org"]\n'


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    file = tmp_path / "estate.toml"
    file.write_text(f'{GOOD}{SMTP}[notices.ping]\nurl = "env:PING"\n')
    notices = load_estate(file, options_of).notices
    assert notices is not None
    assert (notices.to, notices.digest, notices.day, notices.every.total_seconds()) == ((), "weekly", "monday", 86_400)
    assert notices.smtp is not None
    assert (notices.smtp.where, notices.smtp.security) == (("smtp.example.org", 587), "starttls")
    assert notices.ping is not None
    assert notices.ping.success == "examined"


@pytest.mark.parametrize(
    ("written", "key", "said"),
    [
        (f'{SMTP}security = "none"\n', "notices.smtp", "sends notices over the network for all to read"),
        (f'{SMTP}username = "drcheck"\n', "notices.smtp", "username and password come together"),
        (f'{SMTP}username = "drcheck"\npassword = "hunter2"\n', "notices.smtp.password", "a secret is never written into this file"),
        (SMTP.replace('["it@example.org"]', "[]"), "notices.smtp.to", "must have at least one entry"),
        (SMTP.replace('["it@example.org"]', '["a@b.c", "a@b.c"]'), "notices.smtp", "named twice"),
        (SMTP.replace("it@", "It <it@>"), "notices.smtp.to[0]", "without a display name"),
        (SMTP.replace("it@example", "it@example.org\\r\\nBcc: x@example"), "notices.smtp.to[0]", "without a display name"),
        (SMTP.replace("smtp.example.org", "smtp.example.org:25/x"), "notices.smtp.host", "the port stands in"),
        ('[notices]\nto = ["env:A", "env:A"]\n', "notices", "named twice"),
        ('[notices]\nevery = "0s"\n', "notices.every", "longer than nothing"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, written: str, key: str, said: str) -> None:
    (problem,) = problems_of(tmp_path, GOOD + written)
    assert problem.key == key
    assert said in problem.message


def test_nothing_is_encrypted_on_this_machine_or_where_somebody_says_so(tmp_path: Path) -> None:
    for host in ("localhost", "127.0.0.1", "::1"):
        assert problems_of(tmp_path, GOOD + SMTP.replace("smtp.example.org", host) + 'security = "none"\n') == ()
    assert problems_of(tmp_path, GOOD + SMTP + 'security = "none"\ninsecure = true\n') == ()


@pytest.mark.parametrize("written", ['[notices.ping]\nurl = "{}"\n', '[notices]\nto = ["{}"]\n', '[notices]\nto = "{}"\n', '[notices]\nurl = "{}"\n'])
def test_an_address_that_is_a_secret_is_refused_and_not_repeated(tmp_path: Path, written: str) -> None:
    problems = problems_of(tmp_path, GOOD + written.format("https://hc-ping.example/c0ffee-0123"))
    assert problems
    assert "c0ffee" not in "".join(map(str, problems))
