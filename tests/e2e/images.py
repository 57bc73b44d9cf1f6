"""Makes small image archives, and reads images back with skopeo to check every byte of them.

What an archive promises is found out here with Python's tarfile and json only, so that nothing of
tarpon's own reading is trusted.
"""
from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import re
import subprocess
import tarfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from harness import DATA, PATIENCE, environment

BLOCK = 512
OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."
INDEX_TYPES = (OCI + "index.v1+json", DOCKER + "distribution.manifest.list.v2+json")
CONFIG_TYPES = (OCI + "config.v1+json", DOCKER + "container.image.v1+json")
MANIFEST_TYPE = OCI + "manifest.v1+json"


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def json_bytes(value) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


# --- archives made here -------------------------------------------------------------------------


def tar_header(name: str, size: int, kind: bytes = b"0", link: str = "") -> bytes:
    """512 bytes of ustar; sizes of 8 GiB and more in base 256."""
    octal = b"%011o\0" % size if size < 8**11 else b"\x80" + size.to_bytes(11, "big")
    fields = [name.encode().ljust(100, b"\0"), b"0000644\0", b"0000000\0", b"0000000\0", octal,
              b"%011o\0" % 1_700_000_000, b" " * 8, kind, link.encode().ljust(100, b"\0"), b"ustar\x0000"]
    header = b"".join(fields).ljust(BLOCK, b"\0")
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]


def padding(size: int) -> bytes:
    return b"\0" * (-size % BLOCK)


def tar_entry(name: str, data: bytes) -> bytes:
    return tar_header(name, len(data)) + data + padding(len(data))


def tar(entries: dict[str, bytes]) -> bytes:
    return b"".join(tar_entry(name, data) for name, data in entries.items()) + b"\0" * 2 * BLOCK


def noise(seed: int, size: int) -> bytes:
    """Bytes that do not compress, the same in every run."""
    return random.Random(seed).randbytes(size)


