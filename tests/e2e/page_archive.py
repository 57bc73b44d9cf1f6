"""What the page of `tarpon serve` makes of archives before they are sent: names, layers, and hostile ones.

The same as the server sees in them; archive.js runs in Node.js here.
"""
from __future__ import annotations

import bz2
import gzip
import json
import lzma
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import DATA, PATIENCE, ROOT, Case, environment, needs
from images import BLOCK, docker_entries, json_bytes, make_image, oci_entries, padding, sha256, tar, tar_header

needs("node")
SOURCE = ROOT / "src" / "server" / "page" / "archive.js"


def pax(records: bytes) -> bytes:
    header = bytearray(tar_header("PaxHeaders/x", len(records)))
    header[156:157] = b"x"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + records + padding(len(records))


def diamond(levels: int, width: int) -> dict[str, bytes]:
    """Indexes of which each names all of the next level, in two copies that differ."""
    entries, below = {}, []
    for level in range(levels):
        made = []
        for number in range(width):
            body = json_bytes({"schemaVersion": 2, "level": level, "number": number,
                               "manifests": [{"digest": one, "size": 1} for one in below]})
            digest = sha256(body)
            entries[f"blobs/{digest.replace(':', '/')}"] = body
            made.append(digest)
        below = made
    entries["index.json"] = json_bytes({"schemaVersion": 2, "manifests": [
        {"digest": below[0], "size": 1, "annotations": {"org.opencontainers.image.ref.name": "app:1"}}]})
    return entries


class PageArchive(Case):
    def seen(self, *archives: bytes | Path) -> list[dict]:
        paths = [one if isinstance(one, Path) else self.file(one, self.fresh("archive")) for one in archives]
        with tempfile.TemporaryDirectory() as folder:
            module = Path(folder) / "archive.mjs"  # by its name Node.js knows what it is
            shutil.copy(SOURCE, module)
            done = subprocess.run(["node", Path(__file__).parent / "page_archive.mjs", module, *paths], capture_output=True,
                                  text=True, timeout=PATIENCE, env=environment(), check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_fixtures(self):
        expected = {"docker20-single": ("docker", [["fixture/base:1"]]), "multiarch-oci": ("oci", [["fixture/ma:1"]]),
                    "docker20-untagged": ("docker", [[]])}
        for one, (name, (kind, names)) in zip(self.seen(*(DATA / f"{name}.tar" for name in expected)), expected.items()):
            self.assertEqual((one["kind"], one["packed"], one["names"]), (kind, False, names), name)

    def test_gzip_is_looked_into(self):
        images = [make_image(1, "a:1", size=3_000_000), make_image(2, "team/b:2", "b:3")]
        plain = [tar(docker_entries(*images)), tar(oci_entries(make_image(3, "c:1", size=2_000_000)))]
        packed = [gzip.compress(one, 1) for one in plain]
        for before, after in zip(self.seen(*plain), self.seen(*packed)):
            self.assertTrue(after["packed"])
            self.assertTrue(any(after["names"]))
            self.assertEqual(after | {"packed": False}, before)

    def test_of_other_compressions_only_that_they_are(self):
        data = tar(docker_entries(make_image(1, "a:1")))
        unknown = {"kind": None, "packed": True, "names": [], "selectors": [], "layers": [], "sizes": []}
        # gzip that is cut or not of a tar: the server decides about it.
        cut = gzip.compress(data)[:len(gzip.compress(data)) // 2]
        for one in self.seen(lzma.compress(data), bz2.compress(data), cut, gzip.compress(b"none" * 500),
                             gzip.compress(gzip.compress(data))):
            self.assertEqual(one, unknown)
        # Of two members Node.js reads both, Chromium the first.
        (two,) = self.seen(gzip.compress(data[:5000]) + gzip.compress(data[5000:]))
        self.assertTrue(two["packed"])

    def test_hostile_headers(self):
        body = tar(docker_entries(make_image(1, "a:1")))
        # A size below zero once sent the reader back and forth for ever.
        back = pax(b"20 size=-1000000000\n")
        nan = pax(b"12 size=xyz\n")
        for one in self.seen(back + body, nan + body):
            self.assertEqual(one["trouble"], "bad_header")
        for one in self.seen(gzip.compress(back + body)):
            self.assertIsNone(one["kind"])

    def test_metadata_of_the_wrong_kind(self):
        for manifest in ([None], [1], [{"Config": 5, "RepoTags": 7}], [{"Config": "c", "RepoTags": [None], "Layers": [4]}]):
            (one,) = self.seen(tar({"manifest.json": json_bytes(manifest), "c": b"{}"}))
            self.assertEqual(one["trouble"], "bad_metadata", manifest)
        for index in ({"manifests": [None]}, {"manifests": [{"digest": 7}]}):
            (one,) = self.seen(tar({"index.json": json_bytes(index)}))
            self.assertEqual(one["trouble"], "bad_metadata", index)
        self.assertEqual(self.seen(tar({"a": b"b"}), b"", b"x" * (2 * BLOCK)),
                         [{"trouble": "no_images"}, {"trouble": "empty_file"}, {"trouble": "not_archive"}])

    def test_indexes_that_share_their_children(self):
        (one,) = self.seen(tar(diamond(levels=12, width=8)))  # 8^12 ways lead through it
        self.assertEqual(one["names"], [["app:1"]])


if __name__ == "__main__":
    unittest.main()
