"""The embedded registry removes what nobody needs, while images are pushed, pulled and deleted, and nothing else.

Files are made older by hand where the grace would have to pass. skopeo reads the folder as it is left.
"""
from __future__ import annotations

import contextlib
import os
import threading
import unittest

from harness import Case, EmbeddedRegistry, needs, tarpon, wait_until
from images import Image, docker_entries, make_layer, pull, tar

needs("skopeo")

PUSHERS, ROUNDS = 3, 6


class Collection(Case):
    def serve(self, *options) -> EmbeddedRegistry:
        return self.enterContext(EmbeddedRegistry(self.folder / self.fresh("server"), *options))

    def push(self, registry: EmbeddedRegistry, image: Image) -> dict[str, str]:
        archive = self.file(tar(docker_entries(image)), f"{self.fresh()}.tar")
        return self.pushed(archive, "--registry", registry.host).references

    @staticmethod
    def make_old(registry: EmbeddedRegistry) -> None:
        for path in registry.storage.rglob("*"):
            with contextlib.suppress(FileNotFoundError):
                if path.is_file():
                    os.utime(path, (1_700_000_000, 1_700_000_000))

    @staticmethod
    def blobs(registry: EmbeddedRegistry) -> set[str]:
        return {path.name for path in (registry.storage / "blobs").rglob("*") if path.is_file()}

    def restart(self, registry: EmbeddedRegistry) -> None:
        """Uploads before it do not count as under way any more."""
        registry.stop()
        self.make_old(registry)
        registry.start()

    def expect_readable(self, registry: EmbeddedRegistry, name: str) -> None:
        pull(f"{registry.host}/{name}", self.folder / self.fresh("pulled"))
        pull(f"{registry.storage}:{name}", self.folder / self.fresh("read"), "oci:")

    def test_deleted_image_frees_its_space(self):
        registry = self.serve("--log-level", "info")
        shared, one, two = make_layer(1), make_layer(2, 200_000), make_layer(3)
        first = self.push(registry, Image([shared, one], ["team/app:1", "team/app:also"]))
        self.push(registry, Image([shared, two], ["team/app:2"]))
        self.push(registry, Image([shared, one], ["other/app:1"]))
        self.restart(registry)
        before = self.blobs(registry)
        digest = next(iter(first.values()))
        for name in ("team/app", "other/app"):  # by its digest, by its tag
            reference = digest if name == "team/app" else "1"
            self.assertEqual(registry.request("DELETE", f"/v2/{name}/manifests/{reference}").status, 202)
        # Its manifest, its config and its layer; the shared one stays.
        wait_until(lambda: len(before - self.blobs(registry)) == 3, "the space of what only the deleted image needed")
        self.assertEqual(registry.tags("team/app"), ["2"])
        self.expect_readable(registry, "team/app:2")
        registry.server.wait_for(r"collected: \d manifests?, \d blobs? of 1\d\d\.\d KiB")

    def test_young_image_waits(self):
        registry = self.serve("--gc-interval", "1s")
        self.push(registry, Image([make_layer(1)], ["app:1"]))
        before = self.blobs(registry)
        self.assertEqual(registry.request("DELETE", "/v2/app/manifests/1").status, 202)
        registry.stop()
        registry.start()
        self.push(registry, Image([make_layer(2)], ["other:1"]))
        self.assertLess(before, self.blobs(registry))
        # One that was left over is removed meanwhile, so collections do happen.
        stray = registry.storage / "blobs" / "sha256" / ("0" * 64)
        stray.write_bytes(b"left by a crash")
        wait_until(lambda: not stray.exists(), "a collection")
        self.assertLess(before, self.blobs(registry))

    def test_damage_stops_it(self):
        registry = self.serve("--gc-interval", "1s", "--log-level", "info")
        digest = next(iter(self.push(registry, Image([make_layer(1)], ["app:1"])).values()))
        self.push(registry, Image([make_layer(2)], ["other:1"]))
        registry.stop()
        manifest = registry.storage / "blobs" / "sha256" / digest.removeprefix("sha256:")
        whole = manifest.read_bytes()
        manifest.write_bytes(whole.replace(b"schemaVersion", b"schemaversion"))
        stray = registry.storage / "blobs" / "sha256" / ("0" * 64)
        stray.write_bytes(b"left by a crash")
        self.make_old(registry)
        before = self.blobs(registry)
        registry.start()
        self.assertEqual(registry.request("DELETE", "/v2/other/manifests/1").status, 202)
        registry.server.wait_for(f"nothing is collected: the manifest {digest} of app")
        self.assertEqual(self.blobs(registry), before)
        manifest.write_bytes(whole)
        wait_until(lambda: not stray.exists(), "a collection after the repair")

    def test_pushes_and_deletes_meanwhile(self):
        """Images that share layers come and go in repositories of their own; what is not deleted stays whole."""
        registry = self.serve("--gc-interval", "1s", "--gc-grace", "60s", "--gc-untagged")
        shared = make_layer(1_000, 20_000)  # none of the seeds below
        failed = []

        def work(number: int) -> None:
            for turn in range(ROUNDS):
                image = Image([shared, make_layer(100 * number + turn, 20_000)], [f"app{number}:latest", f"app{number}:{turn}"])
                archive = self.file(tar(docker_entries(image)), f"{number}-{turn}.tar")
                result = tarpon("push", "--json", archive, "--registry", registry.host)
                if result.code != 0:
                    failed.append(result)
                if turn % 2:
                    registry.request("DELETE", f"/v2/app{number}/manifests/{turn - 1}")

        def age() -> None:
            """Deleted images do not have to wait for the grace."""
            while not over.is_set():
                for path in registry.storage.glob("repositories/*/_released/*"):
                    name = path.name.replace("sha256-", "_manifests/sha256/")
                    with contextlib.suppress(FileNotFoundError):
                        os.utime(path.parents[1] / name, (1_700_000_000, 1_700_000_000))
                over.wait(0.2)

        over = threading.Event()
        threads = [threading.Thread(target=work, args=(number,)) for number in range(PUSHERS)]
        aging = threading.Thread(target=age)
        for thread in [*threads, aging]:
            thread.start()
        for thread in threads:
            thread.join()
        over.set()
        aging.join()
        self.assertEqual([str(one) for one in failed], [])
        self.restart(registry)
        expected = {*map(str, range(1, ROUNDS, 2)), "latest"}
        for number in range(PUSHERS):
            self.assertEqual(set(registry.tags(f"app{number}")), expected)
        registry.request("DELETE", "/v2/app0/manifests/latest")  # one more reason to look
        # What is left is exactly what the tags need: a layer, config and manifest of each, and the shared layer.
        left = PUSHERS * (ROUNDS // 2) * 3 + 1
        wait_until(lambda: len(self.blobs(registry)) == left, f"{left} blobs")
        for number in range(PUSHERS):
            for tag in sorted(expected - {"latest"}):
                self.expect_readable(registry, f"app{number}:{tag}")


if __name__ == "__main__":
    unittest.main()
