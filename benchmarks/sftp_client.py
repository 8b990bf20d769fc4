"""
What the SFTP benchmark times in a process of its own with paramiko alone: `python -m benchmarks.sftp_client WAY PORT USER KEY ROOT [MOST]`.

`naive` opens, reads and closes one file after the other, at most `MOST` of them; `prefetch` asks for a whole file ahead, as its own `getfo` does.
Prints how many files were hashed, the digest of the last one, and the seconds from the connection on, without the start of the process.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import stat
import sys
import time
from collections.abc import Iterator

import paramiko


def files(client: paramiko.SFTPClient, folder: str) -> Iterator[tuple[str, int]]:
    """Every file below a folder, with its size."""
    for found in client.listdir_attr(folder):
        path = f"{folder}/{found.filename}"
        if stat.S_ISDIR(found.st_mode or 0):
            yield from files(client, path)
        else:
            yield path, found.st_size or 0


def main() -> None:
    """Hash what lies on the server."""
    way, port, user, key, root, *most = sys.argv[1:]
    begun = time.monotonic()
    transport = paramiko.Transport(("127.0.0.1", int(port)))
    transport.connect(username=user, pkey=paramiko.Ed25519Key.from_private_key_file(key))
    client = paramiko.SFTPClient.from_transport(transport)
    assert client is not None
    count, digest = 0, ""
    for path, size in itertools.islice(files(client, root), int(most[0]) if most else None):
        hashed = hashlib.sha256()
        with client.open(path) as file:
            if way == "prefetch":
                file.prefetch(size)
            while chunk := file.read(32 * 1024):
                hashed.update(chunk)
        count, digest = count + 1, hashed.hexdigest()
    print(json.dumps({"count": count, "digest": digest, "seconds": time.monotonic() - begun}))
    transport.close()


if __name__ == "__main__":
    main()
