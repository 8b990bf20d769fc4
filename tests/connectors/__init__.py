"""Connectors against real servers. The contract is no test file by its name: pytest is told to explain its asserts as well."""

import pytest

pytest.register_assert_rewrite("tests.connectors.contract", "tests.connectors.contract_listing", "tests.connectors.contract_reading")
