"""Reading bytes and comparing them with what was promised."""

from drcheck.verify.run import verify
from drcheck.verify.tally import ResultSink, Tally

__all__ = ["ResultSink", "Tally", "verify"]
