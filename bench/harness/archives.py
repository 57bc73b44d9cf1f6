"""The archives that are pushed: what is in them, at which scale, and where they are kept.

Scale 1 is the size of measured archives (1.86 GB for the mix); a smoke run uses a fiftieth of it. Archives
are kept in the work folder under the hash of everything they depend on, and made again only when that changes.
"""
from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import layouts, material
from .layouts import Image, Layer

MB = 1_000_000
GENERATION = 1  # of this code: other bytes for the same recipe need another number


@dataclass(frozen=True)
class Recipe:
    """One archive to be made."""

    title: str
    layout: str  # docker, hybrid, oci
    images: tuple[Image, ...]


@dataclass
class Archive:
    """One archive that is there."""

    recipe: Recipe
    path: Path
    images: dict[str, list[str]]
    layer_bytes: int

    @property
    def bytes(self) -> int:
        return self.path.stat().st_size

    @property
    def name(self) -> str:
        """Of its first image, NAME:TAG."""
        return next(iter(self.images))

    def describe(self) -> dict:
        first = self.recipe.images[0]
        return {"title": self.recipe.title, "layout": self.recipe.layout, "bytes": self.bytes,
                "images": len(self.images), "layers": [
                    {"kinds": list(layer.kinds), "bytes": layer.bytes} for layer in first.layers]}


def scaled(megabytes: float, scale: float) -> int:
    return max(int(megabytes * scale * MB), 16 * 1024)


# The mix of a measured `docker save`: a root file system, compilers and libraries, an interpreter,
# headers, small modules, a large tree, a virtual machine, and weights that do not compress.
MIX = [(("elf", "text"), 204), (("elf",), 248), (("text", "bytecode"), 101), (("text",), 160), (("text",), 15),
       (("text", "elf", "bytecode"), 639), (("elf", "bytecode"), 193), (("noise",), 300)]


def mix(layout: str, scale: float, changed: bool = False) -> Recipe:
    """`changed`: the smallest layer is another one."""
    layers = [Layer(kinds, scaled(size, scale), seed) for seed, (kinds, size) in enumerate(MIX)]
    if changed:
        layers[4] = Layer(layers[4].kinds, layers[4].bytes, 1000)
    title = "mix, one layer changed" if changed else "mix"
    return Recipe(title, layout, (Image("bench/mix:1", tuple(layers)),))


def one_huge_layer(scale: float) -> Recipe:
    layers = (Layer(("elf", "text", "noise"), scaled(5000, scale), 50), Layer(("text",), scaled(3, scale), 51))
    return Recipe("one huge layer", "docker", (Image("bench/huge:1", layers),))


# One layer dominates, as in most images. With 6 connections the others (sent beside it) need less time than it does, so
# that it alone sets the bound.
SIXTEEN_MB = (600, 200, 150, *[100] * 3, *[50] * 5, *[10] * 5)


def sixteen_layers(scale: float) -> Recipe:
    layers = tuple(Layer(("elf", "text"), scaled(size, scale), 60 + i) for i, size in enumerate(SIXTEEN_MB))
    return Recipe("16 layers", "docker", (Image("bench/sixteen:1", layers),))


def small_images(count: int) -> list[Recipe]:
    """Archives of one image each: two layers are those of all, one is its own. Not scaled."""
    base = (Layer(("elf",), 1_500_000, 80), Layer(("text",), 300_000, 81))
    return [Recipe("small images", "docker", (
        Image(f"bench/small-{i:03}:1", (*base, Layer(("text",), 20_000 + 1000 * i, 100 + i))),)) for i in range(count)]


class Store:
    """Makes archives on demand, once."""

    def __init__(self, folder: Path, say):
        self.folder, self.say = folder, say
        self.folder.mkdir(parents=True, exist_ok=True)

    def get(self, recipe: Recipe) -> Archive:
        key = hashlib.sha256(repr((GENERATION, material.fingerprint(), recipe)).encode()).hexdigest()[:16]
        path, facts = self.folder / f"{recipe.layout}-{key}.tar", self.folder / f"{recipe.layout}-{key}.json"
        if not facts.exists():
            self.say(f"making {path.name}: {recipe.title}, {recipe.layout}")
            with open(path, "w+b", buffering=1 << 20) as out:
                written = layouts.WRITERS[recipe.layout](out, list(recipe.images))
            facts.write_text(json.dumps({"images": written.images, "layer_bytes": written.layer_bytes}))
        return Archive(recipe, path, **json.loads(facts.read_text()))

    def gzip_1_bytes(self, archive: Archive) -> int:
        """What `gzip -1` makes of every layer, together; kept beside the archive."""
        known = archive.path.with_suffix(".gzip-1")
        if not known.exists():
            self.say(f"gzip -1 of {archive.path.name}, as a yardstick")
            total = 0
            for layer in dict.fromkeys(layer for image in archive.recipe.images for layer in image.layers):
                total += gzip_1_size(layer)
            known.write_text(str(total))
        return int(known.read_text())

    def blobs(self, archive: Archive) -> Path:
        """An OCI archive unpacked, for clients that want files."""
        folder = archive.path.with_suffix(".blobs")
        if not (folder / "index.json").exists():
            folder.mkdir(exist_ok=True)
            subprocess.run(["tar", "-xf", archive.path, "-C", folder], check=True)
        return folder


def gzip_1_size(layer: Layer) -> int:
    """Its compressed size; the output goes through `wc`, so nothing is kept."""
    gzip = subprocess.Popen(["gzip", "-1", "-n"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    count = subprocess.Popen(["wc", "-c"], stdin=gzip.stdout, stdout=subprocess.PIPE, text=True)
    gzip.stdout.close()
    for piece in layouts.layer_pieces(layer):
        gzip.stdin.write(piece)
    gzip.stdin.close()
    size = int(count.communicate()[0])
    assert gzip.wait() == 0
    return size
