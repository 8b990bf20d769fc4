"""
`python -m tests.fuzz [ENTRY ...]` (`make fuzz`): feeds entries with atheris, guided by coverage, for some seconds each.

What it finds interesting is kept in `.fuzz/ENTRY` and is where the next run begins; what breaks an entry is kept there as `crash-…`. Ends with 1
where an entry broke, and with 2 where atheris is not installed: nothing was tried then.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

KEPT = Path(__file__).resolve().parents[2] / ".fuzz"


def main(arguments: list[str] | None = None) -> int:
    """Fuzz the entries; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tests.fuzz", description="Fuzz every parser of foreign bytes with atheris.")
    parser.add_argument("entries", nargs="*", metavar="ENTRY", help="entries to feed; default: all")
    parser.add_argument("--seconds", type=int, default=60, help="how long each is fed (60)")
    parser.add_argument("--list", action="store_true", help="name the entries and stop")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if find_spec("atheris") is None and not chosen.list:
        print("error: atheris is not installed, so nothing was fuzzed; run: make fuzz (it has no wheel for every Python)", file=sys.stderr)
        return 2
    if chosen.one:
        _feed(chosen.entries[0], chosen.seconds)
    from tests.fuzz.entries import ENTRIES

    if chosen.list:
        print("\n".join(ENTRIES))
        return 0
    unknown = [name for name in chosen.entries if name not in ENTRIES]
    if unknown:
        parser.error(f"no entry is called {unknown[0]}; known: {', '.join(ENTRIES)}")
    broken = [name for name in chosen.entries or ENTRIES if _run(name, chosen.seconds)]
    print(f"broken: {', '.join(broken)}" if broken else "no entry broke")
    return 1 if broken else 0


def _run(name: str, seconds: int) -> bool:
    """Whether the entry broke, in a process of its own: atheris ends with it."""
    print(f"{name}:", flush=True)
    return subprocess.run([sys.executable, "-m", "tests.fuzz", "--one", "--seconds", str(seconds), name], check=False).returncode != 0


def _feed(name: str, seconds: int) -> None:
    import atheris

    with atheris.instrument_imports(include=["drcheck", "tests.fuzz"]):
        from tests.fuzz.entries import ENTRIES
    entry = ENTRIES[name]
    folder = KEPT / name
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(entry.seeds):
        (folder / f"seed-{number}").write_bytes(seed)
    words = folder.with_suffix(".words")
    # libFuzzer's form: a quoted text in which every byte may be an escape.
    words.write_text("".join('"' + "".join(f"\\x{byte:02x}" for byte in word[:64]) + '"\n' for word in entry.words if word))
    options = [f"-max_total_time={seconds}", "-max_len=8192", "-timeout=30", "-rss_limit_mb=2048", f"-artifact_prefix={folder}/", f"-dict={words}"]
    atheris.Setup([name, *options, "-print_final_stats=1", str(folder)], entry)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