def make_layer(seed: int, size: int = 3000) -> bytes:
    """A layer, half text and half noise."""
    text = b"".join(b"line %d of layer %d\n" % (i, seed) for i in range(size // 40))
    return tar({f"data/{seed}.txt": text, f"data/{seed}.bin": noise(seed, size // 2)})


@dataclass
class Image:
    layers: list[bytes]
    names: list[str] = field(default_factory=list)

    @property
    def config(self) -> bytes:
        return json_bytes({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/true"]},
                           "rootfs": {"type": "layers", "diff_ids": [sha256(one) for one in self.layers]}})


def make_image(seed: int, *names: str, layers: int = 2, size: int = 3000) -> Image:
    return Image([make_layer(100 * seed + i, size) for i in range(layers)], list(names))


def docker_entries(*images: Image) -> dict[str, bytes]:
    """As docker save writes it before 25: layers, configs, manifest.json last."""
    entries, items = {}, []
    for image in images:
        layers = [f"{sha256(one)[7:]}/layer.tar" for one in image.layers]
        entries.update(zip(layers, image.layers))
        config = sha256(image.config)[7:] + ".json"
        entries[config] = image.config
        items.append({"Config": config, "RepoTags": image.names or None, "Layers": layers})
    return {**entries, "manifest.json": json_bytes(items)}


def descriptor(media_type: str, data: bytes, **more) -> dict:
    return {"mediaType": media_type, "digest": sha256(data), "size": len(data), **more}


def oci_manifest(image: Image, compressed: bool) -> tuple[bytes, list[bytes]]:
    """The manifest, and every blob it names."""
    blobs = [gzip.compress(one, mtime=0) if compressed else one for one in image.layers]
    layer_type = OCI + "layer.v1.tar" + ("+gzip" if compressed else "")
    manifest = json_bytes({
        "schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": descriptor(OCI + "config.v1+json", image.config),
        "layers": [descriptor(layer_type, blob) for blob in blobs]})
    return manifest, [image.config, *blobs]


def oci_entries(*images: Image, compressed: bool = True) -> dict[str, bytes]:
    """A pure OCI layout: blobs, then index.json and oci-layout."""
    blobs, roots = [], []
    for image in images:
        manifest, below = oci_manifest(image, compressed)
        blobs += [*below, manifest]
        for name in image.names:
            annotations = {"org.opencontainers.image.ref.name": name}
            roots.append(descriptor(MANIFEST_TYPE, manifest, annotations=annotations))
    entries = {f"blobs/sha256/{sha256(blob)[7:]}": blob for blob in blobs}
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPES[0], "manifests": roots}
    return {**entries, "index.json": json_bytes(index), "oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}


def flipped(data: bytes, at: int) -> bytes:
    """One bit of one byte."""
    return data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1:]


# --- archives of tests/data ---------------------------------------------------------------------


@dataclass
class Expected:
    """What one reference must turn out to be. None: nothing is promised."""

    config: str | None = None
    root: str | None = None
    layers: list[str] | None = None  # of layers that are stored compressed


def without_host(name: str) -> str:
    return re.sub(r"^(localhost|[^/]*[.:][^/]*)/", "", name)


class Fixture:
    """An archive of tests/data, and what it promises."""

    # Those that hold a tag only, or no name at all, go to a name of ours.
    TAG_OF_UNNAMED = {"docker20-untagged": "latest", "oras-referrers": "1", "skopeo-oci-archive": "1",
                      "skopeo-oci-zstd": "1"}

    def __init__(self, path: Path):
        self.path = path
        self.name = path.stem
        self.entries = read_tar(path)

    @property
    def pure_oci(self) -> bool:
        return "manifest.json" not in self.entries

    @property
    def verbatim(self) -> bool:
        """Its manifests are compressed and complete, so they are pushed byte for byte."""
        return self.pure_oci or "containerd" in self.name

    @property
    def options(self) -> list[str]:
        return ["--missing-platforms", "prune"] if "missing-platform" in self.name else []

    def where(self, base: str) -> list[str]:
        """Options that push it below HOST/PREFIX."""
        to = ["--to", f"{base}/named"] if self.name in self.TAG_OF_UNNAMED else ["--registry", base]
        return [*to, *self.options]

    def expected(self, base: str) -> dict[str, Expected]:
        """Reference -> promise, for a push with where(base)."""
        if self.name in self.TAG_OF_UNNAMED:
            (only,) = self._roots() if self.pure_oci else self._items()
            return {f"{base}/named:{self.TAG_OF_UNNAMED[self.name]}": only[1]}
        images = self._roots() if self.pure_oci else self._items()
        return {f"{base}/{without_host(name)}": promise for name, promise in images}

    def _items(self) -> list[tuple[str, Expected]]:
        found = []
        for item in json.loads(self.entries["manifest.json"]):
            layers = [self.entries[name] for name in item["Layers"]]
            stored = [sha256(one) for one in layers] if all(one[:2] == b"\x1f\x8b" for one in layers) else None
            promise = Expected(config=sha256(self.entries[item["Config"]]), layers=stored)
            found += [(name, promise) for name in item["RepoTags"] or [""]]
        return found

    def _roots(self) -> list[tuple[str, Expected]]:
        found = []
        for root in json.loads(self.entries["index.json"])["manifests"]:
            name = root.get("annotations", {}).get("org.opencontainers.image.ref.name")
            if name:
                found.append((name, Expected(root=root["digest"])))
        return found


def read_tar(path: Path) -> dict[str, bytes]:
    """Every regular file, and every link to one, by its name."""
    with tarfile.open(path) as archive:
        return {member.name: archive.extractfile(member).read()
                for member in archive if member.isfile() or member.issym() or member.islnk()}


def fixtures() -> list[Fixture]:
    return [Fixture(path) for path in sorted(DATA.glob("*.tar"))]


def fixture(name: str) -> Fixture:
    return Fixture(DATA / f"{name}.tar")


# --- images read back ---------------------------------------------------------------------------


def decompress(data: bytes) -> bytes:
    """By the first bytes: gzip with any number of members, zstd, or as it is."""
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE, check=True).stdout
    plain = io.BytesIO()
    if data[:2] != b"\x1f\x8b":
        return data
    while data:
        member = zlib.decompressobj(31)
        plain.write(member.decompress(data))
        assert member.eof, "a gzip member has no end"
        data = member.unused_data
    return plain.getvalue()


def compression_of(media_type: str) -> str:
    """The compression that a layer's media type states."""
    return {"gzip": "gzip", "zstd": "zstd"}.get(re.split(r"[.+]", media_type)[-1], "none")


def compression_in(data: bytes) -> str:
    return {b"\x1f\x8b": "gzip", b"\x28\xb5": "zstd"}.get(data[:2], "none")


@dataclass
class Pulled:
    """An image that was read back, all of it checked."""

    digest: str
    media_type: str
    manifests: list[str] = field(default_factory=list)  # digests, the index's own not among them
    configs: list[str] = field(default_factory=list)
    layers: list[str] = field(default_factory=list)
    compressions: set[str] = field(default_factory=set)
    types: set[str] = field(default_factory=set)  # of the image manifests


def pull(reference: str, folder: Path, transport: str = "docker://") -> Pulled:
    """Copies an image, or all images of an index, out of a registry and checks it byte by byte."""
    command = ["skopeo", "--insecure-policy", "copy", "--quiet", "--all", "--preserve-digests"]
    if transport == "docker://":
        command.append("--src-tls-verify=false")
    done = subprocess.run([*command, transport + reference, f"dir:{folder}"], timeout=PATIENCE,
                          capture_output=True, text=True, env=environment())
    assert done.returncode == 0, f"skopeo cannot read {reference}: {done.stderr}"
    return check_folder(folder)


def check_folder(folder: Path) -> Pulled:
    """What skopeo wrote: manifest.json, DIGEST.manifest.json of an index's images, blobs by digest."""
    raw = (folder / "manifest.json").read_bytes()
    root = json.loads(raw)
    media_type = root.get("mediaType") or (INDEX_TYPES[0] if "manifests" in root else MANIFEST_TYPE)
    pulled = Pulled(sha256(raw), media_type)
    if "manifests" not in root:
        check_image(folder, raw, pulled)
    for child in root.get("manifests", []):
        content = (folder / f"{child['digest'][7:]}.manifest.json").read_bytes()
        check_bytes(content, child)
        check_image(folder, content, pulled)
    return pulled


def check_bytes(content: bytes, promise: dict) -> None:
    assert sha256(content) == promise["digest"], f"{promise['digest']} has other content"
    assert len(content) == promise["size"], f"{promise['digest']} has {len(content)} bytes, not {promise['size']}"


def check_image(folder: Path, raw: bytes, pulled: Pulled) -> None:
    """The config, every layer, and every diff_id."""
    manifest = json.loads(raw)
    blobs = [(folder / one["digest"][7:]).read_bytes() for one in [manifest["config"], *manifest["layers"]]]
    for content, promise in zip(blobs, [manifest["config"], *manifest["layers"]]):
        check_bytes(content, promise)
    config, *layers = blobs
    if manifest["config"]["mediaType"] in CONFIG_TYPES:
        diff_ids = json.loads(config)["rootfs"]["diff_ids"]
        assert [sha256(decompress(one)) for one in layers] == diff_ids, f"diff_ids of {sha256(raw)} are wrong"
        for content, layer in zip(layers, manifest["layers"]):
            assert compression_in(content) == compression_of(layer["mediaType"]), f"{layer} is something else"
    pulled.manifests.append(sha256(raw))
    pulled.types.add(manifest.get("mediaType", MANIFEST_TYPE))
    pulled.configs.append(manifest["config"]["digest"])
    pulled.layers += [layer["digest"] for layer in manifest["layers"]]
    pulled.compressions |= {compression_in(content) for content in layers}
