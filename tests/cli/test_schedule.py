"""`drcheck schedule`: what it prints is taken by systemd, by cron's own rules, and by an XML reader; and it says what was meant."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

import pytest

from drcheck.schedule import Nightly, units
from drcheck.schedule.windows import NAMESPACE
from tests.cli.inside import Ended, drcheck
from tests.e2e.estates import target, write_estate

ODD = 'a "b" 100% $HOME \\t'
"""A folder's name that every kind of timer understands in another way."""
MOST_EXPOSED = 2.0
"""systemd's own measure, 0 (safe) to 10. What is left is the network, and files that the service is there to read."""
SECRETS = {"host": "sftp.example", "user": "drcheck", "root": "/", "password": "systemd:nas-password", "host_key": "SHA256:" + "A" * 43}


def estate(folder: Path) -> Path:
    """An estate with a secret of each kind."""
    folder.mkdir(parents=True, exist_ok=True)
    notices = {"to": ["env:CHAT", "file:/etc/chat", "keyring:a/b", "command:pass show chat"], "ping": {"url": "systemd:ping%url"}}
    return write_estate(folder, [target("nas", "sftp", SECRETS)], notices=notices)


def schedule(kind: str, file: Path, *arguments: str | Path) -> Ended:
    """What the command comes to."""
    return drcheck("schedule", kind, "--estate", file, *arguments, cwd=file.parent)


