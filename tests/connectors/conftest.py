"""The S3 servers of one session. The contract suite is no test file by its name: pytest is told to explain its asserts as well."""

import pytest

from tests.connectors.moto_server import moto_endpoint
from tests.connectors.seaweed import seaweed

__all__ = ["moto_endpoint", "seaweed"]

pytest.register_assert_rewrite("tests.connectors.contract")
