"""A secret written into a file is refused, and no message repeats it."""

from __future__ import annotations

from pathlib import Path

import pytest

from drcheck.estate.inline_secrets import giveaway, inline_secrets, may_be_secret
from tests.estate.examples import problems_of, replaced

CANARY = "hunter2-correct-horse"
# Put together here, so that no scanner takes this file for a leak.
AWS = "AKIA" + "ABCDEFGHIJ234567"
PEM = "-----BEGIN OPENSSH " + "PRIVATE KEY-----"
URL = "https://user:" + CANARY + "@example.org/x"


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('"env:VAULT"', f'"{CANARY}"', "targets[1] (vault).options.password"),
        ('"env:VAULT"', f'["{CANARY}"]', "targets[1] (vault).options.password"),
        ('host = "nas.example"', f'host = "x", secret_key = "{CANARY}"', "targets[0] (nas).options.secret_key"),
        ('host = "nas.example"', f'host = "x", API-Token = "{CANARY}"', "targets[0] (nas).options.API-Token"),
        ('host = "nas.example"', f'host = "{URL}"', "targets[0] (nas).options.host"),
        ('host = "nas.example"', f'host = "{AWS}"', "targets[0] (nas).options.host"),
        ('host = "nas.example"', f'host = """{PEM}\n{CANARY}"""', "targets[0] (nas).options.host"),
        ('name = "Away"', f'name = "Away {AWS}"', "sites[1] (away).name"),
        ('id = "vault"', f'id = "{AWS}"', "targets[1] (not shown).id"),
        ('connector = "box"', f'connector = "{URL}"', "targets[0] (nas).connector"),
        ('owner = "CCIO"', f'owner = "CCIO"\npassphrase = "{CANARY}"', "systems[0] (epr).passphrase"),
        ('name = "Away"', f'name = "Away"\n"{URL}" = 1', "sites[1] (away).(a key that is not shown)"),
    ],
)
def test_it_is_refused_where_it_stands_and_not_repeated(tmp_path: Path, old: str, new: str, key: str) -> None:
    problems = problems_of(tmp_path, replaced(old, new))
    assert key in [problem.key for problem in problems]
    said = "\n".join(map(str, problems))
    assert "write a reference instead" in said
    for secret in (CANARY, AWS, PEM):
        assert secret not in said


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('host = "nas.example"', f'host = "x", password = {{ value = "{CANARY}" }}'),
        ('host = "nas.example"', f'host = "x", my_key = "{CANARY}", port = "{CANARY}"'),
        ("production = { site", f'token = {{ value = "{CANARY}" }}\nproduction = {{ site'),
    ],
)
def test_a_value_that_may_be_one_is_not_repeated_by_any_problem(tmp_path: Path, old: str, new: str) -> None:
    problems = problems_of(tmp_path, replaced(old, new))
    assert problems
    assert CANARY not in "\n".join(map(str, problems))


@pytest.mark.parametrize("document", [{"password": 12345}, {"options": {"secret_key": 5.5}}, {"private_key": "abc"}, {"a": [{"token": "x"}]}])
def test_what_is_named_like_a_secret_must_be_a_reference(document: dict[str, object]) -> None:
    assert len(inline_secrets(document)) == 1


@pytest.mark.parametrize(
    "document",
    [
        {"password": "env:NAME"},
        {"password": " file:/etc/key "},
        {"password": ""},
        {"password_file": "/etc/key"},
        {"key_file": "/etc/id_ed25519"},
        {"host_key": "SHA256:abcdef"},
        {"known_hosts": "hosts"},
        {"domains": {"key": ["vault-key"]}},
        {"kms_key_id": "1234"},
        {"url": "https://user@example.org:8080/x"},
        {"url": "see http://example.org:80/mail@example.org"},
        {"credentials": {"profile": "backup"}},
        {"secure": True, "token": False},
    ],
)
def test_what_is_no_secret_is_let_through(document: dict[str, object]) -> None:
    assert inline_secrets(document) == {}


def test_a_failure_domain_called_key_is_not_private() -> None:
    assert not may_be_secret(("sites", 0, "domains", "key"))
    assert may_be_secret(("targets", 0, "options", "kms_key"))
    assert not may_be_secret(("targets", 0, "options", "host_key"))


def test_a_long_text_is_searched_in_time() -> None:
    assert giveaway("a" * 4_000_000 + "://" + ":" * 1_000_000) == ""
