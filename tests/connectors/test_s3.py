"""The contract of connectors, on SeaweedFS and on moto."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import pytest

from tests.connectors.contract import ConnectorContract
from tests.connectors.s3_rig import MotoRig, SeaweedRig

_NO_FILES = "a bucket has no links and no pipes"
_IN_THIS_PROCESS = "moto runs in this process, so its memory is counted too"
_NO_ACCESS_CONTROL = "moto has no access control"


class TestSeaweed(ConnectorContract):
    cannot: ClassVar[Mapping[str, str]] = {
        "test_symbolic_links_are_not_followed_and_not_listed": _NO_FILES,
        "test_pipes_are_not_opened": _NO_FILES,
        "test_a_key_that_is_an_object_and_a_folder_is_both": "SeaweedFS keeps keys as paths",
    }

    @pytest.fixture(scope="class")
    @classmethod
    def rig(cls, seaweed: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedRig]:
        rig = SeaweedRig(seaweed, "contract", tmp_path_factory.mktemp("rig"))
        yield rig
        rig.close()


class TestMoto(ConnectorContract):
    cannot: ClassVar[Mapping[str, str]] = {
        "test_symbolic_links_are_not_followed_and_not_listed": _NO_FILES,
        "test_pipes_are_not_opened": _NO_FILES,
        "test_memory_of_a_listing_is_flat": _IN_THIS_PROCESS,
        "test_a_large_object_is_read_near_its_end": _IN_THIS_PROCESS,
        "test_a_large_object_is_read_whole_in_constant_memory": _IN_THIS_PROCESS,
        "test_wrong_credentials_are_denied": _NO_ACCESS_CONTROL,
    }

    @pytest.fixture(scope="class")
    @classmethod
    def rig(cls, moto_endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MotoRig]:
        rig = MotoRig(moto_endpoint, "contract", tmp_path_factory.mktemp("rig"))
        yield rig
        rig.close()