def program(folder: Path) -> Path:
    """A program that is there, at an odd place."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(shutil.which("true") or "/bin/true", folder / "drcheck")
    return folder / "drcheck"


def lines(unit: str, key: str) -> list[str]:
    """The values of a key in a unit."""
    return re.findall(rf"^{key}=(.*)$", unit, re.MULTILINE)


@pytest.mark.program("systemd-analyze")
@pytest.mark.parametrize("user", ["", "backup-check"])
def test_systemd_takes_the_units_and_calls_the_service_safe(tmp_path: Path, user: str) -> None:
    folder = tmp_path / ODD
    file, made = estate(folder), tmp_path / "units"
    arguments: list[str | Path] = [
        "--also",
        f"prometheus={folder / 'x y.prom'}",
        "--store",
        folder / "st ore.db",
        *(["--user", user] if user else []),
    ]
    done = schedule("systemd", file, "--program", program(tmp_path / "100% $HOME"), "--output", made, *arguments)
    assert done.returncode == 0, done.stderr
    names = ["drcheck.service", "drcheck.timer", "drcheck-failure.service"]
    assert sorted(path.name for path in made.iterdir()) == sorted(names)
    verified = subprocess.run(["systemd-analyze", "verify", *(made / name for name in names)], capture_output=True, text=True, check=False)
    said = [line for line in verified.stderr.splitlines() if str(made) in line or "drcheck" in line]
    assert (verified.returncode, said) == (0, [])
    for service in (names[0], names[2]):
        rated = subprocess.run(["systemd-analyze", "security", "--offline=true", made / service], capture_output=True, text=True, check=True)
        (exposure,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", rated.stdout)
        assert float(exposure) <= MOST_EXPOSED, rated.stdout


def test_each_word_comes_out_of_the_unit_as_it_was(tmp_path: Path) -> None:
    file = estate(tmp_path / ODD)
    binary = tmp_path / "100% $HOME" / "drcheck"
    unit = schedule("systemd", file, "--program", binary, "--also", f"html={tmp_path / ODD / 'r.html'}").stdout
    command = lines(unit, "ExecStart")[0]
    assert _words(command) == [
        str(binary),
        "check",
        "--nightly",
        "--estate",
        str(file),
        "--also",
        f"html={tmp_path / ODD / 'r.html'}",
    ]
    assert [_words(value) for value in lines(unit, "ReadWritePaths")] == [["-" + str(tmp_path / ODD)]]
    assert lines(unit, "LoadCredential") == ["nas-password:/etc/credstore/nas-password", "ping%%url:/etc/credstore/ping%%url"] * 2
    assert lines(unit, "Environment") == ["DRCHECK_STORE=%S/drcheck/drcheck.db"]
    assert lines(unit, "OnFailure") == ["drcheck-failure.service"]


def _words(text: str) -> list[str]:
    """What systemd makes of a command line: quotes as in a shell, then %% and $$. It knows no variable here, and no single quote is used."""
    return [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(text)]


def test_the_timer_catches_up_and_spreads(tmp_path: Path) -> None:
    unit = schedule("systemd", estate(tmp_path), "--at", "23:05", "--jitter", "1h30m").stdout
    assert (lines(unit, "OnCalendar"), lines(unit, "RandomizedDelaySec"), lines(unit, "Persistent")) == (["*-*-* 23:05:00"], ["1h 30min"], ["true"])
    assert [line for line in unit.splitlines() if line.startswith("# drcheck")] == [
        "# drcheck.service",
        "# drcheck.timer",
        "# drcheck-failure.service",
    ]


def test_what_the_secrets_need_is_said(tmp_path: Path) -> None:
    done = schedule("systemd", estate(tmp_path))
    assert "note: systemd:nas-password: put the secret into /etc/credstore/nas-password" in done.stderr
    assert "note: env:CHAT: the variable is not set for a run that a timer starts; write systemd:CHAT" in done.stderr
    assert "note: file:/etc/chat: must belong to the user that the run has, so give --user" in done.stderr
    assert "note: keyring:a/b" in done.stderr
    assert "note: systemd:nas-password: is there for services of systemd only" in schedule("cron", estate(tmp_path)).stderr
    assert "command" not in done.stderr


def test_a_user_that_is_made_up_owns_no_folder_for_reports(tmp_path: Path) -> None:
    file, asked = estate(tmp_path), ("--also", f"html={tmp_path}/www/a.html", "--also", f"csv={tmp_path}/www/a.csv", "--store", f"{tmp_path}/s/s.db")
    said = schedule("systemd", file, *asked).stderr
    assert said.count(f"note: {tmp_path}/www: must be writable to the user that is made up for the service") == 1
    assert f"note: {tmp_path}/s: must be writable" in said
    for other in (schedule("systemd", file, *asked, "--user", "backups"), schedule("systemd", file), schedule("cron", file, *asked)):
        assert "must be writable" not in other.stderr


def test_cron_hands_the_shell_what_was_meant(tmp_path: Path) -> None:
    folder = tmp_path / (ODD + "'")
    file = estate(folder)
    reporter = folder / "drcheck"
    reporter.write_text(f"#!{sys.executable}\nimport sys\nprint('\\0'.join(sys.argv), end='')\n")
    reporter.chmod(0o755)
    done = schedule(
        "cron", file, "--program", reporter, "--at", "02:05", "--also", f"csv={folder / 'x.csv'}", "--store", "postgresql://drcheck@db/drcheck"
    )
    comment, line = done.stdout.splitlines()
    assert comment.startswith("# ")
    minute, hour, *days, command = line.split(" ", 5)
    assert (minute, hour, days) == ("5", "2", ["*", "*", "*"])
    # crontab(5): a % that no backslash stands before ends the command, and the backslash is taken away; then a shell has it.
    assert re.search(r"(?<!\\)%", command) is None
    ran = subprocess.run(["/bin/sh", "-c", command.replace(r"\%", "%")], capture_output=True, text=True, check=True)
    arguments = ["check", "--nightly", "--estate", str(file), "--also", f"csv={folder / 'x.csv'}"]
    assert ran.stdout.split("\0") == [str(reporter), *arguments, "--store", "postgresql://drcheck@db/drcheck", "--jitter", "10m"]


def test_windows_takes_a_task(tmp_path: Path) -> None:
    file = estate(tmp_path / "Häuser & <Co> 100%")
    done = schedule("windows", file, "--program", r"C:\Program Files\drcheck\drcheck.exe", "--output", tmp_path / "out", "--at", "02:30")
    assert done.returncode == 0, done.stderr
    content = (tmp_path / "out" / "drcheck.xml").read_bytes()
    assert content.startswith((b"\xff\xfe", b"\xfe\xff"))
    root = ElementTree.fromstring(content)

    def text(path: str) -> str | None:
        return root.findtext("/".join(f"{{{NAMESPACE}}}{part}" for part in path.split("/")))

    assert root.tag == f"{{{NAMESPACE}}}Task"
    assert text("Actions/Exec/Command") == r"C:\Program Files\drcheck\drcheck.exe"
    assert text("Actions/Exec/Arguments") == f'check --nightly --estate "{file}"'
    assert (text("Triggers/CalendarTrigger/RandomDelay"), text("Settings/StartWhenAvailable")) == ("PT600S", "true")
    assert str(text("Triggers/CalendarTrigger/StartBoundary")).endswith("T02:30:00")
    assert f"/XML {tmp_path / 'out' / 'drcheck.xml'}" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("systemd", "--at", "2:75"), "is not a time of day"),
        (("systemd", "--at", "02:30:10"), "is not a time of day"),
        (("systemd", "--name", "../evil"), "no name for a unit"),
        (("systemd", "--user", "a b"), "no name of a user"),
        (("cron", "--user", "root"), "belongs to its user"),
        (("cron", "--store", "postgresql://drcheck:hunter2@db/drcheck"), "a password does not belong"),
        (("systemd", "--program", "/opt/a\nExecStartPre=evil"), "cannot stand in a timer"),
        (("systemd", "--program", '/opt/"a"/drcheck'), "no program with quotes"),
        (("windows", "--also", "nothing=x"), "no report is called"),
        (("launchd",), "'launchd' is not one of"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    kind, *more = arguments
    done = schedule(kind, estate(tmp_path), *more)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "hunter2" not in done.stderr


def test_an_estate_that_is_wrong_has_no_timer(tmp_path: Path) -> None:
    file = estate(tmp_path)
    file.write_text(file.read_text().replace("sftp", "sftpx"))
    assert schedule("systemd", file).returncode == 2


def test_the_units_in_contrib_are_those_that_are_printed() -> None:
    folder = Path(__file__).parents[2] / "contrib" / "systemd"
    night = Nightly(
        program=("/opt/drcheck/bin/drcheck",),
        estate=PurePosixPath("/etc/drcheck/estate.toml"),
        organisation="your organisation",
        credentials=("smtp-password", "ping-url"),
    )
    printed = units(night)
    assert {path.name: path.read_text() for path in folder.iterdir() if path.suffix != ".md"} == printed
