"""docker (a real engine), podman and skopeo push to the embedded registry and pull from it; oras and crane by their requests.

An image ID is the digest of the image's config, and engines check every layer against it when they pull.
"""
from __future__ import annotations

import json
import subprocess
import unittest
from pathlib import Path

from docker_engine import Engine
from harness import PATIENCE, Case, EmbeddedRegistry, environment, needs, wait_until
from images import docker_entries, make_image, oci_entries, pull, sha256, tar

needs("dockerd", "containerd", "docker", "podman", "skopeo", root=True)


class Podman:
    """podman with storage of its own."""

    def __init__(self, folder: Path):
        folder.mkdir()
        self.folder = folder

    def run(self, *arguments: str) -> str:
        command = ["podman", f"--root={self.folder}/root", f"--runroot={self.folder}/run", f"--tmpdir={self.folder}/tmp",
                   "--storage-driver=vfs", "--events-backend=none", *arguments]
        done = subprocess.run(command, timeout=PATIENCE, capture_output=True,
                              env=environment({"HOME": str(self.folder), "TMPDIR": str(self.folder)}))
        assert done.returncode == 0, f"podman {' '.join(arguments)}: {done.stderr.decode()}"
        return done.stdout.decode().strip()

    def id(self, name: str) -> str:
        return "sha256:" + self.run("image", "inspect", "--format={{.Id}}", name).removeprefix("sha256:")


class RegistryClients(Case):
    def setUp(self):
        super().setUp()
        self.registry = self.enterContext(EmbeddedRegistry(self.folder / "registry"))
        self.image = make_image(5, "team/app:1", layers=3, size=200_000)
        self.archive = self.file(tar(docker_entries(self.image)))

    def name(self, path: str) -> str:
        return f"{self.registry.host}/{path}"

    def expect_in_registry(self, path: str) -> None:
        """Over HTTP, and from the folder, where skopeo looks for OCI types only."""
        pulled = pull(self.name(path), self.folder / self.fresh("pulled"))
        self.assertEqual(pulled.configs, [sha256(self.image.config)])
        index = self.registry.storage / "index.json"
        wait_until(lambda: f'"{path}"' in index.read_text(), f"{path} in index.json")
        if pulled.media_type.startswith("application/vnd.oci."):
            read = pull(f"{self.registry.storage}:{path}", self.folder / self.fresh("read"), "oci:")
            self.assertEqual(read, pulled)

    def test_docker(self):
        with Engine(self.folder / "engine") as engine:
            engine.run("load", "--input", str(self.archive))
            for path in ("team/app:1", "elsewhere/app:2"):  # the second one is mounted from the first
                engine.run("tag", "team/app:1", self.name(path))
                engine.run("push", "--quiet", self.name(path))
                self.expect_in_registry(path)
            engine.forget_all()
            for path in ("team/app:1", "elsewhere/app:2"):
                engine.run("pull", "--quiet", self.name(path))
                self.assertEqual(engine.id(self.name(path)), sha256(self.image.config))
            engine.forget_all()

    def test_podman(self):
        podman = Podman(self.folder / "podman")
        podman.run("load", "--quiet", "--input", str(self.archive))
        podman.run("tag", "localhost/team/app:1", self.name("team/app:1"))
        for form in ("oci", "v2s2"):
            podman.run("push", "--quiet", "--tls-verify=false", f"--format={form}", self.name("team/app:1"),
                       f"docker://{self.name(f'team/{form}:1')}")
            self.expect_in_registry(f"team/{form}:1")
        podman.run("rmi", "--all", "--force")
        for form in ("oci", "v2s2"):
            podman.run("pull", "--quiet", "--tls-verify=false", self.name(f"team/{form}:1"))
            self.assertEqual(podman.id(self.name(f"team/{form}:1")), sha256(self.image.config))
        podman.run("rmi", "--all", "--force")

    def skopeo(self, *arguments: str) -> str:
        done = subprocess.run(["skopeo", "--insecure-policy", *arguments], timeout=PATIENCE, capture_output=True,
                              text=True, env=environment())
        self.assertEqual(done.returncode, 0, f"skopeo {arguments}: {done.stderr}")
        return done.stdout

    def test_skopeo(self):
        oci = self.file(tar(oci_entries(self.image)), "oci.tar")
        plain = ("--quiet", "--dest-tls-verify=false")
        self.skopeo("copy", *plain, f"docker-archive:{self.archive}", f"docker://{self.name('from/docker:1')}")
        self.skopeo("copy", *plain, f"oci-archive:{oci}", f"docker://{self.name('from/oci:1')}")
        self.skopeo("copy", *plain, "--src-tls-verify=false", f"docker://{self.name('from/oci:1')}",
                    f"docker://{self.name('copied/oci:2')}")
        for path in ("from/docker:1", "from/oci:1", "copied/oci:2"):
            self.expect_in_registry(path)
        tags = json.loads(self.skopeo("list-tags", "--tls-verify=false", f"docker://{self.name('from/oci')}"))
        self.assertEqual(tags["Tags"], ["1"])
        self.skopeo("delete", "--tls-verify=false", f"docker://{self.name('from/oci:1')}")
        self.assertEqual(self.registry.tags("from/oci"), [])
        self.expect_in_registry("copied/oci:2")

    def test_like_oras_and_crane(self):
        """An artifact in one POST each, attached to an image; tags in pages; a copy by mounts."""
        self.skopeo("copy", "--quiet", "--dest-tls-verify=false", f"docker-archive:{self.archive}",
                    f"docker://{self.name('team/app:1')}")
        image = self.registry.manifest("team/app", "1")
        empty, document = b"{}", b'{"sbom": true}'
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "artifactType": "example/sbom",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": sha256(empty), "size": 2},
            "layers": [{"mediaType": "application/json", "digest": sha256(document), "size": len(document),
                        "annotations": {"org.opencontainers.image.title": "sbom.json"}}],
            "subject": {"mediaType": image.headers["Content-Type"], "digest": sha256(image.body), "size": len(image.body)},
        }).encode()
        for blob in (empty, document):
            self.assertEqual(self.registry.request("HEAD", f"/v2/team/app/blobs/{sha256(blob)}").status, 404)
            posted = self.registry.request("POST", f"/v2/team/app/blobs/uploads/?digest={sha256(blob)}", blob)
            self.assertEqual(posted.status, 201)
        kind = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}
        attached = self.registry.request("PUT", f"/v2/team/app/manifests/{sha256(manifest)}", manifest, kind)
        self.assertEqual((attached.status, attached.headers["OCI-Subject"]), (201, sha256(image.body)))
        found = self.registry.request("GET", f"/v2/team/app/referrers/{sha256(image.body)}?artifactType=example/sbom").json()
        self.assertEqual([one["digest"] for one in found["manifests"]], [sha256(manifest)])
        # crane copy: mounts, then the manifest.
        content = image.json()
        for blob in [content["config"], *content["layers"]]:
            mounted = self.registry.request("POST", f"/v2/copy/app/blobs/uploads/?mount={blob['digest']}&from=team/app")
            self.assertEqual(mounted.status, 201)
        put = self.registry.request("PUT", "/v2/copy/app/manifests/1", image.body,
                                    {"Content-Type": image.headers["Content-Type"]})
        self.assertEqual(put.status, 201)
        self.expect_in_registry("copy/app:1")


if __name__ == "__main__":
    unittest.main()
