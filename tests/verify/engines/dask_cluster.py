"""A Dask cluster with TLS on loopback: a scheduler and workers, each a process of its own, started by Dask's own programs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.verify.engines.certificates import Authority

_START = 90
"""Seconds that a busy machine may take to start one process."""


class DaskCluster:
    """
    A scheduler, and the workers that are asked for. Used as a context manager, which ends them all.

    Attributes:
        authority: whose certificates everybody shows.
        scheduler: the scheduler's address.
        workers: the workers by name; each is one process without a nanny, so it stays dead when it is killed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.authority = Authority(folder / "tls")
        self.scheduler = ""
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self._scheduler: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        told = self._folder / "scheduler.json"
        arguments = [
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--protocol",
            "tls",
            "--no-dashboard",
            "--dashboard-address",
            "127.0.0.1:0",
            "--scheduler-file",
            str(told),
        ]
        self._scheduler = self._start("scheduler", arguments, {})
        self.scheduler = str(json.loads(self._awaited(self._scheduler, told))["address"])
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*self.workers.values(), self._scheduler):
            if process is not None:
                process.kill()
                process.wait(30)

    def start(self, name: str, *sites: str, environment: Mapping[str, str] | None = None) -> None:
        """Start a worker that carries the labels of these sites; `ready` waits for it."""
        labels = ["--resources", ",".join(f"site:{site}=1" for site in sites)] if sites else []
        arguments = [
            self.scheduler,
            "--name",
            name,
            "--no-nanny",
            "--nthreads",
            "1",
            "--host",
            "127.0.0.1",
            "--no-dashboard",
            "--dashboard-address",
            "127.0.0.1:0",
            *labels,
        ]
        self.workers[name] = self._start("worker", [*arguments, "--local-directory", str(self._folder / name)], environment or {})

    def ready(self) -> None:
        """Wait until every worker has said that the scheduler knows it."""
        end = time.monotonic() + _START
        for name, process in self.workers.items():
            while "Registered to:" not in self.log(name):
                assert process.poll() is None, self.log(name)
                assert time.monotonic() < end, self.log(name)
                time.sleep(0.05)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a worker a signal."""
        os.kill(self.workers[name].pid, number)

    def stop_scheduler(self) -> None:
        """End the scheduler without a word."""
        assert self._scheduler is not None
        self._scheduler.kill()
        self._scheduler.wait(30)

    def log(self, name: str) -> str:
        """What a worker, or `scheduler`, has printed so far."""
        return (self._folder / f"{name}.log").read_text(encoding="utf-8")

    def _start(self, program: str, arguments: list[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        name = arguments[arguments.index("--name") + 1] if "--name" in arguments else program
        command = [sys.executable, "-m", f"distributed.cli.dask_{program}", *arguments, *self.authority.options]
        with (self._folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env={**os.environ, **environment})

    def _awaited(self, process: subprocess.Popen[bytes], file: Path) -> str:
        end = time.monotonic() + _START
        while not file.exists() or not file.read_text().rstrip().endswith("}"):
            assert process.poll() is None, self.log("scheduler")
            assert time.monotonic() < end, self.log("scheduler")
            time.sleep(0.05)
        return file.read_text()
