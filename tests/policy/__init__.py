"""Tests of drcheck/policy."""
