"""Units of systemd: a service that may read and do little else, its timer, and a service that tells people where the first one was killed."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from drcheck.clock import format_duration
from drcheck.errors import ConfigError
from drcheck.model import printable
from drcheck.schedule.nightly import Nightly

_PLAIN = re.compile(r"[A-Za-z0-9_./:=@+,-]+")
CREDENTIALS = PurePosixPath("/etc/credstore")
"""Where administrators put credentials, see systemd.exec(5)."""
HARDENING = """\
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
"""
"""What the service cannot do: it needs to read, to reach the network, and to write its store."""


def units(night: Nightly) -> dict[str, str]:
    """The text of each unit by its file's name."""
    return {
        f"{night.name}.service": _service(night),
        f"{night.name}.timer": _timer(night),
        f"{night.name}-failure.service": _failure(night),
    }


def _service(night: Nightly) -> str:
    paths = [str(file.parent) for _, file in night.also]
    store = night.store
    if store and "://" not in store:
        paths.append(str(PurePosixPath(store).parent))
    writable = "".join(f"ReadWritePaths={_value('-' + path)}\n" for path in dict.fromkeys(paths))
    where = f"Environment={_value(f'DRCHECK_STORE={store}')}\n" if store else "Environment=DRCHECK_STORE=%S/drcheck/drcheck.db\n"
    return f"""\
[Unit]
Description={_sentence(f"drcheck: look at every backup of {night.organisation}")}
Wants=network-online.target
After=network-online.target
OnFailure={night.name}-failure.service

[Service]
Type=oneshot
ExecStart={_command(night, night.arguments)}
# Failures and unknowns of backups are told by drcheck itself; the unit fails where the night could not be done.
SuccessExitStatus=10 11
TimeoutStartSec=24h
TimeoutStopSec=2min
Nice=10
{_user(night)}StateDirectory=drcheck
StateDirectoryMode=0700
UMask={"0022" if night.also else "0077"}
{where}{_credentials(night)}{writable}{HARDENING}"""


def _timer(night: Nightly) -> str:
    return f"""\
[Unit]
Description={_sentence(f"drcheck: every night, {night.organisation}")}

[Timer]
OnCalendar=*-*-* {night.at:%H:%M:%S}
RandomizedDelaySec={_span(night)}
AccuracySec=1min
# A night that the machine slept through is caught up with.
Persistent=true

[Install]
WantedBy=timers.target
"""


def _failure(night: Nightly) -> str:
    return f"""\
[Unit]
Description={_sentence(f"drcheck: tell that the night of {night.organisation} did not come to its end")}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart={_command(night, ("notify", "failure", "--estate", str(night.estate)))}
TimeoutStartSec=5min
{_user(night)}UMask=0077
{_credentials(night)}{HARDENING}"""


def _command(night: Nightly, arguments: tuple[str, ...]) -> str:
    program, *before = night.program
    if re.search(r"[\"'\\]", program):
        raise ConfigError(f"{program}: systemd starts no program with quotes or backslashes in its path; name another with --program")
    # In the program's path systemd knows specifiers and quotes, and no variables.
    return " ".join([_value(program), *(_argument(part) for part in (*before, *arguments))])


def _user(night: Nightly) -> str:
    return f"User={night.user}\n" if night.user else "DynamicUser=yes\n"


def _credentials(night: Nightly) -> str:
    return "".join(f"LoadCredential={name}:{CREDENTIALS / name}\n".replace("%", "%%") for name in night.credentials)


def _span(night: Nightly) -> str:
    return format_duration(night.jitter).replace("m", "min") if night.jitter else "0"


def _argument(text: str) -> str:
    """One argument of a command line, as systemd.service(5) reads it: with specifiers, variables and quotes."""
    return _value(text.replace("$", "$$"))


def _value(text: str) -> str:
    """One word of a value, as systemd.syntax(7) reads it: with specifiers and quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return escaped if _PLAIN.fullmatch(text) else f'"{escaped}"'


def _sentence(text: str) -> str:
    """A text up to the end of the line; one backslash there would go on with the next."""
    return printable(text).replace("%", "%%").replace("\\", "/")
