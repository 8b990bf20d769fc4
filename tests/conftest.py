"""Fixtures for every test, and the rule about missing programs."""

from __future__ import annotations

import os
import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings

from drcheck.store import seeds

ELSEWHERE = ("/usr/sbin:/sbin:/usr/local/sbin", *map(str, Path("/usr/lib/postgresql").glob("*/bin")))
"""Folders of programs that are not on everybody's path; Debian keeps PostgreSQL's apart."""
REQUIRE_ALL = os.environ.get("DRCHECK_REQUIRE_ALL") == "1"

# CI looks at the same examples each time, so that it is green or red by what was changed. Everybody else, and `make fuzz`, looks at new ones.
settings.register_profile("drcheck", derandomize=REQUIRE_ALL)
settings.load_profile("drcheck")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in the background with SIGINT ignored, and whatever the tests start would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def nobody_s_own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is set up once for many tests leaves no store, and no key, in the directories of whoever runs the tests either."""
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("STATE", "CONFIG"):
            patch.setenv(f"XDG_{kind}_HOME", str(tmp_path_factory.mktemp(kind.lower())))
        yield


@pytest.fixture(autouse=True)
def no_store_of_ones_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run of a test begins without a history, and leaves none in the directory of whoever runs the tests."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    monkeypatch.delenv("DRCHECK_STORE", raising=False)


@pytest.fixture(autouse=True)
def choices(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """In CI, what a test's nights draw at random is the same each time, for the reason above."""
    if REQUIRE_ALL:
        monkeypatch.setattr(seeds, "secrets", SimpleNamespace(token_bytes=random.Random(request.node.nodeid).randbytes))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose program is missing; with DRCHECK_REQUIRE_ALL=1 that is a failure instead."""
    for marker in item.iter_markers("program"):
        for name in marker.args:
            if not any(shutil.which(name, path=path) for path in (None, *ELSEWHERE)):
                missing = f"needs the program {name}, which is not installed"
                if REQUIRE_ALL:
                    pytest.fail(missing, pytrace=False)
                pytest.skip(missing)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    """With DRCHECK_REQUIRE_ALL=1 a skip is a failure."""
    report = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and DRCHECK_REQUIRE_ALL=1 allows no skip: {report.longrepr}"
    return report
