"""Why a server could not be talked to, in words that hold nothing of what it was to be told."""

from __future__ import annotations

import socket
import ssl


def network_trouble(error: OSError) -> str:
    """Why a connection failed, without any address: the address itself can be a secret."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate was not accepted ({error.verify_message}); an authority of your own is named by SSL_CERT_FILE"
        case ssl.SSLError():
            return f"TLS failed ({error.reason or 'no reason given'})"
        case socket.gaierror():
            return "its name could not be resolved"
        case TimeoutError():
            return "it did not answer in time"
        case ConnectionError():
            return error.strerror.lower() if error.strerror else "the connection was broken off"
        case _:
            return (error.strerror or type(error).__name__).lower()
