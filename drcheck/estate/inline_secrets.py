"""
Secrets that somebody wrote into a file: found so that they can be refused, and never repeated in a message.

Two nets. A value under a key that is named like a secret must be a reference; and some values give themselves away wherever they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from drcheck.secrets import SCHEMES, is_reference

Path = tuple[str | int, ...]

NOT_SHOWN = "(not shown)"
_WORDS = ("password", "passwd", "passphrase", "secret", "token", "credential")
_NAMES = ("pass", "pwd", "apikey", "accesskey")
_KINDS_OF_KEY = ("access", "account", "api", "encryption", "private", "shared", "signing", "storage")
_ABOUT_A_SECRET = ("algorithm", "arn", "command", "file", "files", "fingerprint", "folder", "id", "ids", "name", "path", "type", "url")
_OPEN_KEYS = ("host_key", "host_keys", "hostkey", "key_file", "keyfile", "public_key", "known_hosts")
_PLACES = (("notices", "to"), ("notices", "ping", "url"))
"""Keys that are not named like a secret, and hold one: the address of a chat or of a monitor lets anybody in who has it."""
_GIVEAWAYS = (
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), "looks like an AWS access key"),
    (re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----|PuTTY-User-Key-File-"), "looks like a private key"),
    (re.compile(r"://[^\s/?#@:]*:[^\s/?#]+@"), "holds a password in a URL"),
    (re.compile(r"\b(?:AccountKey|SharedAccessKey)=", re.IGNORECASE), "looks like a storage account key"),
)
_ADVICE = (
    f"write a reference instead, such as env:NAME or file:/path (known: {', '.join(SCHEMES)}), and change the secret, as it has been written down"
)


def walk(document: object) -> Iterator[tuple[Path, object]]:
    """Every table, list and plain value in the document with the keys that lead to it, in the order of the document. No recursion."""
    waiting: list[tuple[Path, object]] = [((), document)]
    while waiting:
        path, value = waiting.pop()
        yield path, value
        if isinstance(value, dict):
            waiting.extend(((*path, key), item) for key, item in reversed(value.items()))
        elif isinstance(value, list):
            waiting.extend(((*path, index), item) for index, item in reversed(list(enumerate(value))))


def inline_secrets(document: dict[str, object]) -> dict[Path, str]:
    """Where a secret seems to be written into the document, and what is wrong there. The texts never repeat the value."""
    found: dict[Path, str] = {}
    for path, value in walk(document):
        if any(giveaway(part) for part in path[-1:] if isinstance(part, str)):
            found[path] = f"this key {giveaway(str(path[-1]))}; {_ADVICE}"
        elif isinstance(value, str) and (what := giveaway(value)):
            found[path] = f"the value {what}, which is never written into this file; {_ADVICE}"
        elif _must_be_reference(path) and _is_written_out(value):
            found[path] = f"a secret is never written into this file; {_ADVICE}"
    return found


def private_texts(document: object) -> tuple[str, ...]:
    """Every text in the document that no message may repeat, longest first."""
    texts = {
        value
        for path, value in walk(document)
        if isinstance(value, str) and len(value) > 3 and (giveaway(value) or (may_be_secret(path) and not is_reference(value)))
    }
    return tuple(sorted(texts, key=len, reverse=True))


def without(private: tuple[str, ...], message: str) -> str:
    """The message with every private text taken out, also where it stands in Python's quotes."""
    for text in private:
        message = message.replace(text, NOT_SHOWN).replace(repr(text)[1:-1], NOT_SHOWN)
    return message


def giveaway(text: str) -> str:
    """What in the text gives a secret away, in words; empty where nothing does."""
    return next((what for pattern, what in _GIVEAWAYS if pattern.search(text)), "")


def may_be_secret(path: Path) -> bool:
    """Whether the value at these keys may be a secret, going by the names of the keys: if in doubt, yes."""
    if tuple(_names(path)) in _PLACES:
        return True
    return any(key not in _OPEN_KEYS and (any(word in key for word in (*_WORDS, "key")) or key in _NAMES) for key in _names(path))


def _must_be_reference(path: Path) -> bool:
    key = next(reversed(_names(path)), "")
    words = key.split("_")
    if key in _OPEN_KEYS or words[-1] in _ABOUT_A_SECRET:
        return False
    return any(word in key for word in _WORDS) or key in _NAMES or (words[-1] == "key" and any(kind in words for kind in _KINDS_OF_KEY))


def _names(path: Path) -> list[str]:
    names = [part.lower().replace("-", "_") for part in path if isinstance(part, str)]
    # `key` is also a kind of failure domain: what is encrypted with it is lost with it.
    return names[: names.index("domains")] if "domains" in names else names


def _is_written_out(value: object) -> bool:
    if isinstance(value, str):
        return bool(value.strip()) and not is_reference(value.strip())
    return not isinstance(value, dict | list | bool)
