"""A time stamping authority of OpenSSL's, in a folder; and one that answers over HTTP."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509

from drcheck.evidence.timestamp import load_authorities

OPENSSL = pytest.mark.program("openssl")
SECONDS = 60
_CONFIGURATION = """
[tsa]
default_tsa = one
[one]
serial = serial
crypto_device = builtin
signer_cert = tsa.pem
{certs}
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
other_policies = 1.2.3.4.2
digests = sha256, sha384, sha512
accuracy = secs:1
tsa_name = yes
ess_cert_id_alg = sha256
[stamps]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
basicConstraints = critical,CA:FALSE
"""


class Authority:
    """A certificate authority, and a time stamping authority below it."""

    def __init__(self, folder: Path, *, chain: bool = False) -> None:
        """`chain`: whether answers hold the issuer's certificate too."""
        self.folder = folder
        folder.mkdir()
        self._issue("certs = ca.pem" if chain else "")

    def _issue(self, certs: str) -> None:
        (self.folder / "tsa.cnf").write_text(_CONFIGURATION.format(certs=certs))
        (self.folder / "serial").write_text("01\n")
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "3650", "-subj", "/CN=Test CA")
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/O=Notary/CN=Test TSA")
        made = (
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-out",
            "tsa.pem",
            "-days",
            "3000",
            "-extfile",
            "tsa.cnf",
            "-extensions",
            "stamps",
        )
        self.openssl("x509", "-req", "-in", "tsa.csr", *made)

    @property
    def ca(self) -> Path:
        """The certificate to trust."""
        return self.folder / "ca.pem"

    @property
    def trusted(self) -> tuple[x509.Certificate, ...]:
        """The same, loaded."""
        return load_authorities(self.ca.read_bytes(), "ca.pem")

    def openssl(self, *arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        """Run openssl in the folder."""
        return subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, timeout=SECONDS, check=check)

    def asked(self, message: bytes, *options: str) -> bytes:
        """A request that openssl makes."""
        (self.folder / "message").write_bytes(message)
        self.openssl("ts", "-query", "-data", "message", *options, "-out", "made.tsq")
        return (self.folder / "made.tsq").read_bytes()

    def answer(self, request: bytes) -> bytes:
        """The answer to a request, which may be a refusal."""
        (self.folder / "asked.tsq").write_bytes(request)
        self.openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "asked.tsq", "-out", "answer.tsr", check=False)
        return (self.folder / "answer.tsr").read_bytes()

    def verifies(self, answer: bytes, message: bytes) -> bool:
        """Whether openssl takes the answer as this authority's about the message."""
        (self.folder / "message").write_bytes(message)
        (self.folder / "brought.tsr").write_bytes(answer)
        done = self.openssl("ts", "-verify", "-data", "message", "-in", "brought.tsr", "-CAfile", "ca.pem", check=False)
        return done.returncode == 0 and b"Verification: OK" in done.stdout + done.stderr


@contextmanager
def serving(respond: Callable[[BaseHTTPRequestHandler, bytes], None]) -> Iterator[str]:
    """A server on loopback that gives each request to `respond`; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                respond(self, body)
            except OSError:
                self.close_connection = True  # whoever asked has gone

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the server's own word
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/tsr"
        server.shutdown()
        thread.join(SECONDS)


def sends(status: int, content: bytes, **headers: str) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    """What answers every request with this."""

    def respond(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(status)
        for name, value in ({"Content_Length": str(len(content))} | headers).items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return respond
