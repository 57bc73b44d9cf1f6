"""What a real docker engine saves is pushed, and what it pulls back is the same image.

The engine is started here with folders and a socket of its own, without networks; containers are created, never run.
An image ID is the digest of the image's config, and the engine checks every layer against it when it pulls.
"""
import io
import json
import subprocess
import tarfile
import unittest
from pathlib import Path

from harness import PATIENCE, Background, RegistryCase, environment, needs, wait_until
from images import fixture, noise, without_host

needs("dockerd", "containerd", "docker", "docker-registry", root=True)


def rootfs(seed: int) -> bytes:
    """A small tree: files, a folder, links, a name of some length, a file without bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        def add(name, data=b"", kind=tarfile.REGTYPE, link=""):
            member = tarfile.TarInfo(name)
            member.size, member.type, member.linkname, member.mtime = len(data), kind, link, 1_700_000_000
            archive.addfile(member, io.BytesIO(data))

        add("etc", kind=tarfile.DIRTYPE)
        add("etc/motd", b"hello from %d\n" % seed * 5000)
        add("bin/tool", noise(seed, 1_500_000))
        add("bin/same", kind=tarfile.LNKTYPE, link="bin/tool")
        add("bin/other", kind=tarfile.SYMTYPE, link="tool")
        add("var/" + "long" * 40 + "/ü.txt", b"far down")
        add("empty")
    return out.getvalue()


class Engine:
    """A dockerd that shares nothing with another one on this machine."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir()
        self.socket = f"unix://{folder}/docker.sock"
        (folder / "daemon.json").write_text("{}")
        self.daemon: Background | None = None

    def start(self, driver: str) -> None:
        log = self.folder / f"log-{driver}"
        self.daemon = Background([
            "dockerd", "--bridge=none", "--iptables=false", "--ip6tables=false", f"--storage-driver={driver}",
            f"--host={self.socket}", f"--data-root={self.folder}/data", f"--exec-root={self.folder}/exec",
            f"--pidfile={self.folder}/pid", f"--config-file={self.folder}/daemon.json"], log)
        self.daemon.wait_for("API listen on")

    def __enter__(self):
        try:
            self.start("overlay2")
        except AssertionError:  # no overlay on this file system
            self.start("vfs")
        return self

    def __exit__(self, *_):
        self.daemon.stop()
        # Its containerd ends after it; the folders are in use until then.
        pid = self.folder / "exec/containerd/containerd.pid"
        wait_until(lambda: not pid.exists() or not Path("/proc", pid.read_text()).exists(), "the end of containerd")

    def run(self, *arguments, data: bytes | None = None) -> str:
        done = subprocess.run(["docker", f"--host={self.socket}", *arguments], input=data, timeout=PATIENCE,
                              capture_output=True, env=environment({"HOME": str(self.folder)}))
        assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr.decode()}"
        return done.stdout.decode().strip()

    def save(self, *names) -> subprocess.Popen:
        return subprocess.Popen(["docker", f"--host={self.socket}", "save", *names], stdout=subprocess.PIPE,
                                env=environment({"HOME": str(self.folder)}))

    def id(self, name: str) -> str:
        return self.run("image", "inspect", "--format={{.Id}}", name)

    def make_image(self, seed: int, *names: str) -> str:
        """Three layers: an imported tree and two commits on top of it."""
        image = self.run("import", "--change=CMD [\"/bin/tool\"]", "-", data=rootfs(seed))
        for number in range(2):
            container = self.run("create", image)
            self.run("cp", "-", f"{container}:/", data=rootfs(1000 * seed + number))
            image = self.run("commit", container)
            self.run("rm", container)
        for name in names:
            self.run("tag", image, name)
        return image

    def forget_all(self) -> None:
        self.run("image", "prune", "--all", "--force")
        assert not self.run("image", "ls", "--all", "--quiet")


class DockerEngine(RegistryCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.engine = cls.enterClassContext(Engine(cls.docker.folder.parent / "engine"))

    def tearDown(self):
        self.engine.forget_all()

    def pushed_from_pipe(self, names, *arguments):
        with self.engine.save(*names) as save:
            result = self.pushed("-", *arguments, stdin=save.stdout)
            save.stdout.close()
            self.assertEqual(save.wait(PATIENCE), 0)
        return result

    def pushed_from_file(self, names, *arguments):
        file = self.folder / f"{self.fresh('saved')}.tar"
        self.engine.run("save", "--output", str(file), *names)
        return self.pushed(file, *arguments)

    def expect_same_when_pulled(self, ids: dict[str, str], push, *options):
        """Pushes the images of `ids` (name -> ID) to both registries, and pulls them into an empty engine."""
        saved = self.folder / "all.tar"
        self.engine.run("save", "--output", str(saved), *ids)
        for registry in self.registries:
            with self.subTest(registry=type(registry).__name__, how=push.__name__, options=options):
                base = f"{registry.host}/{self.fresh()}"
                result = push(list(ids), "--registry", base, *options)
                self.assertEqual(set(result.references), {f"{base}/{name}" for name in ids})
                self.engine.forget_all()
                for reference in result.references:
                    self.engine.run("pull", "--quiet", reference)
                    self.assertEqual(self.engine.id(reference), ids[reference.removeprefix(base + "/")])
                    self.engine.run("rm", self.engine.run("create", reference))  # its layers can be stacked
                self.engine.forget_all()
                self.engine.run("load", "--input", str(saved))

    def make_two(self):
        one = self.engine.make_image(1, "one/app:1", "one/app:latest")
        return {"one/app:1": one, "one/app:latest": one, "two:v2": self.engine.make_image(2, "two:v2")}

    def test_saved_into_a_pipe(self):
        self.expect_same_when_pulled(self.make_two(), self.pushed_from_pipe)

    def test_saved_into_a_file(self):
        self.expect_same_when_pulled(self.make_two(), self.pushed_from_file)

    def test_docker_manifests_and_plain_layers(self):
        ids = self.make_two()
        for options in (("--format", "docker"), ("--compression", "none"), ("--compression-level", "9")):
            self.expect_same_when_pulled(ids, self.pushed_from_pipe, *options)

    def test_loaded_archives(self):
        for name in ("docker20-multi", "docker28-multi", "docker20-dup-layers", "podman-docker-archive"):
            archive = fixture(name)
            self.engine.run("load", "--input", str(archive.path))
            tags = [tag for one in json.loads(archive.entries["manifest.json"]) for tag in one["RepoTags"]]
            ids = {without_host(tag): self.engine.id(tag) for tag in tags}
            for tag in tags:
                self.engine.run("tag", tag, without_host(tag))
            self.expect_same_when_pulled(ids, self.pushed_from_pipe)
            self.engine.forget_all()

    def test_one_tag_under_another_name(self):
        image = self.engine.make_image(7, "app:1")
        for registry in self.registries:
            to = f"{registry.host}/{self.fresh()}/elsewhere:2"
            self.pushed_from_pipe(["app:1"], "--to", to)
            self.engine.run("pull", "--quiet", to)
            self.assertEqual(self.engine.id(to), image)

    def test_an_image_that_is_not_there(self):
        """docker save writes nothing and fails; so does the push."""
        with self.engine.save("no-such-image:1") as save:
            result = self.refused(3, "archive", "no data|empty", "-", "--registry", self.embedded.host,
                                  stdin=save.stdout)
        self.assertNotEqual(save.returncode, 0, result)


if __name__ == "__main__":
    unittest.main()
