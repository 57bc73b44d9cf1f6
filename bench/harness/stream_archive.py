#!/usr/bin/env python3
"""Writes a docker archive of any size to standard output: stream_archive.py BYTES.

One layer has three quarters of it, four others the rest. Its files are pieces of one buffer of real material,
each behind a number of its own, so that generating costs next to nothing and nothing repeats within a window.
"""
from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import layouts, material  # noqa: E402

BUFFER = 96 << 20
PIECE = 8 << 20


def buffer() -> bytes:
    out = bytearray()
    for _, content in material.mixed_files(("text", "elf", "noise"), seed=7, bytes_max=BUFFER // 3):
        out += content[:BUFFER - len(out)]
        if len(out) == BUFFER:
            return bytes(out)


def pieces(size: int, layer: int, material_bytes: memoryview):
    """The tar of a layer of `size` bytes, a multiple of the block."""
    left, number = size - 1024, 0
    while left > layouts.BLOCK:
        body = min(PIECE, left - layouts.BLOCK)
        at = number * PIECE % BUFFER
        content = material_bytes[at:at + body - 16]
        yield layouts.tar_header(f"data/{number:08}", body) + f"{layer:08}{number:08}".encode()
        yield content
        yield b"\0" * (body - 16 - len(content))
        left -= layouts.BLOCK + body
        number += 1
    yield b"\0" * (left + 1024)


def main() -> None:
    total = int(sys.argv[1])
    out, content = sys.stdout.buffer, memoryview(buffer())
    sizes = [total * 3 // 4, *[total // 16] * 4]
    names, diff_ids = [], []
    for number, size in enumerate(sizes):
        size = size // layouts.BLOCK * layouts.BLOCK
        names.append(f"{number:064x}/layer.tar")
        out.write(layouts.tar_header(names[-1], size))
        digest = hashlib.sha256()
        for piece in pieces(size, number, content):
            digest.update(piece)
            out.write(piece)
        diff_ids.append("sha256:" + digest.hexdigest())
    config = layouts.config_of(diff_ids)
    name = hashlib.sha256(config).hexdigest() + ".json"
    items = [{"Config": name, "RepoTags": ["bench/stream:1"], "Layers": names}]
    for entry, data in ((name, config), ("manifest.json", json.dumps(items).encode())):
        out.write(layouts.tar_header(entry, len(data)) + data + layouts.padding(len(data)))
    out.write(b"\0" * 1024)
    out.flush()


if __name__ == "__main__":
    main()
