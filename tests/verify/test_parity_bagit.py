"""
Bags made by bagit-python and damaged in every way that it notices: drcheck passes exactly what it passes.

Where drcheck says more, on purpose, the difference stands in `STRICTER` with its reason; there is no case in which it says less.
"""

from __future__ import annotations

import logging
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import bagit
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drcheck.verify.held_against import exit_code
from tests.verify.places import age, copy_of, estate_of, fill, verified

PAYLOAD = {"a.dcm": b"1" * 300, "deep/b.dcm": b"2" * 200, "empty": b"", "å 100%.txt": b"name"}
Damage = Callable[[Path], object]
PASSED, FAILED, UNKNOWN = 0, 10, 11


@contextmanager
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def make(folder: Path, algorithms: tuple[str, ...] = ("sha256", "sha512")) -> Path:
    fill(folder, PAYLOAD)
    with quiet():
        bagit.make_bag(str(folder), {"Contact-Name": "Archive", "External-Identifier": "42"}, checksums=list(algorithms))
    return folder


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bag that nobody touches; tests damage copies."""
    return make(tmp_path_factory.mktemp("sound") / "bag")


def peer(bag: Path) -> bool:
    """Whether `bagit.Bag.validate` lets it pass: completeness and every checksum."""
    with quiet():
        try:
            bagit.Bag(str(bag)).validate()
        except (bagit.BagError, ValueError, OSError):
            return False
    return True


def ours(bag: Path) -> int:
    """The exit code of holding the bag's manifests against it; 0 is the only pass."""
    age(bag)
    return exit_code(verified(estate_of(copy_of({"kind": "bagit"}, target=bag.name), base=bag.parent)))


def both(sound: Path, damage: Damage) -> tuple[int, bool]:
    """What drcheck and bagit-python make of a damaged copy."""
    with TemporaryDirectory(prefix="bags-") as folder:
        bag = Path(folder) / "bag"
        shutil.copytree(sound, bag, symlinks=True)
        damage(bag)
        return ours(bag), peer(bag)


# Damages of one file


def at(name: str, change: Callable[[bytes], bytes]) -> Damage:
    def damage(bag: Path) -> None:
        path = bag / name
        if path.is_file():  # another damage may have taken it
            path.write_bytes(change(path.read_bytes()))

    return damage


def remove(name: str) -> Damage:
    return lambda bag: (bag / name).unlink(missing_ok=True)


def rename(name: str) -> Damage:
    def damage(bag: Path) -> None:
        if (bag / name).exists():
            (bag / name).rename(bag / f"{name}.old")

    return damage


FILES = (
    *(f"data/{name}" for name in PAYLOAD),
    "bagit.txt",
    "bag-info.txt",
    "manifest-sha256.txt",
    "manifest-sha512.txt",
    "tagmanifest-sha256.txt",
    "tagmanifest-sha512.txt",
)
CHANGES: dict[str, Callable[[str], Damage]] = {
    "first byte": lambda name: at(name, lambda content: bytes([content[0] ^ 1]) + content[1:] if content else b"x"),
    "last byte": lambda name: at(name, lambda content: content[:-1] + bytes([content[-1] ^ 4]) if content else b"y"),
    "cut": lambda name: at(name, lambda content: content[:-1]),
    "emptied": lambda name: at(name, lambda _: b""),
    "longer": lambda name: at(name, lambda content: content + b"z\n"),
    "removed": remove,
    "renamed": rename,
}
SINGLE: dict[str, Damage] = {f"{name}: {change}": make_damage(name) for name in FILES for change, make_damage in CHANGES.items()}

# Damages of the whole


def write(name: str, content: bytes) -> Damage:
    def damage(bag: Path) -> None:
        (bag / name).parent.mkdir(parents=True, exist_ok=True)
        (bag / name).write_bytes(content)

    return damage


def untag(bag: Path) -> None:
    """Remove the tag manifests, so that only the damage before speaks."""
    for manifest in bag.glob("tagmanifest-*.txt"):
        manifest.unlink()


def then_untagged(*damages: Damage) -> Damage:
    def damage(bag: Path) -> None:
        for each in (*damages, untag):
            each(bag)

    return damage


def oxum(text: bytes) -> Damage:
    def change(content: bytes) -> bytes:
        return b"".join(b"Payload-Oxum: " + text + b"\n" if line.startswith(b"Payload-Oxum") else line for line in content.splitlines(keepends=True))

    return then_untagged(at("bag-info.txt", change))


def swap(bag: Path) -> None:
    one, other = (bag / "data/a.dcm").read_bytes(), (bag / "data/deep/b.dcm").read_bytes()
    (bag / "data/a.dcm").write_bytes(other)
    (bag / "data/deep/b.dcm").write_bytes(one)


def same_size(bag: Path) -> None:
    (bag / "data/a.dcm").write_bytes(b"2" * 300)


def other_form(bag: Path) -> None:
    name = "å 100%.txt"
    (bag / "data" / name).rename(bag / "data" / unicodedata.normalize("NFD", name))


def drop(name: str, holding: bytes) -> Damage:
    return at(name, lambda content: b"".join(line for line in content.splitlines(keepends=True) if holding not in line))


def link(bag: Path) -> None:
    (bag / "data/a.dcm").rename(bag.parent / "elsewhere.dcm")
    (bag / "data/a.dcm").symlink_to(bag.parent / "elsewhere.dcm")


