"""Reading bytes and comparing them with what was promised."""

from drcheck.verify.plan import Forecast
from drcheck.verify.rolling import Memory
from drcheck.verify.run import Manner, plan, verify
from drcheck.verify.tally import ResultSink, Tally

__all__ = ["Forecast", "Manner", "Memory", "ResultSink", "Tally", "plan", "verify"]
