"""What layers are made of: real files of this machine, and noise.

Compressors and registries see what they see in real images only if the bytes are real, so text, binaries
and byte code are taken from the system's own folders, in the order of their paths. Two runs on one machine
therefore use the same bytes; two machines use files of the same kinds. Noise comes from a fixed seed.
"""
from __future__ import annotations

import functools
import hashlib
import itertools
import os
import random
from pathlib import Path

SEED = 20240607
NOISE_PIECE = 1 << 20
FILE_MAX = 64 << 20
# More than any compressor's window, so that going round once more is not noticed.
POOL_BYTES = 256 << 20

SOURCES = {
    "text": (["/usr/include", "/usr/lib/python3", "/usr/lib/python3.11", "/usr/share/perl", "/usr/share/doc"],
             lambda name: not name.endswith((".pyc", ".so", ".a", ".gz", ".png"))),
    "elf": (["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib/gcc", "/usr/bin"], None),
    "bytecode": (["/usr/lib"], lambda name: name.endswith(".pyc")),
}


@functools.cache
def pool(kind: str, bytes_max: int = POOL_BYTES) -> list[tuple[str, int]]:
    """Path and size of every file of a kind, about `bytes_max` of them."""
    folders, wanted = SOURCES[kind]
    found, total = [], 0
    for folder in folders:
        for path, size in walk(Path(folder)):
            if total >= bytes_max:
                return found
            if (wanted is None or wanted(path)) and (kind != "elf" or is_elf(path)):
                found.append((path, size))
                total += size
    if not found:
        raise SystemExit(f"bench/run: no {kind} files below {', '.join(folders)}")
    return found


def walk(folder: Path):
    for here, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(here, name)
            if not os.path.islink(path):
                size = os.stat(path).st_size
                if 0 < size <= FILE_MAX:
                    yield path, size


def is_elf(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def files(kind: str, seed: int, bytes_max: int = POOL_BYTES):
    """Endless (name, bytes), beginning at a place that depends on the seed."""
    dice = random.Random(SEED + seed)
    if kind == "noise":
        for number in itertools.count():
            yield f"weights/{number:06}.bin", dice.randbytes(NOISE_PIECE)
    entries = pool(kind, bytes_max)
    start = dice.randrange(len(entries))
    for number in itertools.count():
        path, _ = entries[(start + number) % len(entries)]
        with open(path, "rb") as file:
            yield f"{number // len(entries)}{path}", file.read()


def mixed_files(kinds: tuple[str, ...], seed: int, bytes_max: int = POOL_BYTES):
    """Takes from the kinds in turn, about as many bytes from each."""
    sources = [files(kind, seed, bytes_max) for kind in kinds]
    taken = [0] * len(sources)
    while True:
        poorest = taken.index(min(taken))
        name, content = next(sources[poorest])
        taken[poorest] += len(content)
        yield f"{kinds[poorest]}/{name}", content


@functools.cache
def fingerprint() -> str:
    """Changes when the files do: part of the name under which archives are kept."""
    known = hashlib.sha256()
    for kind in SOURCES:
        for entry in pool(kind):
            known.update(repr(entry).encode())
    return known.hexdigest()[:12]