WHOLE: dict[str, Damage] = {
    "untouched": lambda _: None,
    "no tag manifests": untag,
    "extra payload": write("data/extra.dcm", b"x"),
    "extra payload, empty": write("data/new/extra", b""),
    "extra tag file": write("notes.txt", b"n"),
    "extra folder": lambda bag: (bag / "data/hollow").mkdir(),
    "contents swapped": swap,
    "same size": same_size,
    "other unicode form": other_form,
    "folder moved": lambda bag: (bag / "data/deep").rename(bag / "data/deeper"),
    "no payload folder": lambda bag: shutil.rmtree(bag / "data"),
    "no payload manifest": then_untagged(remove("manifest-sha256.txt"), remove("manifest-sha512.txt")),
    "one payload manifest": then_untagged(remove("manifest-sha256.txt")),
    "oxum: octets": oxum(b"1.4"),
    "oxum: files": oxum(b"504.5"),
    "oxum: right": oxum(b"504.4"),
    "oxum: words": oxum(b"many"),
    "oxum: half": oxum(b"504"),
    "unlisted": then_untagged(drop("manifest-sha256.txt", b"data/empty"), drop("manifest-sha512.txt", b"data/empty")),
    "listed, not there": then_untagged(at("manifest-sha256.txt", lambda content: content + b"0" * 64 + b"  data/ghost\n")),
    "checksum of another": then_untagged(at("manifest-sha512.txt", lambda content: content.replace(content[:128], b"0" * 128, 1))),
    "upper-case digests": then_untagged(at("manifest-sha256.txt", lambda content: content[:64].upper() + content[64:])),
    "CR LF": then_untagged(at("manifest-sha256.txt", lambda content: content.replace(b"\n", b"\r\n"))),
    "path up": then_untagged(at("manifest-sha256.txt", lambda content: content + b"0" * 64 + b"  data/../../x\n")),
    "path absolute": then_untagged(at("manifest-sha256.txt", lambda content: content + b"0" * 64 + b"  /etc/passwd\n")),
    "version unknown": then_untagged(at("bagit.txt", lambda content: content.replace(b"0.97", b"7.0"))),
    "version 1.0": then_untagged(at("bagit.txt", lambda content: content.replace(b"0.97", b"1.0"))),
    "byte-order mark": then_untagged(at("bagit.txt", lambda content: b"\xef\xbb\xbf" + content)),
    "fetched": then_untagged(write("fetch.txt", b"https://a.example/a 300 data/a.dcm\n")),
    "to be fetched": then_untagged(remove("data/empty"), write("fetch.txt", b"https://a.example/e 0 data/empty\n")),
    "a link": link,
}
TAG_MANIFESTS = [name for name in SINGLE if name.startswith("tagmanifest-") and name.endswith(("emptied", "longer"))]
"""Nothing promises a tag manifest, and bagit-python passes over what it does not understand in one. drcheck says that it is unusable."""
DAMAGES = {name: damage for name, damage in {**SINGLE, **WHOLE}.items() if name not in TAG_MANIFESTS}


@pytest.mark.parametrize("name", DAMAGES)
def test_drcheck_passes_exactly_what_bagit_passes(sound: Path, name: str) -> None:
    code, passed = both(sound, DAMAGES[name])
    assert code in (PASSED, FAILED, UNKNOWN)
    assert (code == PASSED) is passed, (name, code, passed)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(sorted(DAMAGES.keys() & SINGLE.keys())), min_size=2, max_size=4, unique=True))
def test_so_it_does_where_several_things_are_wrong(sound: Path, names: list[str]) -> None:
    def damage(bag: Path) -> None:
        for name in names:
            SINGLE[name](bag)

    code, passed = both(sound, damage)
    assert (code == PASSED) is passed, (names, code, passed)


def test_the_damages_are_noticed(sound: Path) -> None:
    # So that parity is not that of two that notice nothing.
    verdicts = {name: both(sound, DAMAGES[name])[0] for name in ("data/a.dcm: first byte", "contents swapped", "extra payload", "oxum: files")}
    assert PASSED not in verdicts.values()
    assert verdicts["data/a.dcm: first byte"] == FAILED


# What drcheck says more, on purpose


STRICTER: dict[str, tuple[tuple[str, ...], Damage, str]] = {
    "weak": (("md5",), lambda _: None, "MD5 shows accidents and no attack: it counts where `weak_allowed` says so"),
    "uneven": (
        ("sha256", "sha512"),
        then_untagged(drop("manifest-sha256.txt", b"data/empty"), at("bagit.txt", lambda content: content.replace(b"0.97", b"1.0"))),
        "since 1.0 every payload manifest lists every payload file (RFC 8493, 2.1.3)",
    ),
    "fetch of what is not listed": (
        ("sha256",),
        then_untagged(write("fetch.txt", b"https://a.example/e 0 data/other\n")),
        "what fetch.txt names must be in a payload manifest (RFC 8493, 2.2.3)",
    ),
    **{name: (("sha256", "sha512"), SINGLE[name], "a tag manifest that nobody understands is unusable") for name in TAG_MANIFESTS},
    "unknown algorithm": (("sha256",), write("manifest-whirlpool.txt", b"00 data/empty\n"), "what an unknown algorithm promises is not known"),
}


@pytest.mark.parametrize("name", STRICTER)
def test_where_drcheck_is_stricter(tmp_path: Path, name: str) -> None:
    algorithms, damage, reason = STRICTER[name]
    code, passed = both(make(tmp_path / "bag", algorithms), damage)
    assert passed, f"bagit-python has become as strict: {reason}"
    assert code in (FAILED, UNKNOWN)
