"""What `make dist` makes: the same bytes from two checkouts, a true bill of materials, an audit that never passes unasked, a wheel that works."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from release import __main__ as release
from release.archives import NotBuilt, build, commit_time
from release.audit import Verdict, audit
from release.materials import FOR_BUILDERS, Materials, NotListed, bill, materials
from tests.e2e.runs import ROOT, environment

pytestmark = pytest.mark.program("git")
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "dist", "build", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis", ".coverage*")
EPOCH = "1772345678"
AUDITOR = """
import json, sys
given, told = (sys.argv[sys.argv.index(option) + 1] for option in ("--requirement", "--output"))
names = [line.strip().split("==") for line in open(given)]
document = {"dependencies": [%s for name, version in names], "fixes": []}
open(told, "w").write(json.dumps(document))
sys.exit(%d)
"""


def run(*command: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a program, which must end well."""
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=environment(**more), capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def checkout(source: Path, folder: Path, umask: int) -> Path:
    """A git checkout of what is in `source`, with one commit, whose files were written under this umask."""
    shutil.copytree(source, folder, symlinks=True)
    for path in folder.rglob("*"):
        path.chmod((0o777 if path.is_dir() or path.stat().st_mode & 0o100 else 0o666) & ~umask)
    who = ("-c", "user.name=Nobody", "-c", "user.email=nobody@localhost", "-c", "commit.gpgsign=false", "-c", "core.autocrlf=false")
    run("git", "init", "-q", cwd=folder)
    run("git", *who, "add", "--all", cwd=folder)
    run("git", *who, "commit", "-q", "-m", "All of it", cwd=folder, GIT_COMMITTER_DATE=f"{EPOCH} +0000", GIT_AUTHOR_DATE=f"{EPOCH} +0000")
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """What two machines, as different as two folders can be, make of the same commit."""
    made = []
    source = tmp_path_factory.mktemp("source") / "drcheck"
    # Once, since somebody may be at work here.
    shutil.copytree(ROOT, source, ignore=LEFT_OUT, symlinks=True)
    for number, (umask, zone) in enumerate(((0o022, "UTC"), (0o077, "Pacific/Auckland"))):
        place = tmp_path_factory.mktemp("machine") / ("a" * (1 + 30 * number))
        there = checkout(source, place, umask)
        (there / "left-over.py").write_text("raise SystemExit\n")
        (there / "build" / "lib" / "drcheck").mkdir(parents=True)
        (there / "build" / "lib" / "drcheck" / "stale.py").write_text("")
        into = place.parent / "made"
        # The shell sets the umask of that process only.
        script = f"umask {umask:03o} && exec {sys.executable} -m release --archives-only --into {into}"
        done = subprocess.run(
            ["/bin/sh", "-c", script],
            cwd=there,
            env=environment(TZ=zone, PYTHONPATH=str(there)),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "differ from the last commit" in done.stderr
        made.append(into)
    return made


@pytest.fixture(scope="module")
def wheel(built: list[Path]) -> Path:
    """The wheel of the first machine."""
    (found,) = built[0].glob("*.whl")
    return found


def test_two_machines_make_the_same_bytes(built: list[Path]) -> None:
    first, second = ({path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in each.iterdir()} for each in built)
    assert len(first) == 2
    assert first == second


def test_the_archives_hold_what_was_committed_and_nothing_of_the_machine(built: list[Path], wheel: Path) -> None:
    (sdist,) = built[0].glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        members = archive.getmembers()
    assert {(member.uid, member.gid, member.uname, member.gname, member.mtime) for member in members} == {(0, 0, "", "", int(EPOCH))}
    assert {member.mode for member in members} <= {0o644, 0o755}
    names = {member.name.partition("/")[2] for member in members if member.isfile()}
    with zipfile.ZipFile(wheel) as packed:
        assert {member.external_attr >> 16 for member in packed.infolist()} <= {0o100644, 0o100755}
        assert len({member.date_time for member in packed.infolist()}) == 1
        shipped = set(packed.namelist())
        record = packed.read(next(name for name in shipped if name.endswith("/RECORD"))).decode()
        assert packed.testzip() is None
    assert not [name for name in names | shipped if "left-over" in name or "stale" in name or "__pycache__" in name]
    assert {line.split(",")[0] for line in record.splitlines()} == shipped
    for name in ("drcheck/cli/main.py", "drcheck/py.typed", "drcheck_policies/uk-caf-b5.toml"):
        assert name in shipped
    assert {"SECURITY.md", "tests/conftest.py", "docs/design.md", "release/archives.py"} <= names
    # Data beside the code is shipped too: pyproject.toml must name it (package-data).
    assert {name for name in names if name.startswith("drcheck/")} <= shipped
    # Nothing but the package and the policies is installed.
    assert {name.split("/")[0].partition("-")[0] for name in shipped} == {"drcheck", "drcheck_policies"}


def test_the_wheel_works_in_an_environment_of_its_own(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=tmp_path, PYTHONPATH="")
    here = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).stdout.strip()
    # What drcheck needs is taken from where the tests run: a path in a .pth file brings no editable drcheck with it.
    Path(here, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    drcheck = tmp_path / "venv" / "bin" / "drcheck"
    clean = {"PYTHONPATH": "", "XDG_STATE_HOME": str(tmp_path / "state")}
    where = run(python, "-c", "import drcheck, drcheck_policies; print(drcheck.__file__, drcheck_policies.__file__)", cwd=tmp_path, **clean).stdout
    assert [Path(each).is_relative_to(here) for each in where.split()] == [True, True]
    assert run(drcheck, "--version", cwd=tmp_path, **clean).stdout == f"drcheck {wheel.name.split('-')[1]}\n"
    estate = next((ROOT / "fixtures").rglob("estate.toml"))
    done = subprocess.run(
        [drcheck, "check", "--estate", estate, "--format", "json"],
        cwd=tmp_path,
        env=environment(**clean),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    document = json.loads(done.stdout)
    assert done.returncode == document["summary"]["exit_code"] != 0
    assert document["summary"]["pass"] > 0


def test_the_bill_names_everything_that_is_needed_and_is_valid(wheel: Path) -> None:
    found = materials(wheel)
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {requirement.split(">=")[0].split("[")[0] for requirement in declared["dependencies"]} <= found.needed.keys()
    assert set(declared["optional-dependencies"]) >= FOR_BUILDERS
    document = json.loads(bill("drcheck", "0", found, [wheel], int(EPOCH)))
    listed = {one["name"]: one for one in document["components"]}
    assert set(listed) == {*found.needed, *found.optional}
    assert {name for name, one in listed.items() if one["scope"] == "required"} == set(found.needed)
    assert document["specVersion"] == "1.6"
    (archive,) = document["metadata"]["component"]["externalReferences"]
    assert archive["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}]
    assert not {"pytest", "mypy", "ruff", "pip-audit"} & set(listed), "what only builders need is no part of drcheck"
    again = bill("drcheck", "0", found, [wheel], int(EPOCH))
    assert again == bill("drcheck", "0", materials(wheel), [wheel], int(EPOCH)), "two runs say the same"


def test_a_requirement_that_is_not_installed_is_told(tmp_path: Path) -> None:
    def packed(requires: str) -> Path:
        path = tmp_path / "drcheck-9-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("drcheck-9.dist-info/METADATA", f"Metadata-Version: 2.1\nName: drcheck\nVersion: 9\nProvides-Extra: more\n{requires}\n")
        return path

    with pytest.raises(NotListed, match="drcheck needs no-such-thing>=3, which is not installed here"):
        materials(packed("Requires-Dist: no-such-thing>=3"))
    found = materials(packed('Requires-Dist: no-such-thing>=3; extra == "more"\nRequires-Dist: click'))
    assert (set(found.needed), found.absent) == ({"click"}, {"no-such-thing>=3"})
    document = json.loads(bill("drcheck", "9", found, [], int(EPOCH)))
    assert [one["value"] for one in document["metadata"]["component"]["properties"]] == ["no-such-thing>=3"]


def auditor(tmp_path: Path, entry: str, code: int = 0) -> tuple[str, ...]:
    """A program that answers as pip-audit does."""
    path = tmp_path / "auditor.py"
    path.write_text(AUDITOR % (entry, code))
    return sys.executable, str(path)


PINNED = "alpha==1.0\nbeta==2.0\n"


@pytest.mark.parametrize(
    ("entry", "code", "verdict"),
    [
        ("{'name': name, 'version': version, 'vulns': []}", 0, Verdict.CLEAN),
        ("{'name': name, 'version': version, 'vulns': [{'id': 'PYSEC-1'}] if name == 'beta' else []}", 1, Verdict.WEAK),
        ("{'name': name, 'skip_reason': 'not found'}", 0, Verdict.UNKNOWN),
        ("{'name': name, 'version': version, 'vulns': []} if name == 'alpha' else {'name': name, 'skip_reason': 'no'}", 0, Verdict.UNKNOWN),
        ("{'unheard': 'of'}", 0, Verdict.UNKNOWN),
        ("'nothing'", 0, Verdict.UNKNOWN),
    ],
)
def test_only_an_audit_of_everything_is_clean(tmp_path: Path, entry: str, code: int, verdict: Verdict) -> None:
    told = audit(PINNED, auditor(tmp_path, entry, code))
    assert told.verdict is verdict
    assert (told.lines == ()) is (verdict is Verdict.CLEAN)


def test_an_audit_that_leaves_something_out_is_unknown(tmp_path: Path) -> None:
    told = audit(PINNED, auditor(tmp_path, "{'name': name, 'version': version, 'vulns': []}"))
    assert (told.verdict, told.asked) == (Verdict.CLEAN, 2)
    program = auditor(tmp_path, "{'name': name, 'version': version, 'vulns': []}")
    Path(program[1]).write_text(Path(program[1]).read_text().replace("in names]", "in names[:1]]"))
    assert audit(PINNED, program).verdict is Verdict.UNKNOWN
    assert audit(PINNED, (str(tmp_path / "nothing"),)).verdict is Verdict.UNKNOWN


def test_the_real_auditor_without_a_network_knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    told = audit("click==8.1.8\n")
    assert told.verdict is Verdict.UNKNOWN
    assert "pip-audit ended with 1" in told.lines[0]


@pytest.mark.parametrize(("entry", "code"), [("'vulns': []", 0), ("'vulns': [{'id': 'PYSEC-1'}]", 10), ("'skip_reason': 'offline'", 11)])
def test_the_exit_code_says_what_the_audit_came_to(
    built: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def archives(root: Path, into: Path, epoch: int, work: Path) -> tuple[Path, Path]:
        into.mkdir()
        made = sorted(built[0].iterdir(), key=lambda path: path.suffix)
        return Path(shutil.copy(made[0], into)), Path(shutil.copy(made[1], into))

    program = auditor(tmp_path, f"{{'name': name, 'version': version, {entry}}}")
    monkeypatch.setattr(release, "build", archives)
    monkeypatch.setattr(release, "uncommitted", lambda _: [])
    monkeypatch.setattr(release, "audit", lambda pinned: audit(pinned, program))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)
    into = tmp_path / "dist"
    assert release.main(["--into", str(into)]) == code
    assert {path.name.rpartition(".")[2] for path in into.iterdir()} == {"gz", "whl", "json", "SHA256SUMS"}
    assert json.loads((into / "audit.json").read_text())["verdict"] == {0: "clean", 10: "weak", 11: "unknown"}[code]
    assert "no weakness is known" in capsys.readouterr().out if code == 0 else "no weakness" not in capsys.readouterr().out
    if shutil.which("sha256sum"):
        assert run("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=into).stdout.count(": OK") == 4


def test_what_cannot_be_built_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotBuilt, match="is no git checkout"):
        build(tmp_path, tmp_path / "into", int(EPOCH), tmp_path)
    for wrong in ("yesterday", "-1", "12", "٣"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", wrong)
        with pytest.raises(NotBuilt, match="SOURCE_DATE_EPOCH is"):
            commit_time(tmp_path)


def test_nothing_is_pinned_twice() -> None:
    from importlib.metadata import distribution

    click: Any = distribution("click")
    assert Materials(needed={"click": click}, optional={"click": click}).pinned() == f"click=={click.version}\n"


def test_make_dist_runs_it() -> None:
    done = run("make", "--dry-run", "dist", cwd=ROOT, PATH=os.environ["PATH"])
    assert "-m release" in done.stdout
