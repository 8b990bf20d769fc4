"""The S3 server of one session."""

from tests.connectors.moto_server import moto_endpoint

__all__ = ["moto_endpoint"]
