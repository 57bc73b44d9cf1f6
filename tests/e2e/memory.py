"""Memory stays small and flat however large an archive, its layers or a registry's patience are.

Streams are made while they are pushed, into a registry that keeps nothing. TARPON_TEST_STREAM_GIB sets their size;
the full measure is 20, most of it one layer of 15.
"""
import hashlib
import json
import os
import random
import subprocess
import sys
import unittest
from pathlib import Path

from harness import PATIENCE, Case, Running
from images import BLOCK, json_bytes, padding, sha256, tar_header
from sink import SinkRegistry

GIB = 1 << 30
MIB = 1 << 20
STREAM_BYTES = int(float(os.environ.get("TARPON_TEST_STREAM_GIB", "1")) * GIB)
PEAK_MAX = 64 * MIB


def big_header(name: str, size: int) -> bytes:
    """A header whose size is in base 256 even where octal would do."""
    header = bytearray(tar_header(name, 0))
    header[124:136] = b"\x80" + size.to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def material() -> bytes:
    """4 MiB, half of it text."""
    random_bytes = random.Random(1).randbytes
    text = b"".join(b"line %d of some file, and what is in it\n" % i for i in range(60_000))
    return b"".join(random_bytes(MIB // 4) + text[i * MIB // 4:(i + 1) * MIB // 4] for i in range(8))


def write_layer(out, name: str, size: int, block: bytes) -> str:
    """An entry of about `size` bytes that is a tar of one file; its diff_id."""
    plain = hashlib.sha256()

    def put(data):
        plain.update(data)
        out.write(data)

    inside = size - size % len(block)
    out.write(big_header(name, BLOCK + inside + 2 * BLOCK))
    put(big_header(name.replace("/", "-"), inside))
    for _ in range(inside // len(block)):
        put(block)
    put(b"\0" * 2 * BLOCK)
    return "sha256:" + plain.hexdigest()


def write_archive(out, total: int) -> None:
    """As docker save before 25 writes it: metadata last."""
    block = material()
    sizes = [total // 20, 3 * total // 4, *[total // 20] * 4]
    names = [f"{i}/layer.tar" for i in range(len(sizes))]
    diff_ids = [write_layer(out, name, size, block) for name, size in zip(names, sizes)]
    rootfs = {"type": "layers", "diff_ids": diff_ids}
    config = json_bytes({"architecture": "amd64", "os": "linux", "rootfs": rootfs})
    manifest = json_bytes([{"Config": "config.json", "RepoTags": ["big:1"], "Layers": names}])
    for name, data in (("config.json", config), ("manifest.json", manifest)):
        out.write(tar_header(name, len(data)) + data + padding(len(data)))
    out.write(b"\0" * 2 * BLOCK)


class Memory(Case):
    def setUp(self):
        super().setUp()
        self.registry = self.enterContext(SinkRegistry(self.folder / "sink"))

    def push(self, *arguments, stdin=None):
        """Pushes; (result, the kernel's word on the peak)."""
        with Running("push", "--json", *arguments, "--to", f"{self.registry.host}/big:1", stdin=stdin) as run:
            _, status, usage = os.wait4(run.process.pid, 0)
            run.process.returncode = os.waitstatus_to_exitcode(status)
            result = run.finish()
        self.assertEqual(result.code, 0, result)
        seconds, cpu = result.summary["seconds"], usage.ru_utime + usage.ru_stime
        print(f"{' '.join(map(str, arguments))}: peak {usage.ru_maxrss / 1024:.1f} MiB, {seconds:.1f} s, "
              f"{result.summary['bytes_read'] / GIB:.2f} GiB read, cpu {cpu:.1f} s", file=sys.stderr)
        return result, usage.ru_maxrss * 1024

    def expect_small(self, result, peak):
        self.assertLess(peak, PEAK_MAX, result)
        self.assertLess(result.summary["peak_memory_bytes"], PEAK_MAX, result)
        self.assertGreater(result.summary["peak_memory_bytes"], MIB, result)

    def expect_arrived(self, result, layers):
        """Every layer and the config were committed, and the manifest names them."""
        state = self.registry.state()
        manifest = json.loads(state["manifests"]["1"])
        named = {one["digest"]: one["size"] for one in [manifest["config"], *manifest["layers"]]}
        self.assertEqual(len(manifest["layers"]), layers)
        self.assertEqual(state["blobs"], named)
        self.assertEqual([one["digest"] for one in result.of("image")],
                         [sha256(state["manifests"]["1"].encode())])

    def push_stream(self, *options):
        writer = [sys.executable, Path(__file__), "--write", str(STREAM_BYTES)]
        with subprocess.Popen(writer, stdout=subprocess.PIPE) as producer:
            result, peak = self.push("-", *options, stdin=producer.stdout)
            producer.stdout.close()
            self.assertEqual(producer.wait(PATIENCE), 0)
        self.expect_small(result, peak)
        self.assertGreater(result.summary["bytes_read"], STREAM_BYTES * 9 // 10)
        self.expect_arrived(result, 6)

    def test_a_stream_with_one_huge_layer(self):
        self.push_stream("--compression", "gzip")

    def test_a_stream_that_is_not_compressed(self):
        self.push_stream("--compression", "none")

    def test_a_stream_to_zstd(self):
        self.push_stream("--compression", "zstd")

    def test_a_file_with_gzip_on_two_threads(self):
        path = self.folder / "archive.tar"
        with open(path, "wb") as file:
            write_archive(file, min(STREAM_BYTES, 1_800_000_000))
        result, peak = self.push(path, "--compression", "gzip", "--threads", "2")
        self.expect_small(result, peak)
        self.expect_arrived(result, 6)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        write_archive(sys.stdout.buffer, int(sys.argv[2]))
    else:
        unittest.main()
