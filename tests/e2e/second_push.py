"""What need not be sent is not sent, and what need not be read is not read.

A second push of an archive sends no blob and reads no layer byte; blobs that images share go once and are mounted
into the other repositories; a blob whose digest is known ahead is asked for before it is read.
"""
import unittest
from collections import Counter

from harness import RegistryCase, needs
from images import docker_entries, fixture, fixtures, make_image, oci_entries, pull, tar

needs("docker-registry", "skopeo")


def statuses(result):
    """Digest -> how often it was uploaded, mounted, …"""
    found = {}
    for blob in result.of("blob"):
        found.setdefault(blob["digest"], Counter())[blob["status"]] += 1
    return found


class SecondPush(RegistryCase):
    def assert_no_blob_sent(self, result):
        self.assertEqual(result.summary["blobs_uploaded"], 0, result)
        self.assertEqual(result.summary["bytes_read"], 0, result)
        self.assertEqual(sum(blob["bytes_sent"] for blob in result.of("blob")), 0, result)

    def test_sends_and_reads_nothing(self):
        for registry in self.registries:
            for archive in fixtures():
                with self.subTest(archive=archive.name, registry=type(registry).__name__):
                    base = f"{registry.host}/{self.fresh()}"
                    first = self.pushed(archive.path, *archive.where(base))
                    self.assertGreater(first.summary["blobs_uploaded"], 0)
                    self.assertGreater(first.summary["bytes_read"], 0)
                    second = self.pushed(archive.path, *archive.where(base))
                    self.assert_no_blob_sent(second)
                    self.assertEqual(second.references, first.references)
                    self.assertEqual({image["status"] for image in second.of("image")}, {"unchanged"})
                    if archive.name != "oras-referrers":  # its manifests go again: nobody can ask for referrers
                        self.assertEqual(second.summary["bytes_sent"], 0, second)

    def test_another_tag_sends_nothing_when_digests_are_known_ahead(self):
        for registry in self.registries:
            for archive in (fixture("skopeo-oci-archive"), fixture("multiarch-oci"), fixture("skopeo-oci-zstd")):
                with self.subTest(archive=archive.name, registry=type(registry).__name__):
                    name = f"{registry.host}/{self.fresh()}"
                    self.pushed(archive.path, "--to", f"{name}:1")
                    second = self.pushed(archive.path, "--to", f"{name}:2")
                    self.assert_no_blob_sent(second)
                    self.assertEqual({one["status"] for one in second.of("blob")}, {"exists"})
                    self.assertEqual([one["status"] for one in second.of("image")], ["pushed"])

    def test_plain_layers_of_a_docker_archive_are_known_by_their_diff_id(self):
        archive = self.file(tar(docker_entries(make_image(1, "app:1"))))
        for registry in self.registries:
            name = f"{registry.host}/{self.fresh()}"
            self.pushed(archive, "--to", f"{name}:1", "--compression", "none")
            self.assert_no_blob_sent(self.pushed(archive, "--to", f"{name}:2", "--compression", "none"))

    def test_another_compression_is_not_taken_for_the_same_image(self):
        archive = self.file(tar(docker_entries(make_image(2, "app:1"))))
        for registry in self.registries:
            name = f"{registry.host}/{self.fresh()}:1"
            first = self.pushed(archive, "--to", name)
            second = self.pushed(archive, "--to", name, "--compression", "zstd")
            self.assertNotEqual(second.references, first.references)
            self.assertEqual(second.summary["blobs_uploaded"], 2, second)

    def test_a_rebuilt_docker_image_sends_its_new_layer(self):
        old, new = make_image(6, "app:1", layers=2), make_image(6, "app:1", layers=3)
        for registry in self.registries:
            where = ("--registry", f"{registry.host}/{self.fresh()}")
            self.pushed(self.file(tar(docker_entries(old))), *where)
            result = self.pushed(self.file(tar(docker_entries(new))), *where)
            self.assertEqual(Counter(one["status"] for one in result.of("blob")), {"reused": 2, "uploaded": 2}, result)
            ((reference, digest),) = result.references.items()
            self.assertEqual(pull(reference, self.folder / self.fresh()).digest, digest)
            # Under another name only where it is told to.
            other = ("--to", f"{reference.removesuffix(':1')}:2")
            again = self.pushed(self.file(tar(docker_entries(new))), *other, "--reuse-from", reference)
            self.assertEqual(Counter(one["status"] for one in again.of("blob")), {"reused": 3, "exists": 1}, again)
            self.assertEqual(set(again.references.values()), {digest})

    def test_only_a_new_layer_is_sent(self):
        old = make_image(3, "app:1", layers=2)
        new = make_image(3, "app:2", layers=3)
        for registry in self.registries:
            where = ("--registry", f"{registry.host}/{self.fresh()}")
            self.pushed(self.file(tar(oci_entries(old))), *where)
            result = self.pushed(self.file(tar(oci_entries(new))), *where)
            self.assertEqual(Counter(one["status"] for one in result.of("blob")), {"exists": 2, "uploaded": 2})
            self.assertEqual(result.summary["blobs_uploaded"], 2)
            self.assertEqual(result.summary["blobs_skipped"], 2)


