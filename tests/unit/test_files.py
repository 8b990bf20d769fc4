"""Files are written whole or not at all."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from drcheck.errors import OutputError
from drcheck.files import write_streamed, write_whole


def test_a_new_file_has_the_mode_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "new", b"content")
        assert os.umask(0o027) == 0o027, "the umask is left as it was"
    finally:
        os.umask(before)
    assert (tmp_path / "new").read_bytes() == b"content"
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_an_old_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "old"
    path.write_bytes(b"old")
    path.chmod(0o604)
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


@pytest.mark.parametrize("umask", [0, 0o022, 0o777])
@pytest.mark.parametrize(("old", "guarded"), [(None, 0o644), (0o644, 0o644), (0o666, 0o644), (0o777, 0o755), (0o440, 0o440)])
def test_what_is_private_or_guarded_is_so_whatever_was_there_and_whatever_the_umask(
    tmp_path: Path, umask: int, old: int | None, guarded: int
) -> None:
    for how, expected in (({"private": True}, 0o600), ({"guarded": True}, guarded & ~(umask if old is None else 0))):
        path = tmp_path / next(iter(how))
        if old is not None:
            path.write_bytes(b"old")
            path.chmod(old)
        before = os.umask(umask)
        try:
            write_whole(path, b"new", **how)
        finally:
            os.umask(before)
        assert stat.S_IMODE(path.stat().st_mode) == expected


def test_what_is_private_is_so_before_it_has_content(tmp_path: Path) -> None:
    path = tmp_path / "facts"
    path.write_bytes(b"old")
    path.chmod(0o644)
    modes: list[int] = []

    def chunks() -> Iterator[bytes]:
        for chunk in (b"one", b"two"):
            modes.extend(stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir() if each != path)
            yield chunk

    write_streamed(path, chunks(), private=True)
    assert modes == [0o600, 0o600]
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"onetwo", 0o600)


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "report"
    contents = {b"a" * 300_000, b"b" * 300_000}
    write_whole(path, b"a" * 300_000)
    stop = threading.Event()
    seen: set[bytes] = set()

    def watch() -> None:
        while not stop.is_set():
            seen.add(path.read_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(15):
        for content in contents:
            write_whole(path, content)
    stop.set()
    watcher.join()
    assert seen <= contents


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_what_is_no_file_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(pipe, b"content")
        assert os.read(reader, 100) == b"content"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    (tmp_path / "null").symlink_to(os.devnull)
    write_whole(tmp_path / "null", b"content")
    assert not Path(os.devnull).is_file()


def test_a_name_as_long_as_names_may_be(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    write_whole(path, b"content")
    assert path.read_bytes() == b"content"


def test_what_cannot_be_written_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"old")
    for path in (tmp_path / "folder", tmp_path / "absent" / "report", tmp_path / "file" / "report", tmp_path / ("n" * 256)):
        with pytest.raises(OutputError, match="could not be written"):
            write_whole(path, b"content")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
    assert (tmp_path / "file").read_bytes() == b"old"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="limits are POSIX's")
def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    import resource
    import signal

    path = tmp_path / "report"
    path.write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    quiet = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OutputError, match="could not be written"):
            write_whole(path, b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, quiet)
    assert path.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_a_stream_that_breaks_off_leaves_what_was_there(tmp_path: Path) -> None:
    def chunks(*, whole: bool) -> Iterator[bytes]:
        yield b"first "
        if not whole:
            raise RuntimeError("no more")
        yield b"second"

    file = tmp_path / "file"
    write_streamed(file, chunks(whole=True))
    assert file.read_bytes() == b"first second"
    with pytest.raises(RuntimeError, match="no more"):
        write_streamed(file, chunks(whole=False))
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"first second")]
