"""Pages of a listing: reading them, putting them in order, and noticing what cannot be right."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drcheck.connectors.s3_listing import EMPTY_PAGES, Listed, Page, archived, flat, in_bytes, in_order, parse_page, root_element, tree
from drcheck.errors import Malformed

Store = Callable[[str, str, str], Page]
KEYS = st.sets(st.text(alphabet="ab-/.0é\U00010000\ue000", min_size=1, max_size=6), max_size=30)


def listed(key: str) -> Listed:
    return Listed(key, 1, None, "", "STANDARD")


def bare(name: str) -> bytes:
    return in_bytes(name.removesuffix("/"))


def store(keys: set[str], *, size: int, by_folders: bool) -> Store:
    """A bucket that answers as S3 does, in the order of S3 or of folders, `size` names a page."""

    def fetch(prefix: str, delimiter: str, token: str) -> Page:
        names: dict[str, Listed | None] = {}
        for key in keys:
            if key.startswith(prefix):
                head, found, _ = key[len(prefix) :].partition("/")
                folded = bool(delimiter and found)
                names[prefix + head + "/" if folded else key] = None if folded else listed(key)
        order = sorted(names, key=(lambda name: [bare(part) for part in name.split("/")]) if by_folders else in_bytes)
        first = int(token or 0)
        page = Page(truncated=first + size < len(order), token=str(first + size))
        for name in order[first : first + size]:
            found_key = names[name]
            if found_key is None:
                page.folders.append(name)
            else:
                page.keys.append(found_key)
        return page

    return fetch


@given(KEYS, st.integers(1, 7))
def test_a_flat_walk_gives_every_key_in_order(keys: set[str], size: int) -> None:
    walked = [one.key for one in in_order(flat(store(keys, size=size, by_folders=False), ""))]
    assert walked == sorted(keys, key=in_bytes)


@given(KEYS, st.integers(1, 7), st.booleans())
@settings(max_examples=300)
def test_a_walk_by_folders_puts_every_key_in_order(keys: set[str], size: int, by_folders: bool) -> None:
    # A server that keeps keys as paths has no empty parts.
    held = {key for key in keys if "" not in key.split("/")} if by_folders else keys
    walked = [one.key for one in in_order(tree(store(held, size=size, by_folders=by_folders), ""))]
    assert walked == sorted(held, key=in_bytes)


def test_a_flat_walk_over_folder_order_is_noticed() -> None:
    fetch = store({"a/b/c", "a/b-x"}, size=10, by_folders=True)
    with pytest.raises(Malformed, match='listing = "tree"'):
        list(in_order(flat(fetch, "")))
    assert [one.key for one in in_order(tree(fetch, ""))] == ["a/b-x", "a/b/c"]


def test_a_key_that_comes_twice_is_noticed() -> None:
    with pytest.raises(Malformed, match="key order"):
        list(in_order([listed("a"), listed("a")]))


def test_deep_folders_do_not_exhaust_the_stack() -> None:
    key = "/".join(["d"] * 3000)
    assert [one.key for one in tree(store({key}, size=10, by_folders=True), "")] == [key]


@pytest.mark.parametrize(
    ("pages", "says"),
    [
        (lambda token: Page([listed("a")], truncated=True), "no end"),
        (lambda token: Page([listed("a")], truncated=True, token="same"), "no end"),
        (lambda token: Page(truncated=True, token=token + "x"), f"{EMPTY_PAGES} empty pages"),
        (lambda token: Page([listed("elsewhere")]), "does not begin with it"),
    ],
)
def test_a_listing_without_an_end_or_from_elsewhere_is_malformed(pages: Callable[[str], Page], says: str) -> None:
    with pytest.raises(Malformed, match=says):
        list(flat(lambda prefix, delimiter, token: pages(token), "a"))


@pytest.mark.parametrize("folder", ["a/", "a/b"])
def test_a_folder_that_leads_back_is_malformed(folder: str) -> None:
    with pytest.raises(Malformed, match="not below it"):
        list(tree(lambda prefix, delimiter, token: Page(folders=[folder]), "a/"))


def document(contents: str, outer: str = "<EncodingType>url</EncodingType>") -> bytes:
    return f'<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{outer}{contents}</ListBucketResult>'.encode()


def entry(key: str, more: str = "<Size>1</Size>") -> str:
    return f"<Contents><Key>{escape(key)}</Key>{more}<Owner><ID>id</ID><DisplayName>name</DisplayName></Owner></Contents>"


@given(st.lists(st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"]))))
def test_encoded_names_are_read_back(keys: list[str]) -> None:
    page = parse_page(document("".join(entry(quote_plus(key)) for key in keys)))
    assert [one.key for one in page.keys] == keys


def test_names_are_taken_as_they_are_where_the_server_does_not_encode() -> None:
    assert [one.key for one in parse_page(document(entry("a+b%20c & d"), outer="")).keys] == ["a+b%20c & d"]


def test_encoded_bytes_that_are_not_utf8_are_kept() -> None:
    assert [one.key for one in parse_page(document(entry("caf%E9"))).keys] == ["caf\udce9"]


def test_a_page_is_read_whole() -> None:
    more = "<Size>5</Size><LastModified>2026-03-01T02:10:00.000Z</LastModified><ETag>&quot;abc&quot;</ETag><StorageClass>GLACIER</StorageClass>"
    page = parse_page(
        document(
            entry("k", more) + "<CommonPrefixes><Prefix>a%2F</Prefix></CommonPrefixes>",
            "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>t+%20</NextContinuationToken>",
        )
    )
    assert page == Page([Listed("k", 5, datetime(2026, 3, 1, 2, 10, tzinfo=UTC), '"abc"', "GLACIER")], ["a/"], True, "t+%20")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not xml",
        b"<html><body>log in</html>",
        document(entry("a", "")),
        document(entry("a", "<Size>-1</Size>")),
        document(entry("a", "<Size>many</Size>")),
        document(entry("a", "<Size>\u0661</Size>")),
        document(entry("a", "<Size>1</Size><LastModified>yesterday</LastModified>")),
        document(entry("")),
        document("<Contents><Size>1</Size></Contents>"),
        document(entry("a"))[:-5],
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + document("").partition(b"?>")[2],
        document(entry("a\x01b")),
    ],
)
def test_what_is_no_listing_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_page(body)


@pytest.mark.parametrize("space", ["", "xmlns='http://doc.s3.amazonaws.com/2006-03-01'", "xmlns:s='urn:any'", "xmlns='urn:one' xmlns:s='urn:two'"])
def test_name_spaces_and_prefixes_do_not_matter(space: str) -> None:
    mark = "s:" if "xmlns:s" in space else ""
    body = (
        f"<{mark}ListBucketResult {space}><{mark}IsTruncated>true</{mark}IsTruncated><{mark}Contents><{mark}Key>a<!-- no name -->b</{mark}Key>"
        f"<Size>1</Size><{mark}StorageClass><![CDATA[GLACIER]]></{mark}StorageClass></{mark}Contents></{mark}ListBucketResult>"
    )
    page = parse_page(body.encode())
    assert page == Page([Listed("ab", 1, None, "", "GLACIER")], truncated=True)


@pytest.mark.parametrize(
    "more",
    [
        f"<Size>{'9' * 5000}</Size>",
        "<Size>1</Size><LastModified>0001-01-01T00:00:00+14:00</LastModified>",
        "<Size><x>1</x></Size>",
    ],
)
def test_numbers_and_times_beyond_all_measure_are_malformed(more: str) -> None:
    with pytest.raises(Malformed):
        parse_page(document(entry("a", more)))


def test_a_page_of_elements_in_elements_is_not_the_end_of_the_process() -> None:
    with pytest.raises(Malformed):
        parse_page(b"<ListBucketResult>" + b"<a>" * 100_000)
    assert parse_page(b"<ListBucketResult>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</ListBucketResult>") == Page()


@given(st.lists(st.one_of(st.text(min_size=1), st.text(alphabet="a\udce9\ue000\U00010000", min_size=1)), min_size=2, unique=True))
def test_order_is_that_of_the_bytes(keys: list[str]) -> None:
    keys = [key for key in keys if not any("\ud800" <= letter < "\udc80" or "\udcff" < letter <= "\udfff" for letter in key)]
    by_bytes = sorted(keys, key=in_bytes)
    assert [one.key for one in in_order(listed(key) for key in by_bytes)] == by_bytes
    if len(by_bytes) > 1:
        with pytest.raises(Malformed):
            list(in_order(listed(key) for key in reversed(by_bytes)))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_page_or_malformed(body: bytes) -> None:
    with contextlib.suppress(Malformed):
        parse_page(body)


def test_the_root_element_is_found_without_its_name_space() -> None:
    assert root_element(b'<?xml version="1.0"?><s3:Error xmlns:s3="x"><Code/></s3:Error>') == "Error"
    with pytest.raises(Malformed):
        root_element(b"<!DOCTYPE Error><Error/>")


@pytest.mark.parametrize(
    ("storage_class", "cold"),
    [("GLACIER", True), ("DEEP_ARCHIVE", True), ("Archive", True), ("ColdArchive", True), ("GLACIER_IR", False), ("STANDARD_IA", False), ("", False)],
)
def test_archived_classes(storage_class: str, cold: bool) -> None:
    assert archived(storage_class) is cold
