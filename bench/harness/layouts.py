"""Writes image archives: docker save's layout, the one since docker 25, and pure OCI.

Layers are generated while they are written, so an archive of any size needs no memory; the docker layout
can go into a pipe, the others patch a layer's name when its digest is known and need a file.
"""
from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field

from . import material

BLOCK = 512
OCI = "application/vnd.oci.image."


@dataclass(frozen=True)
class Layer:
    """`bytes` of files of the given kinds; the same seed gives the same layer."""

    kinds: tuple[str, ...]
    bytes: int
    seed: int


@dataclass(frozen=True)
class Image:
    name: str
    layers: tuple[Layer, ...]


@dataclass
class Written:
    """What is in an archive, as far as a check needs it."""

    images: dict[str, list[str]] = field(default_factory=dict)  # name -> diff_ids
    layer_bytes: int = 0


def tar_header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o644, 1_700_000_000
    return info.tobuf(tarfile.GNU_FORMAT)


def padding(size: int) -> bytes:
    return b"\0" * (-size % BLOCK)


def layer_pieces(layer: Layer):
    """The bytes of a layer's tar; as near to its size as whole blocks allow."""
    left = layer.bytes // BLOCK * BLOCK - 2 * BLOCK
    for name, content in material.mixed_files(layer.kinds, layer.seed):
        # A name of more than 100 bytes takes two more headers.
        room = left - len(tar_header(name, 0))
        if room <= 0:
            break
        content = content[:room]
        piece = tar_header(name, len(content)) + content + padding(len(content))
        left -= len(piece)
        yield piece
    yield b"\0" * (left + 2 * BLOCK)


def json_bytes(value) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def config_of(diff_ids: list[str]) -> bytes:
    return json_bytes({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/true"]},
                       "rootfs": {"type": "layers", "diff_ids": diff_ids}})


class Writer:
    """One archive under way. Equal layers are written once."""

    def __init__(self, out: io.BufferedWriter):
        self.out = out
        self.layers: dict[Layer, tuple[str, str, int]] = {}  # entry name, diff_id, size

    def entry(self, name: str, content: bytes) -> None:
        self.out.write(tar_header(name, len(content)) + content + padding(len(content)))

    def layer(self, layer: Layer, by_digest: bool) -> tuple[str, str, int]:
        if layer in self.layers:
            return self.layers[layer]
        size = layer.bytes // BLOCK * BLOCK
        name = f"{len(self.layers):04}{layer.seed:060x}/layer.tar"
        at = self.out.tell() if by_digest else 0
        self.out.write(tar_header(name, size))
        digest = hashlib.sha256()
        for piece in layer_pieces(layer):
            digest.update(piece)
            self.out.write(piece)
        if by_digest:
            name = f"blobs/sha256/{digest.hexdigest()}"
            end = self.out.tell()
            self.out.seek(at)
            self.out.write(tar_header(name, size))
            self.out.seek(end)
        self.layers[layer] = (name, "sha256:" + digest.hexdigest(), size)
        return self.layers[layer]

    def blob(self, content: bytes, media_type: str) -> dict:
        digest = hashlib.sha256(content).hexdigest()
        self.entry(f"blobs/sha256/{digest}", content)
        return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(content)}

    def end(self) -> None:
        self.out.write(b"\0" * 2 * BLOCK)


def write_docker(out: io.BufferedWriter, images: list[Image], hybrid: bool = False) -> Written:
    """`hybrid`: as since docker 25, with an OCI index beside manifest.json."""
    writer, written, items, roots = Writer(out), Written(), [], []
    for image in images:
        layers = [writer.layer(one, by_digest=hybrid) for one in image.layers]
        diff_ids = [diff_id for _, diff_id, _ in layers]
        config = config_of(diff_ids)
        written.images[image.name] = diff_ids
        if hybrid:
            root, config_name = oci_manifest(writer, image, layers, config)
            roots.append(root)
        else:
            config_name = hashlib.sha256(config).hexdigest() + ".json"
            writer.entry(config_name, config)
        items.append({"Config": config_name, "RepoTags": [image.name], "Layers": [name for name, _, _ in layers]})
    if hybrid:
        write_index(writer, roots)
    writer.entry("manifest.json", json_bytes(items))
    writer.end()
    written.layer_bytes = sum(size for _, _, size in writer.layers.values())
    return written


def write_oci(out: io.BufferedWriter, images: list[Image]) -> Written:
    writer, written, roots = Writer(out), Written(), []
    for image in images:
        layers = [writer.layer(one, by_digest=True) for one in image.layers]
        diff_ids = [diff_id for _, diff_id, _ in layers]
        written.images[image.name] = diff_ids
        roots.append(oci_manifest(writer, image, layers, config_of(diff_ids))[0])
    write_index(writer, roots)
    writer.end()
    written.layer_bytes = sum(size for _, _, size in writer.layers.values())
    return written


def oci_manifest(writer: Writer, image: Image, layers, config: bytes) -> tuple[dict, str]:
    """The image's descriptor, and the name of its config's entry."""
    described = writer.blob(config, OCI + "config.v1+json")
    manifest = {
        "schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "config": described,
        "layers": [{"mediaType": OCI + "layer.v1.tar", "digest": diff_id, "size": size}
                   for _, diff_id, size in layers]}
    root = writer.blob(json_bytes(manifest), OCI + "manifest.v1+json")
    name, tag = image.name.rsplit(":", 1)
    root["annotations"] = {"io.containerd.image.name": f"docker.io/{name}:{tag}",
                           "org.opencontainers.image.ref.name": tag}
    return root, "blobs/sha256/" + described["digest"][7:]


def write_index(writer: Writer, roots: list[dict]) -> None:
    index = {"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": roots}
    writer.entry("index.json", json_bytes(index))
    writer.entry("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')


WRITERS = {
    "docker": write_docker,
    "hybrid": lambda out, images: write_docker(out, images, hybrid=True),
    "oci": write_oci,
}
