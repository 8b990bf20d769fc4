"""
One command in a process of its own, timed from its start to its end: `python -I -S launch.py STDIN STDOUT STDERR FOLDER PROGRAM ARGUMENT...`.

A process's peak memory counts what its parent had when it was started (exec keeps the high-water mark), so the parent must be this small
program and not the harness. Prints wall seconds, processor seconds, the peak of the largest process in KiB and the exit code as JSON.
"""

import json
import os
import sys
import time


def main() -> None:
    stdin, stdout, stderr, folder, *command = sys.argv[1:]
    os.chdir(folder)
    files = [
        (os.POSIX_SPAWN_OPEN, 0, stdin, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, stdout, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, stderr, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
    ]
    started = time.monotonic()
    child = os.posix_spawnp(command[0], command, os.environ, file_actions=files)
    _, status, used = os.wait4(child, 0)
    wall = time.monotonic() - started
    peak = used.ru_maxrss // 1024 if sys.platform == "darwin" else used.ru_maxrss
    print(json.dumps([wall, used.ru_utime + used.ru_stime, peak, os.waitstatus_to_exitcode(status)]))


if __name__ == "__main__":
    main()
