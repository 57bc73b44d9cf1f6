"""The bytes pushed depend on the archive and the options only, never on threads or on how the archive came.

Every engine and level with one, two and eight threads, from a file and from a pipe, with much memory and with little;
and what a registry stored is unpacked with the gzip and zstd of the system.
"""
import hashlib
import subprocess
import unittest

from harness import SANITIZED, RegistryCase, needs
from images import Image, docker_entries, noise, sha256, tar

needs("docker-registry", "gzip", "zstd")

ENGINES = [("gzip", level) for level in range(1, 10)] + [("zstd", level) for level in (1, 3, 7, 19)] + [("none", None)]
if SANITIZED:  # a level or two of each library: the others are the same code of ours
    ENGINES = [("gzip", 2), ("gzip", 6), ("zstd", 1), ("zstd", 3), ("none", None)]
UNPACK = {"gzip": ["gzip", "-dc"], "zstd": ["zstd", "-dcq"], "none": ["cat"]}


def content(seed: int, size: int) -> bytes:
    """Text, noise and zeros by turns, so that blocks are deflated, stored and long matches."""
    text = b"".join(b"%d: what line %d says\n" % (seed, i) for i in range(12_000))
    pieces, total = [], 0
    while total < size:
        pieces += [text, noise(seed + len(pieces), 150_000), b"\0" * 70_000]
        total += sum(map(len, pieces[-3:]))
    return b"".join(pieces)[:size]


class Determinism(RegistryCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # One block and a byte, several blocks, less than a block; zstd's blocks are of 3.5 MiB.
        sizes = (512 * 1024 + 1, 7_400_000, 70_000)
        cls.image = Image([tar({"f": content(seed, size)}) for seed, size in enumerate(sizes)], ["app:1"])
        cls.data = tar(docker_entries(cls.image))

    def manifest(self, registry, result):
        """Of the one image that was pushed, below HOST/NAME."""
        ((reference, digest),) = result.references.items()
        repository = reference.partition("/")[2].rpartition(":")[0]
        answer = registry.manifest(repository, digest)
        self.assertEqual(sha256(answer.body), digest)
        return repository, answer.json()

    def ways(self):
        """Every way that must make no difference: options and what is on standard input."""
        file = self.file(self.data)
        for threads in ("1", "2", "8"):
            yield (file, "--threads", threads), None
            yield ("-", "--threads", threads), self.data
        yield (file, "--memory", "16M", "--jobs", "1"), None
        yield ("-", "--memory", "16M", "--threads", "8"), self.data

    def test_the_same_bytes_however_they_are_made(self):
        for engine, level in ENGINES:
            options = ["--compression", engine, *(["--compression-level", str(level)] if level else [])]
            with self.subTest(engine=engine, level=level):
                digests = {}
                for way, stdin in self.ways():
                    to = f"{self.embedded.host}/{self.fresh()}:1"
                    result = self.pushed(*way, *options, "--to", to, stdin=stdin)
                    digests[" ".join(map(str, way))] = list(result.references.values())
                self.assertEqual(len(set(map(tuple, digests.values()))), 1, digests)

    def test_what_is_stored_unpacks_to_the_layers(self):
        file = self.file(self.data)
        sizes = {}
        for registry in self.registries:
            for engine, level in ENGINES:
                options = ["--compression", engine, *(["--compression-level", str(level)] if level else [])]
                with self.subTest(engine=engine, level=level, registry=type(registry).__name__):
                    result = self.pushed(file, *options, "--to", f"{registry.host}/{self.fresh()}:1")
                    repository, manifest = self.manifest(registry, result)
                    for plain, layer in zip(self.image.layers, manifest["layers"], strict=True):
                        blob = registry.request("GET", f"/v2/{repository}/blobs/{layer['digest']}").body
                        self.assertEqual(sha256(blob), layer["digest"])
                        unpacked = subprocess.run(UNPACK[engine], input=blob, stdout=subprocess.PIPE, check=True)
                        self.assertEqual(hashlib.sha256(unpacked.stdout).digest(), hashlib.sha256(plain).digest())
                    sizes[engine, level] = sum(layer["size"] for layer in manifest["layers"])
        # Levels mean something, and every engine makes the archive smaller.
        for engine in ("gzip", "zstd"):
            levels = [level for one, level in ENGINES if one == engine]
            self.assertLessEqual(sizes[engine, levels[-1]], sizes[engine, levels[0]])
            self.assertLess(sizes[engine, levels[0]], sizes["none", None])


if __name__ == "__main__":
    unittest.main()
