"""Is what arrived what was in the archive? Reads it back from the far end and raises Wrong if not."""
from __future__ import annotations

import hashlib
import json
import subprocess
import zlib
from pathlib import Path

from .archives import Archive
from .far_ends import FarEnd

PIECE = 1 << 20


class Wrong(Exception):
    """Something else arrived than was sent."""


def require(condition: bool, what: str) -> None:
    if not condition:
        raise Wrong(what)


def sha256_of(pieces) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return "sha256:" + digest.hexdigest()


def file_pieces(path: Path):
    with open(path, "rb") as file:
        while piece := file.read(PIECE):
            yield piece


def plain_pieces(path: Path, media_type: str):
    """A layer's tar, whatever it is compressed with."""
    if media_type.endswith("zstd"):
        with subprocess.Popen(["zstd", "-dcq", path], stdout=subprocess.PIPE) as zstd:
            while piece := zstd.stdout.read(PIECE):
                yield piece
        require(zstd.returncode == 0, f"{path.name} is no zstd")
    elif media_type.endswith("gzip"):
        yield from gunzip(path)
    else:
        yield from file_pieces(path)


def gunzip(path: Path):
    """Any number of members."""
    member, begun = zlib.decompressobj(31), False
    for piece in file_pieces(path):
        while piece:
            yield member.decompress(piece)
            piece, begun = member.unused_data, not member.eof
            if member.eof:
                member = zlib.decompressobj(31)
    require(not begun, f"{path.name} ends inside a gzip member")


def manifest_of(far_end: FarEnd, repository: str, tag: str) -> dict:
    raw = far_end.manifest(repository, tag)
    require(raw is not None, f"{repository}:{tag} is not there")
    manifest = json.loads(raw)
    if "manifests" in manifest:  # an index of one image
        raw = far_end.manifest(repository, manifest["manifests"][0]["digest"])
        require(raw is not None, f"{repository}:{tag} lacks the manifest of its image")
        manifest = json.loads(raw)
    return manifest


def check_image(far_end: FarEnd, repository: str, tag: str, diff_ids: list[str], deep: bool) -> list[int]:
    """The sizes of its layers. `deep` hashes every blob and what is inside it."""
    manifest = manifest_of(far_end, repository, tag)
    layers = manifest["layers"]
    require(len(layers) == len(diff_ids), f"{repository}:{tag} has {len(layers)} layers, not {len(diff_ids)}")
    for one in [manifest["config"], *layers]:
        check_blob(far_end, repository, one, deep)
    if far_end.keeps:
        config = json.loads(far_end.blob_path(manifest["config"]["digest"]).read_bytes())
        require(config["rootfs"]["diff_ids"] == diff_ids, f"{repository}:{tag} has the config of another image")
    if far_end.keeps and deep:
        for one, diff_id in zip(layers, diff_ids):
            found = sha256_of(plain_pieces(far_end.blob_path(one["digest"]), one["mediaType"]))
            require(found == diff_id, f"layer {one['digest']} holds {found}, not {diff_id}")
    return [one["size"] for one in layers]


def check_blob(far_end: FarEnd, repository: str, one: dict, deep: bool) -> None:
    if not far_end.keeps:
        status, headers, _ = far_end.ask("HEAD", f"/v2/{repository}/blobs/{one['digest']}")
        there = status == 200 and int(headers["Content-Length"]) == one["size"]
        require(there, f"blob {one['digest']} did not arrive")
        return
    path = far_end.blob_path(one["digest"])
    require(path.exists() and path.stat().st_size == one["size"], f"blob {one['digest']} did not arrive")
    if deep:
        require(sha256_of(file_pieces(path)) == one["digest"], f"blob {one['digest']} has other content")


def check_archive(far_end: FarEnd, archive: Archive, deep: bool) -> list[int]:
    sizes = []
    for name, diff_ids in archive.images.items():
        repository, tag = name.rsplit(":", 1)
        sizes += check_image(far_end, repository, tag, diff_ids, deep)
    return sizes
