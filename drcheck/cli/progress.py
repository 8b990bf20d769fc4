"""
What a run says on stderr while it goes on: lines that renew themselves on a terminal, a line now and then in a log, nothing with `--quiet`.

stdout is never touched: it belongs to the report.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from drcheck.cli.progress_lines import rows, sentence, table
from drcheck.cli.rates import Rates
from drcheck.clock import monotonic
from drcheck.clock import now as clock_now
from drcheck.model import Reason, TargetFacts, Unobserved, printable
from drcheck.reports.wrapping import columns
from drcheck.verify.progress import Counts, Stage

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

INTERVAL = 60.0
"""Seconds between two lines in a log."""
_DELAY = 1.0
"""Seconds of reading before anything is shown on a terminal: what is over by then would only flicker."""
_FRAME = 0.25
_WINDOW = 20.0
_STYLES = {Stage.DONE: "green", Stage.STOPPED: "yellow", Stage.WAITING: "dim", None: "bold"}


class Shown:
    """
    Progress as it is shown. Used as a context manager around a run; however that ends, the terminal is left as it was.

    Attributes:
        progress: told how far the run has got, by whoever works; of no matter where nothing is shown.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        quiet: bool = False,
        interval: float = INTERVAL,
        clock: Callable[[], float] = monotonic,
        now: Callable[[], datetime] = clock_now,
    ) -> None:
        """
        Args:
            stream: where it is shown; stderr where None.
            quiet: whether nothing is.
            interval: seconds between two lines in a log.
            clock: seconds that never go back.
            now: the present moment, UTC.
        """
        self.progress = Counts()
        self._stream = stream or sys.stderr
        self._quiet = quiet
        self._terminal = self._stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
        self._interval = interval
        self._clock = clock
        self._now = now
        self._rates = Rates(_WINDOW if self._terminal else interval)
        self._told = 0
        self._begun: float | None = None
        self._live: Live | None = None
        self._drawn: list[int] = []
        self._handlers: list[logging.StreamHandler[TextIO]] = []
        self._lock = threading.RLock()
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if not self._quiet:
            self._thread = threading.Thread(target=self._show, name="drcheck-progress", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end.set()
        try:
            if self._thread is not None:
                self._thread.join()
                with contextlib.suppress(OSError, ValueError):
                    self._tell_of_stops()
        finally:
            self._stop()

    def say(self, text: str) -> None:
        """Write a line of text, above what renews itself; nothing with `quiet`. Names in it are made safe by whoever says them."""
        if self._quiet:
            return
        with self._lock, contextlib.suppress(OSError, ValueError):
            if self._live is not None:
                from rich.text import Text

                self._live.console.print(Text(text), soft_wrap=True)
            else:
                self._stream.write(f"{text}\n")
                self._stream.flush()

    def heard(self, target: TargetFacts) -> None:
        """Say on a terminal that a target was looked at; not in a log, which has the report."""
        if self._terminal:
            identity = target.identity
            answer = identity.reason if isinstance(identity, Unobserved) and identity.reason is not Reason.UNSUPPORTED else "answered"
            self.say(f"  {printable(target.target)}: {answer}, {target.seconds:.1f} s")

    def tick(self) -> None:
        """Look how far the run has got, and show it where it is time to. Raises OSError or ValueError where the stream cannot be written to."""
        at = self._clock()
        targets = self.progress.targets()
        if not targets:
            return
        with self._lock:
            self._rates.sample(at, targets)
            if self._begun is None:
                self._begun = at
            self._tell_of_stops()
            if not self._terminal:
                if at - self._begun >= self._interval:
                    self._begun = at
                    self.say(sentence(targets, self._rates))
            elif self._live is not None:
                self._live.refresh()
            elif at - self._begun >= _DELAY:
                self._start()

    def _show(self) -> None:
        """Show it until the end, in a thread of its own. A stream that cannot be written to costs the run nothing."""
        with contextlib.suppress(OSError, ValueError):
            while not self._end.wait(_FRAME if self._terminal else min(1.0, self._interval)):
                self.tick()

    def _tell_of_stops(self) -> None:
        stopped = self.progress.stopped()
        for copy, why in stopped[self._told :]:
            self.say(f"  {printable(copy)}: stopped: {printable(why)}")
        self._told = len(stopped)

    def _start(self) -> None:
        from rich.console import Console
        from rich.live import Live

        # no-color.org: set and not empty.
        console = Console(
            file=self._stream, force_terminal=True, no_color=bool(os.environ.get("NO_COLOR")), highlight=False, markup=False, emoji=False
        )
        redirected = self._stream is sys.stderr
        self._live = Live(
            console=console,
            get_renderable=self._rendered,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=redirected,
            vertical_overflow="crop",
        )
        self._live.start(refresh=True)
        if redirected:
            # Logging holds on to the stream that it was given; what it says belongs above what renews itself.
            for handler in logging.getLogger("drcheck").handlers:
                if isinstance(handler, logging.StreamHandler) and handler.stream is self._stream:
                    handler.setStream(sys.stderr)
                    self._handlers.append(handler)

    def _stop(self) -> None:
        with self._lock, contextlib.suppress(OSError, ValueError):
            live, self._live = self._live, None
            while self._handlers:
                self._handlers.pop().setStream(self._stream)
            if live is not None:
                live.stop()

    def _rendered(self) -> Text:
        from rich.text import Text

        width, height = self._size()
        # Some columns and a line less: some terminals begin a new line once the last column is written, and most write ^C behind the last word.
        lines = table(rows(self.progress.targets(), self._rates, self._now()), max(1, width - 3), height - 1, self._stream.encoding or "ascii")
        self._unwrap(width)
        self._drawn = [columns(line) for line, _ in lines]
        text = Text(no_wrap=True, overflow="crop", end="")
        for number, (line, stage) in enumerate(lines):
            text.append("\n" if number else "")
            text.append(line, _STYLES.get(stage, ""))
        return text

    def _unwrap(self, width: int) -> None:
        """Where the window was made narrower, its terminal has broken the lines in it: clear the additional ones, of which rich does not know."""
        more = sum(max(0, (drawn - 1) // width) for drawn in self._drawn)
        if more and self._live is not None:
            from rich.control import Control
            from rich.segment import ControlType

            self._live.console.control(*[Control((ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1))] * more)

    def _size(self) -> tuple[int, int]:
        try:
            size = os.get_terminal_size(self._stream.fileno())
        except OSError:
            size = os.terminal_size((80, 24))
        return max(2, size.columns or 80), max(2, size.lines or 24)