class SharedBlobs(RegistryCase):
    def test_of_one_repository_go_once(self):
        for registry in self.registries:
            images = [make_image(4, "app:1", layers=1), make_image(4, "app:2", layers=2)]
            archive = self.file(tar(docker_entries(*images)))
            result = self.pushed(archive, "--registry", f"{registry.host}/{self.fresh()}")
            self.assertEqual(Counter(one["status"] for one in result.of("blob")), {"uploaded": 4})
            self.assertEqual(result.summary["blobs_uploaded"], 4)  # two layers, two configs

    def test_of_several_repositories_are_sent_once_and_mounted(self):
        archive = fixture("docker20-multi")
        for registry in self.registries:
            result = self.pushed(archive.path, *archive.where(f"{registry.host}/{self.fresh()}"))
            counted = statuses(result)
            self.assertEqual({one["uploaded"] for one in counted.values()}, {1}, result)
            self.assertGreater(sum(one["mounted"] for one in counted.values()), 0, result)
            mounted = [one for one in result.of("blob") if one["status"] == "mounted"]
            self.assertEqual({one["bytes_sent"] for one in mounted}, {0})
            sent = sum(one["size"] for one in result.of("blob") if one["status"] == "uploaded")
            self.assertEqual(sum(one["bytes_sent"] for one in result.of("blob")), sent)

    def test_of_a_second_destination_are_mounted(self):
        archive = self.file(tar(docker_entries(make_image(5, "app:1"))))
        for registry in self.registries:
            one, two = (f"{registry.host}/{self.fresh()}" for _ in range(2))
            result = self.pushed(archive, "--to", f"{one}:1", "--to", f"{two}:1")
            self.assertEqual(len(set(result.references.values())), 1)
            uploaded, mounted = (
                {blob["digest"]: blob["repository"] for blob in result.of("blob") if blob["status"] == how}
                for how in ("uploaded", "mounted"))
            self.assertEqual(set(uploaded), set(mounted))
            self.assertEqual(len(uploaded), 3)
            for digest, repository in uploaded.items():
                self.assertEqual({repository, mounted[digest]}, {one, two})

    def test_a_layer_twice_in_an_image_goes_once(self):
        for name in ("docker20-dup-layers", "docker28-dup-layers"):
            archive = fixture(name)
            for registry in self.registries:
                result = self.pushed(archive.path, *archive.where(f"{registry.host}/{self.fresh()}"))
                self.assertEqual({one["uploaded"] for one in statuses(result).values()}, {1}, result)


if __name__ == "__main__":
    unittest.main()
