"""The embedded registry is killed again and again while images are pushed to it, and started on what it left.

After every restart each tag names an image that is whole, each blob has the digest it is named by, nothing half
written is left lying about, and skopeo reads the folder as an OCI layout. The moments are chosen by how much is in
the storage, from a seed that is printed, so that a run can be repeated.
"""
import contextlib
import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import unittest
from pathlib import Path

from harness import PATIENCE, Case, EmbeddedRegistry, Running, environment, needs, tarpon, wait_until
from images import Image, docker_entries, make_layer, tar

needs("skopeo")

KILLS, PUSHERS = 12, 4
# Of the server during 20 pushes at once; more by hand.
LARGE_KILLS, MANY = int(os.environ.get("TARPON_TEST_KILLS", "3")), 20
SEED = int(os.environ.get("TARPON_TEST_SEED", "1"))


def hash_of(path: Path) -> str:
    return hashlib.new(path.parent.name, path.read_bytes()).hexdigest()


def files_in(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))


class Crashes(Case):
    def setUp(self):
        super().setUp()
        # Collections go on all the time, with a grace that a push here does not exceed.
        self.registry = EmbeddedRegistry(self.folder / "registry", "--gc-interval", "1s", "--gc-grace", "2m", "--gc-untagged")
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
            with contextlib.suppress(FileNotFoundError):  # collected meanwhile
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

    def push_until_killed(self, files: int, archives: list[Path]) -> None:
        """Several pushes at once; the registry is killed when so many files are in its storage."""
        runs = [Running("push", "--json", archive, "--registry", self.registry.host, "--retries", "0", "--jobs", "2")
                for archive in archives]
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
                self.push_until_killed(files_in(self.registry.storage) + rounds.randint(1, 25), self.archives)
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

    def test_killed_during_twenty_pushes(self):
        """Of several repositories that share a layer; what is there afterwards is older than the grace, so that the
        collections of the next process have something to do."""
        rounds = random.Random(SEED)
        shared = make_layer(7, 100_000)
        for number in range(LARGE_KILLS):
            archives = []
            for i in range(MANY):
                own = make_layer(10_000 + MANY * number + i, 100_000)
                image = Image([shared, own], [f"team{i % 3}/app{i}:{number}"])
                archives.append(self.file(tar(docker_entries(image)), f"many{i}.tar"))
            with self.subTest(round=number):
                self.push_until_killed(files_in(self.registry.storage) + rounds.randint(5 * MANY, 10 * MANY), archives)
                self.make_old()
                self.registry.start()
                found = self.check_storage()
                print(f"round {number}: {len(found)} tags are whole", flush=True)

    def make_old(self) -> None:
        """As if all of it had been there for two days."""
        for path in self.registry.storage.rglob("*"):
            if path.is_file() and "uploads" not in path.parts:
                os.utime(path, (1_700_000_000, 1_700_000_000))

    def test_upload_goes_on_after_a_kill(self):
        """In the middle of a chunk; what the next process says it has is what it has."""
        data = random.Random(SEED).randbytes(3_000_000)
        name = "sha256:" + hashlib.sha256(data).hexdigest()
        location = self.registry.request("POST", "/v2/team/app/blobs/uploads/").headers["Location"]
        chunk = self.registry.request("PATCH", location, data[:1_000_000], {"Content-Range": "0-999999"})
        self.assertEqual((chunk.status, chunk.headers["Range"]), (202, "0-999999"))
        stored = self.registry.storage / "uploads" / location.rsplit("/", 1)[1] / "data"
        with socket.create_connection(tuple(self.registry.host.split(":")), timeout=PATIENCE) as client:
            client.sendall(f"PATCH {location} HTTP/1.1\r\nHost: {self.registry.host}\r\nContent-Length: 2000000\r\n\r\n"
                           .encode() + data[1_000_000:2_300_000])
            wait_until(lambda: stored.stat().st_size > 1_000_000, "a part of the chunk")
            self.registry.stop(signal.SIGKILL)
        self.registry.start()
        status = self.registry.request("GET", location)
        self.assertEqual(status.status, 204)
        stands = int(status.headers["Range"].removeprefix("0-")) + 1
        self.assertGreater(stands, 1_000_000)
        self.assertEqual(stored.read_bytes(), data[:stands])
        again = self.registry.request("PATCH", location, data[:10], {"Content-Range": "0-9"})
        self.assertEqual(again.status, 416)
        rest = self.registry.request("PATCH", location, data[stands:], {"Content-Range": f"{stands}-{len(data) - 1}"})
        self.assertEqual(rest.status, 202)
        self.assertEqual(self.registry.request("PUT", f"{location}?digest={name}").status, 201)
        self.assertEqual(self.registry.request("GET", f"/v2/team/app/blobs/{name}").body, data)

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
