"""Archives that end early: at every block and inside blocks, in a layer, in their outer compression, in every dialect.

With fewer bytes than matter an archive is refused with one error line, exit code 3 and nothing in the registry; what
is only missing its end marker may be pushed whole.
"""
import bz2
import gzip
import lzma
import subprocess
import sys
import unittest

from harness import BadInputCase, needs, tarpon
from images import BLOCK, docker_entries, flipped, make_image, oci_entries, tar

needs("docker-registry", "zstd")

END = 2 * BLOCK  # of an archive: two zero blocks


class CutArchives(BadInputCase):
    def push_cut(self, registry, data, from_pipe):
        """Returns the result and the repository prefix it went to."""
        name = self.fresh()
        archive, stdin = ("-", data) if from_pipe else (self.file(data), None)
        return tarpon("push", "--json", archive, "--registry", f"{registry.host}/{name}", stdin=stdin), name

    def expect_refusal_at_every_cut(self, data: bytes, needed: int):
        """`needed`: so many bytes hold all that matters; with fewer nothing must be pushed."""
        whole = self.pushed(self.file(data), "--registry", f"{self.embedded.host}/{self.fresh()}")
        (digest,) = whole.references.values()
        for registry in self.registries:
            inside = (0, 1, 255, 511) if registry is self.embedded else (0,)
            cuts = [start + more for start in range(0, len(data) - BLOCK, BLOCK) for more in inside]
            for from_pipe in (False, True):
                for cut in cuts:
                    with self.subTest(cut=cut, pipe=from_pipe, registry=type(registry).__name__):
                        result, name = self.push_cut(registry, data[:cut], from_pipe)
                        if cut >= needed and result.code == 0:
                            self.assertEqual(list(result.references.values()), [digest])
                            continue
                        self.assert_one_error(
                            result, 3, "archive", "end|empty|no data|no tar archive|neither manifest|not in the")
                        self.expect_clean(registry, name)

    def test_docker_archive_at_every_block(self):
        entries = docker_entries(make_image(1, "app:1", size=900))
        data = tar(entries)
        self.expect_refusal_at_every_cut(data, data.rindex(entries["manifest.json"]) + len(entries["manifest.json"]))

    def test_docker_archive_with_its_metadata_first(self):
        entries = docker_entries(make_image(2, "app:1", layers=1, size=900))
        first = {"manifest.json": entries.pop("manifest.json"), **dict(reversed(entries.items()))}
        data = tar(first)
        self.expect_refusal_at_every_cut(data, len(data) - END)

    def test_oci_archive_at_every_block(self):
        entries = oci_entries(make_image(3, "app:1", layers=1, size=900))
        data = tar(entries)
        self.expect_refusal_at_every_cut(data, data.rindex(entries["index.json"]) + len(entries["index.json"]))

    def test_in_a_layer_that_is_sent_while_it_is_read(self):
        data = tar(docker_entries(make_image(4, "app:1", layers=1, size=600_000)))
        for cut in (BLOCK + 1, BLOCK + 70_000, 2 * len(data) // 3):
            self.expect_refusal(data[:cut], "end")

    def test_in_the_outer_compression(self):
        data = tar(docker_entries(make_image(5, "app:1", size=90_000)))
        zstd = subprocess.run(["zstd", "-cq"], input=data, stdout=subprocess.PIPE, check=True).stdout
        for packed in (gzip.compress(data), bz2.compress(data), lzma.compress(data), zstd):
            for cut in (1, 3, 100, len(packed) // 2, len(packed) - 1):
                self.expect_refusal(packed[:cut], "end|no tar")

    def test_not_cut_but_damaged_in_the_outer_compression(self):
        packed = gzip.compress(tar(docker_entries(make_image(15, "app:1", size=50_000))))
        for at in (500, len(packed) // 2, len(packed) - 6):
            self.expect_refusal(flipped(packed, at), "damaged|content|checksum")

    def test_by_a_producer_that_dies(self):
        data = tar(docker_entries(make_image(6, "app:1", size=900_000)))
        program = "import os, sys; os.write(1, sys.stdin.buffer.read()); os.kill(os.getpid(), 9)"
        for registry in self.registries:
            name = self.fresh()
            half = self.file(data[:len(data) // 2])
            with open(half, "rb") as source, subprocess.Popen(
                    [sys.executable, "-c", program], stdin=source, stdout=subprocess.PIPE) as producer:
                result = self.refused(3, "archive", "ended early.*did the producer fail", "-", "--registry",
                                      f"{registry.host}/{name}", stdin=producer.stdout)
            self.assertEqual(producer.returncode, -9)
            self.assertEqual(result.summary["images"], 0)
            self.expect_clean(registry, name)


if __name__ == "__main__":
    unittest.main()
