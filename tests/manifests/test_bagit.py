"""The files of a bag, one by one, as RFC 8493 describes them."""

from __future__ import annotations

import pytest

from drcheck.errors import ManifestError
from drcheck.manifests import bagit
from drcheck.manifests.bagit import Declaration, Oxum

ZEROS = "0" * 64
OLD, NEW = Declaration((0, 97)), Declaration((1, 0))


def names(content: str, declaration: Declaration = NEW, *, tag: bool = False, encoding: str = "utf-8") -> list[tuple[str, str]]:
    promises = bagit.read_manifest([content.encode(encoding)], "manifest-sha256.txt", "sha256", tag=tag, declaration=declaration)
    return [(promise.name, promise.spelt) for promise in promises]


def test_the_declaration() -> None:
    content = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    assert bagit.read_declaration([content], "bagit.txt") == Declaration((1, 0), "utf-8")
    old = bagit.read_declaration([b"BagIt-Version: 0.95\r\nTag-File-Character-Encoding: ISO-8859-1\r\n"], "bagit.txt")
    assert (old.version, old.encoding, old.info) == ((0, 95), "iso8859-1", "package-info.txt")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "BagIt-Version"),
        (b"BagIt-Version: one\nTag-File-Character-Encoding: UTF-8\n", "BagIt-Version"),
        (b"BagIt-Version: 0.92\nTag-File-Character-Encoding: UTF-8\n", "0.92 is not understood"),
        (b"BagIt-Version: 2.0\nTag-File-Character-Encoding: UTF-8\n", "2.0 is not understood"),
        (b"BagIt-Version: 1.0\n", "encoding"),
        (b"BagIt-Version: 1.0\nTag-File-Character-Encoding: rot13\n", "rot13"),
        (b"BagIt-Version: 1.0\nTag-File-Character-Encoding: \xc3\xa9\n", "encoding"),
        (b"BagIt-Version: 1.0\nTag-File-Character-Encoding: unicode_escape\n", "unicode_escape"),
        (b"\xef\xbb\xbfBagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n", "byte-order mark"),
        (b"BagIt-Version\n", "line 1"),
        (b"\xff", "not written in utf-8"),
        (b"a" * 100_000, "larger than"),
    ],
)
def test_a_declaration_that_is_not_understood(content: bytes, says: str) -> None:
    with pytest.raises(ManifestError, match=says):
        bagit.read_declaration([content], "bagit.txt")


def test_names_of_manifests() -> None:
    assert bagit.manifest_of("manifest-sha256.txt") == (False, "sha256")
    assert bagit.manifest_of("tagmanifest-md5.txt") == (True, "md5")
    assert bagit.manifest_of("manifest-SHA-512.txt") == (False, "sha512")
    assert bagit.manifest_of("bag-info.txt") is None
    with pytest.raises(ManifestError, match="tiger is unknown"):
        bagit.manifest_of("manifest-tiger.txt")


@pytest.mark.parametrize(
    ("written", "declaration", "expected"),
    [
        ("data/a b", NEW, ("data/a b", "")),
        ("*data/a", NEW, ("data/a", "")),
        ("./data//a", NEW, ("data/a", "")),
        ("data/a%0Ab%0dc", NEW, ("data/a\nb\rc", "data/a%0Ab%0dc")),
        ("data/100%25", NEW, ("data/100%", "data/100%25")),
        ("data/%2e%2e%41", NEW, ("data/%2e%2e%41", "")),
        ("data/%250A", NEW, ("data/%0A", "data/%250A")),
        ("data/100%25", OLD, ("data/100%25", "")),
        ("data/a%0Ab", OLD, ("data/a\nb", "data/a%0Ab")),
    ],
)
def test_names_in_manifests(written: str, declaration: Declaration, expected: tuple[str, str]) -> None:
    assert names(f"{ZEROS}  {written}\n", declaration) == [expected]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_one(end: str) -> None:
    assert names(end.join([f"{ZEROS} data/a", "", f"{ZEROS}\tdata/b", ""])) == [("data/a", ""), ("data/b", "")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_a_bags_encoding(encoding: str) -> None:
    declared = Declaration((1, 0), encoding.removesuffix("-sig"))
    assert names(f"{ZEROS}  data/Ångström\n{ZEROS}  data/b\n", declared, encoding=encoding) == [("data/Ångström", ""), ("data/b", "")]


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("data/../a", "contains .."),
        ("data/..%0A/a", "data"),
        ("../data/a", "contains .."),
        ("/data/a", "absolute"),
        ("~/data/a", "dangerous"),
        ("~root/a", "dangerous"),
        ("C:\\data\\a", "absolute"),
        ("\\\\?\\c:\\a", "absolute"),
        ("data\\a", "dangerous"),
        ("data/a\\..\\..\\b", "contains .."),
        ("bagit.txt", "misplaced"),
        ("data", "misplaced"),
    ],
)
def test_dangerous_and_misplaced_names_are_refused(written: str, says: str) -> None:
    if written == "data/..%0A/a":  # a folder called `..` and a line end is odd and harmless
        assert names(f"{ZEROS}  {written}\n") == [("data/..\n/a", written)]
        return
    with pytest.raises(ManifestError, match=says):
        names(f"{ZEROS}  {written}\n")


def test_tag_manifests_hold_no_payload() -> None:
    assert names(f"{ZEROS}  bagit.txt\n", tag=True) == [("bagit.txt", "")]
    with pytest.raises(ManifestError, match="misplaced"):
        names(f"{ZEROS}  data/a\n", tag=True)


@pytest.mark.parametrize("content", [f"{ZEROS}\n", f"{ZEROS}data/a\n", f"{ZEROS[1:]} data/a\n", "data/a\n", f"{'g' * 64} data/a\n"])
def test_lines_that_are_none(content: str) -> None:
    with pytest.raises(ManifestError, match="line 1"):
        names(content)


def test_payload_oxum() -> None:
    def oxum(content: str) -> Oxum | None:
        return bagit.read_oxum([content.encode()], "bag-info.txt", NEW)

    assert oxum("Source-Organization: North\n  Hospital\npayload-oxum : 279164409832.1198\nX: y\n") == Oxum(279164409832, 1198)
    assert oxum("Payload-Oxum: 1.2\nPayload-Oxum: 3.4\n") == Oxum(1, 2)
    assert oxum("Payload-Oxum:\n 12.1\n") == Oxum(12, 1)
    assert oxum("Contact-Name: me\n") is None
    for wrong in ("12", "1.2.3", "a.b", "-1.2", "", "٣.1"):
        with pytest.raises(ManifestError, match="octets"):
            oxum(f"Payload-Oxum: {wrong}\n")


def test_fetch() -> None:
    def fetch(content: str) -> list[str]:
        return list(bagit.read_fetch([content.encode()], "fetch.txt", NEW))

    assert fetch("https://a.example/x 12 data/a b\nhttps://a.example/y\t-\tdata/c%0Ad\n\n") == ["data/a b", "data/c\nd"]
    for wrong in ("https://a.example/x data/a", "https://a.example/x 1 /etc/passwd", "https://a.example/x 1 bagit.txt", "u 1 data/../x"):
        with pytest.raises(ManifestError, match="line 1"):
            fetch(wrong)
