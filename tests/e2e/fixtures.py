"""Every archive of tests/data, pushed to docker-registry and to the embedded registry in every form.

skopeo reads each pushed image back; all digests, sizes and diff_ids must be right, the image config must be
the archive's own, and what is pushed byte for byte must keep its digests.
"""
import unittest

from harness import RegistryCase, needs
from images import DOCKER, MANIFEST_TYPE, fixture, fixtures, pull, sha256

needs("docker-registry", "skopeo", "zstd")

DOCKER_MANIFEST = DOCKER + "distribution.manifest.v2+json"


class EveryArchive(RegistryCase):
    def push_and_pull_all(self, check, *options):
        """Calls check(fixture, promise, pulled) for every reference of every archive, on both registries."""
        for registry in self.registries:
            for fixture in fixtures():
                with self.subTest(archive=fixture.name, registry=type(registry).__name__):
                    self.push_and_pull(registry, fixture, check, options)

    def push_and_pull(self, registry, fixture, check, options):
        base = f"{registry.host}/{self.fresh()}"
        result = self.pushed(fixture.path, *fixture.where(base), *options)
        expected = fixture.expected(base)
        self.assertEqual(set(result.references), set(expected))
        for reference, promise in expected.items():
            pulled = pull(reference, self.folder / self.fresh())
            self.assertEqual(pulled.digest, result.references[reference])
            if promise.config:
                self.assertIn(promise.config, pulled.configs)
            check(fixture, promise, pulled)

    def expect_compression(self, wanted, *options):
        def check(fixture, _, pulled):
            # Images of which only the OCI manifest is there go byte for byte.
            if not fixture.verbatim:
                self.assertEqual(pulled.compressions, {wanted})

        self.push_and_pull_all(check, *options)

    def test_what_is_compressed_stays_as_it_is_by_default(self):
        def check(fixture, promise, pulled):
            if promise.root:
                self.assertEqual(pulled.digest, promise.root)
            if promise.layers:
                self.assertEqual(pulled.layers, promise.layers)
            if not fixture.pure_oci:
                self.assertEqual(pulled.compressions, {"gzip"})

        self.push_and_pull_all(check)

    def test_layers_become_zstd(self):
        self.expect_compression("zstd", "--compression", "zstd")

    def test_layers_become_plain(self):
        self.expect_compression("none", "--compression", "none")

    def test_layers_become_gzip_of_a_level(self):
        self.expect_compression("gzip", "--compression", "gzip", "--compression-level", "6")

    def test_only_manifests_that_are_built_take_the_format(self):
        for format, media_type in (("docker", DOCKER_MANIFEST), ("oci", MANIFEST_TYPE)):
            def check(fixture, promise, pulled):
                if promise.root:
                    self.assertEqual(pulled.digest, promise.root)
                if not fixture.verbatim:
                    self.assertEqual(pulled.media_type, media_type)

            self.push_and_pull_all(check, "--format", format)


class Details(RegistryCase):
    def test_a_pruned_index_keeps_the_images_that_are_there(self):
        for registry in self.registries:
            archive = fixture("docker28-containerd-missing-platform")
            base = f"{registry.host}/{self.fresh()}"
            result = self.pushed(archive.path, *archive.where(base))
            pulled = pull(f"{base}/fixture/ma:1", self.folder / self.fresh())
            self.assertEqual(len(pulled.manifests), 1)
            self.assertIn("blobs/sha256/" + pulled.manifests[0][7:], archive.entries)
            self.assertRegex(result.stderr, "warning: .*linux/arm64")

    def test_a_missing_platform_is_an_error_by_default(self):
        archive = fixture("docker28-containerd-missing-platform")
        for registry in self.registries:
            name = self.fresh()
            self.refused(3, "archive", "linux/arm64", archive.path, "--registry", f"{registry.host}/{name}")
            self.assertEqual(registry.names_stored(name), [])

    def test_referrers_go_with_their_subject(self):
        archive = fixture("oras-referrers")
        for registry in self.registries:
            name = self.fresh()
            self.pushed(archive.path, *archive.where(f"{registry.host}/{name}"))
            manifests = [data for path, data in archive.entries.items()
                         if path.startswith("blobs/") and b'"schemaVersion"' in data]
            self.assertGreater(len(manifests), 3)
            for data in manifests:
                self.assertEqual(registry.manifest(f"{name}/named", sha256(data)).body, data)
                pull(f"{registry.host}/{name}/named@{sha256(data)}", self.folder / self.fresh())


if __name__ == "__main__":
    unittest.main()
