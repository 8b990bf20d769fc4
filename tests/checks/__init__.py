"""Tests of drcheck/checks."""
