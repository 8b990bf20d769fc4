"""The generated parts of the documentation hold what the code says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from docs.generate import FOLDER, PAGES, main, stale

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("name", "made"), PAGES, ids=[name for name, _ in PAGES])
def test_a_page_is_fresh(name: str, made: object) -> None:
    assert callable(made)
    assert (FOLDER / name).read_text(encoding="utf-8") == made(), f"{name} is stale; run: python -m docs.generate"


def test_the_command_says_which_page_is_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("docs.generate.FOLDER", tmp_path)
    for name, _ in PAGES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    assert main([]) == 0
    assert (stale(), main(["--check"])) == ([], 0)
    (tmp_path / PAGES[0][0]).write_text("other")
    capsys.readouterr()
    assert main(["--check"]) == 1
    assert capsys.readouterr().err == f"{PAGES[0][0]} is stale; run: python -m docs.generate\n"
    assert main(["--wrong"]) == 2


def test_it_runs_as_the_makefile_runs_it() -> None:
    done = subprocess.run([sys.executable, "-m", "docs.generate", "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
