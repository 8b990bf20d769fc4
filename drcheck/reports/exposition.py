"""The text format of Prometheus (prometheus.io/docs/instrumenting/exposition_formats), version 0.0.4, without time stamps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

from drcheck.model import printable

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


class Family:
    """A metric with its help and its samples; a sample with labels that another has already replaces nothing."""

    def __init__(self, name: str, meaning: str, *labels: str) -> None:
        self.name = name
        self._meaning = meaning
        self._labels = labels
        self._samples: dict[tuple[str, ...], float] = {}

    def add(self, value: float | None, *labels: str) -> None:
        """Add a sample. One whose value is not known is left out: a series that is not there is not a zero."""
        if len(labels) != len(self._labels):
            raise ValueError(f"{self.name} has {len(self._labels)} labels, and {len(labels)} are given")
        if value is not None:
            self._samples.setdefault(labels, value)

    def lines(self) -> Iterator[str]:
        """The family as lines; none where it has no sample."""
        if self._samples:
            yield f"# HELP {self.name} {self._meaning}"
            yield f"# TYPE {self.name} gauge"
        for values, value in self._samples.items():
            labels = ",".join(f'{label}="{_escaped(text)}"' for label, text in zip(self._labels, values, strict=True))
            yield f"{self.name}{{{labels}}} {_number(value)}" if labels else f"{self.name} {_number(value)}"


@lru_cache(100_000)
def _escaped(text: str) -> str:
    return printable(text).translate(_ESCAPES)


def _number(value: float) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no measure")
    return str(int(value)) if value == int(value) else repr(float(value))
