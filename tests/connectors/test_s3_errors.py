"""What the s3 connector says when it is refused, and where its credentials come from; never a secret itself."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from drcheck.connectors.base import Connector, attempt
from drcheck.errors import AccessDenied, ConnectorError, NoCredentials, TimedOut, Unreachable, Unsupported
from tests.busy import BUSY
from tests.connectors.s3_faults import Answer, Asked, answering, proxy, refusal, silent
from tests.connectors.s3_rig import new_bucket, s3_connector
from tests.connectors.seaweed import READER

# Errors in words


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (refusal("InvalidAccessKeyId", 403), AccessDenied, "check access_key"),
        (refusal("SignatureDoesNotMatch", 403), AccessDenied, "check secret_key"),
        (refusal("ExpiredToken", 400), AccessDenied, "renew it"),
        (refusal("RequestTimeTooSkewed", 403), None, ""),
        (refusal("AccessDenied", 403), None, ""),
        (refusal("NoSuchBucket", 404), Unreachable, "does not exist"),
        (refusal("AuthorizationHeaderMalformed", 400), Unreachable, "check region"),
        (refusal("SlowDown", 503), Unreachable, "less often"),
        (refusal("InternalError", 500), Unreachable, "status 500"),
        (refusal("NotImplemented", 501), Unsupported, "does not know this question"),
        (refusal("MethodNotAllowed", 405), Unsupported, "does not know this question"),
        (refusal("Strange\x7f", 400), Unsupported, r"Strange\\x7f"),
        (Answer(403, b"<html>log in</html>"), None, ""),
        (Answer(502, b"bad gateway"), Unreachable, "502"),
        (Answer(200, b"<Error><Code>InternalError</Code></Error>"), Unreachable, "failed"),
    ],
)
def test_refusals_in_words(answer: Answer, kind: type[ConnectorError] | None, says: str) -> None:
    with answering(lambda asked: answer) as url:
        connector = s3_connector(url, "bucket")
        if kind is not None:
            with pytest.raises(kind, match=says):
                connector.open()
            return
        # Refused for the listing alone, perhaps: the connector opens, and each aspect says so by itself.
        with connector, pytest.raises(AccessDenied):
            list(connector.list())


def test_no_message_repeats_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    secrets: dict[str, Any] = {"secret_key": "env:wJalrXUtnFEMI", "session_token": "env:FwoGZXIvYXdzEXAMPLE"}
    answer = refusal("AccessDenied", 403, "you sent wJalrXUtnFEMI and FwoGZXIvYXdzEXAMPLE")
    caplog.set_level(logging.INFO)
    with answering(lambda asked: answer) as url, s3_connector(url, "bucket", **secrets) as connector:
        facts = [attempt(lambda: list(connector.list())), attempt(lambda: connector.stat("key")), attempt(connector.protection)]
    told = "\n".join(str(fact) for fact in facts) + caplog.text
    assert "you sent … and …" in told
    assert "wJalrXUtnFEMI" not in told
    assert "FwoGZXIvYXdzEXAMPLE" not in told


def test_a_role_that_may_not_be_assumed_is_access_denied(moto_endpoint: str) -> None:
    _, name = new_bucket(moto_endpoint)
    with proxy(moto_endpoint, lambda asked: refusal("AccessDenied", 403) if asked.method == "POST" else None) as url:
        connector = s3_connector(url, name, role="arn:aws:iam::123456789012:role/audit")
        with pytest.raises(AccessDenied, match="credentials: refused"):
            connector.open()
    assert dict(connector.calls.counts()) == {"sts:AssumeRole": 1}


def test_a_credential_with_a_line_end_in_it_is_refused_without_being_shown() -> None:
    with pytest.raises(NoCredentials, match="blanks and line ends") as error:
        s3_connector("http://127.0.0.1:9", "bucket", secret_key="env:first\nsecond").open()
    assert "second" not in str(error.value)


# Where credentials come from


@pytest.fixture
def no_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No credentials from the machine; gives the AWS configuration file, which is empty."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "credentials"
    file.write_text("")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return file


def from_surroundings(endpoint: str, name: str, **options: Any) -> Connector:
    return s3_connector(endpoint, name, access_key=None, secret_key=None, **options)


def test_without_credentials_there_are_none(no_surroundings: Path) -> None:
    with pytest.raises(NoCredentials, match="give access_key and secret_key"):
        from_surroundings("http://127.0.0.1:9", "bucket").open()


def test_a_profile_that_does_not_exist_is_no_credentials(no_surroundings: Path) -> None:
    with pytest.raises(NoCredentials, match="absent"):
        from_surroundings("http://127.0.0.1:9", "bucket", profile="absent").open()


def test_half_a_profile_is_no_credentials(no_surroundings: Path) -> None:
    no_surroundings.write_text("[half]\naws_access_key_id = ONLYTHIS\n")
    with pytest.raises(NoCredentials):
        from_surroundings("http://127.0.0.1:9", "bucket", profile="half").open()


def test_a_profile_gives_credentials(seaweed: str, no_surroundings: Path) -> None:
    client, name = new_bucket(seaweed)
    client.put_object(Bucket=name, Key="object", Body=b"content")
    no_surroundings.write_text(f"[audit]\naws_access_key_id = {READER.access_key}\naws_secret_access_key = {READER.secret_key}\n")
    with from_surroundings(seaweed, name, profile="audit") as connector:
        assert b"".join(connector.read("object")) == b"content"


def test_instance_metadata_that_hangs_costs_little(no_surroundings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    with silent() as url:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)
        started = time.monotonic()
        with pytest.raises(NoCredentials):
            from_surroundings("http://127.0.0.1:9", "bucket").open()
    assert time.monotonic() - started < 5


def test_the_environment_does_not_choose_another_server(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, name = new_bucket(moto_endpoint)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with s3_connector(moto_endpoint, name) as connector:
        assert list(connector.list()) == []


def test_a_server_that_stops_answering_between_two_questions_times_out(moto_endpoint: str) -> None:
    _, name = new_bucket(moto_endpoint)

    stuck = threading.Event()

    def hang(asked: Asked) -> None:
        if "versioning" in asked.query:
            stuck.wait(30)

    with proxy(moto_endpoint, hang) as url, s3_connector(url, name, seconds=2.0) as connector:
        started = time.monotonic()
        with pytest.raises(TimedOut):
            connector.versions()
        assert time.monotonic() - started < 2 + BUSY
        stuck.set()
