"""A zoo of seeded faults: each must turn exactly the findings that it should, and no other."""

import pytest

pytest.register_assert_rewrite("tests.faults.zoo")
