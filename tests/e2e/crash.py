"""The embedded registry is killed again and again while images are pushed to it, and started on what it left.

After every restart each tag names an image that is whole, each blob has the digest it is named by, nothing half
written is left lying about, and skopeo reads the folder as an OCI layout. The moments are chosen by how much is in
the storage, from a seed that is printed, so that a run can be repeated.
"""
import hashlib
import json
import os
import random
import signal
import subprocess
import unittest
from pathlib import Path

from harness import PATIENCE, Case, EmbeddedRegistry, Running, environment, needs, tarpon, wait_until
from images import Image, docker_entries, make_layer, tar

needs("skopeo")

KILLS, PUSHERS = 12, 4
SEED = int(os.environ.get("TARPON_TEST_SEED", "1"))


def hash_of(path: Path) -> str:
    return hashlib.new(path.parent.name, path.read_bytes()).hexdigest()


def files_in(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))


class Crashes(Case):
    def setUp(self):
        super().setUp()
        self.registry = EmbeddedRegistry(self.folder / "registry")
        self.registry.start()
        self.addCleanup(lambda: self.registry.server and self.registry.stop())
        shared = make_layer(1, 400_000)
        self.archives = []
        for i in range(PUSHERS):
            images = [Image([shared, make_layer(10 * i + j + 2, 300_000)], [f"team/app{i}:{j}"]) for j in range(4)]
            self.archives.append(self.file(tar(docker_entries(*images)), f"{i}.tar"))

    def blobs(self) -> list[Path]:
        return [path for path in (self.registry.storage / "blobs").rglob("*") if path.is_file()]

    def check_manifest(self, repository: str, name: str) -> str:
        """Reads everything behind it through the API; its digest."""
        answer = self.registry.manifest(repository, name)
        self.assertEqual(answer.status, 200, (repository, name))
        digest = "sha256:" + hashlib.sha256(answer.body).hexdigest()
        self.assertEqual(answer.headers["Docker-Content-Digest"], digest)
        manifest = answer.json()
        for blob in [manifest["config"], *manifest["layers"]]:
            content = self.registry.request("GET", f"/v2/{repository}/blobs/{blob['digest']}")
            self.assertEqual((content.status, len(content.body)), (200, blob["size"]), blob)
            self.assertEqual("sha256:" + hashlib.sha256(content.body).hexdigest(), blob["digest"])
        return digest

    def check_storage(self) -> dict[str, str]:
        """Everything that must hold after any crash; reference -> digest."""
        storage = self.registry.storage
        for path in self.blobs():
            self.assertEqual(hash_of(path), path.name, path)
        self.assertEqual([path.name for path in storage.iterdir() if path.name.startswith(".tmp")], [])
        found = {}
        for repository in self.registry.request("GET", "/v2/_catalog").json()["repositories"]:
            for tag in self.registry.tags(repository):
                found[f"{repository}:{tag}"] = self.check_manifest(repository, tag)
        index = json.loads((storage / "index.json").read_text())
        named = {entry["annotations"]["org.opencontainers.image.ref.name"]: entry["digest"]
                 for entry in index["manifests"]}
        self.assertEqual(named, found)
        for name, digest in found.items():
            read = subprocess.run(["skopeo", "inspect", f"oci:{storage}:{name}"], capture_output=True, timeout=PATIENCE,
                                  env=environment())
            self.assertEqual(read.returncode, 0, read.stderr)
            self.assertEqual(json.loads(read.stdout)["Digest"], digest)
        return found

    def push_until_killed(self, files: int) -> None:
        """Several pushes at once; the registry is killed when so many files are in its storage."""
        runs = [Running("push", "--json", archive, "--registry", self.registry.host, "--retries", "0")
                for archive in self.archives]
        wait_until(lambda: files_in(self.registry.storage) >= files or all(run.process.poll() is not None for run in runs),
                   f"{files} files")
        self.registry.stop(signal.SIGKILL)
        for run in runs:
            with run:
                result = run.finish()
            self.assertIn(result.code, (0, 5, 6, 7), result)

    def test_killed_at_random_moments(self):
        rounds = random.Random(SEED)
        print(f"seed {SEED}", flush=True)
        for number in range(KILLS):
            with self.subTest(round=number):
                self.push_until_killed(files_in(self.registry.storage) + rounds.randint(1, 25))
                self.registry.start()
                self.check_storage()
        expected = {}
        for archive in self.archives:
            result = tarpon("push", "--json", archive, "--registry", self.registry.host)
            self.assertEqual(result.code, 0, result)
            expected.update({name.split("/", 1)[1]: digest for name, digest in result.references.items()})
        self.assertEqual(self.registry.stop(), 0)  # index.json is written by then
        self.registry.start()
        self.assertEqual(self.check_storage(), expected)

    def test_killed_process_leaves_names_that_the_next_one_can_use(self):
        """Process ids come back, in a container after every start: leftovers of the same number must not be in the way."""
        self.registry.stop(signal.SIGKILL)
        with EmbeddedRegistry(self.folder / "other") as other:
            number = other.server.process.pid
        for later in range(number, number + 400):
            for counter in range(3):
                (self.registry.storage / f".tmp-{later}-{counter}").write_bytes(b"left behind")
        self.registry.start()
        result = tarpon("push", self.archives[0], "--registry", self.registry.host)
        self.assertEqual(result.code, 0, result)


if __name__ == "__main__":
    unittest.main()
