"""
Keys in an ssh-agent, so also those in hardware: the private half never comes here.

Two requests of the agent's protocol over the socket that SSH_AUTH_SOCK names: which keys are there, and sign this (draft-miller-ssh-agent, 4.4 and
4.5). An answer is bounded in size and in time, and a signature is tried before it is used: the agent is another process, and may be another machine.
"""

from __future__ import annotations

import os
import socket

from drcheck.clock import Deadline
from drcheck.errors import EvidenceError, TimedOut
from drcheck.evidence.public_keys import RSA, TYPES, PublicKey, key_from_blob
from drcheck.evidence.signer import KeySigner
from drcheck.evidence.wire import Reader, string, uint32
from drcheck.model import number_of, printable

SECONDS_TO_LIST = 10.0
SECONDS_TO_SIGN = 120.0
"""Time to touch a key in hardware, or to confirm."""
LARGEST_ANSWER = 256 * 1024
"""Bytes; OpenSSH's own bound."""
_MOST_KEYS = 2048
_REQUEST_IDENTITIES, _IDENTITIES_ANSWER = 11, 12
_SIGN_REQUEST, _SIGN_RESPONSE = 13, 14
_RSA_SHA2_512 = 4


class AgentSigner(KeySigner):
    """A key that an agent signs with."""

    def _sign_data(self, data: bytes) -> bytes:
        flags = _RSA_SHA2_512 if self.key.type == RSA else 0
        request = bytes([_SIGN_REQUEST]) + string(self.key.blob) + string(data) + uint32(flags)
        answer = _ask(request, SECONDS_TO_SIGN)
        if answer[:1] != bytes([_SIGN_RESPONSE]):
            raise EvidenceError(
                f"the ssh-agent did not sign with {self.key.fingerprint}: it is locked, was told not to, or nobody touched the key in time"
            )
        reader = Reader(answer[1:], "the agent's answer")
        signature = reader.string()
        reader.end()
        return signature


def agent_signer(name: str) -> AgentSigner:
    """
    The key in the agent with this fingerprint (`SHA256:…`) or comment.

    Raises:
        EvidenceError: there is no agent, no such key in it, or more than one by that comment.
    """
    keys = agent_keys()
    found = [key for key in keys if name in (key.fingerprint, key.comment)]
    if len(found) == 1:
        return AgentSigner(found[0])
    shown = "".join(f"\n  {key.fingerprint} {key.type} {printable(key.comment)}" for key in keys)
    if found:
        raise EvidenceError(f"agent:{name}: {number_of(len(found), 'key')} in the ssh-agent are called so; give the fingerprint of one:{shown}")
    there = f"it has:{shown}" if keys else "it has none that drcheck can use; add one with ssh-add"
    raise EvidenceError(f"agent:{name}: the ssh-agent has no key with that fingerprint or comment; {there}")


def agent_keys() -> tuple[PublicKey, ...]:
    """
    The keys in the agent, of the types that evidence can be signed with.

    Raises:
        EvidenceError: there is no agent, or its answer cannot be understood.
    """
    answer = _ask(bytes([_REQUEST_IDENTITIES]), SECONDS_TO_LIST)
    if answer[:1] != bytes([_IDENTITIES_ANSWER]):
        raise EvidenceError("the ssh-agent did not say which keys it has")
    return identities(answer[1:])


def identities(answer: bytes) -> tuple[PublicKey, ...]:
    """
    The keys in an agent's answer, behind its first byte. Keys of types that are not taken are left out, certificates among them.

    Raises:
        EvidenceError: it is not such an answer.
    """
    reader = Reader(answer, "the agent's answer")
    count = reader.uint32()
    if count > _MOST_KEYS:
        raise EvidenceError(f"the ssh-agent says that it has {count} keys; no more than {_MOST_KEYS} are read")
    keys = []
    for _ in range(count):
        blob, comment = reader.string(), reader.string().decode("utf-8", "replace")
        if Reader(blob, "a key in the agent's answer").string().decode("ascii", "replace") in TYPES:
            keys.append(key_from_blob(blob, " ".join(printable(comment).split())))
    reader.end()
    return tuple(keys)


def _ask(request: bytes, seconds: float) -> bytes:
    """The agent's answer to one request, without its length."""
    place = os.environ.get("SSH_AUTH_SOCK")
    if not hasattr(socket, "AF_UNIX"):
        raise EvidenceError("an ssh-agent cannot be used on this system (it has no UNIX sockets); sign with a key file instead")
    if not place:
        raise EvidenceError("there is no ssh-agent: SSH_AUTH_SOCK is not set; start one with: eval $(ssh-agent), and add the key with ssh-add")
    deadline = Deadline(seconds)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(seconds)
            connection.connect(place)
            connection.sendall(string(request))
            length = int.from_bytes(_receive(connection, 4, deadline), "big")
            if not 1 <= length <= LARGEST_ANSWER:
                raise EvidenceError(f"the ssh-agent at {place} announced {length} bytes; {LARGEST_ANSWER} at most are read")
            return _receive(connection, length, deadline)
    except (TimeoutError, TimedOut) as error:
        raise EvidenceError(f"the ssh-agent at {place} did not answer within {seconds:g} s") from error
    except (OSError, ValueError) as error:  # the latter for a path with a null byte
        raise EvidenceError(f"the ssh-agent at {place} could not be asked: {getattr(error, 'strerror', None) or error}") from error


def _receive(connection: socket.socket, length: int, deadline: Deadline) -> bytes:
    received = b""
    while len(received) < length:
        deadline.check()
        connection.settimeout(max(deadline.remaining() or 0.0, 0.001))
        part = connection.recv(length - len(received))
        if not part:
            raise EvidenceError("the ssh-agent hung up in the middle of its answer")
        received += part
    return received
