"""Where a running cluster is, and how both sides know each other. Checked before anything is connected to."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from drcheck.errors import ConfigError
from drcheck.model import printable

_PROBE = 10.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """
    A scheduler's address and the certificates to reach it with.

    Whoever speaks for a scheduler has code run on this machine and on every worker, so both sides must show a certificate of one authority (mutual
    TLS). Without TLS a scheduler is accepted on a loopback address only.

    Raises ConfigError where the address is another, or the files are missing, not readable or do not belong together.
    """

    scheduler: str
    """`tls://host:port`, or `tcp://` and a loopback address."""
    ca: Path | None = None
    """The certificate of the authority that signed the cluster's certificates (PEM)."""
    cert: Path | None = None
    """The certificate that is shown to the scheduler (PEM)."""
    key: Path | None = None
    """Its private key (PEM, without a passphrase)."""

    def __post_init__(self) -> None:
        shown = printable(self.scheduler)
        if not self.scheduler:
            raise ConfigError("--tls-ca, --tls-cert and --tls-key belong to a scheduler: add --scheduler tls://host:port")
        scheme, host, _ = _parts(self.scheduler)
        files = {"--tls-ca": self.ca, "--tls-cert": self.cert, "--tls-key": self.key}
        if scheme == "tcp":
            if not _is_loopback(host):
                raise ConfigError(
                    f"--scheduler {shown}: is without encryption, and not on this machine; whoever answers could run code here and on workers. "
                    "Set the cluster up with TLS and write tls://host:port (see docs/engines.md)"
                )
            if given := [option for option, file in files.items() if file is not None]:
                raise ConfigError(f"--scheduler {shown}: is without TLS, so {' and '.join(given)} would not be used; write tls:// or leave them out")
            return
        if missing := [option for option, file in files.items() if file is None]:
            raise ConfigError(f"--scheduler {shown}: TLS needs {' and '.join(missing)} too (see docs/engines.md)")
        _insist_on_usable(files)

    @property
    def encrypted(self) -> bool:
        """Whether it is reached by TLS."""
        return self.scheduler.startswith("tls:")

    def refusal(self) -> ssl.SSLError | None:
        """
        What TLS with the scheduler fails by, tried once and without a word of ours; None where it does not, or nobody answers.

        Where the scheduler refuses our certificate, whoever has already written to it may see a connection that was reset, and no reason.
        """
        if not self.encrypted:
            return None
        _, host, port = _parts(self.scheduler)
        context = ssl.create_default_context(cafile=self.ca)
        context.check_hostname = False  # as Dask has it: the authority is the cluster's own
        context.load_cert_chain(str(self.cert), self.key, password="")
        try:
            with socket.create_connection((host, port), _PROBE) as plain, context.wrap_socket(plain) as wrapped:
                wrapped.recv(1)
        except ssl.SSLEOFError:
            return None
        except ssl.SSLError as error:
            return error
        except OSError:
            return None
        return None


def _parts(address: str) -> tuple[str, str, int]:
    """The scheme, the host and the port of a scheduler's address."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:  # a port that is no number, an address with half its brackets
        host = port = None
    if (
        not host
        or not port
        or parts.scheme not in ("tls", "tcp")
        or address not in (f"{parts.scheme}://{parts.netloc}", f"{parts.scheme}://{parts.netloc}/")
    ):
        raise ConfigError(f"--scheduler {printable(address)}: is not the address of a scheduler; write it as tls://host:port")
    if "@" in parts.netloc:
        raise ConfigError("--scheduler: holds a user or a password, which schedulers do not know; write it as tls://host:port")
    return parts.scheme, host, port


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _insist_on_usable(files: dict[str, Path | None]) -> None:
    for option, file in files.items():
        try:
            with open(str(file), "rb") as opened:
                opened.read(1)
        except OSError as error:
            raise ConfigError(f"{option} {printable(str(file))}: {error.strerror or error}") from error
    ca, cert, key = files.values()
    try:
        context = ssl.create_default_context(cafile=ca)
    except ssl.SSLError as error:
        raise ConfigError(f"--tls-ca {printable(str(ca))}: is not a certificate in PEM form") from error
    try:
        # Without a password OpenSSL would ask for one at the terminal.
        context.load_cert_chain(str(cert), key, password="")
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"--tls-cert {printable(str(cert))} and --tls-key {printable(str(key))}: do not belong together, have a passphrase or are not in PEM form"
        ) from error
