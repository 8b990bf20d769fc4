"""The contract suite is no test file by its name: pytest is told to explain its asserts as well."""

import pytest

pytest.register_assert_rewrite("tests.connectors.contract")
