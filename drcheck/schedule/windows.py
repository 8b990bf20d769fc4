"""A task of the Windows Task Scheduler, to be created with `schtasks /Create /TN NAME /XML FILE` (MS-TSCH, section 2.5)."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from xml.etree import ElementTree

from drcheck.model import printable
from drcheck.schedule.nightly import Nightly

NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
LOCAL_SERVICE = "S-1-5-19"
"""An account of few rights that every Windows has."""


def task(night: Nightly) -> str:
    """The task as XML; its file must be UTF-16, as its first line says."""
    root = ElementTree.Element("Task", version="1.2", xmlns=NAMESPACE)
    _add(root, "RegistrationInfo", Description=f"drcheck: look at every backup of {printable(night.organisation)}")
    # The day only says from when on; the time is the machine's own.
    trigger = _add(_add(root, "Triggers"), "CalendarTrigger", Enabled="true", StartBoundary=f"2026-01-01T{night.at:%H:%M:%S}")
    if night.jitter:
        _add(trigger, "RandomDelay").text = _length(night.jitter)
    _add(trigger, "ScheduleByDay", DaysInterval="1")
    principal = _add(_add(root, "Principals"), "Principal", id_="Author")
    _add(principal, "UserId").text = night.user or LOCAL_SERVICE
    if night.user:
        _add(principal, "LogonType").text = "Password"
    _add(principal, "RunLevel").text = "LeastPrivilege"
    _add(
        root,
        "Settings",
        MultipleInstancesPolicy="IgnoreNew",
        DisallowStartIfOnBatteries="false",
        StopIfGoingOnBatteries="false",
        StartWhenAvailable="true",
        RunOnlyIfNetworkAvailable="false",
        Enabled="true",
        ExecutionTimeLimit=_length(timedelta(days=1)),
        Priority="7",
    )
    store = ("--store", night.store) if night.store else ()
    arguments = subprocess.list2cmdline([*night.program[1:], *night.arguments, *store])
    actions = _add(root, "Actions")
    actions.set("Context", "Author")
    _add(actions, "Exec", Command=night.program[0], Arguments=arguments, WorkingDirectory=str(night.estate.parent))
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-16"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _add(parent: ElementTree.Element, name: str, id_: str = "", **children: str) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, name)
    if id_:
        element.set("id", id_)
    for child, text in children.items():
        ElementTree.SubElement(element, child).text = text
    return element


def _length(length: timedelta) -> str:
    """As ISO 8601 has it."""
    return f"PT{int(length.total_seconds())}S"
