"""Reading bytes and comparing them with what was promised."""

from drcheck.verify.run import Manner, verify
from drcheck.verify.tally import ResultSink, Tally

__all__ = ["Manner", "ResultSink", "Tally", "verify"]
