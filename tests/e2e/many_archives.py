"""Makes thousands of archives that share their base layers, as sparse files: 20 GB that take a few MB of disk.

    python3 tests/e2e/many_archives.py FOLDER [COUNT] [MEGABYTES]

A layer is a tar with one file of zeros and one of noise; its digest is computed once, however many archives have it.
"""
from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

from images import BLOCK, json_bytes, noise, padding, sha256, tar_entry, tar_header

STEP = 1 << 20


@dataclass(frozen=True)
class SparseLayer:
    """`zeros` bytes of nothing, and `noisy` bytes that do not compress."""

    seed: int
    zeros: int
    noisy: int = 2000

    def head(self) -> bytes:
        return tar_entry(f"data/{self.seed}.bin", noise(self.seed, self.noisy)) + tar_header("data/zeros", self.zeros)

    def tail(self) -> bytes:
        return padding(self.zeros) + b"\0" * 2 * BLOCK

    @property
    def bytes(self) -> int:
        return len(self.head()) + self.zeros + len(self.tail())

    def digest(self, known: dict[SparseLayer, str] = {}) -> str:  # noqa: B006: remembered on purpose
        if self not in known:
            state = hashlib.sha256(self.head())
            for start in range(0, self.zeros, STEP):
                state.update(bytes(min(STEP, self.zeros - start)))
            state.update(self.tail())
            known[self] = "sha256:" + state.hexdigest()
        return known[self]


def write_archive(path: Path, layers: list[SparseLayer], *names: str) -> None:
    """As docker save writes it; zeros are holes."""
    config = json_bytes({"architecture": "amd64", "os": "linux", "config": {"Env": [f"NAMES={','.join(names)}"]},
                         "rootfs": {"type": "layers", "diff_ids": [one.digest() for one in layers]}})
    config_name = sha256(config)[7:] + ".json"
    entries = [f"{one.digest()[7:]}/layer.tar" for one in layers]
    item = {"Config": config_name, "RepoTags": list(names), "Layers": entries}
    with open(path, "wb") as file:
        for name, layer in zip(entries, layers):
            file.write(tar_header(name, layer.bytes) + layer.head())
            file.seek(layer.zeros, 1)
            file.write(layer.tail() + padding(layer.bytes))
        file.write(tar_entry(config_name, config) + tar_entry("manifest.json", json_bytes([item])))
        file.write(b"\0" * 2 * BLOCK)


def write_many(folder: Path, count: int, bytes_each: int, repositories: int = 50, bases: int = 4) -> list[str]:
    """`count` archives of one image each: two of a few base layers, and a small one of their own; their names."""
    folder.mkdir(parents=True, exist_ok=True)
    layers = [SparseLayer(seed, bytes_each // 2) for seed in range(bases)]
    names = []
    for i in range(count):
        own = SparseLayer(1000 + i, 20_000)
        names.append(f"many/app{i % repositories}:{i}")
        write_archive(folder / f"{i:05}.tar", [layers[i % bases], layers[(i + 1) % bases], own], names[-1])
    return names


if __name__ == "__main__":
    write_many(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2000,
               int(float(sys.argv[3]) * 1e6) if len(sys.argv) > 3 else 10_000_000)
