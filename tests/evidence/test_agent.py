"""Keys in an ssh-agent: a real one, and ones that lie."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drcheck.errors import EvidenceError
from drcheck.evidence import agent
from drcheck.evidence.agent import LARGEST_ANSWER, agent_keys, agent_signer, identities
from drcheck.evidence.public_keys import SK_ECDSA, SK_ED25519, key_from_line
from drcheck.evidence.sshsig import NAMESPACE, dearmour
from drcheck.evidence.wire import Reader, string, uint32
from tests.evidence.hardware import Token
from tests.evidence.ssh import AGENT, KEYGEN, SECONDS, keygen_signs, keygen_verifies, make_key, ssh_agent

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="an agent needs UNIX sockets")
MESSAGE = b"manifest"
WHO = "backups@hospital.example"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("keys")
    kinds: dict[str, tuple[str, ...]] = {"ed25519": (), "rsa": ("-b", "2048"), "ecdsa": ("-b", "384")}
    return {kind: make_key(folder / kind, kind, *options, comment=f"{kind}@hospital.example") for kind, options in kinds.items()}


@pytest.fixture(scope="module")
def real(keys: dict[str, Path]) -> Iterator[str]:
    with ssh_agent(*keys.values()) as place:
        yield place


def listed(line: str) -> str:
    return f'{WHO} namespaces="{NAMESPACE}" {line}\n'


@AGENT
@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_an_agent_signs_with_each_type(real: str, keys: dict[str, Path], kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", real)
    public = key_from_line(Path(f"{keys[kind]}.pub").read_text())
    for name in (public.fingerprint, f"{kind}@hospital.example"):
        signer = agent_signer(name)
        assert signer.public_key == public.line
        signature = signer.sign(MESSAGE)
        assert keygen_verifies(signature, MESSAGE, listed(signer.public_key), WHO)
    algorithm = Reader(dearmour(signature).signature, "it").word()
    assert algorithm == {"ed25519": "ssh-ed25519", "rsa": "rsa-sha2-512", "ecdsa": "ecdsa-sha2-nistp384"}[kind]
    if kind == "ed25519":
        assert signature == keygen_signs(keys[kind], MESSAGE)


@AGENT
def test_a_key_that_is_not_there_names_those_that_are(real: str, keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", real)
    with pytest.raises(EvidenceError, match=r"no key with that fingerprint or comment; it has:\n  SHA256:\S+ ssh-ed25519 ed25519@hospital.example"):
        agent_signer("SHA256:nobody")
    assert len(agent_keys()) == 3


@AGENT
def test_an_agent_that_is_empty_locked_or_gone_says_so(keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with ssh_agent() as place:
        monkeypatch.setenv("SSH_AUTH_SOCK", place)
        with pytest.raises(EvidenceError, match="it has none that drcheck can use; add one with ssh-add"):
            agent_signer("x")
    with pytest.raises(EvidenceError, match="could not be asked"):
        agent_keys()
    with ssh_agent(keys["ed25519"]) as place:
        monkeypatch.setenv("SSH_AUTH_SOCK", place)
        signer = agent_signer("ed25519@hospital.example")
        subprocess.run(["ssh-add", "-q", "-D"], check=True, env=dict(os.environ), capture_output=True, timeout=SECONDS)
        with pytest.raises(EvidenceError, match="did not sign with SHA256"):
            signer.sign(MESSAGE)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / ("x" * 200)))
    with pytest.raises(EvidenceError, match="could not be asked"):
        agent_keys()
    monkeypatch.delenv("SSH_AUTH_SOCK")
    with pytest.raises(EvidenceError, match="SSH_AUTH_SOCK is not set"):
        agent_keys()


@AGENT
def test_two_keys_of_one_comment_are_told_apart_by_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ssh_agent(make_key(tmp_path / "a", comment="same"), make_key(tmp_path / "b", comment="same")) as place:
        monkeypatch.setenv("SSH_AUTH_SOCK", place)
        with pytest.raises(EvidenceError, match="2 keys in the ssh-agent are called so; give the fingerprint"):
            agent_signer("same")
        assert agent_signer(key_from_line((tmp_path / "b.pub").read_text()).fingerprint).key.comment == "same"


@contextmanager
def pretended(answer: Callable[[bytes], bytes]) -> Iterator[str]:
    """An agent that answers each request with these bytes, length included."""
    folder = tempfile.mkdtemp(prefix="drcheck-agent-", dir="/tmp")
    place = str(Path(folder, "socket"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(place)
        listening.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                # Whoever asked may have gone before the answer.
                with contextlib.suppress(OSError), connection, connection.makefile("rb") as asked:
                    length = int.from_bytes(asked.read(4), "big")
                    if length:
                        connection.sendall(answer(asked.read(length)))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield place
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(SECONDS)
    shutil.rmtree(folder)


@KEYGEN
@pytest.mark.parametrize("kind", [SK_ED25519, SK_ECDSA])
def test_an_agent_signs_with_a_key_in_hardware(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    token = Token(kind)

    def answer(request: bytes) -> bytes:
        if request == b"\x0b":
            return string(b"\x0c" + uint32(2) + string(string(b"ssh-dss")) + string(b"old") + string(token.key.blob) + string(b"token"))
        reader = Reader(request, "the request")
        assert (reader.byte(), reader.string()) == (13, token.key.blob)
        data = reader.string()
        assert reader.uint32() == 0
        return string(b"\x0e" + string(token.sign(data)))

    with pretended(answer) as place:
        monkeypatch.setenv("SSH_AUTH_SOCK", place)
        signer = agent_signer("token")
        assert keygen_verifies(signer.sign(MESSAGE), MESSAGE, listed(signer.public_key), WHO)


def key_answer(token: Token) -> bytes:
    return string(b"\x0c" + uint32(1) + string(token.key.blob) + string(b"token"))


TOKEN, OTHER = Token(), Token()


@pytest.mark.parametrize(
    ("answer", "because"),
    [
        (lambda _: uint32(LARGEST_ANSWER + 1), f"announced {LARGEST_ANSWER + 1} bytes"),
        (lambda _: uint32(0), "announced 0 bytes"),
        (lambda _: b"", "hung up"),
        (lambda _: uint32(9) + b"\x0c", "hung up"),
        (lambda _: string(b"\x05"), "did not say which keys it has"),
        (lambda _: string(b"\x0c" + uint32(2049)), "says that it has 2049 keys"),
        (lambda _: string(b"\x0c" + uint32(1)), "cut short"),
        (lambda _: string(b"\x0c" + uint32(0) + b"more"), "4 bytes too many"),
        (lambda request: key_answer(TOKEN) if request == b"\x0b" else string(b"\x0e" + string(OTHER.sign(b"data"))), "altered"),
        (lambda request: key_answer(TOKEN) if request == b"\x0b" else string(b"\x0e" + string(b"")), "cut short"),
        (lambda request: key_answer(TOKEN) if request == b"\x0b" else string(b"\x0e"), "cut short"),
    ],
)
def test_an_agent_that_lies_is_found_out(answer: Callable[[bytes], bytes], because: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pretended(answer) as place:
        monkeypatch.setenv("SSH_AUTH_SOCK", place)
        with pytest.raises(EvidenceError, match=because):
            agent_signer("token").sign(MESSAGE)


def test_an_agent_that_does_not_answer_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "SECONDS_TO_LIST", 0.3)
    silent = threading.Event()

    def answer(_: bytes) -> bytes:
        silent.wait(SECONDS)
        return b"\0"

    with pretended(answer) as place:
        monkeypatch.setenv("SSH_AUTH_SOCK", place)
        with pytest.raises(EvidenceError, match=r"did not answer within 0\.3 s"):
            agent_keys()
        silent.set()


@given(st.binary(max_size=200) | st.tuples(st.integers(0, 3), st.binary(max_size=120)).map(lambda pair: uint32(pair[0]) + pair[1]))
def test_nothing_but_an_evidence_error_comes_of_an_answer(answer: bytes) -> None:
    try:
        found = identities(answer)
    except EvidenceError:
        return
    assert all(key.fingerprint.startswith("SHA256:") for key in found)
