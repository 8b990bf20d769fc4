"""
Pinned SSH host keys: what the estate says about a server's key, compared with the key that the server shows.

Nothing here does I/O, and no key is ever added. A pin is a fingerprint (`SHA256:...`), a public key line (`ssh-ed25519 AAAA...`) or the lines
of a `known_hosts` file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT) that speak of the host.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Collection
from dataclasses import dataclass

from drcheck.errors import Untrusted

_FINGERPRINT = re.compile(r"SHA256:([A-Za-z0-9+/]{43})=?")
_MARKERS = ("@revoked", "@cert-authority")


def fingerprint(key: bytes) -> str:
    """The fingerprint of a public key in its wire form, as `ssh-keygen -l` shows it: `SHA256:` and base64 without padding."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode("ascii").rstrip("=")


def kind_of(key: bytes) -> str:
    """The type that a public key in its wire form names, such as `ssh-ed25519`; empty where it names none."""
    length = int.from_bytes(key[:4], "big")
    name = key[4 : 4 + length]
    return name.decode("ascii") if len(name) == length and name.isascii() else ""


@dataclass(frozen=True, slots=True)
class HostKeyPins:
    """The keys that a server may show. Without any key or fingerprint, every key is refused."""

    place: str
    """Where the pins were written, for messages: `host_key` or the path of a `known_hosts` file."""
    keys: Collection[bytes] = ()
    """Whole public keys in their wire form."""
    fingerprints: Collection[str] = ()
    """Fingerprints, where only those are known."""
    revoked: Collection[bytes] = ()
    """Keys that are refused, whatever else is said."""
    authorities: int = 0
    """How many certificate authorities were named for the host; they are not understood."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The types of the whole keys, each once, in their order; empty where only fingerprints are known."""
        return tuple(dict.fromkeys(kind_of(key) for key in self.keys))

    @property
    def shown(self) -> str:
        """The pinned fingerprints, for messages."""
        return ", ".join([*self.fingerprints, *(fingerprint(key) for key in self.keys)])

    def trusts(self, key: bytes) -> bool:
        """Whether this key is one that is pinned and not revoked."""
        return key not in self.revoked and (key in self.keys or fingerprint(key) in self.fingerprints)

    def refusal(self, server: str, shown: Collection[bytes]) -> Untrusted:
        """Why a server that showed these keys is not trusted, and what to do."""
        said = ", ".join(f"{kind_of(key) or 'an unknown type'} {fingerprint(key)}" for key in shown)
        if any(key in self.revoked for key in shown):
            return Untrusted(f"{server}: its host key {said} is marked @revoked in {self.place}; do not connect, and ask the server's owner")
        if not self.keys and not self.fingerprints:
            why = f"{server}: {self.place} has no key for it" + (" (certificate authorities are not understood)" if self.authorities else "")
            return Untrusted(
                f"{why}; the server shows {said}. Compare this with its owner, by telephone (ssh-keygen -lf on the server), then pin it as host_key"
            )
        return Untrusted(
            f"{server}: its host key is {said}, but {self.place} pins {self.shown}. Either the server got a new key or something stands in "
            "between: ask its owner to read the fingerprint out (ssh-keygen -lf on the server), and only then change the pin"
        )


def pins_from_text(text: str) -> HostKeyPins:
    """
    The pin that the option `host_key` holds.

    Raises:
        ValueError: it is neither a SHA-256 fingerprint nor a public key line; the message says what is wanted.
    """
    words = text.split()
    if len(words) == 1 and (found := _FINGERPRINT.fullmatch(words[0])):
        return HostKeyPins("host_key", fingerprints=(f"SHA256:{found[1]}",))
    if len(words) >= 2 and (key := _public_key(words[0], words[1])) is not None:
        return HostKeyPins("host_key", keys=(key,))
    if text.upper().startswith("MD5:"):
        raise ValueError("MD5 fingerprints can be forged; write the SHA-256 one, as ssh-keygen -lf prints it: SHA256:...")
    raise ValueError(
        f"{text!r} is no host key; write its fingerprint (SHA256: and 43 characters) or its public key line (ssh-ed25519 AAAA...), "
        "without the host name that ssh-keyscan puts before it"
    )


def pins_from_known_hosts(text: str, host: str, port: int, place: str = "known_hosts") -> HostKeyPins:
    """
    The pins that the lines of a `known_hosts` file hold for one host and port.

    Plain names, `[host]:port`, patterns with `*`, `?` and `!`, hashed names and the marker `@revoked` are understood. A host at another port
    than 22 is found as `[host]:port` only. A line that cannot be understood pins nothing.

    Raises:
        Untrusted: a `@revoked` line for this host cannot be understood, so which key is revoked cannot be told.
    """
    name = (host if port == 22 else f"[{host}]:{port}").lower()
    keys: list[bytes] = []
    revoked: list[bytes] = []
    authorities = 0
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        marker = words.pop(0) if words and words[0] in _MARKERS else ""
        if not words or words[0].startswith(("#", "@")) or not _names(words[0], name):
            continue
        key = _public_key(words[1], words[2]) if len(words) >= 3 else None
        if marker == "@cert-authority":
            authorities += 1
        elif key is None:
            if marker == "@revoked":
                raise Untrusted(f"{place}, line {number}: a revoked key for {name} cannot be understood; correct the line")
        elif marker == "@revoked":
            revoked.append(key)
        else:
            keys.append(key)
    return HostKeyPins(place, keys=tuple(dict.fromkeys(keys)), revoked=tuple(revoked), authorities=authorities)


def _public_key(kind: str, text: str) -> bytes | None:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if kind and kind_of(key) == kind else None


def _names(patterns: str, name: str) -> bool:
    """Whether the first field of a line speaks of `name`. One negated pattern that fits rules the whole line out."""
    found = False
    for word in patterns.split(","):
        pattern = word.removeprefix("!")
        if _hashed(pattern, name) if pattern.startswith("|") else _pattern(pattern.lower()).fullmatch(name) is not None:
            if word.startswith("!"):
                return False
            found = True
    return found


def _hashed(pattern: str, name: str) -> bool:
    fields = pattern.split("|")
    if len(fields) != 4 or fields[1] != "1":
        return False
    try:
        salt, digest = base64.b64decode(fields[2], validate=True), base64.b64decode(fields[3], validate=True)
    except (binascii.Error, ValueError):
        return False
    # HMAC-SHA1 is the file's format; it hides names, it does not protect keys.
    return hmac.compare_digest(hmac.new(salt, name.encode("utf-8", "surrogateescape"), "sha1").digest(), digest)


def _pattern(pattern: str) -> re.Pattern[str]:
    first, *rest = ("".join("." if character == "?" else re.escape(character) for character in part) for part in pattern.split("*"))
    if not rest:
        return re.compile(first, re.DOTALL)
    # What lies between two stars is looked for once, where it comes first: all ways of sharing a name out among many stars are too many to try.
    return re.compile(first + "".join(f"(?>.*?{part})" for part in rest[:-1]) + ".*" + rest[-1], re.DOTALL)
